#include "terms.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "mirror/group.h"
#include "results/overview.h"
#include "wire/ids.h"

#define ALL_STATES ((1U << STATES) - 1)
#define BIT(s) (1U << (s))

/* --- the words ---------------------------------------------------------- */

struct query_word {
	const char *name;
	/* Reads a value; -EINVAL: it is none. */
	int (*read)(struct query_term *t, struct bytes value);
	bool (*holds)(const struct query_term *t, const struct result *r);
	int column;		/* of results/table, for holds_column() */
	const char *value;	/* what is expected, in words */
};

static const char *const status_help =
	"a status is pending, running, ok, error or aborted, failed (error or aborted) or "
	"unfinished (pending or running)";

static int read_status(struct query_term *t, struct bytes value)
{
	static const struct {
		const char *name;
		unsigned states;
	} groups[] = {
		{"failed", BIT(STATE_ERROR) | BIT(STATE_ABORTED)},
		{"unfinished", BIT(STATE_PENDING) | BIT(STATE_RUNNING)},
	};
	size_t i;
	int s;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		if (query_glob(value, bytes_str(groups[i].name)))
			t->states |= groups[i].states;
	for (s = STATE_PENDING; s < STATES; s++)
		if (query_glob(value, bytes_str(state_name((enum state)s))))
			t->states |= BIT(s);
	return t->states ? 0 : -EINVAL;
}

static bool has_status(const struct query_term *t, const struct result *r)
{
	return t->states & BIT(r->status);
}

static int read_text(struct query_term *t, struct bytes value)
{
	t->text = value;
	return 0;
}

static bool has_label(const struct query_term *t, const struct result *r)
{
	const char *name = result_name(r);

	return query_glob(t->text, bytes_str(name ? name : "")) != t->negated;
}

/* "3", "3-7", "4K" */
static int read_number(struct query_term *t, struct bytes value)
{
	const char *p = value.p, *dash = memchr(p, '-', value.n);
	size_t n = dash ? (size_t)(dash - p) : value.n;
	uint64_t from, to;

	if (parse_size(bytes_of(p, n), INT64_MAX - 1, &from))
		return -EINVAL;
	to = from;
	if (dash && (parse_size(bytes_of(dash + 1, value.n - n - 1), INT64_MAX - 1,
				&to) || to < from))
		return -EINVAL;
	t->from = (int64_t)from;
	t->to = (int64_t)to + 1;
	return 0;
}

static int read_seconds(struct query_term *t, struct bytes value)
{
	uint64_t usec;

	if (parse_duration(value, INT64_MAX - 1, &usec))
		return -EINVAL;
	t->from = (int64_t)usec;
	t->to = t->from + 1;
	return 0;
}

