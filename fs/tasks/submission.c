#include "submission.h"
#include "base/idlist.h"
#include "base/log.h"
#include "base/parse.h"
#include "batch.h"
#include "dress.h"
#include "link/link.h"
#include "mirror/mirror.h"
#include "open/file.h"
#include "origin.h"
#include "park/caller.h"
#include "tasks.h"
#include "wire/limits.h"
#include "wire/task_option.h"

#include <fcntl.h>

#define BATCH_RESULTS 1024
#define BATCH_BYTES (4 * MIB)
#define BATCHES_OUT 4		/* a further one waits for the first's answer */
#define IDS_KEPT (1 * MIB)	/* bytes of ids nobody has read */

/* --- refusing ----------------------------------------------------------- */

/* What stands around a mistake may be a secret: that is for who wrote it. */
static struct bytes without_text(const char *why)
{
	const char *text = strstr(why, JSONFEED_SHOWS);

	return bytes_of(why, text ? (size_t)(text - why) : strlen(why));
}

static void note(struct fs *fs, const struct process *who, int err,
		 const char *why)
{
	static struct log_limit limit;
	unsigned skipped;

	callers_refused(fs->callers, who, why);
	if (log_allowed(&limit, 20, 10 * USEC_PER_SEC, &skipped))
		log_info("a task is refused",
			 log_bytes("why", without_text(why)),
			 log_errno(err), log_int("caller", who->pid),
			 log_int("others", skipped));
}

int submission_refused(struct fs *fs, pid_t tid, int err, struct bytes why)
{
	struct process who;
	struct buf b = BUF_INIT;

	buf_put(&b, why.p, why.n);
	if (process_of_thread(tid, &who))
		note(fs, &who, err, buf_str(&b));
	buf_done(&b);
	return err;
}

static void refuse(struct submission *s, int err, const char *why)
{
	s->refused = true;
	note(s->fs, &s->who, err, why);
	if (!s->err)
		s->err = err;
}

/* To tasks/error once more, with what is known by now to have become results. */
static void complain(struct submission *s)
{
	struct buf b = BUF_INIT;

	buf_put(&b, s->complaint.p, s->complaint.n);
	made_put(&s->made, &b);
	callers_refused(s->fs->callers, &s->who, buf_str(&b));
	buf_done(&b);
}

/* Mistakes of a stream of objects say which one (they count from 1). */
static void refuse_object(struct submission *s, int err, uint64_t object,
			  const char *why)
{
	bool first = !s->complaint.n;

	if (first && (object > 1 || s->made.added > 1))
		buf_printf(&s->complaint, "object %llu: ",
			   (unsigned long long)object);
	if (first)
		buf_puts(&s->complaint, why);
	refuse(s, err, buf_str(&s->complaint));
	complain(s);
}

/* --- sending ------------------------------------------------------------ */

void submission_free(struct submission *s)
{
	list_del(&s->all);
	batch_free(s->batch);
	while (!list_empty(&s->sent))
		batch_free(list_first(&s->sent, struct batch, link));
	jsonfeed_done(&s->json);
	buf_done(&s->text);
	buf_done(&s->complaint);
	buf_done(&s->ids);
	free(s->origin);
	free(s->label);
	idlist_done(&s->engines);
	free(s);
}

static void note_ids(struct submission *s, const struct batch *b,
		     const uint64_t *ids)
{
	uint64_t last = 0;
	unsigned i;

	for (i = 0; i < b->n; i++) {
		if (!ids[i])
			continue;
		last = ids[i];
		if (b->first)
			made_note(&s->made, b->first + i, last);
		if (s->readable && s->ids.n < IDS_KEPT)
			buf_printf(&s->ids, "%llu\n",
				   (unsigned long long)last);
	}
	if (last)
		callers_submitted(s->fs->callers, &s->who, last, s->refused);
}

/* The controller refuses some: told is the first. */
static void refuse_some(struct submission *s, const struct batch *b, int err,
			const uint64_t *ids, const char *why)
{
	unsigned i = 0;

	while (i + 1 < b->n && ids[i])
		i++;
	if (b->first)
		refuse_object(s, err, b->first + i, why);
	else
		refuse(s, err, why);
}

static void on_stored(struct batch *b, int err, const uint64_t *ids,
		      int refused, const char *why)
{
	struct submission *s = b->owner;

	if (err)
		refuse(s, err, *why ? why : request_meaning(err));
	else
		note_ids(s, b, ids);
	if (refused)
		refuse_some(s, b, refused, ids, why);
	else if (!err && s->complaint.n)
		complain(s);
	batch_free(b);
	s->out--;
	if (s->answered)
		s->answered(s, !err && !refused);
	if (s->file)
		park_wake(s->fs->park, &s->file->waiter);
	else if (!s->out)
		submission_free(s);
}

