#include "push.h"
#include "ask.h"
#include "base/log.h"
#include "cluster/view.h"
#include "link/link.h"
#include "mirror/variables.h"
#include "open/file.h"
#include "vars.h"
#include "wire/limits.h"
#include "wire/scan.h"

#define HELD_OUT 64		/* questions on their way, when others are held */
#define TRIAL_WAIT (2 * USEC_PER_SEC)

/* A step that waits for its turn; its bytes are in push.held_bytes. */
struct held_step {
	struct list link;
	struct json_object *content;
	uint64_t at;
	size_t n;
};

struct push_question {
	struct request q;
	struct push *push;
	size_t n;		/* bytes it brings */
	bool trial;
};

static void held_free(struct held_step *h)
{
	list_del(&h->link);
	json_object_put(h->content);
	free(h);
}

static void end_trial(struct push *p)
{
	p->trial = false;
	timer_cancel(&p->trial_timer);
}

static void drop_held(struct push *p)
{
	while (!list_empty(&p->held))
		held_free(list_first(&p->held, struct held_step, link));
	blob_done(&p->held_bytes);
	end_trial(p);
}

static void trial_is_late(struct timer *t)
{
	struct push *p = container_of(t, struct push, trial_timer);

	if (p->file)
		park_wake(p->fs->park, &p->file->waiter);
}

struct push *push_new(struct file *f, struct var_name *name,
		      struct idlist *engines)
{
	struct push *p = zalloc(sizeof(*p));

	p->fs = f->fs;
	p->file = f;
	p->name = name;
	name->users++;
	p->engines = *engines;
	*engines = (struct idlist){0};
	p->patient = vars_wait(f->fs, &p->engines);
	p->trial_timer.fire = trial_is_late;
	list_init(&p->held);
	blob_init(&p->held_bytes);
	list_add_tail(&f->fs->vars->pushes, &p->all);
	return p;
}

static void push_free(struct push *p)
{
	assert(!p->out);
	drop_held(p);
	list_del(&p->all);
	var_name_put(p->fs->mirror, p->name);
	idlist_done(&p->engines);
	free(p);
}

/* --- asking ------------------------------------------------------------- */

struct json_object *push_content(struct push *p, const struct push_step *s)
{
	struct json_object *o = vars_question(&p->engines, p->name);

	if (!p->begun) {
		id_new(p->upload);
		json_add_str(o, "begin", p->begin);
		if (p->exclusive)
			json_add_bool(o, "exclusive", true);
	}
	json_add_str(o, "upload", p->upload);
	if (s->bytes.n)
		json_add_int(o, "offset", (int64_t)s->off);
	if (s->size >= 0)
		json_add_int(o, "size", s->size);
	if (s->mtime >= 0)
		json_add_int(o, "mtime", s->mtime);
	if (s->commit)
		json_add_bool(o, "commit", true);
	if (s->abandon)
		json_add_bool(o, "abandon", true);
	p->begun = !s->commit && !s->abandon;
	p->written = p->begun && (p->written || s->bytes.n || s->size >= 0 ||
				  s->mtime >= 0);
	if (s->commit) {
		/* The next upload begins with this value. */
		p->created = p->exclusive = false;
		p->begin = p->append ? "append" : "copy";
	}
	return o;
}

static void note_error(struct push *p, int err, const struct msg *reply)
{
	if (p->err)
		return;
	p->err = err;
	drop_held(p);
	vars_log("a variable cannot be written", p->name, err, reply);
}

bool push_is_under_way(const struct push *p)
{
	return p->out || !list_empty(&p->held);
}

static void end(struct push *p)
{
	if (push_is_under_way(p))
		return;
	if (p->err)
		vars_expect(p->fs, &p->engines, p->name, false);
	push_free(p);
}

/* An engine that is busy gets the step again, to do when it has time. */
static int trial_over(struct push *p, int err)
{
	bool dropped = !p->trial;

	end_trial(p);
	if (err == -EBUSY)
		return 0;
	if (!dropped)
		held_free(list_first(&p->held, struct held_step, link));
	return err;
}

static void send_held(struct push *p);

static void on_answer(struct request *q, int err, struct msg *reply)
{
	struct push_question *k = container_of(q, struct push_question, q);
	struct push *p = k->push;
	size_t n = k->n;
	bool trial = k->trial;

	free(k);
	if (reply)
		vars_take_answer(p->fs, reply);
	if (trial)
		err = trial_over(p, err);
	if (err)
		note_error(p, err, reply);
	p->out--;
	p->bytes_out -= n;
	send_held(p);
	if (p->file)
		park_wake(p->fs->park, &p->file->waiter);
	else
		end(p);
}

