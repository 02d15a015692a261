#include "wire/ids.h"
#include "base/parse.h"

#include <sodium.h>

void id_new(char id[ID_SIZE])
{
	unsigned char r[16];

	randombytes_buf(r, sizeof(r));
	sodium_bin2hex(id, 9, r, 4);
	id[8] = '-';
	sodium_bin2hex(id + 9, 25, r + 4, 12);
}

void task_id_format(const char *cluster, const struct task_id *t,
		    char text[TASK_ID_SIZE])
{
	snprintf(text, TASK_ID_SIZE, "%.*s_%llu_%u_%u", ID_SIZE, cluster,
		 (unsigned long long)t->result, t->index, t->attempt);
}

/* "_", a number as it is written here: the next part of *text. */
static int take_part(struct bytes *text, uint64_t max, uint64_t *ret_n)
{
	const char *p = text->p;
	size_t n = 1;

	while (n < text->n && p[n] != '_')
		n++;
	if (text->n < 2 || p[0] != '_' || (p[1] == '0' && n > 2) ||
	    parse_u64(bytes_of(p + 1, n - 1), 0, max, ret_n))
		return -EINVAL;
	*text = bytes_of(p + n, text->n - n);
	return 0;
}

int task_id_parse(struct bytes text, const char *cluster,
		  struct task_id *ret_t)
{
	size_t n = strlen(cluster);
	uint64_t result, index, attempt;

	if (text.n < n || memcmp(text.p, cluster, n) != 0)
		return -EINVAL;
	text = bytes_of((const char *)text.p + n, text.n - n);
	if (take_part(&text, UINT64_MAX, &result) ||
	    take_part(&text, UINT32_MAX, &index) ||
	    take_part(&text, UINT_MAX, &attempt) || text.n)
		return -EINVAL;
	*ret_t = (struct task_id){result, (uint32_t)index, (unsigned)attempt};
	return 0;
}

/* Microseconds since 1970 to a struct tm; the second is kept for the next. */
static void split(time_t s, struct tm *ret_tm)
{
	static _Thread_local time_t last;
	static _Thread_local struct tm tm;

	if (s != last || tm.tm_year == 0) {
		gmtime_r(&s, &tm);
		last = s;
	}
	*ret_tm = tm;
}

/* n digits, and what follows them. */
static char *put(char *p, int v, int n, char behind)
{
	int i;

	for (i = n - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	p[n] = behind;
	return p + n + 1;
}

/* Of a year with four digits, as nearly all have. */
static void put_date(char *p, const struct tm *tm, int us)
{
	p = put(p, tm->tm_year + 1900, 4, '-');
	p = put(p, tm->tm_mon + 1, 2, '-');
	p = put(p, tm->tm_mday, 2, 'T');
	p = put(p, tm->tm_hour, 2, ':');
	p = put(p, tm->tm_min, 2, ':');
	p = put(p, tm->tm_sec, 2, '.');
	p = put(p, us, 6, 'Z');
	*p = '\0';
}

void date_format(int64_t usec, char date[DATE_SIZE])
{
	int64_t s = usec / 1000000, us = usec % 1000000;
	struct tm tm;

	if (us < 0) {
		us += 1000000;
		s--;
	}
	split((time_t)s, &tm);
	if (tm.tm_year + 1900 >= 0 && tm.tm_year + 1900 <= 9999)
		put_date(date, &tm, (int)us);
	else
		snprintf(date, DATE_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
			 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			 tm.tm_hour, tm.tm_min, tm.tm_sec, (int)us);
}

/* Takes n digits and, if sep is not 0, the separator behind them. */
static int take(struct bytes *text, size_t n, char sep, int *ret)
{
	const char *p = text->p;
	uint64_t v;

	if (text->n < n + (sep != 0) || (sep && p[n] != sep) ||
	    parse_u64(bytes_of(p, n), 0, 9999, &v))
		return -EINVAL;
	*ret = (int)v;
	n += sep != 0;
	*text = bytes_of(p + n, text->n - n);
	return 0;
}

static int take_fraction(struct bytes *text, int *ret_usec)
{
	const char *p = text->p;
	size_t n = 1;
	int us = 0;

	*ret_usec = 0;
	if (text->n == 0 || p[0] != '.')
		return 0;
	for (; n < text->n && n < 8 && p[n] >= '0' && p[n] <= '9'; n++)
		us = us * 10 + (p[n] - '0');
	if (n < 2 || n > 7)
		return -EINVAL;
	*ret_usec = us;
	*text = bytes_of(p + n, text->n - n);
	for (; n < 7; n++)
		*ret_usec *= 10;
	return 0;
}

/* Seconds east of UTC; *ret_local when nothing is said. */
static int take_zone(struct bytes text, int *ret_east, bool *ret_local)
{
	const char *p = text.p;
	int h, m, sign;

	*ret_local = text.n == 0;
	*ret_east = 0;
	if (text.n == 0 || bytes_is(text, "Z"))
		return 0;
	if (p[0] != '+' && p[0] != '-')
		return -EINVAL;
	sign = p[0] == '-' ? -1 : 1;
	text = bytes_of(p + 1, text.n - 1);
	if (take(&text, 2, text.n == 5 ? ':' : 0, &h) ||
	    take(&text, 2, 0, &m) || text.n || h > 23 || m > 59)
		return -EINVAL;
	*ret_east = sign * (h * 3600 + m * 60);
	return 0;
}

/* mon: 1 to 12. */
static int month_days(int year, int mon)
{
	static const int days[] = {0,  31, 28, 31, 30, 31, 30,
				   31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[mon] + (mon == 2 && leap);
}

int date_parse(struct bytes text, int64_t *ret_usec)
{
	struct tm tm = {.tm_isdst = -1};
	int us, east;
	bool local;
	time_t s;

	if (take(&text, 4, '-', &tm.tm_year) ||
	    take(&text, 2, '-', &tm.tm_mon) || take(&text, 2, 0, &tm.tm_mday))
		return -EINVAL;
	if (text.n == 0 || (*(const char *)text.p != 'T' &&
			    *(const char *)text.p != ' '))
		return -EINVAL;
	text = bytes_of((const char *)text.p + 1, text.n - 1);
	if (take(&text, 2, ':', &tm.tm_hour) ||
	    take(&text, 2, ':', &tm.tm_min) || take(&text, 2, 0, &tm.tm_sec) ||
	    take_fraction(&text, &us) || take_zone(text, &east, &local))
		return -EINVAL;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > month_days(tm.tm_year, tm.tm_mon) ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	s = local ? mktime(&tm) : timegm(&tm);
	*ret_usec = ((int64_t)s - east) * 1000000 + us;
	return 0;
}
