/*
 * A draft: its files are written, cut, replaced and removed in any order, and it is
 * submitted. What cannot be says why; what is submitted, the controller would take; and
 * nothing of it is left in the counts.
 *
 * An input is a list of steps: what is done, to which file, how many bytes, the bytes.
 */
#include "tests/fuzz/fuzz.h"

#include "fs/tasks/draft.h"
#include "wire/task_option.h"

struct input {
	const uint8_t *p, *end;
};

static struct drafts drafts;

static unsigned number(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static struct bytes text(struct input *in)
{
	size_t n = min_u64(number(in), (uint64_t)(in->end - in->p));
	struct bytes b = bytes_of((const char *)in->p, n);

	in->p += n;
	return b;
}

static unsigned count_rows(void)
{
	const struct task_option *t = task_options;

	while (t->name)
		t++;
	return (unsigned)(t - task_options);
}

static void raw(struct draft *w, unsigned op, unsigned i, struct input *in)
{
	struct buf why = BUF_INIT, out = BUF_INIT;
	uint64_t at = number(in);
	int err;

	w->option[i].there = true;
	if (op == 0)
		err = draft_write(&drafts, w, i, at, text(in), &why);
	else
		err = draft_resize(&drafts, w, i, at, &why);
	assert(err <= 0);
	err = w->option[i].broken ? 0 : draft_read(w, i, 0, 4096, &out);
	assert(err == 0);
	buf_done(&out);
	buf_done(&why);
}

static void set(struct draft *w, unsigned i, struct bytes value)
{
	struct buf why = BUF_INIT;
	int could = draft_check(w, i, value, &why), err;

	buf_clear(&why);
	err = draft_set(&drafts, w, i, value, &why);
	assert(err == could);
	assert((err != 0) == (why.n != 0));
	buf_done(&why);
}

static void submit(struct draft *w)
{
	struct buf why = BUF_INIT;
	struct draft_task t;
	int err = draft_task(&drafts, w, &t, &why);

	assert(err == 0 || why.n);
	if (!err) {
		err = task_options_check(t.options, &why);
		assert(err == 0);
		draft_task_done(&t);
	}
	buf_done(&why);
}

static void step(struct draft *w, struct input *in)
{
	unsigned op = number(in) % 5, i = number(in) % (count_rows() + 1);

	if (i == count_rows())
		i = DRAFT_MAP0;
	if (op == 4)
		submit(w);
	else if (op == 3)
		draft_remove(&drafts, w, i);
	else if (draft_is_raw(i))
		raw(w, op, i, in);
	else
		set(w, i, text(in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct draft *w;

	if (draft_new(&drafts, bytes_str("draft"), 1, 2, &w))
		abort();
	while (in.p < in.end)
		step(w, &in);
	submit(w);
	drafts_done(&drafts);
	assert(drafts.bytes == 0 && drafts.text == 0);
	drafts = (struct drafts){0};
	return 0;
}
