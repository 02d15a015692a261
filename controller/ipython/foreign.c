#include "base/base.h"
#include "foreign.h"

#include "base/log.h"
#include "engines/orders.h"
#include "execute/execute.h"
#include "hook.h"
#include "listener.h"
#include "model/carrier.h"
#include "schedule/run.h"
#include "schedule/sched.h"
#include "vars/kinds.h"
#include "vars/vars.h"

#include <signal.h>

/* An engine is asked again after this, then after twice that, ... */
#define AGAIN (500 * USEC_PER_MSEC)
#define AGAIN_MAX (60 * USEC_PER_SEC)
/* When the end of a request was not heard, the subscription is not there yet: after
 * this the request is sent again. */
#define UNHEARD (200 * USEC_PER_MSEC)
#define UNHEARD_DOUBLINGS 6

enum step {
	STEP_LANGUAGE,	/* asked for it */
	STEP_HOOK,	/* told to run the hook */
	STEP_READY,
	STEP_USELESS,	/* the hook does not run there */
};

struct foreign {
	struct engine *e;
	enum step step;
	char asked[MSG_ID_SIZE];	/* the request under way */
	bool replied, idle;
	unsigned unheard;	/* so often its end was not heard in time */
	bool python, ours;
	char *elsewhere_id;	/* of a task that is not ours; NULL: not known */
	struct timer again;
	uint64_t wait;
};

/* Sets what others know of the engine. */
static void note_facts(struct foreign *f)
{
	struct engine *e = f->e;
	bool ready = f->step == STEP_READY;

	e->ready = ready && !e->elsewhere;
	e->python = f->python;
	e->shell = f->ours;
	e->no_vars = f->step == STEP_USELESS ||
		     (ready && !f->python && !f->ours);
}

bool foreign_has_done_all(const struct engine *e)
{
	return e->python && e->ready;
}

bool foreign_is_ours(const struct engine *e)
{
	return e->foreign && e->foreign->ours;
}

const char *foreign_elsewhere(const struct engine *e)
{
	return e->foreign ? e->foreign->elsewhere_id : NULL;
}

void foreign_set_elsewhere(struct engine *e, bool elsewhere)
{
	if (!e->foreign)
		return;
	free(e->foreign->elsewhere_id);
	e->foreign->elsewhere_id = NULL;
	if (e->elsewhere == elsewhere)
		return;
	e->elsewhere = elsewhere;
	note_facts(e->foreign);
	engine_changed(e);
	if (elsewhere) {
		e->began = mono_usec();
		return;
	}
	engine_tell_hooks(e, idle);
	sched_kick(e->c);
}

static bool is_task(const char *type)
{
	return type && (strcmp(type, MSG_EXECUTE_REQUEST) == 0 ||
			strcmp(type, MSG_APPLY_REQUEST) == 0);
}

/* A request after which the variables of the engine may be others. */
static bool changes_variables(const char *type)
{
	return is_task(type) || (type && strcmp(type, MSG_CLEAR_REQUEST) == 0);
}

/* m is about a client's task. Of a mount's task that was aborted no end is
 * published. */
static bool is_others_task(struct engine *e, const struct msg *m)
{
	const char *cluster = e->c->cluster;
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	const char *type = json_get_str(m->parent, "msg_type", NULL);
	const char *session = json_get_str(m->parent, "session", NULL);

	return id && is_task(type) &&
	       strncmp(id, cluster, strlen(cluster)) != 0 &&
	       !(session && strcmp(session, engine_session(e)->id) == 0);
}

/*
 * An engine with a thread for its control channel (ipyparallel 9) is done with
 * what comes there in the middle of a task.
 */
void foreign_note_end(struct engine *e, const struct msg *m)
{
	if (iopub_says(m, "idle") &&
	    is_task(json_get_str(m->parent, "msg_type", NULL)))
		foreign_set_elsewhere(e, false);
}

void foreign_note_other(struct engine *e, const struct msg *m)
{
	if (strcmp(m->type, MSG_STATUS) == 0 &&
	    changes_variables(json_get_str(m->parent, "msg_type", NULL)))
		vars_ran(e);
	foreign_note_end(e, m);
	if (!e->foreign || !iopub_says(m, "busy") || !is_others_task(e, m))
		return;
	foreign_set_elsewhere(e, true);
	e->foreign->elsewhere_id =
		xstrdup(json_get_str(m->parent, "msg_id", NULL));
}

