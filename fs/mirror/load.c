#include "load.h"
#include "base/log.h"
#include "detail.h"
#include "group.h"
#include "merge.h"
#include "merge_task.h"
#include "wire/limits.h"
#include "wire/scan.h"

#define LOAD_TIMEOUT (30 * USEC_PER_SEC)

/* About one task its texts; of the tasks of a block where their items are; of all
   blocks where theirs are. */
enum matter { ABOUT_TEXTS, ABOUT_ITEMS, ABOUT_BLOCKS };

struct detail_ask {
	struct list link;
	struct request q;
	struct load *load;
	uint64_t id;
	uint32_t index;
	enum matter about;
	struct task was;	/* the task when the question was asked */
	uint32_t tasks;		/* that the result had then */
	int err;		/* the answer, until somebody was told */
	uint64_t failed;	/* when, mono_usec() */
};

static struct group *find_group(const struct load *l, uint64_t id)
{
	struct result *r = mirror_result(l->mirror, id);

	return r ? r->group : NULL;
}

struct reply {
	int64_t seq;
	struct bytes tasks, task, items, growth;
};

static const struct field reply_fields[] = {
	{"seq", FIELD_INT, offsetof(struct reply, seq), 0},
	{"tasks", FIELD_SPAN, offsetof(struct reply, tasks), 0},
	{"task", FIELD_SPAN, offsetof(struct reply, task), 0},
	{"items", FIELD_SPAN, offsetof(struct reply, items), 0},
	{"growth", FIELD_SPAN, offsetof(struct reply, growth), 0},
	{.name = NULL},
};

static struct reply read_reply(struct msg *m)
{
	struct reply r = {0};

	(void)scan_fields(request_content(m), reply_fields, &r);
	return r;
}

/* --- blocks ------------------------------------------------------------- */

/* The tasks of a block; false: they are not all there. */
static bool read_tasks(const struct group *g, uint32_t block,
		       struct bytes tasks, struct task *to, struct usage *used)
{
	uint32_t n = 0, i, want = group_block_size(g, block);
	struct bytes v;
	struct scan s;

	if (!scan_array(&s, tasks))
		return false;
	while (n < want && scan_element(&s, &v)) {
		if (!merge_short(v, g->n, &i, &to[n], &used[n]) ||
		    i != block * GROUP_BLOCK + n)
			return false;
		n++;
	}
	return n == want;
}

static void take_block(struct load *l, struct group *g, struct msg *m)
{
	static struct task tasks[GROUP_BLOCK];
	static struct usage used[GROUP_BLOCK];
	struct reply r = read_reply(m);

	/* Another result has the number now; or this one has more tasks, and is asked
	 * again. */
	if (l->number >= g->nblocks || l->tasks != g->n)
		return;
	if (!read_tasks(g, l->number, r.tasks, tasks, used)) {
		log_warning("the tasks of a result are not as they should be",
			    log_int("result", (int64_t)l->id));
		list_del(&g->unread);
		return;
	}
	/* An answer that was too old is asked for again. */
	(void)!group_fill(g, l->number, tasks, used,
			  group_block_size(g, l->number), (uint64_t)r.seq);
}

static void tell(struct load *l)
{
	waitq_wake(l->mirror->park, &l->waitq);
	l->arrived(l->arrived_arg);
}

static void on_block(struct request *q, int err, struct msg *m)
{
	struct load *l = container_of(q, struct load, block);
	struct group *g = find_group(l, l->id);

	if (!err && g)
		take_block(l, g, m);
	else if (g && err != -EHOSTDOWN)
		list_del(&g->unread); /* the result is gone */
	else if (err == -EHOSTDOWN && link_is_up(l->link))
		link_restart(l->link, "it does not tell of its tasks");
	if (!err)
		l->block_at = mono_usec();
	if (err != -EHOSTDOWN)
		load_go(l);
	tell(l);
}

static uint32_t first_unknown(const struct group *g)
{
	uint32_t b = 0;

	while (g->block[b].known)
		b++;
	return b;
}

