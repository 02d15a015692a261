#include "resources.h"
#include "base/file.h"
#include "base/parse.h"

#include <ctype.h>
#include <dirent.h>

#define LIMIT_MEMINFO (1024 * 1024)
#define LIMIT_LABEL 64	/* bytes */

struct resource *resources_get(const struct resources *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (strcmp(r->of[i].name, name) == 0)
			return (struct resource *)(uintptr_t)&r->of[i];
	return NULL;
}

static void drop_labels(struct resource *of)
{
	int64_t i;

	for (i = 0; of->label && i < of->n; i++)
		free(of->label[i]);
	free(of->label);
	of->label = NULL;
	of->n = 0;
}

void resources_done(struct resources *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		drop_labels(&r->of[i]);
	r->n = 0;
}

/* --- parsing ------------------------------------------------------------- */

static bool has_label(const struct resource *of, struct bytes text)
{
	int64_t i;

	for (i = 0; i < of->n; i++)
		if (bytes_is(text, of->label[i]))
			return true;
	return false;
}

static bool label_ok(struct bytes text)
{
	const char *p = text.p;
	size_t i;

	for (i = 0; i < text.n; i++)
		if (!isascii(p[i]) ||
		    (!isalnum((unsigned char)p[i]) && !memchr("._:/-", p[i], 5)))
			return false;
	return text.n && text.n <= LIMIT_LABEL && *p != '-';
}

static int add_label(struct resource *of, struct bytes text)
{
	if (!label_ok(text) || has_label(of, text))
		return -EINVAL;
	if (of->n == LIMIT_LABELS)
		return -ERANGE;
	of->label = xreallocarray(of->label, (size_t)of->n + 1,
				  sizeof(*of->label));
	of->label[of->n++] = xmemdup_nul(text.p, text.n);
	return 0;
}

static bool is_number(struct bytes text)
{
	const char *p = text.p;
	size_t i;

	for (i = 0; i < text.n; i++)
		if (!isdigit((unsigned char)p[i]))
			return false;
	return text.n > 0;
}

/* "0-3"; false: it is no such range. */
static bool cut_range(struct bytes text, struct bytes *from, struct bytes *to)
{
	const char *dash = text.n ? memchr(text.p, '-', text.n) : NULL;
	size_t n = dash ? (size_t)(dash - (const char *)text.p) : 0;

	if (!dash)
		return false;
	*from = bytes_of(text.p, n);
	*to = bytes_of(dash + 1, text.n - n - 1);
	return is_number(*from) && is_number(*to);
}

/* Is it one of these numbers, as a range writes them? */
static bool is_between(const char *label, uint64_t from, uint64_t to)
{
	struct bytes text = bytes_str(label);
	uint64_t n;

	return is_number(text) && (*label != '0' || text.n == 1) &&
	       parse_u64(text, from, to, &n) == 0;
}

static bool has_between(const struct resource *of, uint64_t from, uint64_t to)
{
	int64_t i;

	for (i = 0; i < of->n; i++)
		if (is_between(of->label[i], from, to))
			return true;
	return false;
}

/* There may be many: all are compared with those before, and not with each other. */
static int add_range(struct resource *of, struct bytes first, struct bytes last)
{
	uint64_t from = 0, to = 0;
	int err = parse_u64(first, 0, INT_MAX, &from);

	if (!err)
		err = parse_u64(last, 0, INT_MAX, &to);
	if (err)
		return err;
	if (from > to || has_between(of, from, to))
		return -EINVAL;
	if (to - from >= (uint64_t)(LIMIT_LABELS - of->n))
		return -ERANGE;
	of->label = xreallocarray(of->label, (size_t)of->n + to - from + 1,
				  sizeof(*of->label));
	for (; from <= to; from++)
		of->label[of->n++] = xasprintf("%llu", (unsigned long long)from);
	return 0;
}

static int add_part(struct resource *of, struct bytes text)
{
	struct bytes from, to;

	if (cut_range(text, &from, &to))
		return add_range(of, from, to);
	return add_label(of, text);
}

static int parse_list(struct resource *of, const char *text)
{
	const char *comma;
	int err = 0;

	for (; *text && !err; text = *comma ? comma + 1 : comma) {
		comma = strchrnul(text, ',');
		err = add_part(of, bytes_of(text, (size_t)(comma - text)));
	}
	return err;
}

static int parse_amount(struct resource *of, const char *text)
{
	uint64_t n;
	int err;

	if (strcmp(of->name, "memory") == 0)
		err = parse_size(bytes_str(text), LIMIT_AMOUNT, &n);
	else
		err = parse_u64(bytes_str(text), 0, LIMIT_AMOUNT, &n);
	if (!err)
		of->n = (int64_t)n;
	return err;
}

