#include "overview.h"
#include "cells.h"
#include "lines.h"
#include "mirror/mirror.h"
#include "open/file.h"
#include "park/reply.h"

#include <math.h>

#define COLUMNS OVERVIEW_COLUMNS

static const char head[] = "result\tstatus\texit\tengine\tstart\tend\tseconds\tuser\t"
			   "system\tmemory\ttries\ttasks\tended\tfailed\tname\n";

/* --- a line ------------------------------------------------------------- */

static void fill_usage(const struct result *r, struct table_cell c[3])
{
	bool known = r->task ? r->detail.used : r->used;
	double user = r->task ? r->detail.user : r->user;
	double system = r->task ? r->detail.system : r->system;

	c[0] = c[1] = c[2] = (struct table_cell){0};
	if (!known)
		return;
	c[0] = (struct table_cell){CELL_USAGE, llround(user * 1e3), NULL};
	c[1] = (struct table_cell){CELL_USAGE, llround(system * 1e3), NULL};
	c[2] = (struct table_cell){CELL_NUMBER,
			     r->task ? r->detail.memory : r->memory, NULL};
}

void overview_cells(const struct result *r, struct table_cell c[COLUMNS])
{
	const struct task *t = r->task;
	int64_t failed = (int64_t)r->count[STATE_ERROR];
	int64_t ended = (int64_t)r->count[STATE_OK] + failed +
			(int64_t)r->count[STATE_ABORTED];

	c[0] = (struct table_cell){CELL_NUMBER, (int64_t)r->id, NULL};
	c[1] = (struct table_cell){CELL_WORD, 0, state_name(r->status)};
	c[2] = (struct table_cell){CELL_NUMBER, t ? t->exit_status : -1, NULL};
	c[3] = (struct table_cell){CELL_NUMBER, t ? t->engine : -1, NULL};
	c[4] = (struct table_cell){CELL_TIME, r->started, NULL};
	c[5] = (struct table_cell){CELL_TIME, r->completed, NULL};
	c[6] = (struct table_cell){r->started && result_is_final(r) ? CELL_SECONDS
							      : CELL_NONE,
			     r->serial, NULL};
	fill_usage(r, &c[7]);
	c[10] = (struct table_cell){CELL_NUMBER, t ? t->attempt : -1, NULL};
	c[11] = (struct table_cell){CELL_NUMBER, r->tasks, NULL};
	c[12] = (struct table_cell){CELL_NUMBER, ended, NULL};
	c[13] = (struct table_cell){CELL_NUMBER, failed, NULL};
}

static struct bytes name_of(const struct result *r)
{
	const char *name = result_name(r);

	return bytes_str(name ? name : "-");
}

static size_t line_size(struct result *r)
{
	struct table_cell c[COLUMNS];
	struct bytes name;

	if (r->line)
		return r->line;
	name = name_of(r);
	overview_cells(r, c);
	r->line = (uint32_t)(cells_size(c, COLUMNS) + name.n +
			     field_growth(name) + strlen("\n"));
	return r->line;
}

static void put_line(const struct result *r, struct buf *out)
{
	struct table_cell c[COLUMNS];

	overview_cells(r, c);
	cells_put(c, COLUMNS, out);
	buf_put_field(out, name_of(r));
	buf_putc(out, '\n');
}

/* The first from that id on which the user may see; NULL: there is none. */
static struct result *next_seen(const struct fs *fs, uint64_t from, uid_t uid)
{
	bool all = !fs->shared || uid == 0;
	struct result *r;

	for (; (r = index_next(&fs->mirror->results, from)); from = r->id + 1)
		if (all || r->uid == uid)
			return r;
	return NULL;
}

/* --- the file ----------------------------------------------------------- */

struct overview_reader {
	struct lines lines;
	uint64_t next;		/* ids below this one were shown, or passed */
	uid_t uid;
};

static uint64_t overview_size(const struct obj *o)
{
	uint64_t sum = strlen(head);
	struct result *r;

	for (r = next_seen(o->fs, 0, o->by.uid); r;
	     r = next_seen(o->fs, r->id + 1, o->by.uid))
		sum += line_size(r);
	return sum;
}

static int64_t overview_mtime(const struct obj *o)
{
	return o->fs->mirror->changed;
}

static void begin(struct overview_reader *v)
{
	lines_begin(&v->lines, 0);
	buf_puts(&v->lines.text, head);
	v->next = 0;
}

static int overview_open(struct file *f, struct obj *o)
{
	struct overview_reader *v = zalloc(sizeof(*v));

	v->uid = o->by.uid;
	begin(v);
	f->private = v;
	return 0;
}

/* The line is made, or passed when it is far before what is read. */
static void show_or_pass(struct overview_reader *v, struct result *r, uint64_t off)
{
	uint64_t end = lines_end(&v->lines);

	v->next = r->id + 1;
	if (end + LINES_KEPT < off)
		lines_begin(&v->lines, end + line_size(r));
	else
		put_line(r, &v->lines.text);
}

static int overview_read(struct file *f, struct obj *o, const struct ask *ask,
			 struct answer *a)
{
	struct overview_reader *v = f->private;
	struct result *r;

	if (ask->off < v->lines.at || ask->off == 0)
		begin(v);
	while (lines_end(&v->lines) < ask->off + ask->size &&
	       (r = next_seen(o->fs, v->next, v->uid))) {
		lines_drop(&v->lines, ask->off);
		show_or_pass(v, r, ask->off);
	}
	answer_slice(a, buf_bytes(&v->lines.text), ask->off - v->lines.at,
		     ask->size);
	return 0;
}

static void overview_release(struct file *f)
{
	struct overview_reader *v = f->private;

	if (!v)
		return;
	buf_done(&v->lines.text);
	free(v);
}

const struct io overview_io = {
	.open = overview_open,
	.read = overview_read,
	.size = overview_size,
	.mtime = overview_mtime,
	.release = overview_release,
};
