#include "inherit.h"
#include "base/file.h"
#include "base/parse.h"
#include "wire/limits.h"
#include "wire/octets.h"
#include "wire/task_option.h"

/* Of the process itself, and not of what it works on. */
static bool is_its_own(struct bytes name)
{
	static const char *const own[] = {"PWD", "OLDPWD", "SHLVL", "_"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (bytes_is(name, own[i]))
			return true;
	return false;
}

static bool is_wanted(struct json_object *inherit, struct bytes name)
{
	size_t i;

	if (!json_object_is_type(inherit, json_type_array))
		return !is_its_own(name);
	for (i = 0; i < json_object_array_length(inherit); i++)
		if (bytes_is(name, json_object_get_string(
					   json_object_array_get_idx(inherit, i))))
			return true;
	return false;
}

static void add_variable(struct json_object *env, struct json_object *inherit,
			 struct bytes entry)
{
	const char *eq = entry.n ? memchr(entry.p, '=', entry.n) : NULL;
	size_t n = eq ? (size_t)(eq - (const char *)entry.p) : 0;
	char *name;

	if (!n || !utf8_valid(bytes_of(entry.p, n)) ||
	    !is_wanted(inherit, bytes_of(entry.p, n)))
		return;
	name = xmemdup_nul(entry.p, n);
	if (!json_get(env, name))
		json_add(env, name,
			 octets_json(bytes_of(eq + 1, entry.n - n - 1)));
	free(name);
}

static void add_all(struct json_object *env, struct json_object *inherit,
		    struct bytes block)
{
	struct bytes entry;

	while (parse_nul(&block, &entry))
		add_variable(env, inherit, entry);
}

static int read_environment(pid_t tid, struct buf *block, struct buf *why)
{
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)tid);
	err = file_read(path, LIMIT_OPTIONS, block);
	if (!err)
		return 0;
	buf_printf(why, "\"inherit\": the environment of the process that "
			"submits cannot be read (%s): %s", path, strerror(-err));
	return err == -EFBIG ? err : -EINVAL;
}

int inherit_add(pid_t tid, struct json_object *options, struct buf *why)
{
	struct json_object *inherit = json_get(options, "inherit");
	struct json_object *env = json_get_object(options, "env");
	struct buf block = BUF_INIT;
	int err;

	if (!json_object_is_type(inherit, json_type_array) &&
	    !json_flag(options, "inherit"))
		return 0;
	err = read_environment(tid, &block, why);
	if (!err && !env) {
		env = json_object_new_object();
		json_add(options, "env", env);
	}
	if (!err) {
		add_all(env, inherit, buf_bytes(&block));
		err = task_options_check(options, why);
	}
	buf_done(&block);
	return err;
}
