#include "wire/task_option.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "wire/limits.h"
#include "wire/map_items.h"
#include "wire/moment.h"
#include "wire/octets.h"
#include "wire/out_path.h"
#include "wire/resource.h"
#include "wire/retry_on.h"

#include <ctype.h>

#if LIMIT_NAME != 128
#error "TASK_NAME_RULE says it"
#endif

const struct task_option task_options[] = {
	{"code", TASK_BYTES, TASK_BY_ENGINE, 1, LIMIT_CODE,
	 "what to run: a script, a command, or any program after #!; ps shows "
	 "it, as args and map: secrets belong into stdin or env"},
	{"args", TASK_LIST, TASK_BY_ENGINE, 0, LIMIT_ARGS,
	 "list of strings: $1, $2 ... (behind a map's item)"},
	{"stdin", TASK_BYTES, TASK_BY_ENGINE, 0, LIMIT_STDIN,
	 "what the task reads on standard input; empty if not given"},
	{"env", TASK_ENV, TASK_BY_ENGINE, 0, LIMIT_ARGS,
	 "object of strings: environment variables, added to the engine's"},
	{"inherit", TASK_NAMES, TASK_BY_MOUNT, 0, LIMIT_ARGS,
	 "1: env is the environment of the process that submits, as it was when its "
	 "program began; or a list of the variables that are wanted"},
	{"pty", TASK_FLAG, TASK_BY_ENGINE, 0, 1,
	 "1: standard output and error are a terminal, as large as COLUMNS and LINES of env "
	 "say, else 80x24, and both are in stdout; for programs that write otherwise into a "
	 "pipe. Nobody types there: stdin is as without it"},
	{"cwd", TASK_TEXT, TASK_BY_ENGINE, 1, PATH_MAX - 1,
	 "directory to run in, or the task fails; a relative one is below "
	 "submit_dir, which it is if not given"},
	{"submit_dir", TASK_TEXT, TASK_BY_ENGINE, 1, PATH_MAX - 1,
	 "where the task was submitted from; the mount says it. Without `cwd` the "
	 "task runs there, or in an empty directory where there is no such one"},
	{"stdout", TASK_OUT_PATH, TASK_BY_ENGINE, 1, PATH_MAX - 1,
	 "a file that gets what the task writes to its standard output, besides the "
	 "file stdout of the result: %i in its path is the id of the result, %n the "
	 "number of the task, %% a %; a relative one is below the directory of the "
	 "task. It is emptied when a try begins; with >> before the path it is "
	 "appended to"},
	{"stderr", TASK_OUT_PATH, TASK_BY_ENGINE, 1, PATH_MAX - 1,
	 "the same of what it writes to standard error; it may be the same file"},
	{"label", TASK_NAME, TASK_BY_CONTROLLER, 1, LIMIT_NAME,
	 "a name, yours alone: results/NAME leads you to your newest of that name"},
	{"map", TASK_ITEMS, TASK_BY_CONTROLLER, 1, LIMIT_TASKS,
	 "list of items: one task for each, which finds it in $1 (a number, list or "
	 "object as JSON); on a Python engine `item` is the value itself"},
	{"json_items", TASK_RANGES, TASK_BY_ENGINE | TASK_NEEDS_MAP, 1,
	 LIMIT_JSON_ITEMS,
	 "which items of the map are JSON, and not text, for Python engines: all, or "
	 "their numbers, as 0,3-5; a map that is JSON itself says it by itself"},
	{"columns", TASK_TEXT, TASK_BY_ENGINE | TASK_NEEDS_MAP, 1, 64,
	 "what stands between the columns of an item, as a comma: a task finds them "
	 "in $1, $2 ..., and the whole item in $TASKFS_ITEM; \\t is a tab"},
	{"open", TASK_FLAG, TASK_BY_CONTROLLER | TASK_NEEDS_MAP, 0, 1,
	 "1: more items can be added to the map (results/<id>/map), which ends when "
	 "somebody writes close into its ctl; not with chunk"},
	{"chunk", TASK_COUNT, TASK_BY_CONTROLLER | TASK_NEEDS_MAP, 1, LIMIT_TASKS,
	 "items per task of a map"},
	{"targets", TASK_IDS, TASK_BY_CONTROLLER | TASK_CHANGES, 1, LIMIT_TARGETS,
	 "list of engine ids: run on one of these; \"all\": on any, as if not given"},
	{"cpus", TASK_COUNT, TASK_BY_CONTROLLER | TASK_BY_ENGINE, 1, LIMIT_SLOTS,
	 "slots of its engine that it takes; 1 if not given"},
	{"memory", TASK_SIZE, TASK_BY_CONTROLLER | TASK_BY_ENGINE, 1, LIMIT_AMOUNT,
	 "memory that it needs, as 2G or in bytes: no other task gets it, and with "
	 "more it is ended (OutOfMemory)"},
	{"resources", TASK_AMOUNTS, TASK_BY_CONTROLLER | TASK_BY_ENGINE, 1,
	 LIMIT_RESOURCES - 1,
	 "object of numbers, {\"gpu\": 1}: what else of its engine it needs for "
	 "itself"},
	{"min_time", TASK_SECONDS, TASK_BY_CONTROLLER, 0, LIMIT_SECONDS,
	 "seconds that it needs: not begun on an engine that ends before (see "
	 "engines/<id>/until); 0 if not given"},
	{"after", TASK_RESULTS, TASK_BY_CONTROLLER, 1, LIMIT_DEPENDENCIES,
	 "list of ids or of your names: start when these are ok (12:any: have "
	 "ended; 12:error: failed)"},
	{"follow", TASK_RESULTS, TASK_BY_CONTROLLER, 1, LIMIT_DEPENDENCIES,
	 "list of ids or of your names: run on the engine that ran these, after "
	 "them"},
	{"retries", TASK_COUNT, TASK_BY_CONTROLLER | TASK_CHANGES, 0, LIMIT_RETRIES,
	 "run again after a failure, so many times at most"},
	{"retry_on", TASK_FAILURES, TASK_BY_CONTROLLER, 1, 256,
	 "list of failures to run again after: lost (its engine; does not count "
	 "among the retries, but five lost engines are enough), error (any other), "
	 "exit N (that exit status); all if not given, and all of them count"},
	{"hold", TASK_FLAG, TASK_BY_CONTROLLER, 0, 1,
	 "1: not begun before somebody writes release into its ctl"},
	{"begin", TASK_MOMENT, TASK_BY_CONTROLLER, 1, 32,
	 "not begun before that time: +10m from now (s, m, h, d), 18:30, 2026-12-24, "
	 "2026-12-24T18:30; Z behind it is UTC"},
	{"unique", TASK_FLAG, TASK_BY_CONTROLLER, 0, 1,
	 "1: refused (EEXIST) while another of your results of the same label has not "
	 "ended"},
	{"queue", TASK_TEXT, TASK_BY_CONTROLLER, 1, LIMIT_POOL_NAME,
	 "the name of a queue (queues/NAME): it says how many tasks of all that are in it "
	 "run at the same time"},
	{"timeout", TASK_SECONDS, TASK_BY_CONTROLLER, 0, LIMIT_SECONDS,
	 "seconds to wait for an engine at most; 0 is no limit"},
	{"time_limit", TASK_SECONDS, TASK_BY_ENGINE | TASK_CHANGES, 0, LIMIT_SECONDS,
	 "seconds to run at most, then TERM, grace, KILL; 0 is no limit"},
	{"priority", TASK_INTEGER, TASK_BY_CONTROLLER | TASK_CHANGES, -LIMIT_PRIORITY,
	 LIMIT_PRIORITY,
	 "larger runs earlier; 0 if not given"},
	{"halt", TASK_COUNT, TASK_BY_CONTROLLER | TASK_NEEDS_MAP, 1, LIMIT_TASKS,
	 "a map stops after so many failed tasks"},
	{"max_running", TASK_COUNT, TASK_BY_CONTROLLER | TASK_NEEDS_MAP | TASK_CHANGES, 1,
	 LIMIT_TASKS,
	 "tasks of a map that run at the same time at most"},
	{.name = NULL},
};

