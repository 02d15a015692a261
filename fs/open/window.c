#include "window.h"
#include "file.h"
#include "link/link.h"
#include "local.h"
#include "mirror/group.h"
#include "wire/scan.h"

#define FETCH_TIMEOUT (10 * USEC_PER_SEC)

struct piece {
	struct list link;
	uint64_t at;
	struct bytes b;
	struct msg m;		/* holds the bytes, or: */
	struct buf own;
};

/* A question for the bytes from `at` on. */
struct fetch {
	struct list link;
	struct window *window;
	struct request q;
	uint64_t at;
	struct piece_plan plan;
	bool done;	/* answered; others before it are not */
	struct msg m;
};

static size_t held;	/* bytes of all windows */

size_t window_bytes(void)
{
	return held;
}

/* --- pieces ------------------------------------------------------------- */

static void piece_free(struct piece *p)
{
	list_del(&p->link);
	held -= p->b.n;
	msg_done(&p->m);
	buf_done(&p->own);
	free(p);
}

static void clear(struct window *w, uint64_t at)
{
	while (!list_empty(&w->pieces))
		piece_free(list_first(&w->pieces, struct piece, link));
	w->start = w->end = at;
}

static void add(struct window *w, struct msg *m)
{
	struct piece *p = zalloc(sizeof(*p));

	p->m = *m;
	*m = (struct msg){0};
	p->b = msg_buffer(&p->m, 0);
	p->at = w->end;
	w->end += p->b.n;
	held += p->b.n;
	list_add_tail(&w->pieces, &p->link);
}

#define SMALL (16 * KIB)
#define GATHERED (256 * KIB)

static struct piece *last_gathered(struct window *w)
{
	struct list *last = w->pieces.prev;
	struct piece *p;

	assert(last);
	p = list_entry(last, struct piece, link);
	if (last != &w->pieces && p->own.n && p->own.n <= GATHERED)
		return p;
	p = zalloc(sizeof(*p));
	p->at = w->end;
	list_add_tail(&w->pieces, &p->link);
	return p;
}

/* Small pieces are copied into one: a message takes more room than its bytes. */
static bool add_to_last(struct window *w, struct bytes b)
{
	struct piece *p;

	if (b.n > SMALL)
		return false;
	p = last_gathered(w);
	buf_put(&p->own, b.p, b.n);
	p->b = buf_bytes(&p->own);
	w->end += b.n;
	held += b.n;
	return true;
}

/* Many small pieces (a live output) become one. */
static void join(struct window *w)
{
	struct piece *p = zalloc(sizeof(*p));

	p->at = w->start;
	while (!list_empty(&w->pieces)) {
		struct piece *old = list_first(&w->pieces, struct piece, link);

		buf_put(&p->own, old->b.p, old->b.n);
		piece_free(old);
	}
	p->b = buf_bytes(&p->own);
	held += p->b.n;
	list_add_tail(&w->pieces, &p->link);
}

static void drop_behind(struct window *w, uint64_t off)
{
	while (!list_empty(&w->pieces)) {
		struct piece *p = list_first(&w->pieces, struct piece, link);

		if (p->at + p->b.n + WINDOW_BEHIND > off ||
		    p->at + p->b.n == w->end)
			return;
		w->start = p->at + p->b.n;
		piece_free(p);
	}
}

static bool collect(const struct window *w, uint64_t off, size_t n,
		    struct answer *a)
{
	int most = a->pieces + ANSWER_PIECES / 2;
	struct list *l;

	list_for_each (l, &w->pieces) {
		const struct piece *p = list_entry(l, struct piece, link);
		uint64_t skip = off > p->at ? off - p->at : 0;
		size_t len;

		if (skip >= p->b.n)
			continue;
		if (a->pieces == most)
			return false;
		len = min_u64(p->b.n - skip, n);
		answer_add(a, (const char *)p->b.p + skip, len);
		n -= len;
		if (n == 0)
			return true;
	}
	return false;
}

/* --- fetching ----------------------------------------------------------- */

static void fetch_free(struct fetch *f)
{
	request_forget(&f->window->fs->link->requests, &f->q);
	list_del(&f->link);
	f->window->nfetches--;
	msg_done(&f->m);
	free(f);
}

static void forget_fetches(struct window *w)
{
	while (!list_empty(&w->fetches))
		fetch_free(list_first(&w->fetches, struct fetch, link));
	w->asked_end = w->end;
}

