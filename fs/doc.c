#include "doc.h"
#include "tree/tree.h"
#include "wire/limits.h"
#include "wire/pool_option.h"
#include "wire/task_option.h"

#include <sys/stat.h>

/* How the two formats say the same things. */
struct format {
	const char *name;
	const char *begin;
	void (*section)(struct buf *out, const char *title);
	void (*entry)(struct buf *out, const char *term, const char *kind,
		      const char *help);
	void (*end)(struct buf *out);	/* of a section */
};

static const char *const type_name[] = {
	[TASK_BYTES] = "string",      [TASK_NAME] = "name",
	[TASK_TEXT] = "string",	      [TASK_LIST] = "list of strings",
	[TASK_ITEMS] = "list of values", [TASK_RANGES] = "string",
	[TASK_NAMES] = "1, or list of strings", [TASK_FLAG] = "1 or 0",
	[TASK_MOMENT] = "time",	      [TASK_OUT_PATH] = "path",
	[TASK_ENV] = "object",	      [TASK_IDS] = "list of ids",
	[TASK_RESULTS] = "list of ids or names", [TASK_COUNT] = "integer",
	[TASK_INTEGER] = "integer",   [TASK_SECONDS] = "number",
	[TASK_FAILURES] = "list of words", [TASK_SIZE] = "size",
	[TASK_AMOUNTS] = "object of integers",
};

/* --- Markdown ----------------------------------------------------------- */

static void md_text(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			buf_puts(out, "&lt;");
		else if (*s == '|')
			buf_puts(out, "\\|");
		else
			buf_putc(out, *s);
	}
}

static void md_section(struct buf *out, const char *title)
{
	buf_printf(out, "\n## %s\n\n| name | | |\n|---|---|---|\n", title);
}

static void md_entry(struct buf *out, const char *term, const char *kind,
		     const char *help)
{
	buf_printf(out, "| `%s` | %s | ", term, kind);
	md_text(out, help);
	buf_puts(out, " |\n");
}

static void md_end(struct buf *out)
{
	(void)out;
}

/* --- man (mdoc) --------------------------------------------------------- */

static void man_text(struct buf *out, const char *s)
{
	bool code = false;

	for (; *s; s++) {
		if (*s == '\\')
			buf_puts(out, "\\e");
		else if (*s == '-')
			buf_puts(out, "\\-");
		else if (*s == '`')
			buf_puts(out, (code = !code) ? "\\fB" : "\\fR");
		else
			buf_putc(out, *s);
	}
}

static void man_section(struct buf *out, const char *title)
{
	buf_puts(out, ".Ss ");
	man_text(out, title);
	buf_puts(out, "\n.Bl -tag -width Ds\n");
}

static void man_entry(struct buf *out, const char *term, const char *kind,
		      const char *help)
{
	buf_puts(out, ".It Li ");
	man_text(out, term);
	if (*kind)
		buf_printf(out, " Pq %s", kind);
	buf_putc(out, '\n');
	man_text(out, help);
	buf_putc(out, '\n');
}

static void man_end(struct buf *out)
{
	buf_puts(out, ".El\n");
}

static const struct format formats[] = {
	{"md",
	 "# The tree\n\nMade from the tables in `fs/nodes.c`, "
	 "`lib/wire/task_option.c` and `lib/wire/pool_option.c` by `taskfs --print-tree=md`.\n",
	 md_section, md_entry, md_end},
	{"man", "", man_section, man_entry, man_end},
};

/* --- both --------------------------------------------------------------- */

static const char *kind_of(const struct node *n)
{
	bool writable = n->mode & 0222;

	if (S_ISDIR(n->mode))
		return "directory";
	if (S_ISLNK(n->mode))
		return "symlink";
	if (n->flags & NODE_WAITS)
		return "waits";
	return writable ? "writable" : "";
}

static void put_directory(const struct format *f, const struct node *dir,
			  struct buf *out)
{
	const struct node *n;

	/* The same as another one, which is described. */
	if (dir->like)
		return;
	f->section(out, dir->path);
	for (n = tree_rows(); n->path; n++)
		if (tree_is_child(dir, n))
			f->entry(out, tree_basename(n), kind_of(n), n->help);
	f->end(out);
}

static void put_options(const struct format *f, struct buf *out)
{
	const struct task_option *t;

	f->section(out, "Task options");
	for (t = task_options; t->name; t++) {
		char *kind = xasprintf("%s%s", type_name[t->type],
				       t->flags & TASK_CHANGES ? ", can be changed"
							       : "");

		f->entry(out, t->name, kind, t->help);
		free(kind);
	}
	f->end(out);
}

static void put_pool_options(const struct format *f, struct buf *out)
{
	static const char *const kind[] = {
		[POOL_COMMAND] = "command",
		[POOL_COUNT] = "integer",
		[POOL_SECONDS] = "seconds",
	};
	const struct pool_option *o;

	f->section(out, "Pool options");
	for (o = pool_options; o->name; o++) {
		char *type = o->standard
				     ? xasprintf("%s: %s", kind[o->type],
						 o->standard)
				     : xstrdup(kind[o->type]);

		f->entry(out, o->name, type, o->help);
		free(type);
	}
	f->end(out);
}

int doc_print(const char *format, struct buf *out)
{
	const struct node *n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i].name, format) != 0)
			continue;
		buf_puts(out, formats[i].begin);
		for (n = tree_rows(); n->path; n++)
			if (S_ISDIR(n->mode))
				put_directory(&formats[i], n, out);
		put_options(&formats[i], out);
		put_pool_options(&formats[i], out);
		return 0;
	}
	return -EINVAL;
}