/* --- asking ------------------------------------------------------------- */

static int ask(struct foreign *f, enum engine_line line, const char *type,
	       struct json_object *content)
{
	struct json_object *meta = json_object_new_object();
	struct json_object *ours = json_object_new_object();
	struct msg_out out = {
		.type = type,
		.msg_id = f->asked,
		.content = content,
		.metadata = meta,
	};
	int err;

	session_msg_id(engine_session(f->e), f->asked);
	f->replied = f->idle = false;
	/* Who looks into the database of a hub sees whose request this is. */
	json_add_bool(ours, "setup", true);
	json_add(meta, "taskfs", ours);
	err = engine_send(f->e, line, &out);
	json_object_put(meta);
	json_object_put(content);
	return err;
}

static struct json_object *hook_content(void)
{
	struct buf code = BUF_INIT, text = BUF_INIT;
	struct json_object *o;

	hook_put(&code);
	execute_put_content(buf_bytes(&code), true, FOREIGN_ABOUT, &text);
	o = json_parse(buf_bytes(&text), NULL);
	buf_done(&code);
	buf_done(&text);
	return o;
}

static void take_step(struct foreign *f)
{
	/* An engine that is not there yet is asked again. */
	if (f->step == STEP_LANGUAGE)
		(void)!ask(f, LINE_CONTROL, MSG_KERNEL_INFO_REQUEST,
			   json_object_new_object());
	else if (f->step == STEP_HOOK)
		(void)!ask(f, LINE_TASK, MSG_EXECUTE_REQUEST, hook_content());
	else
		return;
	timer_set(f->e->c->loop, &f->again, f->wait);
}

static void again(struct timer *t)
{
	struct foreign *f = container_of(t, struct foreign, again);

	f->wait = min_u64(f->wait * 2, AGAIN_MAX);
	/* The end may be late: every time it has longer. */
	if (f->replied && f->unheard < UNHEARD_DOUBLINGS)
		f->unheard++;
	take_step(f);
}

/* ipyparallel has a message for a signal to the task that runs, and to no other. */
static int signal_relayed(struct run *run, int signo)
{
	struct engine *e = run->engine;

	return signo == SIGINT && e->runs.next == &run->engine_link
		       ? order_signal(e, signo)
		       : -EOPNOTSUPP;
}

static const struct engine_kind ipython = {
	.language = "python",
	.vars = &vars_ops_ipython,
	.signal_relayed = signal_relayed,
};

static void joined(struct engine *e)
{
	struct foreign *f = e->foreign;

	if (e->kind != &ipython)
		return;
	if (!f) {
		f = e->foreign = zalloc(sizeof(*f));
		f->e = e;
		f->again.fire = again;
	}
	/* The end of what others ran may have been missed. */
	free(f->elsewhere_id);
	f->elsewhere_id = NULL;
	e->elsewhere = false;
	f->step = STEP_LANGUAGE;
	note_facts(f);
	f->wait = AGAIN;
	f->unheard = 0;
	take_step(f);
}

static void forget(struct engine *e)
{
	if (!e->foreign)
		return;
	e->ready = e->shell = e->python = e->elsewhere = e->no_vars = false;
	timer_cancel(&e->foreign->again);
	free(e->foreign->elsewhere_id);
	free(e->foreign);
	e->foreign = NULL;
}

static void known(struct engine *e)
{
	if (e->taskfs)
		return;
	e->kind = &ipython;
	e->run_ops = e->c->carrier->run_ops;
}

const struct engine_hooks foreign_hooks = {
	.known = known,
	.joined = joined,
	.lost = forget,
	.freed = forget,
};

/* --- answers ------------------------------------------------------------ */

struct json_object *foreign_answer(struct json_object *content)
{
	struct json_object *o = json_get_object(
		json_get_object(content, "user_expressions"), "taskfs");
	size_t n = 0;
	const char *s = json_get_str(json_get_object(o, "data"), "text/plain",
				     &n);

	o = s ? json_parse(bytes_of(s, n), NULL) : NULL;
	if (o && !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	return o;
}

static void set_text(char **to, struct json_object *o, const char *key)
{
	const char *s = json_get_str(o, key, NULL);

	if (!s)
		return;
	free(*to);
	*to = xmemdup_nul(s, min_u64(strlen(s), 255));
}

/* The engine does not work any more on what it was given before a restart: such runs
 * end, or it is found out how they ended. */
static void forget_restored(struct engine *e)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		if (run->trace == RUN_RESTORED && run->ops->forgotten)
			run->ops->forgotten(run);
	}
}

