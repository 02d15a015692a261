#include "tree.h"
#include "base/parse.h"
#include "mirror/group.h"
#include "park/caller.h"
#include "park/reply.h"

#include <ctype.h>

#define ROW_BITS 8
#define ROWS TREE_ROWS

static const struct node *table;

/* What follows from the paths of the table, worked out once. */
static struct derived {
	const char *base;	/* the name within the directory */
	size_t base_len;
	unsigned first, end;	/* rows of the entries of a directory */
	unsigned without;	/* flags of those that are not in it */
	const struct node *owner; /* the nearest row with names of its own */
} derived[ROWS];
static unsigned rows;

static unsigned row_of(const struct node *n)
{
	return (unsigned)(n - table);
}

const char *tree_basename(const struct node *n)
{
	return strrchr(n->path, '/') + 1;
}

bool tree_is_child(const struct node *dir, const struct node *n)
{
	size_t len = strlen(dir->path);

	if (n == table)
		return false;
	if (dir == table)
		len = 0;
	return strncmp(n->path, dir->path, len) == 0 && n->path[len] == '/' &&
	       !strchr(n->path + len + 1, '/');
}

/* The entries of a directory stand together: that is how they are found. */
static void find_entries(struct derived *d, const struct node *dir)
{
	unsigned i;

	for (i = 1; i < rows; i++) {
		if (!tree_is_child(dir, &table[i]))
			continue;
		if (!d->end)
			d->first = d->end = i;
		assert(d->end == i);
		d->end = i + 1;
	}
}

static const struct node *find_row(const char *path)
{
	const struct node *n;

	for (n = table; strcmp(n->path, path) != 0; n++)
		;
	return n;
}

static const struct node *find_owner(const struct node *n)
{
	unsigned i;

	if (n->each || n == table)
		return n->each ? n : NULL;
	for (i = 0; i < rows; i++)
		if (tree_is_child(&table[i], n))
			return find_owner(&table[i]);
	assert(!"an entry without a directory");
	return NULL;
}

const struct node *tree_rows(void)
{
	return table;
}

void tree_init(const struct node *nodes)
{
	unsigned i;

	table = nodes;
	while (table[rows].path)
		rows++;
	assert(rows < ROWS);
	for (i = 0; i < rows; i++) {
		struct derived *d = &derived[i];

		assert(table[i].help);
		d->base = tree_basename(&table[i]);
		d->base_len = strlen(d->base);
		d->owner = find_owner(&table[i]);
		if (S_ISDIR(table[i].mode))
			find_entries(d, table[i].like ? find_row(table[i].like)
						      : &table[i]);
		d->without = NODE_HIDDEN | (table[i].like ? NODE_GROUP : 0);
	}
}

uint64_t tree_number(const struct node *n, uint64_t id, uint32_t sub)
{
	return (id << SUB_BITS | sub) << ROW_BITS | (row_of(n) + 1);
}

uint64_t tree_ino(const struct obj *o)
{
	return tree_number(o->node, o->id, o->sub);
}

uint64_t tree_number_id(uint64_t ino)
{
	return ino >> (SUB_BITS + ROW_BITS);
}

static uint32_t number_sub(uint64_t ino)
{
	return (uint32_t)(ino >> ROW_BITS) & ((1U << SUB_BITS) - 1);
}

const struct node *tree_number_row(uint64_t ino)
{
	unsigned row = (unsigned)(ino & ROWS);

	return row == 0 || row > rows ? NULL : &table[row - 1];
}

uint64_t tree_generation(const struct obj *o)
{
	if (o->result)
		return (uint64_t)o->result->submitted;
	return o->engine ? (uint64_t)o->engine->since : 0;
}

static bool resolve(struct obj *o)
{
	const struct node *owner = derived[row_of(o->node)].owner;

	if (owner && !owner->each->resolve(o))
		return false;
	return !o->node->exists || o->node->exists(o);
}

int tree_obj(struct fs *fs, uint64_t ino, const struct asker *by,
	     struct obj *ret_o)
{
	const struct node *n = tree_number_row(ino);

	if (!n)
		return -ENOENT;
	*ret_o = (struct obj){
		.fs = fs,
		.node = n,
		.id = (uint32_t)tree_number_id(ino),
		.sub = number_sub(ino),
		.by = by ? *by : (struct asker){.uid = NO_USER, .gid = NO_GROUP},
	};
	return resolve(ret_o) ? 0 : -ENOENT;
}

const struct node *tree_row(const char *path)
{
	return find_row(path);
}

bool tree_has(const struct node *dir, const struct node *n)
{
	if (!dir->like)
		return tree_is_child(dir, n);
	return tree_is_child(find_row(dir->like), n) &&
	       !(n->flags & NODE_GROUP);
}

/* One name of a row's path; false: it is a placeholder for another name. */
static bool put_name(uint64_t ino, struct bytes word, const char *name,
		     struct buf *out)
{
	const char first = *(const char *)word.p;

