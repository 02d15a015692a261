#include "table.h"
#include "cells.h"
#include "lines.h"
#include "mirror/group.h"
#include "mirror/load.h"
#include "open/file.h"
#include "open/window.h"
#include "park/reply.h"

#include <math.h>

#define ITEM_PIECE (64 * KIB)	/* of an item, at a time */
#define COLUMNS 11

static const char head[] = "task\tstatus\texit\tengine\tstart\tend\tseconds\tuser\t"
			   "system\tmemory\ttries\titem\n";

/* --- a line ------------------------------------------------------------- */

static const struct task *task_at(const struct result *r, uint32_t i)
{
	return r->group ? group_task(r->group, i) : &r->one;
}

static void fill_usage(const struct result *r, uint32_t i, struct table_cell c[3])
{
	struct usage u = r->group ? group_usage(r->group, i)
				  : result_short_usage(r);

	c[0] = c[1] = c[2] = (struct table_cell){0};
	if (u.user < 0)
		return;
	c[0] = (struct table_cell){CELL_USAGE, llroundf(u.user * 1e3F), NULL};
	c[1] = (struct table_cell){CELL_USAGE, llroundf(u.system * 1e3F), NULL};
	c[2] = (struct table_cell){CELL_NUMBER, (int64_t)u.memory * 1024, NULL};
}

/* All fields but the item, which is the last. */
static void fill_cells(const struct result *r, uint32_t i,
		       struct table_cell c[COLUMNS])
{
	const struct task *t = task_at(r, i);
	bool ended = state_is_final((enum state)t->state);

	c[0] = (struct table_cell){CELL_NUMBER, i, NULL};
	c[1] = (struct table_cell){CELL_WORD, 0, state_name((enum state)t->state)};
	c[2] = (struct table_cell){CELL_NUMBER, t->exit_status, NULL};
	c[3] = (struct table_cell){CELL_NUMBER, t->engine, NULL};
	c[4] = (struct table_cell){CELL_TIME, t->started, NULL};
	c[5] = (struct table_cell){CELL_TIME, t->completed, NULL};
	c[6] = (struct table_cell){ended && t->started ? CELL_SECONDS : CELL_NONE,
			     t->ran, NULL};
	fill_usage(r, i, &c[7]);
	c[10] = (struct table_cell){CELL_NUMBER, t->attempt, NULL};
}

static uint32_t tasks_of(const struct result *r)
{
	return r->group ? r->group->n : 1;
}

static bool has_items(const struct result *r)
{
	return r->group && r->map > 0;
}

static size_t line_size(const struct result *r, uint32_t i)
{
	struct table_cell c[COLUMNS];

	fill_cells(r, i, c);
	return cells_size(c, COLUMNS);
}

/* --- sizes -------------------------------------------------------------- */

static uint64_t count_lines(const struct result *r, uint32_t from, uint32_t n)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = from; i < from + n; i++)
		sum += line_size(r, i);
	return sum;
}

/* The lines of a block, counted when one of them is another than before. */
static uint64_t block_bytes(const struct result *r, uint32_t b)
{
	struct group *g = r->group;
	uint32_t n;

	if (!g)
		return line_size(r, 0) + strlen("\n");
	n = group_block_size(g, b);
	if (!g->block[b].lines)
		g->block[b].lines =
			(uint32_t)count_lines(r, b * GROUP_BLOCK, n);
	return g->block[b].lines +
	       (has_items(r) && g->grown ? g->grown[b] : n);
}

static uint32_t blocks_of(const struct result *r)
{
	return r->group ? r->group->nblocks : 1;
}

static uint64_t table_size(const struct obj *o)
{
	uint64_t sum = strlen(head);
	uint32_t b;

	for (b = 0; b < blocks_of(o->result); b++)
		sum += block_bytes(o->result, b);
	return sum;
}

/* --- reading ------------------------------------------------------------ */

struct table_reader {
	struct lines lines;
	struct window items;
	bool fetches;		/* there is such a window */
	uint32_t next;		/* the task whose line comes next, */
	bool begun;		/* of which all but the item is there, and */
	uint64_t put;		/* so many bytes of that */
};

