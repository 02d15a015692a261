#include "base/base.h"
#include "address.h"

#include "base/log.h"
#include "base/parse.h"
#include "sockets.h"
#include "store/store.h"

#define INTERFACE 256

struct pool_ports {
	unsigned *port;
	size_t n, at;
};

struct address {
	struct pool_ports pool[PORT_RANGES];
	bool reused;			/* `old` is there */
	struct connfile old[2];		/* by enum connfile_kind */
};

/* Whose socket it is, and where its port stands in that side's file. */
static const struct address_row {
	enum connfile_kind side;
	size_t port;			/* offsetof() in struct ports */
} rows[SOCKETS] = {
#define CLIENT(member) {CONNFILE_CLIENT, offsetof(struct ports, member)}
#define ENGINE(member) {CONNFILE_ENGINE, offsetof(struct ports, member)}
	[S_REGISTRATION] = ENGINE(registration), /* of both */
	[S_NOTIFICATION] = CLIENT(notification),
	[S_HB_PING] = ENGINE(hb_ping),
	[S_HB_PONG] = ENGINE(hb_pong),
	[S_LINE_CONTROL] = ENGINE(line_control),
	[S_LINE_TASK] = ENGINE(line_task),
	[S_MUX_IN] = CLIENT(mux),
	[S_MUX_OUT] = ENGINE(mux),
	[S_CONTROL_IN] = CLIENT(control),
	[S_CONTROL_OUT] = ENGINE(control),
	[S_TASK_IN] = CLIENT(task),
	[S_TASK_OUT] = ENGINE(task),
	[S_BROADCAST_IN] = CLIENT(broadcast),
	[S_BROADCAST_OUT] = ENGINE(broadcast),
	[S_IOPUB_IN] = ENGINE(iopub),
	[S_IOPUB_OUT] = CLIENT(iopub),
	[S_EVENTS] = CLIENT(events),
#undef CLIENT
#undef ENGINE
};

static unsigned *port_in(struct ports *p, enum socket i)
{
	return (unsigned *)(void *)((char *)p + rows[i].port);
}

static const char *ip_of(const struct controller *c, enum connfile_kind side)
{
	const char *of_side = side == CONNFILE_CLIENT ? c->config.client_ip
						      : c->config.engine_ip;

	return of_side ? of_side : c->config.ip;
}

void address_interface(const struct controller *c, enum connfile_kind side,
		       char ret_interface[INTERFACE])
{
	snprintf(ret_interface, INTERFACE, "tcp://%s", ip_of(c, side));
}

/* --- what the options say ------------------------------------------------ */

/* "10101-10120" or "10101". */
static int add_range(struct pool_ports *pool, struct bytes text)
{
	const char *dash = memchr(text.p, '-', text.n);
	struct bytes first = text, last = text;
	uint64_t from, to;

	if (dash) {
		first.n = (size_t)(dash - (const char *)text.p);
		last.p = dash + 1;
		last.n = text.n - first.n - 1;
	}
	if (parse_u64(first, 1, 65535, &from) ||
	    parse_u64(last, from, 65535, &to))
		return -EINVAL;
	pool->port = xreallocarray(pool->port, pool->n + (to - from) + 1,
				   sizeof(*pool->port));
	for (; from <= to && pool->n < 65535; from++)
		pool->port[pool->n++] = (unsigned)from;
	return 0;
}

static int read_pool(struct pool_ports *pool, const char *list,
		     struct buf *why)
{
	const char *end;

	/* 0 is any port, as IPController.regport has it. */
	if (list && strcmp(list, "0") == 0)
		return 0;
	for (; list && *list; list = *end ? end + 1 : end) {
		end = strchrnul(list, ',');
		if (add_range(pool, bytes_of(list, (size_t)(end - list)))) {
			buf_puts(why, "'");
			buf_put_escaped(why, bytes_str(list), 64);
			buf_puts(why, "' is no list of ports, as "
				      "10101-10120,10200");
			return -EINVAL;
		}
	}
	return 0;
}

static char *file_of(const struct controller *c, enum connfile_kind kind)
{
	char *dir = xasprintf("%s/security", c->config.dir);
	char *path = connfile_path(dir, c->config.cluster_id, kind);

	free(dir);
	return path;
}