	if (bytes_is(word, "<id>"))
		buf_printf(out, "%llu", (unsigned long long)tree_number_id(ino));
	else if (bytes_is(word, "<n>"))
		buf_printf(out, "%lld", (long long)sub_index(number_sub(ino)));
	else if (name && bytes_is(word, "NAME"))
		buf_puts(out, name);
	else if ((isupper((unsigned char)first) && !bytes_is(word, "README")) ||
		 first == '<')
		return false; /* NAME, OPTION, <engine> ... */
	else
		buf_put(out, word.p, word.n);
	return true;
}

/* A file of results/<id>/<n>, which has no row of its own. */
static bool is_of_task(uint64_t ino)
{
	static const char result[] = "/results/<id>/";
	const struct node *n = tree_number_row(ino);

	return strncmp(n->path, result, sizeof(result) - 1) == 0 && !n->like &&
	       sub_index(number_sub(ino)) >= 0;
}

bool tree_path(uint64_t ino, const char *name, struct buf *out)
{
	const struct node *n = tree_number_row(ino);
	size_t start = out->n, len;
	const char *p;

	if (!n || n == table)
		return false;
	for (p = n->path + 1; *p; p += len + (p[len] == '/')) {
		len = strcspn(p, "/");
		if (out->n > start)
			buf_putc(out, '/');
		if (!put_name(ino, bytes_of(p, len), name, out)) {
			buf_cut(out, start);
			return false;
		}
		if (is_of_task(ino) && bytes_is(bytes_of(p, len), "<id>"))
			buf_printf(out, "/%lld",
				   (long long)sub_index(number_sub(ino)));
	}
	return true;
}

/* The entry that row i is in a directory, as far as the row says. */
static struct obj entry_in(const struct obj *dir, unsigned i)
{
	struct obj o = *dir;

	o.node = &table[i];
	return o;
}

static bool is_left_out(const struct derived *d, unsigned i)
{
	return table[i].flags & d->without & ~(unsigned)NODE_HIDDEN;
}

int tree_lookup(const struct obj *dir, struct bytes name, struct obj *ret_o)
{
	const struct derived *d = &derived[row_of(dir->node)];
	unsigned i;

	if (!S_ISDIR(dir->node->mode))
		return -ENOTDIR;
	for (i = d->first; i < d->end; i++) {
		if (table[i].each || is_left_out(d, i) ||
		    derived[i].base_len != name.n ||
		    memcmp(derived[i].base, name.p, name.n) != 0)
			continue;
		*ret_o = entry_in(dir, i);
		return resolve(ret_o) ? 0 : -ENOENT;
	}
	for (i = d->first; i < d->end; i++) {
		if (!table[i].each || is_left_out(d, i))
			continue;
		*ret_o = entry_in(dir, i);
		if (table[i].each->find(ret_o, name))
			return 0;
	}
	return -ENOENT;
}

int tree_make(const struct obj *dir, struct bytes name, mode_t type, int flags,
	      struct obj *ret_o)
{
	const struct derived *d = &derived[row_of(dir->node)];
	unsigned i;

	for (i = d->first; i < d->end; i++) {
		const struct node *n = &table[i];

		if (!n->each || !n->each->make || (n->mode & S_IFMT) != type)
			continue;
		*ret_o = entry_in(dir, i);
		return n->each->make(ret_o, name, flags);
	}
	return callers_refuse(dir->fs->callers, dir->by.tid, -EPERM,
			      "nothing can be made here; what can be made are "
			      "tasks (tasks/NAME), drafts of tasks "
			      "(mkdir tasks/NAME), pools (mkdir pools/NAME), "
			      "queues (mkdir queues/NAME) and variables; a task for "
			      "engines gets its name by the option \"label\"");
}

const struct node *tree_made_by_deed(const struct obj *dir)
{
	const struct derived *d = &derived[row_of(dir->node)];
	unsigned i;

	for (i = d->first; i < d->end; i++)
		if (table[i].deeds && table[i].deeds->make)
			return &table[i];
	return NULL;
}

/* --- listing ------------------------------------------------------------ */

/* A place: the row counted from the directory's first, and a number in it. */
#define PLACE_BITS 40
#define PLACE(row, n) ((uint64_t)(row) << PLACE_BITS | (n))

bool tree_next(const struct obj *dir, uint64_t *at, struct obj *ret_o,
	       struct buf *name)
{
	const struct derived *d = &derived[row_of(dir->node)];
	uint64_t i = *at >> PLACE_BITS, n = *at & (PLACE(1, 0) - 1);

	for (; d->first + i < d->end; i++, n = 0) {
		const struct node *node = &table[d->first + i];

		*ret_o = entry_in(dir, (unsigned)(d->first + i));
		if (node->flags & d->without)
			continue;
		if (!node->each) {
			if (!resolve(ret_o))
				continue;
			buf_puts(name, derived[d->first + i].base);
			*at = PLACE(i + 1, 0);
			return true;
		}
		if (node->each->next(ret_o, n, &n)) {
			node->each->name(ret_o, name);
			*at = PLACE(i, n + 1);
			return true;
		}
	}
	return false;
}

/* --- attributes --------------------------------------------------------- */

