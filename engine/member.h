/*
 * member.h: the engine as a member of a cluster: it waits for the connection
 * file and for a controller, registers, answers the heartbeat, notices that
 * the controller is gone or another one, and registers again.
 *
 * States, in this order: waiting for the file; connecting; asked; in. A stock
 * controller that stays away ends the engine; one of ours finds its tasks
 * where they were.
 */
#ifndef TASKFS_MEMBER_H
#define TASKFS_MEMBER_H

#include "base/loop.h"
#include "link.h"
#include "wire/ids.h"
#include "wire/msg.h"

struct engine;

enum member_state {
	MEMBER_NO_FILE,
	MEMBER_CONNECTING,
	MEMBER_ASKED,
	MEMBER_IN,
};

struct member {
	enum member_state state;
	char uuid[ID_SIZE];
	char replaces[ID_SIZE];	/* uuid of the worker before; "": none */
	int64_t id;		/* -1: none yet */
	bool extended;		/* the controller speaks the extensions */
	bool was_in;		/* registered at least once */
	char *instance;		/* of the controller, or NULL */
	struct handover *handover;
	uint64_t began;		/* mono_usec(): trying to get in */
	uint64_t period;	/* usec between looks at the heart */
	uint64_t heard;		/* mono_usec() of the last ping */
	unsigned missed;	/* looks without a ping */
	bool lost;		/* and said so */
	bool cut_off;		/* something may have been lost on its way */
	unsigned rounds;	/* registrations to come because of that */
	bool settled;		/* this is the last of them */
	struct timer step, look, again;
};

/* The handover: see guard.h. */
void member_init(struct engine *e, struct handover *h);
void member_done(struct engine *e);
/* The next step to get in, if there is one to take. */
void member_step(struct engine *e);
/* The controller sent this ping. */
void member_beat(struct engine *e, struct bytes ping);
/* The controller says that this engine is not registered. */
void member_forgotten(struct engine *e);
/* A connection that carries tasks broke. */
void member_cut_off(struct engine *e, enum channel c);
/* registration_reply */
void member_answered(struct engine *e, const struct msg *m);
/* Says goodbye to the controller. */
void member_leave(struct engine *e);

/* What is said about tasks can be sent now. */
static inline bool member_is_in(const struct member *m)
{
	return m->state == MEMBER_IN;
}

#endif
