#include "base/base.h"
#include "stock.h"

void stock_quoted(struct buf *out, const char *before, struct bytes text)
{
	buf_puts(out, "'");
	buf_puts(out, before);
	buf_put_escaped(out, text, 128);
	buf_puts(out, "'");
}

bool stock_true(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_array:
		return json_object_array_length(v);
	case json_type_object:
		return json_object_object_length(v);
	default:
		return json_object_get_boolean(v);
	}
}
