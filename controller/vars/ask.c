#include "base/base.h"
#include "ask.h"

#include "kinds.h"
#include "model/carrier.h"
#include "schedule/run.h"

/* --- whether an engine can be asked ------------------------------------- */

/* Why an engine cannot be asked; 0: it can. */
static int refusal(const struct forward *f, int64_t id, struct buf *why)
{
	struct engine *e = engine_find(f->c, id);

	buf_clear(why);
	buf_printf(why, "engine %lld ", (long long)id);
	if (!e || e->state == ENGINE_JOINING)
		return vars_refuse(why, -EHOSTDOWN, "is gone");
	if (engine_is_away(e)) {
		buf_puts(why, "is ");
		engine_put_away(e, why);
		return -EHOSTDOWN;
	}
	if (e->forwards >= LIMIT_FORWARDS_ENGINE)
		return vars_refuse(why, -EAGAIN,
			      "has too many requests for variables to answer");
	return e->kind->vars->refusal ? e->kind->vars->refusal(f, e, why) : 0;
}

static int check(const struct forward *f, struct buf *why)
{
	size_t i;
	int err = 0;

	for (i = 0; i < f->n && !err; i++)
		err = refusal(f, f->target[i].engine, why);
	return err;
}

static int read_targets(struct forward *f, struct json_object *engines,
			struct buf *why)
{
	size_t i, n = engines ? json_object_array_length(engines) : 0;
	struct map seen = {0};
	int err = 0;

	buf_puts(why, "no engines are named");
	if (n == 0 || n > LIMIT_TARGETS || (f->type->whole && n > 1))
		return -EINVAL;
	f->target = xreallocarray(NULL, n, sizeof(*f->target));
	f->n = f->left = n;
	for (i = 0; i < n && !err; i++) {
		struct json_object *v = json_object_array_get_idx(engines, i);

		f->target[i] = (struct target){.engine = -1};
		if (json_object_is_type(v, json_type_int))
			f->target[i].engine = json_object_get_int64(v);
		if (map_put_u64(&seen, (uint64_t)f->target[i].engine, f)) {
			buf_clear(why);
			buf_printf(why, "engine %lld is named twice",
				   (long long)f->target[i].engine);
			err = -EINVAL;
		}
	}
	map_done(&seen);
	return err;
}

/* --- waiting for it ----------------------------------------------------- */

/* Nobody hears that the engine is done before this controller. */
static bool is_surely_busy(const struct engine *e)
{
	struct list *l;

	list_for_each(l, &e->runs) {
		const struct run *run =
			list_entry(l, struct run, engine_link);

		if (run->phase == RUN_SENT && run->ops->first_to_know)
			return true;
	}
	return false;
}

/*
 * What a client has just had done on an engine may not be heard to be over
 * yet: a moment later it is, or the engine is really busy.
 */
static bool is_to_wait(const struct forward *f)
{
	uint64_t now = mono_usec();
	size_t i;

	if (!f->now || now >= f->asked_at + VARS_NOW_WAIT)
		return false;
	for (i = 0; i < f->n; i++) {
		struct engine *e = engine_find(f->c, f->target[i].engine);

		if (e && vars_engine_is_busy(e) && !is_surely_busy(e) &&
		    now < e->began + VARS_NOW_WAIT)
			return true;
	}
	return false;
}

static void hold(struct forward *f, struct msg *m)
{
	struct controller *c = f->c;

	if (!f->held) {
		msg_copy(&f->kept, m);
		f->kept.header = json_object_get(m->header);
		f->kept.content = json_object_get(m->content);
		f->kept.type = m->type;
		f->kept.id = m->id;
		f->held = true;
	}
	if (!timer_is_set(&c->forwards->hold))
		timer_set(c->loop, &c->forwards->hold, VARS_NOW_WAIT);
}

/* --- asking ------------------------------------------------------------- */

/*
 * Which variables there are is known, or cannot be known now. Of what others run
 * behind an upstream is heard only after they have their replies, perhaps: such
 * an engine is always asked.
 */
static bool can_answer_for(const struct forward *f, const struct engine *e)
{
	bool known = e->vars_as_of == e->ran &&
		     f->c->carrier->first_to_know;

	return f->lists && !e->kind->tells_vars &&
	       (known || vars_engine_is_busy(e));
}

static void answer_for(struct forward *f, struct target *t, struct engine *e)
{
	struct json_object *content = json_object_new_object();

	json_add_str(content, "status", "ok");
	vars_add_json(e, content);
	forward_take(f, t, e, content);
	json_object_put(content);
}

static void ask(struct forward *f, struct target *t, struct msg *m)
{
	struct engine *e = engine_find(f->c, t->engine);
	int err;

	e->forwards++;
	t->ran = e->ran;
	if (can_answer_for(f, e)) {
		answer_for(f, t, e);
		return;
	}
	err = e->kind->vars->send(f, e, m);
	if (err)
		forward_no_answer(f, t, "it cannot be reached");
}

static void ask_all(struct forward *f, struct msg *m)
{
	size_t i, n = f->n;

	/* The last answer frees f, and there may be no answer to wait for. */
	f->left++;
	for (i = 0; i < n; i++)
		ask(f, &f->target[i], m);
	f->left--;
	if (f->left == 0)
		forward_finish(f);
}

void forward_begin(struct forward *f, struct msg *m)
{
	struct buf why = BUF_INIT;
	int err = 0;

	if (!f->target)
		err = read_targets(f, json_get_array(m->content, "engines"),
				   &why);
	if (!err && is_to_wait(f)) {
		hold(f, m);
	} else {
		f->held = false;
		if (!err)
			err = check(f, &why);
		if (err)
			forward_refuse(f, err, buf_str(&why));
		else
			ask_all(f, m);
	}
	buf_done(&why);
}
