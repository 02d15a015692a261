#include "base/base.h"
#include "shown.h"

#include "base/log.h"
#include "mounts/controller_json.h"
#include "mounts/events.h"

struct json_object *upstream_json(const struct controller *c)
{
	struct upstream *u = c->upstream;
	struct json_object *o = json_object_new_object();
	char url[300] = "";

	if (u->file.interface)
		snprintf(url, sizeof(url), "%s:%u", u->file.interface,
			 u->file.port.registration);
	json_add_str(o, "url", url);
	json_add_str(o, "state",
		     u->up ? "connected"
			   : u->why.n ? buf_str(&u->why) : "not asked yet");
	return o;
}

void upstream_tell(struct upstream *u)
{
	struct json_object *v = json_object_new_object();

	json_add(v, "controller", controller_json(u->c, false));
	events_add(u->c, v);
}

void upstream_set_why(struct upstream *u, const char *fmt, ...)
{
	struct buf now = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&now, fmt, ap);
	va_end(ap);
	if (!bytes_eq(buf_bytes(&now), buf_bytes(&u->why))) {
		log_info("no upstream controller",
			 log_bytes("why", buf_bytes(&now)));
		buf_done(&u->why);
		u->why = now;
		upstream_tell(u);
		return;
	}
	buf_done(&now);
}
