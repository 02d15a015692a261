#include "base/parse.h"

#include <math.h>
#include <signal.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int parse_u64(struct bytes text, uint64_t min, uint64_t max, uint64_t *ret_n)
{
	const char *p = text.p;
	uint64_t v = 0;
	bool over = false;
	size_t i;

	if (text.n == 0)
		return -EINVAL;
	for (i = 0; i < text.n; i++) {
		if (!is_digit(p[i]))
			return -EINVAL;
		over |= __builtin_mul_overflow(v, 10, &v);
		over |= __builtin_add_overflow(v, (uint64_t)(p[i] - '0'), &v);
	}
	if (over || v < min || v > max)
		return -ERANGE;
	*ret_n = v;
	return 0;
}

int parse_i64(struct bytes text, int64_t min, int64_t max, int64_t *ret_n)
{
	const char *p = text.p;
	bool minus = text.n > 0 && p[0] == '-';
	uint64_t v;
	int64_t n;
	int err;

	err = parse_u64(bytes_of(p + minus, text.n - minus), 0,
			(uint64_t)INT64_MAX + minus, &v);
	if (err)
		return err;
	n = minus ? (int64_t)(0 - v) : (int64_t)v;
	if (n < min || n > max)
		return -ERANGE;
	*ret_n = n;
	return 0;
}

int parse_double(struct bytes text, double min, double max, double *ret_x)
{
	char copy[64], *end;
	double x;
	size_t i;

	if (text.n == 0 || text.n >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	for (i = 0; i < text.n; i++)
		if (!is_digit(copy[i]) && !strchr("+-.eE", copy[i]))
			return -EINVAL;
	errno = 0;
	x = strtod(copy, &end);
	if (end != copy + text.n)
		return -EINVAL;
	if (!isfinite(x) || x < min || x > max)
		return -ERANGE;
	*ret_x = x;
	return 0;
}

/* Splits trailing letters from a number. */
static size_t number_length(struct bytes text)
{
	const char *p = text.p;
	size_t n = text.n;

	while (n > 0 && !is_digit(p[n - 1]) && p[n - 1] != '.')
		n--;
	return n;
}

int parse_duration(struct bytes text, uint64_t max, uint64_t *ret_usec)
{
	static const struct {
		const char *unit;
		double usec;
	} units[] = {
		{"", 1e6},    {"us", 1},    {"ms", 1e3},    {"s", 1e6},
		{"m", 60e6},  {"min", 60e6}, {"h", 3600e6}, {"d", 86400e6},
	};
	size_t n = number_length(text);
	struct bytes unit = bytes_of((const char *)text.p + n, text.n - n);
	double x;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (bytes_is(unit, units[i].unit))
			break;
	if (i == ARRAY_SIZE(units))
		return -EINVAL;
	err = parse_double(bytes_of(text.p, n), 0, 1e15, &x);
	if (err)
		return err;
	x = x * units[i].usec + 0.5;
	if (x > 9e18 || (uint64_t)x > max)
		return -ERANGE;
	*ret_usec = (uint64_t)x;
	return 0;
}

int parse_size(struct bytes text, uint64_t max, uint64_t *ret_n)
{
	static const char units[] = "KMGT";
	const char *p = text.p;
	const char *u = NULL;
	uint64_t v;
	int err;

	if (text.n > 0)
		u = memchr(units, p[text.n - 1], sizeof(units) - 1);
	err = parse_u64(bytes_of(p, text.n - (u != NULL)), 0, UINT64_MAX, &v);
	if (err)
		return err;
	if (u && __builtin_mul_overflow(v, 1024ULL << (10 * (u - units)), &v))
		return -ERANGE;
	if (v > max)
		return -ERANGE;
	*ret_n = v;
	return 0;
}

int parse_bool(struct bytes text, bool *ret_b)
{
	static const char *const words[] = {"0", "1",	"no",  "yes",
					    "false", "true", "off", "on"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (text.n == strlen(words[i]) &&
		    strncasecmp(text.p, words[i], text.n) == 0) {
			*ret_b = i & 1;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_signal(struct bytes text, int *ret_signo)
{
	const char *p = text.p;
	uint64_t n;
	int s;

	if (parse_u64(text, 1, SIGRTMAX, &n) == 0) {
		*ret_signo = (int)n;
		return 0;
	}
	if (text.n > 3 && memcmp(p, "SIG", 3) == 0)
		text = bytes_of(p + 3, text.n - 3);
	for (s = 1; s < SIGRTMAX; s++) {
		const char *name = sigabbrev_np(s);

		if (name && bytes_is(text, name)) {
			*ret_signo = s;
			return 0;
		}
	}
	return -EINVAL;
}

size_t utf8_char(const void *text, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = text;
	uint32_t c;
	size_t len, i;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
		return 0;
	c = p[0] & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

bool utf8_valid(struct bytes text)
{
	const unsigned char *p = text.p;
	size_t i = 0;

	while (i < text.n) {
		size_t len = utf8_char(p + i, text.n - i);

		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

size_t utf8_whole(struct bytes text)
{
	const unsigned char *p = text.p;
	size_t back;

	for (back = 1; back <= 3 && back <= text.n; back++) {
		unsigned char c = p[text.n - back];

		if (c < 0x80 || c >= 0xf8)
			break;
		if (c >= 0xc0)
			return back < (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u)
				       ? text.n - back
				       : text.n;
	}
	return text.n;
}

struct bytes parse_trim(struct bytes text)
{
	const char *p = text.p;
	size_t n = text.n;

	while (n > 0 && is_space(p[n - 1]))
		n--;
	while (n > 0 && is_space(*p)) {
		p++;
		n--;
	}
	return bytes_of(p, n);
}

struct bytes parse_word(struct bytes *text)
{
	const char *p = text->p, *end = p + text->n, *from;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	from = p;
	while (p < end && *p != ' ' && *p != '\t')
		p++;
	*text = bytes_of(p, (size_t)(end - p));
	return bytes_of(from, (size_t)(p - from));
}

/* What stands before the next such byte, or before the end. */
static bool take_until(struct bytes *text, char end, struct bytes *ret)
{
	const char *p = text->p;
	const char *at;
	size_t n;

	if (text->n == 0)
		return false;
	at = memchr(p, end, text->n);
	n = at ? (size_t)(at - p) : text->n;
	*ret = bytes_of(p, n);
	*text = bytes_of(p + n + (at != NULL), text->n - n - (at != NULL));
	return true;
}

bool parse_line(struct bytes *text, struct bytes *ret_line)
{
	return take_until(text, '\n', ret_line);
}

bool parse_nul(struct bytes *text, struct bytes *ret_part)
{
	return take_until(text, '\0', ret_part);
}

struct bytes parse_stat_field(struct bytes text, int field)
{
	const char *p = text.n ? memrchr(text.p, ')', text.n) : NULL;
	struct bytes word = {0}, rest;
	int i;

	if (!p)
		return word;
	rest = bytes_of(p + 1, (size_t)((const char *)text.p + text.n - p - 1));
	for (i = 3; i <= field; i++)
		word = parse_word(&rest);
	return parse_trim(word);
}
