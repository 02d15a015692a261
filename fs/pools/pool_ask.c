#include "pool_ask.h"
#include "base/log.h"
#include "link/link.h"
#include "mirror/merge_pool.h"
#include "wire/scan.h"

/* Its answer comes when it is stored. */
#define POOL_TIMEOUT (30 * USEC_PER_SEC)

int pool_ask_possible(struct fs *fs, pid_t tid)
{
	if (!link_is_up(fs->link))
		return callers_refuse(fs->callers, tid, -EHOSTDOWN,
				      request_meaning(-EHOSTDOWN));
	if (fs->mirror->counts.upstream_url)
		return callers_refuse(fs->callers, tid, -EOPNOTSUPP,
				      "a controller of ipyparallel has no "
				      "pools");
	if (!fs->mirror->pools.known)
		return callers_refuse(fs->callers, tid, -EOPNOTSUPP,
				      "this controller has no pools: it is "
				      "older than the mount");
	return 0;
}

static void refused(struct pool_ask *a, int err, struct msg *reply)
{
	char *why = reply ? request_reason(request_content(reply)) : NULL;
	const char *text = why && *why ? why : request_meaning(err);

	log_info("a pool is not changed", log_str("pool", a->name),
		 log_str("asked", a->what), log_errno(err),
		 log_str("why", text));
	callers_refused(a->fs->callers, &a->who, text);
	free(why);
}

struct answer_content {
	int64_t seq;
	struct bytes pool;
};

static void take_answer(struct pool_ask *a, struct msg *reply)
{
	static const struct field fields[] = {
		{"seq", FIELD_INT, offsetof(struct answer_content, seq), 0},
		{"pool", FIELD_SPAN, offsetof(struct answer_content, pool), 0},
		{.name = NULL},
	};
	struct answer_content c = {0};

	if (!scan_fields(request_content(reply), fields, &c))
		return;
	if (strcmp(a->what, "remove") == 0)
		pool_gone(a->fs->mirror, bytes_str(a->name), (uint64_t)c.seq);
	else if (c.pool.p)
		(void)merge_pool(a->fs->mirror, c.pool, (uint64_t)c.seq, true);
}

static void end(struct pool_ask *a)
{
	list_del(&a->own.link);
	free(a->name);
	a->name = NULL;
}

static void on_reply(struct request *q, int err, struct msg *reply)
{
	struct pool_ask *a = container_of(q, struct pool_ask, q);

	if (err)
		refused(a, err, reply);
	else
		take_answer(a, reply);
	end(a);
	a->done(a, err);
}

int pool_ask(struct pool_ask *a, struct bytes name, struct json_object *value,
	     uid_t uid, bool quiet)
{
	struct json_object *o = json_object_new_object();
	struct msg_out out = {.type = MSG_POOL_REQUEST, .content = o};
	int err;

	a->name = xmemdup_nul(name.p, name.n);
	a->own.name = a->name;
	a->q.done = on_reply;
	list_init(&a->own.link);
	json_add_str(o, "pool", a->name);
	json_add(o, a->what, value);
	json_add_int(o, "uid", uid);
	err = link_ask(a->fs->link, &a->q, &out, POOL_TIMEOUT);
	json_object_put(o);
	if (err) {
		refused(a, err, NULL);
		end(a);
	} else if (quiet) {
		list_add_tail(&a->fs->mirror->pools.own, &a->own.link);
	}
	return err;
}
