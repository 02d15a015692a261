#include "page_results.h"
#include "drawing/markup.h"
#include "page_parts.h"
#include "results/needs.h"
#include "results/progress.h"
#include "results/result.h"
#include "wire/ids.h"

/* --- what failed -------------------------------------------------------- */

static uint64_t ended_of(const struct result *r)
{
	return r->count[STATE_OK] + r->count[STATE_ERROR] + r->count[STATE_ABORTED];
}

/* Those that go on although a task of theirs has failed, and those that have ended so. */
static size_t find_failed(const struct glance *g, const struct result **ret)
{
	const struct result *r[GLANCE_LOOKS];
	size_t i, n = glance_running(g, r, GLANCE_LOOKS), found = 0;

	for (i = 0; i < n && found < PAGE_FAILED / 2; i++)
		if (r[i]->count[STATE_ERROR])
			ret[found++] = r[i];
	return found + glance_failed(g, ret + found, PAGE_FAILED - found);
}

static struct obj obj_of(const struct glance *g, const struct result *r)
{
	return (struct obj){
		.fs = g->fs,
		.result = mirror_result(g->mirror, r->id),
		.id = (uint32_t)r->id,
		.task = r->task,
		.detail = r->task ? &r->detail : NULL,
		.by = {.uid = g->uid},
	};
}

int page_await(struct obj *o, bool ask)
{
	const struct result *failed[PAGE_FAILED];
	struct glance g;
	size_t i, n;
	int err = 0;

	glance_init(&g, o);
	n = find_failed(&g, failed);
	for (i = 0; i < n; i++) {
		struct obj of = obj_of(&g, failed[i]);

		/* What cannot be had is not shown. */
		if (need_errors(&of, ask) == -EINPROGRESS)
			err = -EINPROGRESS;
	}
	return err;
}

/* The last lines of a text, from the beginning of one. */
static struct bytes end_of(struct bytes text)
{
	const char *p = text.p, *line;

	if (text.n <= PAGE_ERROR)
		return text;
	p += text.n - PAGE_ERROR;
	line = memchr(p, '\n', PAGE_ERROR - 1);
	if (line)
		p = line + 1;
	return bytes_of(p, (size_t)((const char *)text.p + text.n - p));
}

static void put_failure(const struct glance *g, const struct result *r,
			struct buf *out)
{
	struct obj o = obj_of(g, r);
	struct buf text = BUF_INIT;

	buf_printf(out, "<article aria-labelledby=\"f%llu\"><h3 id=\"f%llu\">",
		   (unsigned long long)r->id, (unsigned long long)r->id);
	page_put_link(out, r->id);
	buf_putc(out, ' ');
	page_put_text(out, glance_name(r));
	buf_puts(out, "</h3>");
	(void)result_error(&o, &text);
	buf_puts(out, "<pre tabindex=\"0\">");
	markup_put(out, end_of(buf_bytes(&text)));
	buf_puts(out, "</pre></article>\n");
	buf_done(&text);
}

void page_put_failed(const struct glance *g, struct buf *out)
{
	const struct result *failed[PAGE_FAILED];
	size_t i, n = find_failed(g, failed);

	if (!n)
		return;
	buf_puts(out, "<section aria-labelledby=\"failed\">\n<h2 id=\"failed\">Failed "
		      "last</h2>\n");
	for (i = 0; i < n; i++)
		put_failure(g, failed[i], out);
	buf_puts(out, "</section>\n");
}

/* --- results ------------------------------------------------------------ */

static void put_progress(const struct result *r, struct buf *out)
{
	unsigned long long ended = ended_of(r), all = (unsigned long long)r->tasks;

	if (r->tasks <= 1)
		return;
	buf_printf(out,
		   "<progress%s value=\"%llu\" max=\"%llu\" aria-label=\"result %llu: "
		   "%llu of %llu tasks have ended\"></progress> %llu/%llu",
		   r->count[STATE_ERROR] ? " class=\"error\"" : "", ended, all,
		   (unsigned long long)r->id, ended, all, ended, all);
	if (r->count[STATE_ERROR])
		buf_printf(out, ", <span class=\"error\">%llu failed</span>",
			   (unsigned long long)r->count[STATE_ERROR]);
}

static void put_result(const struct result *r, const struct idlist *where,
		       struct buf *out)
{
	const char *state = state_name(r->status);

	buf_puts(out, "<tr><th scope=\"row\">");
	page_put_link(out, r->id);
	buf_puts(out, "</th>");
	page_put_cell(out, glance_name(r));
	buf_printf(out, "<td class=\"%s\">%s</td><td class=\"n\">", state, state);
	put_progress(r, out);
	buf_puts(out, "</td><td class=\"n\">");
	bar_time(result_age(r), out);
	buf_puts(out, "</td><td class=\"text\">");
	if (where)
		glance_put_engines(where, out);
	else if (r->status == STATE_PENDING)
		page_put_text(out, r->why);
	else if (r->task && r->task->engine >= 0)
		buf_printf(out, "%d", r->task->engine);
	buf_puts(out, "</td></tr>\n");
}

static void put_table(const struct glance *g, const char *title, const char *last,
		      const struct result *const *r, size_t n, size_t all, bool runs,
		      struct buf *out)
{
	const char *heads[] = {"Result", "Name", "Status", "Tasks", "Time", last, NULL};
	struct idlist where[PAGE_RESULTS] = {{0}};
	size_t i;

	if (!n && !all)
		return;
	if (runs)
		glance_where(g, r, n, where);
	buf_printf(out, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n",
		   title, title, title);
	page_begin_table(out, title, heads);
	for (i = 0; i < n; i++)
		put_result(r[i], runs ? &where[i] : NULL, out);
	page_end_table(out, n, all);
	buf_puts(out, "</section>\n");
	for (i = 0; i < PAGE_RESULTS; i++)
		idlist_done(&where[i]);
}

void page_put_results(const struct glance *g, struct buf *out)
{
	const struct mirror *m = g->mirror;
	const struct result *r[PAGE_RESULTS];
	size_t running = index_count(&m->running), n;

	n = glance_running(g, r, PAGE_RESULTS);
	put_table(g, "Running", "Engines", r, n, running, true, out);
	n = glance_waiting(g, r, PAGE_RESULTS);
	put_table(g, "Waiting", "Why", r, n, index_count(&m->unfinished) - running,
		  false, out);
	n = glance_ended(g, r, PAGE_RESULTS);
	put_table(g, "Ended", "Engine", r, n, n, false, out);
}