/* A day, an hour, a minute or a second. */
static int read_part_of_date(struct query_term *t, struct bytes value)
{
	static const char rest[] = "2026-11-29T00:00:00Z";
	static const struct {
		size_t n;
		int64_t seconds;
	} parts[] = {{10, 86400}, {13, 3600}, {16, 60}, {19, 1}};
	char text[sizeof(rest)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (value.n == parts[i].n)
			break;
	if (i == ARRAY_SIZE(parts))
		return -EINVAL;
	memcpy(text, value.p, value.n);
	memcpy(text + value.n, rest + value.n, sizeof(rest) - value.n);
	if (date_parse(bytes_of(text, sizeof(rest) - 1), &t->from))
		return -EINVAL;
	t->to = t->from + parts[i].seconds * (int64_t)USEC_PER_SEC;
	return 0;
}

static int read_time(struct query_term *t, struct bytes value)
{
	uint64_t ago;

	if (read_part_of_date(t, value) == 0)
		return 0;
	if (value.n && *(const char *)value.p == '-') {
		value = bytes_of((const char *)value.p + 1, value.n - 1);
		if (parse_duration(value, (uint64_t)now_usec(), &ago))
			return -EINVAL;
		t->from = now_usec() - (int64_t)ago;
	} else if (date_parse(value, &t->from)) {
		return -EINVAL;
	}
	t->to = t->from + 1;
	return 0;
}

static bool is_within(const struct query_term *t, int64_t n)
{
	return n >= t->from && n < t->to;
}

/* -1: it is not known. All numbers are 0 or more, and times above 0. */
static int64_t number_of(const struct table_cell *c)
{
	if (c->kind == CELL_NONE || c->n < 0 || (c->kind == CELL_TIME && !c->n))
		return -1;
	return c->kind == CELL_USAGE ? c->n * 1000 : c->n;
}

static bool holds_column(const struct query_term *t, const struct result *r)
{
	struct table_cell c[OVERVIEW_COLUMNS];
	int64_t n;

	overview_cells(r, c);
	n = number_of(&c[t->word->column]);
	return n >= 0 && is_within(t, n) != t->negated;
}

static bool has_submitted(const struct query_term *t, const struct result *r)
{
	return is_within(t, r->submitted) != t->negated;
}

static bool has_owner(const struct query_term *t, const struct result *r)
{
	return is_within(t, r->uid) != t->negated;
}

/* Of a map or view any of its tasks. */
static bool has_engine(const struct query_term *t, const struct result *r)
{
	const struct share *s;

	if (r->task)
		return r->task->engine >= 0 &&
		       is_within(t, r->task->engine) != t->negated;
	s = r->group ? group_share(r->group, t->from) : NULL;
	return (s && s->engine < t->to) != t->negated;
}

#define NUMBER "a number, or two as 2-7"
#define LENGTH "seconds, or 10m"
#define TIME "a time, as 2026-11-29, 2026-11-29T14:31 or -10m: so long ago"

/* Names of results/table, of the files of a result, and of ipyparallel. */
static const struct query_word words[] = {
	{"status", read_status, has_status, 0, NULL},
	{"label", read_text, has_label, 0, NULL},
	{"name", read_text, has_label, 0, NULL},
	{"engine", read_number, has_engine, 0, NUMBER},
	{"engine_id", read_number, has_engine, 0, NUMBER},
	{"owner", read_number, has_owner, 0, "the number of a user"},
	{"submitted", read_time, has_submitted, 0, TIME},
	{"result", read_number, holds_column, 0, NUMBER},
	{"exit", read_number, holds_column, 2, NUMBER},
	{"exit_status", read_number, holds_column, 2, NUMBER},
	{"start", read_time, holds_column, 4, TIME},
	{"started", read_time, holds_column, 4, TIME},
	{"end", read_time, holds_column, 5, TIME},
	{"completed", read_time, holds_column, 5, TIME},
	{"seconds", read_seconds, holds_column, 6, LENGTH},
	{"user", read_seconds, holds_column, 7, LENGTH},
	{"system", read_seconds, holds_column, 8, LENGTH},
	{"memory", read_number, holds_column, 9, "bytes, or 4K, 2M, 1G"},
	{"tries", read_number, holds_column, 10, NUMBER},
	{"tasks", read_number, holds_column, 11, NUMBER},
	{"ended", read_number, holds_column, 12, NUMBER},
	{"failed", read_number, holds_column, 13, NUMBER},
};

/* --- terms -------------------------------------------------------------- */

bool query_glob(struct bytes pattern, struct bytes text)
{
	const char *p = pattern.p, *s = text.p;
	size_t i = 0, k = 0, star = SIZE_MAX, from = 0;

	while (k < text.n) {
		size_t len = utf8_char(s + k, text.n - k);

		if (i < pattern.n && p[i] == '*') {
			star = i++;
			from = k;
		} else if (i < pattern.n && p[i] == '?') {
			i++;
			k += len ? len : 1;
		} else if (i < pattern.n && p[i] == s[k]) {
			i++;
			k++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			k = ++from;
		} else {
			return false;
		}
	}
	while (i < pattern.n && p[i] == '*')
		i++;
	return i == pattern.n;
}

static const struct query_word *find_word(struct bytes name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (bytes_is(name, words[i].name))
			return &words[i];
	return NULL;
}

static int no_word(struct bytes name, struct buf *why)
{
	struct nearest near = NEAREST(name);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		nearest_try(&near, words[i].name);
	buf_puts(why, "a query has no word \"");
	buf_put_escaped(why, name, 64);
	buf_puts(why, "\"");
	nearest_ask(&near, why);
	return -EINVAL;
}

static bool is_text(const struct query_word *w)
{
	return !w->value;
}

static int bad_value(const struct query_word *w, struct bytes value, struct buf *why)
{
	buf_printf(why, "%s=", w->name);
	buf_put_escaped(why, value, 64);
	buf_printf(why, ": %s%s", is_text(w) ? "" : "expected is ",
		   is_text(w) ? status_help : w->value);
	return -EINVAL;
}

/* Those of two characters first. */
static const char *const signs[] = {"!=", "<=", ">=", "=", "<", ">"};

static const char *find_sign(struct bytes text)
{
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(signs); i++) {
		n = strlen(signs[i]);
		if (text.n >= n && memcmp(text.p, signs[i], n) == 0)
			return signs[i];
	}
	return NULL;
}

