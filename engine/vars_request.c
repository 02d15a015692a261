#include "vars_request.h"
#include "answer.h"
#include "engine.h"
#include "vars_seen.h"
#include "vars_tell.h"
#include "wire/messages.h"

#include <fcntl.h>
#include <sys/stat.h>

static int remove_one(struct engine *e, const char *name)
{
	struct stat st;

	if (fstatat(e->vars.dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return unlinkat(e->vars.dir, name, 0) < 0 ? -errno : 0;
}

static int rename_one(struct engine *e, const char *name, const char *to,
		      bool exclusive)
{
	struct stat st;

	if (!to)
		return -EINVAL;
	if (fstatat(e->vars.dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return renameat2(e->vars.dir, name, e->vars.dir, to,
			 exclusive ? RENAME_NOREPLACE : 0) < 0
		       ? -errno
		       : 0;
}

void vars_request(struct engine *e, struct msg *m)
{
	struct json_object *q = m->content, *about = NULL;
	const char *verb = json_get_str(q, "verb", NULL);
	const char *name = vars_get_name(q, "name"), *to = vars_get_name(q, "to");
	int err = -EINVAL;

	if (verb && strcmp(verb, "list") == 0) {
		answer_variable(e, m, MSG_VARS_REPLY, 0, NULL, vars_all(e));
		return;
	}
	if (verb && name && strcmp(verb, "remove") == 0)
		err = remove_one(e, name);
	else if (verb && name && strcmp(verb, "rename") == 0)
		err = rename_one(e, name, to,
				 json_bool_or(q, "exclusive", false));
	if (!err) {
		vars_look(&e->vars, bytes_str(name));
		about = vars_about(e, bytes_str(name));
	}
	if (!err && to) {
		vars_look(&e->vars, bytes_str(to));
		vars_about_too(e, bytes_str(to), about);
		json_add_int(about, "version", (int64_t)e->vars.version);
	}
	answer_variable(e, m, MSG_VARS_REPLY, err, NULL, about);
}
