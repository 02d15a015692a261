#include "controller.h"
#include "link/bridge.h"
#include "link/link.h"
#include "link/linktext.h"
#include "mirror/mirror.h"
#include "mirror/sync.h"
#include "tree/format.h"

static int end(struct buf *out)
{
	if (out->n)
		buf_putc(out, '\n');
	return 0;
}

int controller_state(const struct obj *o, struct buf *out)
{
	const char *upstream = o->fs->mirror->counts.upstream_state;
	const char *trouble = o->fs->mirror->counts.trouble;

	/* Who reads that it is connected finds the results there are. */
	if (sync_is_new(o->fs->sync))
		buf_puts(out, "connecting");
	/* When the bridge is there, it matters what is behind it. */
	else if (upstream && link_is_up(o->fs->link))
		buf_put_escaped(out, bytes_str(upstream), 1024);
	else if (trouble && link_is_up(o->fs->link))
		buf_put_escaped(out, bytes_str(trouble), 1024);
	else
		link_describe(o->fs->link, out);
	return end(out);
}

int controller_kind(const struct obj *o, struct buf *out)
{
	if (o->fs->link->state == LINK_FOREIGN || o->fs->bridge->users >= 0)
		buf_puts(out, "ipyparallel");
	else if (o->fs->link->instance[0])
		buf_puts(out, o->fs->mirror->counts.upstream_url
				      ? "ipyparallel"
				      : "taskfs");
	return end(out);
}

int controller_url(const struct obj *o, struct buf *out)
{
	const char *upstream = o->fs->mirror->counts.upstream_url;

	if (upstream)
		buf_put_escaped(out, bytes_str(upstream), 512);
	else
		link_url(o->fs->link, out);
	return end(out);
}

int controller_id(const struct obj *o, struct buf *out)
{
	buf_put_escaped(out, bytes_str(o->fs->link->instance), 128);
	return end(out);
}

int controller_uptime(const struct obj *o, struct buf *out)
{
	int64_t usec = steady_usec() - o->fs->link->born;

	if (!o->fs->link->started || !link_is_up(o->fs->link))
		return 0;
	buf_printf(out, "%.3f", usec > 0 ? (double)usec / 1e6 : 0.0);
	return end(out);
}

int controller_scheme(const struct obj *o, struct buf *out)
{
	const char *scheme = o->fs->mirror->counts.scheme;

	if (scheme)
		buf_put_escaped(out, bytes_str(scheme), 64);
	return end(out);
}

int controller_waiting(const struct obj *o, struct buf *out)
{
	return format_number(out, o->fs->mirror->counts.waiting);
}

int controller_running(const struct obj *o, struct buf *out)
{
	return format_number(out, o->fs->mirror->counts.running);
}

int controller_completed(const struct obj *o, struct buf *out)
{
	return format_number(out, o->fs->mirror->counts.completed);
}