static int send_batch(struct submission *s)
{
	struct batch *b = s->batch;
	int err;

	if (!b)
		return 0;
	s->batch = NULL;
	err = batch_send(b);
	if (err) {
		refuse(s, err, request_meaning(err));
		batch_free(b);
		return err;
	}
	list_add_tail(&s->sent, &b->link);
	s->out++;
	return 0;
}

struct item *submission_add(struct submission *s, struct json_object *options,
			    struct buf *text)
{
	if (!s->batch) {
		s->batch = batch_new(s->fs, s, s->uid, s->gid);
		s->batch->done = on_stored;
		s->batch->first = s->kind == TEXT_JSON ? s->made.added : 0;
	}
	return batch_add(s->batch, options, text);
}

/* --- what is written ---------------------------------------------------- */

static int dress(struct submission *s, struct bytes code,
		 struct json_object *options, bool *ret_view, struct buf *why)
{
	int err = dress_options(s->tid, s->origin, code,
				json_get(options, "map") != NULL, options, why);

	*ret_view = false;
	return err || !s->dress ? err : s->dress(s, options, ret_view, why);
}

static int check(struct submission *s, struct json_object *o, bool *ret_view,
		 struct buf *why)
{
	int err = task_options_check(o, why);

	if (!err && !json_get(o, "code")) {
		buf_puts(why, "a task needs \"code\"");
		err = -EINVAL;
	}
	return err ? err
		   : dress(s, json_get_bytes(o, "code"), o, ret_view, why);
}

static int take_objects(struct submission *s, struct bytes *data,
			struct buf *why)
{
	for (;;) {
		struct bytes before = *data;
		struct json_object *o = NULL;
		int got = jsonfeed_next(&s->json, data, &o, why);
		bool view = false;
		int err;

		if (got == 0)
			return 0;
		err = got < 0 ? got : check(s, o, &view, why);
		if (err) {
			if (got > 0)
				s->json.count--;
			json_object_put(o);
			*data = before;
			return err;
		}
		s->unsure |= json_get(o, "after") || json_get(o, "follow");
		s->made.added++;
		submission_add(s, o, NULL)->view = view;
		if (s->batch->n >= BATCH_RESULTS ||
		    s->batch->bytes >= BATCH_BYTES) {
			err = send_batch(s);
			if (err)
				return err;
		}
	}
}

/*
 * A mistake behind good objects of the same WRITE: the good ones are taken,
 * the WRITE is short, and the next one is told. Should there be none, the
 * FLUSH is told.
 */
static int write_json(struct submission *s, struct bytes data,
		      size_t *ret_taken)
{
	struct buf why = BUF_INIT;
	struct bytes rest = data;
	uint64_t before = s->json.count;
	int err = take_objects(s, &rest, &why);

	*ret_taken = data.n;
	if (err) {
		s->poison = err;
		if (why.n)
			refuse_object(s, err, s->json.count + 1,
				      buf_str(&why));
		if (s->json.count > before) {
			*ret_taken = data.n - rest.n;
			err = 0;
		} else {
			s->err = 0;
		}
	}
	buf_done(&why);
	return err;
}

/* The WRITE that brings the mistake is told, and so are those behind it. */
static int refuse_text(struct submission *s, int err, const char *why)
{
	buf_done(&s->text);
	refuse(s, err, why);
	s->err = 0;
	s->poison = err;
	return err;
}

static int write_plain(struct submission *s, struct bytes data)
{
	char why[120];

	if (s->text.n + data.n <= LIMIT_CODE) {
		buf_put(&s->text, data.p, data.n);
		return 0;
	}
	snprintf(why, sizeof(why), "the task is larger than %lu bytes: give what is "
		 "large as stdin",
		 LIMIT_CODE);
	return refuse_text(s, -EFBIG, why);
}

static bool submission_has_room(const struct submission *s)
{
	return s->unsure ? !s->out : s->out < BATCHES_OUT;
}

/* It is JSON, and so is what came before that could be told. */
static int begin_json(struct submission *s)
{
	struct buf text = s->text;
	size_t taken;
	int err;

	s->text = (struct buf)BUF_INIT;
	s->kind = TEXT_JSON;
	err = write_json(s, buf_bytes(&text), &taken);
	buf_done(&text);
	return err;
}

