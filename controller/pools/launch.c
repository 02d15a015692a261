#include "base/base.h"
#include "launch.h"

#include "base/log.h"
#include "base/parse.h"
#include "command.h"
#include "engines/heart.h"
#include "environment.h"
#include "members.h"
#include "model/engines.h"

/* Commands that run at a time. */
#define COMMANDS_MAX 16
/* Between checks, between tries to cancel. */
#define CHECK_MAX (60 * USEC_PER_SEC)
#define CANCEL_MAX (300 * USEC_PER_SEC)
/* So often it is tried to cancel what nobody can check. */
#define CANCELS_MAX 10
/* Bytes of what check says of a launch that is there. */
#define NOTE_MAX 1024
#define LAUNCHES_MAX 1000000000000000LL
/* So many digits of the cluster's id tell its launches from those of others. */
#define TOKEN_HEX 6

/* --- the end --------------------------------------------------------------- */

static void end(struct launch *l, const char *why)
{
	struct store_op *op = store_op_new(STORE_LAUNCH_GONE);

	log_info("launch ended", log_str("pool", l->pool->name),
		 log_str("launch", l->token), log_str("why", why));
	op->launch.id = l->id;
	store_put(l->pool->c->store, op);
	launch_free(l);
}

/* --- commands ---------------------------------------------------------------- */

bool launches_busy(const struct controller *c)
{
	return c->pools->commands >= COMMANDS_MAX || !c->config.pools;
}

/* false: it could not be started; *why says why. */
static bool run(struct launch *l, const char *option,
		void (*done)(struct command *cmd), struct buf *why)
{
	struct pools *pools = l->pool->c->pools;
	struct environment env = {.n = 0};
	int err = 0;

	environment_make(&env, l);
	l->command = command_start(pools->c, pool_option_text(l->pool, option),
				   (const char *const *)env.of, done, l, &err);
	environment_done(&env);
	if (err)
		buf_printf(why, "%s could not be started: %s", option,
			   strerror(-err));
	pools->commands += !err;
	return !err;
}

static struct launch *ended(struct command *cmd)
{
	struct launch *l = command_arg(cmd);

	l->command = NULL;
	l->pool->c->pools->commands--;
	pool_changed(l->pool);
	return l;
}

/* --- launching ---------------------------------------------------------------- */

static void failed(struct launch *l, const char *what, const char *said)
{
	struct pool *p = l->pool;
	struct buf text = BUF_INIT;

	buf_printf(&text, "%s: %s", l->token, what);
	pool_fail(p, buf_str(&text), said);
	buf_done(&text);
}

/* Nobody knows what it has begun. */
static bool is_unclear(const struct command *cmd)
{
	return command_status(cmd) < 0;
}

static void launch_failed(struct launch *l, const struct command *cmd)
{
	struct buf what = BUF_INIT;

	buf_puts(&what, "launch failed: ");
	command_put_end(cmd, &what);
	failed(l, buf_str(&what), l->said);
	buf_done(&what);
	l->gone = true;
	if (is_unclear(cmd) && pool_option_text(l->pool, "cancel"))
		launch_cancel(l);
	else if (list_empty(&l->members))
		end(l, "its command failed");
	else
		launch_set_state(l, LAUNCH_RUNNING);
}

static void on_launched(struct command *cmd)
{
	struct launch *l = ended(cmd);
	struct buf said = BUF_INIT;

	command_put_last(cmd, &said);
	l->said = buf_take(&said);
	l->job = command_first_line(cmd);
	l->check_at = mono_usec() + pool_pause(l->pool->c, 1, CHECK_MAX);
	if (l->state == LAUNCH_ENDING) {
		l->gone |= command_status(cmd) > 0;
		launch_store(l, NULL);
	} else if (command_status(cmd) == 0) {
		launch_set_state(l, list_empty(&l->members) ? LAUNCH_QUEUED
							    : LAUNCH_RUNNING);
		launch_store(l, NULL);
	} else {
		launch_failed(l, cmd);
	}
}

static void on_stored(struct store_op *op)
{
	struct launch *l = launch_find(op->arg, op->launch.id);
	struct buf why = BUF_INIT;
	struct pool *p;

	if (!l || l->command)
		return;
	p = l->pool;
	if (op->err && list_empty(&l->members)) {
		launch_free(l);
		pool_store_failed(p, op->err);
	} else if (l->state == LAUNCH_LAUNCHING) {
		p->full = 0;
		if (!run(l, "launch", on_launched, &why)) {
			failed(l, buf_str(&why), NULL);
			end(l, "it was not begun");
		}
	}
	buf_done(&why);
}

/* A number is not given again, not after a restart either. */
static void keep_next(struct controller *c)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = "next_launch";
	op->meta.value = xasprintf("%lld", (long long)c->pools->next_launch);
	store_put(c->store, op);
}

