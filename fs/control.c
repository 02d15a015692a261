#include "control.h"
#include "merge.h"
#include "reply.h"
#include "scan.h"

/* The writer holds the inode's lock so long at most. */
#define CONTROL_TIMEOUT (10 * USEC_PER_SEC)

struct control {
	struct request q;
	struct fs *fs;
	struct parked *parked;	/* NULL: nobody waits any more */
	uint64_t id;
	bool purge;
};

static void answer(struct control *c, int err)
{
	size_t written;

	if (!c->parked)
		return;
	written = c->parked->size;
	if (err || !written)
		reply_err(park_take(c->parked), err);
	else
		reply_write(park_take(c->parked), written);
}

struct answer_fields {
	int64_t seq;
	struct bytes result;
};

static const struct field answer_fields[] = {
	{"seq", FIELD_INT, offsetof(struct answer_fields, seq), 0},
	{"result", FIELD_SPAN, offsetof(struct answer_fields, result), 0},
	{.name = NULL},
};

/* What came of it is in the tree before the writer goes on. */
static void take_result(struct fs *fs, struct bytes content)
{
	struct answer_fields f = {0};
	int err = 0;

	if (scan_fields(content, answer_fields, &f) && f.result.n)
		merge_result(&fs->mirror, f.result, (uint64_t)f.seq, true,
			     NULL, &err);
}

static void on_reply(struct request *q, int err, struct msg *reply)
{
	struct control *c = container_of(q, struct control, q);

	if (!err && c->purge)
		mirror_purge(&c->fs->mirror, c->id);
	else if (!err)
		take_result(c->fs, request_content(reply));
	answer(c, err);
	free(c);
}

static void interrupted(struct parked *p)
{
	struct control *c = p->owner;

	c->parked = NULL;
}

static int send_request(struct control *c, const struct wish *wish, uid_t uid)
{
	struct json_object *o = json_object_new_object();
	struct msg_out out = {.type = MSG_CONTROL_REQUEST, .content = o};
	int err;

	json_add_int(o, "result", (int64_t)c->id);
	json_add_str(o, "verb", wish->verb);
	if (wish->argument[0])
		json_add_str(o, "argument", wish->argument);
	json_add_int(o, "uid", uid);
	err = link_ask(&c->fs->link, &c->q, &out, CONTROL_TIMEOUT);
	json_object_put(o);
	return err;
}

void control_ask(struct fs *fs, fuse_req_t req, const struct obj *o,
		 const struct wish *wish, size_t written)
{
	struct control *c = zalloc(sizeof(*c));
	int err;

	c->fs = fs;
	c->id = o->result->id;
	c->purge = strcmp(wish->verb, "purge") == 0;
	c->q.done = on_reply;
	err = send_request(c, wish, fuse_req_ctx(req)->uid);
	if (err) {
		free(c);
		reply_err(req, err);
		return;
	}
	c->parked = park(&fs->park, req, PARKED_OTHER);
	if (!c->parked)
		return;
	c->parked->size = written;
	c->parked->owner = c;
	c->parked->interrupted = interrupted;
}