const struct task_option *task_option_find(struct bytes name)
{
	const struct task_option *o;

	for (o = task_options; o->name; o++)
		if (bytes_is(name, o->name))
			return o;
	return NULL;
}

int task_option_unknown(struct bytes name, struct buf *why)
{
	struct nearest near = NEAREST(name);
	const struct task_option *o;

	for (o = task_options; o->name; o++)
		nearest_try(&near, o->name);
	buf_puts(why, "there is no option \"");
	buf_put_escaped(why, name, 64);
	buf_puts(why, "\"");
	nearest_ask(&near, why);
	return -EINVAL;
}

bool task_name_ok(struct bytes name)
{
	static const char *const taken[] = {"new", "last", "error", "any",
					    "latest", "table", "by", "all"};
	const char *p = name.p;
	bool digits = true;
	size_t i;

	if (name.n == 0 || name.n > LIMIT_NAME || p[0] == '.' ||
	    !utf8_valid(name))
		return false;
	for (i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)p[i];

		digits &= isdigit(c) != 0;
		if (c < 0x80 && !isalnum(c) && !memchr("._+-@,", c, 6))
			return false;
	}
	for (i = 0; i < ARRAY_SIZE(taken); i++)
		if (bytes_is(name, taken[i]))
			return false;
	return !digits;
}