/* A small output of a result that ended is worth keeping. */
static void keep(struct window *w, uint64_t at, struct bytes b)
{
	struct result *r = mirror_result(w->fs->mirror, w->id);
	struct bytes out[STREAM_OUTPUTS] = {{0}};
	int i;

	if (!r || !r->task || !result_is_final(r) ||
	    w->stream >= STREAM_OUTPUTS ||
	    at != 0 || b.n > LIMIT_INLINE ||
	    b.n != task_size(r->task, w->stream))
		return;
	for (i = 0; i < STREAM_OUTPUTS; i++)
		if (!mirror_kept(r, (enum stream)i, &out[i]))
			out[i] = bytes_of(NULL, 0);
	out[w->stream] = b;
	mirror_keep(w->fs->mirror, r, out);
}

/* Answers that follow the window's end go into it. */
static void take_answers(struct window *w)
{
	while (!list_empty(&w->fetches)) {
		struct fetch *f = list_first(&w->fetches, struct fetch, link);
		struct bytes b = msg_buffer(&f->m, 0);
		size_t asked = f->plan.n;

		if (!f->done)
			return;
		if (w->source->came)
			w->source->came(w, f->at, b);
		if (!add_to_last(w, b))
			add(w, &f->m);
		fetch_free(f);
		/* Shorter than asked: what comes next is asked for anew. */
		if (b.n < asked)
			forget_fetches(w);
	}
}

struct piece_reply {
	int64_t offset;
	struct bytes sizes;
};

static const struct field piece_fields[] = {
	{"offset", FIELD_INT, offsetof(struct piece_reply, offset), -1},
	{"sizes", FIELD_SPAN, offsetof(struct piece_reply, sizes), 0},
	{.name = NULL},
};

/* The outputs of several tasks are as long as the mirror has them. */
static bool sizes_fit(const struct fetch *f, struct bytes sizes, size_t n)
{
	const struct result *r =
		mirror_result(f->window->fs->mirror, f->window->id);
	uint32_t i = f->plan.task;
	uint64_t sum = 0;
	struct bytes v;
	struct scan s;
	int64_t size;

	if (!r || !r->group || !scan_array(&s, sizes))
		return false;
	for (; scan_element(&s, &v); i++) {
		if (i >= r->group->n || i - f->plan.task >= f->plan.count ||
		    !scan_int(v, &size) ||
		    (uint64_t)size !=
			    task_size(group_task(r->group, i), f->plan.stream))
			return false;
		sum += (uint64_t)size;
	}
	return sum == n;
}

static int check_piece(const struct fetch *f, struct msg *m)
{
	struct piece_reply r = {.offset = -1};
	size_t n = msg_buffer(m, 0).n;

	if (!scan_fields(request_content(m), piece_fields, &r) ||
	    n > f->plan.n)
		return -EIO;
	if (f->plan.count)
		return sizes_fit(f, r.sizes, n) ? 0 : -EIO;
	return n && r.offset == (int64_t)f->plan.offset ? 0 : -EIO;
}

static void on_piece(struct request *q, int err, struct msg *m)
{
	struct fetch *f = container_of(q, struct fetch, q);
	struct window *w = f->window;

	if (!err)
		err = check_piece(f, m);
	if (err) {
		w->err = err;
		forget_fetches(w);
	} else {
		/* Too large for one answer with others: it is fetched alone. */
		if (!msg_buffer(m, 0).n)
			w->alone = f->at + 1;
		f->done = true;
		f->m = *m;
		*m = (struct msg){0};
		take_answers(w);
	}
	park_wake(w->fs->park, &w->file->waiter);
}

int window_ask_stream(struct window *w, struct request *q,
		      const struct piece_plan *p)
{
	struct json_object *o = json_object_new_object();
	struct msg_out out = {.type = MSG_FETCH_REQUEST, .content = o};
	int err;

	json_add_int(o, "result", (int64_t)w->id);
	json_add_int(o, "task", p->task);
	json_add_str(o, "stream", stream_name(p->stream));
	if (p->count) {
		json_add_int(o, "count", p->count);
	} else {
		json_add_int(o, "offset", (int64_t)p->offset);
		json_add_int(o, "length", (int64_t)p->n);
	}
	err = link_ask(w->fs->link, q, &out, FETCH_TIMEOUT);
	json_object_put(o);
	return err;
}

