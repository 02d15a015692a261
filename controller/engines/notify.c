#include "base/base.h"
#include "notify.h"

#include "net/sockets.h"

/* So long a client may take from the answer with the engines to its subscription. */
#define NEW_USEC (15 * USEC_PER_SEC)
/* When there are more, the oldest are not said again. */
#define LIMIT_NOTICES 16384

struct notice {
	struct list link;
	bool joined;
	int64_t id;
	char *uuid;
	uint64_t at;		/* mono_usec() */
};

struct notices {
	struct list said;	/* oldest first */
	size_t n;
	/* When clients asked that have not subscribed yet, a ring; mono_usec(). */
	uint64_t asked[64], first_asked, next_asked;
};

static void notice_free(struct controller *c, struct notice *n)
{
	list_del(&n->link);
	c->notices->n--;
	free(n->uuid);
	free(n);
}

static void forget_old(struct controller *c)
{
	uint64_t now = mono_usec();

	while (!list_empty(&c->notices->said)) {
		struct notice *n = list_first(&c->notices->said, struct notice, link);

		if (c->notices->n < LIMIT_NOTICES && n->at + NEW_USEC > now)
			return;
		notice_free(c, n);
	}
}

/* Forgets what was said of the engine: only the last word on it counts. */
static void forget_engine(struct controller *c, const struct engine *e)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &c->notices->said) {
		struct notice *n = list_entry(l, struct notice, link);

		if (n->id == e->id && strcmp(n->uuid, e->uuid) == 0)
			notice_free(c, n);
	}
}

static void say(struct controller *c, const struct notice *n)
{
	struct json_object *content = json_object_new_object();
	struct msg_out out = {
		.type = n->joined ? MSG_REGISTRATION_NOTIFICATION
				  : MSG_UNREGISTRATION_NOTIFICATION,
		.content = content,
	};

	json_add_int(content, "id", n->id);
	json_add_str(content, "uuid", n->uuid);
	(void)!msg_send(sock_of(c, S_NOTIFICATION), &c->session, &out);
	json_object_put(content);
}

static void notify(struct engine *e, bool comes)
{
	struct controller *c = e->c;
	struct notice *n = zalloc(sizeof(*n));

	forget_old(c);
	if (!comes)
		forget_engine(c, e);
	n->joined = comes;
	n->id = e->id;
	n->uuid = xstrdup(e->uuid);
	n->at = mono_usec();
	list_add_tail(&c->notices->said, &n->link);
	c->notices->n++;
	say(c, n);
}

static void joined(struct engine *e)
{
	notify(e, true);
}

static void given_up(struct engine *e)
{
	if (engine_is_there(e))
		notify(e, false);
}

const struct engine_hooks notify_hooks = {
	.joined = joined,
	.given_up = given_up,
};

void notify_hello(struct controller *c)
{
	if (c->notices->next_asked - c->notices->first_asked == ARRAY_SIZE(c->notices->asked))
		c->notices->first_asked++;
	c->notices->asked[c->notices->next_asked++ % ARRAY_SIZE(c->notices->asked)] = mono_usec();
}

/* When the client that subscribes now had asked. */
static uint64_t take_asked(struct controller *c)
{
	uint64_t now = mono_usec(), at;

	while (c->notices->first_asked < c->notices->next_asked) {
		at = c->notices->asked[c->notices->first_asked++ % ARRAY_SIZE(c->notices->asked)];
		if (at + NEW_USEC > now)
			return at;
	}
	return now;
}

void notify_again(struct controller *c)
{
	uint64_t asked = take_asked(c);
	const struct list *l;

	forget_old(c);
	list_for_each(l, &c->notices->said) {
		const struct notice *n = list_entry(l, struct notice, link);

		if (n->joined || n->at >= asked)
			say(c, n);
	}
}

void notify_init(struct controller *c)
{
	c->notices = zalloc(sizeof(*c->notices));
	list_init(&c->notices->said);
}

void notify_done(struct controller *c)
{
	while (!list_empty(&c->notices->said))
		notice_free(c, list_first(&c->notices->said, struct notice, link));
	free(c->notices);
	c->notices = NULL;
}