bool tree_is_steady(const struct obj *o)
{
	if (o->node->flags & NODE_STEADY)
		return true;
	if (!o->result || !S_ISREG(o->node->mode))
		return false;
	if (o->result->group && !group_is_known(o->result->group))
		return false;
	return o->task ? state_is_final((enum state)o->task->state)
		       : result_is_final(o->result);
}

struct waitq *tree_waitq(const struct obj *o)
{
	if (o->node->io && o->node->io->waitq)
		return o->node->io->waitq(o);
	if (o->task && obj_index(o) >= 0)
		return group_waitq(o->result->group, (uint32_t)obj_index(o));
	if (o->result)
		return &o->result->waitq;
	if (o->engine)
		return &o->engine->waitq;
	if (o->pool)
		return &o->pool->waitq;
	return &o->fs->mirror->events.waitq;
}

static uint64_t size_of(const struct obj *o)
{
	static struct buf b;
	const struct node *n = o->node;
	int64_t known;

	if (n->io)
		return n->io->size ? n->io->size(o) : 0;
	known = n->size ? n->size(o) : -1;
	if (known >= 0)
		return (uint64_t)known;
	buf_clear(&b);
	if (n->target)
		n->target(o, &b);
	else if (n->show && n->show(o, &b) < 0)
		return 0;
	return b.n;
}

static int64_t mtime_of(const struct obj *o)
{
	if (o->node->io && o->node->io->mtime)
		return o->node->io->mtime(o);
	if (o->task && obj_index(o) >= 0)
		return o->task->completed ? o->task->completed
					  : o->result->submitted;
	if (o->result)
		return o->result->completed ? o->result->completed
					    : o->result->submitted;
	if (o->engine)
		return o->engine->since;
	if (o->pool)
		return o->pool->changed;
	if (o->made)
		return o->made->changed;
	return S_ISDIR(o->node->mode) ? o->fs->mirror->changed : o->fs->born;
}

void tree_attr(const struct obj *o, struct stat *st)
{
	int64_t t = mtime_of(o);

	*st = (struct stat){
		.st_ino = tree_ino(o),
		.st_mode = o->node->mode,
		.st_nlink = S_ISDIR(o->node->mode) ? 2 : 1,
		.st_uid = o->result  ? (uid_t)o->result->uid
			  : o->made  ? o->made->uid
				     : getuid(),
		.st_gid = o->result  ? (gid_t)o->result->gid
			  : o->made  ? o->made->gid
				     : getgid(),
		.st_blksize = 4096,
	};
	if (!S_ISDIR(o->node->mode))
		st->st_size = (off_t)size_of(o);
	st->st_blocks = (st->st_size + 511) / 512;
	st->st_mtim.tv_sec = t / 1000000;
	st->st_mtim.tv_nsec = t % 1000000 * 1000;
	st->st_atim = st->st_ctim = st->st_mtim;
}

bool tree_changes_owner(const struct obj *o, const struct stat *attr, int to_set)
{
	struct stat st;

	tree_attr(o, &st);
	return ((to_set & FUSE_SET_ATTR_MODE) &&
		((attr->st_mode ^ st.st_mode) & 07777)) ||
	       ((to_set & FUSE_SET_ATTR_UID) && attr->st_uid != st.st_uid) ||
	       ((to_set & FUSE_SET_ATTR_GID) && attr->st_gid != st.st_gid);
}

/*
 * A fixed name is there as long as its directory. What may come or go has no
 * timeout; the directories of results and engines go only by a purge or with
 * the engine, and then a moment may pass before the kernel asks again.
 */
double tree_entry_timeout(const struct obj *o)
{
	const struct node *n = o->node;

	if (n->flags & NODE_BRIEF)
		return 0;
	if (n->each)
		return S_ISDIR(n->mode)	  ? A_MOMENT
		       : S_ISLNK(n->mode) ? 0
					  : FOREVER;
	return !n->exists || tree_is_steady(o) ? FOREVER : 0;
}

double tree_attr_timeout(const struct obj *o)
{
	if (tree_is_steady(o))
		return FOREVER;
	/*
	 * Of a result that has not ended the time still changes: tar complains
	 * when what it sees before and after reading is not the same.
	 */
	return S_ISDIR(o->node->mode) && !o->result ? A_MOMENT : 0;
}

void tree_answer_attr(fuse_req_t req, const struct obj *o)
{
	struct stat st;

	tree_attr(o, &st);
	reply_attr(req, &st, tree_attr_timeout(o));
}

void tree_keep_attr(fuse_req_t req, const struct obj *o, const struct stat *attr,
		    int to_set, struct file *f)
{
	(void)f;
	if (tree_changes_owner(o, attr, to_set))
		reply_err(req, -EPERM);
	else
		tree_answer_attr(req, o);
}

void tree_entry(const struct obj *o, struct fuse_entry_param *e)
{
	*e = (struct fuse_entry_param){
		.ino = tree_ino(o),
		.generation = tree_generation(o),
		.entry_timeout = tree_entry_timeout(o),
		.attr_timeout = tree_attr_timeout(o),
	};
	tree_attr(o, &e->attr);
}