static int refuse(struct buf *why, const struct task_option *o,
		  const char *what)
{
	buf_printf(why, "\"%s\" %s", o->name, what);
	return -EINVAL;
}

/* More than its row allows. */
static int too_large(struct buf *why, const struct task_option *o,
		     const char *what)
{
	buf_printf(why, "\"%s\" has more than %.0f %s", o->name, o->max, what);
	return -EFBIG;
}

static struct bytes str_bytes(struct json_object *v)
{
	return bytes_of(json_object_get_string(v),
			(size_t)json_object_get_string_len(v));
}

static int check_string(const struct task_option *o, struct json_object *v,
			struct buf *why)
{
	struct bytes b;
	int64_t at;

	if (!json_object_is_type(v, json_type_string))
		return refuse(why, o, "must be a string");
	b = str_bytes(v);
	if (b.n > o->max)
		return too_large(why, o, "bytes");
	if (b.n < o->min)
		return refuse(why, o, "must not be empty");
	if (o->type != TASK_BYTES && bytes_have_nul(b))
		return refuse(why, o, "must not hold a NUL");
	if (o->type == TASK_NAME && !task_name_ok(b))
		return refuse(why, o, "is no name" TASK_NAME_RULE);
	if (o->type == TASK_MOMENT && moment_parse(b, now_usec(), &at))
		return refuse(why, o, "must be a time: +10m from now (s, m, h, d), "
				      "18:30, 2026-12-24 or 2026-12-24T18:30");
	if (o->type == TASK_OUT_PATH && !out_path_ok(b))
		return refuse(why, o, "must be a path, in which % is one of %i, %n "
				      "and %%");
	if (o->type == TASK_RANGES && !json_items_ok(b))
		return refuse(why, o, "must be all, or numbers of items from 0 on, "
				      "as 0,3-5");
	return 0;
}

static int check_number(const struct task_option *o, struct json_object *v,
			struct buf *why)
{
	bool whole = json_object_is_type(v, json_type_int);
	double x = json_object_get_double(v);

	if (!whole && (o->type != TASK_SECONDS ||
		       !json_object_is_type(v, json_type_double)))
		return refuse(why, o, o->type == TASK_SECONDS
					      ? "must be a number of seconds"
					      : "must be a whole number");
	if (!(x >= o->min && x <= o->max)) {
		buf_printf(why, "\"%s\" must be from %.0f to %.0f", o->name,
			   o->min, o->max);
		return -EINVAL;
	}
	return 0;
}

/* An id or a name, and perhaps how it must have ended: "12", "build:any". */
static bool is_result(struct bytes b)
{
	static const char *const endings[] = {":ok", ":error", ":any"};
	uint64_t id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t n = strlen(endings[i]);

		if (b.n > n && memcmp((const char *)b.p + b.n - n, endings[i],
				      n) == 0) {
			b.n -= n;
			break;
		}
	}
	return task_name_ok(b) || parse_u64(b, 1, INT64_MAX, &id) == 0;
}

static bool is_failure(struct bytes b)
{
	struct retry_on on = {0};

	return retry_on_add(&on, b);
}

static bool entry_ok(enum task_option_type type, struct json_object *v)
{
	bool whole = json_object_is_type(v, json_type_int) &&
		     json_object_get_int64(v) >= 0;

	switch (type) {
	case TASK_ITEMS:
		return map_item_ok(v);
	case TASK_NAMES:
		return json_object_is_type(v, json_type_string) &&
		       octets_are_text(v);
	case TASK_LIST:
		return octets_are_text(v);
	case TASK_IDS:
		return whole && json_object_get_int64(v) <= INT32_MAX;
	case TASK_RESULTS:
		return whole || (json_object_is_type(v, json_type_string) &&
				 is_result(str_bytes(v)));
	case TASK_FAILURES:
		return json_object_is_type(v, json_type_string) &&
		       is_failure(str_bytes(v));
	default:
		return false;
	}
}

