#include "base/base.h"
#include "pool.h"

#include "base/log.h"
#include "model/clock.h"
#include "wire/ids.h"

#define PAUSE_MAX (300 * USEC_PER_SEC)
/* A launch from which engines are to come is not asked about so long. */
#define SILENT (60 * (int64_t)USEC_PER_SEC)

/* --- pools ------------------------------------------------------------------ */

struct pool *pool_find(const struct controller *c, struct bytes name)
{
	return map_get(&c->pools->by_name, name);
}

struct pool *pool_new(struct controller *c, int64_t id, const char *name)
{
	struct pool *p = zalloc(sizeof(*p));
	struct list *at;

	p->c = c;
	p->id = id;
	p->name = xstrdup(name);
	list_init(&p->launches);
	list_for_each(at, &c->pools->all)
		if (strcmp(list_entry(at, struct pool, link)->name, name) > 0)
			break;
	list_insert(&p->link, at->prev, at);
	map_put(&c->pools->by_name, bytes_str(name), p);
	c->count.pools++;
	return p;
}

void pool_free(struct pool *p)
{
	size_t i;

	assert(list_empty(&p->launches));
	list_del(&p->link);
	map_remove(&p->c->pools->by_name, bytes_str(p->name));
	for (i = 0; i < POOL_OPTIONS; i++)
		free(p->option[i]);
	amounts_done(&p->has);
	free(p->why);
	free(p->told_why);
	free(p->name);
	p->c->count.pools--;
	free(p);
}

static char *json_copy(struct json_object *o)
{
	struct bytes text = json_bytes(o);
	char *copy = xmemdup_nul(text.p, text.n);

	json_object_put(o);
	return copy;
}

void pool_store(struct pool *p, void (*done)(struct store_op *op), void *arg)
{
	struct store_op *op = store_op_new(STORE_POOL);

	op->pool = (struct pool_row){
		.id = p->id,
		.name = xstrdup(p->name),
		.options = json_copy(pool_options_json(p)),
		.paused = p->paused,
		.failures = (int64_t)p->failures,
		.until = p->until,
		.why = str_copy(p->why),
		.slots = p->slots,
		.resources = json_copy(amounts_json(&p->has)),
	};
	op->arg = arg;
	op->done = done;
	store_put(p->c->store, op);
}

void pool_changed(struct pool *p)
{
	p->changed = true;
	loop_defer(p->c->loop, &p->c->pools->look);
}

/* --- options ---------------------------------------------------------------- */

static const char *text_of(const struct pool *p, const struct pool_option *o)
{
	return p->option[o - pool_options];
}

static const struct pool_option *option_row(const char *name)
{
	const struct pool_option *o = pool_option_find(bytes_str(name));

	assert(o && o - pool_options < POOL_OPTIONS);
	return o;
}

const char *pool_option_text(const struct pool *p, const char *name)
{
	return text_of(p, option_row(name));
}

uint64_t pool_number(const struct pool *p, const char *name)
{
	const struct pool_option *o = option_row(name);

	return pool_option_number(o, text_of(p, o));
}

void pool_set_option(struct pool *p, const struct pool_option *o,
		     struct bytes value)
{
	char **at = &p->option[o - pool_options];

	free(*at);
	*at = value.n ? xmemdup_nul(value.p, value.n) : NULL;
	p->options_changed = true;
	pool_changed(p);
}

struct json_object *pool_options_json(const struct pool *p)
{
	struct json_object *o = json_object_new_object();
	const struct pool_option *row;

	for (row = pool_options; row->name; row++)
		if (text_of(p, row))
			json_add_str(o, row->name, text_of(p, row));
	return o;
}

/* --- what is the matter ------------------------------------------------------- */

enum pool_state pool_state(const struct pool *p)
{
	if (!p->c->config.pools)
		return POOL_OFF;
	if (p->failures >= POOL_FAILURES)
		return POOL_STOPPED;
	if (p->paused || p->c->pools->stopped)
		return POOL_PAUSED;
	if (!pool_option_text(p, "launch"))
		return POOL_EMPTY;
	return p->until > clock_now(p->c) ? POOL_WAITING : POOL_READY;
}

const char *pool_state_word(enum pool_state state)
{
	static const char *const words[POOL_STATES] = {
		[POOL_EMPTY] = "empty",	    [POOL_READY] = "ready",
		[POOL_PAUSED] = "paused",   [POOL_WAITING] = "waiting",
		[POOL_STOPPED] = "stopped", [POOL_OFF] = "off",
	};

	return words[state];
}

