#include "wire/resource.h"
#include "base/parse.h"

#include <ctype.h>

bool resource_name_ok(struct bytes name)
{
	const char *p = name.p;
	size_t i;

	if (!name.n || name.n > LIMIT_RESOURCE_NAME || isdigit((unsigned char)*p))
		return false;
	for (i = 0; i < name.n; i++)
		if (!isascii(p[i]) || (!isalnum((unsigned char)p[i]) && p[i] != '_'))
			return false;
	return true;
}

void amounts_done(struct amounts *a)
{
	free(a->of);
	*a = (struct amounts){0};
}

struct amount *amounts_find(const struct amounts *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (strcmp(a->of[i].name, name) == 0)
			return &a->of[i];
	return NULL;
}

/* Its place among the others. */
static struct amount *insert(struct amounts *a, const char *name)
{
	size_t i = a->n++;

	a->of = xreallocarray(a->of, a->n, sizeof(*a->of));
	for (; i > 0 && strcmp(a->of[i - 1].name, name) > 0; i--)
		a->of[i] = a->of[i - 1];
	snprintf(a->of[i].name, sizeof(a->of[i].name), "%s", name);
	return &a->of[i];
}

int amounts_set(struct amounts *a, const char *name, int64_t n)
{
	struct amount *of;

	if (!resource_name_ok(bytes_str(name)) || n < 0 || n > LIMIT_AMOUNT)
		return -EINVAL;
	of = amounts_find(a, name);
	if (!of && a->n == LIMIT_RESOURCES)
		return -E2BIG;
	if (!of)
		of = insert(a, name);
	of->n = n;
	return 0;
}

int amounts_read(struct amounts *a, struct json_object *o)
{
	int err = 0;

	if (!o)
		return 0;
	json_object_object_foreach(o, name, v) {
		if (!json_object_is_type(v, json_type_int))
			return -EINVAL;
		err = amounts_set(a, name, json_object_get_int64(v));
		if (err)
			break;
	}
	return err;
}

struct json_object *amounts_json(const struct amounts *a)
{
	struct json_object *o = json_object_new_object();
	size_t i;

	for (i = 0; i < a->n; i++)
		json_add_int(o, a->of[i].name, a->of[i].n);
	return o;
}

unsigned amounts_of_task(struct amounts *a, struct json_object *options)
{
	struct json_object *memory = json_get(options, "memory");
	int64_t cpus = 1;
	uint64_t n;

	(void)!amounts_read(a, json_get_object(options, "resources"));
	if (memory && parse_size(bytes_str(json_object_get_string(memory)),
				 LIMIT_AMOUNT, &n) == 0)
		(void)!amounts_set(a, "memory", (int64_t)n);
	(void)!json_get_range(options, "cpus", 1, LIMIT_SLOTS, &cpus);
	return (unsigned)cpus;
}

void resource_put(struct buf *out, const char *name, int64_t n)
{
	static const char unit[] = "KMGT";
	int i = -1;

	if (strcmp(name, "memory") == 0)
		for (; n && n % 1024 == 0 && i < 3; i++)
			n /= 1024;
	buf_printf(out, "%lld", (long long)n);
	if (i >= 0)
		buf_putc(out, unit[i]);
}