/* Takes content. */
static void send_now(struct push *p, struct json_object *content,
		     struct bytes b)
{
	struct push_question *k = zalloc(sizeof(*k));
	struct msg_out out = {
		.type = MSG_PUSH_REQUEST,
		.content = content,
		.buffers = &b,
		.nbuffers = b.n ? 1 : 0,
	};
	int err;

	k->push = p;
	k->n = b.n;
	k->trial = p->trial;
	k->q.done = on_answer;
	err = link_ask(p->fs->link, &k->q, &out,
		       vars_timeout(p->fs, &p->engines));
	json_object_put(content);
	if (err) {
		note_error(p, err, NULL);
		free(k);
	} else {
		p->out++;
		p->bytes_out += b.n;
	}
}

static bool has_room(const struct push *p, size_t n)
{
	return !p->patient ||
	       (!p->trial && p->out < HELD_OUT && p->bytes_out + n <= PUSH_OUT);
}

static void send_held(struct push *p)
{
	struct json_object *content;
	struct buf b = BUF_INIT;
	struct held_step *h;
	int err;

	while (!list_empty(&p->held)) {
		h = list_first(&p->held, struct held_step, link);
		if (!has_room(p, h->n))
			break;
		content = json_object_get(h->content);
		buf_clear(&b);
		err = blob_read(&p->held_bytes, h->at, h->n, &b);
		held_free(h);
		if (err) {
			json_object_put(content);
			note_error(p, err, NULL);
		} else {
			send_now(p, content, buf_bytes(&b));
		}
	}
	if (list_empty(&p->held))
		blob_done(&p->held_bytes);
	buf_done(&b);
}

static void hold(struct push *p, struct json_object *content, struct bytes b)
{
	struct held_step *h = zalloc(sizeof(*h));
	int err;

	h->content = content;
	h->at = p->held_bytes.size;
	h->n = b.n;
	list_add_tail(&p->held, &h->link);
	err = h->at + b.n > LIMIT_VARIABLE
		      ? -EFBIG
		      : blob_write(&p->held_bytes, h->at, b);
	if (err)
		note_error(p, err, NULL);
}

/* The step stays held until it is known whether it has arrived. */
static void try(struct push *p, struct json_object *content, struct bytes b)
{
	hold(p, content, b);
	if (p->err)
		return;
	p->trial = true;
	timer_set(p->fs->loop, &p->trial_timer, TRIAL_WAIT);
	json_add_bool(content, "now", true);
	json_object_get(content);
	send_now(p, json_object_get(content), b);
	json_object_object_del(content, "now");
	json_object_put(content);
}

void push_send(struct push *p, const struct push_step *s)
{
	struct json_object *content = push_content(p, s);

	if (p->patient && !push_is_under_way(p) && json_get(content, "begin"))
		try(p, content, s->bytes);
	else if (list_empty(&p->held) && has_room(p, s->bytes.n))
		send_now(p, content, s->bytes);
	else
		hold(p, content, s->bytes);
}

const struct push_step push_nothing = {.size = -1, .mtime = -1};

void push_commit(struct push *p)
{
	struct push_step s = push_nothing;

	s.commit = true;
	push_send(p, &s);
}

/* What was written does not become the value. */
static void abandon(struct push *p)
{
	struct push_step s = push_nothing;

	s.abandon = true;
	drop_held(p);
	if (p->begun)
		push_send(p, &s);
}

void push_close(struct push *p)
{
	p->file = NULL;
	if (p->opening || p->killed || p->err) {
		abandon(p);
	} else if (p->begun || p->created) {
		if (!p->written)
			vars_expect(p->fs, &p->engines, p->name, true);
		push_commit(p);
	}
	end(p);
}

void push_done(struct fs *fs)
{
	while (!list_empty(&fs->vars->pushes)) {
		struct push *p = list_first(&fs->vars->pushes, struct push, all);

		p->out = 0;
		push_free(p);
	}
}

struct push *push_find(struct fs *fs, uint64_t ino)
{
	struct list *l;

	list_for_each(l, &fs->vars->pushes) {
		struct push *p = list_entry(l, struct push, all);

		if (p->file && p->file->ino == ino && !p->append &&
		    (p->begun || p->created))
			return p;
	}
	return NULL;
}