/* What is compared with [from, to) is then within [from, to), or is not. */
static void apply(struct query_term *t, const char *sign)
{
	if (sign[0] == '!') {
		t->negated = true;
		t->states = ALL_STATES & ~t->states;
	} else if (sign[0] == '<') {
		t->to = sign[1] ? t->to : t->from;
		t->from = 0;
	} else if (sign[0] == '>') {
		t->from = sign[1] ? t->from : t->to;
		t->to = INT64_MAX;
	}
}

static int no_term(struct bytes text, struct buf *why)
{
	buf_puts(why, "\"");
	buf_put_escaped(why, text, 64);
	buf_puts(why, "\" is no term of a query, as status=failed is one");
	return -EINVAL;
}

/* A word, a sign, a value. */
static int parse_term(struct query_term *t, struct bytes text, struct buf *why)
{
	const char *p = text.p, *sign;
	struct bytes value;
	size_t n = 0;

	while (n < text.n && !memchr("=!<>", p[n], 4))
		n++;
	sign = find_sign(bytes_of(p + n, text.n - n));
	if (!sign)
		return no_term(text, why);
	*t = (struct query_term){.word = find_word(bytes_of(p, n))};
	if (!t->word)
		return no_word(bytes_of(p, n), why);
	if (is_text(t->word) && !strchr("!=", sign[0])) {
		buf_printf(why, "%s is compared by = and != alone", t->word->name);
		return -EINVAL;
	}
	n += strlen(sign);
	value = bytes_of(p + n, text.n - n);
	if (t->word->read(t, value))
		return bad_value(t->word, value, why);
	apply(t, sign);
	return 0;
}

int query_parse(struct query *q, struct bytes text, struct buf *why)
{
	const char *p = text.p, *comma;
	size_t at = 0, n;
	int err;

	*q = (struct query){.states = ALL_STATES};
	for (; at <= text.n; at += n + 1) {
		comma = at < text.n ? memchr(p + at, ',', text.n - at) : NULL;
		n = comma ? (size_t)(comma - p) - at : text.n - at;
		if (q->n == QUERY_TERMS) {
			buf_printf(why, "a query has %d terms at most", QUERY_TERMS);
			return -EINVAL;
		}
		err = parse_term(&q->term[q->n], bytes_of(p + at, n), why);
		if (err)
			return err;
		if (q->term[q->n].word->read == read_status)
			q->states &= q->term[q->n].states;
		q->n++;
	}
	return 0;
}

bool query_matches(const struct query *q, const struct result *r)
{
	size_t i;

	for (i = 0; i < q->n; i++)
		if (!q->term[i].word->holds(&q->term[i], r))
			return false;
	return true;
}