void launch_begin(struct pool *p, uint64_t count)
{
	struct controller *c = p->c;
	int64_t id = c->pools->next_launch++;
	char *token = xasprintf("tfs-%s-%lld-%.*s", p->name, (long long)id,
				TOKEN_HEX, c->cluster);
	struct launch *l = launch_new(p, id, token);

	l->count = count;
	launch_set_state(l, LAUNCH_LAUNCHING);
	c->count.pool_launches++;
	keep_next(c);
	launch_store(l, on_stored);
	free(token);
}

/* --- cancelling ------------------------------------------------------------------ */

void launch_cancel(struct launch *l)
{
	l->cancel_at = 0;
	l->cancels = 0;
	if (!pool_option_text(l->pool, "cancel"))
		l->check_at = 0;
	if (l->state != LAUNCH_ENDING) {
		launch_set_state(l, LAUNCH_ENDING);
		launch_store(l, NULL);
	}
	members_stop(l, "its launch was cancelled");
	pool_changed(l->pool);
}

static void set_trouble(struct launch *l, struct buf *what)
{
	free(l->trouble);
	l->trouble = what ? buf_take(what) : NULL;
}

static void cancel_failed(struct launch *l, const char *how, const char *said)
{
	struct buf what = BUF_INIT;

	l->cancels++;
	l->cancel_at = mono_usec() + pool_pause(l->pool->c, l->cancels, CANCEL_MAX);
	l->check_at = 0;
	buf_printf(&what, "%s: cancel failed: %s%s%s", l->token, how,
		   *said ? ":\n" : "", said);
	log_warning("a launch could not be cancelled",
		    log_str("pool", l->pool->name), log_str("launch", l->token),
		    log_str("why", how), log_str("said", said));
	set_trouble(l, &what);
	l->cancelled = l->cancels >= CANCELS_MAX &&
		       !pool_option_text(l->pool, "check");
}

static void on_cancelled(struct command *cmd)
{
	struct launch *l = ended(cmd);
	struct buf how = BUF_INIT, said = BUF_INIT;

	if (command_status(cmd) == 0) {
		l->cancelled = true;
		set_trouble(l, NULL);
		return;
	}
	command_put_end(cmd, &how);
	command_put_last(cmd, &said);
	cancel_failed(l, buf_str(&how), buf_str(&said));
	buf_done(&how);
	buf_done(&said);
}

static void cancel_now(struct launch *l)
{
	struct buf why = BUF_INIT;

	if (!run(l, "cancel", on_cancelled, &why))
		cancel_failed(l, buf_str(&why), "");
	buf_done(&why);
}

/* --- checking --------------------------------------------------------------------- */

/* Nobody of it comes any more. said: what check printed of that. */
static void take_gone(struct launch *l, const char *said)
{
	l->gone = l->cancelled = true;
	set_trouble(l, NULL);
	(void)members_forget_lost(l, UINT64_MAX);
	if (!list_empty(&l->members))
		return;
	if (!l->registered && l->state != LAUNCH_ENDING)
		failed(l, "its job is gone, and no engine has registered",
		       *said ? said : l->said);
	end(l, "its job is gone");
}

static void check_again(struct launch *l)
{
	l->checks++;
	l->check_at = mono_usec() + pool_pause(l->pool->c, l->checks, CHECK_MAX);
}

/* So many fewer have a job than there should be: those that are lost, and some that were to
 * come. */
static void take_missing(struct launch *l, uint64_t n)
{
	char *what;

	l->missing = 0;
	n -= members_forget_lost(l, n);
	n = min_u64(n, launch_coming(l));
	if (!n)
		return;
	l->count -= n;
	launch_store(l, NULL);
	what = xasprintf("%llu of its jobs are gone, and no engine of them has "
			 "registered", (unsigned long long)n);
	failed(l, what, l->note);
	free(what);
}

/* So many engines have a job. One that has died has none, and is seen to be lost only after a
 * while: so long it is not one of those that are missed. */
static void take_number(struct launch *l, uint64_t n)
{
	const struct list *at;
	uint64_t all = launch_coming(l);

	list_for_each(at, &l->members)
		all++;
	if (all <= n)
		l->missing = 0;
	else if (!l->missing)
		l->missing = mono_usec();
	else if (mono_usec() - l->missing >= heart_limit(l->pool->c))
		take_missing(l, all - n);
}

/* It is there. The first line may be a number; the rest is told. */
static void take_there(struct launch *l, struct bytes said)
{
	struct bytes rest = said, line;
	uint64_t n;

	free(l->note);
	if (parse_line(&rest, &line) &&
	    parse_u64(line, 0, LIMIT_ENGINES, &n) == 0)
		said = rest;
	else
		n = UINT64_MAX;
	said.n = utf8_whole(bytes_of(said.p, min_u64(said.n, NOTE_MAX)));
	l->note = said.n ? xmemdup_nul(said.p, said.n) : NULL;
	take_number(l, n);
}

