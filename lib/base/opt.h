/*
 * opt.h: a program's command line as one table.
 *
 * A row says what the option is called, where its value goes, what it is when
 * nobody says, its limits, and its help. `--name value`, `--name=value`, `-x
 * value` and `-xvalue` are the same; flags take no value. --help and --version
 * are there for every program.
 */
#ifndef TASKFS_OPT_H
#define TASKFS_OPT_H

#include "base/buf.h"

enum opt_type {
	OPT_FLAG,	/* bool */
	OPT_TEXT,	/* const char *, borrowed from argv */
	OPT_COUNT,	/* uint64_t */
	OPT_SIZE,	/* uint64_t, bytes */
	OPT_DURATION,	/* uint64_t, microseconds */
	OPT_CALL,	/* a function */
};

struct opt {
	const char *name;	/* without "--"; NULL ends the table */
	char letter;		/* or 0 */
	const char *value;	/* how help names the value; NULL: a flag */
	enum opt_type type;
	size_t at;		/* offsetof() in the configuration */
	const char *standard;	/* the text of the default, or NULL */
	uint64_t min, max;	/* OPT_COUNT, OPT_SIZE, OPT_DURATION (usec) */
	int (*call)(void *config, const char *value); /* OPT_CALL; -errno */
	const char *help;	/* NULL: not shown */
};

/*
 * Words of another program's command line, for those who come from there.
 * "*.trait" is "Class.trait" of any class. A word with a dot that is not here
 * is passed over with a warning; it is nobody's slip of the hand.
 */
struct opt_alias {
	const char *word;	/* without "--"; NULL ends the table */
	const char *option;	/* the option it means; NULL: it is passed over */
	const char *value;	/* what it says when it comes without a value;
				 * NULL: it needs one */
	const char *why;	/* passed over: why, in a warning; NULL: nobody
				 * misses it */
};

struct program {
	const char *name;
	const char *usage;	/* "SOURCE DIR [OPTION]..." */
	const char *about;	/* one or two sentences */
	const char *more;	/* behind the options: examples, exit codes */
	const struct opt *opts;
	unsigned min_args, max_args;	/* words that are no options */
	const struct opt_alias *aliases; /* or NULL */
};

/* Exit codes every program of taskfs has in common. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,	/* it did not work; the log says why */
	EXIT_USAGE = 2,		/* the command line is wrong */
};

/*
 * Sets the defaults, then what argv says. Words that are no options are put
 * in args (room for max_args), their number in *ret_n. Returns 0 to go on;
 * else the program prints nothing more and exits with *ret_exit: --help and
 * --version wrote to stdout, mistakes one line to stderr that names the
 * option, what is wrong with it, and --help.
 */
int opt_parse(const struct program *p, int argc, char **argv, void *config,
	      const char **args, unsigned *ret_n, int *ret_exit) must_check;

/* One option, as from the command line, by its name; -errno. */
int opt_set(const struct program *p, void *config, const char *name,
	    const char *value) must_check;

/* The text of --help. */
void opt_help(const struct program *p, struct buf *out);

#endif
