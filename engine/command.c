#include "command.h"
#include "base/spawn.h"
#include "wire/octets.h"

#define SHELL "/bin/sh"
#define LIMIT_SHELL_CODE ((size_t)100 * 1024) /* one argument: 128 KiB */

/* Bytes a shell may do something about; the list of GNU make, and quotes. */
static const char syntax[] = "#;\"*?[]&|<>(){}$`^~!'\\\n\r\v\f";

/*
 * First words that are the shell's: reserved words and what the standard and
 * dash have built in. Sorted.
 */
static const char *const shell_words[] = {
	".",	    ":",	"alias",  "bg",	      "break",	  "case",
	"cd",	    "chdir",	"command", "continue", "do",	  "done",
	"echo",	    "elif",	"else",	  "esac",     "eval",	  "exec",
	"exit",	    "export",	"false",  "fc",	      "fg",	  "fi",
	"for",	    "getopts",	"hash",	  "if",	      "in",	  "jobs",
	"kill",	    "local",	"printf", "pwd",      "read",	  "readonly",
	"return",   "set",	"shift",  "test",     "then",	  "times",
	"trap",	    "true",	"type",	  "ulimit",   "umask",	  "unalias",
	"unset",    "until",	"wait",	  "while",
};

static int compare_word(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static bool is_shell_word(struct bytes w)
{
	char word[16];

	if (w.n >= sizeof(word))
		return false;
	memcpy(word, w.p, w.n);
	word[w.n] = '\0';
	return bsearch(word, shell_words, ARRAY_SIZE(shell_words),
		       sizeof(shell_words[0]), compare_word) != NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Without newlines at the end: those are no syntax. */
static struct bytes without_newlines(struct bytes code)
{
	const char *p = code.p;

	while (code.n && p[code.n - 1] == '\n')
		code.n--;
	return code;
}

/* As make does: no syntax, and the first word is no business of the shell. */
static bool is_simple(struct bytes code)
{
	const char *p = code.p;
	struct bytes first;
	size_t i = 0, start;

	for (i = 0; i < code.n; i++)
		if (p[i] == '\0' || strchr(syntax, p[i]))
			return false;
	for (start = 0; start < code.n && is_blank(p[start]); start++)
		;
	for (i = start; i < code.n && !is_blank(p[i]); i++)
		if (p[i] == '=')
			return false;
	first = bytes_of(p + start, i - start);
	return first.n > 0 && !is_shell_word(first);
}

enum command_way command_way(struct bytes code)
{
	if (code.n >= 2 && memcmp(code.p, "#!", 2) == 0)
		return COMMAND_SCRIPT;
	if (code.n > LIMIT_SHELL_CODE)
		return COMMAND_SHELL_FILE;
	return is_simple(without_newlines(code)) ? COMMAND_DIRECT
						 : COMMAND_SHELL;
}

/* --- the environment ---------------------------------------------------- */

struct env {
	char **v;
	size_t n;
};

static const char *env_value(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* entry is NAME=VALUE and takes the place of another of that name. */
static void env_set(struct env *e, char *entry)
{
	size_t i, n = strcspn(entry, "=") + 1;

	for (i = 0; i < e->n; i++)
		if (strncmp(e->v[i], entry, n) == 0)
			break;
	e->v[i] = entry;
	if (i == e->n)
		e->n++;
}

static void env_add(struct command *c, struct env *e, const char *name,
		    const char *value)
{
	char *entry = xasprintf("%s=%s", name, value);

	c->owned[c->nowned++] = entry;
	env_set(e, entry);
}

static int add_env_option(struct command *c, struct env *e, struct buf *why)
{
	if (!c->spec->env)
		return 0;
	json_object_object_foreach(c->spec->env, name, value) {
		struct buf text = BUF_INIT;

		if (!*name || strchr(name, '=') ||
		    !octets_are_text(value) || octets_put(value, &text)) {
			buf_done(&text);
			buf_puts(why, "\"env\" must be an object of strings");
			return -EINVAL;
		}
		env_add(c, e, name, buf_str(&text));
		buf_done(&text);
	}
	return 0;
}

static int make_env(struct command *c, struct buf *why)
{
	const struct command_spec *s = c->spec;
	size_t own = 0, more = 1; /* PWD */
	struct env e = {0};
	size_t i;
	int err;

	while (s->own_env[own])
		own++;
	if (s->env)
		more += (size_t)json_object_object_length(s->env);
	for (i = 0; s->extra_env[i]; i += 2)
		more++;
	e.v = xreallocarray(NULL, own + more + 1, sizeof(*e.v));
	c->owned = xreallocarray(NULL, more, sizeof(*c->owned));
	c->envp = e.v;
	memcpy(e.v, s->own_env, own * sizeof(*e.v));
	e.n = own;
	if (s->cwd)
		env_add(c, &e, "PWD", s->cwd);
	err = add_env_option(c, &e, why);
	for (i = 0; s->extra_env[i]; i += 2)
		env_add(c, &e, s->extra_env[i], s->extra_env[i + 1]);
	e.v[e.n] = NULL;
	return err;
}

/* --- the arguments ------------------------------------------------------ */

static size_t count_args(const struct command_spec *s)
{
	const char *p = s->items.p;
	size_t i, n = 0;

	for (i = 0; i < s->items.n; i++)
		n += p[i] == '\0';
	return n + (s->args ? json_object_array_length(s->args) : 0);
}

/* Each with a NUL behind it. */
static int take_args(struct command *c, struct buf *why)
{
	struct json_object *args = c->spec->args;
	size_t i;

	for (i = 0; args && i < json_object_array_length(args); i++) {
		struct json_object *v = json_object_array_get_idx(args, i);

		if (!octets_are_text(v) || octets_put(v, &c->args)) {
			buf_puts(why, "\"args\" must be a list of strings");
			return -EINVAL;
		}
		buf_putc(&c->args, '\0');
	}
	return 0;
}

/* Appends to argv the texts of a block. */
static size_t put_texts(char **argv, size_t n, struct bytes block)
{
	const char *p = block.p, *end = p + block.n;

	for (; p && p < end; p += strlen(p) + 1)
		argv[n++] = (char *)(uintptr_t)p;
	return n;
}

/* argv: `head` (NULL-terminated), the items, the args. */
static void make_argv(struct command *c, const char *const *head)
{
	const struct command_spec *s = c->spec;
	size_t n = 0;

	free(c->argv);
	while (head[n])
		n++;
	c->argv = xreallocarray(NULL, n + count_args(s) + 1, sizeof(*c->argv));
	for (n = 0; head[n]; n++)
		c->argv[n] = (char *)(uintptr_t)head[n];
	n = put_texts(c->argv, n, s->items);
	n = put_texts(c->argv, n, buf_bytes(&c->args));
	c->argv[n] = NULL;
}

static int check_items(const struct command_spec *s, struct buf *why)
{
	if (!s->items.n || !((const char *)s->items.p)[s->items.n - 1])
		return 0;
	buf_puts(why, "the items of the map do not end with a NUL");
	return -EINVAL;
}

static void set_path(struct command *c, char *path)
{
	free(c->path);
	c->path = path;
}

static void use_shell(struct command *c)
{
	const char *head[] = {"sh", "-c", c->text, "sh", NULL};

	free(c->text);
	c->text = xmemdup_nul(c->spec->code.p, c->spec->code.n);
	head[2] = c->text;
	if (count_args(c->spec) == 0)
		head[3] = NULL;
	c->way = COMMAND_SHELL;
	set_path(c, xstrdup(SHELL));
	make_argv(c, head);
}

/* The words of a simple command; false: no such program. */
static bool use_program(struct command *c)
{
	struct bytes code = without_newlines(c->spec->code);
	size_t n = 0, room = code.n / 2 + 2;
	const char **word = xreallocarray(NULL, room, sizeof(*word));
	char *path, *p;

	free(c->text);
	c->text = xmemdup_nul(code.p, code.n);
	for (p = c->text; *p;) {
		if (is_blank(*p)) {
			*p++ = '\0';
			continue;
		}
		word[n++] = p;
		p += strcspn(p, " \t");
	}
	word[n] = NULL;
	path = spawn_find(word[0], env_value(c->envp, "PATH"));
	if (path) {
		c->way = COMMAND_DIRECT;
		set_path(c, path);
		make_argv(c, word);
	}
	free(word);
	return path != NULL;
}

static int use_file(struct command *c, struct spool *s, enum command_way way)
{
	const char *script[] = {NULL, NULL};
	const char *shell[] = {"sh", NULL, NULL};
	int err = spool_script(s, c->spec->code, &c->script);

	if (err)
		return err;
	c->way = way;
	script[0] = shell[1] = c->script;
	set_path(c, xstrdup(way == COMMAND_SCRIPT ? c->script : SHELL));
	make_argv(c, way == COMMAND_SCRIPT ? script : shell);
	return 0;
}

/* What the kernel would do with "#! interpreter argument". */
static bool use_interpreter(struct command *c)
{
	const char *head[] = {NULL, NULL, NULL, NULL};
	char *p, *end;
	size_t n = 0;

	c->text = xmemdup_nul(c->spec->code.p, min_u64(c->spec->code.n, 4096));
	p = c->text + 2;
	p[strcspn(p, "\n")] = '\0';
	for (end = p + strlen(p); end > p && is_blank(end[-1]); end--)
		end[-1] = '\0';
	p += strspn(p, " \t");
	if (!*p)
		return false;
	head[n++] = p;
	p += strcspn(p, " \t");
	if (*p) {
		*p++ = '\0';
		p += strspn(p, " \t");
		head[n++] = p;
	}
	head[n] = c->script;
	c->way = COMMAND_INTERPRETER;
	set_path(c, xstrdup(head[0]));
	make_argv(c, head);
	return true;
}

int command_init(struct command *c, const struct command_spec *spec,
		 struct spool *s, struct buf *why)
{
	enum command_way way = command_way(spec->code);
	int err;

	*c = (struct command){.spec = spec};
	if (way != COMMAND_SCRIPT && spec->code.n &&
	    memchr(spec->code.p, 0, spec->code.n)) {
		buf_puts(why, "the code holds a NUL byte; only code that "
			      "begins with #! may");
		return -EINVAL;
	}
	err = check_items(spec, why);
	if (!err)
		err = take_args(c, why);
	if (!err)
		err = make_env(c, why);
	if (err)
		return err;
	if (way == COMMAND_SCRIPT || way == COMMAND_SHELL_FILE)
		return use_file(c, s, way);
	if (way == COMMAND_DIRECT && count_args(spec) == 0 && use_program(c))
		return 0;
	use_shell(c);
	return 0;
}

bool command_next(struct command *c, int err)
{
	if (c->way == COMMAND_SCRIPT && err == -EACCES)
		return use_interpreter(c);
	if (c->way != COMMAND_DIRECT || err == -E2BIG)
		return false;
	use_shell(c);
	return true;
}

void command_done(struct command *c)
{
	size_t i;

	if (c->script)
		unlink(c->script);
	for (i = 0; i < c->nowned; i++)
		free(c->owned[i]);
	free(c->owned);
	free(c->envp);
	free(c->argv);
	free(c->path);
	buf_done(&c->args);
	free(c->text);
	free(c->script);
	*c = (struct command){0};
}
