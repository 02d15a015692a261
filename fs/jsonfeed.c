#include "base/base.h"
#include "jsonfeed.h"
#include "wire/limits.h"

void jsonfeed_reset(struct jsonfeed *j)
{
	jsonfeed_done(j);
}

void jsonfeed_done(struct jsonfeed *j)
{
	json_reader_done(&j->reader);
	*j = (struct jsonfeed){0};
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
	const char *mistake;
	size_t n;
	int got = 1;

	if (!j->inside)
		got = begin(j, text, why);
	if (got <= 0)
		return got;
	n = min_u64(text->n, LIMIT_JSON + 1);
	got = json_reader_take(&j->reader, bytes_of(text->p, n), &n, ret_o,
			       &mistake);
	take(text, n);
	j->bytes += n;
	if (j->bytes > LIMIT_JSON) {
		got = -EFBIG;
		mistake = "it is too long";
	}
	if (got < 0) {
		buf_puts(why, mistake);
		json_object_put(*ret_o);
		*ret_o = NULL;
	} else if (got > 0) {
		j->inside = false;
		j->count++;
	}
	return got;
}
