#include "ctl.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "mirror/mirror.h"
#include "park/caller.h"
#include "view.h"
#include "wire/limits.h"

enum when { ALWAYS, BEFORE_END, AFTER_END };

/* A word that can be written to a ctl. */
struct verb {
	const char *name;
	const char *argument;	/* as a reader of ctl sees it; NULL: none */
	const char *what;	/* the argument is */
	int (*check)(struct bytes argument);
	enum when when;		/* in the life of a result it can be written */
};

#define A_SIGNAL "a signal by its name, as TERM or SIGUSR1, or its number"
#define A_PRIORITY "a whole number from -1000000 to 1000000"
#if LIMIT_PRIORITY != 1000000
#error "it is said above"
#endif

static int check_signal(struct bytes argument)
{
	int signo;

	return parse_signal(argument, &signo);
}

static int check_priority(struct bytes argument)
{
	int64_t n;

	return parse_i64(argument, -LIMIT_PRIORITY, LIMIT_PRIORITY, &n);
}

static const struct verb of_result[] = {
	{"abort", NULL, NULL, NULL, BEFORE_END},
	{"signal", "NAME", A_SIGNAL, check_signal, BEFORE_END},
	{"hold", NULL, NULL, NULL, BEFORE_END},
	{"release", NULL, NULL, NULL, BEFORE_END},
	{"priority", "N", A_PRIORITY, check_priority, BEFORE_END},
	{"retry", NULL, NULL, NULL, AFTER_END},
	{.name = NULL},
};

/* Of one task of a map or view. */
static const struct verb of_task[] = {
	{"abort", NULL, NULL, NULL, BEFORE_END},
	{"signal", "NAME", A_SIGNAL, check_signal, BEFORE_END},
	{"hold", NULL, NULL, NULL, BEFORE_END},
	{"release", NULL, NULL, NULL, BEFORE_END},
	{"retry", NULL, NULL, NULL, AFTER_END},
	{.name = NULL},
};

static const struct verb of_engine[] = {
	{.name = "interrupt"}, {.name = "stop"},  {.name = "restart"},
	{.name = "clear"},     {.name = "drain"}, {.name = "resume"},
	{.name = NULL},
};

static const struct verb of_controller[] = {
	{.name = "shutdown"},
	{.name = "purge"},
	{.name = NULL},
};

static int show(const struct verb *v, struct buf *out)
{
	for (; v->name; v++)
		buf_printf(out, "%s%s%s\n", v->name, v->argument ? " " : "",
			   v->argument ? v->argument : "");
	return 0;
}

static const struct verb *find_verb(const struct verb *v, struct bytes name)
{
	for (; v->name; v++)
		if (bytes_is(name, v->name))
			return v;
	return NULL;
}

/* Has tasks/error say why. */
static void refuse(const struct obj *o, struct buf *why)
{
	(void)callers_refuse(o->fs->callers, o->by.tid, 0, buf_str(why));
	buf_done(why);
}

static void put_words(const struct verb *table, struct buf *out)
{
	const struct verb *v;

	for (v = table; v->name; v++)
		buf_printf(out, "%s %s%s%s", v == table ? ": there are" : ",",
			   v->name, v->argument ? " " : "",
			   v->argument ? v->argument : "");
}

static void no_verb(const struct obj *o, const struct verb *table,
		    struct bytes name)
{
	struct nearest near = NEAREST(name);
	struct buf why = BUF_INIT;
	const struct verb *v;

	for (v = table; v->name; v++)
		nearest_try(&near, v->name);
	buf_puts(&why, "there is no word \"");
	buf_put_escaped(&why, name, 64);
	buf_puts(&why, "\" for this ctl");
	nearest_ask(&near, &why);
	if (!near.best)
		put_words(table, &why);
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
static int store(const struct obj *o, const struct verb *table,
		 struct bytes value, struct wish *ret_wish,
		 const struct verb **ret_v)
{
	struct bytes name = parse_word(&value), argument = parse_word(&value);
	const struct verb *v = find_verb(table, name);

	if (!v) {
		no_verb(o, table, name);
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

static const struct verb *verbs_of(const struct obj *o)
{
	return obj_index(o) < 0 ? of_result : of_task;
}

int ctl_show(const struct obj *o, struct buf *out)
{
	return show(verbs_of(o), out);
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
	int err = store(o, verbs_of(o), value, ret_wish, &v);
	bool final = o->task ? state_is_final((enum state)o->task->state)
			     : result_is_final(o->result);

	if (err)
		return err;
	if (v->when == BEFORE_END && final)
		return too_late(o, v, -ESRCH, "it has ended");
	if (v->when == AFTER_END && !final)
		return too_late(o, v, -EBUSY, "it has not ended");
	return 0;
}

int engine_ctl_show(const struct obj *o, struct buf *out)
{
	(void)o;
	return show(of_engine, out);
}

int engine_ctl_store(const struct obj *o, struct bytes value,
		     struct wish *ret_wish)
{
	ret_wish->engines = view_engines;
	return store(o, of_engine, value, ret_wish, NULL);
}

int controller_ctl_show(const struct obj *o, struct buf *out)
{
	(void)o;
	return show(of_controller, out);
}

int controller_ctl_store(const struct obj *o, struct bytes value,
			 struct wish *ret_wish)
{
	return store(o, of_controller, value, ret_wish, NULL);
}
