#include "outcome.h"
#include "base/parse.h"

#include <signal.h>
#include <sys/wait.h>

/* What an error shows of stderr. */
#define TRACE_BYTES 4096
#define TRACE_LINES 20
/* Who writes as much may have filled the disk itself. */
#define LARGE_OUTPUT (1024 * 1024)

void outcome_set(struct task *t, const char *ename, char *evalue)
{
	t->ename = ename;
	free(t->evalue);
	t->evalue = evalue;
}

/* The last lines of stderr, one string each. */
static struct json_object *last_lines(const struct output *o)
{
	uint64_t from = o->size > TRACE_BYTES ? o->size - TRACE_BYTES : 0;
	struct json_object *lines = json_object_new_array();
	struct bytes text, line, rest;
	unsigned n = 0;

	if (output_read(o, from, TRACE_BYTES, &text) < 0)
		return lines;
	if (from && text.n) { /* the first may be half a line */
		const char *nl = memchr(text.p, '\n', text.n);

		if (nl && (size_t)(nl + 1 - (char *)text.p) < text.n) {
			text.n -= (size_t)(nl + 1 - (char *)text.p);
			text.p = nl + 1;
		}
	}
	for (rest = text; parse_line(&rest, &line);)
		n++;
	for (rest = text; parse_line(&rest, &line);)
		if (n-- <= TRACE_LINES)
			json_push(lines, json_text(line));
	return lines;
}

static const char *signal_name(int signo, char name[32])
{
	const char *abbrev = sigabbrev_np(signo);

	if (abbrev)
		snprintf(name, 32, "SIG%s", abbrev);
	else
		snprintf(name, 32, "signal %d", signo);
	return name;
}

static char *killed_text(const struct run *r)
{
	char name[32];

	if (r->unkillable)
		return xstrdup("a process does not die of SIGKILL; it was "
			       "left behind");
	return xasprintf("killed by %s%s",
			 signal_name(WTERMSIG(r->status), name),
			 WCOREDUMP(r->status) ? " (core dumped)" : "");
}

static char *limit_text(const struct task *t)
{
	double s = json_real_or(json_get_object(t->request.metadata, "taskfs"),
				"time_limit", 0);

	return xasprintf("ran longer than %g s", s);
}

static char *memory_text(const struct run *r)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, "needed more than ");
	resource_put(&b, "memory", (int64_t)r->memory_limit);
	return buf_take(&b);
}

static char *output_text(const struct run *r)
{
	if (r->cause == RUN_OUTPUT_LIMIT)
		return xasprintf("wrote more than %llu bytes",
				 (unsigned long long)r->runner->output_limit);
	return xasprintf("the engine cannot keep its output: %s",
			 strerror(-r->cause_err));
}

static bool filled_the_disk(const struct run *r)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		n += r->out[i].size;
	return (r->cause_err == -ENOSPC || r->cause_err == -EDQUOT) &&
	       n >= LARGE_OUTPUT;
}

static void note_status(struct task *t)
{
	const struct run *r = &t->run;

	if (WIFSIGNALED(r->status)) {
		t->signal = WTERMSIG(r->status);
		t->exit_status = 128 + t->signal;
		/* An interrupt has a name among ipyparallel's clients. */
		outcome_set(t, t->signal == SIGINT && !t->extended
				       ? "KeyboardInterrupt"
				       : "Killed", killed_text(r));
	} else {
		t->exit_status = WEXITSTATUS(r->status);
		if (t->exit_status)
			outcome_set(t, "ExitStatus",
				  xasprintf("exit status %d", t->exit_status));
	}
}

/* A file of the user did not get all: that is said beside what else there is to say. */
static void note_copies(struct task *t)
{
	struct buf why = BUF_INIT;

	copies_put_errors(t->run.copy, &why);
	if (why.n && t->ename)
		outcome_set(t, t->ename, xasprintf("%s; %s", t->evalue, buf_str(&why)));
	else if (why.n)
		outcome_set(t, "OutputError", xstrdup(buf_str(&why)));
	buf_done(&why);
}

enum state_event outcome_note(struct task *t)
{
	note_status(t);
	switch (t->run.cause) {
	case RUN_ABORT:
	case RUN_LEAVING:
		outcome_set(t, NULL, NULL);
		return EVENT_ABORT;
	case RUN_TIME_LIMIT:
		outcome_set(t, "TaskTimeLimit", limit_text(t));
		break;
	case RUN_OUTPUT_LIMIT:
		outcome_set(t, "OutputLimit", output_text(&t->run));
		break;
	case RUN_OUTPUT_ERROR:
		outcome_set(t, "OutputError", output_text(&t->run));
		t->fault = !filled_the_disk(&t->run);
		break;
	case RUN_MEMORY_LIMIT:
		outcome_set(t, "OutOfMemory", memory_text(&t->run));
		break;
	case RUN_BY_ITSELF:
		if (t->run.starved)
			outcome_set(t, "OutOfMemory", xstrdup(
				"killed by the kernel: the machine, or the cgroup of "
				"the engine, had no memory left"));
		break;
	}
	note_copies(t);
	if (!t->ename)
		return EVENT_SUCCEED;
	t->traceback = last_lines(&t->run.out[STREAM_STDERR]);
	return EVENT_FAIL;
}
