#include "base/base.h"
#include "wire/scan.h"
#include "base/buf.h"
#include "base/parse.h"
#include "wire/limits.h"

struct cursor {
	const char *p, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' ||
				 *c->p == '\t' || *c->p == '\r'))
		c->p++;
}

static bool take(struct cursor *c, char want)
{
	skip_blanks(c);
	if (c->p == c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

/* --- passing over values ------------------------------------------------ */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

static bool skip_escape(struct cursor *c)
{
	int i;

	if (c->p == c->end)
		return false;
	if (*c->p != 'u')
		return *c->p && strchr("\"\\/bfnrt", *c->p++) != NULL;
	if (c->end - c->p < 5)
		return false;
	for (i = 1; i <= 4; i++)
		if (!is_hex(c->p[i]))
			return false;
	c->p += 5;
	return true;
}

#define ONES UINT64_C(0x0101010101010101)

/* Eight bytes at a time, as long as none of them is special in a string. */
static void skip_plain(struct cursor *c)
{
	uint64_t w, quote, slash;

	for (; c->end - c->p >= 8; c->p += 8) {
		memcpy(&w, c->p, 8);
		quote = w ^ ONES * '"';
		slash = w ^ ONES * '\\';
		/* The top bit of a byte that is below 0x20, or zero. That of others
		 * may be set, too: those are looked at one by one. */
		if (((w - ONES * 0x20) | (quote - ONES) | (slash - ONES)) &
		    ONES << 7)
			return;
	}
}

/* Behind the opening quote. */
static bool skip_string(struct cursor *c)
{
	skip_plain(c);
	while (c->p < c->end) {
		unsigned char b = (unsigned char)*c->p++;

		if (b == '"')
			return true;
		if (b < 0x20 || (b == '\\' && !skip_escape(c)))
			return false;
	}
	return false;
}

static size_t skip_digits(struct cursor *c)
{
	const char *from = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return (size_t)(c->p - from);
}

static bool skip_number(struct cursor *c)
{
	const char *from;

	if (*c->p == '-')
		c->p++;
	from = c->p;
	if (!skip_digits(c) || (*from == '0' && c->p - from > 1))
		return false;
	if (c->p < c->end && *c->p == '.') {
		c->p++;
		if (!skip_digits(c))
			return false;
	}
	if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
		c->p++;
		if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
			c->p++;
		return skip_digits(c) > 0;
	}
	return true;
}

static bool skip_word(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
		return false;
	c->p += n;
	return true;
}

static bool skip_value(struct cursor *c, unsigned depth);

/* Behind the opening bracket. */
static bool skip_inside(struct cursor *c, char close, unsigned depth)
{
	if (depth > LIMIT_JSON_DEPTH)
		return false;
	if (take(c, close))
		return true;
	do {
		if (close == '}' && (!take(c, '"') || !skip_string(c) ||
				     !take(c, ':')))
			return false;
		if (!skip_value(c, depth))
			return false;
	} while (take(c, ','));
	return take(c, close);
}

static bool skip_value(struct cursor *c, unsigned depth)
{
	skip_blanks(c);
	if (c->p == c->end)
		return false;
	switch (*c->p) {
	case '{':
		c->p++;
		return skip_inside(c, '}', depth + 1);
	case '[':
		c->p++;
		return skip_inside(c, ']', depth + 1);
	case '"':
		c->p++;
		return skip_string(c);
	case 't':
		return skip_word(c, "true");
	case 'f':
		return skip_word(c, "false");
	case 'n':
		return skip_word(c, "null");
	default:
		return skip_number(c);
	}
}

static struct cursor cursor_of(struct bytes text)
{
	const char *p = text.n ? text.p : "";

	return (struct cursor){p, p + text.n};
}

bool scan_valid(struct bytes text)
{
	struct cursor c = cursor_of(text);

	if (!skip_value(&c, 0))
		return false;
	skip_blanks(&c);
	return c.p == c.end;
}

/* --- objects and arrays ------------------------------------------------- */

static bool begin(struct scan *s, struct bytes value, char open, char close)
{
	struct cursor c = cursor_of(value);

	*s = (struct scan){0};
	if (!take(&c, open))
		return false;
	s->rest = bytes_of(c.p, (size_t)(c.end - c.p));
	s->close = close;
	return true;
}

bool scan_object(struct scan *s, struct bytes value)
{
	return begin(s, value, '{', '}');
}

bool scan_array(struct scan *s, struct bytes value)
{
	return begin(s, value, '[', ']');
}

static bool over(struct scan *s, bool bad)
{
	s->close = 0;
	s->bad |= bad;
	return false;
}

/* To the next member or element. */
static bool next(struct scan *s, struct cursor *c)
{
	*c = cursor_of(s->rest);
	if (!s->close)
		return false;
	if (take(c, s->close))
		return over(s, false);
	if (s->begun && !take(c, ','))
		return over(s, true);
	s->begun = true;
	skip_blanks(c);
	return true;
}

static bool value_at(struct scan *s, struct cursor *c, struct bytes *ret_value)
{
	const char *from;

	skip_blanks(c);
	from = c->p;
	if (!skip_value(c, 0))
		return over(s, true);
	*ret_value = bytes_of(from, (size_t)(c->p - from));
	s->rest = bytes_of(c->p, (size_t)(c->end - c->p));
	return true;
}

bool scan_member(struct scan *s, struct bytes *ret_key,
		 struct bytes *ret_value)
{
	struct cursor c;
	const char *from;

	if (!next(s, &c))
		return false;
	from = c.p + 1;
	if (!take(&c, '"') || !skip_string(&c))
		return over(s, true);
	*ret_key = bytes_of(from, (size_t)(c.p - 1 - from));
	if (!take(&c, ':'))
		return over(s, true);
	return value_at(s, &c, ret_value);
}

bool scan_element(struct scan *s, struct bytes *ret_value)
{
	struct cursor c;

	return next(s, &c) && value_at(s, &c, ret_value);
}

/* --- values ------------------------------------------------------------- */

bool scan_is_null(struct bytes value)
{
	return bytes_is(value, "null");
}

bool scan_int(struct bytes value, int64_t *ret_n)
{
	return parse_i64(value, INT64_MIN, INT64_MAX, ret_n) == 0;
}

bool scan_real(struct bytes value, double *ret_x)
{
	return parse_double(value, -1e300, 1e300, ret_x) == 0;
}

bool scan_bool(struct bytes value, bool *ret_b)
{
	bool yes = bytes_is(value, "true");

	if (!yes && !bytes_is(value, "false"))
		return false;
	*ret_b = yes;
	return true;
}

bool scan_plain(struct bytes value, struct bytes *ret_text)
{
	const char *p = value.p;

	if (value.n < 2 || *p != '"' || memchr(p, '\\', value.n))
		return false;
	*ret_text = bytes_of(p + 1, value.n - 2);
	return true;
}

static unsigned hex4(const char *p)
{
	char text[5] = {p[0], p[1], p[2], p[3], 0};

	return (unsigned)strtoul(text, NULL, 16);
}

static void put_char(struct buf *b, unsigned c)
{
	if (c >= 0x10000) {
		buf_putc(b, (char)(0xf0 | c >> 18));
		buf_putc(b, (char)(0x80 | (c >> 12 & 0x3f)));
	} else if (c >= 0x800) {
		buf_putc(b, (char)(0xe0 | c >> 12));
	}
	if (c >= 0x800)
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	else if (c >= 0x80)
		buf_putc(b, (char)(0xc0 | c >> 6));
	buf_putc(b, (char)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
}

/* Behind \u; a pair of surrogates is one character, half of one U+FFFD. */
static const char *put_unicode(struct buf *b, const char *p, const char *end)
{
	unsigned c = hex4(p), low;

	p += 4;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' &&
	    p[1] == 'u') {
		low = hex4(p + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			put_char(b, 0x10000 + ((c - 0xd800) << 10) +
					    (low - 0xdc00));
			return p + 6;
		}
	}
	put_char(b, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return p;
}

/* Between the quotes of a string that was passed over, so it is well-formed. */
static void put_unescaped(struct buf *b, const char *p, const char *end)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

	while (p < end) {
		const char *at;

		if (*p != '\\') {
			buf_putc(b, *p++);
			continue;
		}
		p++;
		if (*p == 'u') {
			p = put_unicode(b, p + 1, end);
			continue;
		}
		at = strchr(from, *p);
		buf_putc(b, at ? to[at - from] : *p);
		p++;
	}
}

char *scan_text(struct bytes value)
{
	struct buf b = BUF_INIT;
	struct bytes plain;
	const char *p = value.p;

	if (scan_plain(value, &plain))
		return xmemdup_nul(plain.p, plain.n);
	if (value.n < 2 || *p != '"' || !scan_valid(value))
		return NULL;
	put_unescaped(&b, p + 1, p + value.n - 1);
	return buf_take(&b);
}

/* --- fields ------------------------------------------------------------- */

static void set(const struct field *f, void *into, struct bytes v)
{
	void *at = (char *)into + f->at;
	bool null = scan_is_null(v);
	char *text;
	int64_t n;

	switch (f->type) {
	case FIELD_INT:
		if (null)
			*(int64_t *)at = f->null;
		else if (scan_int(v, &n) && n >= 0)
			*(int64_t *)at = n;
		break;
	case FIELD_REAL:
		(void)!scan_real(v, at);
		break;
	case FIELD_BOOL:
		(void)!scan_bool(v, at);
		break;
	case FIELD_TEXT:
		text = scan_text(v);
		if (text || null) {
			free(*(char **)at);
			*(char **)at = text;
		}
		break;
	case FIELD_SPAN:
		*(struct bytes *)at = v;
		break;
	}
}

/* Most messages have the table's order: look there first. */
static const struct field *find(const struct field *fields,
				const struct field *after, struct bytes key)
{
	const struct field *f;

	for (f = after; f->name; f++)
		if (bytes_is(key, f->name))
			return f;
	for (f = fields; f != after; f++)
		if (bytes_is(key, f->name))
			return f;
	return NULL;
}

bool scan_fields(struct bytes object, const struct field *fields, void *into)
{
	const struct field *f, *after = fields;
	struct bytes key, value;
	struct scan s;

	if (!scan_object(&s, object))
		return false;
	while (scan_member(&s, &key, &value)) {
		f = find(fields, after, key);
		if (!f)
			continue;
		set(f, into, value);
		after = f + 1;
	}
	return !s.bad;
}
