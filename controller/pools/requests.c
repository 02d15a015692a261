#include "base/base.h"
#include "requests.h"

#include "base/log.h"
#include "launch.h"
#include "pool_json.h"

#define NO_POOLS "this controller has no pools: it was started with --pools=no"

/* What a request does to a pool, until that is stored. */
struct deed {
	struct request *rq;
	const char *reply;		/* the type of the answer */
	char *name;			/* of the pool */
	struct json_object *set;	/* options: as they are set ... */
	struct json_object *before;	/* ... and as they were; or NULL */
	void (*undo)(struct pool *p, struct deed *d);	/* NULL: it stays so */
};

static struct deed *deed_new(struct request *rq, const char *reply,
			     const struct pool *p)
{
	struct deed *d = zalloc(sizeof(*d));

	d->rq = rq;
	d->reply = reply;
	d->name = xstrdup(p->name);
	return d;
}

static void deed_free(struct deed *d)
{
	json_object_put(d->set);
	json_object_put(d->before);
	free(d->name);
	free(d);
}

static void refuse(struct request *rq, const char *reply, int err, const char *why)
{
	request_fail(rq, reply, err, "PoolError", why);
}

static void answer(struct request *rq, const char *reply, const struct pool *p)
{
	struct json_object *o = ok_content(rq->c, true);

	if (p)
		json_add(o, "pool", pool_json(p, true));
	request_reply(rq, reply, o, NULL, 0);
}

static void refuse_stored(struct request *rq, const char *reply, int err)
{
	struct buf why = BUF_INIT;

	buf_printf(&why, "it could not be stored: %s", strerror(-err));
	refuse(rq, reply, err, buf_str(&why));
	buf_done(&why);
}

static void deed_done(struct store_op *op)
{
	struct deed *d = op->arg;
	struct pool *p = pool_find(d->rq->c, bytes_str(d->name));

	if (op->err && p && d->undo)
		d->undo(p, d);
	if (op->err)
		refuse_stored(d->rq, d->reply, op->err);
	else
		answer(d->rq, d->reply, p);
	deed_free(d);
}

/* --- make ----------------------------------------------------------------------- */

static void made(struct store_op *op)
{
	struct deed *d = op->arg;
	struct pool *p = pool_find(d->rq->c, bytes_str(d->name));

	if (op->err) {
		pool_free(p);
	} else {
		p->made = true;
		p->changed = p->options_changed = true;
		pool_changed(p);
		log_info("a pool was made", log_str("pool", p->name));
	}
	deed_done(op);
}

static int64_t free_id(const struct controller *c)
{
	const struct list *at;
	int64_t id = 0;

	list_for_each(at, &c->pools->all)
		id = max_i64(id, list_entry(at, struct pool, link)->id);
	return id + 1;
}

static void make(struct request *rq, struct bytes name)
{
	struct controller *c = rq->c;
	char *text;
	struct pool *p;

	if (!pool_name_ok(name)) {
		refuse(rq, MSG_POOL_REPLY, -EINVAL,
		       "that is no name of a pool" POOL_NAME_RULE);
		return;
	}
	if (pool_find(c, name)) {
		refuse(rq, MSG_POOL_REPLY, -EEXIST, "there is a pool of this name");
		return;
	}
	if (c->pools->by_name.n >= LIMIT_POOLS) {
		refuse(rq, MSG_POOL_REPLY, -ENOSPC, "there are too many pools");
		return;
	}
	text = xmemdup_nul(name.p, name.n);
	p = pool_new(c, free_id(c), text);
	pool_store(p, made, deed_new(rq, MSG_POOL_REPLY, p));
	free(text);
}

/* --- set ------------------------------------------------------------------------- */

static int check_option(const char *name, struct json_object *v, struct buf *why)
{
	const struct pool_option *o = pool_option_find(bytes_str(name));
	struct bytes value;

	if (!o)
		return pool_option_unknown(bytes_str(name), why);
	if (!json_object_is_type(v, json_type_string)) {
		buf_printf(why, "\"%s\" must be a text", o->name);
		return -EINVAL;
	}
	value = bytes_of(json_object_get_string(v),
			 (size_t)json_object_get_string_len(v));
	return pool_option_check(o, value, &value, why);
}

/* Nothing is set when one of them is wrong. */
static int check_options(struct json_object *set, struct buf *why)
{
	if (!set || !json_object_object_length(set)) {
		buf_puts(why, "set must be an object of options");
		return -EINVAL;
	}
	json_object_object_foreach(set, name, v) {
		int err = check_option(name, v, why);

		if (err)
			return err;
	}
	return 0;
}

