#include "guard.h"
#include "base/log.h"
#include "engine.h"
#include "kin.h"
#include "spool.h"
#include "wire/connfile.h"
#include "wire/messages.h"
#include "wire/msg.h"
#include "wire/process.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define GOODBYE_MS 3000
/* A process may take so long to die of SIGKILL. */
#define KILL_USEC (10 * USEC_PER_SEC)
/* A worker that is stopped more often than this does not get on any more. */
#define STOPS 5
#define STOPS_USEC (60 * USEC_PER_SEC)

struct handover *handover_new(void)
{
	void *p = mmap(NULL, sizeof(struct handover), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void handover_set(struct handover *h, int64_t id, const char *uuid,
		  bool extended, struct bytes connection)
{
	h->registered = false;
	if (connection.n > sizeof(h->connection))
		return;
	memcpy(h->connection, connection.p, connection.n);
	h->n = connection.n;
	h->id = id;
	h->extended = extended;
	snprintf(h->uuid, sizeof(h->uuid), "%s", uuid);
	h->registered = true;
}

void handover_begun(struct handover *h, int64_t number)
{
	if (number > h->begun)
		h->begun = number;
}

void handover_clear(struct handover *h)
{
	h->registered = false;
}

static sigset_t guard_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	return set;
}

void guard_block_signals(void)
{
	sigset_t set = guard_signals();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

/*
 * ^C at a terminal ends the engine. Without one, SIGINT is how ipyparallel's
 * launchers interrupt what their engines run.
 */
static int meaning_of(int signo)
{
	return signo == SIGINT && !isatty(STDIN_FILENO) ? SIGINT : SIGTERM;
}

/*
 * A task can stop the process that it runs in: nobody would hear of that engine
 * any more, while the task goes on. So it is continued; and ended when that does
 * not help, with all that it runs.
 */
static void go_on(pid_t worker, int signo, struct log_limit *stops)
{
	unsigned skipped;

	if (log_allowed(stops, STOPS, STOPS_USEC, &skipped)) {
		log_warning("the engine was stopped; it is continued",
			    log_int("signal", signo));
		kill(worker, SIGCONT);
	} else {
		log_error("the engine is stopped again and again; it is ended",
			  log_int("signal", signo));
		kill(worker, SIGKILL);
	}
}

/* Waits for the worker's end; its status. *ret_told: the engine was told to end. */
static int wait_for_worker(pid_t worker, bool *ret_told)
{
	struct log_limit stops = {0};
	sigset_t set = guard_signals();
	int signo, status;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
			if (pid == worker && !WIFSTOPPED(status))
				return status;
			if (pid == worker)
				go_on(pid, WSTOPSIG(status), &stops);
		}
		if (pid < 0 && errno == ECHILD)
			return 0;
		signo = sigwaitinfo(&set, NULL);
		if (signo <= 0 || signo == SIGCHLD)
			continue;
		signo = meaning_of(signo);
		*ret_told |= signo == SIGTERM;
		kill(worker, signo);
	}
}

/* True when no child is left. */
static bool reap(void)
{
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG);
	} while (pid > 0);
	return pid < 0 && errno == ECHILD;
}

/* Kills what the worker left behind. False: some of that does not die. */
static bool end_descendants(void)
{
	struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	uint64_t until = mono_usec() + KILL_USEC;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	while (!reap()) {
		if (mono_usec() > until) {
			log_warning("processes of a task could not be killed");
			return false;
		}
		kin_kill(getpid(), NULL);
		sigtimedwait(&chld, NULL, &pause);
	}
	return true;
}

/* The engine is away for a while only: who it is meanwhile. */
static void add_respawn(struct json_object *content)
{
	struct json_object *o = json_object_new_object();
	char process[PROCESS_SIZE];

	json_add_int(o, "pid", getpid());
	process_text(getpid(), process);
	if (process[0])
		json_add_str(o, "process", process);
	json_add(content, "respawn", o);
}

/* left: some of what the worker ran goes on. */
static struct json_object *goodbye(const struct handover *h, bool left,
				   bool respawn)
{
	struct json_object *content = json_object_new_object();

	json_add_int(content, "id", h->id);
	json_add_str(content, "uuid", h->uuid);
	if (h->extended)
		json_add_int(content, "begun", h->begun);
	if (left)
		json_add_bool(content, "left", true);
	if (respawn && h->extended)
		add_respawn(content);
	return content;
}

