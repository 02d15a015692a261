#include "format.h"
#include "wire/ids.h"

#define TEXT_LIMIT 4096 /* bytes of foreign text that are shown */

int format_word(struct buf *out, const char *word)
{
	buf_puts(out, word);
	buf_putc(out, '\n');
	return 0;
}

int format_text(struct buf *out, const char *s)
{
	if (!s)
		return 0;
	buf_put_escaped(out, bytes_str(s), TEXT_LIMIT);
	buf_putc(out, '\n');
	return 0;
}

int format_number(struct buf *out, int64_t n)
{
	buf_printf(out, "%lld\n", (long long)n);
	return 0;
}

int format_seconds(struct buf *out, int64_t usec)
{
	if (usec < 0)
		usec = 0;
	buf_printf(out, "%lld.%06d\n", (long long)(usec / 1000000),
		   (int)(usec % 1000000));
	return 0;
}

int format_time(struct buf *out, int64_t usec)
{
	char date[DATE_SIZE];

	if (!usec)
		return 0;
	date_format(usec, date);
	return format_word(out, date);
}
