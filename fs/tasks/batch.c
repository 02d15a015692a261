#include "batch.h"
#include "base/log.h"
#include "link/link.h"
#include "mirror/merge.h"
#include "tree/fs.h"
#include "wire/limits.h"
#include "wire/map_items.h"
#include "wire/scan.h"

#include <malloc.h>

/*
 * The controller answers when all is on its disk, and that can be slow: as long
 * as the controller is heard, the mount waits. It is the line that finds out
 * that there is none.
 */
#define SUBMIT_TIMEOUT (3600 * USEC_PER_SEC)

/* The memory of what such a map was made from is given back at once. */
#define MAP_IS_LARGE MIB

static void on_reply(struct request *q, int err, struct msg *reply);
static void ask_again(struct request *q);

struct batch *batch_new(struct fs *fs, void *owner, uid_t uid, gid_t gid)
{
	struct batch *b = zalloc(sizeof(*b));

	b->fs = fs;
	b->owner = owner;
	b->uid = uid;
	b->gid = gid;
	b->q.done = on_reply;
	b->q.again = ask_again;
	list_init(&b->link);
	return b;
}

void batch_free(struct batch *b)
{
	unsigned i;

	if (!b)
		return;
	link_forget(b->fs->link, &b->q);
	list_del(&b->link);
	for (i = 0; i < b->n; i++) {
		json_object_put(b->item[i].options);
		json_object_put(b->item[i].code);
		json_object_put(b->item[i].stdin_);
		buf_done(&b->item[i].text);
		buf_done(&b->item[i].items);
	}
	free(b->item);
	free(b);
}

static struct json_object *take(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_get(json_get(o, key));

	json_object_object_del(o, key);
	return v;
}

static struct bytes string_of(struct json_object *v)
{
	return bytes_of(json_object_get_string(v),
			(size_t)json_object_get_string_len(v));
}

static void take_map(struct item *it)
{
	struct json_object *list = take(it->options, "map");
	struct buf json = BUF_INIT;

	/* The only error was found by task_options_check(). */
	if (list && map_items_put(list, &it->items, &json))
		abort();
	if (json.n)
		json_add_str(it->options, "json_items", buf_str(&json));
	buf_done(&json);
	it->has_map = list != NULL;
	it->map = buf_bytes(&it->items);
	json_object_put(list);
	/* As JSON each item was an object of its own: eight times as much. */
	if (it->items.n > MAP_IS_LARGE)
		malloc_trim(0);
}

struct item *batch_add(struct batch *b, struct json_object *options,
		       struct buf *text)
{
	static char self[ID_SIZE];
	static unsigned long long tokens;
	struct item *it;

	if (!self[0])
		id_new(self);
	if (b->n == b->room) {
		b->room = b->room ? b->room * 2 : 1;
		b->item = xreallocarray(b->item, b->room, sizeof(*b->item));
	}
	it = &b->item[b->n++];
	*it = (struct item){
		.options = options,
		.code = take(options, "code"),
		.stdin_ = take(options, "stdin"),
	};
	if (text) {
		it->text = *text;
		*text = (struct buf)BUF_INIT;
	}
	snprintf(it->token, sizeof(it->token), "%s-%llu", self,
		 ++tokens);
	take_map(it);
	b->bytes += it->text.n + it->items.n + 256;
	if (it->code)
		b->bytes += string_of(it->code).n;
	if (it->stdin_)
		b->bytes += string_of(it->stdin_).n;
	return it;
}

static void add_buffer(struct json_object *o, const char *key,
		       struct bytes what, struct bytes *buf, unsigned *nbuf)
{
	json_add_int(o, key, *nbuf);
	buf[(*nbuf)++] = what;
}

#define ITEM_BUFFERS 3

