#include "wire/verb.h"
#include "base/parse.h"
#include "wire/limits.h"

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

#define A_SIGNAL "a signal by its name, as TERM or SIGUSR1, or its number"
#define A_PRIORITY "a whole number from -1000000 to 1000000"
#if LIMIT_PRIORITY != 1000000
#error "it is said above"
#endif

#define RESULT_OR_TASK (VERB_RESULT | VERB_TASK)

const struct verb verbs[] = {
	{.name = "abort", .scopes = RESULT_OR_TASK, .when = VERB_BEFORE_END},
	{.name = "signal", .scopes = RESULT_OR_TASK, .when = VERB_BEFORE_END,
	 .argument = "NAME", .what = A_SIGNAL, .check = check_signal},
	{.name = "hold", .scopes = RESULT_OR_TASK, .when = VERB_BEFORE_END},
	{.name = "release", .scopes = RESULT_OR_TASK, .when = VERB_BEFORE_END},
	{.name = "priority", .scopes = VERB_RESULT, .when = VERB_BEFORE_END,
	 .argument = "N", .what = A_PRIORITY, .check = check_priority},
	{.name = "retry", .scopes = RESULT_OR_TASK, .when = VERB_AFTER_END},
	{.name = "interrupt", .scopes = VERB_ENGINE, .when = VERB_WHILE_RUNNING},
	{.name = "stop", .scopes = VERB_ENGINE},
	{.name = "restart", .scopes = VERB_ENGINE},
	{.name = "clear", .scopes = VERB_ENGINE},
	{.name = "drain", .scopes = VERB_ENGINE},
	{.name = "resume", .scopes = VERB_ENGINE},
	{.name = "shutdown", .scopes = VERB_CONTROLLER},
	/* One result is purged by rmdir. */
	{.name = "purge", .scopes = VERB_CONTROLLER},
	{.name = NULL},
};

const struct verb *verb_find(unsigned scopes, struct bytes name)
{
	const struct verb *v;

	for (v = verbs; v->name; v++)
		if (v->scopes & scopes && bytes_is(name, v->name))
			return v;
	return NULL;
}
