#include "ctl.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "mirror/mirror.h"
#include "park/caller.h"
#include "queues.h"
#include "view.h"
#include "wire/verb.h"

static int show(unsigned scope, struct buf *out)
{
	const struct verb *v;

	for (v = verbs; v->name; v++)
		if (v->scopes & scope)
			buf_printf(out, "%s%s%s\n", v->name,
				   v->argument ? " " : "",
				   v->argument ? v->argument : "");
	return 0;
}

/* Has tasks/error say why. */
static void refuse(const struct obj *o, struct buf *why)
{
	(void)callers_refuse(o->fs->callers, o->by.tid, 0, buf_str(why));
	buf_done(why);
}

static void put_words(unsigned scope, struct buf *out)
{
	const char *separator = ": there are ";
	const struct verb *v;

	for (v = verbs; v->name; v++) {
		if (!(v->scopes & scope))
			continue;
		buf_printf(out, "%s%s%s%s", separator, v->name,
			   v->argument ? " " : "",
			   v->argument ? v->argument : "");
		separator = ", ";
	}
}

static void no_verb(const struct obj *o, unsigned scope, struct bytes name)
{
	struct nearest near = NEAREST(name);
	struct buf why = BUF_INIT;
	const struct verb *v;

	for (v = verbs; v->name; v++)
		if (v->scopes & scope)
			nearest_try(&near, v->name);
	buf_puts(&why, "there is no word \"");
	buf_put_escaped(&why, name, 64);
	buf_puts(&why, "\" for this ctl");
	nearest_ask(&near, &why);
	if (!near.best)
		put_words(scope, &why);
	refuse(o, &why);
}

static void no_argument(const struct obj *o, const struct verb *v,
			struct bytes argument)
{
	struct buf why = BUF_INIT;

	if (v->argument && argument.n) {
		buf_puts(&why, "\"");
		buf_put_escaped(&why, argument, 64);
		buf_printf(&why, "\" is no %s: ", v->argument);
	}
	buf_printf(&why, "write \"%s%s%s\"", v->name, v->argument ? " " : "",
		   v->argument ? v->argument : "");
	if (v->argument)
		buf_printf(&why, "; %s is %s", v->argument, v->what);
	else
		buf_puts(&why, " and nothing else");
	refuse(o, &why);
}

/* The word becomes a wish; *ret_v (may be NULL) is its row. */
static int store(const struct obj *o, unsigned scope, struct bytes value,
		 struct wish *ret_wish, const struct verb **ret_v)
{
	struct bytes name = parse_word(&value), argument = parse_word(&value);
	const struct verb *v = verb_find(scope, name);

	if (!v) {
		no_verb(o, scope, name);
		return -EINVAL;
	}
	if (parse_trim(value).n ||
	    (v->argument ? v->check(argument) != 0 : argument.n != 0) ||
	    argument.n >= sizeof(ret_wish->argument)) {
		no_argument(o, v, argument);
		return -EINVAL;
	}
	ret_wish->verb = v->name;
	if (argument.n)
		memcpy(ret_wish->argument, argument.p, argument.n);
	if (ret_v)
		*ret_v = v;
	return 0;
}

static unsigned scope_of(const struct obj *o)
{
	return obj_index(o) < 0 ? VERB_RESULT : VERB_TASK;
}

int ctl_show(const struct obj *o, struct buf *out)
{
	return show(scope_of(o), out);
}

static int too_late(const struct obj *o, const struct verb *v, int err,
		    const char *what)
{
	struct buf why = BUF_INIT;

	buf_printf(&why, "%s of result %llu: %s", v->name,
		   (unsigned long long)o->result->id, what);
	refuse(o, &why);
	return err;
}

int ctl_store(const struct obj *o, struct bytes value, struct wish *ret_wish)
{
	const struct verb *v;
	int err = store(o, scope_of(o), value, ret_wish, &v);
	bool final = o->task ? state_is_final((enum state)o->task->state)
			     : result_is_final(o->result);

	if (err)
		return err;
	if (v->when == VERB_BEFORE_END && final)
		return too_late(o, v, -ESRCH, "it has ended");
	if (v->when == VERB_AFTER_END && !final)
		return too_late(o, v, -EBUSY, "it has not ended");
	return 0;
}

int engine_ctl_show(const struct obj *o, struct buf *out)
{
	(void)o;
	return show(VERB_ENGINE, out);
}

int engine_ctl_store(const struct obj *o, struct bytes value,
		     struct wish *ret_wish)
{
	ret_wish->engines = view_engines;
	return store(o, VERB_ENGINE, value, ret_wish, NULL);
}

int controller_ctl_show(const struct obj *o, struct buf *out)
{
	(void)o;
	return show(VERB_CONTROLLER, out);
}

int controller_ctl_store(const struct obj *o, struct bytes value,
			 struct wish *ret_wish)
{
	return store(o, VERB_CONTROLLER, value, ret_wish, NULL);
}

int pool_ctl_show(const struct obj *o, struct buf *out)
{
	(void)o;
	return show(VERB_POOL, out);
}

int pool_ctl_store(const struct obj *o, struct bytes value,
		   struct wish *ret_wish)
{
	return store(o, VERB_POOL, value, ret_wish, NULL);
}

int queue_ctl_show(const struct obj *o, struct buf *out)
{
	(void)o;
	return show(VERB_QUEUE, out);
}

int queue_ctl_store(const struct obj *o, struct bytes value,
		    struct wish *ret_wish)
{
	ret_wish->queue = queue_name(o);
	return store(o, VERB_QUEUE, value, ret_wish, NULL);
}