void load_go(struct load *l)
{
	struct json_object *o;
	struct msg_out out = {.type = MSG_TASKS_REQUEST};
	struct group *g;

	if (l->block.asked || list_empty(&l->mirror->unread))
		return;
	g = list_first(&l->mirror->unread, struct group, unread);
	l->id = g->result->id;
	l->number = first_unknown(g);
	l->tasks = g->n;
	o = json_object_new_object();
	json_add_int(o, "result", (int64_t)l->id);
	json_add_int(o, "from", (int64_t)l->number * GROUP_BLOCK);
	json_add_int(o, "limit", GROUP_BLOCK);
	out.content = o;
	/* When the line is down a filling follows. */
	(void)!link_ask(l->link, &l->block, &out, LOAD_TIMEOUT);
	json_object_put(o);
}

int load_tasks(struct load *l, struct group *g, bool ask)
{
	if (group_is_known(g))
		return 0;
	if (!ask)
		return -EINPROGRESS;
	if (!link_is_up(l->link))
		return -EHOSTDOWN;
	if (list_empty(&g->unread))
		return -EIO;
	list_del(&g->unread);
	list_add(&l->mirror->unread, &g->unread);
	load_go(l);
	return -EINPROGRESS;
}

/* --- texts -------------------------------------------------------------- */

static void ask_free(struct detail_ask *a)
{
	link_forget(a->load->link, &a->q);
	list_del(&a->link);
	a->load->ndetails--;
	free(a);
}

/* Nothing happened to the task since it was asked: the texts are those of now. */
static bool is_same(const struct task *a, const struct task *b)
{
	return a->state == b->state && a->attempt == b->attempt &&
	       a->engine == b->engine;
}

static void take_detail(struct group *g, uint32_t i, struct msg *m)
{
	struct reply r = read_reply(m);
	struct detail d = {0};

	if (merge_detail(r.task, &d))
		detail_keep(g, i, &d);
	detail_done(&d);
}

/* Where the items of each task of a block begin: each behind the one before, within
   the map; false: the numbers say something else. */
static bool read_items(const struct group *g, uint32_t block, struct bytes items,
		       uint32_t *at)
{
	uint32_t n = 0, want = group_block_size(g, block) + 1;
	int64_t last = block ? 0 : -1, here;
	struct bytes v;
	struct scan s;

	if (!scan_array(&s, items))
		return false;
	for (; n < want && scan_element(&s, &v); n++, last = here) {
		if (!scan_int(v, &here) || here <= last ||
		    here > g->result->map || here > (int64_t)LIMIT_MAP)
			return false;
		at[n] = (uint32_t)here;
	}
	return n == want && (block || !at[0]) &&
	       (block + 1 < g->nblocks || last == g->result->map);
}

static int bad_items(const struct group *g)
{
	log_warning("the items of a map are not as they should be",
		    log_int("result", (int64_t)g->result->id));
	return -EIO;
}

/* -ENOENT: an older controller does not tell where items are. */
static int take_items(struct group *g, uint32_t i, struct msg *m)
{
	static uint32_t at[GROUP_BLOCK + 1];
	struct reply r = read_reply(m);

	if (!r.items.p)
		return -ENOENT;
	if (i >= g->n || !read_items(g, i / GROUP_BLOCK, r.items, at))
		return bad_items(g);
	group_set_items(g, i / GROUP_BLOCK, at);
	return 0;
}

/* n numbers from 0 to LIMIT_GROWN. */
static bool read_numbers(struct bytes list, uint64_t *to, uint32_t n)
{
	struct bytes v;
	struct scan s;
	int64_t number;
	uint32_t i = 0;

	if (!scan_array(&s, list))
		return false;
	for (; i < n && scan_element(&s, &v); i++) {
		if (!scan_int(v, &number) || number < 0 ||
		    number > (int64_t)LIMIT_GROWN)
			return false;
		to[i] = (uint64_t)number;
	}
	return i == n;
}

/* How long the items of each block are as fields of lines. */
static int take_blocks(struct group *g, struct msg *m)
{
	uint64_t *at = xreallocarray(NULL, g->nblocks + 1UL, sizeof(*at));
	uint64_t *growth = xreallocarray(NULL, g->nblocks, sizeof(*growth));
	struct reply r = read_reply(m);
	bool good = read_numbers(r.items, at, g->nblocks + 1) &&
		    read_numbers(r.growth, growth, g->nblocks);
	uint32_t b;

	for (b = 0; good && b < g->nblocks; b++) {
		good = at[b + 1] >= at[b] + group_block_size(g, b);
		growth[b] += at[b + 1] - at[b] - group_block_size(g, b);
	}
	free(at);
	if (good)
		group_set_grown(g, growth);
	else
		free(growth);
	if (!r.growth.p)
		return -ENOENT; /* an older controller */
	return good ? 0 : bad_items(g);
}

