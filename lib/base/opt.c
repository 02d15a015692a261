#include "base/opt.h"
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

/* What argv holds at one place, taken apart. */
struct word {
	const struct opt *opt;
	const char *name;	/* as written, for messages */
	const char *value;	/* NULL: none with it */
};

static int set_word(const struct program *p, void *config,
		    const struct word *w, int *ret_exit)
{
	int err = set_value(w->opt, config, w->value);

	if (err == -ERANGE)
		return complain(p, ret_exit, "%s: %s is out of range", w->name,
				w->value);
	if (err)
		return complain(p, ret_exit, "%s: '%s' is not valid", w->name,
				w->value);
	return 0;
}

static int set_defaults(const struct program *p, void *config)
{
	const struct opt *o;

	for (o = p->opts; o->name; o++)
		if (o->standard && set_value(o, config, o->standard) < 0)
			return -EINVAL;
	return 0;
}

int opt_parse(const struct program *p, int argc, char **argv, void *config,
	      const char **args, unsigned *ret_n, int *ret_exit)
{
	bool options = true;
	int i, err = set_defaults(p, config);

	assert(!err);
	*ret_n = 0;
	for (i = 1; i < argc; i++) {
		struct word w = {.name = argv[i]};
		const char *a = argv[i];
		const char *eq = strchr(a, '=');

		if (!options || a[0] != '-' || a[1] == '\0') {
			if (*ret_n == p->max_args)
				return complain(p, ret_exit,
						"'%s' is one word too many", a);
			args[(*ret_n)++] = a;
			continue;
		}
		if (strcmp(a, "--") == 0) {
			options = false;
			continue;
		}
		if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
			return done(p, true, ret_exit);
		if (strcmp(a, "--version") == 0 || strcmp(a, "-V") == 0)
			return done(p, false, ret_exit);
		if (a[1] == '-') {
			size_t n = eq ? (size_t)(eq - a - 2) : strlen(a + 2);

			w.opt = by_name(p, a + 2, n);
			w.value = eq ? eq + 1 : NULL;
		} else {
			w.opt = by_letter(p, a[1]);
			w.value = a[2] ? a + 2 : NULL;
		}
		if (!w.opt) {
			if (p->unknown && p->unknown(a) == 0)
				continue;
			return complain(p, ret_exit, "no option '%s'", a);
		}
		if (w.opt->type == OPT_FLAG && !w.value)
			w.value = "1";
		if (!w.value && i + 1 < argc)
			w.value = argv[++i];
		if (!w.value)
			return complain(p, ret_exit, "%s needs a value (%s)", a,
					w.opt->value);
		err = set_word(p, config, &w, ret_exit);
		if (err)
			return err;
	}
	if (*ret_n < p->min_args)
		return complain(p, ret_exit, "usage: %s %s", p->name, p->usage);
	return 0;
}