static void on_checked(struct command *cmd)
{
	struct launch *l = ended(cmd);
	struct buf said = BUF_INIT;

	command_put_last(cmd, &said);
	if (command_status(cmd) == 1) {
		take_gone(l, buf_str(&said));
	} else {
		check_again(l);
		if (command_status(cmd) == 0)
			take_there(l, buf_bytes(&said));
	}
	buf_done(&said);
}

static bool has_lost(const struct launch *l)
{
	const struct list *at;

	list_for_each(at, &l->members)
		if (list_entry(at, struct member, link)->engine->given_up)
			return true;
	return false;
}

/* Whether there is something that only its job can tell. */
static bool is_doubtful(const struct launch *l)
{
	if (l->state == LAUNCH_ENDING)
		return !l->cancelled &&
		       (l->trouble || !pool_option_text(l->pool, "cancel"));
	return launch_coming(l) || has_lost(l);
}

/* True: it is being checked. */
static bool check(struct launch *l)
{
	struct buf why = BUF_INIT;

	if (!is_doubtful(l))
		l->missing = 0;
	if (!pool_option_text(l->pool, "check") || !is_doubtful(l) ||
	    mono_usec() < l->check_at || launches_busy(l->pool->c))
		return false;
	if (!run(l, "check", on_checked, &why))
		check_again(l);
	buf_done(&why);
	return true;
}

/* --- over time ---------------------------------------------------------------------- */

static void tend_ending(struct launch *l)
{
	bool can = pool_option_text(l->pool, "cancel") != NULL;

	/* Nobody can keep its engines from coming. Who stops the cluster waits for them:
	 * they would come to nobody. */
	if (!can)
		l->cancelled = !l->pool->c->pools->stopped || !launch_coming(l);
	if (l->cancelled && list_empty(&l->members))
		end(l, "it was cancelled");
	else if (can && !l->cancelled && mono_usec() >= l->cancel_at &&
		 !launches_busy(l->pool->c))
		cancel_now(l);
}

void launch_tend(struct launch *l)
{
	if (l->state == LAUNCH_ENDING)
		members_stop(l, "its launch was cancelled");
	if (l->command || l->state == LAUNCH_LAUNCHING || check(l))
		return;
	if (l->state == LAUNCH_ENDING)
		tend_ending(l);
	else if (list_empty(&l->members) && !launch_coming(l))
		end(l, "its engines are gone");
}

void launch_joined(struct launch *l)
{
	l->registered++;
	if (l->state == LAUNCH_QUEUED)
		launch_set_state(l, LAUNCH_RUNNING);
	launch_store(l, NULL);
}

void launch_resume(struct launch *l)
{
	if (l->state != LAUNCH_LAUNCHING)
		return;
	/* Its command has run, or not, or in part. What is left of it may need a moment
	 * to end. */
	if (pool_option_text(l->pool, "cancel")) {
		launch_cancel(l);
		l->cancel_at = mono_usec() + pool_pause(l->pool->c, 1, CANCEL_MAX);
	} else {
		launch_set_state(l, LAUNCH_QUEUED);
	}
}

/* --- what others know ---------------------------------------------------------------- */

/* The pool and the number in "tfs-NAME-12-a1b2c3", of this cluster. */
static struct pool *read_token(struct controller *c, const char *token,
			       uint64_t *ret_number)
{
	const char *hex = strrchr(token, '-'), *number = hex;

	if (!hex || strncmp(token, "tfs-", 4) != 0 ||
	    strncmp(hex + 1, c->cluster, TOKEN_HEX) != 0)
		return NULL;
	while (number > token + 4 && number[-1] != '-')
		number--;
	if (number <= token + 5 ||
	    parse_u64(bytes_of(number, (size_t)(hex - number)), 1, LAUNCHES_MAX,
		      ret_number))
		return NULL;
	return pool_find(c, bytes_of(token + 4, (size_t)(number - token) - 5));
}

struct launch *launch_adopt(struct controller *c, const char *token)
{
	struct pools *pools = c->pools;
	uint64_t number;
	struct pool *p = read_token(c, token, &number);
	struct launch *l;
	int64_t id;

	if (!p || p->removing)
		return NULL;
	id = launch_find(c, (int64_t)number) ? pools->next_launch
					     : (int64_t)number;
	if (id >= pools->next_launch) {
		pools->next_launch = id + 1;
		keep_next(c);
	}
	l = launch_new(p, id, token);
	log_info("an engine of a launch that was forgotten",
		 log_str("launch", token));
	launch_set_state(l, LAUNCH_RUNNING);
	return l;
}
