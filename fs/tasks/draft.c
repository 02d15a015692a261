#include "draft.h"
#include "base/parse.h"
#include "mirror/mirror.h"
#include "wire/limits.h"
#include "wire/task_text.h"

static unsigned row_of(const char *name)
{
	return (unsigned)(task_option_find(bytes_str(name)) - task_options);
}

/* The row that says what the file is. */
static const struct task_option *option_of(unsigned i)
{
	return &task_options[i == DRAFT_MAP0 ? row_of("map") : i];
}

const char *draft_file_name(unsigned i)
{
	return i == DRAFT_MAP0 ? "map0" : task_options[i].name;
}

bool draft_file_find(struct bytes name, unsigned *ret_i)
{
	const struct task_option *o = task_option_find(name);

	if (o)
		*ret_i = (unsigned)(o - task_options);
	else if (bytes_is(name, "map0"))
		*ret_i = DRAFT_MAP0;
	else
		return false;
	return true;
}

/* Items are kept as the controller gets them: each ends with a NUL. */
static bool has_items(unsigned i)
{
	return option_of(i) == &task_options[row_of("map")];
}

bool draft_is_raw(unsigned i)
{
	return option_of(i)->type == TASK_BYTES || has_items(i);
}

/* --- drafts ------------------------------------------------------------- */

struct draft *draft_find(const struct drafts *d, struct bytes name)
{
	return map_get(&d->by_name, name);
}

struct draft *draft_get(const struct drafts *d, uint32_t id)
{
	return index_get(&d->by_id, id);
}

int draft_new(struct drafts *d, struct bytes name, uid_t uid, gid_t gid,
	      struct draft **ret_w)
{
	struct draft *w;
	unsigned i;

	if (draft_find(d, name))
		return -EEXIST;
	if (index_count(&d->by_id) >= DRAFTS_MAX || d->last >= MIRROR_MAX_ID)
		return -ENOSPC;
	w = zalloc(sizeof(*w) + name.n + 1);
	memcpy(w->name, name.p, name.n);
	w->n = name.n;
	w->id = ++d->last;
	w->made.uid = uid;
	w->made.gid = gid;
	w->made.changed = now_usec();
	for (i = 0; i < DRAFT_OPTIONS; i++)
		blob_init(&w->option[i].blob);
	map_put(&d->by_name, name, w);
	index_put(&d->by_id, w->id, w);
	*ret_w = w;
	return 0;
}

void draft_remove(struct drafts *d, struct draft *w, unsigned i)
{
	struct draft_option *o = &w->option[i];

	d->bytes -= o->blob.size;
	d->text -= o->text.n;
	blob_done(&o->blob);
	buf_done(&o->text);
	json_object_put(o->value);
	o->value = NULL;
	o->broken = 0;
	o->there = false;
	w->made.changed = now_usec();
}

void draft_free(struct drafts *d, struct draft *w)
{
	unsigned i;

	for (i = 0; i < DRAFT_OPTIONS; i++)
		draft_remove(d, w, i);
	map_remove(&d->by_name, bytes_of(w->name, w->n));
	index_remove(&d->by_id, w->id);
	free(w);
}

void drafts_done(struct drafts *d)
{
	struct draft *w;

	while ((w = index_next(&d->by_id, 0)))
		draft_free(d, w);
	map_done(&d->by_name);
	index_done(&d->by_id);
}

/* --- code, stdin, map --------------------------------------------------- */

/* Bytes; a map's items are counted as items. */
static uint64_t limit_of(unsigned i)
{
	return has_items(i) ? LIMIT_MAP : (uint64_t)option_of(i)->max;
}

static int no_room(const struct drafts *d, unsigned i, uint64_t was,
		   uint64_t size, struct buf *why)
{
	if (size > limit_of(i)) {
		buf_printf(why, "\"%s\" is larger than %llu bytes",
			   draft_file_name(i),
			   (unsigned long long)limit_of(i));
		return -EFBIG;
	}
	if (size > was && size - was > DRAFTS_BYTES - d->bytes) {
		buf_puts(why, "the drafts are too large together: submit or "
			      "remove some");
		return -ENOSPC;
	}
	return 0;
}

