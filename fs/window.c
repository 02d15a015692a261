#include "window.h"
#include "file.h"

#define FETCH_TIMEOUT (10 * USEC_PER_SEC)

struct piece {
	struct list link;
	uint64_t at;
	struct bytes b;
	struct msg m;		/* holds the bytes, or: */
	struct buf own;
};

static size_t held;	/* bytes of all windows */

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

static int fetch(struct window *w, size_t n)
{
	struct json_object *o = json_object_new_object();
	struct msg_out out = {.type = MSG_FETCH_REQUEST, .content = o};
	int err;

	json_add_int(o, "result", (int64_t)w->id);
	json_add_int(o, "task", 0);
	json_add_str(o, "stream", stream_name(w->stream));
	json_add_int(o, "offset", (int64_t)w->end);
	json_add_int(o, "length", (int64_t)n);
	err = link_ask(&w->fs->link, &w->q, &out, FETCH_TIMEOUT);
	json_object_put(o);
	if (err)
		return err;
	w->asked = n;
	w->asked_at = w->end;
	return 0;
}

/* A small output of a result that ended is worth keeping. */
static void keep(struct window *w, struct bytes b)
{
	struct result *r = mirror_result(&w->fs->mirror, w->id);
	struct bytes out[STREAM_OUTPUTS] = {{0}};
	int i;

	if (!r || !result_is_final(r) || w->stream >= STREAM_OUTPUTS ||
	    w->asked_at != 0 || b.n > LIMIT_INLINE ||
	    b.n != result_size(r, w->stream))
		return;
	for (i = 0; i < STREAM_OUTPUTS; i++)
		if (!mirror_kept(r, (enum stream)i, &out[i]))
			out[i] = bytes_of(NULL, 0);
	out[w->stream] = b;
	mirror_keep(&w->fs->mirror, r, out);
}

static void on_piece(struct request *q, int err, struct msg *m)
{
	struct window *w = container_of(q, struct window, q);
	struct bytes b = err ? bytes_of(NULL, 0) : msg_buffer(m, 0);

	if (!err && (b.n == 0 || b.n > w->asked ||
		     json_int_or(m->content, "offset", -1) !=
			     (int64_t)w->asked_at))
		err = -EIO;
	w->asked = 0;
	w->err = err;
	if (!err) {
		keep(w, b);
		add(w, m);
	}
	park_wake(&w->fs->park, w->file);
}

static size_t next_step(struct window *w, size_t least)
{
	size_t n = max_u64(w->step, least);

	w->step = min_u64(w->step * 2, LIMIT_FETCH);
	return min_u64(n, LIMIT_FETCH);
}

/* Goes on fetching while somebody reads forward. */
static void fetch_ahead(struct window *w, uint64_t off, uint64_t size)
{
	if (w->asked || w->err || w->end >= size || off != w->next ||
	    w->end > off + WINDOW_AHEAD || held > WINDOWS_MAX)
		return;
	w->err = fetch(w, min_u64(size - w->end, next_step(w, 0)));
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

	if (off >= w->start && off + n <= w->end)
		return take(w, off, n, size, a);
	if (err) {
		w->err = 0;
		return err;
	}
	if (w->asked)
		return -EINPROGRESS;
	if (off < w->start || off > w->end) {
		clear(w, off);
		w->step = WINDOW_FIRST;
	}
	w->next = off;
	err = fetch(w, min_u64(size - w->end,
			       next_step(w, off + n - w->end)));
	return err ? err : -EINPROGRESS;
}

void window_init(struct window *w, struct file *f, const struct result *r,
		 enum stream s)
{
	*w = (struct window){
		.fs = f->fs,
		.file = f,
		.id = r->id,
		.stream = s,
		.step = WINDOW_FIRST,
		.q.done = on_piece,
	};
	list_init(&w->pieces);
}

void window_done(struct window *w)
{
	link_forget(&w->fs->link, &w->q);
	clear(w, 0);
}
