#include "task_lines.h"
#include "link/link.h"
#include "mirror/group.h"
#include "mirror/offsets.h"
#include "tree/format.h"
#include "wire/ids.h"

static void put_number(struct buf *out, uint64_t n)
{
	char text[24], *p = text + sizeof(text);

	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	buf_put(out, p, (size_t)(text + sizeof(text) - p));
}

/* --- engine ------------------------------------------------------------- */

int64_t task_lines_engine_size(const struct obj *o)
{
	const struct group *g = o->task ? NULL : o->result->group;
	int64_t n = 0;
	uint32_t i;

	if (!g)
		return -1;
	/* An empty line for a task that has none. */
	n = g->n;
	for (i = 0; i < g->nshares; i++)
		n += (int64_t)g->share[i].n *
		     (offsets_number_size((uint32_t)g->share[i].engine) - 1);
	return n;
}

void task_lines_engine(const struct obj *o, struct buf *out)
{
	const struct group *g = o->result->group;
	uint32_t i;

	buf_reserve(out, (size_t)task_lines_engine_size(o));
	for (i = 0; i < g->n; i++) {
		if (group_task(g, i)->engine >= 0)
			put_number(out, (uint64_t)group_task(g, i)->engine);
		buf_putc(out, '\n');
	}
}

/* --- exit_status -------------------------------------------------------- */

int64_t task_lines_exit_size(const struct obj *o)
{
	const struct group *g = o->task ? NULL : o->result->group;

	return g ? (int64_t)(g->n + g->exit_digits) : -1;
}

void task_lines_exit(const struct obj *o, struct buf *out)
{
	const struct group *g = o->result->group;
	uint32_t i;

	buf_reserve(out, (size_t)task_lines_exit_size(o));
	for (i = 0; i < g->n; i++) {
		if (group_task(g, i)->exit_status >= 0)
			put_number(out, (uint64_t)group_task(g, i)->exit_status);
		buf_putc(out, '\n');
	}
}

/* --- msg_ids ------------------------------------------------------------ */

static unsigned try_of(const struct task *t)
{
	return t->attempt ? t->attempt : 1;
}

void task_msg_id(const struct obj *o, int64_t i, struct buf *out)
{
	const struct task *t = group_task(o->result->group, i);
	const struct task_id id = {o->id, (uint32_t)i, try_of(t)};
	char text[TASK_ID_SIZE];

	task_id_format(o->fs->link->cluster, &id, text);
	buf_puts(out, text);
}

int64_t task_lines_msg_id_size(const struct obj *o)
{
	const struct group *g = o->task ? NULL : o->result->group;
	uint64_t each = strlen(o->fs->link->cluster) + strlen("_") +
			offsets_number_size(o->id); /* and _ */
	uint64_t n, from = 1, end;
	unsigned digits = 1;

	if (!g)
		return -1;
	n = g->n * each + g->attempt_digits;
	for (; from <= g->n; from = end, digits++) {
		end = from * 10;
		/* Numbers from 0 on with so many digits, _ and newline. */
		n += (min_u64(end, g->n) - (digits == 1 ? 0 : from)) *
		     (digits + 2);
	}
	return (int64_t)n;
}

void task_lines_msg_id(const struct obj *o, struct buf *out)
{
	const struct group *g = o->result->group;
	struct buf head = BUF_INIT;
	uint32_t i;

	buf_printf(&head, "%s_%u_", o->fs->link->cluster, o->id);
	buf_reserve(out, (size_t)task_lines_msg_id_size(o));
	for (i = 0; i < g->n; i++) {
		buf_put(out, head.p, head.n);
		put_number(out, i);
		buf_putc(out, '_');
		put_number(out, try_of(group_task(g, i)));
		buf_putc(out, '\n');
	}
	buf_done(&head);
}
