#include "base/base.h"
#include "pools.h"

#include "wire/json.h"
#include "wire/limits.h"
#include "wire/pool_option.h"
#include "wire/resource.h"

/* More in a row make no difference. */
#define FAILURES_MAX 1000000

/* --- writing ------------------------------------------------------------- */

static void bind_text(sqlite3_stmt *st, int i, const char *s)
{
	if (s)
		sqlite3_bind_text(st, i, s, -1, SQLITE_STATIC);
}

int db_put_pool(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_POOL);
	const struct pool_row *p = &op->pool;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, p->id);
	bind_text(st, 2, p->name);
	bind_text(st, 3, p->options);
	sqlite3_bind_int(st, 4, p->paused);
	sqlite3_bind_int64(st, 5, p->failures);
	sqlite3_bind_int64(st, 6, p->until);
	bind_text(st, 7, p->why);
	sqlite3_bind_int64(st, 8, p->slots);
	bind_text(st, 9, p->resources);
	return db_finish(st);
}

int db_put_launch(struct db *db, struct store_op *op)
{
	sqlite3_stmt *st = db_statement(db, S_LAUNCH);
	const struct launch_row *l = &op->launch;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, l->id);
	sqlite3_bind_int64(st, 2, l->pool);
	bind_text(st, 3, l->token);
	sqlite3_bind_int64(st, 4, l->count);
	sqlite3_bind_int64(st, 5, l->registered);
	sqlite3_bind_int(st, 6, l->state);
	sqlite3_bind_int64(st, 7, l->since);
	bind_text(st, 8, l->job);
	return db_finish(st);
}

static int remove_row(struct db *db, int statement, int64_t id)
{
	sqlite3_stmt *st = db_statement(db, statement);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, id);
	return db_finish(st);
}

int db_remove_pool(struct db *db, struct store_op *op)
{
	return remove_row(db, S_POOL_GONE, op->pool.id);
}

int db_remove_launch(struct db *db, struct store_op *op)
{
	return remove_row(db, S_LAUNCH_GONE, op->launch.id);
}

void pool_op_free(struct store_op *op)
{
	free(op->pool.name);
	free(op->pool.options);
	free(op->pool.why);
	free(op->pool.resources);
}

void launch_op_free(struct store_op *op)
{
	free(op->launch.token);
	free(op->launch.job);
}

/* --- reading ------------------------------------------------------------- */

static char *column_text(sqlite3_stmt *st, int i)
{
	return (char *)(uintptr_t)sqlite3_column_text(st, i);
}

static bool option_good(const char *name, struct json_object *v)
{
	const struct pool_option *o = pool_option_find(bytes_str(name));
	struct buf why = BUF_INIT;
	struct bytes value;
	bool good;

	if (!o || !json_object_is_type(v, json_type_string))
		return false;
	value = bytes_of(json_object_get_string(v),
			 (size_t)json_object_get_string_len(v));
	good = pool_option_check(o, value, &value, &why) == 0;
	buf_done(&why);
	return good;
}

static bool options_good(const char *text)
{
	struct json_object *o = text ? json_parse(bytes_str(text), NULL) : NULL;
	bool good = o && json_object_is_type(o, json_type_object);

	if (good) {
		json_object_object_foreach(o, name, v) {
			good = good && option_good(name, v);
		}
	}
	json_object_put(o);
	return good;
}

static bool resources_good(const char *text)
{
	struct json_object *o = text ? json_parse(bytes_str(text), NULL) : NULL;
	struct amounts a = {0};
	bool good = !text || (o && json_object_is_type(o, json_type_object) &&
			      amounts_read(&a, o) == 0);

	amounts_done(&a);
	json_object_put(o);
	return good;
}

bool pool_texts_good(const char *name, const char *options, const char *resources)
{
	return name && pool_name_ok(bytes_str(name)) && options_good(options) &&
	       resources_good(resources);
}

static bool is_in(int64_t n, int64_t most)
{
	return n >= 0 && n <= most;
}

const char *pool_row_read(sqlite3_stmt *st, struct pool_row *ret_row)
{
	*ret_row = (struct pool_row){
		.id = sqlite3_column_int64(st, 0),
		.name = column_text(st, 1),
		.options = column_text(st, 2),
		.paused = sqlite3_column_int(st, 3),
		.failures = sqlite3_column_int64(st, 4),
		.until = sqlite3_column_int64(st, 5),
		.why = column_text(st, 6),
		.slots = sqlite3_column_int64(st, 7),
		.resources = column_text(st, 8),
	};
	if (!pool_texts_good(ret_row->name, ret_row->options, ret_row->resources))
		return "the name, or the options, of a pool cannot be read";
	if (ret_row->id < 1 || !is_in(ret_row->failures, FAILURES_MAX) ||
	    !is_in(ret_row->until, LIMIT_TIME) || !is_in(ret_row->slots, LIMIT_SLOTS))
		return "a number of a pool cannot be";
	if (sqlite3_column_int64(st, 9) != 1)
		return "two pools have one name";
	return NULL;
}

const char *launch_row_read(sqlite3_stmt *st, struct launch_row *ret_row)
{
	*ret_row = (struct launch_row){
		.id = sqlite3_column_int64(st, 0),
		.pool = sqlite3_column_int64(st, 1),
		.token = column_text(st, 2),
		.count = sqlite3_column_int64(st, 3),
		.registered = sqlite3_column_int64(st, 4),
		.state = sqlite3_column_int(st, 5),
		.since = sqlite3_column_int64(st, 6),
		.job = column_text(st, 7),
	};
	if (ret_row->id < 1 || !is_in(ret_row->count, LIMIT_ENGINES) ||
	    !is_in(ret_row->registered, INT32_MAX) ||
	    !is_in(ret_row->since, LIMIT_TIME) || ret_row->state <= 0 ||
	    ret_row->state >= LAUNCH_STATES)
		return "a number of a launch cannot be";
	if (!ret_row->token || !launch_token_ok(bytes_str(ret_row->token)) ||
	    (ret_row->job && strlen(ret_row->job) > LIMIT_JOB))
		return "the name of a launch cannot be read";
	if (!sqlite3_column_int(st, 8))
		return "a launch is of no pool";
	if (sqlite3_column_int64(st, 9) != 1)
		return "two launches have one name";
	return NULL;
}
