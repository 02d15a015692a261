#include "base/buf.h"
#include "base/parse.h"

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *b)
{
	b->n = 0;
}

/* What is written at once gets the room it needs; what grows, more than that. */
#define GROWS_TO 256

static void grow(struct buf *b, size_t need)
{
	size_t more = b->room ? max_u64(GROWS_TO, b->room + b->room / 2) : 0;

	b->room = max_u64(need, more);
	b->p = xrealloc(b->p, b->room);
}

char *buf_reserve(struct buf *b, size_t more)
{
	size_t need = b->n + more;

	assert(need >= more);
	if (need > b->room)
		grow(b, need);
	return b->p + b->n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_reserve(b, n), p, n);
	b->n += n;
}

void buf_puts(struct buf *b, const char *s)
{
	assert(s);
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	size_t room;
	int n;

	va_copy(again, ap);
	buf_reserve(b, 64);
	room = b->room - b->n;
	n = vsnprintf(b->p + b->n, room, fmt, ap);
	assert(n >= 0);
	if ((size_t)n >= room) {
		buf_reserve(b, (size_t)n + 1);
		n = vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
	}
	b->n += (size_t)n;
	va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_shift(struct buf *b, size_t n)
{
	assert(n <= b->n);
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void buf_cut(struct buf *b, size_t n)
{
	assert(n <= b->n);
	b->n = n;
}

const char *buf_str(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return b->p;
}

char *buf_take(struct buf *b)
{
	char *p;

	buf_str(b);
	p = b->p;
	*b = (struct buf)BUF_INIT;
	return p;
}

void buf_put_escaped(struct buf *b, struct bytes text, size_t limit)
{
	const unsigned char *p = text.p;
	size_t n = min_u64(text.n, limit);
	size_t i = 0;

	while (i < n) {
		size_t len = utf8_char(p + i, n - i);

		if (len == 0 || p[i] < 0x20 || p[i] == 0x7f) {
			buf_printf(b, "\\x%02x", p[i]);
			i++;
			continue;
		}
		buf_put(b, p + i, len);
		i += len;
	}
	if (n < text.n)
		buf_puts(b, "...");
}

void buf_put_utf8(struct buf *b, struct bytes text)
{
	const char *p = text.p;
	size_t i = 0;

	while (i < text.n) {
		size_t len = utf8_char(p + i, text.n - i);

		if (len)
			buf_put(b, p + i, len);
		else
			buf_puts(b, "\xef\xbf\xbd");
		i += len ? len : 1;
	}
}

void buf_strip_colours(struct buf *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->n; i++) {
		if (b->p[i] != '\033' || i + 1 >= b->n || b->p[i + 1] != '[') {
			b->p[n++] = b->p[i];
			continue;
		}
		for (i += 2; i < b->n && (unsigned char)b->p[i] < 0x40; i++)
			;
	}
	buf_cut(b, n);
}
