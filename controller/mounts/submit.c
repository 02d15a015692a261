#include "base/base.h"
#include "submit.h"

#include "base/log.h"
#include "model/items.h"
#include "model/queues.h"
#include "model/ready.h"
#include "model/results.h"
#include "net/request.h"
#include "result_json.h"
#include "schedule/graph.h"
#include "schedule/lifetime.h"
#include "schedule/run.h"
#include "wire/map_items.h"
#include "wire/members.h"
#include "wire/task_option.h"

#define LIMIT_TOKEN 200

/* One submit_request until all its results are stored. */
struct submission {
	struct request *rq;
	struct work answer;
	size_t n, waiting;
	uint64_t tasks;		/* of all its results */
	struct {
		uint64_t id;			/* 0: refused */
		struct json_object *refusal;
	} of[];
};

static struct json_object *purged_content(void)
{
	return error_content(ENOENT, "KeyError", "it was purged already");
}

static void put_refusal(struct buf *out, struct json_object *refusal)
{
	member_raw(out, NULL, json_bytes(refusal));
	json_object_put(refusal);
}

static void answer(struct work *w)
{
	struct submission *s = container_of(w, struct submission, answer);
	struct controller *c = s->rq->c;
	struct buf out = BUF_INIT;
	size_t i;

	buf_putc(&out, '{');
	ok_members(c, &out);
	member_begin(&out, "results");
	buf_putc(&out, '[');
	for (i = 0; i < s->n; i++) {
		struct result *r = result_find(c, s->of[i].id);

		if (s->of[i].refusal || !r) {
			put_refusal(&out, s->of[i].refusal
						  ? s->of[i].refusal
						  : purged_content());
			continue;
		}
		member_begin(&out, NULL);
		result_put_json(r, &out);
	}
	buf_puts(&out, "]}");
	request_reply_text(s->rq, MSG_SUBMIT_REPLY, buf_bytes(&out), NULL, 0);
	buf_done(&out);
	free(s);
}

/*
 * At the end of the turn: a task that found an engine at once is stored as
 * running together with its submission, and the answer says so.
 */
static void submission_done(struct submission *s)
{
	s->answer.run = answer;
	loop_defer(s->rq->c->loop, &s->answer);
}

/* Who submits, when the client does not say. */
#define NOBODY 65534

static void refuse(struct submission *s, size_t i, int err, const char *why)
{
	s->rq->c->count.refused++;
	s->of[i].id = 0;
	s->of[i].refusal = error_content(err, "SubmitError", why);
}

static const char *not_stored(int err)
{
	return err == -ENOSPC ? "the controller's disk is full: rmdir results "
				"that are not needed"
			      : "the controller could not store it";
}

static void stored(struct store_op *op)
{
	struct submission *s = op->arg;
	struct controller *c = s->rq->c;
	struct result *r = result_find(c, op->result.id);
	size_t i;

	if (r && !op->err)
		result_set_stored(r);
	if (r && op->err) {
		log_error("a submission was not stored", log_errno(op->err));
		for (i = 0; i < s->n; i++)
			if (s->of[i].id == r->id)
				refuse(s, i, op->err, not_stored(op->err));
		result_doom(r);
	}
	if (--s->waiting == 0)
		submission_done(s);
}

static int read_bytes(const struct msg *m, struct json_object *o,
		      const char *key, size_t limit, struct buf *to)
{
	struct bytes b;

	if (!msg_named_buffer(m, o, key, &b))
		return json_get(o, key) ? -EINVAL : -ENOENT;
	if (b.n > limit)
		return -EFBIG;
	buf_put(to, b.p, b.n);
	return 0;
}

/* Reads what a map or a view is made of, and so how many tasks it has. */
static int read_shape(const struct msg *m, struct json_object *o,
		      struct result_spec *spec, struct buf *why)
{
	struct json_object *list = json_get_array(spec->options, "map");
	uint64_t chunk = (uint64_t)json_int_or(spec->options, "chunk", 1), n;
	int err = read_bytes(m, o, "map", LIMIT_MAP, &spec->items);
	struct buf json = BUF_INIT;

	if (list) {
		buf_clear(&spec->items);
		if (map_items_put(list, &spec->items, &json))
			abort(); /* task_options_check() has found that */
		json_object_object_del(spec->options, "map");
		if (json.n)
			json_add_str(spec->options, "json_items", buf_str(&json));
		buf_done(&json);
	}
	if (json_bool_or(o, "view", false)) {
		list = json_get_array(spec->options, "targets");
		spec->kind = "view";
		spec->pinned = true;
		spec->ntasks = list ? json_object_array_length(list) : 0;
		if (!spec->ntasks || spec->items.n) {
			buf_puts(why, "a view has targets, and no map");
			return -EINVAL;
		}
		return task_options_check_many(spec->options, why);
	}
	if (err == -ENOENT && !list)
		return 0;
	if (err == -EINVAL) {
		buf_puts(why, "map is the number of no buffer");
		return err;
	}
	if (json_flag(spec->options, "open") && chunk > 1) {
		buf_puts(why, "\"open\" does not go with \"chunk\"");
		return -EINVAL;
	}
	n = items_count(buf_bytes(&spec->items));
	if (n == 0 || (n + chunk - 1) / chunk > LIMIT_TASKS) {
		buf_puts(why, err == -EFBIG ? "the map is too long"
			      : n ? "the map has too many items"
				  : "the map has no items");
		return n || err == -EFBIG ? -EFBIG : -EINVAL;
	}
	spec->kind = "map";
	spec->ntasks = (n + chunk - 1) / chunk;
	return task_options_check_many(spec->options, why);
}