static int send_goodbye(void *zmq, const struct connfile *file,
			struct json_object *content)
{
	struct curve curve;
	struct sock how = {.type = ZMQ_DEALER, .linger_ms = GOODBYE_MS,
			   .curve = &curve};
	struct msg_out out = {.type = MSG_UNREGISTRATION_REQUEST,
			      .content = content};
	struct session session;
	void *socket = NULL;
	int err;

	connfile_curve(file, &curve);
	session_init(&session, NULL, bytes_str(file->key), 0);
	err = sock_new(zmq, &how, &socket);
	if (!err)
		err = sock_connect(socket, file->interface,
				   file->port.registration);
	if (!err)
		err = msg_send(socket, &session, &out);
	sock_close(&socket);
	session_done(&session);
	return err;
}

/* The controller hears that the engine is gone; with respawn: not for good. */
static void say_goodbye(const struct handover *h, bool left, bool respawn)
{
	struct json_object *content;
	struct buf why = BUF_INIT;
	struct connfile file;
	void *zmq;
	int err;

	if (!h->registered || h->n > sizeof(h->connection))
		return;
	err = connfile_parse(&file, CONNFILE_ENGINE,
			     bytes_of(h->connection, h->n), &why);
	buf_done(&why);
	if (err)
		return;
	content = goodbye(h, left, respawn);
	zmq = zmq_ctx_new();
	err = zmq ? send_goodbye(zmq, &file, content) : -errno;
	if (err)
		log_warning("the controller could not be told that the engine "
			    "is gone", log_int("engine", h->id),
			    log_errno(err));
	if (zmq)
		zmq_ctx_term(zmq);
	json_object_put(content);
	connfile_done(&file);
}

/* --- another worker ------------------------------------------------------- */

/*
 * It did not end because it was told to, or for want of a controller. One that
 * never came in is not started again: who started the engine sees that it failed.
 */
static bool has_died(const struct handover *h, int status)
{
	int code = WIFSIGNALED(status) ? EXIT_FAILED : WEXITSTATUS(status);

	return h->registered && !h->leaving && code != EXIT_OK &&
	       code != EXIT_NO_CONTROLLER && code != EXIT_LOST;
}

/* False: the engine was told to end. */
static bool wait_for_usec(uint64_t usec)
{
	uint64_t until = mono_usec() + usec, now;
	sigset_t set = guard_signals();

	while ((now = mono_usec()) < until) {
		struct timespec left = {
			.tv_sec = (time_t)((until - now) / USEC_PER_SEC),
			.tv_nsec = (long)((until - now) % USEC_PER_SEC) * 1000,
		};
		int signo = sigtimedwait(&set, NULL, &left);

		if (signo > 0 && signo != SIGCHLD &&
		    meaning_of(signo) == SIGTERM)
			return false;
	}
	return true;
}

/* The worker has died and is to be started again, now. False: the engine was told to
 * end meanwhile. */
static bool survive(struct respawn *r, struct handover *h, bool left,
		    uint64_t lived)
{
	uint64_t pause = respawn_pause(r, lived);

	log_warning("the engine died; it is started again",
		    log_int("engine", h->id), log_int("deaths", r->deaths),
		    log_int("in_ms", (int64_t)(pause / USEC_PER_MSEC)));
	h->respawned = true;
	say_goodbye(h, left, true);
	return wait_for_usec(pause);
}

static int exit_code(int status)
{
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int end(const struct handover *h, const char *spool_dir, bool left,
	       int code)
{
	int err;

	say_goodbye(h, left, false);
	err = spool_remove(spool_dir);
	if (err)
		log_warning("spool not removed", log_str("path", spool_dir),
			    log_errno(err));
	return code;
}

int guard_run(pid_t worker, struct handover *h, const char *spool_dir,
	      struct respawn *respawn)
{
	uint64_t began = mono_usec();
	bool told = false, left;
	int status, code;

	prctl(PR_SET_NAME, "taskfs-guard");
	status = wait_for_worker(worker, &told);
	h->respawned = false;
	code = exit_code(status);
	if (WIFSIGNALED(status))
		log_error("the engine was killed",
			  log_int("signal", WTERMSIG(status)),
			  log_int("engine", h->registered ? h->id : -1));
	left = !end_descendants();
	if (code != EXIT_RESTART &&
	    !(respawn && !told && has_died(h, status)))
		return end(h, spool_dir, left, code);
	if (told ||
	    (code != EXIT_RESTART &&
	     !survive(respawn, h, left, mono_usec() - began)))
		return end(h, spool_dir, left, EXIT_OK);
	spool_clear(spool_dir);
	return EXIT_RESTART;
}
