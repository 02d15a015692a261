#include "ask.h"
#include "base/log.h"
#include "wire/scan.h"

struct json_object *vars_question(const struct idlist *engines,
				  const struct var_name *name)
{
	struct json_object *o = json_object_new_object();
	struct json_object *a = json_object_new_array();
	size_t i;

	for (i = 0; i < engines->n; i++)
		json_push(a, json_object_new_int64((int64_t)engines->id[i]));
	json_add(o, "engines", a);
	if (name)
		json_add_str(o, "name", name->text);
	return o;
}

struct about {
	int64_t id;
	struct bytes vars;
};

static void take_one(struct fs *fs, struct bytes value)
{
	static const struct field fields[] = {
		{"id", FIELD_INT, offsetof(struct about, id), -1},
		{"vars", FIELD_SPAN, offsetof(struct about, vars), 0},
		{.name = NULL},
	};
	struct about a = {.id = -1};
	struct engine *e;

	if (!scan_fields(value, fields, &a) || a.id < 0 || !a.vars.p)
		return;
	e = mirror_engine(fs->mirror, (uint64_t)a.id);
	if (e)
		variables_merge(fs->mirror, e, a.vars, true);
}

void vars_take_answer(struct fs *fs, const struct msg *reply)
{
	static const struct field fields[] = {
		{"engines", FIELD_SPAN, 0, 0},
		{.name = NULL},
	};
	struct bytes engines = {0}, value;
	struct scan s;

	if (!scan_fields(request_content(reply), fields, &engines) ||
	    !scan_array(&s, engines))
		return;
	while (scan_element(&s, &value))
		take_one(fs, value);
}

void vars_log(const char *what, const struct var_name *name, int err,
	      const struct msg *reply)
{
	static struct log_limit limit;
	unsigned skipped;
	char *why = reply ? request_reason(request_content(reply)) : NULL;

	if (log_allowed(&limit, 20, 10 * USEC_PER_SEC, &skipped))
		log_info(what, log_str("name", name->text), log_errno(err),
			 log_str("why", why), log_int("others", skipped));
	free(why);
}

bool vars_wait(const struct fs *fs, const struct idlist *engines)
{
	const struct engine *e;
	size_t i;

	for (i = 0; i < engines->n; i++) {
		e = mirror_engine(fs->mirror, engines->id[i]);
		if (e && e->vars.on_demand)
			return true;
	}
	return false;
}

uint64_t vars_timeout(const struct fs *fs, const struct idlist *engines)
{
	return vars_wait(fs, engines) ? VARS_PATIENCE : VARS_TIMEOUT;
}

void vars_expect(struct fs *fs, const struct idlist *engines,
		 struct var_name *name, bool arrives)
{
	struct engine *e;
	size_t i;

	for (i = 0; i < engines->n; i++) {
		e = mirror_engine(fs->mirror, engines->id[i]);
		if (e && arrives)
			variable_expect(fs->mirror, e, name);
		else if (e)
			variable_unexpect(fs->mirror, e, name->id);
	}
}