static void put_line(struct buf *out, const char *text)
{
	buf_printf(out, "%s%s", out->n ? "\n" : "", text);
}

/* The nearest whole one: two clocks say it, which are never read at once. */
static void put_second(int64_t usec, char date[DATE_SIZE])
{
	date_format(usec + USEC_PER_SEC / 2, date);
	snprintf(strchr(date, '.'), 2, "Z");
}

static void put_failure(const struct pool *p, enum pool_state state,
			struct buf *out)
{
	char date[DATE_SIZE];

	if (state == POOL_STOPPED) {
		buf_printf(out, "%d failures in a row: write resume to ctl when it "
				"works again", POOL_FAILURES);
	} else if (state == POOL_WAITING) {
		put_second(now_usec() + p->until - clock_now(p->c), date);
		buf_printf(out, "tried again at %s", date);
	}
	/* It is told until something works again. */
	if (p->why && (state != POOL_READY || p->failures))
		put_line(out, p->why);
}

/* It would launch, and may not. */
static void put_limit(const struct pool *p, struct buf *out)
{
	const struct plan *n = &p->plan;
	struct buf text = BUF_INIT;

	if (n->short_of && n->have + n->coming >= n->max)
		buf_printf(&text, "more tasks wait than it may have engines for: "
				  "max is %llu", (unsigned long long)n->max);
	else if (n->wanted > n->fresh + n->coming && n->coming >= n->backlog)
		buf_printf(&text, "%llu engines were asked for and have not "
				  "registered; backlog is %llu",
			   (unsigned long long)n->coming,
			   (unsigned long long)n->backlog);
	if (text.n)
		put_line(out, buf_str(&text));
	buf_done(&text);
}

/* What the queue says of those that are to come. */
static void put_note(const struct launch *l, struct buf *out)
{
	char *text;

	if (!l->note || !launch_coming(l) || l->state == LAUNCH_ENDING)
		return;
	text = xasprintf("%s: %s", l->token, l->note);
	put_line(out, text);
	free(text);
}

/* Without the command check nobody knows of launches that nothing is heard of. */
static void put_silent(const struct launch *l, struct buf *out)
{
	char date[DATE_SIZE];
	struct buf text = BUF_INIT;

	if (l->state == LAUNCH_LAUNCHING || l->state == LAUNCH_ENDING ||
	    !launch_coming(l) || pool_option_text(l->pool, "check") ||
	    now_usec() - l->since < SILENT)
		return;
	put_second(l->since, date);
	buf_printf(&text, "%s: %llu of %llu engines have not registered since %s; "
			  "without a check command nobody knows whether they come: "
			  "cancel it if they do not", l->token,
		   (unsigned long long)launch_coming(l),
		   (unsigned long long)l->count, date);
	put_line(out, buf_str(&text));
	buf_done(&text);
}

void pool_put_why(const struct pool *p, struct buf *out)
{
	enum pool_state state = pool_state(p);
	const struct list *l;

	put_failure(p, state, out);
	if (state == POOL_EMPTY)
		put_line(out, "it has no launch command");
	if (state == POOL_OFF)
		put_line(out, "the controller runs no commands of pools: it was "
			      "started with --pools=no");
	if (p->c->pools->stopped)
		put_line(out, "the cluster is being stopped");
	if (state == POOL_PAUSED && p->plan.wanted)
		put_line(out, "tasks wait that it could run, and it is paused: write "
			      "resume to ctl");
	list_for_each(l, &p->launches) {
		const struct launch *launch = list_entry(l, struct launch, link);

		if (launch->trouble)
			put_line(out, launch->trouble);
		put_note(launch, out);
		put_silent(launch, out);
	}
	if (state == POOL_READY)
		put_limit(p, out);
}

/* --- failures ------------------------------------------------------------------ */

uint64_t pool_pause(const struct controller *c, uint64_t times, uint64_t most)
{
	uint64_t pause = min_u64(c->config.pool_pause, most);

	return times > 20 ? most : min_u64(pause << (times ? times - 1 : 0), most);
}

static void set_why(struct pool *p, const char *what, const char *said)
{
	free(p->why);
	p->why = said && *said ? xasprintf("%s:\n%s", what, said) : xstrdup(what);
}