static void on_detail(struct request *q, int err, struct msg *m)
{
	struct detail_ask *a = container_of(q, struct detail_ask, q);
	struct load *l = a->load;
	struct group *g = find_group(l, a->id);

	if (g && a->tasks != g->n)
		g = NULL; /* there are more now: it is asked again */
	if (!err && g && a->about == ABOUT_ITEMS)
		err = take_items(g, a->index, m);
	else if (!err && g && a->about == ABOUT_BLOCKS)
		err = take_blocks(g, m);
	else if (!err && g && a->index < g->n && group_is_known(g) &&
		 is_same(&a->was, group_task(g, a->index)))
		take_detail(g, a->index, m);
	a->err = err;
	a->failed = mono_usec();
	if (!err)
		ask_free(a);
	tell(l);
}

static struct detail_ask *find_ask(const struct load *l, uint64_t id,
				   uint32_t i, enum matter about)
{
	struct list *p;

	list_for_each (p, &l->details) {
		struct detail_ask *a = list_entry(p, struct detail_ask, link);

		if (a->id == id && a->index == i && a->about == about)
			return a;
	}
	return NULL;
}

/* How far a question is that was asked before. The oldest failure makes room. */
static int progress(struct load *l, uint64_t id, uint32_t i,
		    enum matter about)
{
	struct detail_ask *a = find_ask(l, id, i, about);
	int err;

	if (a && !a->err)
		return -EINPROGRESS;
	if (!a && l->ndetails < LOAD_DETAILS)
		return 0;
	if (!a) {
		a = list_first(&l->details, struct detail_ask, link);
		if (!a->err)
			return -EINPROGRESS;
		ask_free(a);
		return 0;
	}
	/* Who asked has given up since; things may be better now. */
	err = mono_usec() - a->failed < LOAD_PATIENCE ? a->err : 0;
	ask_free(a);
	return err;
}

static struct json_object *ask_content(const struct detail_ask *a,
				       const struct group *g)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "result", (int64_t)a->id);
	json_add_int(o, "task", a->index);
	if (a->about == ABOUT_ITEMS)
		json_add_int(o, "items",
			     group_block_size(g, a->index / GROUP_BLOCK));
	if (a->about == ABOUT_BLOCKS) {
		json_add_int(o, "items", g->nblocks);
		json_add_int(o, "stride", GROUP_BLOCK);
	}
	return o;
}

static int ask_about(struct load *l, struct group *g, uint32_t i,
		     enum matter about)
{
	struct msg_out out = {.type = MSG_TASKS_REQUEST};
	struct detail_ask *a;
	int err = progress(l, g->result->id, i, about);

	if (err)
		return err;
	a = zalloc(sizeof(*a));
	a->q.done = on_detail;
	a->load = l;
	a->id = g->result->id;
	a->index = i;
	a->about = about;
	a->was = *group_task(g, i);
	a->tasks = g->n;
	out.content = ask_content(a, g);
	err = link_ask(l->link, &a->q, &out, LOAD_TIMEOUT);
	json_object_put(out.content);
	if (err) {
		free(a);
		return err;
	}
	list_add_tail(&l->details, &a->link);
	l->ndetails++;
	return -EINPROGRESS;
}

int load_detail(struct load *l, struct group *g, uint32_t i, bool ask)
{
	if (detail_find(g, i))
		return 0;
	return ask ? ask_about(l, g, i, ABOUT_TEXTS) : -EINPROGRESS;
}

int load_items(struct load *l, struct group *g, uint32_t i, bool ask)
{
	if (group_items(g, i))
		return 0;
	return ask ? ask_about(l, g, i - i % GROUP_BLOCK, ABOUT_ITEMS)
		   : -EINPROGRESS;
}

int load_blocks(struct load *l, struct group *g, bool ask)
{
	if (g->grown)
		return 0;
	return ask ? ask_about(l, g, 0, ABOUT_BLOCKS) : -EINPROGRESS;
}

void load_init(struct load *l, struct link *link, struct mirror *m)
{
	*l = (struct load){.link = link, .mirror = m};
	l->block.done = on_block;
	list_init(&l->details);
	waitq_init(&l->waitq);
}

void load_done(struct load *l)
{
	link_forget(l->link, &l->block);
	while (!list_empty(&l->details))
		ask_free(list_first(&l->details, struct detail_ask, link));
}
