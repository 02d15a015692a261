#include "base/base.h"
#include "wire/jsonfeed.h"
#include "base/parse.h"
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

/* --- places ------------------------------------------------------------- */

static void keep_near(struct jsonfeed *j, const char *p, size_t n)
{
	size_t kept;

	if (n > sizeof(j->near)) {
		p += n - sizeof(j->near);
		n = sizeof(j->near);
	}
	kept = min_u64(j->nnear, sizeof(j->near) - n);
	memmove(j->near, j->near + j->nnear - kept, kept);
	memcpy(j->near + kept, p, n);
	j->nnear = kept + n;
}

static void take(struct jsonfeed *j, struct bytes *text, size_t n)
{
	const char *p = text->p, *end, *line;

	if (!n)
		return;
	end = p + n;
	while (p < end && (line = memchr(p, '\n', (size_t)(end - p)))) {
		j->lines++;
		j->column = 0;
		j->nnear = 0;
		p = line + 1;
	}
	keep_near(j, p, (size_t)(end - p));
	for (; p < end; p++)
		j->column += (*p & 0xc0) != 0x80;
	text->p = end;
	text->n -= n;
}

/* A cut character would look like a mistake. */
static struct bytes whole_characters(struct bytes b)
{
	const char *p = b.p;

	while (b.n && (*p & 0xc0) == 0x80)
		p++, b.n--;
	while (b.n && (p[b.n - 1] & 0xc0) == 0x80)
		b.n--;
	if (b.n && (p[b.n - 1] & 0x80))
		b.n--;
	return bytes_of(p, b.n);
}

/* The mistake is at the beginning of `rest`, of which more may come. */
static void put_place(const struct jsonfeed *j, struct bytes rest,
		      const char *mistake, struct buf *why)
{
	size_t n = min_u64(rest.n, JSONFEED_NEAR);
	const char *end = n ? memchr(rest.p, '\n', n) : NULL;
	struct buf near = BUF_INIT;
	struct bytes shown;

	buf_printf(why, "line %llu, column %llu: %s",
		   (unsigned long long)j->lines + 1,
		   (unsigned long long)j->column + 1, mistake);
	buf_put(&near, j->near, j->nnear);
	buf_put(&near, rest.p, end ? (size_t)(end - (const char *)rest.p) : n);
	shown = parse_trim(whole_characters(buf_bytes(&near)));
	if (shown.n) {
		buf_puts(why, JSONFEED_SHOWS);
		buf_put_escaped(why, shown, shown.n);
	}
	buf_done(&near);
}

void jsonfeed_unended(const struct jsonfeed *j, struct buf *why)
{
	buf_printf(why, "the text ends within the JSON object that began in "
			"line %llu", (unsigned long long)j->began + 1);
}

/* --- objects ------------------------------------------------------------ */

/* A place would say nothing: the limit is what was met there. */
static void put_limit(struct buf *why)
{
	buf_printf(why,
		   "an object has at most %lu MiB; a draft (mkdir tasks/NAME) "
		   "takes %lu MiB of stdin, and %lu MiB of map",
		   LIMIT_JSON / MIB, LIMIT_STDIN / MIB, LIMIT_MAP / MIB);
}

/* At the beginning of the text, it may have been meant as a script. */
static void put_mistake(const struct jsonfeed *j, struct bytes rest,
			const char *mistake, struct buf *why)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, mistake);
	if (!j->count && !j->named)
		buf_puts(&b, "; a text that begins with { is JSON: begin a "
			     "script with #!/bin/sh");
	put_place(j, rest, buf_str(&b), why);
	buf_done(&b);
}

static void skip_blanks(struct jsonfeed *j, struct bytes *text)
{
	const char *p = text->p;
	size_t n = 0;

	while (n < text->n && p[n] && strchr(" \t\r\n", p[n]))
		n++;
	take(j, text, n);
}

static int begin(struct jsonfeed *j, struct bytes *text, struct buf *why)
{
	skip_blanks(j, text);
	if (text->n == 0)
		return 0;
	if (*(const char *)text->p != '{') {
		put_place(j, *text, j->count ? "behind an object only another "
					       "may follow"
					     : "a task must be a JSON object",
			  why);
		return -EINVAL;
	}
	j->inside = true;
	j->bytes = 0;
	j->named = false;
	j->began = j->lines;
	return 1;
}

/* Of the value, and of all in it. */
static size_t count_members(struct json_object *v)
{
	size_t i, n = 0;

	if (json_object_is_type(v, json_type_array)) {
		for (i = 0; i < json_object_array_length(v); i++)
			n += count_members(json_object_array_get_idx(v, i));
	} else if (json_object_is_type(v, json_type_object)) {
		n = (size_t)json_object_object_length(v);
		json_object_object_foreach(v, name, member) {
			(void)name;
			n += count_members(member);
		}
	}
	return n;
}

int jsonfeed_next(struct jsonfeed *j, struct bytes *text,
		  struct json_object **ret_o, struct buf *why)
{
	const char *mistake;
	size_t n;
	int got = 1;

	if (!j->inside) {
		j->reader.members = 0;
		got = begin(j, text, why);
	}
	if (got <= 0)
		return got;
	n = min_u64(text->n, LIMIT_JSON + 1);
	got = json_reader_take(&j->reader, bytes_of(text->p, n), &n, ret_o,
			       &mistake);
	if (got > 0 && j->reader.members > count_members(*ret_o)) {
		mistake = "an object has two members of one name";
		got = -EINVAL;
	}
	j->named |= n && memchr(text->p, ':', n);
	take(j, text, n);
	j->bytes += n;
	if (j->bytes > LIMIT_JSON) {
		got = -EFBIG;
		put_limit(why);
	} else if (got < 0) {
		put_mistake(j, *text, mistake, why);
	}
	if (got < 0) {
		json_object_put(*ret_o);
		*ret_o = NULL;
	} else if (got > 0) {
		j->inside = false;
		j->count++;
	}
	return got;
}
