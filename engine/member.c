#include "member.h"
#include "base/parse.h"
#include "engine.h"
#include "guard.h"
#include "wire/messages.h"
#include "wire/process.h"

#define FILE_USEC (100 * USEC_PER_MSEC)	 /* between looks for the file */
#define CONNECT_USEC (2 * USEC_PER_SEC)	 /* then ask, connected or not */
#define REPLY_USEC (5 * USEC_PER_SEC)	 /* a first registration may take */
#define AGAIN_USEC (1 * USEC_PER_SEC)	 /* a later one */
/* The rule of a stock engine: so many looks, period + 500 ms apart. */
#define STOCK_MISSES 50
#define STOCK_PATIENCE 10		 /* beats; then it gives an engine up */
#define LATE_USEC (500 * USEC_PER_MSEC)
#define LOST_MISSES 3
/* By then the controller, if it is there, has given the engine up: it may have new
 * connections. */
#define DEAF_MISSES 11
/* A controller stores what it is told within this, or it did not hear it. */
#define STORE_USEC (15 * USEC_PER_SEC)
#define LIMIT_PERIOD (24 * 3600 * USEC_PER_SEC)
#define LIMIT_PING 256

static void look_due(struct timer *t);
static void step_due(struct timer *t);
static void again_due(struct timer *t);

void member_init(struct engine *e, const char *path, struct handover *h)
{
	struct member *m = &e->member;

	*m = (struct member){.id = -1, .handover = h, .path = xstrdup(path),
			     .began = mono_usec(), .step.fire = step_due,
			     .look.fire = look_due, .again.fire = again_due};
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
	timer_cancel(&m->look);
	timer_cancel(&m->again);
	free(m->instance);
	free(m->path);
	m->instance = m->path = NULL;
}

static void next_step_in(struct engine *e, uint64_t usec)
{
	timer_set(e->loop, &e->member.step, usec);
}

/* --- getting in --------------------------------------------------------- */

static void give_up(struct engine *e, const char *why)
{
	log_error(why, log_str("file", e->member.path));
	engine_leave(e, EXIT_NO_CONTROLLER);
}

/* It has tried for as long as it was told to. */
static bool too_late(const struct engine *e)
{
	const struct member *m = &e->member;

	if (m->was_in)
		return false; /* see look_due() */
	return !e->config->wait ||
	       (e->config->timeout &&
		mono_usec() - m->began >= e->config->timeout);
}

static void look_for_file(struct engine *e)
{
	struct member *m = &e->member;
	struct buf why = BUF_INIT;
	int err = link_open(&e->link, m->path, m->uuid, &why);

	if (!err) {
		m->state = MEMBER_CONNECTING;
		next_step_in(e, CONNECT_USEC);
	} else if (too_late(e) || err == -EPERM) {
		if (err == -ENOENT)
			buf_puts(&why, "no connection file; is the controller "
				       "started?");
		give_up(e, buf_str(&why));
	} else {
		next_step_in(e, FILE_USEC);
	}
	buf_done(&why);
}

/* Another controller, perhaps: from the file on. */
static void start_over(struct engine *e)
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
	char process[PROCESS_SIZE];

	tasks_list(&e->tasks, running, finished, relayed);
	json_add_int(o, "version", TASKFS_PROTOCOL);
	json_add_str(o, "host", e->host);
	json_add_int(o, "pid", getpid());
	process_text(getpid(), process);
	if (process[0])
		json_add_str(o, "process", process);
	json_add_str(o, "language", "sh");
	json_add_int(o, "since", e->since);
	if (e->member.replaces[0])
		json_add_str(o, "replaces", e->member.replaces);
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

	if (e->leaving)
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
	else if (link_file_changed(&e->link, m->path) ||
		 (m->state == MEMBER_ASKED && !m->was_in))
		start_over(e);
	else
		ask(e);
}

/* --- in ----------------------------------------------------------------- */

/* Everything is told again, to this controller or the one after it. */
static void register_again(struct engine *e)
{
	e->member.state = MEMBER_CONNECTING;
	next_step_in(e, AGAIN_USEC);
	member_step(e);
}