static int load_old(struct controller *c, enum connfile_kind kind)
{
	struct connfile *f = &c->address->old[kind];
	char *path = file_of(c, kind);
	struct buf why = BUF_INIT;
	int err = connfile_load(f, kind, path, &why);

	if (err && err != -ENOENT)
		log_warning("a connection file cannot be used again",
			    log_str("path", path),
			    log_bytes("why", buf_bytes(&why)));
	if (!err && kind == CONNFILE_ENGINE)
		f->port.broadcast = f->broadcasts[0];
	buf_done(&why);
	free(path);
	return err;
}

static void reuse_files(struct controller *c)
{
	struct address *a = c->address;

	if (load_old(c, CONNFILE_CLIENT))
		return;
	a->reused = load_old(c, CONNFILE_ENGINE) == 0 &&
		    a->old[0].port.registration == a->old[1].port.registration &&
		    strcmp(a->old[0].key, a->old[1].key) == 0;
	if (a->reused)
		return;
	log_warning("the connection files do not fit together; they are "
		    "written anew", log_str("dir", c->config.dir));
	connfile_done(&a->old[0]);
	connfile_done(&a->old[1]);
}

int address_init(struct controller *c, struct buf *why)
{
	int i, err = 0;

	c->address = zalloc(sizeof(*c->address));
	for (i = 0; i < PORT_RANGES && !err; i++)
		err = read_pool(&c->address->pool[i], c->config.ports[i], why);
	if (!err && c->config.reuse)
		reuse_files(c);
	return err;
}

void address_done(struct controller *c)
{
	int i;

	if (!c->address)
		return;
	for (i = 0; i < PORT_RANGES; i++)
		free(c->address->pool[i].port);
	if (c->address->reused) {
		connfile_done(&c->address->old[0]);
		connfile_done(&c->address->old[1]);
	}
	free(c->address);
	c->address = NULL;
}

const char *address_old_key(const struct controller *c)
{
	const struct address *a = c->address;

	return a->reused && a->old[0].key[0] ? a->old[0].key : NULL;
}

/* --- which port ---------------------------------------------------------- */

static struct pool_ports *pool_of(const struct controller *c, enum socket i)
{
	return &c->address->pool[rows[i].side == CONNFILE_CLIENT
					 ? PORTS_CLIENT
					 : PORTS_ENGINE];
}

static bool has(const struct pool_ports *pool, unsigned port)
{
	size_t i;

	for (i = 0; i < pool->n; i++)
		if (pool->port[i] == port)
			return true;
	return false;
}

static bool is_allowed(const struct controller *c, enum socket i,
		       unsigned port)
{
	const struct pool_ports *own = pool_of(c, i);
	const struct pool_ports *common = &c->address->pool[PORTS_COMMON];

	return (!own->n && !common->n) || has(own, port) || has(common, port);
}

/* The next port of the pools of the socket; 0: none is left, or there were none. */
static unsigned next_port(struct controller *c, enum socket i)
{
	struct pool_ports *own = pool_of(c, i);
	struct pool_ports *common = &c->address->pool[PORTS_COMMON];

	if (own->at < own->n)
		return own->port[own->at++];
	return common->at < common->n ? common->port[common->at++] : 0;
}

static unsigned port_of_last_run(struct controller *c, enum socket i,
				 const char *name)
{
	char *key = xasprintf("port_%s", name);
	char *text = store_meta(c->store, key);
	uint64_t n = 0;

	if (text && parse_u64(bytes_str(text), 1, 65535, &n))
		n = 0;
	free(key);
	free(text);
	return n && is_allowed(c, i, (unsigned)n) ? (unsigned)n : 0;
}

static unsigned old_port(struct controller *c, enum socket i,
			 const char *name)
{
	struct address *a = c->address;
	unsigned port = 0;

	if (a->reused)
		port = *port_in(&a->old[rows[i].side].port, i);
	return port ? port : port_of_last_run(c, i, name);
}

static void keep_port(struct controller *c, enum socket i, const char *name)
{
	static char keys[SOCKETS][32];
	struct store_op *op = store_op_new(STORE_META);

	snprintf(keys[i], sizeof(keys[i]), "port_%s", name);
	op->meta.key = keys[i];
	op->meta.value = xasprintf("%u", c->sock[i].port);
	store_put(c->store, op);
}

/* --- binding ------------------------------------------------------------- */

static bool is_any(const char *ip)
{
	return strcmp(ip, "*") == 0 || strcmp(ip, "0.0.0.0") == 0;
}

