/*
 * member.h: the engine as a member of a cluster: it waits for the connection
 * file and for a controller, registers, and registers again after a break, or when
 * the heart (heart.h) says so. One of our controllers finds its tasks where they
 * were.
 *
 * States, in this order: waiting for the file; connecting; asked; in.
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
	bool cut_off;		/* something may have been lost on its way */
	unsigned rounds;	/* registrations to come because of that */
	bool settled;		/* this is the last of them */
	struct timer step, again;
};

/* The handover: see guard.h. */
void member_init(struct engine *e, struct handover *h);
void member_done(struct engine *e);
/* The next step to get in, if there is one to take. */
void member_step(struct engine *e);
/* The controller says that this engine is not registered. */
void member_forgotten(struct engine *e);
/* A connection that carries tasks broke. */
void member_cut_off(struct engine *e, enum channel c);
/* All connections were made anew (link_connect_again()). */
void member_connected_again(struct engine *e);
/* A registration_reply: true: the engine is registered now. */
bool member_answered(struct engine *e, const struct msg *m) must_check;
/* Everything is told again, to this controller or the one after it. */
void member_register_again(struct engine *e);
/* To another controller, perhaps: from the connection file on. */
void member_start_over(struct engine *e);
/* Says goodbye to the controller. */
void member_leave(struct engine *e);

/* What is said about tasks can be sent now. */
static inline bool member_is_in(const struct member *m)
{
	return m->state == MEMBER_IN;
}

#endif
