#include "wire/out_path.h"

static bool take_append(struct bytes *text)
{
	const char *p = text->p;
	size_t n = 2;

	if (text->n < 2 || memcmp(p, ">>", 2) != 0)
		return false;
	while (n < text->n && p[n] == ' ')
		n++;
	*text = bytes_of(p + n, text->n - n);
	return true;
}

/* The letter behind the next %, '\0' when it is none of the letters; -1: there is no %.
 * What stands before it is put. */
static int next_letter(struct bytes *text, struct buf *out)
{
	const char *p = text->p, *at = text->n ? memchr(p, '%', text->n) : NULL;
	size_t n = at ? (size_t)(at - p) : text->n;
	bool more = n + 1 < text->n;

	if (out)
		buf_put(out, p, n);
	n += at ? 1 + (size_t)more : 0;
	*text = bytes_of(p + n, text->n - n);
	if (!at)
		return -1;
	return more && memchr("in%", at[1], 3) ? at[1] : '\0';
}

bool out_path_ok(struct bytes text)
{
	int letter;

	(void)take_append(&text);
	if (!text.n)
		return false;
	while ((letter = next_letter(&text, NULL)) > 0)
		;
	return letter < 0;
}

bool out_path_is_for_many(struct bytes text)
{
	int letter;

	if (take_append(&text))
		return true;
	while ((letter = next_letter(&text, NULL)) > 0)
		if (letter == 'n')
			return true;
	return false;
}

bool out_path_put(struct bytes text, uint64_t result, uint64_t task,
		  struct buf *out)
{
	bool append = take_append(&text);
	int letter;

	while ((letter = next_letter(&text, out)) >= 0) {
		if (letter == 'i')
			buf_printf(out, "%llu", (unsigned long long)result);
		else if (letter == 'n')
			buf_printf(out, "%llu", (unsigned long long)task);
		else
			buf_putc(out, '%');
	}
	return append;
}