/* Both sides register; one socket listens on the addresses of both. */
static int bind_registration(struct controller *c, unsigned port)
{
	struct hub_socket *s = &c->sock[S_REGISTRATION];
	const char *one = ip_of(c, CONNFILE_ENGINE);
	const char *other = ip_of(c, CONNFILE_CLIENT);
	unsigned same;
	int err;

	if (is_any(other)) {
		one = other;
		other = ip_of(c, CONNFILE_ENGINE);
	}
	err = sock_bind(s->socket, one, port, &s->port);
	if (err || is_any(one) || strcmp(one, other) == 0)
		return err;
	err = sock_bind(s->socket, other, s->port, &same);
	if (err)
		sock_unbind(s->socket, one, s->port);
	return err;
}

static int bind_to(struct controller *c, enum socket i, unsigned port)
{
	struct hub_socket *s = &c->sock[i];

	if (i == S_REGISTRATION)
		return bind_registration(c, port);
	return sock_bind(s->socket, ip_of(c, rows[i].side), port, &s->port);
}

static int bind_somewhere(struct controller *c, enum socket i,
			  const char *name)
{
	unsigned port;
	int err = -EADDRINUSE;

	while (err && (port = next_port(c, i)))
		err = bind_to(c, i, port);
	if (!err)
		return 0;
	if (c->address->pool[PORTS_COMMON].n || pool_of(c, i)->n)
		log_warning("no port of those given is left; any is taken",
			    log_str("socket", name));
	return bind_to(c, i, 0);
}

int address_bind(struct controller *c, enum socket i, const char *name)
{
	unsigned old = old_port(c, i, name);
	int err = old ? bind_to(c, i, old) : -EADDRINUSE;

	if (old && err)
		log_warning("the port of the last run cannot be had; peers "
			    "must read the connection file again",
			    log_str("socket", name), log_int("port", old),
			    log_errno(err));
	if (err)
		err = bind_somewhere(c, i, name);
	if (!err)
		keep_port(c, i, name);
	return err;
}

/* --- the files ----------------------------------------------------------- */

static const char *location_of(const struct controller *c, char host[256])
{
	if (c->config.location)
		return c->config.location;
	if (c->address->reused && c->address->old[0].location)
		return c->address->old[0].location;
	if (gethostname(host, 255) < 0)
		host[0] = '\0';
	return host;
}

static const char *ssh_of(const struct controller *c, enum connfile_kind kind)
{
	if (c->config.ssh[kind])
		return c->config.ssh[kind];
	return c->address->reused ? c->address->old[kind].ssh : NULL;
}

/* The text is only read. */
static char *text_of(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* Copies of the files that are reused may be on other hosts. */
static void tell_new_key(const struct controller *c, const char *now)
{
	const char *was = c->address->old[CONNFILE_CLIENT].curve_serverkey;

	if (!c->address->reused || (!was && !now) ||
	    (was && now && strcmp(was, now) == 0))
		return;
	log_warning("the connection files that are reused have another key for "
		    "CURVE now, or none; who has copies of them needs the new "
		    "ones", log_str("dir", c->config.dir));
}

static int publish(struct controller *c, enum connfile_kind kind)
{
	char interface[INTERFACE], host[256] = "";
	struct connfile f = {
		.interface = interface,
		.location = text_of(location_of(c, host)),
		.ssh = text_of(ssh_of(c, kind)),
		.key = c->key,
		.task_scheme = text_of(c->config.scheme),
	};
	char *path = file_of(c, kind);
	int i, err;

	address_interface(c, kind, interface);
	if (c->curve.on)
		f.curve_serverkey = c->curve.server_public;
	for (i = 0; i < SOCKETS; i++)
		if (rows[i].side == kind || i == S_REGISTRATION)
			*port_in(&f.port, (enum socket)i) = c->sock[i].port;
	f.broadcasts = &c->sock[S_BROADCAST_OUT].port;
	f.nbroadcasts = 1;
	err = connfile_save(&f, kind, path);
	if (err)
		log_error("cannot write a connection file",
			  log_str("path", path), log_errno(err));
	free(path);
	return err;
}

int address_publish(struct controller *c)
{
	int err;

	tell_new_key(c, c->curve.on ? c->curve.server_public : NULL);
	err = publish(c, CONNFILE_CLIENT);
	return err ? err : publish(c, CONNFILE_ENGINE);
}

void address_withdraw(const struct controller *c)
{
	int i;

	if (c->config.reuse)
		return;
	for (i = 0; i < 2; i++) {
		char *path = file_of(c, (enum connfile_kind)i);

		unlink(path);
		free(path);
	}
}
