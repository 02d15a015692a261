#include "member.h"
#include "base/parse.h"
#include "base/systemd.h"
#include "engine.h"
#include "guard.h"
#include "queue.h"
#include "wire/messages.h"
#include "wire/process.h"

#define FILE_USEC (100 * USEC_PER_MSEC)	 /* between looks for the file */
#define CONNECT_USEC (2 * USEC_PER_SEC)	 /* then ask, connected or not */
#define REPLY_USEC (5 * USEC_PER_SEC)	 /* a first registration may take */
#define AGAIN_USEC (1 * USEC_PER_SEC)	 /* a later one */

static void step_due(struct timer *t);
static void again_due(struct timer *t);

void member_init(struct engine *e, struct handover *h)
{
	struct member *m = &e->member;

	*m = (struct member){.id = -1, .handover = h,
			     .began = mono_usec(), .step.fire = step_due,
			     .again.fire = again_due};
	id_new(m->uuid);
	/* After a restart. */
	if (h->registered) {
		m->id = h->id;
		snprintf(m->replaces, sizeof(m->replaces), "%s", h->uuid);
	}
}

void member_done(struct engine *e)
{
	struct member *m = &e->member;

	timer_cancel(&m->step);
	timer_cancel(&m->again);
	free(m->instance);
	m->instance = NULL;
}

static void next_step_in(struct engine *e, uint64_t usec)
{
	timer_set(e->loop, &e->member.step, usec);
}

/* --- getting in --------------------------------------------------------- */

static void give_up(struct engine *e, const char *why)
{
	log_error(why, log_str("file", e->config->path));
	leave_begin(e, e->member.replaces[0] ? EXIT_LOST : EXIT_NO_CONTROLLER);
}

/* The engine has tried for as long as it was told to; one that was there before, with
 * another worker, is as patient as one that has lost its controller. */
static bool too_late(const struct engine *e)
{
	const struct member *m = &e->member;
	uint64_t limit = m->replaces[0] ? e->config->orphan_timeout
					: e->config->timeout;

	if (m->was_in)
		return false; /* see heart.h */
	return (!e->config->wait && !m->replaces[0]) ||
	       (limit && mono_usec() - m->began >= limit);
}

/* A tunnel needs its time even where nobody waits for a controller. */
static bool is_too_late(const struct engine *e, int err)
{
	const struct config *c = e->config;

	return err == -EPERM || (too_late(e) && (err != -EAGAIN || c->wait));
}

static void look_for_file(struct engine *e)
{
	struct member *m = &e->member;
	struct buf why = BUF_INIT;
	int err = link_open(&e->link, m->uuid, &why);

	if (!err) {
		m->state = MEMBER_CONNECTING;
		next_step_in(e, CONNECT_USEC);
	} else if (is_too_late(e, err)) {
		if (err == -ENOENT)
			buf_puts(&why, "no connection file; is the controller "
				       "started?");
		give_up(e, buf_str(&why));
	} else {
		next_step_in(e, FILE_USEC);
	}
	buf_done(&why);
}

void member_start_over(struct engine *e)
{
	struct member *m = &e->member;

	link_close(&e->link);
	if (!m->was_in)
		id_new(m->uuid);
	m->state = MEMBER_NO_FILE;
	member_step(e);
}

static struct json_object *about_me(struct engine *e)
{
	struct json_object *o = json_object_new_object();
	struct json_object *running = json_object_new_array();
	struct json_object *finished = json_object_new_array();
	struct json_object *relayed = json_object_new_array();
	struct json_object *waiting = json_object_new_array();
	char process[PROCESS_SIZE];

