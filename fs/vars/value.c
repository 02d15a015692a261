#include "value.h"
#include "cluster/view.h"
#include "open/file.h"
#include "pull.h"
#include "push.h"
#include "vars.h"
#include "wire/limits.h"

#include <fcntl.h>

/*
 * After so many bytes WRITEs are answered before the engines have them, PUSH_OUT
 * at a time: the error of one is told to the next.
 */
#define STREAM_FROM (1 * MIB)

/* --- opening and closing ------------------------------------------------ */

static void find_beginning(struct push *p, int flags)
{
	p->append = (flags & O_APPEND) != 0;
	p->created = (flags & (O_TRUNC | O_CREAT)) != 0;
	p->exclusive = (flags & O_CREAT) && (flags & O_EXCL);
	p->begin = p->exclusive || (flags & O_TRUNC) ? "empty"
		   : p->append			     ? "append"
						     : "copy";
}

int value_open(struct file *f, struct obj *o)
{
	bool writes = (f->flags & O_ACCMODE) != O_RDONLY;
	struct idlist engines = {0};
	struct push *p;
	int err = writes ? vars_engines(o, &engines)
			 : view_engines(o, &engines);

	if (err) {
		idlist_done(&engines);
		return err;
	}
	p = push_new(f, vars_name(o), &engines);
	p->tid = o->by.tid;
	f->private = p;
	if (!writes)
		return 0;
	(void)!process_of_thread(o->by.tid, &p->who);
	find_beginning(p, f->flags);
	if (!p->exclusive)
		return 0;
	/* Which of several writers it is has to be known now. */
	p->opening = true;
	push_send(p, &push_nothing);
	return p->err ? p->err : -EINPROGRESS;
}

static void forget_read(struct push *p)
{
	pull_free(p->pull);
	p->pull = NULL;
}

void value_release(struct file *f)
{
	struct push *p = f->private;

	if (!p)
		return;
	forget_read(p);
	push_close(p);
}

/* --- writing ------------------------------------------------------------ */

static int write_outcome(const struct push *p)
{
	bool waits = p->patient ? timer_is_set(&p->trial_timer)
				: p->bytes < STREAM_FROM ||
					  p->bytes_out > PUSH_OUT;

	return p->out && waits ? -EINPROGRESS : p->err;
}

static int all_outcome(const struct push *p)
{
	return push_is_under_way(p) ? -EINPROGRESS : p->err;
}

static int value_write(struct file *f, struct bytes data, uint64_t off,
		       size_t *ret_taken)
{
	struct push *p = f->private;
	struct push_step s = push_nothing;

	if (p->err)
		return p->err;
	p->opening = false;
	forget_read(p);
	s.bytes = bytes_of(data.p, min_u64(data.n, LIMIT_PIECE));
	/* When appending, the kernel's offset means nothing. */
	s.off = p->append ? p->bytes : off;
	s.commit = p->append && strcmp(p->begin, "append") == 0;
	push_send(p, &s);
	p->bytes += s.bytes.n;
	*ret_taken = s.bytes.n;
	return write_outcome(p);
}

static bool is_opener(const struct push *p, pid_t tid)
{
	struct process who;

	return tid == p->tid ||
	       (process_of_thread(tid, &who) && who.pid == p->who.pid &&
		who.start == p->who.start);
}

int value_flush(struct file *f, const struct ask *ask)
{
	struct push *p = f->private;

	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return 0;
	p->opening = false;
	if (!is_opener(p, ask->tid))
		return all_outcome(p);
	p->killed = process_is_killed(ask->tid);
	if (p->written && !p->err && !p->killed)
		push_commit(p);
	return all_outcome(p);
}

int value_again(struct file *f, enum parked_kind kind)
{
	struct push *p = f->private;

	return kind == PARKED_WRITE || p->opening ? write_outcome(p)
						  : all_outcome(p);
}

/* --- reading ------------------------------------------------------------ */

/* Before a read: what was written takes its name. */
static int settle(struct push *p, struct file *f)
{
	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return 0;
	if (!p->err && (p->written || p->created)) {
		push_commit(p);
		forget_read(p);
	}
	return all_outcome(p);
}

int value_read(struct file *f, struct obj *o, const struct ask *ask,
	       struct answer *a)
{
	struct push *p = f->private;
	struct idlist engines = {0};
	int err = settle(p, f);

	if (err)
		return err;
	if (!p->pull || (ask->off == 0 && f->seen)) {
		/* From the beginning again: the value as it is now. */
		err = view_engines(o, &engines);
		if (!err) {
			pull_free(p->pull);
			p->pull = pull_new(f, &engines, p->name,
					   vars_as_lines(o));
			f->seen = 0;
		}
		idlist_done(&engines);
	}
	if (!err)
		err = pull_read(p->pull, ask->off, ask->size, a);
	if (!err)
		f->seen = max_u64(f->seen, ask->off + a->n);
	return err;
}

const struct io var_io = {
	.writable = true,
	.open = value_open,
	.read = value_read,
	.size = vars_size,
	.mtime = vars_mtime,
	.write = value_write,
	.flush = value_flush,
	.again = value_again,
	.release = value_release,
};

const struct io gather_io = {
	.open = value_open,
	.read = value_read,
	.size = vars_size,
	.mtime = vars_mtime,
	.release = value_release,
};