static int check_list(const struct task_option *o, struct json_object *v,
		      struct buf *why)
{
	static const char *const of[] = {
		[TASK_LIST] = "must be a list of strings without NUL, as "
			      "[\"a\", \"b c\"], or of {\"base64\": \"...\"}",
		[TASK_ITEMS] = "must be a list of values: no string with a NUL, no "
			       "number too large to be kept as it is (make such a "
			       "one a string)",
		[TASK_NAMES] = "must be 1, 0, or a list of names",
		[TASK_IDS] = "must be a list of numbers, the ids of engines: "
			     "[0, 1] in JSON, 0,1 in a file; or all",
		[TASK_RESULTS] = "must be a list of result ids or names, each as "
				 "it is or with :ok, :error or :any behind it",
		[TASK_FAILURES] = "must be a list of " RETRY_ON_WORDS
				  " (N from 1 to 255)",
	};
	size_t i, n;

	if (o->type == TASK_IDS && json_object_is_type(v, json_type_string) &&
	    bytes_is(str_bytes(v), "all"))
		return 0;
	if (!json_object_is_type(v, json_type_array))
		return refuse(why, o, of[o->type]);
	n = json_object_array_length(v);
	if (n > o->max)
		return too_large(why, o, "entries");
	if (n < o->min)
		return refuse(why, o, "must not be empty");
	for (i = 0; i < n; i++)
		if (!entry_ok(o->type, json_object_array_get_idx(v, i)))
			return refuse(why, o, of[o->type]);
	return 0;
}

static int check_env(const struct task_option *o, struct json_object *v,
		     struct buf *why)
{
	if (!json_object_is_type(v, json_type_object))
		return refuse(why, o, "must be an object of strings");
	if (json_object_object_length(v) > o->max)
		return too_large(why, o, "entries");
	json_object_object_foreach(v, key, value) {
		if (!*key || strchr(key, '=') || !octets_are_text(value))
			return refuse(why, o,
				      "must be an object of strings without "
				      "NUL, with names without =");
	}
	return 0;
}

static int check_size(const struct task_option *o, struct json_object *v,
		      struct buf *why)
{
	uint64_t n = 0;
	int err = -EINVAL;

	if (json_object_is_type(v, json_type_int))
		err = parse_size(bytes_str(json_object_get_string(v)),
				 (uint64_t)o->max, &n);
	else if (json_object_is_type(v, json_type_string))
		err = parse_size(str_bytes(v), (uint64_t)o->max, &n);
	if (!err && n >= o->min)
		return 0;
	return refuse(why, o,
		      "must be a number of bytes, or one with K, M, G or T behind "
		      "it, as \"2G\"");
}

static int check_amounts(const struct task_option *o, struct json_object *v,
			 struct buf *why)
{
	if (!json_object_is_type(v, json_type_object))
		return refuse(why, o, "must be an object of numbers, {\"gpu\": 1}");
	if (json_object_object_length(v) > o->max)
		return too_large(why, o, "entries");
	json_object_object_foreach(v, name, n) {
		if (!resource_name_ok(bytes_str(name)))
			return refuse(why, o,
				      "has a name that no resource has: at most 32 "
				      "letters, digits and _, not beginning with a "
				      "digit");
		if (strcmp(name, "cpus") == 0 || strcmp(name, "memory") == 0) {
			buf_printf(why, "\"%s\" does not take %s: that is an "
					"option of its own", o->name, name);
			return -EINVAL;
		}
		if (!json_object_is_type(n, json_type_int) ||
		    json_object_get_int64(n) < 1 ||
		    json_object_get_int64(n) > LIMIT_AMOUNT) {
			buf_printf(why, "\"%s\": %s must be a whole number from 1 "
					"on", o->name, name);
			return -EINVAL;
		}
	}
	return 0;
}

static bool is_flag(struct json_object *v)
{
	int64_t n;

	return json_object_is_type(v, json_type_boolean) ||
	       json_is_int(v, 0, 1, &n);
}

static int check_flag(const struct task_option *o, struct json_object *v,
		      struct buf *why)
{
	return is_flag(v) ? 0 : refuse(why, o, "must be 1 or 0");
}

