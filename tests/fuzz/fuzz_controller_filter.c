/*
 * A query of ipyparallel's db_query: it is refused with a sentence, or becomes SQL that
 * SQLite prepares and runs over the store's own tables. Of what a client sends nothing
 * stands in that SQL but the names of columns: every value is bound.
 */
#include "tests/fuzz/fuzz.h"

#include "clients/client_ids.h"
#include "model/results.h"
#include "records/filter.h"
#include "schedule/run.h"
#include "store/columns.h"
#include "store/open.h"
#include "store/ops.h"
#include "store/records.h"

/* A map that waits and runs, a task that failed, a task of a client. */
static const char rows[] =
	"INSERT INTO meta VALUES('cluster', 'c');"
	"INSERT INTO results(id, name, kind, tasks, uid, gid, submitted, options,"
	" code) VALUES(1, 'a', 'map', 2, 0, 0, 1000000, '{}', 'true'),"
	" (2, NULL, 'task', 1, 0, 0, 2000000, '{\"retries\": 1}', 'false'),"
	" (3, NULL, 'wire', 1, 0, 0, 3000000, '{}', '');"
	"INSERT INTO tasks(key, state, engine, engine_uuid, msg_id, attempt,"
	" started, completed, received, ename, evalue, in_file, stdout)"
	" VALUES((1 << 24) + 1, 2, 0, 'e', 'c_1_1_1', 1, 1500000, NULL, NULL,"
	" NULL, NULL, 0, NULL), (2 << 24, 4, 0, 'e', 'c_2_0_1', 1, 2500000,"
	" 2600000, 2700000, 'ExitStatus', 'exit status 1', 0, 'out');"
	"INSERT INTO records(result, msg_id, queue, submitted, header, metadata,"
	" content, dropped) VALUES(3, 'client', 'mux', 3000000,"
	" '{\"session\": \"s\"}', '{\"label\": \"l\"}', '{}', 0);";

static struct controller c;
static struct db db;
static struct buf said;		/* by SQLite, of the query */

static void on_error(void *arg, int rc, const char *text)
{
	(void)arg;
	(void)rc;
	buf_puts(&said, text);
	buf_puts(&said, "\n");
}

static void make_results(void)
{
	unsigned i;

	results_init(&c);
	client_ids_init(&c);
	snprintf(c.cluster, sizeof(c.cluster), "c");
	for (i = 1; i <= 3; i++)
		result_make(&c, i, 2)->ops = &result_ops_mount;
	client_ids_put(result_find(&c, 3), "client");
}

static void begin(void)
{
	int err;

	sqlite3_config(SQLITE_CONFIG_LOG, on_error, NULL);
	err = sqlite3_open(":memory:", &db.sql) ? -EIO : db_make_tables(&db);
	if (!err)
		err = db_exec(&db, rows);
	if (!err)
		err = db_open_records(&db);
	if (err)
		abort();
	make_results();
}

static bool is_word(struct bytes word)
{
	static const char *const words[] = {
		"AND", "OR", "NOT", "NULL", "IS", "IN", "GLOB", "COALESCE",
		"within", "typeof", "in_time", "rid",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (bytes_eq(word, bytes_str(words[i])))
			return true;
	return false;
}

static bool is_column(struct bytes name)
{
	char *copy = xmemdup_nul(name.p, name.n);
	bool is = record_column(copy) >= 0;

	free(copy);
	return is;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static struct bytes take(const char **p, const char *accept)
{
	struct bytes b = bytes_of(*p, strspn(*p, accept));

	*p += b.n;
	return b;
}

/* Ids stand there as numbers: they are the results' own. */
static void skip_ids(const char **p)
{
	static const char before[] = " IN (";

	assert(strncmp(*p, before, strlen(before)) == 0);
	*p += strlen(before);
	(void)take(p, DIGITS ",");
	assert(**p == ')');
	++*p;
}

/* The name of a column, in quotes. */
static void skip_column(const char **p)
{
	struct bytes name;

	++*p;
	name = take(p, LETTERS);
	assert(is_column(name));
	assert(**p == '"');
	++*p;
}

/* Nothing stands there but what filter.c has; returns the number of ?s. */
static size_t check_sql(const char *p)
{
	static const char integer[] = "'integer'";
	size_t values = 0;

	while (*p) {
		struct bytes word = take(&p, LETTERS);

		if (word.n) {
			assert(is_word(word));
			if (bytes_eq(word, bytes_str("rid")))
				skip_ids(&p);
		} else if (*p == '"') {
			skip_column(&p);
		} else if (*p == '\'') {
			assert(strncmp(p, integer, strlen(integer)) == 0);
			p += strlen(integer);
		} else if ((word = take(&p, DIGITS)).n) {
			assert(bytes_eq(word, bytes_str("0")) ||
			       bytes_eq(word, bytes_str("1")));
		} else {
			values += *p == '?';
			assert(strchr("()?,=<>% ", *p));
			p++;
		}
	}
	return values;
}

/* What SQLite may refuse is only how much it is. */
static bool is_limit(const char *text)
{
	return strstr(text, "Expression tree is too large") ||
	       strstr(text, "too many SQL variables") ||
	       strstr(text, "parser stack overflow");
}

static void ask(struct record_query *q)
{
	struct store_op op = {.kind = STORE_QUERY, .query = q};
	int err;

	buf_clear(&said);
	err = db_run(&db, &op);
	assert(!err || err == -ETIME ||
	       (err == -E2BIG && is_limit(buf_str(&said))));
	assert(err || q->n <= 4);
}

/* It goes to the client as JSON, and is no copy of what came. */
static void check_why(const struct buf *why)
{
	struct buf valid = BUF_INIT;

	buf_put_utf8(&valid, buf_bytes(why));
	assert(why->n && why->n < 1000);
	assert(bytes_eq(buf_bytes(&valid), buf_bytes(why)));
	buf_done(&valid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *query = json_parse(bytes_of(data, size), NULL);
	struct record_query *q;
	struct buf why = BUF_INIT;
	const char *ename = NULL;

	if (!query)
		return 0;
	if (!db.sql)
		begin();
	q = record_query_new(REC_ALL);
	if (!filter_read(&c, query, q, &ename, &why)) {
		assert(ename && *ename);
		check_why(&why);
	} else {
		assert(!ename && !why.n);
		assert(check_sql(buf_str(&q->where)) ==
		       json_object_array_length(q->args));
		ask(q);
	}
	record_query_free(q);
	json_object_put(query);
	buf_done(&why);
	return 0;
}