/* Goes on from the beginning of a block, or of all. */
static void begin_at(struct table_reader *t, uint64_t at, uint32_t next)
{
	lines_begin(&t->lines, at);
	t->next = next;
	t->begun = false;
	t->put = 0;
	if (!at)
		buf_puts(&t->lines.text, head);
}

/* The block with the byte at off, and where that begins. */
static uint32_t find_block(const struct result *r, uint64_t off,
			   uint64_t *ret_at)
{
	uint64_t at = strlen(head), size;
	uint32_t b = 0;

	for (; b + 1 < blocks_of(r); b++, at += size) {
		size = block_bytes(r, b);
		if (off < at + size)
			break;
	}
	*ret_at = b ? at : 0;
	return b;
}

/* Whoever goes forward a little, or within a block, gets on from here. */
static void go_to(struct table_reader *t, const struct result *r, uint64_t off)
{
	bool back = off < t->lines.at;
	uint64_t at;
	uint32_t b;

	if (!back && off <= lines_end(&t->lines) + LINES_KEPT)
		return;
	b = find_block(r, off, &at);
	if (back || b > t->next / GROUP_BLOCK)
		begin_at(t, at, b * GROUP_BLOCK);
}

static void end_line(struct table_reader *t)
{
	buf_putc(&t->lines.text, '\n');
	t->next++;
	t->begun = false;
	t->put = 0;
}

/* A piece of the item from the map, where it ends with a zero byte. 0: the line is
   whole, or has more for now; -EINPROGRESS; -errno. */
static int put_item(struct table_reader *t, struct file *f, const struct obj *o)
{
	const uint32_t *at = group_items(o->result->group, t->next);
	uint64_t left = at[1] - 1 - at[0] - t->put;
	struct answer a = {0};
	int i, err;

	if (!t->fetches)
		window_init(&t->items, f, o->result->id, 0, STREAM_MAP);
	t->fetches = true;
	if (left) {
		left = min_u64(left, ITEM_PIECE);
		err = window_read(&t->items, at[0] + t->put, left,
				  (uint64_t)o->result->map, &a);
		if (err)
			return err;
	}
	for (i = 0; i < a.pieces; i++)
		buf_put_field(&t->lines.text, bytes_of(a.iov[i].iov_base,
						 a.iov[i].iov_len));
	t->put += left;
	if (at[0] + t->put + 1 == at[1])
		end_line(t);
	return 0;
}

/* The items of which the place is not known are asked for. */
static int need_place(struct table_reader *t, struct file *f, const struct obj *o)
{
	struct load *l = o->fs->load;
	int err = load_items(l, o->result->group, t->next, true);

	if (err == -EINPROGRESS)
		waitq_add(&l->waitq, &f->waiter);
	return err;
}

static int put_more(struct table_reader *t, struct file *f, const struct obj *o)
{
	struct table_cell c[COLUMNS];
	int err = has_items(o->result) ? need_place(t, f, o) : 0;

	if (err)
		return err;
	if (!t->begun) {
		fill_cells(o->result, t->next, c);
		cells_put(c, COLUMNS, &t->lines.text);
		t->begun = true;
	}
	if (has_items(o->result))
		return put_item(t, f, o);
	end_line(t);
	return 0;
}

static int table_open(struct file *f, struct obj *o)
{
	struct table_reader *t = zalloc(sizeof(*t));

	(void)o;
	begin_at(t, 0, 0);
	f->private = t;
	return 0;
}

static int table_read(struct file *f, struct obj *o, const struct ask *ask,
		      struct answer *a)
{
	struct table_reader *t = f->private;
	int err = 0;

	if (ask->off)
		go_to(t, o->result, ask->off);
	else
		begin_at(t, 0, 0);
	while (!err && t->next < tasks_of(o->result) &&
	       lines_end(&t->lines) < ask->off + ask->size) {
		lines_drop(&t->lines, ask->off);
		err = put_more(t, f, o);
	}
	if (!err)
		answer_slice(a, buf_bytes(&t->lines.text),
			     ask->off - t->lines.at, ask->size);
	return err;
}

static void table_release(struct file *f)
{
	struct table_reader *t = f->private;

	if (!t)
		return;
	if (t->fetches)
		window_done(&t->items);
	buf_done(&t->lines.text);
	free(t);
}

const struct io table_io = {
	.open = table_open,
	.read = table_read,
	.size = table_size,
	.release = table_release,
};
