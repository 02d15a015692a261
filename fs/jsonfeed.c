#include "base/base.h"
#include "jsonfeed.h"
#include "wire/limits.h"

void jsonfeed_reset(struct jsonfeed *j)
{
	if (j->tok)
		json_tokener_reset(j->tok);
	j->inside = false;
	j->bytes = 0;
	j->count = 0;
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
					JSON_TOKENER_VALIDATE_UTF8 |
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
	n = json_tokener_get_parse_end(tok);
	take(text, min_u64(n, text->n));
	j->bytes += n;
	if (j->bytes > LIMIT_JSON) {
		json_object_put(*ret_o);
		*ret_o = NULL;
		buf_puts(why, "it is too long");
		return -EFBIG;
	}
	if (err == json_tokener_continue)
		return 0;
	if (err != json_tokener_success) {
		buf_puts(why, json_tokener_error_desc(err));
		return -EINVAL;
	}
	j->inside = false;
	j->count++;
	return 1;
}
