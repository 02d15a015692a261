#include "base/base.h"
#include "jsonfeed.h"
#include "base/parse.h"
#include "wire/limits.h"

/* A reset of the tokener would keep half a surrogate pair. */
void jsonfeed_reset(struct jsonfeed *j)
{
	jsonfeed_done(j);
}

void jsonfeed_done(struct jsonfeed *j)
{
	if (j->tok)
		json_tokener_free(j->tok);
	*j = (struct jsonfeed){0};
}

static struct json_tokener *tokener(struct jsonfeed *j)
{
	if (!j->tok) {
		j->tok = json_tokener_new_ex(LIMIT_JSON_DEPTH);
		assert(j->tok);
		json_tokener_set_flags(
			j->tok, JSON_TOKENER_STRICT |
					JSON_TOKENER_ALLOW_TRAILING_CHARS);
	}
	return j->tok;
}

static void take(struct bytes *text, size_t n)
{
	text->p = (const char *)text->p + n;
	text->n -= n;
}

static void skip_blanks(struct bytes *text)
{
	while (text->n && strchr(" \t\r\n", *(const char *)text->p) &&
	       *(const char *)text->p)
		take(text, 1);
}

/*
 * json-c would check UTF-8 itself, but takes a character that is cut in two
 * by the end of a piece for a mistake.
 */
static bool is_utf8(struct jsonfeed *j, struct bytes b)
{
	const char *p = b.p, *end = p + b.n;
	size_t len;

	for (; p < end && j->nparts; p++) {
		j->part[j->nparts++] = *p;
		if (utf8_char(j->part, j->nparts))
			j->nparts = 0;
		else if (j->nparts == sizeof(j->part))
			return false;
	}
	len = utf8_whole(bytes_of(p, (size_t)(end - p)));
	j->nparts = j->nparts ? j->nparts : (size_t)(end - p) - len;
	memcpy(j->part, p + len, (size_t)(end - p) - len);
	return utf8_valid(bytes_of(p, len));
}

static int begin(struct jsonfeed *j, struct bytes *text, struct buf *why)
{
	skip_blanks(text);
	if (text->n == 0)
		return 0;
	if (*(const char *)text->p != '{') {
		buf_puts(why, j->count ? "behind an object only another may "
					 "follow"
				       : "a task must be a JSON object");
		return -EINVAL;
	}
	j->inside = true;
	j->bytes = 0;
	return 1;
}

/* What the piece that was taken makes of the object; as jsonfeed_next(). */
static int check(struct jsonfeed *j, struct bytes taken,
		 enum json_tokener_error err, struct buf *why)
{
	bool over = err != json_tokener_continue;

	j->bytes += taken.n;
	if (j->bytes > LIMIT_JSON) {
		buf_puts(why, "it is too long");
		return -EFBIG;
	}
	if (over && err != json_tokener_success) {
		buf_puts(why, json_tokener_error_desc(err));
		return -EINVAL;
	}
	if (!is_utf8(j, taken) || (over && j->nparts)) {
		buf_puts(why, "it is not UTF-8");
		return -EINVAL;
	}
	return over;
}

int jsonfeed_next(struct jsonfeed *j, struct bytes *text,
		  struct json_object **ret_o, struct buf *why)
{
	struct json_tokener *tok = tokener(j);
	enum json_tokener_error err;
	size_t n;
	int got = 1;

	if (!j->inside)
		got = begin(j, text, why);
	if (got <= 0)
		return got;
	n = min_u64(text->n, LIMIT_JSON + 1);
	*ret_o = json_tokener_parse_ex(tok, text->p, (int)n);
	err = json_tokener_get_error(tok);
	n = min_u64(json_tokener_get_parse_end(tok), text->n);
	got = check(j, bytes_of(text->p, n), err, why);
	take(text, n);
	if (got < 0) {
		json_object_put(*ret_o);
		*ret_o = NULL;
	} else if (got > 0) {
		j->inside = false;
		j->count++;
	}
	return got;
}
