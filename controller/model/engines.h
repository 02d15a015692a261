/*
 * engines.h: the engines of the cluster: what is known of them.
 *
 * The controller owns them. An engine that is not heard any more is given up: what it ran
 * ends, and clients of ipyparallel hear that it is gone. But it is kept as `lost`, with
 * its id, for --keep-id: what names it waits for it (engines/away.c). An engine that was
 * known before a restart of the controller is `lost`, too, until it registers again (or,
 * one of ipyparallel, answers a heartbeat), and is given up like any other that stays
 * silent.
 */
#ifndef TASKFS_CONTROLLER_MODEL_ENGINES_H
#define TASKFS_CONTROLLER_MODEL_ENGINES_H

#include "core/controller.h"
#include "needs.h"
#include "store/store.h"

enum engine_state {
	ENGINE_JOINING,	/* registered; its heart was not heard yet */
	ENGINE_LIVE,
	ENGINE_LOST,	/* not heard any more, or not yet since a restart */
	ENGINE_BACK,	/* a lost one registered; its heart was not heard yet */
};

struct engine;
struct run;
struct run_ops;
struct vars_ops;

/*
 * What depends on the kind of engine: ours (engines/ours.c), or ipyparallel's own
 * (ipython/foreign.c). What mounts run there has its own table, run_ops.
 */
struct engine_kind {
	/* Such an engine registers again, by itself or when it is asked to, and says
	 * then which tasks it has. Until then an engine that was lost stays lost,
	 * whether its heart beats or not. */
	bool returns;
	/* It starts again when it is told to, and another engine takes its place. */
	bool restarts;
	/* It answers have_request: which tasks have reached it. */
	bool answers_have;
	/* It says when it cannot run tasks. */
	bool tells_health;
	/* It unregisters when it has ended. When it says on iopub that it shuts down,
	 * it has not ended yet. */
	bool unregisters;
	/* It tells which variables it has, without being asked. */
	bool tells_vars;
	/* Its language before it has said which; NULL: not known. */
	const char *language;
	/* Requests for variables; vars/kinds.h. */
	const struct vars_ops *vars;
	/* Of a task that a client sent to such an engine: as in struct run_ops.
	 * NULL: it cannot be done. */
	int (*abort_relayed)(struct run *run);
	int (*signal_relayed)(struct run *run, int signo);
};

/* Who hears what becomes of engines. What is not heard is NULL. */
struct engine_hooks {
	/* It is known whether the engine speaks the extensions: its kind is set. */
	void (*known)(struct engine *e);
	/* Its heart is heard, for the first time or again. */
	void (*joined)(struct engine *e);
	/* The engine was given a run. */
	void (*busy)(struct engine *e);
	/* The last run of the engine has ended. */
	void (*idle)(struct engine *e);
	/* The engine is given up: its runs end, as far as one can tell. */
	void (*given_up)(struct engine *e);
	/* The engine was given up and keeps its id. */
	void (*lost)(struct engine *e);
	/* The engine is forgotten: what belongs to it is freed. */
	void (*freed)(struct engine *e);
	/* There is no engine of this id any more. */
	void (*gone)(struct controller *c, int64_t id);
	/* Asked, not told: there is none of this id, but one was told to start again. */
	bool (*awaited)(struct controller *c, int64_t id);
};

/* Calls one of the functions of all hooks, in the order of controller.engine_hooks. */
#define engine_tell_hooks(e, what)                                           \
	do {                                                                 \
		const struct engine_hooks *const *h_ = (e)->c->engine_hooks; \
		for (; *h_; h_++)                                            \
			if ((*h_)->what)                                     \
				(*h_)->what(e);                              \
	} while (0)