void member_forgotten(struct engine *e)
{
	if (!e->member.extended || e->member.state != MEMBER_IN || e->leaving)
		return;
	log_warning("the controller does not know the engine any more; "
		    "registering again");
	register_again(e);
}

void member_cut_off(struct engine *e)
{
	struct member *m = &e->member;

	/*
	 * What was on its way is lost, and who comes next may know nothing of
	 * it. A stock controller has no word for that.
	 */
	if (!m->extended)
		return;
	m->cut_off = true;
	m->settled = false;
	tasks_note_answers(&e->tasks, true);
	if (m->state >= MEMBER_ASKED)
		register_again(e);
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

	/* It is about to register for another reason: not counted. */
	if (m->state != MEMBER_IN) {
		timer_set(e->loop, t, AGAIN_USEC);
		return;
	}
	m->rounds -= m->rounds > 0;
	m->settled = m->rounds == 0;
	register_again(e);
}

/* Whether there is something to say later. */
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
		  log_str("file", e->member.path));
	/* One we worked for may need time to see that we are the same. */
	if (e->member.was_in)
		e->member.state = MEMBER_CONNECTING;
	else
		engine_leave(e, EXIT_NO_CONTROLLER);
}

static void note_terms(struct member *m, struct json_object *content,
		       int64_t id)
{
	struct json_object *ours = json_get_object(content, "taskfs");
	int64_t period = json_int_or(content, "hb_period", 3000);

	if (period < 1 || (uint64_t)period > LIMIT_PERIOD / USEC_PER_MSEC)
		period = 3000;
	m->id = id;
	m->period = (uint64_t)period * USEC_PER_MSEC + LATE_USEC;
	m->extended = ours != NULL;
	free(m->instance);
	m->instance = xstrdup("");
	if (json_get(ours, "instance")) {
		free(m->instance);
		m->instance = xstrdup(json_object_get_string(
			json_get(ours, "instance")));
	}
	m->state = MEMBER_IN;
	m->heard = mono_usec();
	m->missed = 0;
	m->lost = false;
}

void member_answered(struct engine *e, const struct msg *msg)
{
	struct member *m = &e->member;
	const char *status = json_get_str(msg->content, "status", NULL);
	struct json_object *ours = json_get_object(msg->content, "taskfs");
	bool first = !m->was_in, more;
	int64_t id = -1;
	int err;

	if (m->state != MEMBER_ASKED || e->leaving)
		return;
	if (!status || strcmp(status, "ok") != 0 ||
	    !json_get_int(msg->content, "id", &id) || id < 0) {
		refused(e, msg->content);
		return;
	}
	timer_cancel(&m->step);
	note_terms(m, msg->content, id);
	err = link_open_rest(&e->link, id);
	if (err) {
		log_error("cannot connect to the controller", log_errno(err));
		engine_leave(e, EXIT_FAILED);
		return;
	}
	m->was_in = true;
	handover_set(m->handover, id, m->uuid, buf_bytes(&e->link.text));
	log_info(first ? "registered" : "registered again", log_int("id", id),
		 log_str("uuid", m->uuid),
		 log_str("controller", m->extended ? "taskfs" : "ipyparallel"));
	timer_set(e->loop, &m->look, m->period);
	link_trust(&e->link);
	more = tasks_registered(e, json_get_array(ours, "drop"));
	if (first)
		tell_ready(e);
	plan_again(e, json_bool_or(ours, "again", false));
	if (more)
		register_again(e);
}

/* --- the heart ---------------------------------------------------------- */

/* "<instance>:<number>" from one of ours. */
static bool is_instance(const struct member *m, struct bytes ping)
{
	const char *colon = ping.n ? memchr(ping.p, ':', ping.n) : NULL;

	if (!colon)
		return true;
	return bytes_is(bytes_of(ping.p, (size_t)(colon - (char *)ping.p)),
			m->instance);
}

/*
 * It stood still (SIGSTOP), and may be given up: one of ours takes it again. A
 * stock one does not, and no client hears of it any more.
 */
