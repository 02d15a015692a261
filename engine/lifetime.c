#include "lifetime.h"
#include "base/parse.h"
#include "engine.h"
#include "wire/ids.h"
#include "wire/limits.h"

/* It takes no more tasks in the last half minute, or the last tenth of a short life. */
#define DRAIN_USEC (30 * USEC_PER_SEC)
#define DRAIN_PART 10
/* So long before a job's end nothing runs any more: what came of it has to be sent. */
#define MARGIN_USEC (10 * USEC_PER_SEC)

#define NEVER INT64_MAX

/* --- when ----------------------------------------------------------------- */

/* What a batch system tells its jobs: seconds. */
static const struct source {
	const char *name;
	bool date;	/* since 1970; or else since the job began, as the engine does */
} sources[] = {
	{"SLURM_JOB_END_TIME", true},
	{"PBS_WALLTIME", false},
};

/* usec from now, at least 0. */
static int read_source(const struct source *s, const char *value, int64_t *ret_left)
{
	uint64_t seconds;
	int64_t left;

	if (parse_u64(bytes_str(value), 0, LIMIT_TIME / USEC_PER_SEC, &seconds)) {
		fprintf(stderr, "taskfs-engine: %s is '%s', no number of "
				"seconds; --lifetime says another end\n",
			s->name, value);
		return -EINVAL;
	}
	left = (int64_t)(seconds * USEC_PER_SEC) - (int64_t)MARGIN_USEC;
	if (s->date)
		left -= now_usec();
	*ret_left = left > 0 ? left : 0;
	return 0;
}

static int find_left(const struct config *c, int64_t *ret_left)
{
	size_t i;

	*ret_left = NEVER;
	if (c->lifetime != NO_NUMBER) {
		if (c->lifetime)
			*ret_left = (int64_t)c->lifetime;
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		const char *value = getenv(sources[i].name);

		if (value && *value)
			return read_source(&sources[i], value, ret_left);
	}
	return 0;
}

int lifetime_read(struct config *c)
{
	int64_t left;
	int err = find_left(c, &left);

	if (err || left == NEVER)
		return err;
	c->ends = mono_usec() + (uint64_t)left;
	c->drains = c->ends - min_u64(DRAIN_USEC, (uint64_t)left / DRAIN_PART);
	return 0;
}

/* --- the end -------------------------------------------------------------- */

int64_t lifetime_left(const struct engine *e)
{
	uint64_t now = mono_usec();

	return e->config->ends > now ? (int64_t)(e->config->ends - now) : 0;
}

static void ask_to_drain(struct engine *e)
{
	char date[DATE_SIZE];

	date_format(now_usec() + lifetime_left(e), date);
	e->lifetime.drains = true;
	health_drain(e, xasprintf("its lifetime ends at %s", date));
}

static void step(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, lifetime.step);
	const struct config *c = e->config;
	uint64_t now = mono_usec();

	if (now >= c->ends) {
		e->leave.why = "its lifetime is over";
		log_info("the engine ends", log_str("why", e->leave.why));
		leave_begin(e, EXIT_OK);
		return;
	}
	if (now >= c->drains && !e->lifetime.drains)
		ask_to_drain(e);
	timer_set(e->loop, t, (now < c->drains ? c->drains : c->ends) - now);
}

void lifetime_init(struct engine *e)
{
	e->lifetime = (struct lifetime){.step.fire = step};
	if (e->config->ends)
		timer_set(e->loop, &e->lifetime.step, 0);
}

void lifetime_done(struct engine *e)
{
	timer_cancel(&e->lifetime.step);
}