/* Grown or shrunk: in the sum too. */
static void account(struct drafts *d, struct draft *w, uint64_t was,
		    uint64_t size)
{
	d->bytes = d->bytes - was + size;
	w->made.changed = now_usec();
}

int draft_resize(struct drafts *d, struct draft *w, unsigned i, uint64_t size,
		 struct buf *why)
{
	struct blob *b = &w->option[i].blob;
	uint64_t was = b->size;
	int err = no_room(d, i, was, size, why);

	/* The zeroes of a gap would be items. */
	if (!err && has_items(i) && size > was) {
		buf_printf(why, "\"%s\" cannot have a gap", draft_file_name(i));
		err = -EINVAL;
	}
	if (!err)
		err = blob_resize(b, size);
	if (!err)
		w->option[i].broken = 0;
	account(d, w, was, b->size);
	return err;
}

/* The reason is of our disk, not of the file that is written. */
static int disk_error(int err, struct buf *why)
{
	if (!err || why->n)
		return err;
	buf_printf(why, "a large file of a draft is kept in $TMPDIR or /tmp: "
			"%s", strerror(-err));
	return err == -ENOSPC || err == -EDQUOT ? err : -EIO;
}

static void exchange(char *p, size_t n, char from, char to)
{
	char *end = p + n;

	while (n && (p = memchr(p, from, (size_t)(end - p))))
		*p++ = to;
}

static int write_items(struct blob *b, uint64_t off, struct bytes data,
		       struct buf *why)
{
	static struct buf copy;

	if (off > b->size) {
		buf_puts(why, "\"map\" cannot have a gap");
		return -EINVAL;
	}
	if (memchr(data.p, 0, data.n)) {
		buf_puts(why, "an item of \"map\" must not hold a NUL: items with "
			      "NULs between them belong into map0");
		return -EINVAL;
	}
	buf_clear(&copy);
	buf_put(&copy, data.p, data.n);
	exchange(copy.p, copy.n, '\n', '\0');
	return blob_write(b, off, buf_bytes(&copy));
}

static int write_blob(struct drafts *d, struct draft *w, unsigned i,
		      uint64_t off, struct bytes data, struct buf *why)
{
	struct blob *b = &w->option[i].blob;
	uint64_t was = b->size, end = off + data.n;
	int err = end < off ? -EFBIG
			    : no_room(d, i, was, max_u64(end, was), why);

	if (err || !data.n)
		return err;
	if (i == DRAFT_MAP0 && off > b->size) {
		buf_puts(why, "\"map0\" cannot have a gap");
		return -EINVAL;
	}
	err = has_items(i) && i != DRAFT_MAP0 ? write_items(b, off, data, why)
					      : blob_write(b, off, data);
	account(d, w, was, b->size);
	return disk_error(err, why);
}

int draft_write(struct drafts *d, struct draft *w, unsigned i, uint64_t off,
		struct bytes data, struct buf *why)
{
	int err = write_blob(d, w, i, off, data, why);

	if (err)
		w->option[i].broken = err;
	return err;
}

int draft_read(const struct draft *w, unsigned i, uint64_t off, size_t n,
	       struct buf *out)
{
	size_t before = out->n;
	int err = blob_read(&w->option[i].blob, off, n, out);

	if (!err && out->n > before && has_items(i) && i != DRAFT_MAP0)
		exchange(out->p + before, out->n - before, '\0', '\n');
	return err;
}

/* --- the others --------------------------------------------------------- */

static int parse(const struct draft *w, unsigned i, struct bytes text,
		 struct json_object **ret_v, struct buf *why)
{
	const struct task_option *o = &task_options[i];
	int err;

	*ret_v = NULL;
	if (text.n == 0)
		return 0;
	if (text.n > LIMIT_OPTIONS) {
		buf_printf(why, "\"%s\" has more than %lu bytes", o->name,
			   LIMIT_OPTIONS);
		return -EFBIG;
	}
	err = task_option_parse(o, text, ret_v, why);
	if (err || o->type != TASK_NAME ||
	    strcmp(json_object_get_string(*ret_v), w->name) == 0)
		return err;
	buf_printf(why, "\"%s\" of this draft is %s, its name", o->name,
		   w->name);
	json_object_put(*ret_v);
	*ret_v = NULL;
	return -EINVAL;
}