static void stood_still(struct engine *e)
{
	if (e->member.extended) {
		log_warning("the engine stood still; registering again");
		register_again(e);
	} else {
		log_error("the engine stood still until the controller gave it "
			  "up");
		engine_leave(e, EXIT_LOST);
	}
}

static bool was_still(const struct member *m, uint64_t silence)
{
	return silence > (m->extended ? LOST_MISSES * m->period
				      : STOCK_PATIENCE * (m->period -
							  LATE_USEC));
}

static void heard(struct engine *e, struct bytes ping)
{
	struct member *m = &e->member;
	bool was_lost = m->lost;
	uint64_t silence = mono_usec() - m->heard;

	m->heard = mono_usec();
	m->missed = 0;
	m->lost = false;
	if (was_lost)
		log_info("the controller is back");
	if (m->state != MEMBER_IN)
		return;
	if (m->extended && (was_lost || !is_instance(m, ping)))
		register_again(e);
	else if (was_still(m, silence))
		stood_still(e);
}

void member_beat(struct engine *e)
{
	struct link_socket *s = e->link.socket;

	/* What is heard may close the sockets. */
	while (s[CHANNEL_PING].watch.socket) {
		void *pong = s[CHANNEL_PONG].watch.socket;
		zmq_msg_t f;
		char ping[LIMIT_PING];
		size_t n;

		zmq_msg_init(&f);
		if (zmq_msg_recv(&f, s[CHANNEL_PING].watch.socket,
				 ZMQ_DONTWAIT) < 0)
			return;
		n = zmq_msg_size(&f);
		if (n <= sizeof(ping))
			memcpy(ping, zmq_msg_data(&f), n);
		loop_socket_used(pong);
		if (n > sizeof(ping) ||
		    zmq_msg_send(&f, pong, ZMQ_DONTWAIT) < 0)
			zmq_msg_close(&f);
		if (n <= sizeof(ping))
			heard(e, bytes_of(ping, n));
	}
}

static void connect_again(struct engine *e)
{
	if (!link_connect_again(&e->link))
		return;
	log_info("the connections to the controller are made anew");
	member_cut_off(e);
}

static void look_for_lost(struct engine *e)
{
	struct member *m = &e->member;
	uint64_t orphan = e->config->orphan_timeout;

	if (!m->lost && m->missed >= LOST_MISSES) {
		m->lost = true;
		log_warning("no heartbeat from the controller; waiting for it "
			    "to come back");
	}
	if (orphan && mono_usec() - m->heard >= orphan) {
		log_error("the controller did not come back");
		engine_leave(e, EXIT_LOST);
	} else if (m->lost && m->state == MEMBER_IN &&
		   link_file_changed(&e->link, m->path)) {
		start_over(e);
	} else if (m->lost && m->missed % DEAF_MISSES == 0) {
		connect_again(e);
	} else if (!m->lost && m->state == MEMBER_IN &&
		   tasks_unstored(&e->tasks) > STORE_USEC) {
		log_warning("the controller did not store a result; telling "
			    "it again");
		register_again(e);
	}
}

static void look_due(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, member.look);
	struct member *m = &e->member;

	m->missed++;
	timer_set(e->loop, &m->look, m->period);
	if (m->extended) {
		look_for_lost(e);
	} else if (m->missed >= STOCK_MISSES) {
		log_error("no heartbeat from the controller");
		engine_leave(e, EXIT_LOST);
	}
}

/* --- the end ------------------------------------------------------------ */

void member_leave(struct engine *e)
{
	struct member *m = &e->member;
	struct json_object *content;
	struct msg_out out = {.type = MSG_UNREGISTRATION_REQUEST};

	timer_cancel(&m->step);
	timer_cancel(&m->look);
	timer_cancel(&m->again);
	if (!e->link.open || !m->was_in)
		return;
	content = json_object_new_object();
	json_add_int(content, "id", m->id);
	json_add_str(content, "uuid", m->uuid);
	out.content = content;
	if (link_send(&e->link, CHANNEL_REGISTRATION, &out) == 0)
		handover_clear(m->handover);
	json_object_put(content);
}
