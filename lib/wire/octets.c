#include "wire/octets.h"
#include "base/parse.h"

#include <sodium.h>

#define VARIANT sodium_base64_VARIANT_ORIGINAL

struct json_object *octets_json(struct bytes b)
{
	struct json_object *o;
	size_t room;
	char *text;

	if (utf8_valid(b))
		return json_object_new_string_len(b.p ? b.p : "", (int)b.n);
	room = sodium_base64_ENCODED_LEN(b.n, VARIANT);
	text = xreallocarray(NULL, room, 1);
	sodium_bin2base64(text, room, b.p, b.n, VARIANT);
	o = json_object_new_object();
	json_add_str(o, "base64", text);
	free(text);
	return o;
}

static int put_base64(struct json_object *v, struct buf *out)
{
	struct bytes text = json_get_bytes(v, "base64");
	size_t n = 0;
	char *to;

	if (!text.p || json_object_object_length(v) != 1)
		return -EINVAL;
	to = buf_reserve(out, text.n / 4 * 3 + 3);
	if (sodium_base642bin((unsigned char *)to, text.n / 4 * 3 + 3, text.p,
			      text.n, NULL, &n, NULL, VARIANT) != 0)
		return -EINVAL;
	out->n += n;
	return 0;
}

int octets_put(struct json_object *v, struct buf *out)
{
	if (json_object_is_type(v, json_type_object))
		return put_base64(v, out);
	if (!json_object_is_type(v, json_type_string))
		return -EINVAL;
	buf_put(out, json_object_get_string(v),
		(size_t)json_object_get_string_len(v));
	return 0;
}

bool octets_are_text(struct json_object *v)
{
	struct buf b = BUF_INIT;
	bool good = octets_put(v, &b) == 0 && !bytes_have_nul(buf_bytes(&b));

	buf_done(&b);
	return good;
}
