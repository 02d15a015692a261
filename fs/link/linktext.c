#include "linktext.h"
#include "ssh/tunnel.h"

void link_url(const struct link *l, struct buf *out)
{
	if (l->tunnel)
		buf_puts(out, tunnel_url(l->tunnel));
	else if (l->file.interface)
		buf_printf(out, "%s:%u", l->file.interface,
			   l->file.port.registration);
}

void link_explain(const struct link *l, struct buf *out)
{
	if (l->why.n)
		buf_put(out, l->why.p, l->why.n);
	else
		buf_puts(out, "no answer yet");
}

void link_describe(const struct link *l, struct buf *out)
{
	char date[DATE_SIZE];

	if (l->state == LINK_UP) {
		buf_puts(out, "connected");
		if (!l->file.curve_serverkey)
			buf_puts(out, "; nothing is encrypted (--curve=no)");
		return;
	}
	if (l->why.n == 0) {
		buf_puts(out, "connecting");
		return;
	}
	buf_put(out, l->why.p, l->why.n);
	if (l->state == LINK_FOREIGN)
		return;
	date_format(l->since, date);
	buf_printf(out, " since %s, trying again", date);
}
