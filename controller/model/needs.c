#include "base/base.h"
#include "needs.h"

#include "results.h"

/* --- of tasks ------------------------------------------------------------ */

void needs_put(const struct needs *n, struct buf *out)
{
	size_t i;

	buf_printf(out, "%u cpu%s", n->cpus, n->cpus == 1 ? "" : "s");
	for (i = 0; i < n->other.n; i++) {
		buf_puts(out, ", ");
		resource_put(out, n->other.of[i].name, n->other.of[i].n);
		buf_printf(out, " %s", n->other.of[i].name);
	}
	if (n->min_time)
		buf_printf(out, ", for %.15g s", (double)n->min_time / USEC_PER_SEC);
}

static uint64_t usec_of(struct json_object *options, const char *name)
{
	return (uint64_t)(json_real_or(options, name, 0) * 1e6);
}

struct needs *needs_of(struct controller *c, struct json_object *options)
{
	struct needs n = {.c = c, .uses = 1}, *known;
	struct buf key = BUF_INIT;

	n.cpus = amounts_of_task(&n.other, options);
	n.min_time = usec_of(options, "min_time");
	n.time_limit = usec_of(options, "time_limit");
	if (c->results->needs_one && needs_one(&n) && !n.time_limit)
		return needs_use(c->results->needs_one);
	needs_put(&n, &key);
	buf_printf(&key, ", %llu usec", (unsigned long long)n.time_limit);
	known = map_get(&c->results->needs, buf_bytes(&key));
	if (known) {
		amounts_done(&n.other);
		buf_done(&key);
		return needs_use(known);
	}
	n.key = buf_take(&key);
	known = zalloc(sizeof(*known));
	*known = n;
	map_put(&c->results->needs, bytes_str(known->key), known);
	return known;
}

struct needs *needs_use(struct needs *n)
{
	n->uses++;
	return n;
}

void needs_drop(struct needs *n)
{
	if (!n || --n->uses)
		return;
	map_remove(&n->c->results->needs, bytes_str(n->key));
	amounts_done(&n->other);
	free(n->key);
	free(n);
}

/* --- of engines ---------------------------------------------------------- */

void stocks_done(struct stocks *s)
{
	free(s->of);
	*s = (struct stocks){0};
}

static struct stock *find(const struct stocks *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->of[i].name, name) == 0)
			return &s->of[i];
	return NULL;
}

const struct stock *stocks_find(const struct stocks *s, const char *name)
{
	return find(s, name);
}

static struct stock *find_or_add(struct stocks *s, const char *name)
{
	struct stock *of = find(s, name);

	if (of)
		return of;
	s->of = xreallocarray(s->of, s->n + 1, sizeof(*s->of));
	of = &s->of[s->n++];
	*of = (struct stock){0};
	snprintf(of->name, sizeof(of->name), "%s", name);
	return of;
}

/* Nobody has it, and nobody uses it. */
static void forget_unknown(struct stocks *s)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++)
		if (s->of[i].total || s->of[i].used)
			s->of[n++] = s->of[i];
	s->n = n;
}

void stocks_set(struct stocks *s, const struct amounts *has)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		s->of[i].total = 0;
	for (i = 0; i < has->n; i++)
		find_or_add(s, has->of[i].name)->total = has->of[i].n;
	forget_unknown(s);
}

void stocks_take(struct stocks *s, const struct amounts *need, int by)
{
	size_t i;

	for (i = 0; i < need->n; i++)
		find_or_add(s, need->of[i].name)->used += by * need->of[i].n;
}

bool stocks_have(const struct stocks *s, const struct amounts *need, bool ever)
{
	size_t i;

	for (i = 0; i < need->n; i++) {
		const struct stock *of = find(s, need->of[i].name);

		if (!of || of->total - (ever ? 0 : of->used) < need->of[i].n)
			return false;
	}
	return true;
}
