#include "metrics_file.h"
#include "link/link.h"
#include "metrics.h"
#include "mirror/merge.h"
#include "open/file.h"
#include "park/reply.h"
#include "wire/scan.h"

static const struct field reply_fields[] = {
	{"controller", FIELD_SPAN, 0, 0},
	{.name = NULL},
};

/* Takes the counters alone: all else comes in order, with the changes. */
static void on_reply(struct request *q, int err, struct msg *reply)
{
	struct metrics *m = container_of(q, struct metrics, q);
	struct bytes controller = {0};

	m->answered = mono_usec();
	if (!err && scan_fields(request_content(reply), reply_fields,
				&controller))
		merge_counters(m->fs->mirror, controller);
	waitq_wake(m->fs->park, &m->waitq);
}

void metrics_init(struct metrics *m, struct fs *fs)
{
	*m = (struct metrics){.fs = fs, .q.done = on_reply};
	waitq_init(&m->waitq);
}

/* Asks the controller, if it is time. True: an answer will come. */
static bool refresh(struct metrics *m)
{
	struct msg_out out = {.type = MSG_STATE_REQUEST};

	if (m->q.asked)
		return true;
	if (m->answered && mono_usec() - m->answered < METRICS_FRESH)
		return false;
	return link_ask(m->fs->link, &m->q, &out, METRICS_WAIT) == 0;
}

static int metrics_read(struct file *f, struct obj *o, const struct ask *ask,
			struct answer *a)
{
	if (ask->off == 0 || !f->rendered) {
		f->rendered = false;
		if (refresh(o->fs->metrics)) {
			waitq_add(&o->fs->metrics->waitq, &f->waiter);
			return -EINPROGRESS;
		}
		buf_clear(&f->copy);
		metrics_put(o->fs, &f->copy);
		f->rendered = true;
	}
	answer_slice(a, buf_bytes(&f->copy), ask->off, ask->size);
	return 0;
}

static uint64_t metrics_size(const struct obj *o)
{
	static struct buf b;

	buf_clear(&b);
	metrics_put(o->fs, &b);
	return b.n;
}

const struct io metrics_io = {
	.read = metrics_read,
	.size = metrics_size,
};
