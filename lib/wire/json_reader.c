#include "wire/json_reader.h"
#include "base/parse.h"
#include "wire/limits.h"

#define NOT_UTF8 "it is not UTF-8"
#define TOO_DEEP "it is nested too deep: 64 levels are too many"
#if LIMIT_JSON_DEPTH != 64
#error "it is said above"
#endif

#define BAD_NUMBER "a number is wrong, or has more than 64 bits"

static struct json_tokener *tokener(struct json_reader *r)
{
	if (!r->tok) {
		r->tok = json_tokener_new_ex(LIMIT_JSON_DEPTH);
		assert(r->tok);
		json_tokener_set_flags(
			r->tok, JSON_TOKENER_STRICT |
					JSON_TOKENER_ALLOW_TRAILING_CHARS);
	}
	return r->tok;
}

void json_reader_done(struct json_reader *r)
{
	if (r->tok)
		json_tokener_free(r->tok);
	*r = (struct json_reader){0};
}

static int give(struct json_reader *r, const char *p, size_t n,
		struct json_object **ret_o, const char **ret_why)
{
	struct json_tokener *tok = tokener(r);
	enum json_tokener_error err;

	*ret_o = json_tokener_parse_ex(tok, p, (int)n);
	err = json_tokener_get_error(tok);
	if (err == json_tokener_success)
		return 1;
	if (err == json_tokener_continue)
		return 0;
	if (err == json_tokener_error_depth)
		*ret_why = TOO_DEEP;
	else if (err == json_tokener_error_parse_number)
		*ret_why = BAD_NUMBER;
	else
		*ret_why = json_tokener_error_desc(err);
	return -EINVAL;
}

/* --- ASCII -------------------------------------------------------------- */

static bool is_ascii(char c)
{
	return (unsigned char)c < 0x80;
}

static void note_in_string(struct json_reader *r, char c)
{
	if (r->escaped)
		r->escaped = false;
	else if (c == '\\')
		r->escaped = true;
	else if (c == '"')
		r->string = false;
}

/* True: it ends an object or a list that is in no other. */
static bool note_outside(struct json_reader *r, char c)
{
	if (c == '"')
		r->string = true;
	else if (c == ':')
		r->members++;
	else if (c == '{' || c == '[')
		r->depth++;
	else if ((c == '}' || c == ']') && r->depth)
		return --r->depth == 0;
	return false;
}

/*
 * Up to the end of the value (what is behind it is looked at when it is read), or to
 * an apostrophe outside of strings: json-c takes 'names', JSON has none.
 */
static size_t good_run(struct json_reader *r, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && is_ascii(p[i]); i++) {
		if (r->string)
			note_in_string(r, p[i]);
		else if (p[i] == '\'')
			break;
		else if (note_outside(r, p[i]))
			return i + 1;
	}
	return i;
}

static int give_ascii(struct json_reader *r, const char *p, size_t *n,
		      struct json_object **ret_o, const char **ret_why)
{
	bool string = r->string, escaped = r->escaped;
	size_t members = r->members, depth = r->depth;
	size_t good = good_run(r, p, *n);
	int got = good ? give(r, p, good, ret_o, ret_why) : 0;

	if (got) {
		*n = min_u64(json_tokener_get_parse_end(r->tok), good);
		/* json-c takes the blanks that it sees behind a value, too. */
		while (got > 0 && *n && strchr(" \t\r\n", p[*n - 1]))
			--*n;
		/* What is behind it was no part of it. */
		r->members = members;
		r->depth = depth;
		r->string = string;
		r->escaped = escaped;
		(void)good_run(r, p, *n);
		r->string = r->escaped = false;
		r->depth = 0;
		return got;
	}
	if (good < *n && p[good] == '\'' && !r->string) {
		*ret_why = "JSON has double quotes, and no apostrophes";
		got = -EINVAL;
	}
	*n = good;
	return got;
}

/* --- other characters --------------------------------------------------- */

/* Whole: its length; 0: not yet; -EINVAL. */
static int add_part(struct json_reader *r, unsigned char c)
{
	unsigned char first;
	size_t want;

	r->part[r->nparts++] = (char)c;
	first = (unsigned char)r->part[0];
	want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc2 || first > 0xf4 ||
	    (r->nparts > 1 && (c & 0xc0) != 0x80))
		return -EINVAL;
	if (r->nparts < want)
		return 0;
	return utf8_char(r->part, want) == want ? (int)want : -EINVAL;
}

static size_t escape(const char *part, size_t len, char out[16])
{
	uint32_t c = (unsigned char)part[0] & (0xffu >> (len + 1));
	size_t i;

	for (i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)part[i] & 0x3f);
	if (c < 0x10000)
		return (size_t)snprintf(out, 16, "\\u%04x", c);
	c -= 0x10000;
	return (size_t)snprintf(out, 16, "\\u%04x\\u%04x", 0xd800 + (c >> 10),
				0xdc00 + (c & 0x3ff));
}

static int give_byte(struct json_reader *r, unsigned char c,
		     struct json_object **ret_o, const char **ret_why)
{
	int len = add_part(r, c);
	char out[16];

	/* Behind a backslash the escape would be a text. */
	*ret_why = r->escaped ? "invalid string sequence" : NOT_UTF8;
	if (len < 0 || r->escaped)
		return -EINVAL;
	if (len == 0)
		return 0;
	r->nparts = 0;
	return give(r, out, escape(r->part, (size_t)len, out), ret_o, ret_why);
}

int json_reader_take(struct json_reader *r, struct bytes text, size_t *ret_n,
		     struct json_object **ret_o, const char **ret_why)
{
	const char *p = text.p;
	size_t i = 0, n;
	int got = 0;

	*ret_o = NULL;
	while (i < text.n && got == 0) {
		n = r->nparts || !is_ascii(p[i]) ? 0 : text.n - i;
		if (n) {
			got = give_ascii(r, p + i, &n, ret_o, ret_why);
			i += n;
		} else {
			got = give_byte(r, (unsigned char)p[i], ret_o, ret_why);
			i += got >= 0;
		}
	}
	*ret_n = i;
	return got;
}
