#include "submission.h"
#include "base/log.h"
#include "base/parse.h"
#include "batch.h"
#include "file.h"
#include "origin.h"
#include "wire/limits.h"
#include "wire/task_option.h"

#define BATCH_RESULTS 1024
#define BATCH_BYTES (4 * MIB)
#define BATCHES_OUT 4		/* more wait for answers of the first */
#define IDS_KEPT (1 * MIB)	/* bytes of ids nobody has read */

/* --- refusing ----------------------------------------------------------- */

static void note(struct fs *fs, const struct process *who, int err,
		 const char *why)
{
	static struct log_limit limit;
	unsigned skipped;

	callers_refused(&fs->callers, who, why);
	if (log_allowed(&limit, 20, 10 * USEC_PER_SEC, &skipped))
		log_info("a task is refused", log_str("why", why),
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

/* Mistakes of a stream of objects say which one. */
static void refuse_object(struct submission *s, int err, struct buf *why)
{
	struct buf b = BUF_INIT;

	if (s->json.count > 0)
		buf_printf(&b, "object %llu: ",
			   (unsigned long long)s->json.count + 1);
	buf_put(&b, why->p, why->n);
	refuse(s, err, buf_str(&b));
	buf_done(&b);
}

static const char *meaning(int err)
{
	if (err == -EHOSTDOWN)
		return "no controller: controller/state says why";
	return strerror(-err);
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
		if (s->readable && s->ids.n < IDS_KEPT)
			buf_printf(&s->ids, "%llu\n",
				   (unsigned long long)last);
	}
	if (last)
		callers_submitted(&s->fs->callers, &s->who, last, s->refused);
}

static void on_stored(struct batch *b, int err, const uint64_t *ids,
		      int refused, const char *why)
{
	struct submission *s = b->owner;

	if (err)
		refuse(s, err, *why ? why : meaning(err));
	else
		note_ids(s, b, ids);
	if (refused)
		refuse(s, refused, why);
	batch_free(b);
	s->out--;
	if (s->answered)
		s->answered(s, !err && !refused);
	if (s->file)
		park_wake(&s->fs->park, s->file);
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
		refuse(s, err, meaning(err));
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
	}
	return batch_add(s->batch, options, text);
}

/* --- what is written ---------------------------------------------------- */

static int dress(struct submission *s, struct json_object *options,
		 bool *ret_view, struct buf *why)
{
	int err = origin_add(s->origin, options, why);

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
	if (!err && json_get(o, "chunk") && !json_get(o, "map")) {
		buf_puts(why, "\"chunk\" needs \"map\"");
		err = -EINVAL;
	}
	return err ? err : dress(s, o, ret_view, why);
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
			refuse_object(s, err, &why);
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

static int write_plain(struct submission *s, struct bytes data)
{
	char why[80];

	if (s->text.n + data.n <= LIMIT_CODE) {
		buf_put(&s->text, data.p, data.n);
		return 0;
	}
	buf_done(&s->text);
	snprintf(why, sizeof(why), "the task is larger than %lu bytes",
		 LIMIT_CODE);
	refuse(s, -EFBIG, why);
	s->err = 0;
	s->poison = -EFBIG;
	return -EFBIG;
}

static bool submission_has_room(const struct submission *s)
{
	return s->unsure ? !s->out : s->out < BATCHES_OUT;
}

static void find_kind(struct submission *s, struct bytes data)
{
	struct bytes text = parse_trim(data);

	if (text.n)
		s->kind = *(const char *)text.p == '{' ? TEXT_JSON : TEXT_PLAIN;
}

int submission_write(struct submission *s, struct bytes data,
		     size_t *ret_taken)
{
	int err;

	if (s->poison) {
		s->err = 0;
		return s->poison;
	}
	*ret_taken = data.n;
	if (s->kind == TEXT_NONE && !s->out)
		s->refused = false;
	if (s->kind == TEXT_NONE)
		find_kind(s, data);
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
	return s->kind == TEXT_NONE && !s->batch && !s->poison;
}

static void add_plain(struct submission *s)
{
	struct json_object *options = json_object_new_object();
	struct buf why = BUF_INIT;
	bool view;
	int err = dress(s, options, &view, &why);

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

	if (s->kind == TEXT_JSON && s->json.inside && !s->poison) {
		buf_puts(&why, "the text ends within a JSON object");
		refuse_object(s, -EINVAL, &why);
	}
	if (s->kind == TEXT_PLAIN && !s->poison)
		add_plain(s);
	(void)!send_batch(s); /* it has noted the error */
	buf_done(&why);
	buf_clear(&s->text);
	jsonfeed_reset(&s->json);
	s->kind = TEXT_NONE;
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

struct submission *submission_new(struct file *f, const struct obj *o)
{
	struct submission *s = zalloc(sizeof(*s));

	s->fs = f->fs;
	s->file = f;
	s->tid = o->by.tid;
	(void)!process_of_thread(o->by.tid, &s->who);
	s->uid = o->by.uid;
	s->gid = o->by.gid;
	s->origin = origin_find(f->fs, o->by.tid);
	list_init(&s->sent);
	list_add_tail(&s->fs->submissions, &s->all);
	return s;
}

void submission_close(struct submission *s)
{
	if (!submission_is_empty(s))
		submission_end(s);
	s->file = NULL;
	if (!s->out)
		submission_free(s);
}
