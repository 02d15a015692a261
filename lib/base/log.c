#include "base/log.h"
#include "base/buf.h"
#include "base/parse.h"

/* How each is written, by its number; then what else Python's logging calls them. */
static const struct {
	const char *name;
	enum log_level level;
} level_names[] = {
	[LOG_DEBUG] = {"debug", LOG_DEBUG},
	[LOG_INFO] = {"info", LOG_INFO},
	[LOG_WARNING] = {"warning", LOG_WARNING},
	[LOG_ERROR] = {"error", LOG_ERROR},
	{"warn", LOG_WARNING},
	{"critical", LOG_ERROR},
	{"fatal", LOG_ERROR},
};

static struct {
	const char *program;
	int fd;
	enum log_level least;
	bool text;
	unsigned lost;
} self = {.program = "taskfs", .fd = STDERR_FILENO, .least = LOG_INFO};

#define LOG_TEXT_LIMIT 2048 /* bytes of one field that are shown */

void log_init(const char *program, int fd, enum log_level least)
{
	self.program = program;
	self.fd = fd;
	self.least = least;
	self.text = isatty(fd);
}

void log_set_level(enum log_level least)
{
	self.least = least;
}

bool log_enabled(enum log_level level)
{
	return level >= self.least;
}

int log_parse_level(struct bytes text, enum log_level *ret_level)
{
	uint64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(level_names); i++) {
		const char *name = level_names[i].name;

		if (text.n == strlen(name) &&
		    strncasecmp(text.p, name, text.n) == 0) {
			*ret_level = level_names[i].level;
			return 0;
		}
	}
	if (parse_u64(text, 0, 50, &n))
		return -EINVAL;
	*ret_level = n <= 10 ? LOG_DEBUG
		     : n <= 20 ? LOG_INFO
		     : n <= 30 ? LOG_WARNING
			       : LOG_ERROR;
	return 0;
}

/* A JSON string; bytes that are no UTF-8 come as U+FFFD. */
static void put_json_string(struct buf *b, struct bytes text)
{
	const unsigned char *p = text.p;
	size_t n = min_u64(text.n, LOG_TEXT_LIMIT);
	size_t i = 0;

	buf_putc(b, '"');
	while (i < n) {
		size_t len = utf8_char(p + i, n - i);

		if (len == 0)
			buf_puts(b, "\\ufffd");
		else if (p[i] == '"' || p[i] == '\\')
			buf_printf(b, "\\%c", p[i]);
		else if (p[i] < 0x20 || p[i] == 0x7f)
			buf_printf(b, "\\u%04x", p[i]);
		else
			buf_put(b, p + i, len);
		i += len ? len : 1;
	}
	if (n < text.n)
		buf_puts(b, "...");
	buf_putc(b, '"');
}

static void put_value(struct buf *b, const struct log_field *f)
{
	if (f->kind == LOG_F_INT)
		buf_printf(b, "%lld", (long long)f->i);
	else if (f->kind == LOG_F_REAL)
		buf_printf(b, "%.6f", f->x);
	else if (self.text)
		buf_put_escaped(b, f->text, LOG_TEXT_LIMIT);
	else
		put_json_string(b, f->text);
}

static void put_time(struct buf *b)
{
	int64_t t = now_usec();
	time_t s = (time_t)(t / 1000000);
	struct tm tm;

	gmtime_r(&s, &tm);
	buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
		   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		   (int)(t % 1000000));
}

static void put_head(struct buf *b, enum log_level level, const char *what)
{
	if (self.text) {
		buf_printf(b, "%s: %s%s", self.program,
			   level >= LOG_WARNING ? level_names[level].name : "",
			   level >= LOG_WARNING ? ": " : "");
		buf_puts(b, what);
		return;
	}
	buf_puts(b, "{\"time\":\"");
	put_time(b);
	buf_printf(b, "\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%d,",
		   level_names[level].name, self.program, (int)getpid());
	buf_puts(b, "\"what\":");
	put_json_string(b, bytes_str(what));
}

static void put_field(struct buf *b, const struct log_field *f)
{
	buf_puts(b, self.text ? " " : ",\"");
	buf_puts(b, f->key);
	buf_puts(b, self.text ? "=" : "\":");
	put_value(b, f);
}

static void emit(struct buf *b)
{
	ssize_t n = write(self.fd, b->p, b->n);

	if (n < 0)
		self.lost++;
	else
		self.lost = 0;
}

void log_write(enum log_level level, const char *what, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;

	if (!log_enabled(level))
		return;
	put_head(&b, level, what);
	va_start(ap, what);
	for (;;) {
		struct log_field f = va_arg(ap, struct log_field);

		if (!f.key)
			break;
		put_field(&b, &f);
	}
	va_end(ap);
	if (self.lost) {
		struct log_field f = log_int("lost_lines", self.lost);

		put_field(&b, &f);
	}
	buf_puts(&b, self.text ? "\n" : "}\n");
	emit(&b);
	buf_done(&b);
}

bool log_allowed(struct log_limit *l, unsigned burst, uint64_t usec,
		 unsigned *ret_skipped)
{
	uint64_t now = mono_usec();

	*ret_skipped = 0;
	if (now - l->since >= usec) {
		*ret_skipped = l->skipped;
		*l = (struct log_limit){.since = now};
	}
	if (l->used >= burst) {
		l->skipped++;
		return false;
	}
	l->used++;
	return true;
}