static void ready(struct foreign *f)
{
	struct engine *e = f->e;

	timer_cancel(&f->again);
	f->step = STEP_READY;
	note_facts(f);
	log_info("an engine of ipyparallel is ready", log_int("engine", e->id),
		 log_str("language", e->language), log_str("host", e->host),
		 log_int("engine_pid", e->pid));
	/* The engine works in order: what was sent before has ended, or never came. */
	forget_restored(e);
	if (f->python || f->ours)
		vars_on_ready(e);
	engine_changed(e);
	sched_kick(e->c);
}

static void next_step(struct foreign *f, enum step step)
{
	f->step = step;
	f->wait = AGAIN;
	take_step(f);
}

/*
 * Outputs come by another socket than replies, and that one may be connected
 * later: the end of a request that was heard there says that it is.
 */
static void half_done(struct foreign *f)
{
	if (f->replied && f->idle)
		ready(f);
	else if (f->replied)
		timer_set(f->e->c->loop, &f->again, UNHEARD << f->unheard);
}

static void on_language(struct foreign *f, struct json_object *content)
{
	struct json_object *info = json_get_object(content, "language_info");
	const char *kernel = json_get_str(content, "implementation", NULL);

	f->replied = true;
	set_text(&f->e->language, info, "name");
	f->python = kernel && strcmp(kernel, "ipython") == 0;
	f->ours = kernel && strcmp(kernel, "taskfs") == 0;
	note_facts(f);
	if (f->ours) {
		set_text(&f->e->host, content, "host");
		engine_read_pid(f->e, content);
	}
	if (f->python)
		next_step(f, STEP_HOOK);
	else if (f->ours)
		half_done(f);
	else
		ready(f);
}

static void on_hook(struct foreign *f, struct json_object *content)
{
	const char *status = json_get_str(content, "status", NULL);
	const char *ename = json_get_str(content, "ename", NULL);
	struct json_object *about = foreign_answer(content);
	struct engine *e = f->e;

	if (status && strcmp(status, "error") == 0 &&
	    !(ename && strcmp(ename, "KeyboardInterrupt") == 0)) {
		timer_cancel(&f->again);
		f->step = STEP_USELESS;
		note_facts(f);
		log_error("an engine of ipyparallel cannot be given tasks",
			  log_int("engine", e->id),
			  log_str("ename", ename),
			  log_str("evalue",
				  json_get_str(content, "evalue", NULL)));
	} else if (about) {
		set_text(&e->host, about, "host");
		engine_read_pid(e, about);
		f->replied = true;
		half_done(f);
	}
	/* A hook that was aborted, or interrupted, is sent again. */
	json_object_put(about);
}

static bool is_my_question(const struct foreign *f, const struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);

	return f && id && strcmp(id, f->asked) == 0;
}

bool foreign_on_reply(struct engine *e, struct msg *m)
{
	struct foreign *f = e->foreign;
	struct json_object *content;

	if (!is_my_question(f, m))
		return false;
	content = msg_json(m, MSG_CONTENT);
	if (f->step == STEP_LANGUAGE && !f->replied)
		on_language(f, content);
	else if (f->step == STEP_HOOK && !f->replied)
		on_hook(f, content);
	json_object_put(content);
	return true;
}

bool foreign_on_iopub(struct engine *e, struct msg *m)
{
	struct foreign *f = e->foreign;

	if (!is_my_question(f, m))
		return false;
	if (iopub_says(m, "idle") &&
	    (f->step == STEP_LANGUAGE || f->step == STEP_HOOK)) {
		f->idle = true;
		half_done(f);
	}
	return true;
}

struct engine *foreign_publisher(struct controller *c, const struct msg *m)
{
	size_t n = 0;
	const char *s = json_get_str(m->header, "session", &n);
	struct engine *e = s ? engine_by_uuid(c, bytes_of(s, n)) : NULL;

	if (e)
		return e;
	s = json_get_str(m->metadata, "engine", &n);
	return s ? engine_by_uuid(c, bytes_of(s, n)) : NULL;
}
