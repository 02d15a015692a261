#include "base/log.h"
#include "base/buf.h"
#include "base/parse.h"

#include <ctype.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* How each is written, by its number; then what Python's logging calls them. */
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

/* A line that is being made. */
struct log_line {
	struct buf text;
	struct buf fields;	/* the journal's, behind the text */
};

/* How lines are written. */
struct log_form {
	void (*head)(struct log_line *l, enum log_level level, const char *what);
	void (*field)(struct log_line *l, const struct log_field *f);
	ssize_t (*end)(struct log_line *l);	/* what write(2) says */
};

enum { FORM_JSON, FORM_TEXT, FORM_JOURNAL, FORMS };
static const struct log_form forms[FORMS];

static struct {
	const char *program;
	int fd;
	enum log_level least;
	const struct log_form *form;
	unsigned lost;
	int journal;	/* its socket, or -1 */
} self = {.program = "taskfs", .fd = STDERR_FILENO, .least = LOG_INFO,
	  .form = forms + FORM_JSON, .journal = -1};

#define LOG_TEXT_LIMIT 2048 /* bytes of one field that are shown */
#define JOURNAL "/run/systemd/journal/socket"

/* systemd.exec(5): JOURNAL_STREAM says which file the journal reads. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char its[48];
	struct stat st;

	if (!stream || fstat(fd, &st) < 0)
		return false;
	snprintf(its, sizeof(its), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return strcmp(stream, its) == 0;
}

/* -1: there is none, and lines go to the file as they are. */
static int open_journal(void)
{
	static const struct sockaddr_un to = {AF_UNIX, JOURNAL};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void log_init(const char *program, int fd, enum log_level least)
{
	self.program = program;
	self.fd = fd;
	self.least = least;
	if (self.journal >= 0)
		close(self.journal);
	self.journal = is_journal(fd) ? open_journal() : -1;
	self.form = forms + (self.journal >= 0 ? FORM_JOURNAL
			     : isatty(fd)      ? FORM_TEXT
					       : FORM_JSON);
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

static void put_number(struct buf *b, const struct log_field *f)
{
	if (f->kind == LOG_F_INT)
		buf_printf(b, "%lld", (long long)f->i);
	else
		buf_printf(b, "%.6f", f->x);
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

static void json_head(struct log_line *l, enum log_level level,
		      const char *what)
{
	buf_puts(&l->text, "{\"time\":\"");
	put_time(&l->text);
	buf_printf(&l->text,
		   "\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%d,",
		   level_names[level].name, self.program, (int)getpid());
	buf_puts(&l->text, "\"what\":");
	put_json_string(&l->text, bytes_str(what));
}

static void json_field(struct log_line *l, const struct log_field *f)
{
	buf_printf(&l->text, ",\"%s\":", f->key);
	if (f->kind == LOG_F_TEXT)
		put_json_string(&l->text, f->text);
	else
		put_number(&l->text, f);
}

static ssize_t json_end(struct log_line *l)
{
	buf_puts(&l->text, "}\n");
	return write(self.fd, l->text.p, l->text.n);
}

static void text_head(struct log_line *l, enum log_level level,
		      const char *what)
{
	buf_printf(&l->text, "%s: %s%s%s", self.program,
		   level >= LOG_WARNING ? level_names[level].name : "",
		   level >= LOG_WARNING ? ": " : "", what);
}

static void put_plain(struct buf *b, const struct log_field *f)
{
	if (f->kind == LOG_F_TEXT)
		buf_put_escaped(b, f->text, LOG_TEXT_LIMIT);
	else
		put_number(b, f);
}

static void text_field(struct log_line *l, const struct log_field *f)
{
	buf_printf(&l->text, " %s=", f->key);
	put_plain(&l->text, f);
}

static ssize_t text_end(struct log_line *l)
{
	buf_putc(&l->text, '\n');
	return write(self.fd, l->text.p, l->text.n);
}

/* The journal's own protocol: KEY=value lines, of which MESSAGE is the text. */
static void journal_head(struct log_line *l, enum log_level level,
		         const char *what)
{
	static const int priorities[] = {
		[LOG_DEBUG] = 7,
		[LOG_INFO] = 6,
		[LOG_WARNING] = 4,
		[LOG_ERROR] = 3,
	};

	buf_printf(&l->fields, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n",
		   priorities[level], self.program);
	buf_printf(&l->text, "MESSAGE=%s", what);
}

static void journal_field(struct log_line *l, const struct log_field *f)
{
	const char *c;

	text_field(l, f);
	buf_puts(&l->fields, "TASKFS_");
	for (c = f->key; *c; c++)
		buf_putc(&l->fields, (char)toupper((unsigned char)*c));
	buf_putc(&l->fields, '=');
	put_plain(&l->fields, f);
	buf_putc(&l->fields, '\n');
}

static ssize_t journal_end(struct log_line *l)
{
	buf_putc(&l->text, '\n');
	buf_put(&l->text, l->fields.p, l->fields.n);
	return send(self.journal, l->text.p, l->text.n, MSG_NOSIGNAL);
}

static const struct log_form forms[FORMS] = {
	[FORM_JSON] = {json_head, json_field, json_end},
	[FORM_TEXT] = {text_head, text_field, text_end},
	[FORM_JOURNAL] = {journal_head, journal_field, journal_end},
};

void log_write(enum log_level level, const char *what, ...)
{
	struct log_line l = {BUF_INIT, BUF_INIT};
	va_list ap;

	if (!log_enabled(level))
		return;
	self.form->head(&l, level, what);
	va_start(ap, what);
	for (;;) {
		struct log_field f = va_arg(ap, struct log_field);

		if (!f.key)
			break;
		self.form->field(&l, &f);
	}
	va_end(ap);
	if (self.lost) {
		struct log_field f = log_int("lost_lines", self.lost);

		self.form->field(&l, &f);
	}
	self.lost = self.form->end(&l) < 0 ? self.lost + 1 : 0;
	buf_done(&l.text);
	buf_done(&l.fields);
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
