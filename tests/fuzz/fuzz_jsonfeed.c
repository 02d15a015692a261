/*
 * A stream of objects gives the same objects, however it is cut into pieces:
 * the first byte says into which. A mistake is in the same place. What is no
 * JSON is found out the same way.
 */
#include "tests/fuzz/fuzz.h"
#include "wire/jsonfeed.h"
#include "wire/textkind.h"

/* What came of a text: the objects, and whether it ended in a mistake. */
struct outcome {
	struct buf objects;
	int err;
	struct buf place;	/* of the mistake */
};

static int feed(struct jsonfeed *j, struct bytes text, struct outcome *out)
{
	struct buf why = BUF_INIT;
	struct json_object *o;
	int got;

	while ((got = jsonfeed_next(j, &text, &o, &why)) == 1) {
		struct bytes b = json_bytes(o);

		assert(json_object_is_type(o, json_type_object));
		buf_put(&out->objects, b.p, b.n);
		json_object_put(o);
	}
	assert((got < 0) == (why.n > 0));
	if (got < 0) {
		const char *end = strchr(buf_str(&why), ':');

		assert(end);
		buf_put(&out->place, why.p, (size_t)(end - why.p));
	}
	assert(got < 0 || text.n == 0);
	buf_done(&why);
	return got;
}

static struct outcome in_pieces(struct bytes text, size_t piece)
{
	struct jsonfeed j = {0};
	struct outcome out = {0};

	while (text.n && out.err == 0) {
		size_t n = min_u64(piece, text.n);

		out.err = feed(&j, bytes_of(text.p, n), &out);
		text = bytes_of((const char *)text.p + n, text.n - n);
	}
	/* What waits for the rest of a character does not get it. */
	if (out.err == 0)
		out.err = feed(&j, bytes_str("    "), &out);
	jsonfeed_done(&j);
	return out;
}

static enum text_kind kind_in_pieces(struct bytes text, size_t piece)
{
	struct textkind k = {0};
	enum text_kind kind = TEXT_NONE;

	while (text.n && !kind) {
		size_t n = min_u64(piece, text.n);

		kind = textkind_take(&k, bytes_of(text.p, n));
		text = bytes_of((const char *)text.p + n, text.n - n);
	}
	return kind ? kind : textkind_end(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, parts;
	struct bytes text;

	if (size < 2)
		return 0;
	text = bytes_of(data + 1, size - 1);
	whole = in_pieces(text, text.n);
	parts = in_pieces(text, (size_t)data[0] + 1);
	assert(whole.err == parts.err);
	assert(bytes_eq(buf_bytes(&whole.place), buf_bytes(&parts.place)));
	assert(kind_in_pieces(text, text.n) ==
	       kind_in_pieces(text, (size_t)data[0] + 1));
	/* A mistake close behind an object may be seen before it is given. */
	if (!whole.err)
		assert(bytes_eq(buf_bytes(&whole.objects),
				buf_bytes(&parts.objects)));
	buf_done(&whole.objects);
	buf_done(&whole.place);
	buf_done(&parts.place);
	buf_done(&parts.objects);
	return 0;
}
