#include "wire/members.h"

#include <math.h>

#define NUMBER 24 /* bytes of the longest, and more */

void member_begin(struct buf *out, const char *key)
{
	char last = out->n ? out->p[out->n - 1] : '{';

	if (last != '{' && last != '[')
		buf_putc(out, ',');
	if (!key)
		return;
	buf_putc(out, '"');
	buf_puts(out, key);
	buf_put(out, "\":", 2);
}

static void put_digits(struct buf *out, uint64_t n, int least)
{
	char digits[NUMBER], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n || digits + sizeof(digits) - p < least);
	buf_put(out, p, (size_t)(digits + sizeof(digits) - p));
}

static void put_sign(struct buf *out, bool negative)
{
	if (negative)
		buf_putc(out, '-');
}

void member_int(struct buf *out, const char *key, int64_t n)
{
	member_begin(out, key);
	put_sign(out, n < 0);
	put_digits(out, n < 0 ? -(uint64_t)n : (uint64_t)n, 1);
}

void member_seconds(struct buf *out, const char *key, double seconds)
{
	double micros = fabs(seconds) * 1e6 + 0.5;
	uint64_t n;

	member_begin(out, key);
	if (!(micros < 1e18)) { /* too large, or no number */
		buf_puts(out, "0.0");
		return;
	}
	n = (uint64_t)micros;
	put_sign(out, seconds < 0);
	put_digits(out, n / 1000000, 1);
	buf_putc(out, '.');
	put_digits(out, n % 1000000, 6);
}

void member_bool(struct buf *out, const char *key, bool v)
{
	member_begin(out, key);
	buf_puts(out, v ? "true" : "false");
}

void member_null(struct buf *out, const char *key)
{
	member_begin(out, key);
	buf_puts(out, "null");
}

void member_str(struct buf *out, const char *key, const char *s)
{
	if (s)
		member_bytes(out, key, bytes_str(s));
	else
		member_null(out, key);
}

void member_bytes(struct buf *out, const char *key, struct bytes b)
{
	member_begin(out, key);
	json_put_text(out, b);
}

void member_raw(struct buf *out, const char *key, struct bytes json)
{
	member_begin(out, key);
	buf_put(out, json.p, json.n);
}

void member_all(struct buf *out, struct json_object *obj)
{
	struct bytes text = json_bytes(obj);

	if (text.n > 2)
		member_raw(out, NULL,
			   bytes_of((const char *)text.p + 1, text.n - 2));
}
