#include "base/base.h"
#include "admission.h"

#include "base/log.h"
#include "model/engines.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_VERSION "1.0"
/* The key of the peer that sent a message, for zmq_msg_gets(). */
#define USER_ID "User-Id"
#define PEER_ADDRESS "Peer-Address"
#define MEMBER "member"
/* So many keys are kept; those of engines that are there count, and stay in any
 * case. */
#define LIMIT_KEPT 1024

/* A peer that has shown that it has the key of the cluster. */
struct known {
	struct list order;	/* oldest first */
	char key[CURVE_KEY];
	char *engine;		/* the uuid it registered; NULL: it is none */
	char *address;		/* of an engine */
	char nanny[CURVE_KEY];	/* the key of its nanny; "": none has come */
};

struct admission {
	struct controller *c;
	void *socket;
	struct watch watch;
	char member[CURVE_KEY];
	struct map by_key;	/* -> struct known */
	struct list known;
	struct log_limit noise;
};

/* --- who is known ------------------------------------------------------- */

static struct known *find(const struct admission *a, const char *key)
{
	return map_get(&a->by_key, bytes_str(key));
}

static void forget(struct admission *a, struct known *k)
{
	map_remove(&a->by_key, bytes_str(k->key));
	list_del(&k->order);
	free(k->engine);
	free(k->address);
	free(k);
}

static bool is_engine(struct controller *c, const struct known *k)
{
	return k->engine && engine_by_uuid(c, bytes_str(k->engine));
}

static void make_room(struct controller *c)
{
	struct admission *a = c->admission;
	struct list *l, *next;

	for (l = a->known.next; l != &a->known && a->by_key.n >= LIMIT_KEPT;
	     l = next) {
		struct known *k = list_entry(l, struct known, order);

		next = l->next;
		if (!is_engine(c, k))
			forget(a, k);
	}
}

static struct known *add(struct controller *c, const char *key)
{
	struct admission *a = c->admission;
	struct known *k = zalloc(sizeof(*k));

	make_room(c);
	snprintf(k->key, sizeof(k->key), "%s", key);
	list_add_tail(&a->known, &k->order);
	map_put(&a->by_key, bytes_str(k->key), k);
	return k;
}

static void set_engine(struct known *k, const char *uuid, const char *address)
{
	free(k->engine);
	free(k->address);
	k->engine = xstrdup(uuid);
	k->address = xstrdup(address ? address : "");
	k->nanny[0] = '\0';
}

/* {member, known: [[key], [key, uuid, address, nanny], ...]}: of who has the keys of the
 * cluster, and who showed that. */
static void save(struct controller *c)
{
	struct json_object *o = json_object_new_object();
	struct json_object *all = json_object_new_array();
	struct store_op *op = store_op_new(STORE_META);
	struct list *l;

	list_for_each(l, &c->admission->known) {
		struct known *k = list_entry(l, struct known, order);
		struct json_object *one = json_object_new_array();

		json_push(one, json_object_new_string(k->key));
		if (k->engine) {
			json_push(one, json_object_new_string(k->engine));
			json_push(one, json_object_new_string(k->address));
			json_push(one, json_object_new_string(k->nanny));
		}
		json_push(all, one);
	}
	json_add_str(o, "member", c->admission->member);
	json_add(o, "known", all);
	op->meta.key = "admitted";
	op->meta.value = xstrdup(json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN));
	store_put(c->store, op);
	json_object_put(o);
}

/* What was kept for another key of the cluster shows nothing. */
static struct json_object *kept(const struct admission *a,
				struct json_object *o)
{
	const char *member = json_get_str(o, "member", NULL);

	return member && strcmp(member, a->member) == 0
		       ? json_get_array(o, "known")
		       : NULL;
}

static void load(struct controller *c)
{
	char *text = store_meta(c->store, "admitted");
	struct json_object *o = text ? json_parse(bytes_str(text), NULL)
				     : NULL;
	struct json_object *all = kept(c->admission, o);
	size_t i, n = all ? json_object_array_length(all) : 0;

	for (i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(all, i);
		struct json_object *key = NULL, *uuid = NULL, *address = NULL;
		struct json_object *nanny = NULL;
		struct known *k;

		if (json_object_is_type(one, json_type_array)) {
			key = json_object_array_get_idx(one, 0);
			uuid = json_object_array_get_idx(one, 1);
			address = json_object_array_get_idx(one, 2);
			nanny = json_object_array_get_idx(one, 3);
		}
		if (!json_object_is_type(key, json_type_string) ||
		    json_object_get_string_len(key) != CURVE_KEY - 1) {
			log_warning("what is kept of peers that were let in "
				    "cannot be read; those of ipyparallel may "
				    "have to be started again");
			break;
		}
		k = add(c, json_object_get_string(key));
		if (!uuid)
			continue;
		set_engine(k, json_object_get_string(uuid),
			   json_object_get_string(address));
		if (nanny)
			snprintf(k->nanny, sizeof(k->nanny), "%s",
				 json_object_get_string(nanny));
	}
	json_object_put(o);
	free(text);
}

static const char *uuid_in(const struct msg *m)
{
	if (strcmp(m->type, MSG_REGISTRATION_REQUEST) != 0)
		return NULL;
	return json_get_str(m->content, "uuid", NULL);
}