	tasks_list(&e->tasks, running, finished, relayed);
	tasks_hold_ahead(&e->tasks, waiting);
	json_add_int(o, "version", TASKFS_PROTOCOL);
	json_add_str(o, "host", e->host);
	json_add_int(o, "pid", getpid());
	process_text(getpid(), process);
	if (process[0])
		json_add_str(o, "process", process);
	json_add_str(o, "language", "sh");
	if (e->config->launch)
		json_add_str(o, "launch", e->config->launch);
	json_add_int(o, "slots", (int64_t)e->tasks.slots);
	json_add(o, "resources", stock_json(&e->tasks.stock));
	json_add_int(o, "since", e->since);
	json_add_bool(o, "limits", true);
	if (e->config->ends)
		json_add_int(o, "ends_in", lifetime_left(e));
	if (e->member.replaces[0]) {
		json_add_str(o, "replaces", e->member.replaces);
		json_add_int(o, "begun", e->member.handover->begun);
	}
	if (e->member.handover->respawned)
		json_add_bool(o, "respawned", true);
	json_add_bool(o, "ahead", e->config->ahead > 0);
	json_add(o, "waiting", waiting);
	json_add(o, "running", running);
	json_add(o, "finished", finished);
	/* What has just been sent may be missing: nobody is to think it lost. */
	if (e->member.settled)
		json_add(o, "relayed", relayed);
	else
		json_object_put(relayed);
	return o;
}

static void ask(struct engine *e)
{
	struct member *m = &e->member;
	struct json_object *content = json_object_new_object();
	struct msg_out out = {.type = MSG_REGISTRATION_REQUEST,
			      .content = content};
	int64_t id = m->id >= 0 ? m->id : (int64_t)e->config->id;
	int err;

	json_add_str(content, "uuid", m->uuid);
	if (id >= 0)
		json_add_int(content, "id", id);
	json_add(content, "taskfs", about_me(e));
	err = link_send(&e->link, CHANNEL_REGISTRATION, &out);
	json_object_put(content);
	if (err) {
		m->state = MEMBER_CONNECTING;
		next_step_in(e, AGAIN_USEC);
		return;
	}
	m->state = MEMBER_ASKED;
	next_step_in(e, m->was_in ? AGAIN_USEC : REPLY_USEC);
}

void member_step(struct engine *e)
{
	struct member *m = &e->member;

	if (e->leave.on)
		return;
	if (m->state == MEMBER_NO_FILE)
		look_for_file(e);
	if (m->state == MEMBER_CONNECTING && link_connected(&e->link))
		ask(e);
}

/* A step took too long. */
static void step_due(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, member.step);
	struct member *m = &e->member;

	if (m->state == MEMBER_NO_FILE)
		member_step(e);
	else if (too_late(e))
		give_up(e, m->state == MEMBER_ASKED
				   ? "the controller does not answer"
				   : "no controller where the connection file "
				     "says");
	else if (link_file_changed(&e->link) ||
		 (m->state == MEMBER_ASKED && !m->was_in))
		member_start_over(e);
	else
		ask(e);
}

/* --- in ----------------------------------------------------------------- */

void member_register_again(struct engine *e)
{
	e->member.state = MEMBER_CONNECTING;
	next_step_in(e, AGAIN_USEC);
	member_step(e);
}

void member_forgotten(struct engine *e)
{
	if (!e->member.extended || e->member.state != MEMBER_IN || e->leave.on)
		return;
	log_warning("the controller does not know the engine any more; "
		    "registering again");
	member_register_again(e);
}

/* What was on its way is lost, and who comes next may know nothing of it. */
static void tell_again(struct engine *e)
{
	struct member *m = &e->member;

	m->cut_off = true;
	m->settled = false;
	tasks_note_answers(&e->tasks, true);
	if (m->state >= MEMBER_ASKED)
		member_register_again(e);
}

/* A stock controller has no word for that, and none to say that it is still the one. */
void member_cut_off(struct engine *e, enum channel c)
{
	if (!e->member.extended)
		return;
	link_doubt(&e->link, c);
	tell_again(e);
}

void member_connected_again(struct engine *e)
{
	if (e->member.extended)
		tell_again(e);
}

/*
 * After a break it registers three times: at once; when the connections are
 * there again, so that the controller knows from when on nothing was lost with
 * those before; and when what was sent until then has arrived, or never will.
 */
#define ROUNDS 2

static void again_due(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, member.again);
	struct member *m = &e->member;

	/* It is about to register for another reason: that is not
	 * one of the rounds. */
	if (m->state != MEMBER_IN) {
		timer_set(e->loop, t, AGAIN_USEC);
		return;
	}
	m->rounds -= m->rounds > 0;
	m->settled = m->rounds == 0;
	member_register_again(e);
}