static int check_names(const struct task_option *o, struct json_object *v,
		       struct buf *why)
{
	if (json_object_is_type(v, json_type_array))
		return check_list(o, v, why);
	return is_flag(v) ? 0 : refuse(why, o, "must be 1, 0, or a list of names");
}

int task_option_check(const struct task_option *o, struct json_object *v,
		      struct buf *why)
{
	switch (o->type) {
	case TASK_NAMES:
		return check_names(o, v, why);
	case TASK_FLAG:
		return check_flag(o, v, why);
	case TASK_BYTES:
	case TASK_NAME:
	case TASK_TEXT:
	case TASK_OUT_PATH:
	case TASK_MOMENT:
	case TASK_RANGES:
		return check_string(o, v, why);
	case TASK_ITEMS:
	case TASK_LIST:
	case TASK_IDS:
	case TASK_RESULTS:
	case TASK_FAILURES:
		return check_list(o, v, why);
	case TASK_ENV:
		return check_env(o, v, why);
	case TASK_COUNT:
	case TASK_INTEGER:
	case TASK_SECONDS:
		return check_number(o, v, why);
	case TASK_SIZE:
		return check_size(o, v, why);
	case TASK_AMOUNTS:
		return check_amounts(o, v, why);
	}
	return -EINVAL;
}

/* After what else than a lost engine, and never: that is a mistake. */
static int check_retry_on(struct json_object *options, struct buf *why)
{
	struct json_object *on = json_get_array(options, "retry_on");
	size_t i, n = on ? json_object_array_length(on) : 0;

	for (i = 0; i < n && !json_get(options, "retries"); i++)
		if (!bytes_is(str_bytes(json_object_array_get_idx(on, i)), "lost")) {
			buf_puts(why, "\"retry_on\" needs \"retries\": how often");
			return -EINVAL;
		}
	return 0;
}

/* A map that is a list says by itself which of its items are JSON. */
static int check_items(struct json_object *options, struct buf *why)
{
	struct json_object *list = json_get_array(options, "map");
	struct json_items which = {0};
	struct buf text = BUF_INIT;
	size_t i, n = list ? json_object_array_length(list) : 0;
	int err = 0;

	for (i = 0; i < n; i++)
		json_items_add(&which,
			       !json_object_is_type(
				       json_object_array_get_idx(list, i),
				       json_type_string));
	if (json_items_end(&which, &text)) {
		buf_puts(why, "\"map\" changes too often between strings and other "
			      "values: make all of them strings");
		err = -E2BIG;
	} else if (text.n && json_get(options, "json_items")) {
		buf_puts(why, "\"json_items\" is for a map of strings");
		err = -EINVAL;
	}
	buf_done(&text);
	return err;
}

int task_options_check(struct json_object *options, struct buf *why)
{
	int err;

	size_t others = 0;

	if (!json_object_is_type(options, json_type_object)) {
		buf_puts(why, "a task must be a JSON object");
		return -EINVAL;
	}
	json_object_object_foreach(options, key, v) {
		const struct task_option *o =
			task_option_find(bytes_str(key));

		if (!o)
			return task_option_unknown(bytes_str(key), why);
		err = task_option_check(o, v, why);
		if (err)
			return err;
		if (o->type != TASK_BYTES && strcmp(o->name, "map") != 0)
			others += json_bytes(v).n;
	}
	if (others > LIMIT_OPTIONS) {
		buf_printf(why, "the options (without code, stdin and map) have "
				"more than %lu bytes together", LIMIT_OPTIONS);
		return -EFBIG;
	}
	err = check_items(options, why);
	return err ? err : check_retry_on(options, why);
}

int task_options_need_map(struct json_object *options, struct buf *why)
{
	const struct task_option *o;

	for (o = task_options; o->name; o++)
		if (o->flags & TASK_NEEDS_MAP && json_get(options, o->name))
			return refuse(why, o, "needs \"map\"");
	return 0;
}

int task_options_check_many(struct json_object *options, struct buf *why)
{
	const struct task_option *o;

	for (o = task_options; o->name; o++) {
		struct bytes b = json_get_bytes(options, o->name);

		if (o->type == TASK_OUT_PATH && b.p && !out_path_is_for_many(b))
			return refuse(why, o, "needs a %n for the number of the task, "
					      "or >> before it: the tasks would empty "
					      "each other's file");
	}
	return 0;
}
