#include "base/base.h"
#include "brief.h"

/* The numbers of that list; doc/PROTOCOL.md has their order. */
#define BRIEF_MEMBERS (15 + STREAM_OUTPUTS)

static void brief_members(const struct result *r, uint32_t index,
			  int64_t m[BRIEF_MEMBERS])
{
	const struct task *t = &r->task[index];
	const int64_t members[BRIEF_MEMBERS] = {
		index,
		t->state,
		t->engine,
		t->attempt,
		t->started,
		t->completed,
		t->received,
		t->exit_status,
		t->signal,
		(int64_t)t->size[STREAM_STDOUT],
		(int64_t)t->size[STREAM_STDERR],
		(int64_t)t->size[STREAM_VALUE],
		(int64_t)t->size[STREAM_DATA],
		t->value_is_stdout,
		t->timed_out,
		t->held,
		t->began,
		t->ran,
		t->elapsed,
	};

	memcpy(m, members, sizeof(members));
}

static char *put_number(char *p, int64_t n)
{
	char digits[24], *d = digits + sizeof(digits);
	uint64_t u = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do
		*--d = (char)('0' + u % 10);
	while (u /= 10);
	if (n < 0)
		*p++ = '-';
	memcpy(p, d, (size_t)(digits + sizeof(digits) - d));
	return p + (digits + sizeof(digits) - d);
}

void task_put_brief(const struct result *r, uint32_t index, struct buf *out)
{
	int64_t m[BRIEF_MEMBERS];
	char *begin = buf_reserve(out, BRIEF_MEMBERS * 24 + 2), *p = begin;
	size_t i;

	brief_members(r, index, m);
	for (i = 0; i < BRIEF_MEMBERS; i++) {
		*p++ = i ? ',' : '[';
		p = put_number(p, m[i]);
	}
	*p++ = ']';
	out->n += (size_t)(p - begin);
}
