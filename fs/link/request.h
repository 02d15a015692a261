/*
 * request.h: questions to the controller that wait for their answers.
 *
 * A struct request is embedded in whoever asks. done() is called once: 0 with
 * the reply, whose content says status ok; or -errno: the reply's own, or
 * -EHOSTDOWN (the controller was lost, or did not answer in time). When it is
 * called the request is the asker's again. The content is a text, known to be
 * JSON, that the asker reads in place (scan.h).
 */
#ifndef TASKFS_FS_LINK_REQUEST_H
#define TASKFS_FS_LINK_REQUEST_H

#include "base/list.h"
#include "base/map.h"
#include "wire/msg.h"

struct request {
	void (*done)(struct request *q, int err, struct msg *reply);
	/* Ask again after a loss, with what is left of the time; NULL: fail
	   at once. Calls link_ask_again(). */
	void (*again)(struct request *q);
	uint64_t due;		/* mono_usec() */
	/* request.c's */
	uint64_t lost;		/* since then without a controller */
	struct list link;
	bool asked;
	char id[MSG_ID_SIZE];
};

/* How long one that lasts waits for a controller. */
#define REQUEST_LASTS (30 * USEC_PER_SEC)

struct requests {
	struct list asked;	/* waiting for a reply */
	struct list lasting;	/* ... and for a controller */
	struct map by_id;
};

void requests_init(struct requests *rs);
void requests_done(struct requests *rs);

/* Sends the question, whose `due` is set. -errno: q is not taken. */
int request_ask(struct requests *rs, struct request *q, void *socket,
		struct session *session, struct msg_out *out) must_check;
/* Nobody wants the answer; a request that is not asked is fine. */
void request_forget(struct requests *rs, struct request *q);
/*
 * A reply came (opened with MSG_RELAY: an answer is good once in any case):
 * whose it is, is called. False: nobody's.
 */
bool requests_answer(struct requests *rs, struct msg *reply) must_check;
/* Those whose time is over fail; so do those that wait too long for a
   controller. */
void requests_expire(struct requests *rs, uint64_t now);
/* The controller is lost: all fail, but for those that last. */
void requests_lose(struct requests *rs);
/* There is a controller: those that last ask again. */
void requests_repeat(struct requests *rs);

/* 0, or -errno as the content of a reply (or a part of it) names it. */
int request_refusal(struct bytes content) must_check;
/* What it says about that; the caller's; NULL: nothing. */
char *request_reason(struct bytes content);
/* What an error means that no reply explains. */
const char *request_meaning(int err);
/* The content of a reply. */
static inline struct bytes request_content(const struct msg *reply)
{
	return msg_part(reply, MSG_CONTENT);
}

#endif
