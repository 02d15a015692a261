#include "markup.h"
#include "base/parse.h"

/* A character that XML allows in a document. */
static bool is_xml(const unsigned char *p, size_t n)
{
	if (n == 1)
		return (*p >= ' ' && *p != 0x7f) || *p == '\n' || *p == '\t';
	/* U+FFFE and U+FFFF are none. */
	return n > 0 && !(n == 3 && p[0] == 0xef && p[1] == 0xbf &&
			  p[2] >= 0xbe);
}

void markup_put(struct buf *out, struct bytes text)
{
	static const struct {
		char c;
		const char *name;
	} names[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"},
		     {'"', "&quot;"}, {'\'', "&#39;"}};
	const unsigned char *p = text.p;
	size_t i = 0, k, n;

	for (; i < text.n; i += n) {
		n = utf8_char(p + i, text.n - i);
		for (k = 0; k < ARRAY_SIZE(names); k++)
			if (p[i] == (unsigned char)names[k].c)
				break;
		if (k < ARRAY_SIZE(names))
			buf_puts(out, names[k].name);
		else if (is_xml(p + i, n))
			buf_put(out, p + i, n);
		else
			buf_puts(out, "\xef\xbf\xbd");
		n = n ? n : 1;
	}
}
