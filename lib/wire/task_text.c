#include "wire/task_text.h"
#include "base/idlist.h"
#include "base/parse.h"
#include "wire/limits.h"
#include "wire/octets.h"

static struct bytes string_bytes(struct json_object *v)
{
	return bytes_of(json_object_get_string(v),
			(size_t)json_object_get_string_len(v));
}

static void show_entry(struct json_object *v, struct buf *out)
{
	if (octets_put(v, out)) {
		buf_puts(out, json_object_to_json_string_ext(
				      v, JSON_C_TO_STRING_PLAIN));
	}
	buf_putc(out, '\n');
}

/* Lines; as of env -0, when a value has a newline in it. */
static void show_env(struct json_object *v, struct buf *out)
{
	size_t from = out->n, lines = 0, i;
	bool nuls;

	json_object_object_foreach(v, key, value) {
		buf_puts(out, key);
		buf_putc(out, '=');
		show_entry(value, out);
	}
	for (i = from; i < out->n; i++)
		lines += out->p[i] == '\n';
	nuls = lines > (size_t)json_object_object_length(v);
	if (!nuls)
		return;
	out->n = from;
	json_object_object_foreach(v, name, text) {
		buf_puts(out, name);
		buf_putc(out, '=');
		show_entry(text, out);
		out->p[out->n - 1] = '\0';
	}
}

void task_option_show(const struct task_option *o, struct json_object *v,
		      struct buf *out)
{
	size_t i;

	if (json_object_is_type(v, json_type_array)) {
		for (i = 0; i < json_object_array_length(v); i++)
			show_entry(json_object_array_get_idx(v, i), out);
	} else if (o->type == TASK_ENV) {
		show_env(v, out);
	} else if (json_object_is_type(v, json_type_object)) {
		json_object_object_foreach(v, key, value) {
			buf_puts(out, key);
			buf_putc(out, ' ');
			show_entry(value, out);
		}
	} else if (json_object_is_type(v, json_type_boolean)) {
		buf_puts(out, json_object_get_boolean(v) ? "1\n" : "0\n");
	} else if (o->type == TASK_BYTES) {
		struct bytes b = string_bytes(v);

		buf_put(out, b.p, b.n);
	} else {
		show_entry(v, out);
	}
}

/* --- the other way ------------------------------------------------------ */

static struct json_object *new_string(struct bytes b)
{
	return json_object_new_string_len(b.p ? b.p : "", (int)b.n);
}

static struct bytes without_newline(struct bytes text)
{
	if (text.n && ((const char *)text.p)[text.n - 1] == '\n')
		text.n--;
	return text;
}

static struct json_object *parse_string(struct bytes text)
{
	return new_string(without_newline(text));
}

/* What is no number stays a string: the check says what it must be. */
static struct json_object *parse_integer(struct bytes text)
{
	int64_t n;
	int err = parse_i64(parse_trim(text), INT64_MIN, INT64_MAX, &n);

	if (err == -ERANGE)
		n = INT64_MAX;
	return err == -EINVAL ? new_string(text) : json_object_new_int64(n);
}

static struct json_object *parse_seconds(struct bytes text)
{
	double x;
	int err = parse_double(parse_trim(text), -LIMIT_SECONDS, LIMIT_SECONDS,
			       &x);

	if (err == -EINVAL)
		return new_string(text);
	if (err)
		x = 2 * LIMIT_SECONDS;
	return x == (double)(int64_t)x ? json_object_new_int64((int64_t)x)
				       : json_object_new_double(x);
}

static struct json_object *parse_lines(struct bytes text)
{
	struct json_object *a = json_object_new_array();
	struct bytes line;

	while (parse_line(&text, &line))
		json_push(a, octets_json(line));
	return a;
}

/* The next word between blanks; empty: there is none. */
static struct bytes next_word(struct bytes *text)
{
	struct bytes all = parse_trim(*text);
	const char *p = all.p;
	size_t n = 0;

	while (n < all.n && !memchr(" \t\n\r\v\f", p[n], 6))
		n++;
	*text = bytes_of(p + n, all.n - n);
	return bytes_of(p, n);
}

static struct json_object *parse_ids(struct bytes text)
{
	struct json_object *a = json_object_new_array();
	struct bytes rest = text, word;
	struct idlist ids = {0};
	int err = 0;
	size_t i;

	while (!err && (word = next_word(&rest)).n)
		err = idlist_parse_part(&ids, word, LIMIT_TARGETS + 1,
					INT32_MAX);
	if (!err && idlist_has_twins(&ids))
		err = -EINVAL;
	for (i = 0; i < ids.n && !err; i++)
		json_push(a, json_object_new_int64((int64_t)ids.id[i]));
	idlist_done(&ids);
	if (!err)
		return a;
	json_object_put(a);
	return new_string(parse_trim(text)); /* "all", or no ids at all */
}

static struct json_object *parse_results(struct bytes text)
{
	struct json_object *a = json_object_new_array();
	struct bytes word;
	int64_t id;

	while ((word = next_word(&text)).n)
		json_push(a, parse_i64(word, 0, INT64_MAX, &id)
				     ? new_string(word)
				     : json_object_new_int64(id));
	return a;
}

