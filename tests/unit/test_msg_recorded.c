#include "tests/unit/unit.h"
#include "wire/msg.h"

/* Messages as ipyparallel's programs sent them, and the same damaged. */

/* Every file of recorded frames. */
static const char *const recordings[] = {
	"wire/a_inside_controller.json",
	"wire/a_raw_client_vs_stock.json",
	"wire/b_inside_controller.json",
	"wire/b_raw_engine_dealer.json",
	"wire/b_raw_engine_router.json",
	"wire/d_raw_controller_vs_stock_client_engine.json",
	"wire/e_curve_raw_client.json",
	"wire/f_registration_variants.json",
};

/* One recorded message, decoded. */
struct recorded {
	struct buf frame[32];
	unsigned frames;
	const char *type;
	unsigned idents;	/* frames before the delimiter */
	bool framed;		/* it has a delimiter */
	bool forged;		/* sent to see it refused */
};

static void decode(struct recorded *r, struct json_object *m)
{
	struct json_object *f = json_get_array(m, "frames_b64");
	unsigned i;

	*r = (struct recorded){.type = json_get_str(m, "msg_type", NULL)};
	r->forged = strcmp(json_get_str(m, "tag", NULL), "bad signature") == 0;
	r->frames = (unsigned)json_object_array_length(f);
	assert_true(r->frames <= ARRAY_SIZE(r->frame));
	for (i = 0; i < r->frames; i++) {
		unit_base64(&r->frame[i], json_object_get_string(
			json_object_array_get_idx(f, i)));
		if (!r->framed && bytes_is(buf_bytes(&r->frame[i]),
					   MSG_DELIMITER)) {
			r->framed = true;
			r->idents = i;
		}
	}
}

static void forget(struct recorded *r)
{
	unsigned i;

	for (i = 0; i < r->frames; i++)
		buf_done(&r->frame[i]);
}

static struct msg as_msg(const struct recorded *r)
{
	struct msg m = {0};
	unsigned i;

	for (i = 0; i < r->frames; i++)
		msg_add_frame(&m, buf_bytes(&r->frame[i]));
	return m;
}

typedef void check_fn(struct recorded *r, struct bytes key);

static unsigned each_message(check_fn *check)
{
	unsigned n = 0;
	size_t f, i;

	for (f = 0; f < ARRAY_SIZE(recordings); f++) {
		struct json_object *file = unit_fixture(recordings[f]);
		struct json_object *all = json_get_array(file, "messages");
		struct bytes key = bytes_str(json_get_str(file, "key", NULL));

		assert_true(json_object_array_length(all) > 0);
		for (i = 0; i < json_object_array_length(all); i++) {
			struct recorded r;

			decode(&r, json_object_array_get_idx(all, i));
			check(&r, key);
			forget(&r);
			n++;
		}
		json_object_put(file);
	}
	return n;
}

static void opens_as_it_was_sent(struct recorded *r, struct bytes key)
{
	struct session s;
	struct msg m = as_msg(r);
	unsigned i, first = r->idents + 6;
	int err;

	session_init(&s, NULL, key, 10);
	err = msg_open(&m, &s, MSG_READ);
	if (!r->framed) { /* heartbeats, and copies of idents */
		assert_int_equal(err, -EBADMSG);
		assert_int_equal(s.count.malformed, 1);
		goto out;
	}
	if (r->forged) {
		assert_int_equal(err, -EBADMSG);
		assert_int_equal(s.count.forged, 1);
		goto out;
	}
	assert_int_equal(err, 0);
	assert_string_equal(m.type, r->type);
	assert_non_null(m.id);
	assert_int_equal(m.idents, r->idents);
	for (i = 0; i < r->idents; i++)
		assert_bytes(msg_ident(&m, i), buf_bytes(&r->frame[i]));
	assert_int_equal(msg_ident(&m, r->idents).n, 0);
	assert_int_equal(msg_buffers(&m), r->frames - first);
	for (i = first; i < r->frames; i++)
		assert_bytes(msg_buffer(&m, i - first),
			     buf_bytes(&r->frame[i]));
	assert_int_equal(msg_buffer(&m, r->frames - first).n, 0);
	assert_bytes(msg_part(&m, MSG_CONTENT),
		     buf_bytes(&r->frame[first - 1]));
	assert_non_null(m.content);
	assert_non_null(m.parent);
	assert_non_null(m.metadata);
	assert_int_equal(s.count.received, 1);
out:
	msg_done(&m);
	session_done(&s);
}

static void test_every_recorded_frame(void **state)
{
	(void)state;
	assert_int_equal(each_message(opens_as_it_was_sent), 416);
}

static void is_refused_damaged(struct recorded *r, struct bytes key)
{
	struct session s;
	struct msg m;
	unsigned i, k;

	if (!r->framed || r->forged || !key.n)
		return;
	session_init(&s, NULL, key, 0);
	/* Every frame cut short, one signed byte changed. */
	for (i = r->idents + 1; i < r->idents + 6; i++) {
		for (k = 0; k < 3; k++) {
			struct buf good = r->frame[i];
			char *copy = xmemdup(good.p, good.n);

			if (k == 0)
				r->frame[i].n /= 2;
			else if (k == 1)
				copy[good.n / 2] ^= 4;
			else
				r->frame[i].n = 0;
			r->frame[i].p = copy;
			m = as_msg(r);
			assert_int_equal(msg_open(&m, &s, MSG_READ), -EBADMSG);
			msg_done(&m);
			r->frame[i] = good;
			free(copy);
		}
	}
	/* Frames missing at the end. */
	for (i = r->idents + 1; i < r->idents + 6; i++) {
		struct recorded cut = *r;

		cut.frames = i;
		m = as_msg(&cut);
		assert_int_equal(msg_open(&m, &s, MSG_READ), -EBADMSG);
		msg_done(&m);
	}
	/* No delimiter. */
	r->frame[r->idents].p[0] = '[';
	m = as_msg(r);
	assert_int_equal(msg_open(&m, &s, MSG_READ), -EBADMSG);
	msg_done(&m);
	r->frame[r->idents].p[0] = '<';
	/* Undamaged it still opens. */
	m = as_msg(r);
	assert_int_equal(msg_open(&m, &s, MSG_READ), 0);
	msg_done(&m);
	session_done(&s);
}

static void test_damaged_frames_are_refused(void **state)
{
	(void)state;
	each_message(is_refused_damaged);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_every_recorded_frame),
	cmocka_unit_test(test_damaged_frames_are_refused),
};

UNIT_MAIN(tests)