static int find_kind(struct submission *s, struct bytes data)
{
	s->kind = textkind_take(&s->finder, data);
	if (s->kind == TEXT_LIST)
		return refuse_text(s, -EINVAL,
				   "a list of tasks is no task: write the "
				   "objects one behind the other, without [ ] "
				   "around them and commas between them");
	return s->kind == TEXT_JSON && s->text.n ? begin_json(s) : 0;
}

/* What is still on its way is of the text before. */
static void begin_text(struct submission *s)
{
	struct list *l;

	list_for_each (l, &s->sent)
		list_entry(l, struct batch, link)->first = 0;
	if (!s->out)
		s->refused = false;
	s->made = (struct made){0};
	buf_clear(&s->complaint);
}

int submission_write(struct submission *s, struct bytes data,
		     size_t *ret_taken)
{
	int err = 0;

	if (s->poison) {
		s->err = 0;
		return s->poison;
	}
	*ret_taken = data.n;
	if (submission_is_empty(s))
		begin_text(s);
	if (s->kind == TEXT_NONE)
		err = find_kind(s, data);
	if (err)
		return err;
	if (s->kind == TEXT_JSON)
		err = write_json(s, data, ret_taken);
	else
		err = write_plain(s, data);
	if (!err && s->unsure)
		err = send_batch(s);
	if (!err && !submission_has_room(s))
		return -EINPROGRESS;
	return err;
}

int submission_written(struct submission *s)
{
	if (!submission_has_room(s))
		return -EINPROGRESS;
	if (!s->unsure)
		return 0;
	s->unsure = false;
	return submission_outcome(s);
}

/* --- submitting --------------------------------------------------------- */

bool submission_is_empty(const struct submission *s)
{
	return s->kind == TEXT_NONE && !textkind_end(&s->finder) &&
	       !s->batch && !s->poison;
}

static void add_plain(struct submission *s)
{
	struct json_object *options = json_object_new_object();
	struct buf why = BUF_INIT;
	bool view;
	int err = dress(s, buf_bytes(&s->text), options, &view, &why);

	if (err) {
		refuse(s, err, buf_str(&why));
		json_object_put(options);
	} else {
		submission_add(s, options, &s->text)->view = view;
	}
	buf_done(&why);
}

void submission_end(struct submission *s)
{
	struct buf why = BUF_INIT;
	int err = 0;

	if (s->kind == TEXT_NONE)
		s->kind = textkind_end(&s->finder);
	if (s->kind == TEXT_JSON && s->text.n)
		err = begin_json(s);
	if (err)
		s->err = err;
	if (s->kind == TEXT_JSON && s->json.inside && !s->poison) {
		jsonfeed_unended(&s->json, &why);
		refuse_object(s, -EINVAL, s->json.count + 1, buf_str(&why));
	}
	if (s->kind == TEXT_PLAIN && !s->poison)
		add_plain(s);
	(void)!send_batch(s); /* it has noted the error */
	buf_done(&why);
	buf_clear(&s->text);
	jsonfeed_reset(&s->json);
	s->kind = TEXT_NONE;
	s->finder = (struct textkind){0};
	s->poison = 0;
}

int submission_outcome(struct submission *s)
{
	int err = s->err;

	if (s->out)
		return -EINPROGRESS;
	s->err = 0;
	return err;
}

/* --- beginning and end -------------------------------------------------- */

/* Shells hide what a close says, so what is known is said when the file is opened. */
static int is_possible(const struct obj *o)
{
	const char *why = o->fs->mirror->counts.trouble;
	int err = 0;

	if (!link_is_up(o->fs->link)) {
		err = -EHOSTDOWN;
		why = request_meaning(err);
	} else if (why) {
		err = -ENOSPC;
	}
	return err ? callers_refuse(o->fs->callers, o->by.tid, err, why) : 0;
}

int submission_open(struct file *f, const struct obj *o)
{
	struct submission *s;
	int err;

	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return 0;
	err = is_possible(o);
	if (err)
		return err;
	s = f->private = zalloc(sizeof(*s));
	s->fs = f->fs;
	s->file = f;
	s->tid = o->by.tid;
	(void)!process_of_thread(o->by.tid, &s->who);
	s->uid = o->by.uid;
	s->gid = o->by.gid;
	s->origin = origin_find(f->fs, o->by.tid);
	list_init(&s->sent);
	list_add_tail(&s->fs->tasks->submissions, &s->all);
	return 0;
}

void submission_release(struct file *f)
{
	struct submission *s = f->private;

	if (!s)
		return;
	if (!submission_is_empty(s))
		submission_end(s);
	s->file = NULL;
	if (!s->out)
		submission_free(s);
}
