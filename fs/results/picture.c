#include "picture.h"
#include "base/parse.h"
#include "drawing/timeline.h"
#include "mirror/group.h"
#include "tree/tree.h"
#include "wire/limits.h"

#include <math.h>

#define KEPT_FOR USEC_PER_SEC
#define PART 20

static struct {
	uint64_t ino;
	int64_t submitted;
	bool steady;		/* nothing could change any more when it was drawn */
	/* Kept until then in any case; and if nothing changes. mono_usec() */
	uint64_t at_least, at_most;
	uint64_t seq;
	struct buf text;
} kept;

/* --- one task: each of its tries ---------------------------------------- */

struct tries {
	struct timeline_bar *bar;
	uint64_t n;
};

static void add_try(struct tries *t, struct timeline_bar bar)
{
	t->bar = xreallocarray(t->bar, t->n + 1, sizeof(*t->bar));
	t->bar[t->n++] = bar;
}

/* "7.012345", seconds. */
static bool read_seconds(struct bytes word, int64_t *ret_usec)
{
	double s;

	if (parse_double(word, 0, LIMIT_SECONDS, &s))
		return false;
	*ret_usec = llround(s * 1e6);
	return true;
}

/*
 * "NUMBER ENGINE START END OUTCOME BEGAN RAN", as in the file attempts; older ones
 * end with the outcome.
 */
static bool read_try(struct bytes line, int64_t submitted,
		     struct timeline_bar *ret)
{
	struct bytes word[7];
	int64_t began, ran;
	uint64_t number;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(word); i++)
		word[i] = parse_word(&line);
	if (parse_u64(word[0], 1, UINT_MAX, &number) ||
	    parse_i64(word[1], 0, MIRROR_MAX_ID, &ret->engine) ||
	    date_parse(word[2], &ret->start) || date_parse(word[3], &ret->end))
		return false;
	if (read_seconds(word[5], &began) && read_seconds(word[6], &ran)) {
		ret->start = submitted + began;
		ret->end = ret->start + ran;
	}
	ret->attempt = (unsigned)number;
	ret->state = bytes_is(word[4], "ok")	    ? STATE_OK
		     : bytes_is(word[4], "aborted") ? STATE_ABORTED
						    : STATE_ERROR;
	return true;
}

/* Steady times, counted from the time of day of the submission. */
static struct timeline_bar bar_of(const struct task *t, uint64_t index,
				  int64_t submitted)
{
	int64_t began = t->started ? submitted + t->began : 0;

	return (struct timeline_bar){
		.engine = t->engine,
		.start = began,
		.end = state_is_final((enum state)t->state) ? began + t->ran : 0,
		.state = (enum state)t->state,
		.task = index,
		.attempt = t->attempt,
	};
}

static void read_tries(const struct obj *o, uint64_t index, struct tries *ret)
{
	const char *text = o->detail ? o->detail->attempts : NULL;
	struct bytes rest = bytes_str(text ? text : ""), line;

	while (parse_line(&rest, &line)) {
		struct timeline_bar bar = {.task = index};

		if (read_try(line, o->result->submitted, &bar))
			add_try(ret, bar);
	}
	/* The last try has a line, too, when it has ended. */
	if (!ret->n || !state_is_final((enum state)o->task->state))
		add_try(ret, bar_of(o->task, index, o->result->submitted));
}

static void from_tries(const void *arg, uint64_t i, struct timeline_bar *ret)
{
	*ret = ((const struct tries *)arg)->bar[i];
}

/* The last try of each task of a map or view. */
static void from_group(const void *arg, uint64_t i, struct timeline_bar *ret)
{
	const struct group *g = arg;

	*ret = bar_of(group_task(g, i), i, g->result->submitted);
}

/* --- all of it ---------------------------------------------------------- */

/* Of one task of many nothing is drawn that changes after the task's end. */
static struct timeline describe(const struct obj *o)
{
	const struct result *r = o->result;
	struct timeline t = {
		.id = r->id,
		.task = -1,
		.status = r->status,
		.submitted = r->submitted,
		.now = r->submitted + result_age(r),
	};

	if (result_name(r))
		t.label = bytes_str(result_name(r));
	memcpy(t.count, r->count, sizeof(t.count));
	if (obj_index(o) < 0)
		return t;
	t.task = obj_index(o);
	t.status = (enum state)o->task->state;
	memset(t.count, 0, sizeof(t.count));
	t.count[t.status] = 1;
	return t;
}

static void draw(const struct obj *o, struct buf *out)
{
	struct timeline t = describe(o);
	struct tries tries = {0};

	if (o->task) {
		read_tries(o, obj_index(o) < 0 ? 0 : (uint64_t)obj_index(o),
			   &tries);
		t.n = tries.n;
		t.bar = from_tries;
		t.arg = &tries;
	} else {
		t.n = o->result->group->n;
		t.bar = from_group;
		t.arg = o->result->group;
	}
	timeline_put(&t, out);
	free(tries.bar);
}

static bool is_kept(const struct obj *o, uint64_t ino)
{
	const struct result *r = o->result;

	if (!kept.text.n || kept.ino != ino ||
	    kept.submitted != r->submitted ||
	    kept.steady != tree_is_steady(o))
		return false;
	return kept.steady || mono_usec() < kept.at_least ||
	       (kept.seq == r->seq && mono_usec() < kept.at_most);
}

int result_timeline(const struct obj *o, struct buf *out)
{
	uint64_t ino = tree_ino(o), began = mono_usec(), now;

	if (!is_kept(o, ino)) {
		buf_clear(&kept.text);
		draw(o, &kept.text);
		now = mono_usec();
		kept.ino = ino;
		kept.submitted = o->result->submitted;
		kept.steady = tree_is_steady(o);
		kept.seq = o->result->seq;
		kept.at_least = now + PART * (now - began);
		kept.at_most = now + KEPT_FOR;
	}
	buf_put(out, kept.text.p, kept.text.n);
	return 0;
}
