#include "wire/script.h"
#include "base/parse.h"
#include "wire/task_text.h"

#define MARK "#TASKFS"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes skip(struct bytes b, size_t n)
{
	return bytes_of((const char *)b.p + n, b.n - n);
}

static struct bytes skip_blanks(struct bytes b)
{
	size_t n = 0;

	while (n < b.n && is_blank(((const char *)b.p)[n]))
		n++;
	return skip(b, n);
}

/* Up to the blank behind the value, or the quote that ends it; -EINVAL: there is none. */
static int take_value(struct bytes *line, struct bytes *ret_value)
{
	const char *p = line->p;
	char quote = line->n && (*p == '"' || *p == '\'') ? *p : '\0';
	size_t n = quote != '\0';

	while (n < line->n && (quote ? p[n] != quote : !is_blank(p[n])))
		n++;
	if (quote && n == line->n)
		return -EINVAL;
	*ret_value = quote ? bytes_of(p + 1, n - 1) : bytes_of(p, n);
	*line = skip(*line, n + (quote != '\0'));
	return line->n && !is_blank(*(const char *)line->p) ? -EINVAL : 0;
}

static int take_word(struct bytes *line, struct bytes *ret_name,
		     struct bytes *ret_value)
{
	const char *eq = memchr(line->p, '=', line->n);
	size_t n = eq ? (size_t)(eq - (const char *)line->p) : line->n;

	*ret_name = bytes_of(line->p, n);
	if (!eq)
		return -EINVAL;
	*line = skip(*line, n + 1);
	return take_value(line, ret_value);
}

/* Options that are no text, or that the mount says. */
static bool stands_elsewhere(const struct task_option *o)
{
	return o->type == TASK_BYTES || o->type == TASK_ITEMS ||
	       strcmp(o->name, "submit_dir") == 0;
}

static int add(struct json_object *options, struct json_object *found,
	       struct bytes name, struct bytes value, struct buf *why)
{
	const struct task_option *o = task_option_find(name);
	struct json_object *v;
	int err;

	if (!o)
		return task_option_unknown(name, why);
	if (stands_elsewhere(o)) {
		buf_printf(why, "\"%s\" cannot stand there", o->name);
		return -EINVAL;
	}
	if (json_get(found, o->name)) {
		buf_printf(why, "\"%s\" stands there twice", o->name);
		return -EINVAL;
	}
	err = task_option_parse(o, value, &v, why);
	if (err)
		return err;
	json_add(found, o->name, v);
	if (!json_get(options, o->name))
		json_add(options, o->name, json_object_get(v));
	return 0;
}

static int read_line(struct json_object *options, struct json_object *found,
		     struct bytes line, struct buf *why)
{
	int err = 0;

	for (line = skip_blanks(line); line.n && !err; line = skip_blanks(line)) {
		struct bytes name, value = {0};

		err = take_word(&line, &name, &value);
		if (err)
			buf_puts(why, "it has words NAME=VALUE, and quotes round "
				      "a value with blanks");
		else
			err = add(options, found, name, value, why);
	}
	return err;
}

static bool is_marked(struct bytes line)
{
	size_t n = strlen(MARK);

	return line.n > n && memcmp(line.p, MARK, n) == 0 &&
	       is_blank(((const char *)line.p)[n]);
}

/* One that says nothing to who reads the script: a comment, or nothing. */
static bool is_of_the_head(struct bytes line)
{
	line = skip_blanks(line);
	return !line.n || *(const char *)line.p == '#';
}

int script_options(struct bytes code, struct json_object *options,
		   struct buf *why)
{
	struct json_object *found = json_object_new_object();
	struct buf reason = BUF_INIT;
	struct bytes line;
	unsigned n = 0;
	int err = 0;

	while (!err && parse_line(&code, &line) && is_of_the_head(line)) {
		n++;
		if (is_marked(line))
			err = read_line(options, found,
					skip(line, strlen(MARK)), &reason);
	}
	if (err)
		buf_printf(why, "line %u of the script, " MARK ": %s", n,
			   buf_str(&reason));
	else if (json_object_object_length(found))
		err = task_options_check(options, why);
	buf_done(&reason);
	json_object_put(found);
	return err;
}
