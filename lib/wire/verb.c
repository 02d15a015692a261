#include "wire/verb.h"
#include "base/parse.h"
#include "wire/limits.h"
#include "wire/pool_option.h"

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

/* Of all launches when it is empty. */
static int check_launch(struct bytes argument)
{
	return !argument.n || launch_token_ok(argument) ? 0 : -EINVAL;
}

#define A_SIGNAL "a signal by its name, as TERM or SIGUSR1, or its number"
#define A_PRIORITY "a whole number from -1000000 to 1000000"
#define A_LAUNCH "one of the names in the file jobs; all of them if not given"
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
	{.name = "close", .scopes = VERB_RESULT, .when = VERB_BEFORE_END},
	{.name = "retry", .scopes = RESULT_OR_TASK, .when = VERB_AFTER_END},
	{.name = "interrupt", .scopes = VERB_ENGINE, .when = VERB_WHILE_RUNNING},
	{.name = "stop", .scopes = VERB_ENGINE},
	{.name = "restart", .scopes = VERB_ENGINE},
	{.name = "clear", .scopes = VERB_ENGINE},
	{.name = "drain", .scopes = VERB_ENGINE},
	{.name = "pause", .scopes = VERB_POOL | VERB_QUEUE},
	{.name = "resume", .scopes = VERB_ENGINE | VERB_POOL | VERB_QUEUE},
	{.name = "cancel", .scopes = VERB_POOL, .argument = "[LAUNCH]",
	 .what = A_LAUNCH, .check = check_launch},
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
