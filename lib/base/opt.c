#include "base/opt.h"
#include "base/nearest.h"
#include "base/parse.h"

static int set_value(const struct opt *o, void *config, const char *value)
{
	void *at = (char *)config + o->at;
	struct bytes text = bytes_str(value);
	uint64_t max = o->max ? o->max : UINT64_MAX;
	uint64_t n = 0;
	int err = 0;

	switch (o->type) {
	case OPT_FLAG:
		return parse_bool(text, at);
	case OPT_TEXT:
		*(const char **)at = value;
		return 0;
	case OPT_CALL:
		return o->call(config, value);
	case OPT_COUNT:
		err = parse_u64(text, o->min, max, &n);
		break;
	case OPT_SIZE:
		err = parse_size(text, max, &n);
		break;
	case OPT_DURATION:
		err = parse_duration(text, max, &n);
		break;
	}
	if (!err && n < o->min)
		err = -ERANGE;
	if (!err)
		*(uint64_t *)at = n;
	return err;
}

static const struct opt *by_name(const struct program *p, const char *name,
				 size_t n)
{
	const struct opt *o;

	for (o = p->opts; o->name; o++)
		if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return o;
	return NULL;
}

static const struct opt *by_letter(const struct program *p, char letter)
{
	const struct opt *o;

	for (o = p->opts; o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

int opt_set(const struct program *p, void *config, const char *name,
	    const char *value)
{
	const struct opt *o = by_name(p, name, strlen(name));

	return o ? set_value(o, config, value) : -ENOENT;
}

static void put_row(struct buf *out, const struct opt *o)
{
	struct buf left = BUF_INIT;

	if (o->letter)
		buf_printf(&left, "  -%c, --%s", o->letter, o->name);
	else
		buf_printf(&left, "      --%s", o->name);
	if (o->value)
		buf_printf(&left, "=%s", o->value);
	buf_printf(out, "%-30s %s", buf_str(&left), o->help);
	if (o->standard && o->type != OPT_FLAG && o->standard[0])
		buf_printf(out, " [%s]", o->standard);
	buf_putc(out, '\n');
	buf_done(&left);
}

void opt_help(const struct program *p, struct buf *out)
{
	const struct opt *o;

	buf_printf(out, "Usage: %s %s\n%s\n\nOptions:\n", p->name, p->usage,
		   p->about);
	for (o = p->opts; o->name; o++)
		if (o->help)
			put_row(out, o);
	buf_printf(out, "%-30s %s\n", "  -h, --help",
		   "print this and exit");
	buf_printf(out, "%-30s %s\n", "  -V, --version",
		   "print the version and exit");
	if (p->more)
		buf_printf(out, "\n%s", p->more);
}

static int complain(const struct program *p, int *ret_exit, const char *fmt,
		    ...) printf_like(3, 4);

static int complain(const struct program *p, int *ret_exit, const char *fmt,
		    ...)
{
	struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s; see %s --help\n", p->name, buf_str(&b),
		p->name);
	buf_done(&b);
	*ret_exit = EXIT_USAGE;
	return -EINVAL;
}

static int done(const struct program *p, bool help, int *ret_exit)
{
	struct buf b = BUF_INIT;

	if (help)
		opt_help(p, &b);
	else
		buf_printf(&b, "%s %s\n", p->name, TASKFS_VERSION);
	*ret_exit = EXIT_OK;
	if (fputs(buf_str(&b), stdout) < 0 || fflush(stdout) != 0)
		*ret_exit = EXIT_FAILED;
	buf_done(&b);
	return -ECANCELED;
}

/* Where opt_parse() is, and what argv holds there, taken apart. */
struct parser {
	const struct program *program;
	void *config;
	int argc, at;
	char **argv;
	const char *word;	/* as written: "--ping=3s", "-n" */
	const char *name;	/* of it: "ping", "n"; not terminated */
	size_t n;
	const char *value;	/* NULL: none with it */
};

static int set_word(const struct parser *s, const struct opt *o,
		    int *ret_exit)
{
	int err = set_value(o, s->config, s->value);

	if (err == -ERANGE)
		return complain(s->program, ret_exit, "%s: %s is out of range",
				s->word, s->value);
	if (err)
		return complain(s->program, ret_exit, "%s: '%s' is not valid",
				s->word, s->value);
	return 0;
}

/* The value: with the word, `flag` when it may have none, or the next word. */
static int find_value(struct parser *s, const char *flag, const char *called,
		      int *ret_exit)
{
	if (!s->value)
		s->value = flag;
	if (!s->value && s->at + 1 < s->argc)
		s->value = s->argv[++s->at];
	if (s->value)
		return 0;
	complain(s->program, ret_exit, "%s needs a value (%s)", s->word, called);
	return -EINVAL;
}

/* "*.trait" is the trait of any class. */
static bool alias_is(const struct opt_alias *a, const char *name, size_t n)
{
	const char *dot = memchr(name, '.', n);

	if (a->word[0] == '*' && dot) {
		n -= (size_t)(dot - name);
		name = dot;
	}
	return strlen(a->word + (a->word[0] == '*')) == n &&
	       memcmp(a->word + (a->word[0] == '*'), name, n) == 0;
}

static const struct opt_alias *find_alias(const struct parser *s)
{
	const struct opt_alias *a = s->program->aliases;

	for (; a && a->word; a++)
		if (alias_is(a, s->name, s->n))
			return a;
	return NULL;
}

static void pass_over(const struct parser *s, const char *why)
{
	fprintf(stderr, "%s: warning: %s is passed over: %s\n",
		s->program->name, s->word, why);
}

static int parse_alias(struct parser *s, const struct opt_alias *a,
		       int *ret_exit)
{
	int err = find_value(s, a->value, "VALUE", ret_exit);

	if (err)
		return err;
	if (a->option)
		return set_word(s, by_name(s->program, a->option,
					   strlen(a->option)), ret_exit);
	if (a->why)
		pass_over(s, a->why);
	return 0;
}

static int no_option(const struct parser *s, int *ret_exit)
{
	struct nearest near = NEAREST(bytes_of(s->name, s->n));
	struct buf meant = BUF_INIT;
	const struct opt *o;
	int err;

	for (o = s->program->opts; o->name; o++)
		if (o->help)
			nearest_try(&near, o->name);
	nearest_ask(&near, &meant);
	err = complain(s->program, ret_exit, "no option '%s'%s", s->word,
		       buf_str(&meant));
	buf_done(&meant);
	return err;
}

/*
 * No option: an alias, what traitlets' own parser would only warn of
 * ("Class.trait", "--word=value", "--word value"), or a mistake.
 */
static int parse_stranger(struct parser *s, int *ret_exit)
{
	const struct opt_alias *a = find_alias(s);
	bool next = !s->value && s->at + 1 < s->argc &&
		    s->argv[s->at + 1][0] != '-';

	if (a)
		return parse_alias(s, a, ret_exit);
	if (!s->program->aliases ||
	    (!memchr(s->name, '.', s->n) &&
	     !(s->word[1] == '-' && (s->value || next))))
		return no_option(s, ret_exit);
	s->at += next;
	pass_over(s, "nothing here is called so");
	return 0;
}

/* Of ipyparallel's flags: "--log-to-file True" is one option. */
static void take_bool(struct parser *s)
{
	const char *next = s->at + 1 < s->argc ? s->argv[s->at + 1] : "";

	if (!s->value && s->program->aliases &&
	    (strcmp(next, "True") == 0 || strcmp(next, "False") == 0))
		s->value = s->argv[++s->at];
}

static int parse_option(struct parser *s, int *ret_exit)
{
	const struct opt *o;
	int err;

	if (s->word[1] == '-') {
		const char *eq = strchr(s->word, '=');

		s->name = s->word + 2;
		s->n = eq ? (size_t)(eq - s->name) : strlen(s->name);
		s->value = eq ? eq + 1 : NULL;
		o = by_name(s->program, s->name, s->n);
	} else {
		s->name = s->word + 1;
		s->n = 1;
		s->value = s->word[2] ? s->word + 2 : NULL;
		o = by_letter(s->program, s->word[1]);
	}
	if (!o)
		return parse_stranger(s, ret_exit);
	if (o->type == OPT_FLAG)
		take_bool(s);
	err = find_value(s, o->type == OPT_FLAG ? "1" : NULL, o->value,
			 ret_exit);
	return err ? err : set_word(s, o, ret_exit);
}

static int set_defaults(const struct program *p, void *config)
{
	const struct opt *o;

	for (o = p->opts; o->name; o++)
		if (o->standard && set_value(o, config, o->standard) < 0)
			return -EINVAL;
	return 0;
}

static bool is_word(const char *a, const char *name, const char *letter)
{
	return strcmp(a, name) == 0 || strcmp(a, letter) == 0;
}

int opt_parse(const struct program *p, int argc, char **argv, void *config,
	      const char **args, unsigned *ret_n, int *ret_exit)
{
	struct parser s = {.program = p, .config = config, .argc = argc,
			   .argv = argv};
	bool options = true;
	int err = set_defaults(p, config);

	assert(!err);
	*ret_n = 0;
	for (s.at = 1; s.at < argc && !err; s.at++) {
		const char *a = s.word = argv[s.at];

		if (!options || a[0] != '-' || a[1] == '\0') {
			if (*ret_n == p->max_args)
				return complain(p, ret_exit,
						"'%s' is one word too many", a);
			args[(*ret_n)++] = a;
		} else if (strcmp(a, "--") == 0) {
			options = false;
		} else if (is_word(a, "--help", "-h")) {
			return done(p, true, ret_exit);
		} else if (is_word(a, "--version", "-V")) {
			return done(p, false, ret_exit);
		} else {
			err = parse_option(&s, ret_exit);
		}
	}
	if (!err && *ret_n < p->min_args)
		return complain(p, ret_exit, "usage: %s %s", p->name, p->usage);
	return err;
}