/* A line; of what has a NUL in it (env -0) what stands before the next one. */
static bool next_variable(struct bytes *text, bool nuls, struct bytes *ret)
{
	return nuls ? parse_nul(text, ret) : parse_line(text, ret);
}

/* Only of lines that check_lines() lets through. */
static struct json_object *parse_env(struct bytes text)
{
	struct json_object *o = json_object_new_object();
	bool nuls = bytes_have_nul(text);
	struct bytes line;

	while (next_variable(&text, nuls, &line)) {
		const char *eq = line.n ? memchr(line.p, '=', line.n) : NULL;
		size_t n = eq ? (size_t)(eq - (const char *)line.p) : 0;
		char *name;

		if (!eq)
			continue;
		name = xmemdup_nul(line.p, n);
		json_add(o, name, octets_json(bytes_of(eq + 1, line.n - n - 1)));
		free(name);
	}
	return o;
}

/* NAME N lines. The check refuses what is no number, as what stands there twice. */
static struct json_object *parse_amounts(struct bytes text)
{
	struct json_object *o = json_object_new_object();
	struct bytes line;

	while (parse_line(&text, &line)) {
		struct bytes rest = parse_trim(line), word = parse_word(&rest);
		char *name = xmemdup_nul(word.p ? word.p : "", word.n);

		if (word.n)
			json_add(o, name,
				 json_get(o, name) ? json_text(line)
						   : parse_integer(rest));
		free(name);
	}
	return o;
}

/* What is neither stays a string: the check says what it must be. */
static struct json_object *parse_flag(struct bytes text)
{
	struct bytes word = parse_trim(text);

	if (bytes_is(word, "0") || bytes_is(word, "1"))
		return json_object_new_int(bytes_is(word, "1"));
	return new_string(text);
}

static struct json_object *parse_names(struct bytes text)
{
	struct json_object *flag = parse_flag(text);

	if (json_object_is_type(flag, json_type_int))
		return flag;
	json_object_put(flag);
	return parse_lines(text);
}

/* What is no number of bytes stays a string: the check looks at it. */
static struct json_object *parse_memory(struct bytes text)
{
	return new_string(parse_trim(text));
}

/* NULL: a line may be that. What is in it may be a secret, and is not told. */
static const char *line_fault(enum task_option_type type, struct bytes line)
{
	const char *eq;

	if (!line.n)
		return NULL;
	if (memchr(line.p, 0, line.n))
		return "holds a NUL";
	if (type != TASK_ENV)
		return NULL;
	eq = memchr(line.p, '=', line.n);
	if (!eq)
		return "has no = in it; each is NAME=VALUE";
	if (!utf8_valid(bytes_of(line.p, (size_t)(eq - (const char *)line.p))))
		return "has a name that is not UTF-8";
	return eq == line.p ? "has no name before the =" : NULL;
}

static int check_lines(const struct task_option *o, struct bytes text,
		       struct buf *why)
{
	bool nuls = o->type == TASK_ENV && bytes_have_nul(text);
	struct bytes line;
	unsigned n;

	if (o->type != TASK_LIST && o->type != TASK_ITEMS && o->type != TASK_ENV &&
	    o->type != TASK_FAILURES && o->type != TASK_AMOUNTS)
		return 0;
	for (n = 1; next_variable(&text, nuls, &line); n++) {
		const char *fault = line_fault(o->type, line);

		if (!fault)
			continue;
		buf_printf(why, "\"%s\": %s %u %s", o->name,
			   nuls ? "variable" : "line", n, fault);
		return -EINVAL;
	}
	return 0;
}

int task_option_parse(const struct task_option *o, struct bytes text,
		      struct json_object **ret_v, struct buf *why)
{
	static struct json_object *(*const parser[])(struct bytes) = {
		[TASK_BYTES] = parse_string,   [TASK_NAME] = parse_string,
		[TASK_TEXT] = parse_string,    [TASK_OUT_PATH] = parse_string,
		[TASK_LIST] = parse_lines,     [TASK_MOMENT] = parse_string,
		[TASK_RANGES] = parse_string,  [TASK_ITEMS] = parse_lines,
		[TASK_NAMES] = parse_names,    [TASK_FLAG] = parse_flag,
		[TASK_ENV] = parse_env,	       [TASK_IDS] = parse_ids,
		[TASK_RESULTS] = parse_results, [TASK_COUNT] = parse_integer,
		[TASK_INTEGER] = parse_integer, [TASK_SECONDS] = parse_seconds,
		[TASK_FAILURES] = parse_lines, [TASK_SIZE] = parse_memory,
		[TASK_AMOUNTS] = parse_amounts,
	};
	struct json_object *v;
	int err;

	if (o->type != TASK_LIST && o->type != TASK_ENV && !utf8_valid(text)) {
		buf_printf(why, "\"%s\" must be UTF-8", o->name);
		return -EINVAL;
	}
	err = check_lines(o, text, why);
	if (err)
		return err;
	v = parser[o->type](text);
	err = task_option_check(o, v, why);
	if (err)
		json_object_put(v);
	else
		*ret_v = v;
	return err;
}