static void make_plan(const struct window *w, uint64_t at, size_t n,
		      struct piece_plan *p)
{
	if (w->source->plan)
		w->source->plan(w, at, n, p);
	else
		*p = (struct piece_plan){at, n, w->task, w->stream, 0};
}

static const struct source stream_source = {
	.ask = window_ask_stream,
	.came = keep,
};

/* The next piece, of `least` bytes if there are so many. */
static int fetch(struct window *w, uint64_t size, size_t least)
{
	struct fetch *f = zalloc(sizeof(*f));
	size_t n = min_u64(max_u64(w->step, least), LIMIT_FETCH);
	int err;

	f->window = w;
	f->q.done = on_piece;
	f->at = w->asked_end;
	make_plan(w, f->at, min_u64(n, size - f->at), &f->plan);
	list_init(&f->link);
	err = f->plan.n ? w->source->ask(w, &f->q, &f->plan) : -EIO;
	if (err) {
		free(f);
		return err;
	}
	w->step = min_u64(w->step * 2, LIMIT_FETCH);
	w->asked_end += f->plan.n;
	w->nfetches++;
	list_add_tail(&w->fetches, &f->link);
	return 0;
}

/* All that is needed up to `end`, as far as so many may be under way. */
static int fetch_upto(struct window *w, uint64_t end, uint64_t size)
{
	int err = 0;

	while (!err && w->nfetches < WINDOW_FETCHES && w->asked_end < end)
		err = fetch(w, size, end - w->asked_end);
	return err ? err : -EINPROGRESS;
}

/* Goes on fetching while somebody reads forward. */
static void fetch_ahead(struct window *w, uint64_t off, uint64_t size)
{
	while (!w->err && off == w->next && w->nfetches < WINDOW_FETCHES &&
	       w->asked_end < size && w->asked_end < off + WINDOW_AHEAD &&
	       held < WINDOWS_MAX)
		w->err = fetch(w, size, 0);
}

static int take(struct window *w, uint64_t off, size_t n, uint64_t size,
		struct answer *a)
{
	struct answer before = *a;

	if (!collect(w, off, n, a)) {
		*a = before;
		join(w);
		if (!collect(w, off, n, a))
			return -EIO;
	}
	fetch_ahead(w, off, size);
	drop_behind(w, off);
	w->next = off + n;
	return 0;
}

int window_read(struct window *w, uint64_t off, size_t n, uint64_t size,
		struct answer *a)
{
	int err = w->err;

	if (w->local && local_read(w->local, off, n, a))
		return 0;
	if (off >= w->start && off + n <= w->end)
		return take(w, off, n, size, a);
	if (err) {
		w->err = 0;
		return err;
	}
	if (w->nfetches && off >= w->start && off <= w->asked_end)
		return fetch_upto(w, off + n, size);
	if (w->nfetches)
		return -EINPROGRESS;
	if (off < w->start || off > w->end) {
		clear(w, off);
		w->asked_end = off;
		w->step = WINDOW_FIRST;
	}
	w->next = off;
	return fetch_upto(w, off + n, size);
}

void window_init_from(struct window *w, struct file *f,
		      const struct source *source, void *owner)
{
	*w = (struct window){
		.fs = f->fs,
		.file = f,
		.source = source,
		.owner = owner,
		.step = WINDOW_FIRST,
	};
	list_init(&w->pieces);
	list_init(&w->fetches);
}

void window_init(struct window *w, struct file *f, uint64_t id, uint32_t task,
		 enum stream s)
{
	window_init_from(w, f, &stream_source, NULL);
	w->id = id;
	w->task = task;
	w->stream = s;
}

void window_use_local(struct window *w, uint64_t size)
{
	assert(!w->local);
	w->local = local_open(w->fs->link, w->id, w->task, w->stream, size);
}

void window_begin(struct window *w, struct msg *m)
{
	assert(!w->end && list_empty(&w->fetches));
	if (msg_buffer(m, 0).n)
		add(w, m);
	w->asked_end = w->end;
}

void window_put_all(struct window *w, struct buf *out)
{
	struct list *l;

	list_for_each (l, &w->pieces) {
		const struct piece *p = list_entry(l, struct piece, link);

		buf_put(out, p->b.p, p->b.n);
	}
	clear(w, w->end);
}

void window_done(struct window *w)
{
	forget_fetches(w);
	clear(w, 0);
	local_close(w->local);
	w->local = 0;
}
