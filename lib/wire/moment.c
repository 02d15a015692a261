#include "wire/moment.h"
#include "base/parse.h"

#include <time.h>

#define DAY 86400
#define LONGEST (100LL * 365 * DAY) /* seconds: hardly anybody waits as long */

static int parse_wait(struct bytes text, int64_t *ret_seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', DAY}};
	const char *p = text.p;
	int64_t each = 1;
	uint64_t n;
	size_t i;

	for (i = 0; text.n && i < ARRAY_SIZE(units); i++) {
		if (p[text.n - 1] != units[i].unit)
			continue;
		each = units[i].seconds;
		text.n--;
		break;
	}
	if (parse_u64(text, 0, (uint64_t)(LONGEST / each), &n))
		return -EINVAL;
	*ret_seconds = (int64_t)n * each;
	return 0;
}

/* The whole text has that form. */
static bool has_form(const char *text, const char *form, struct tm *tm)
{
	const char *end;

	if (strchr(text, ' ') || strchr(text, '\t') || strchr(text, '\n'))
		return false;
	end = strptime(text, form, tm);
	return end && !*end;
}

static int parse_clock(const char *text, time_t now, time_t *ret_at)
{
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_sec = 0;
	if (!has_form(text, "%H:%M:%S", &tm) && !has_form(text, "%H:%M", &tm))
		return -EINVAL;
	tm.tm_isdst = -1;
	*ret_at = mktime(&tm);
	if (*ret_at < now) {
		tm.tm_mday++;
		tm.tm_isdst = -1;
		*ret_at = mktime(&tm);
	}
	return 0;
}

static int parse_date(char *text, time_t *ret_at)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S",
					    "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
	size_t n = strlen(text), i;
	bool utc = n && text[n - 1] == 'Z';

	if (utc)
		text[n - 1] = '\0';
	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = {.tm_isdst = -1};

		if (!has_form(text, forms[i], &tm))
			continue;
		*ret_at = utc ? timegm(&tm) : mktime(&tm);
		/* 9999-12-31 is the last day that a date has room for. */
		return tm.tm_year <= 9999 - 1900 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int moment_parse(struct bytes text, int64_t now, int64_t *ret_at)
{
	int64_t seconds;
	time_t at = 0;
	char *copy;
	int err;

	text = parse_trim(text);
	if (!text.n || text.n > 32 || memchr(text.p, 0, text.n))
		return -EINVAL;
	if (*(const char *)text.p == '+') {
		err = parse_wait(bytes_of((const char *)text.p + 1, text.n - 1),
				 &seconds);
		if (!err)
			*ret_at = now + seconds * (int64_t)USEC_PER_SEC;
		return err;
	}
	copy = xmemdup_nul(text.p, text.n);
	err = parse_clock(copy, (time_t)(now / (int64_t)USEC_PER_SEC), &at);
	if (err)
		err = parse_date(copy, &at);
	free(copy);
	if (!err)
		*ret_at = (int64_t)at * (int64_t)USEC_PER_SEC;
	return err;
}

char *moment_anywhere(struct bytes text, int64_t now)
{
	int64_t usec;
	time_t at;
	struct tm tm;

	if (moment_parse(text, now, &usec))
		return NULL;
	text = parse_trim(text);
	if (*(const char *)text.p == '+')
		return xmemdup_nul(text.p, text.n);
	at = (time_t)(usec / (int64_t)USEC_PER_SEC);
	gmtime_r(&at, &tm);
	return xasprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
			 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
			 tm.tm_sec);
}
