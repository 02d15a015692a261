/*
 * log.h: what happened, one JSON object per line; to a terminal, one line of text; to
 * systemd's journal, an entry with a field for each key. Programs log, libraries do not:
 * the one who decides, logs, once.
 *
 *	log_info("engine registered", log_int("id", 3), log_str("host", h));
 *
 * Foreign text is escaped here. A line never blocks: what a full pipe does
 * not take is counted and told with the next line that fits.
 */
#ifndef TASKFS_LOG_H
#define TASKFS_LOG_H

#include "base/base.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARNING,
	LOG_ERROR,
};

struct log_field {
	const char *key;	/* NULL ends the list */
	enum { LOG_F_INT, LOG_F_REAL, LOG_F_TEXT } kind;
	int64_t i;
	double x;
	struct bytes text;
};

static inline struct log_field log_int(const char *key, int64_t i)
{
	return (struct log_field){.key = key, .kind = LOG_F_INT, .i = i};
}

static inline struct log_field log_real(const char *key, double x)
{
	return (struct log_field){.key = key, .kind = LOG_F_REAL, .x = x};
}

static inline struct log_field log_bytes(const char *key, struct bytes text)
{
	return (struct log_field){.key = key, .kind = LOG_F_TEXT, .text = text};
}

static inline struct log_field log_str(const char *key, const char *s)
{
	return log_bytes(key, bytes_str(s ? s : ""));
}

/* The text of a negative errno. */
static inline struct log_field log_errno(int err)
{
	return log_str("error", strerror(err < 0 ? -err : err));
}

/*
 * program: the name in every line, not copied. fd: where lines go, borrowed;
 * a terminal gets text, and when the journal reads fd (JOURNAL_STREAM), its own socket
 * gets the entries. Before log_init() lines go to stderr.
 */
void log_init(const char *program, int fd, enum log_level least);
/* A higher level from now on, or a lower one. */
void log_set_level(enum log_level least);
bool log_enabled(enum log_level level);
/* "debug", "info", "warning", "error" (also python's numbers); -EINVAL. */
int log_parse_level(struct bytes text, enum log_level *ret_level) must_check;

void log_write(enum log_level level, const char *what, ...);

#define LOG_END ((struct log_field){.key = NULL})
#define log_debug(...) \
	(log_enabled(LOG_DEBUG) ? log_write(LOG_DEBUG, __VA_ARGS__, LOG_END) \
				: (void)0)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__, LOG_END)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__, LOG_END)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__, LOG_END)

/*
 * For what a peer can cause at any rate: true at most `burst` times in
 * `usec` microseconds. When it turns true again after refusals, *ret_skipped
 * says how many there were. Zeroes are a fresh limit.
 */
struct log_limit {
	uint64_t since;
	unsigned used;
	unsigned skipped;
};
bool log_allowed(struct log_limit *l, unsigned burst, uint64_t usec,
		 unsigned *ret_skipped);

#endif