static int read_spec(const struct msg *m, struct json_object *o,
		     struct result_spec *spec, struct buf *why)
{
	int64_t uid = NOBODY, gid = NOBODY;
	int err;

	spec->ops = &result_ops_mount;
	spec->kind = "task";
	spec->ntasks = 1;
	if (!json_get_range(o, "uid", 0, LIMIT_ID, &uid) ||
	    !json_get_range(o, "gid", 0, LIMIT_ID, &gid)) {
		buf_puts(why, "uid and gid must be from 0 to 4294967294");
		return -EINVAL;
	}
	spec->uid = (uint32_t)uid;
	spec->gid = (uint32_t)gid;
	spec->options = json_get_object(o, "options");
	spec->token = json_get_str(o, "token", NULL);
	spec->name = json_get_str(spec->options, "label", NULL);
	if (!spec->options) {
		buf_puts(why, "there are no options");
		return -EINVAL;
	}
	err = task_options_check(spec->options, why);
	if (err)
		return err;
	if (spec->token && strlen(spec->token) > LIMIT_TOKEN) {
		buf_puts(why, "the token is too long");
		return -EINVAL;
	}
	err = read_bytes(m, o, "code", LIMIT_CODE, &spec->code);
	if (err || !spec->code.n) {
		buf_puts(why, err == -EFBIG ? "the code is too long"
					    : "there is no code");
		return err == -EFBIG ? err : -EINVAL;
	}
	err = read_shape(m, o, spec, why);
	if (err)
		return err;
	err = read_bytes(m, o, "stdin", LIMIT_STDIN, &spec->stdin_);
	spec->has_stdin = err == 0;
	if (err == -EFBIG || err == -EINVAL) {
		buf_puts(why, err == -EFBIG ? "the standard input is too long"
					    : "stdin is the number of no "
					      "buffer");
		return err;
	}
	return 0;
}

static void put_result(struct submission *s, struct result *r,
		       struct json_object *options)
{
	graph_add(r, options);
	result_put(r, stored, s);
	ready_add(r);
}

/* The option unique: no other of that user and name is unfinished. */
static int check_unique(struct controller *c, const struct result_spec *spec,
			struct buf *why)
{
	const struct result *r;

	if (!json_flag(spec->options, "unique"))
		return 0;
	if (!spec->name) {
		buf_puts(why, "\"unique\" needs \"label\": the name that is to "
			      "be unique");
		return -EINVAL;
	}
	r = result_named(c, spec->uid, bytes_str(spec->name));
	while (r && (r->doomed || state_is_final(result_state(r))))
		r = r->older;
	if (!r)
		return 0;
	buf_printf(why, "\"unique\": result %llu is called %s, too, and has not "
			"ended", (unsigned long long)r->id, spec->name);
	return -EEXIST;
}

/* Many submissions may name one buffer: what comes of a request has a limit, too. */
static int may_take(const struct submission *s, struct buf *why)
{
	if (store_backlog(s->rq->c->store) <= STORE_BACKLOG * 8 &&
	    s->tasks <= LIMIT_TASKS)
		return 0;
	buf_puts(why, "the store cannot keep up; try again later");
	return -EAGAIN;
}

static void submit_one(struct submission *s, size_t i, struct json_object *o)
{
	struct controller *c = s->rq->c;
	struct result_spec spec = {0};
	struct buf why = BUF_INIT;
	const char *token = json_get_str(o, "token", NULL);
	struct result *r = token ? result_by_token(c, token) : NULL;
	int err;

	if (r && r->stored) {
		s->of[i].id = r->id;
		return;
	}
	err = r ? -EAGAIN : may_take(s, &why);
	if (!err)
		err = read_spec(s->rq->msg, o, &spec, &why);
	if (!err)
		err = graph_check(c, spec.uid, spec.options, &why);
	if (!err)
		err = queue_check(c, spec.options, &why);
	if (!err)
		err = check_unique(c, &spec, &why);
	if (err) {
		refuse(s, i, err, why.n ? buf_str(&why)
					: "it is being stored right now");
	} else {
		s->tasks += spec.ntasks;
		r = result_new(c, &spec);
		s->of[i].id = r->id;
		s->waiting++;
		put_result(s, r, spec.options);
	}
	buf_done(&spec.code);
	buf_done(&spec.stdin_);
	buf_done(&spec.items);
	buf_done(&why);
}

void submit_on_request(struct controller *c, struct request *rq)
{
	struct json_object *all = json_get_array(rq->msg->content, "results");
	size_t i, n = all ? json_object_array_length(all) : 0;
	struct submission *s;

	if (n == 0 || n > LIMIT_SUBMIT) {
		request_fail(rq, MSG_SUBMIT_REPLY, -EINVAL, "SubmitError",
			     "results must be a list of 1 to 4096 objects");
		return;
	}
	if (store_backlog(c->store) > STORE_BACKLOG * 4) {
		request_fail(rq, MSG_SUBMIT_REPLY, -EAGAIN, "SubmitError",
			     "the store cannot keep up; try again later");
		return;
	}
	s = zalloc(sizeof(*s) + n * sizeof(s->of[0]));
	s->rq = rq;
	s->n = n;
	s->waiting = 1; /* one more until all are put */
	for (i = 0; i < n; i++)
		submit_one(s, i, json_object_array_get_idx(all, i));
	if (--s->waiting == 0)
		submission_done(s);
}