struct engine {
	int64_t id;
	struct controller *c;
	char *uuid, *host, *language;
	char *process;		/* as in wire/process.h; NULL: it does not say */
	char *launch;		/* of the pool that started it; NULL: none, or unknown */
	unsigned slots;		/* so many tasks it runs at a time */
	int64_t pid, since, heard;	/* heard: the last pong, wall clock */
	int64_t until;		/* it ends then, wall clock; 0: nobody knows */
	uint64_t ends;		/* the same; mono_usec() */
	char *ended;		/* why it has ended, if it said so; or NULL */
	bool by_line;		/* it has lines (wire/line.h) */
	bool taskfs;		/* speaks the extensions; the hooks `known` read it */
	bool limits;		/* understands limit_request */
	/* Set by the hook `known` of the room that knows this kind of engine. */
	const struct engine_kind *kind;
	const struct run_ops *run_ops;	/* of what mounts run there */
	/* What the scheduler and the mounts have to know of the engine. The same room
	 * sets that. */
	bool ready;		/* it can be given tasks of mounts */
	bool shell, python;	/* it runs scripts of the shell; code in Python */
	bool elsewhere;		/* it works on somebody else's task */
	bool no_vars;		/* requests for variables mean nothing there */
	enum engine_state state;
	bool given_up;		/* what it ran has ended, clients were told */
	int64_t lost;		/* clock_now() when it was given up; or 0 */
	int64_t away_since;	/* of one that is lost; wall clock */
	unsigned missed;	/* beats */
	uint64_t joining;	/* mono_usec() when it registered */
	bool pinged, answered;	/* since the last beat */
	bool changed;		/* not told yet */
	bool draining;		/* gets no tasks; engines/drain.h */
	uint64_t pong;		/* mono_usec() of the last one */
	/*
	 * engines/flight.c: the id of the question it was asked, and when
	 * (mono_usec(); 0: none); how often it did not answer; tasks in a row that
	 * did not reach it.
	 */
	char question[MSG_ID_SIZE];
	uint64_t asked;
	unsigned unanswered, astray;
	char *drain_why;	/* it asked for that; or NULL */
	bool respawns;		/* it died, and is started again */
	bool stopped;		/* while it was away: it is not to come back */
	bool replaced;		/* it was started again, as another one */
	bool leaving;		/* it said that it ends, and has not ended */
	/* Set when it is removed and what it ran may go on: why nobody knows
	 * better. Static. */
	const char *unknown_end;
	uint64_t not_before;	/* mono_usec(): unreachable until then */
	struct list order;
	struct list runs;	/* of struct run, by engine_link */
	unsigned load;		/* runs given to it and not ended */
	unsigned cpus;		/* slots that these take, or will take */
	/*
	 * schedule/ahead.c: the runs that wait there behind others, by ahead_link, and
	 * how many; how long a task takes there, of late (usec; 0: not known).
	 */
	struct list ahead;
	unsigned nahead;
	uint64_t pace;
	bool takes_ahead;	/* it gives back what it has not begun */
	struct stocks stocks;	/* its other resources */
	/* schedule/keep.c: the result it is kept for (0: none), and as of when. */
	uint64_t kept_for, kept_in;
	uint64_t began;		/* mono_usec() when it had nothing to do last */
	uint64_t completed;
	struct map vars;	/* name -> struct variable (vars/vars.c) */
	bool vars_known;
	int64_t vars_version;
	/* A Python engine tells its variables only when it is asked: counts what may
	 * have changed them, and as of which count they were told. */
	int64_t ran, vars_as_of;
	/* It was asked for a listing of them: as of which count, when. */
	char listing[MSG_ID_SIZE];
	int64_t listing_ran;
	uint64_t listing_at;
	struct timer listing_timer;
	unsigned forwards;	/* requests for them that it has not answered */
	struct json_object *stored;	/* array of msg_ids to acknowledge */
	struct timer stored_timer;
	struct foreign *foreign;	/* ipython/foreign.c; NULL: one of ours */
};

/* The caller stores it (engine_store()) and says what it is (engine_set_taskfs()). */
struct engine *engine_new(struct controller *c, int64_t id, const char *uuid);
void engine_free(struct engine *e);
void engine_store(struct engine *e);
/* Whether the engine speaks the extensions. The hooks `known` set its kind. */
void engine_set_taskfs(struct engine *e, bool taskfs);
/* Reads the member pid of o; what is no pid is logged. */
void engine_read_pid(struct engine *e, struct json_object *o);
/* Reads the text of that name, or its beginning, into a member of an engine, which owns
 * it: NULL where o has none. */
void engine_read_text(char **member, struct json_object *o, const char *name);

struct engines {
	struct map by_id;	/* id -> struct engine */
	struct map by_uuid;	/* uuid -> struct engine */
	struct list order;	/* least recently used first */
	int64_t next_id;
};

void engines_init(struct controller *c);
void engines_done(struct controller *c);
/* An engine of this id is there, or lost, or starts again: what is for it waits. */
bool engine_is_expected(struct controller *c, int64_t id);
/* A row of the store, at the start. */
void engine_restore(struct controller *c, const struct engine_row *row);

struct engine *engine_find(struct controller *c, int64_t id);
struct engine *engine_by_uuid(struct controller *c, struct bytes uuid);
static inline struct bytes engine_ident(const struct engine *e)
{
	return bytes_str(e->uuid);
}
/* The engine has one run more, or less (by: 1 or -1), that needs this. */
void engine_add_load(struct engine *e, const struct needs *needs, int by);
/* So many slots have no task. */
unsigned engine_free_slots(const struct engine *e);
/* The engine can be given tasks now. */
bool engine_usable(const struct engine *e);
/* For clients it is one of the engines: it was not given up. */
static inline bool engine_is_there(const struct engine *e)
{
	return e->state != ENGINE_JOINING && !e->given_up;
}

/* Nobody has heard it for some beats; mounts show it as lost. */
bool engine_is_away(const struct engine *e);
/* "away since DATE". */
void engine_put_away(const struct engine *e, struct buf *out);

/* The mounts are told of the engine soon. */
void engine_changed(struct engine *e);

#endif
