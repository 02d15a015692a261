#include "queues.h"
#include "base/parse.h"
#include "link/link.h"
#include "mirror/mirror.h"
#include "open/control.h"
#include "park/caller.h"
#include "park/reply.h"
#include "tree/format.h"
#include "tree/tree.h"
#include "wire/pool_option.h"

static struct queues *queues_of(const struct obj *o)
{
	return &o->fs->mirror->queues;
}

/* The queue of the entry, which is there. */
static const struct queue *of(const struct obj *o)
{
	return queue_get(queues_of(o), o->id);
}

struct bytes queue_name(const struct obj *o)
{
	return bytes_str(of(o)->name);
}

/* --- the entries of queues/ ------------------------------------------------- */

static bool set(struct obj *o, const struct queue *q)
{
	if (!q)
		return false;
	o->id = numbered_put(&queues_of(o)->numbers, bytes_str(q->name));
	return true;
}

static bool find(struct obj *o, struct bytes name)
{
	return set(o, queue_find(queues_of(o), name));
}

static bool next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	const struct queues *qs = queues_of(o);

	*ret_n = from;
	return from < qs->n && set(o, &qs->of[from]);
}

static bool resolve(struct obj *o)
{
	return of(o) != NULL;
}

static void put_name(const struct obj *o, struct buf *out)
{
	buf_puts(out, of(o)->name);
}

const struct class queue_class = {
	.find = find,
	.next = next,
	.resolve = resolve,
	.name = put_name,
};

/* --- their files --------------------------------------------------------------- */

int queue_limit(const struct obj *o, struct buf *out)
{
	return of(o)->limit ? format_number(out, of(o)->limit) : 0;
}

int queue_state(const struct obj *o, struct buf *out)
{
	return format_word(out, of(o)->paused ? "paused" : "open");
}

int queue_waiting(const struct obj *o, struct buf *out)
{
	return format_number(out, of(o)->waiting);
}

int queue_running(const struct obj *o, struct buf *out)
{
	return format_number(out, of(o)->running);
}

static void about(const struct obj *o, const char *verb, struct wish *w)
{
	w->verb = verb;
	w->queue = queue_name(o);
}

/* An empty line: none. */
int queue_set_limit(const struct obj *o, struct bytes value,
		    struct wish *ret_wish)
{
	struct bytes text = parse_trim(value);
	uint64_t n = 0;

	if (text.n && parse_u64(text, 1, LIMIT_TASKS, &n))
		return callers_refuse(o->fs->callers, o->by.tid, -EINVAL,
				      "the limit is a whole number from 1 to 1000000, "
				      "or an empty line: none");
	about(o, "limit", ret_wish);
	snprintf(ret_wish->argument, sizeof(ret_wish->argument), "%llu",
		 (unsigned long long)n);
	return 0;
}

/* --- mkdir, rmdir ---------------------------------------------------------------- */

static int possible(const struct obj *o)
{
	if (!link_is_up(o->fs->link))
		return callers_refuse(o->fs->callers, o->by.tid, -EHOSTDOWN,
				      request_meaning(-EHOSTDOWN));
	if (queues_of(o)->known)
		return 0;
	return callers_refuse(o->fs->callers, o->by.tid, -EOPNOTSUPP,
			      "this controller has no queues: it is older than the "
			      "mount");
}

static int check_name(const struct obj *o, struct bytes name)
{
	if (!pool_name_ok(name))
		return callers_refuse_name(o->fs->callers, o->by.tid, name,
					   "no name of a queue" POOL_NAME_RULE);
	return queue_find(queues_of(o), name) ? -EEXIST : 0;
}

static void answer_made(fuse_req_t req, const struct obj *o)
{
	struct fuse_entry_param e;

	if (!of(o)) {
		reply_err(req, -ENOENT);
		return;
	}
	tree_entry(o, &e);
	reply_entry(req, &e);
}

static void make(fuse_req_t req, const struct obj *o, struct bytes name)
{
	struct wish w = {.verb = "make", .queue = name, .answer = answer_made};
	struct obj made = *o;
	int err = possible(o);

	if (!err)
		err = check_name(o, name);
	if (err) {
		reply_err(req, err);
		return;
	}
	made.id = numbered_put(&queues_of(o)->numbers, name);
	control_ask(o->fs, req, &made, &w, 0);
}

static void remove_queue(fuse_req_t req, const struct obj *o)
{
	struct wish w = {0};

	about(o, "remove", &w);
	control_ask(o->fs, req, o, &w, 0);
}

const struct deeds queue_deeds = {
	.make = make,
	.remove = remove_queue,
	.setattr = tree_keep_attr,
};