void pool_fail(struct pool *p, const char *what, const char *said)
{
	p->c->count.pool_failures++;
	if (!p->failures || p->until <= clock_now(p->c)) {
		p->failures++;
		p->until = clock_now(p->c) +
			   (int64_t)pool_pause(p->c, p->failures, PAUSE_MAX);
	}
	set_why(p, what, said);
	log_warning(p->failures >= POOL_FAILURES ? "a pool failed, and is stopped"
						 : "a pool failed",
		    log_str("pool", p->name), log_str("why", what),
		    log_int("failures", (int64_t)p->failures), log_str("said", said));
	pool_store(p, NULL, NULL);
	pool_changed(p);
}

void pool_store_failed(struct pool *p, int err)
{
	struct buf what = BUF_INIT;

	p->full++;
	p->until = clock_now(p->c) + (int64_t)pool_pause(p->c, p->full, PAUSE_MAX);
	buf_printf(&what, "a launch could not be stored: %s", strerror(-err));
	set_why(p, buf_str(&what), NULL);
	log_warning("nothing is launched, as it could not be stored",
		    log_str("pool", p->name), log_errno(err));
	buf_done(&what);
	pool_changed(p);
}

void pool_recover(struct pool *p)
{
	if (!p->failures && !p->until && !p->why)
		return;
	p->failures = p->full = 0;
	p->until = 0;
	free(p->why);
	p->why = NULL;
	pool_store(p, NULL, NULL);
	pool_changed(p);
}

/* --- launches -------------------------------------------------------------------- */

struct launch *launch_find(const struct controller *c, int64_t id)
{
	return map_get_u64(&c->pools->launch_by_id, (uint64_t)id);
}

struct launch *launch_by_token(const struct controller *c, struct bytes token)
{
	return map_get(&c->pools->launch_by_token, token);
}

struct launch *launch_new(struct pool *p, int64_t id, const char *token)
{
	struct launch *l = zalloc(sizeof(*l));

	l->pool = p;
	l->id = id;
	l->token = xstrdup(token);
	l->since = now_usec();
	list_init(&l->members);
	list_add_tail(&p->launches, &l->link);
	map_put_u64(&p->c->pools->launch_by_id, (uint64_t)id, l);
	map_put(&p->c->pools->launch_by_token, bytes_str(token), l);
	p->c->count.launches++;
	pool_changed(p);
	return l;
}

void launch_free(struct launch *l)
{
	assert(list_empty(&l->members) && !l->command);
	pool_changed(l->pool);
	l->pool->c->count.launches--;
	list_del(&l->link);
	map_remove_u64(&l->pool->c->pools->launch_by_id, (uint64_t)l->id);
	map_remove(&l->pool->c->pools->launch_by_token, bytes_str(l->token));
	free(l->token);
	free(l->job);
	free(l->said);
	free(l->note);
	free(l->trouble);
	free(l);
}

uint64_t launch_coming(const struct launch *l)
{
	return l->gone || l->registered >= l->count ? 0 : l->count - l->registered;
}

void launch_store(struct launch *l, void (*done)(struct store_op *op))
{
	struct store_op *op = store_op_new(STORE_LAUNCH);

	op->launch = (struct launch_row){
		.id = l->id,
		.pool = l->pool->id,
		.token = xstrdup(l->token),
		.count = (int64_t)l->count,
		.registered = (int64_t)l->registered,
		.state = (int)l->state,
		.since = l->since,
		.job = str_copy(l->job),
	};
	op->arg = l->pool->c;
	op->done = done;
	store_put(l->pool->c->store, op);
}

void launch_set_state(struct launch *l, enum launch_state state)
{
	if (l->state == state)
		return;
	l->state = state;
	l->since = now_usec();
	log_info("launch", log_str("pool", l->pool->name),
		 log_str("launch", l->token),
		 log_str("state", launch_state_word(state)),
		 log_str("job", l->job));
	pool_changed(l->pool);
}

const char *launch_state_word(enum launch_state state)
{
	static const char *const words[LAUNCH_STATES] = {
		[LAUNCH_LAUNCHING] = "launching", [LAUNCH_QUEUED] = "queued",
		[LAUNCH_RUNNING] = "running",	  [LAUNCH_ENDING] = "ending",
	};

	return words[state] ? words[state] : "none";
}