static bool is_same(const char *text, struct bytes value)
{
	return text ? bytes_is(value, text) : !value.n;
}

static void set_option(struct pool *p, const struct pool_option *o,
		       struct bytes text)
{
	struct buf why = BUF_INIT;
	struct bytes value = bytes_of("", 0);
	bool launch = strcmp(o->name, "launch") == 0;

	/* It was checked, or was an option already. */
	(void)!pool_option_check(o, text, &value, &why);
	buf_done(&why);
	if (is_same(pool_option_text(p, o->name), value))
		return;
	pool_set_option(p, o, value);
	if (!launch)
		return;
	/* Another command may work, and its engines have something else. */
	p->slots = 0;
	amounts_done(&p->has);
	p->has = (struct amounts){0};
	pool_recover(p);
}

static void set_options(struct pool *p, struct json_object *set)
{
	const struct pool_option *o;

	for (o = pool_options; o->name; o++) {
		struct bytes text = json_get_bytes(set, o->name);

		if (text.p)
			set_option(p, o, text);
	}
}

static void undo_set(struct pool *p, struct deed *d)
{
	const struct pool_option *o;

	for (o = pool_options; o->name; o++) {
		struct bytes was = json_get_bytes(d->before, o->name);

		/* Somebody may have set it since. */
		if (json_get(d->set, o->name) &&
		    is_same(pool_option_text(p, o->name),
			    json_get_bytes(d->set, o->name)))
			set_option(p, o, was.p ? was : bytes_of("", 0));
	}
}

static void set(struct request *rq, struct pool *p, struct json_object *set)
{
	struct buf why = BUF_INIT;
	struct deed *d;
	int err = check_options(set, &why);

	if (err) {
		refuse(rq, MSG_POOL_REPLY, err, buf_str(&why));
		buf_done(&why);
		return;
	}
	d = deed_new(rq, MSG_POOL_REPLY, p);
	d->before = pool_options_json(p);
	set_options(p, set);
	d->set = pool_options_json(p);
	d->undo = undo_set;
	pool_store(p, deed_done, d);
	buf_done(&why);
}

/* --- remove ------------------------------------------------------------------------ */

static void undo_remove(struct pool *p, struct deed *d)
{
	(void)d;
	p->removing = false;
	pool_changed(p);
}

static void removed(struct store_op *op)
{
	struct deed *d = op->arg;
	struct controller *c = d->rq->c;
	struct pool *p = pool_find(c, bytes_str(d->name));

	if (!op->err) {
		log_info("a pool was removed", log_str("pool", d->name));
		pool_free(p);
		pool_tell_gone(c, d->name);
		loop_defer(c->loop, &c->pools->look);
	}
	deed_done(op);
}

static void refuse_busy(struct request *rq, const struct pool *p)
{
	const struct list *at;
	struct buf why = BUF_INIT;
	uint64_t launches = 0, engines = 0;
	bool ending = true;

	list_for_each(at, &p->launches) {
		const struct list *m;

		launches++;
		ending &= list_entry(at, struct launch, link)->state == LAUNCH_ENDING;
		list_for_each(m, &list_entry(at, struct launch, link)->members)
			engines++;
	}
	buf_printf(&why, "it has %llu launches and %llu engines: %s",
		   (unsigned long long)launches, (unsigned long long)engines,
		   ending ? "they are ending, try again soon"
			  : "write cancel to its ctl, or pause and wait until they "
			    "have ended");
	refuse(rq, MSG_POOL_REPLY, -EBUSY, buf_str(&why));
	buf_done(&why);
}

static void remove_pool(struct request *rq, struct pool *p)
{
	struct store_op *op;
	struct deed *d;

	if (!list_empty(&p->launches)) {
		refuse_busy(rq, p);
		return;
	}
	d = deed_new(rq, MSG_POOL_REPLY, p);
	d->undo = undo_remove;
	p->removing = true;
	op = store_op_new(STORE_POOL_GONE);
	op->pool.id = p->id;
	op->arg = d;
	op->done = removed;
	store_put(rq->c->store, op);
}

/* --- the request --------------------------------------------------------------------- */

/* There, and not about to go. */
static struct pool *find(struct controller *c, struct bytes name)
{
	struct pool *p = name.p ? pool_find(c, name) : NULL;

	return p && p->made && !p->removing ? p : NULL;
}

static unsigned count_deeds(struct json_object *q)
{
	return (json_get(q, "make") != NULL) + (json_get(q, "set") != NULL) +
	       (json_get(q, "remove") != NULL);
}

