#include "control.h"
#include "base/idlist.h"
#include "base/log.h"
#include "link/link.h"
#include "mirror/merge.h"
#include "mirror/merge_pool.h"
#include "park/caller.h"
#include "park/reply.h"
#include "wire/scan.h"

/* So long at most the writer holds the inode's lock; and so long when the wish is
   about all results. */
#define CONTROL_TIMEOUT (10 * USEC_PER_SEC)
#define CONTROL_ALL_TIMEOUT (60 * USEC_PER_SEC)

struct control {
	struct request q;
	struct fs *fs;
	struct parked *parked;	/* NULL: nobody waits any more */
	uint64_t purge;		/* the result that goes; 0: none */
	bool own;		/* its directory: the kernel tells of that itself */
	uint64_t about;		/* the result that is asked about; 0: none */
	struct process who;	/* the process that asks */
	struct obj o;		/* what is asked about; its numbers alone are used */
	void (*answer)(fuse_req_t req, const struct obj *o); /* of the wish */
	char verb[32];
};

static void answer(struct control *c, int err)
{
	size_t written;

	if (!c->parked)
		return;
	written = c->parked->size;
	if (!err && c->answer)
		c->answer(park_take(c->parked), &c->o);
	else if (err || !written)
		reply_err(park_take(c->parked), err);
	else
		reply_write(park_take(c->parked), written);
}

struct control_answer {
	int64_t seq;
	struct bytes result, purged, engines, gone, pool, controller;
};

#define A(member) offsetof(struct control_answer, member)

static const struct field answer_fields[] = {
	{"seq", FIELD_INT, A(seq), 0},
	{"result", FIELD_SPAN, A(result), 0},
	{"purged", FIELD_SPAN, A(purged), 0},
	{"engines", FIELD_SPAN, A(engines), 0},
	{"gone", FIELD_SPAN, A(gone), 0},
	{"pool", FIELD_SPAN, A(pool), 0},
	{"controller", FIELD_SPAN, A(controller), 0},
	{.name = NULL},
};

static void take_purged(struct mirror *m, struct bytes list)
{
	struct bytes v;
	struct scan s;
	int64_t id;

	if (!scan_array(&s, list))
		return;
	while (scan_element(&s, &v))
		if (scan_int(v, &id) && id > 0)
			mirror_purge(m, (uint64_t)id);
}

static void take_engines(struct mirror *m, const struct control_answer *f)
{
	struct bytes v;
	struct scan s;
	int64_t id;

	if (scan_array(&s, f->engines))
		while (scan_element(&s, &v))
			merge_engine(m, v, (uint64_t)f->seq, true);
	if (!scan_array(&s, f->gone))
		return;
	while (scan_element(&s, &v))
		if (scan_int(v, &id) && id >= 0)
			mirror_engine_gone(m, (uint64_t)id, (uint64_t)f->seq);
}

/* What came of the wish is in the tree before the writer goes on. */
static void take_answer(struct control *c, struct bytes content)
{
	struct mirror *m = c->fs->mirror;
	struct control_answer f = {0};
	struct result *r = NULL;
	int err = 0;

	if (!scan_fields(content, answer_fields, &f))
		return;
	if (f.result.n)
		r = merge_result(m, f.result, (uint64_t)f.seq, true, NULL,
				 &err);
	/* A retry makes another result, which the caller has submitted. */
	if (r && c->about && r->id != c->about)
		callers_submitted(c->fs->callers, &c->who, &r->id, 1, false);
	if (f.pool.p)
		(void)merge_pool(m, f.pool, (uint64_t)f.seq, true);
	if (f.controller.p)
		merge_counts(m, f.controller, (uint64_t)f.seq);
	take_purged(m, f.purged);
	take_engines(m, &f);
}

static void refused(struct control *c, int err, struct msg *reply)
{
	char *why = reply ? request_reason(request_content(reply)) : NULL;
	char *text = xasprintf("%s: %s", c->verb,
			       why && *why ? why : request_meaning(err));

	log_info("not done", log_errno(err), log_str("why", text));
	callers_refused(c->fs->callers, &c->who, text);
	free(text);
	free(why);
}

static void on_reply(struct request *q, int err, struct msg *reply)
{
	struct control *c = container_of(q, struct control, q);

	if (err)
		refused(c, err, reply);
	else
		take_answer(c, request_content(reply));
	if (!err && c->purge) {
		c->fs->mirror->quiet = c->own && c->parked;
		mirror_purge(c->fs->mirror, c->purge);
		c->fs->mirror->quiet = false;
	}
	answer(c, err);
	free(c);
}

