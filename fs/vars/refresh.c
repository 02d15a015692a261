#include "refresh.h"
#include "ask.h"
#include "cluster/view.h"
#include "open/await.h"
#include "vars.h"

struct vars_listing {
	struct request q;
	struct fs *fs;
	uint64_t engine;
};

static void on_answer(struct request *q, int err, struct msg *reply)
{
	struct vars_listing *k = container_of(q, struct vars_listing, q);
	struct fs *fs = k->fs;
	struct engine *e = mirror_engine(fs->mirror, k->engine);

	free(k);
	if (reply)
		vars_take_answer(fs, reply);
	(void)err; /* what is known is shown */
	if (e) {
		e->vars.asking = false;
		e->vars.answered = e->vars.asked;
	}
	await_again(fs);
}

static int ask(struct fs *fs, struct engine *e)
{
	struct idlist one = {.id = &e->id, .n = 1};
	struct json_object *o = vars_question(&one, NULL);
	struct msg_out out = {.type = MSG_VARS_REQUEST, .content = o};
	struct vars_listing *k = zalloc(sizeof(*k));
	int err;

	json_add_str(o, "verb", "list");
	json_add_bool(o, "now", true);
	k->fs = fs;
	k->engine = e->id;
	k->q.done = on_answer;
	err = link_ask(fs->link, &k->q, &out, VARS_TIMEOUT);
	json_object_put(o);
	if (err)
		free(k);
	e->vars.asking = !err;
	e->vars.asked = mono_usec();
	return err;
}

/* An engine that somebody waited for in vain is not waited for by all others. */
static bool is_known(struct fs *fs, struct engine *e, uint64_t since)
{
	if (!e->vars.on_demand || e->vars.answered >= since)
		return true;
	if (e->vars.asking)
		return e->vars.asked + AWAIT_PATIENCE < mono_usec();
	return ask(fs, e) < 0;
}

int refresh_variables(const struct obj *o, uint64_t since)
{
	struct idlist engines = {0};
	struct engine *e;
	bool known = true;
	size_t i;

	if (view_engines(o, &engines) == 0) {
		for (i = 0; i < engines.n; i++) {
			e = mirror_engine(o->fs->mirror, engines.id[i]);
			known &= !e || is_known(o->fs, e, since);
		}
	}
	idlist_done(&engines);
	return known ? 0 : -EINPROGRESS;
}
