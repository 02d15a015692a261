#include "batch.h"
#include "base/log.h"
#include "merge.h"

#define SUBMIT_TIMEOUT (30 * USEC_PER_SEC)

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
	link_forget(&b->fs->link, &b->q);
	list_del(&b->link);
	for (i = 0; i < b->n; i++) {
		json_object_put(b->item[i].options);
		json_object_put(b->item[i].code);
		json_object_put(b->item[i].stdin_);
		buf_done(&b->item[i].text);
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

void batch_add(struct batch *b, struct json_object *options, struct buf *text)
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
	b->bytes += it->text.n + 256;
	if (it->code)
		b->bytes += string_of(it->code).n;
	if (it->stdin_)
		b->bytes += string_of(it->stdin_).n;
}

static struct json_object *item_json(const struct batch *b,
				     const struct item *it, struct bytes *buf,
				     unsigned *nbuf)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "token", it->token);
	json_add(o, "options", json_object_get(it->options));
	json_add_int(o, "code", *nbuf);
	buf[(*nbuf)++] = it->code ? string_of(it->code) : buf_bytes(&it->text);
	if (it->stdin_) {
		json_add_int(o, "stdin", *nbuf);
		buf[(*nbuf)++] = string_of(it->stdin_);
	}
	json_add_int(o, "uid", b->uid);
	json_add_int(o, "gid", b->gid);
	return o;
}

static int put_question(struct batch *b, bool again)
{
	struct bytes *buf = xreallocarray(NULL, b->n * 2, sizeof(*buf));
	struct json_object *o = json_object_new_object();
	struct json_object *a = json_object_new_array();
	struct msg_out out = {.type = MSG_SUBMIT_REQUEST, .content = o};
	unsigned i;
	int err;

	json_add(o, "results", a);
	for (i = 0; i < b->n; i++)
		json_push(a, item_json(b, &b->item[i], buf, &out.nbuffers));
	out.buffers = buf;
	err = again ? link_ask_again(&b->fs->link, &b->q, &out)
		    : link_ask(&b->fs->link, &b->q, &out, SUBMIT_TIMEOUT);
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

/* The snapshots go into the mirror before anybody hears of success. */
static uint64_t take_result(struct batch *b, struct json_object *v,
			    uint64_t seq, int *refused, const char **why)
{
	int64_t id = json_int_or(v, "id", 0);
	const char *text = json_get_str(v, "evalue", NULL);
	int err = 0;

	if (id > 0 && id <= MIRROR_MAX_ID) {
		merge_result(&b->fs->mirror, v, seq, true, NULL, &err);
		return (uint64_t)id;
	}
	if (!*refused) {
		*refused = request_refusal(v);
		*why = text ? text : "the controller refuses the task";
	}
	if (!*refused)
		*refused = -EREMOTEIO;
	return 0;
}

static void on_reply(struct request *q, int err, struct msg *reply)
{
	struct batch *b = container_of(q, struct batch, q);
	struct json_object *content = reply ? reply->content : NULL;
	struct json_object *a = json_get_array(content, "results");
	uint64_t seq, *ids;
	const char *why = NULL;
	int refused = 0;
	unsigned i;

	if (!err && (!a || json_object_array_length(a) != b->n))
		err = -EREMOTEIO;
	if (err) {
		why = json_get_str(content, "evalue", NULL);
		b->done(b, err, NULL, 0, why ? why : "");
		return;
	}
	ids = xreallocarray(NULL, b->n, sizeof(*ids));
	seq = (uint64_t)json_int_or(content, "seq", 0);
	for (i = 0; i < b->n; i++)
		ids[i] = take_result(b, json_object_array_get_idx(a, i), seq,
				     &refused, &why);
	b->done(b, 0, ids, refused, why);
	free(ids);
}