int draft_check(const struct draft *w, unsigned i, struct bytes text,
		struct buf *why)
{
	struct json_object *v;
	int err = parse(w, i, text, &v, why);

	json_object_put(v);
	return err;
}

int draft_set(struct drafts *d, struct draft *w, unsigned i,
	      struct bytes text, struct buf *why)
{
	struct draft_option *o = &w->option[i];
	struct json_object *v;
	int err = parse(w, i, text, &v, why);

	if (err)
		return err;
	if (d->text - o->text.n + text.n > DRAFTS_TEXT) {
		json_object_put(v);
		buf_puts(why, "the drafts are too large together: submit or "
			      "remove some");
		return -ENOSPC;
	}
	d->text = d->text - o->text.n + text.n;
	buf_clear(&o->text);
	buf_put(&o->text, text.p, text.n);
	json_object_put(o->value);
	o->value = v;
	w->made.changed = now_usec();
	return 0;
}

/* --- as a task ---------------------------------------------------------- */

/* The last line may lack its newline, as of editors that leave it out. */
static int end_last_item(struct drafts *d, struct draft *w, struct blob *b)
{
	struct buf last = BUF_INIT;
	int err = blob_read(b, b->size - 1, 1, &last);

	if (!err && last.p[0] != '\0') {
		err = blob_write(b, b->size, bytes_of("", 1));
		account(d, w, b->size - !err, b->size);
	}
	buf_done(&last);
	return err;
}

static int take_map(struct drafts *d, struct draft *w, struct draft_task *ret,
		    struct buf *why)
{
	unsigned i = w->option[DRAFT_MAP0].there ? DRAFT_MAP0 : row_of("map");
	struct draft_option *o = &w->option[i];
	int err;

	if (!o->there)
		return 0;
	ret->has_map = true;
	if (i == DRAFT_MAP0 && w->option[row_of("map")].there)
		buf_puts(why, "there is a map and a map0: remove one of them");
	else if (!o->blob.size)
		buf_printf(why, "\"%s\" must not be empty", draft_file_name(i));
	if (why->n)
		return -EINVAL;
	err = end_last_item(d, w, &o->blob);
	return err ? err : blob_bytes(&o->blob, &ret->map);
}

/* What is there of a file may be less than somebody meant to write. */
static int check_whole(const struct draft *w, struct buf *why)
{
	unsigned i;

	for (i = 0; i < DRAFT_OPTIONS; i++) {
		if (!w->option[i].broken)
			continue;
		buf_printf(why, "tasks/%s/%s is not whole: a write to it failed "
				"(%s); write it again, or remove it",
			   w->name, draft_file_name(i),
			   strerror(-w->option[i].broken));
		return -EINVAL;
	}
	return 0;
}

static int take_bytes(struct draft *w, struct draft_task *ret, struct buf *why)
{
	struct draft_option *code = &w->option[row_of("code")];
	struct draft_option *in = &w->option[row_of("stdin")];
	int err;

	if (!code->there || !code->blob.size) {
		buf_printf(why, "there is nothing in tasks/%s/code", w->name);
		return -EINVAL;
	}
	err = blob_bytes(&code->blob, &ret->code);
	ret->has_stdin = in->there;
	if (!err && in->there)
		err = blob_bytes(&in->blob, &ret->stdin_);
	return err;
}

static struct json_object *options_of(const struct draft *w)
{
	struct json_object *o = json_object_new_object();
	unsigned i;

	for (i = 0; task_options[i].name; i++)
		if (w->option[i].value)
			json_add(o, task_options[i].name,
				 json_object_get(w->option[i].value));
	if (!json_get(o, "label"))
		json_add_str(o, "label", w->name);
	return o;
}

int draft_task(struct drafts *d, struct draft *w, struct draft_task *ret,
	       struct buf *why)
{
	int err;

	*ret = (struct draft_task){0};
	err = check_whole(w, why);
	if (!err)
		err = take_bytes(w, ret, why);
	if (!err)
		err = take_map(d, w, ret, why);
	if (!err) {
		ret->options = options_of(w);
		err = task_options_check(ret->options, why);
	}
	if (err)
		draft_task_done(ret);
	return err;
}

void draft_task_done(struct draft_task *t)
{
	json_object_put(t->options);
	*t = (struct draft_task){0};
}
