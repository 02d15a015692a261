#include "about.h"
#include "engine.h"

static void add(struct about *a, const char *name, const char *value)
{
	assert(a->n + 2 < ARRAY_SIZE(a->env));
	a->env[a->n++] = name;
	a->env[a->n++] = value;
}

/* text is a's now. */
static const char *keep(struct about *a, char *text)
{
	a->own[a->nown++] = text;
	return text;
}

static void add_number(struct about *a, const char *name, int64_t n)
{
	add(a, name, keep(a, xasprintf("%lld", (long long)n)));
}

/* Programs take all processors that there are, unless they are told. An engine that
 * runs one task at a time leaves them to a task that does not say. */
static void add_threads(struct about *a, const struct task *t,
			struct json_object *o)
{
	if (t->engine->tasks.slots == 1 && !json_get(o, "cpus"))
		return;
	if (!getenv("OMP_NUM_THREADS") &&
	    !json_get(json_get_object(o, "env"), "OMP_NUM_THREADS"))
		add_number(a, "OMP_NUM_THREADS", t->cpus);
}

/* Without a TERM programs take a terminal for one that can do nothing. */
static void add_terminal(struct about *a, struct json_object *o)
{
	if (json_flag(o, "pty") && !getenv("TERM") &&
	    !json_get(json_get_object(o, "env"), "TERM"))
		add(a, "TERM", TERMINAL_TYPE);
}

/* Those that the task is bound to. */
static void add_processors(struct about *a, const struct task *t)
{
	const struct tasks *all = &t->engine->tasks;
	struct buf which = BUF_INIT;
	size_t i;

	if (!all->processor)
		return;
	for (i = t->slot; i < all->slots; i++)
		if (all->slot[i] == t)
			buf_printf(&which, "%s%u", which.n ? "," : "",
				   all->processor[i]);
	add(a, "TASKFS_RESOURCE_cpus", keep(a, buf_take(&which)));
}

static void add_resource(struct about *a, const struct task *t,
			 const struct amount *of)
{
	struct buf which = BUF_INIT;
	bool labels = stock_put(&t->engine->tasks.stock, of, t, &which);
	const char *text = keep(a, buf_take(&which));

	add(a, keep(a, xasprintf("TASKFS_RESOURCE_%s", of->name)), text);
	if (labels && strcmp(of->name, "gpu") == 0)
		add(a, "CUDA_VISIBLE_DEVICES", text);
}

void about_task(struct about *a, const struct task *t, struct json_object *o,
		const char *item)
{
	int64_t id;
	size_t i;

	if (json_get_int(o, "result", &id))
		add_number(a, "TASKFS_ID", id);
	else
		add(a, "TASKFS_ID", t->request.id);
	add_number(a, "TASKFS_INDEX", json_int_or(o, "index", 0));
	add_number(a, "TASKFS_ENGINE", t->engine->member.id);
	add_number(a, "TASKFS_SLOT", t->slot);
	add(a, "TASKFS_VARS", t->engine->vars.path);
	if (item)
		add(a, "TASKFS_ITEM", item);
	add_number(a, "TASKFS_CPUS", t->cpus);
	add_processors(a, t);
	add_threads(a, t, o);
	add_terminal(a, o);
	for (i = 0; i < t->need.n; i++)
		add_resource(a, t, &t->need.of[i]);
	a->env[a->n] = NULL;
}

void about_done(struct about *a)
{
	while (a->nown)
		free(a->own[--a->nown]);
}
