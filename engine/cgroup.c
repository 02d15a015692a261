#include "cgroup.h"
#include "base/file.h"
#include "base/parse.h"

#define LIMIT_PROC (1024 * 1024)	/* bytes of a file there */

const struct cgroup_files cgroup_own = {"/proc/self/cgroup",
					"/proc/self/mountinfo"};

/* A mounted hierarchy of cgroups. */
struct hierarchy {
	bool v2;
	struct bytes root;	/* what of it is mounted */
	struct bytes at;	/* where */
};

/* What is in front of a character; *text moves behind that, or to its end. */
static struct bytes cut(struct bytes *text, char c)
{
	const char *p = text->p, *at = text->n ? memchr(p, c, text->n) : NULL;
	size_t n = at ? (size_t)(at - p) : text->n;

	*text = bytes_of(at ? at + 1 : p + n, text->n - n - (at != NULL));
	return bytes_of(p, n);
}

static bool has_word(struct bytes list, const char *word)
{
	while (list.n)
		if (bytes_is(cut(&list, ','), word))
			return true;
	return false;
}

/* A line of mountinfo (proc(5)); false: it is no hierarchy with this controller. */
static bool read_mount(struct bytes line, const char *controller,
		       struct hierarchy *h)
{
	struct bytes word, type, options;
	int i;

	for (i = 1; (word = parse_word(&line)).n > 0; i++) {
		if (i == 4)
			h->root = word;
		else if (i == 5)
			h->at = word;
		else if (i > 6 && bytes_is(word, "-"))
			break;
	}
	type = parse_word(&line);
	(void)parse_word(&line);	/* its source */
	options = parse_word(&line);
	h->v2 = bytes_is(type, "cgroup2");
	return h->v2 || (bytes_is(type, "cgroup") && has_word(options, controller));
}

/* "ID:CONTROLLERS:PATH": a process's place in the hierarchy; or empty. */
static struct bytes place_in(const struct hierarchy *h, const char *controller,
			     struct bytes all)
{
	struct bytes line;

	while (parse_line(&all, &line)) {
		struct bytes names;

		(void)cut(&line, ':');
		names = cut(&line, ':');
		if (h->v2 ? names.n == 0 : has_word(names, controller))
			return line;
	}
	return bytes_of(NULL, 0);
}

int cgroup_numbers(const char *dir, const char *name, int64_t *n, int most)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct buf text = BUF_INIT;
	struct bytes rest, word;
	uint64_t value;
	int i = 0;

	if (file_read(path, LIMIT_PROC, &text) == 0) {
		rest = buf_bytes(&text);
		rest = cut(&rest, '\n');
		for (; i < most && (word = parse_word(&rest)).n > 0; i++) {
			n[i] = -1;
			if (parse_u64(word, 0, INT64_MAX, &value) == 0)
				n[i] = (int64_t)value;
		}
	}
	buf_done(&text);
	free(path);
	return i;
}

bool cgroup_number(struct bytes text, const char *name, uint64_t most, uint64_t *ret)
{
	struct bytes line;

	while (parse_line(&text, &line))
		if (bytes_is(parse_word(&line), name))
			return parse_u64(parse_word(&line), 0, most, ret) == 0;
	return false;
}

int64_t cgroup_named(const char *dir, const char *file, const char *name)
{
	char *path = xasprintf("%s/%s", dir, file);
	struct buf text = BUF_INIT;
	uint64_t n;
	bool found = file_read(path, LIMIT_PROC, &text) == 0 &&
		     cgroup_number(buf_bytes(&text), name, INT64_MAX, &n);

	buf_done(&text);
	free(path);
	return found ? (int64_t)n : -1;
}

/* Of the cgroup and of all above it, as far as they can be seen from here. */
static void each_up(const struct hierarchy *h, struct bytes path,
		    void (*f)(const char *dir, bool v2, void *arg), void *arg)
{
	char *at = xmemdup_nul(h->at.p, h->at.n);
	char *all = xmemdup_nul(path.p, path.n);
	char *root = xmemdup_nul(h->root.p, h->root.n);
	size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
	char *dir, *end;

	/* What is not below the part that is mounted cannot be seen. */
	if (strncmp(all, root, n) != 0 || !strchr("/", all[n]))
		dir = xstrdup(at);
	else
		dir = xasprintf("%s%s", at, all + n);
	while (strlen(dir) >= strlen(at)) {
		f(dir, h->v2, arg);
		end = strrchr(dir, '/');
		if (!end || end == dir)
			break;
		*end = '\0';
	}
	free(dir);
	free(root);
	free(all);
	free(at);
}

void cgroup_each(const struct cgroup_files *files, const char *controller,
		 void (*f)(const char *dir, bool v2, void *arg), void *arg)
{
	struct buf places = BUF_INIT, mounts = BUF_INIT;
	struct bytes rest, line, place;

	if (file_read(files->cgroup, LIMIT_PROC, &places) == 0 &&
	    file_read(files->mountinfo, LIMIT_PROC, &mounts) == 0) {
		rest = buf_bytes(&mounts);
		while (parse_line(&rest, &line)) {
			struct hierarchy h = {0};

			if (!read_mount(line, controller, &h))
				continue;
			place = place_in(&h, controller, buf_bytes(&places));
			if (place.n)
				each_up(&h, place, f, arg);
		}
	}
	buf_done(&places);
	buf_done(&mounts);
}
