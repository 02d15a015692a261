#include "base/base.h"
#include "deps.h"

#include "base/parse.h"

static const char *const endings[] = {
	[ON_OK] = "ok",
	[ON_ERROR] = "error",
	[ON_ANY] = "any",
	[ON_FAIL] = "fail",
};

int dep_ending_parse(struct bytes text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(endings); i++)
		if (bytes_is(text, endings[i]))
			return (int)i;
	return -1;
}

void dep_put(struct buf *b, const struct dep *d)
{
	buf_printf(b, "%s%llu:%s:%s", b->n ? " " : "",
		   (unsigned long long)d->id, endings[d->on],
		   d->follow ? "follow" : "after");
	if (d->met)
		buf_printf(b, ":met:%lld", (long long)d->engine);
}

static struct bytes field(struct bytes *text)
{
	const char *p = text->p;
	const char *colon = memchr(p, ':', text->n);
	size_t n = colon ? (size_t)(colon - p) : text->n;

	*text = bytes_of(p + n + (colon != NULL),
			 text->n - n - (colon != NULL));
	return bytes_of(p, n);
}

static bool parse_met(struct bytes rest, struct dep *d)
{
	uint64_t engine;

	d->engine = -1;
	d->met = rest.n != 0;
	if (!d->met)
		return true;
	if (!bytes_is(field(&rest), "met"))
		return false;
	if (bytes_is(rest, "-1"))
		return true;
	if (parse_u64(rest, 0, INT32_MAX, &engine))
		return false;
	d->engine = (int64_t)engine;
	return true;
}

int dep_next(struct bytes *text, struct dep *ret_d)
{
	struct bytes word = parse_word(text), kind;
	struct dep d = {0};
	int on;

	if (!word.n)
		return 0;
	if (parse_u64(field(&word), 1, INT64_MAX, &d.id))
		return -EINVAL;
	on = dep_ending_parse(field(&word));
	kind = field(&word);
	d.follow = bytes_is(kind, "follow");
	if (on < 0 || (!d.follow && !bytes_is(kind, "after")) ||
	    !parse_met(word, &d))
		return -EINVAL;
	d.on = (uint8_t)on;
	*ret_d = d;
	return 1;
}

bool deps_are_good(const char *text)
{
	struct bytes rest = bytes_str(text ? text : "");
	struct dep d;
	int more;

	while ((more = dep_next(&rest, &d)) > 0)
		;
	return more == 0;
}