static struct json_object *item_json(const struct batch *b,
				     const struct item *it, struct bytes *buf,
				     unsigned *nbuf)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "token", it->token);
	json_add(o, "options", json_object_get(it->options));
	add_buffer(o, "code",
		   it->code ? string_of(it->code) : buf_bytes(&it->text), buf,
		   nbuf);
	if (it->stdin_ || it->has_stdin)
		add_buffer(o, "stdin",
			   it->stdin_ ? string_of(it->stdin_)
				      : it->stdin_bytes, buf, nbuf);
	if (it->has_map)
		add_buffer(o, "map", it->map, buf, nbuf);
	if (it->view)
		json_add_bool(o, "view", true);
	json_add_int(o, "uid", b->uid);
	json_add_int(o, "gid", b->gid);
	return o;
}

static int put_question(struct batch *b, bool again)
{
	struct bytes *buf = xreallocarray(NULL, b->n * ITEM_BUFFERS,
					  sizeof(*buf));
	struct json_object *o = json_object_new_object();
	struct json_object *a = json_object_new_array();
	struct msg_out out = {.type = MSG_SUBMIT_REQUEST, .content = o};
	unsigned i;
	int err;

	json_add(o, "results", a);
	for (i = 0; i < b->n; i++)
		json_push(a, item_json(b, &b->item[i], buf, &out.nbuffers));
	out.buffers = buf;
	err = again ? link_ask_again(b->fs->link, &b->q, &out)
		    : link_ask(b->fs->link, &b->q, &out, SUBMIT_TIMEOUT);
	json_object_put(o);
	free(buf);
	return err;
}

int batch_send(struct batch *b)
{
	return put_question(b, false);
}

static void ask_again(struct request *q)
{
	struct batch *b = container_of(q, struct batch, q);
	int err = put_question(b, true);

	if (err)
		b->done(b, err, NULL, 0, "");
}

struct batch_answer {
	int64_t seq, id;
	struct bytes results;
};

static const struct field answer_fields[] = {
	{"seq", FIELD_INT, offsetof(struct batch_answer, seq), 0},
	{"results", FIELD_SPAN, offsetof(struct batch_answer, results), 0},
	{"id", FIELD_INT, offsetof(struct batch_answer, id), 0},
	{.name = NULL},
};

/* What became of the items of a batch. */
struct outcome {
	struct batch *b;
	uint64_t seq;
	uint64_t *ids;
	unsigned n;
	int refused;
	char *why;	/* of the first refusal */
};

/* The snapshots go into the mirror before anybody hears of success. */
static void take_result(struct outcome *out, struct bytes v)
{
	struct batch_answer f = {0};
	int err = 0;

	(void)scan_fields(v, answer_fields, &f);
	if (f.id > 0 && f.id <= MIRROR_MAX_ID) {
		merge_result(out->b->fs->mirror, v, out->seq, true, NULL,
			     &err);
		out->ids[out->n++] = (uint64_t)f.id;
		return;
	}
	out->ids[out->n++] = 0;
	if (out->refused)
		return;
	err = request_refusal(v);
	out->refused = err ? err : -EREMOTEIO;
	out->why = request_reason(v);
}

static void take_results(struct outcome *out, struct bytes content)
{
	struct batch_answer f = {0};
	struct bytes v;
	struct scan s;

	if (!scan_fields(content, answer_fields, &f) ||
	    !scan_array(&s, f.results))
		return;
	out->seq = (uint64_t)f.seq;
	while (out->n < out->b->n && scan_element(&s, &v))
		take_result(out, v);
}

static void on_reply(struct request *q, int err, struct msg *reply)
{
	struct outcome out = {.b = container_of(q, struct batch, q)};
	struct batch *b = out.b;

	out.ids = zalloc(b->n * sizeof(*out.ids));
	if (!err)
		take_results(&out, request_content(reply));
	else if (reply)
		out.why = request_reason(request_content(reply));
	if (!err && out.n < b->n)
		err = -EREMOTEIO;
	if (!out.why)
		out.why = xstrdup(out.refused ? "the controller refuses the task"
					      : "");
	b->done(b, err, out.ids, out.refused, out.why);
	free(out.ids);
	free(out.why);
}