static void interrupted(struct parked *p)
{
	struct control *c = p->owner;

	c->parked = NULL;
}

/* --- asking ------------------------------------------------------------- */

static int ask(struct control *c, const char *type, struct json_object *o,
	       uint64_t timeout)
{
	struct msg_out out = {.type = type, .content = o};

	return link_ask(c->fs->link, &c->q, &out, timeout);
}

static int ask_about_result(struct control *c, const struct obj *o,
			    struct json_object *q)
{
	json_add_int(q, "result", (int64_t)o->result->id);
	if (sub_index(o->sub) >= 0)
		json_add_int(q, "task", sub_index(o->sub));
	return ask(c, MSG_CONTROL_REQUEST, q, CONTROL_TIMEOUT);
}

static int ask_about_engines(struct control *c, const struct obj *o,
			     const struct wish *wish, struct json_object *q)
{
	struct json_object *list = json_object_new_array();
	struct idlist ids = {0};
	int err = wish->engines(o, &ids);
	size_t i;

	for (i = 0; i < ids.n; i++)
		json_push(list, json_object_new_int64((int64_t)ids.id[i]));
	json_add(q, "engines", list);
	if (!err)
		err = ask(c, MSG_ENGINE_CONTROL_REQUEST, q, CONTROL_TIMEOUT);
	idlist_done(&ids);
	return err;
}

static int ask_about_pool(struct control *c, const struct obj *o,
			  struct json_object *q)
{
	json_add_str(q, "pool", o->pool->name);
	return ask(c, MSG_CONTROL_REQUEST, q, CONTROL_TIMEOUT);
}

static int ask_about_queue(struct control *c, const struct wish *wish,
			   struct json_object *q)
{
	json_add(q, "queue", json_text(wish->queue));
	return ask(c, MSG_CONTROL_REQUEST, q, CONTROL_TIMEOUT);
}

static int ask_about_all(struct control *c, struct json_object *q)
{
	const char *verb = json_get_str(q, "verb", NULL);

	/* ipyparallel has a message for that. */
	if (strcmp(verb, "shutdown") == 0)
		return ask(c, MSG_SHUTDOWN_REQUEST, q, CONTROL_TIMEOUT);
	return ask(c, MSG_CONTROL_REQUEST, q, CONTROL_ALL_TIMEOUT);
}

static int send_request(struct control *c, const struct obj *o,
			const struct wish *wish, uid_t uid)
{
	struct json_object *q = json_object_new_object();
	int err;

	json_add_str(q, "verb", wish->verb);
	if (wish->argument[0])
		json_add_str(q, "argument", wish->argument);
	if (wish->option) {
		json_add_str(q, "option", wish->option);
		json_add(q, "value", wish->value);
	}
	json_add_int(q, "uid", uid);
	err = wish->engines ? ask_about_engines(c, o, wish, q)
	      : wish->queue.n ? ask_about_queue(c, wish, q)
	      : o->result   ? ask_about_result(c, o, q)
	      : o->pool	    ? ask_about_pool(c, o, q)
			    : ask_about_all(c, q);
	json_object_put(q);
	return err;
}

void control_ask(struct fs *fs, fuse_req_t req, const struct obj *o,
		 const struct wish *wish, size_t written)
{
	struct control *c = zalloc(sizeof(*c));
	int err;

	c->fs = fs;
	snprintf(c->verb, sizeof(c->verb), "%s", wish->verb);
	c->o = *o;
	c->answer = wish->answer;
	c->about = o->result ? o->result->id : 0;
	(void)!process_of_thread(fuse_req_ctx(req)->pid, &c->who);
	if (o->result && strcmp(wish->verb, "purge") == 0)
		c->purge = o->result->id;
	c->own = S_ISDIR(o->node->mode);
	c->q.done = on_reply;
	err = send_request(c, o, wish, fuse_req_ctx(req)->uid);
	if (err) {
		refused(c, err, NULL);
		free(c);
		reply_err(req, err);
		return;
	}
	c->parked = park(fs->park, req, PARKED_OTHER);
	if (!c->parked)
		return;
	c->parked->size = written;
	c->parked->owner = c;
	c->parked->interrupted = interrupted;
}
