/*
 * buf.h: bytes that grow.
 *
 * A struct buf owns its memory: BUF_INIT (or zeroes) to begin, buf_done() to
 * end. Contents may hold zero bytes; buf_str() adds a terminator that does not
 * count. Growing cannot fail (see base.h); whoever appends bytes from outside
 * checks their limit first.
 */
#ifndef TASKFS_BUF_H
#define TASKFS_BUF_H

#include "base/base.h"

struct buf {
	char *p;
	size_t n;	/* bytes in use */
	size_t room;	/* bytes allocated */
};

#define BUF_INIT {0}

void buf_done(struct buf *b);
/* Empty, memory kept. */
void buf_clear(struct buf *b);
/* Room for `more` bytes behind the end; returns where they go. */
char *buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	printf_like(2, 0);
/* Drop n bytes from the front. */
void buf_shift(struct buf *b, size_t n);
/* Shorten to n bytes; n is at most b->n. */
void buf_cut(struct buf *b, size_t n);
/* The contents with a NUL behind them; valid until the next change. */
const char *buf_str(struct buf *b);
/* The memory, NUL-terminated, now the caller's to free(); b is empty. */
char *buf_take(struct buf *b);

static inline struct bytes buf_bytes(const struct buf *b)
{
	return bytes_of(b->p, b->n);
}

/*
 * Text from somewhere else, for a log or an error message: control bytes and
 * invalid UTF-8 come out as \xNN, at most `limit` bytes of input are shown.
 */
void buf_put_escaped(struct buf *b, struct bytes text, size_t limit);
/*
 * Bytes as one field of a line whose fields end with tabs: \\ \t \n \r, and \0NNN
 * (octal) for other control bytes, as printf's %b reads it. A zero byte ends an item:
 * it is a newline. All else stays as it is.
 */
void buf_put_field(struct buf *b, struct bytes text);
/* By how many bytes that is longer than the text. */
size_t field_growth(struct bytes text);
/* Text from somewhere else; bytes that are no UTF-8 come as U+FFFD. */
void buf_put_utf8(struct buf *b, struct bytes text);

/* Takes out what only colours a terminal: ECMA-48's control sequences (CSI). */
void buf_strip_colours(struct buf *b);

#endif