/* Plans the registrations that have to follow this one. */
static void plan_again(struct engine *e, bool asked)
{
	struct member *m = &e->member;

	if (m->cut_off)
		m->rounds = ROUNDS;
	else if (m->settled && asked)
		m->rounds = 1;
	else if (m->settled)
		tasks_note_answers(&e->tasks, false);
	if (m->rounds && !timer_is_set(&m->again))
		timer_set(e->loop, &m->again,
			  (LIMIT_FLIGHT + 1) * USEC_PER_SEC);
	m->cut_off = m->settled = false;
}

static void tell_ready(struct engine *e)
{
	uint64_t fd = e->config->ready_fd;
	char line[64];
	int n;

	snprintf(line, sizeof(line), "READY=1\nSTATUS=it is engine %lld",
		 (long long)e->member.id);
	systemd_tell(line);
	if (fd == NO_NUMBER)
		return;
	n = snprintf(line, sizeof(line), "ready %lld\n",
		     (long long)e->member.id);
	if (write((int)fd, line, (size_t)n) != n)
		log_warning("ready-fd takes no line", log_errno(errno));
	close((int)fd);
}

static void refused(struct engine *e, struct json_object *content)
{
	const char *evalue = json_get_str(content, "evalue", NULL);

	log_error("the controller refused the engine",
		  log_str("reason", evalue ? evalue : "no reason given"),
		  log_str("file", e->config->path));
	/* A controller that this engine worked for may need time to see that
	 * it is the same engine. */
	if (e->member.was_in)
		e->member.state = MEMBER_CONNECTING;
	else
		leave_begin(e, EXIT_NO_CONTROLLER);
}

static void note_terms(struct engine *e, struct json_object *content,
		       int64_t id)
{
	struct member *m = &e->member;
	struct json_object *ours = json_get_object(content, "taskfs");

	m->id = id;
	m->extended = ours != NULL;
	free(m->instance);
	m->instance = xstrdup("");
	if (json_get(ours, "instance")) {
		free(m->instance);
		m->instance = xstrdup(json_object_get_string(
			json_get(ours, "instance")));
	}
	spool_set_nearby(&e->spool, json_get_str(ours, "outputs", NULL),
			 m->instance);
	m->state = MEMBER_IN;
}

bool member_answered(struct engine *e, const struct msg *msg)
{
	struct member *m = &e->member;
	const char *status = json_get_str(msg->content, "status", NULL);
	struct json_object *ours = json_get_object(msg->content, "taskfs");
	bool first = !m->was_in, more;
	int64_t id = -1;
	int err;

	if (m->state != MEMBER_ASKED || e->leave.on)
		return false;
	if (!status || strcmp(status, "ok") != 0 ||
	    !json_get_int(msg->content, "id", &id) || id < 0) {
		refused(e, msg->content);
		return false;
	}
	timer_cancel(&m->step);
	note_terms(e, msg->content, id);
	err = link_open_rest(&e->link, id);
	if (err) {
		log_error("cannot connect to the controller", log_errno(err));
		leave_begin(e, EXIT_FAILED);
		return false;
	}
	m->was_in = true;
	handover_set(m->handover, id, m->uuid, m->extended,
		     buf_bytes(&e->link.text));
	log_info(first ? "registered" : "registered again", log_int("id", id),
		 log_str("uuid", m->uuid),
		 log_str("controller", m->extended ? "taskfs" : "ipyparallel"));
	link_trust(&e->link);
	more = queue_registered(e, json_get_array(ours, "drop"));
	if (first)
		tell_ready(e);
	plan_again(e, json_bool_or(ours, "again", false));
	if (more)
		member_register_again(e);
	return true;
}

/* --- the end ------------------------------------------------------------ */

void member_leave(struct engine *e)
{
	struct member *m = &e->member;
	struct json_object *content;
	struct msg_out out = {.type = MSG_UNREGISTRATION_REQUEST};

	timer_cancel(&m->step);
	timer_cancel(&m->again);
	if (!e->link.open || !m->was_in)
		return;
	content = json_object_new_object();
	json_add_int(content, "id", m->id);
	json_add_str(content, "uuid", m->uuid);
	if (m->extended)
		json_add_int(content, "begun", m->handover->begun);
	if (e->leave.why)
		json_add_str(content, "why", e->leave.why);
	out.content = content;
	if (link_send(&e->link, CHANNEL_REGISTRATION, &out) == 0)
		handover_clear(m->handover);
	json_object_put(content);
}