/* A number alone is no list: "1," is one. */
static bool is_list(const char *text)
{
	return strpbrk(text, ",-") || !isdigit((unsigned char)*text);
}

static int parse_value(struct resource *of, const char *text)
{
	if (!*text)
		return -EINVAL;
	if (is_list(text) && strcmp(of->name, "memory") != 0)
		return parse_list(of, text);
	return parse_amount(of, text);
}

static int put(struct resources *r, struct bytes name, const char *value)
{
	struct resource of = {0}, *old;
	int err;

	if (!resource_name_ok(name) || bytes_is(name, "cpus"))
		return -EINVAL;
	memcpy(of.name, name.p, name.n);
	old = resources_get(r, of.name);
	if (!old && r->n == LIMIT_RESOURCES)
		return -ERANGE;
	err = parse_value(&of, value);
	if (err) {
		drop_labels(&of);
		return err;
	}
	if (old)
		drop_labels(old);
	else
		old = &r->of[r->n++];
	*old = of;
	return 0;
}

int resources_parse(struct resources *r, const char *text)
{
	const char *eq = strchr(text, '=');

	if (!eq)
		return -EINVAL;
	return put(r, bytes_of(text, (size_t)(eq - text)), eq + 1);
}

/* --- finding ------------------------------------------------------------- */

/* The most of a cgroup, if it is less than what is known. */
static void note_limit(const char *dir, bool v2, void *arg)
{
	int64_t *least = arg, n;

	if (cgroup_numbers(dir, v2 ? "memory.max" : "memory.limit_in_bytes", &n,
			   1) == 1 &&
	    n > 0 && n < *least)
		*least = n;
}

int64_t resources_memory(const char *meminfo, const struct cgroup_files *files)
{
	struct buf text = BUF_INIT;
	struct bytes rest, line;
	int64_t n = 0;
	uint64_t kib;

	if (file_read(meminfo, LIMIT_MEMINFO, &text) < 0)
		text.n = 0;
	rest = buf_bytes(&text);
	while (parse_line(&rest, &line))
		if (bytes_is(parse_word(&line), "MemTotal:") &&
		    parse_u64(parse_word(&line), 0, LIMIT_AMOUNT / 1024, &kib) == 0)
			n = (int64_t)kib * 1024;
	buf_done(&text);
	cgroup_each(files, "memory", note_limit, &n);
	/* Nobody counts the rest of the last MiB. */
	return n - n % (int64_t)MIB;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

char *resources_gpus(const char *dev)
{
	DIR *d = opendir(dev);
	struct buf out = BUF_INIT;
	uint64_t number[256];
	struct dirent *e;
	size_t i, n = 0;

	while (d && n < ARRAY_SIZE(number) && (e = readdir(d)) != NULL)
		if (strncmp(e->d_name, "nvidia", 6) == 0 &&
		    parse_u64(bytes_str(e->d_name + 6), 0, INT_MAX, &number[n]) ==
			    0)
			n++;
	if (d)
		closedir(d);
	qsort(number, n, sizeof(*number), by_number);
	for (i = 0; i < n; i++)
		buf_printf(&out, "%llu,", (unsigned long long)number[i]);
	return n ? buf_take(&out) : NULL;
}

/* What whoever started the engine left it; "-1" and Slurm's word are none. NULL: it is
 * not said. */
static char *given_gpus(const char *visible)
{
	if (!visible)
		return NULL;
	if (!*visible || strcmp(visible, "-1") == 0 ||
	    strcmp(visible, "NoDevFiles") == 0)
		return xstrdup("0");
	return xasprintf("%s,", visible);
}

static int find_gpus(struct resources *r, const char *visible)
{
	char *gpus = given_gpus(visible);
	int err = 0;

	if (!gpus)
		gpus = resources_gpus("/dev");
	if (gpus)
		err = put(r, bytes_str("gpu"), gpus);
	free(gpus);
	return err;
}

static int find_memory(struct resources *r)
{
	char memory[24];

	snprintf(memory, sizeof(memory), "%lld",
		 (long long)resources_memory("/proc/meminfo", &cgroup_own));
	return put(r, bytes_str("memory"), memory);
}

int resources_find(struct resources *r, const char *visible)
{
	int err = 0;

	if (!resources_get(r, "memory"))
		err = find_memory(r);
	if (!err && !resources_get(r, "gpu"))
		err = find_gpus(r, visible);
	return err;
}
