#include "root.h"
#include "tree/tree.h"
#include "wire/pool_option.h"
#include "wire/task_option.h"

#include <sys/stat.h>

static const char intro[] =
"taskfs: a compute cluster as files\n"
"\n"
"  These lines are typed beside the mount, which is ./mnt here. A task runs in\n"
"  the directory of who submits it; submitted from inside of the mount, it runs\n"
"  in an empty one.\n"
"\n"
"  Submit a task and read what it gives. The value waits for the end:\n"
"\n"
"    echo 'sleep 1; hostname; echo oops >&2' > mnt/tasks/new\n"
"    read id < mnt/tasks/last          # yours, whatever others submit\n"
"    cat mnt/results/$id/status        # pending, running, ok, error, aborted\n"
"    cat mnt/results/$id/value || cat mnt/results/$id/error\n"
"    cat mnt/results/$id/stderr\n"
"\n"
"  A script from a file, a Python program, options as JSON:\n"
"\n"
"    cat script.sh > mnt/tasks/new\n"
"    { echo '#!/usr/bin/env python3'; cat program.py; } > mnt/tasks/new\n"
"    echo '{\"code\": \"make -j4\", \"label\": \"build\", \"time_limit\": 600}' \\\n"
"        > mnt/tasks/new\n"
"    cat mnt/results/build/output      # as it comes, until the end\n"
"\n"
"  Under a name; on one engine, on all, on some, in an order:\n"
"\n"
"    echo 'make -j4' > mnt/tasks/build # then mnt/results/build\n"
"    echo uptime > mnt/engines/0/new\n"
"    echo uptime > mnt/engines/all/new\n"
"    echo uptime > mnt/engines/0,2-3/new\n"
"\n"
"  Values that stay on an engine, for its tasks and from them; each engine its\n"
"  share of the lines, and all of them again:\n"
"\n"
"    echo 5 > mnt/engines/0/vars/a; cat mnt/engines/0/vars/a\n"
"    rm mnt/engines/0/vars/a\n"
"    seq 100 > mnt/engines/all/scatter/x; cat mnt/engines/all/gather/x\n"
"    echo 'wc -l < $TASKFS_VARS/x' > mnt/engines/0/new\n"
"\n"
"  A draft has a file for each option, and needs no JSON:\n"
"\n"
"    mkdir mnt/tasks/thumbs\n"
"    echo 'convert \"$1\" \"$1.jpg\"' > mnt/tasks/thumbs/code\n"
"    ls *.png > mnt/tasks/thumbs/map   # a map: one task for each line, its $1\n"
"    echo 1 > mnt/tasks/thumbs/submit  # then mnt/results/thumbs\n"
"\n"
"  Many at once, one JSON object a line; stop one; throw one away:\n"
"\n"
"    for i in 1 2 3; do echo '{\"code\": \"echo $1\", \"args\": [\"'$i'\"]}'; done \\\n"
"        > mnt/tasks/new\n"
"    echo abort > mnt/results/$id/ctl  # or: rm mnt/tasks/$id\n"
"    rmdir mnt/results/$id\n"
"\n"
"  A map: one submission of many tasks, each with an item in $1. The values in\n"
"  their order as they come; one task's own files; numbers as the tasks end:\n"
"\n"
"    echo '{\"code\": \"wc -l < \\\"$1\\\"\", \"map\": [\"a\", \"b\"]}' > mnt/tasks/new\n"
"    while read -r v; do echo \"$v\"; done < mnt/results/latest/value\n"
"    cat mnt/results/latest/1/stdout mnt/results/latest/as_completed\n"
"\n"
"  A pool has engines started when tasks wait, here as jobs of Slurm. These\n"
"  commands are in doc/examples/pools of taskfs, and for PBS and ssh, too:\n"
"\n"
"    mkdir mnt/pools/short\n"
"    cp slurm.cancel mnt/pools/short/cancel\n"
"    cp slurm.check mnt/pools/short/check\n"
"    cp slurm.launch mnt/pools/short/launch   # as the last one\n"
"    cat mnt/pools/short/why           # when no engine comes\n"
"\n"
"  Engines of ipyparallel (see mnt/engines/0/language) run Python: a task is\n"
"  Python, its value what the last expression is, the item of a map `item`,\n"
"  variables those of its namespace:\n"
"\n"
"    echo '6*7' > mnt/tasks/new; cat mnt/results/latest/value\n"
"    echo '[1, 2]' > mnt/engines/0/vars/a; echo 'sum(a)' > mnt/engines/0/new\n"
"\n"
"  A read that waits can be interrupted, is EAGAIN under O_NONBLOCK, and\n"
"  works with poll and select. Times are UTC, times and sizes in seconds and\n"
"  bytes, one value per file.\n"
"\n"
"Files:\n";

/* The help in the right column, broken into lines. */
static void put_row(struct buf *out, const char *name, const char *suffix,
		    const char *help)
{
	struct buf left = BUF_INIT;
	const char *p;
	size_t column = 29;

	buf_printf(&left, "%s%s", name, suffix);
	buf_printf(out, "  %-26s ", buf_str(&left));
	buf_done(&left);
	for (p = help; *p;) {
		size_t len = strcspn(p, " ");

		if (column + len > 78 && column > 29) {
			buf_printf(out, "\n%29s", "");
			column = 29;
		} else if (column > 29) {
			buf_putc(out, ' ');
			column++;
		}
		buf_put(out, p, len);
		column += len;
		p += len + (p[len] == ' ');
	}
	buf_putc(out, '\n');
}

int root_readme(const struct obj *o, struct buf *out)
{
	const struct task_option *t;
	const struct pool_option *x;
	const struct node *n;

	(void)o;
	buf_puts(out, intro);
	for (n = tree_rows() + 1; n->path; n++)
		put_row(out, n->path + 1, S_ISDIR(n->mode) ? "/" : "",
			n->help);
	buf_puts(out, "\nTask options (JSON members):\n");
	for (t = task_options; t->name; t++)
		put_row(out, t->name, "", t->help);
	buf_puts(out, "\nPool options (files of pools/NAME):\n");
	for (x = pool_options; x->name; x++)
		put_row(out, x->name, "", x->help);
	buf_puts(out, "\nMore: the guide, doc/guide/ in the source tree; "
		      "when taskfs is installed,\nman 5 taskfs, and the "
		      "guide in share/doc/taskfs\n");
	return 0;
}

int root_version(const struct obj *o, struct buf *out)
{
	(void)o;
	buf_puts(out, TASKFS_VERSION "\n");
	return 0;
}