void admission_prove(struct controller *c, const struct msg *m)
{
	const char *key, *uuid;
	struct known *k;

	if (!c->admission)
		return;
	/* The frames before the delimiter are the ROUTER's own. */
	key = zmq_msg_gets(&m->frame[m->idents], USER_ID);
	if (!key || strlen(key) != CURVE_KEY - 1)
		return;
	uuid = uuid_in(m);
	k = find(c->admission, key);
	if (k) {
		list_del(&k->order);
		list_add_tail(&c->admission->known, &k->order);
	}
	if (k && (!uuid || (k->engine && strcmp(k->engine, uuid) == 0)))
		return;
	if (!k)
		k = add(c, key);
	if (uuid)
		set_engine(k, uuid,
			   zmq_msg_gets(&m->frame[m->idents], PEER_ADDRESS));
	save(c);
}

/* --- ZAP ---------------------------------------------------------------- */

enum { FROM, EMPTY, VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY };

static void reply(struct admission *a, const struct msg *m, const char *status,
		  const char *text, const char *user)
{
	struct bytes frames[] = {
		msg_frame(m, FROM),  bytes_str(""),	bytes_str(ZAP_VERSION),
		msg_frame(m, REQUEST), bytes_str(status), bytes_str(text),
		bytes_str(user),     bytes_str(""),
	};
	size_t i;

	loop_socket_used(a->socket);
	for (i = 0; i < ARRAY_SIZE(frames); i++)
		if (zmq_send(a->socket, frames[i].n ? frames[i].p : "",
			     frames[i].n,
			     ZMQ_DONTWAIT |
			     (i + 1 < ARRAY_SIZE(frames) ? ZMQ_SNDMORE : 0)) < 0)
			return;	/* the connection is gone */
}

/* 300: nothing more is said to the peer; it tries again when the time for a
 * handshake is over (sock.h), which it would not do after 400. */
static void refuse(struct controller *c, const struct msg *m)
{
	unsigned skipped;

	if (log_allowed(&c->admission->noise, 5, 10 * USEC_PER_SEC, &skipped))
		log_warning("a peer is not let in: it has not shown that it has "
			    "the key of this cluster",
			    log_bytes("socket", msg_frame(m, DOMAIN)),
			    log_bytes("address", msg_frame(m, ADDRESS)),
			    log_int("not_logged", skipped));
	c->count.refused_peers++;
	reply(c->admission, m, "300", "who are you?", "");
}

/* The first such peer of an engine is its nanny, and no other. */
static bool is_nanny(struct controller *c, const struct msg *m, const char *key)
{
	struct known *without = NULL;
	struct list *l;

	if (!bytes_is(msg_frame(m, DOMAIN), ADMISSION_NANNY))
		return false;
	list_for_each(l, &c->admission->known) {
		struct known *k = list_entry(l, struct known, order);

		if (!is_engine(c, k) ||
		    !bytes_is(msg_frame(m, ADDRESS), k->address))
			continue;
		if (strcmp(k->nanny, key) == 0)
			return true;
		if (!k->nanny[0] && !without)
			without = k;
	}
	if (!without)
		return false;
	snprintf(without->nanny, sizeof(without->nanny), "%s", key);
	save(c);
	return true;
}

static bool is_in(struct controller *c, const struct msg *m, const char *key)
{
	return bytes_is(msg_frame(m, DOMAIN), ADMISSION_OPEN) ||
	       !c->session.sign || find(c->admission, key) ||
	       is_nanny(c, m, key);
}

static void decide(struct controller *c, const struct msg *m)
{
	struct admission *a = c->admission;
	struct bytes raw = msg_frame(m, KEY);
	char key[CURVE_KEY];

	if (m->frames != KEY + 1 || !bytes_is(msg_frame(m, MECHANISM), "CURVE") ||
	    raw.n != (CURVE_KEY - 1) / 5 * 4 ||
	    !zmq_z85_encode(key, raw.p, raw.n)) {
		refuse(c, m);
		return;
	}
	if (strcmp(key, a->member) == 0)
		reply(a, m, "200", "OK", MEMBER);
	else if (is_in(c, m, key))
		reply(a, m, "200", "OK", key);
	else
		refuse(c, m);
}

static void ready(struct watch *w, short events)
{
	struct admission *a = container_of(w, struct admission, watch);
	struct controller *c = a->c;
	struct msg m = {0};
	int i;

	(void)events;
	for (i = 0; i < 64 && msg_recv(&m, a->socket) == 0; i++) {
		decide(c, &m);
		msg_done(&m);
	}
	msg_done(&m);
}

/* --- opening ------------------------------------------------------------ */

int admission_open(struct controller *c)
{
	struct sock how = {.type = ZMQ_ROUTER};
	char secret[CURVE_KEY];
	struct admission *a;
	int err;

	if (!c->curve.on)
		return 0;
	c->admission = a = zalloc(sizeof(*a));
	a->c = c;
	list_init(&a->known);
	curve_member_pair(c->curve.server_public, bytes_str(c->key), a->member,
			  secret);
	sodium_memzero(secret, sizeof(secret));
	load(c);
	err = sock_new(c->zmq, &how, &a->socket);
	if (err)
		return err;
	if (zmq_bind(a->socket, ZAP_ENDPOINT) < 0)
		return -errno;
	a->watch = (struct watch){.socket = a->socket, .events = POLLIN,
				  .ready = ready};
	loop_add(c->loop, &a->watch);
	return 0;
}

void admission_close(struct controller *c)
{
	struct admission *a = c->admission;

	if (!a)
		return;
	loop_remove(&a->watch);
	sock_close(&a->socket);
	while (!list_empty(&a->known))
		forget(a, list_first(&a->known, struct known, order));
	map_done(&a->by_key);
	free(a);
	c->admission = NULL;
}