void pools_on_request(struct controller *c, struct request *rq)
{
	struct json_object *q = rq->msg->content;
	struct bytes name = json_get_bytes(q, "pool");
	struct pool *p = find(c, name);

	if (c->config.upstream)
		refuse(rq, MSG_POOL_REPLY, -EOPNOTSUPP,
		       "engines of ipyparallel's controller are not started by pools");
	else if (!c->config.pools)
		refuse(rq, MSG_POOL_REPLY, -EPERM, NO_POOLS);
	else if (!name.p || count_deeds(q) != 1)
		refuse(rq, MSG_POOL_REPLY, -EINVAL,
		       "pool must be a name, and one of make, set and remove said");
	else if (json_bool_or(q, "make", false))
		make(rq, name);
	else if (!p)
		refuse(rq, MSG_POOL_REPLY, -ENOENT, "there is no such pool");
	else if (json_get(q, "set"))
		set(rq, p, json_get_object(q, "set"));
	else if (json_bool_or(q, "remove", false))
		remove_pool(rq, p);
	else
		refuse(rq, MSG_POOL_REPLY, -EINVAL, "make and remove are true");
}

/* --- ctl -------------------------------------------------------------------------------- */

static void put(struct request *rq, struct pool *p)
{
	pool_changed(p);
	pool_store(p, deed_done, deed_new(rq, MSG_CONTROL_REPLY, p));
}

static void verb_pause(struct request *rq, struct pool *p, struct bytes arg)
{
	(void)arg;
	p->paused = true;
	put(rq, p);
}

static void verb_resume(struct request *rq, struct pool *p, struct bytes arg)
{
	(void)arg;
	p->paused = false;
	pool_recover(p);
	put(rq, p);
}

/* Engines of it are to come, and nobody can take them back. */
static bool is_stuck(const struct launch *l)
{
	return launch_coming(l) && !pool_option_text(l->pool, "cancel");
}

static struct launch *first_stuck(const struct pool *p)
{
	const struct list *at;

	list_for_each(at, &p->launches)
		if (is_stuck(list_entry(at, struct launch, link)))
			return list_entry(at, struct launch, link);
	return NULL;
}

static void refuse_stuck(struct request *rq, const struct launch *l)
{
	struct buf why = BUF_INIT;

	buf_printf(&why, "no cancel command: engines of %s are to come, and nobody can "
			 "take them back; write the command to the pool's cancel, or "
			 "true to forget the launch", l->token);
	refuse(rq, MSG_CONTROL_REPLY, -EOPNOTSUPP, buf_str(&why));
	buf_done(&why);
}

static void cancel_all(struct pool *p)
{
	struct list *at, *tmp;

	list_for_each_safe(at, tmp, &p->launches)
		launch_cancel(list_entry(at, struct launch, link));
}

static void verb_cancel(struct request *rq, struct pool *p, struct bytes arg)
{
	struct launch *l = arg.n ? launch_by_token(rq->c, arg) : NULL;
	struct launch *stuck = arg.n ? l : first_stuck(p);

	if (arg.n && (!l || l->pool != p)) {
		refuse(rq, MSG_CONTROL_REPLY, -ENOENT,
		       "the pool has no such launch");
		return;
	}
	if (stuck && is_stuck(stuck)) {
		refuse_stuck(rq, stuck);
		return;
	}
	if (l)
		launch_cancel(l);
	else
		cancel_all(p);
	put(rq, p);
}

/* How the verbs of wire/verb.h are carried out. */
static const struct pool_verb {
	const char *name;
	void (*run)(struct request *rq, struct pool *p, struct bytes arg);
} verbs[] = {
	{"pause", verb_pause},
	{"resume", verb_resume},
	{"cancel", verb_cancel},
};

static const struct pool_verb *find_verb(struct bytes name)
{
	size_t i;

	for (i = 0; name.p && i < ARRAY_SIZE(verbs); i++)
		if (bytes_is(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

void pools_on_control(struct controller *c, struct request *rq)
{
	struct json_object *q = rq->msg->content;
	const struct pool_verb *v = find_verb(json_get_bytes(q, "verb"));
	struct pool *p = find(c, json_get_bytes(q, "pool"));

	if (!c->config.pools)
		refuse(rq, MSG_CONTROL_REPLY, -EPERM, NO_POOLS);
	else if (!p)
		refuse(rq, MSG_CONTROL_REPLY, -ENOENT, "there is no such pool");
	else if (!v)
		refuse(rq, MSG_CONTROL_REPLY, -EINVAL, "there is no such verb");
	else if (json_get(q, "argument") && !json_get_bytes(q, "argument").p)
		refuse(rq, MSG_CONTROL_REPLY, -EINVAL, "argument must be a text");
	else
		v->run(rq, p, json_get_bytes(q, "argument"));
}
