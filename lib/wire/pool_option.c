#include "wire/pool_option.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "wire/limits.h"

#if LIMIT_POOL_NAME != 64
#error "POOL_NAME_RULE says it"
#endif

const struct pool_option pool_options[] = {
	{"launch", POOL_COMMAND, NULL, 0, LIMIT_POOL_COMMAND,
	 "the command that starts $TASKFS_COUNT engines, or asks a queue for them; "
	 "the first line that it prints is the job's name for cancel and check"},
	{"cancel", POOL_COMMAND, NULL, 0, LIMIT_POOL_COMMAND,
	 "the command that takes the job $TASKFS_JOB of the launch "
	 "$TASKFS_LAUNCH out of the queue, or ends it"},
	{"check", POOL_COMMAND, NULL, 0, LIMIT_POOL_COMMAND,
	 "the command that says by its exit status whether the job is there: 0 it "
	 "waits or runs, 1 it is gone, any other: not known; it may print on its first "
	 "line how many engines have a job, and then what why is to say"},
	{"min", POOL_COUNT, "0", 0, LIMIT_ENGINES,
	 "engines that are there also when no task waits, but never more than max"},
	{"max", POOL_COUNT, "10", 0, LIMIT_ENGINES,
	 "engines at most, with those that were asked for; 0: none is launched, and "
	 "those that are there go when they have nothing to do"},
	{"backlog", POOL_COUNT, "4", 1, LIMIT_ENGINES,
	 "engines at most that were asked for and have not registered"},
	{"idle", POOL_SECONDS, "300", 0, LIMIT_SECONDS,
	 "seconds without a task after which an engine is let go"},
	{"lifetime", POOL_SECONDS, NULL, 0, LIMIT_SECONDS,
	 "seconds that an engine lives: $TASKFS_LIFETIME of launch; tasks whose "
	 "min_time is longer are not for this pool"},
	{.name = NULL},
};

const struct pool_option *pool_option_find(struct bytes name)
{
	const struct pool_option *o;

	for (o = pool_options; o->name; o++)
		if (bytes_is(name, o->name))
			return o;
	return NULL;
}

int pool_option_unknown(struct bytes name, struct buf *why)
{
	struct nearest near = NEAREST(name);
	const struct pool_option *o;

	for (o = pool_options; o->name; o++)
		nearest_try(&near, o->name);
	buf_puts(why, "a pool has no option \"");
	buf_put_escaped(why, name, 64);
	buf_puts(why, "\"");
	nearest_ask(&near, why);
	return -EINVAL;
}

static int check_command(const struct pool_option *o, struct bytes text,
			 struct buf *why)
{
	if (text.n > o->max) {
		buf_printf(why, "\"%s\" has more than %.0f bytes", o->name, o->max);
		return -EFBIG;
	}
	if (utf8_valid(text) && !memchr(text.p, 0, text.n))
		return 0;
	buf_printf(why, "\"%s\" must be text in UTF-8, without NUL", o->name);
	return -EINVAL;
}

static uint64_t usec_max(const struct pool_option *o)
{
	return (uint64_t)(o->max * USEC_PER_SEC);
}

static int read_number(const struct pool_option *o, struct bytes text,
		       uint64_t *ret_n)
{
	return o->type == POOL_COUNT
		       ? parse_u64(text, (uint64_t)o->min, (uint64_t)o->max, ret_n)
		       : parse_duration(text, usec_max(o), ret_n);
}

static int check_number(const struct pool_option *o, struct bytes text,
			struct buf *why)
{
	uint64_t n;

	if (read_number(o, text, &n) == 0)
		return 0;
	buf_printf(why, "\"%s\" must be a %s from %.0f to %.0f", o->name,
		   o->type == POOL_COUNT ? "whole number"
					 : "number of seconds (or as 10m, 2h)",
		   o->min, o->max);
	return -EINVAL;
}

int pool_option_check(const struct pool_option *o, struct bytes text,
		      struct bytes *ret_value, struct buf *why)
{
	struct bytes trimmed = parse_trim(text);

	if (!trimmed.n) {
		*ret_value = bytes_of("", 0);
		return 0;
	}
	*ret_value = o->type == POOL_COMMAND ? text : trimmed;
	return o->type == POOL_COMMAND ? check_command(o, text, why)
				       : check_number(o, trimmed, why);
}

uint64_t pool_option_number(const struct pool_option *o, const char *value)
{
	const char *text = value && *value ? value : o->standard;
	uint64_t n = 0;

	if (!text || read_number(o, bytes_str(text), &n))
		return 0;
	return n;
}

/* --- names --------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Fit for a file, a word of the shell and the name of a job. */
static bool is_plain(struct bytes name, size_t max)
{
	const char *p = name.p;
	size_t i;

	if (name.n == 0 || name.n > max || *p == '.' || *p == '-')
		return false;
	for (i = 0; i < name.n; i++)
		if (!is_letter(p[i]) && !is_digit(p[i]) && !memchr("._-", p[i], 3))
			return false;
	return true;
}

bool pool_name_ok(struct bytes name)
{
	const char *p = name.p;
	size_t i;

	if (!is_plain(name, LIMIT_POOL_NAME))
		return false;
	for (i = 0; i < name.n && is_digit(p[i]); i++)
		;
	return i < name.n;
}

bool launch_token_ok(struct bytes token)
{
	return is_plain(token, LIMIT_LAUNCH);
}
