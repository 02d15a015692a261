#include "rows.h"
#include "base/parse.h"
#include "wire/limits.h"

/* What can be written to results/<id>/ctl. */
struct verb {
	const char *name;
	const char *argument;	/* as a reader of ctl sees it; NULL: none */
	int (*check)(struct bytes argument);
	bool final;		/* of a finished result; else of the others */
};

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

static const struct verb verbs[] = {
	{"abort", NULL, NULL, false},
	{"signal", "NAME", check_signal, false},
	{"hold", NULL, NULL, false},
	{"release", NULL, NULL, false},
	{"priority", "N", check_priority, false},
	{"retry", NULL, NULL, true},
	{.name = NULL},
};

int ctl_show(const struct obj *o, struct buf *out)
{
	const struct verb *v;

	(void)o;
	for (v = verbs; v->name; v++)
		buf_printf(out, "%s%s%s\n", v->name, v->argument ? " " : "",
			   v->argument ? v->argument : "");
	return 0;
}

static const struct verb *find_verb(struct bytes name)
{
	const struct verb *v;

	for (v = verbs; v->name; v++)
		if (bytes_is(name, v->name))
			return v;
	return NULL;
}

int ctl_store(const struct obj *o, struct bytes value, struct wish *ret_wish)
{
	const struct verb *v = find_verb(parse_word(&value));
	struct bytes argument = parse_word(&value);

	if (!v || parse_trim(value).n ||
	    (v->argument ? v->check(argument) != 0 : argument.n != 0) ||
	    argument.n >= sizeof(ret_wish->argument))
		return -EINVAL;
	if (result_is_final(o->result) != v->final)
		return v->final ? -EBUSY : -ESRCH;
	ret_wish->verb = v->name;
	if (argument.n)
		memcpy(ret_wish->argument, argument.p, argument.n);
	return 0;
}
