/* Queries of ipyparallel's db_query: as SQL, and what they find. */
#include "tests/unit/fake_controller.h"

#include "clients/client_ids.h"
#include "records/filter.h"

/* Single quotes will do. */
static struct json_object *read_query(const char *text)
{
	char *copy = xstrdup(text), *p;
	struct json_object *o;

	for (p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	o = json_parse(bytes_str(copy), NULL);
	assert_non_null(o);
	free(copy);
	return o;
}

static const struct {
	const char *query, *where, *args;
} texts[] = {
	{"{}", "(1)", "[]"},
	{"{'label': 'x'}", "(1#\"label\" = ?)", "['x']"},
	{"{'label': null}", "(1#\"label\" IS NULL)", "[]"},
	{"{'no': 'x'}", "(1#NULL = ?)", "['x']"},
	{"{'a\\u0022b': null}", "(1#NULL IS NULL)", "[]"},
	{"{'label': {}}", "(1#(1))", "[]"},
	{"{'label': {'$eq': 1.5}}", "(1#(1#\"label\" = ?))", "[1.5]"},
	{"{'label': {'$ne': true}}", "(1#(1#\"label\" IS NOT ?))", "[1]"},
	{"{'label': {'$ne': null}}", "(1#(1#\"label\" IS NOT NULL))", "[]"},
	{"{'label': {'$lt': 'b', '$gte': 'a'}}",
	 "(1#(1#\"label\" < ?#\"label\" >= ?))", "['b','a']"},
	{"{'label': {'$lte': 'b', '$gt': 'a'}}",
	 "(1#(1#\"label\" <= ?#\"label\" > ?))", "['b','a']"},
	/* Dates are microseconds. */
	{"{'completed': {'$lt': '1970-01-01T00:00:01.5Z'}}",
	 "(1#(1#\"completed\" < ?))", "[1500000]"},
	{"{'completed': 'soon'}", "(1#\"completed\" = ?)", "['soon']"},
	{"{'queue': {'$in': ['a', null, 2]}}",
	 "(1#(1#(COALESCE(\"queue\" IN (?,?), 0) OR \"queue\" IS NULL)))",
	 "['a',2]"},
	{"{'queue': {'$nin': ['a', null]}}",
	 "(1#(1#(NOT COALESCE(\"queue\" IN (?), 0) AND "
	 "\"queue\" IS NOT NULL)))", "['a']"},
	{"{'queue': {'$in': []}}", "(1#(1#(COALESCE(\"queue\" IN (), 0))))",
	 "[]"},
	{"{'queue': {'$all': ['a', ['b']]}}",
	 "(1#(1#(1 AND COALESCE(within(?, \"queue\"), 0) AND "
	 "(COALESCE(\"queue\" IN (?), 0)))))", "['a','b']"},
	{"{'queue': {'$mod': [-3, 9000000000000000000]}}",
	 "(1#(1#(typeof(\"queue\") = 'integer' AND 1 AND \"queue\" % ? = ?)))",
	 "[-3,9000000000000000000]"},
	{"{'started': {'$mod': [3, 1]}}",
	 "(1#(1#(typeof(\"started\") = 'integer' AND 0 AND "
	 "\"started\" % ? = ?)))", "[3,1]"},
	{"{'error': {'$exists': true}}", "(1#(1#\"error\" IS NOT NULL))", "[]"},
	{"{'error': {'$exists': false}}", "(1#(1#\"error\" IS NULL))", "[]"},
	{"{'error': {'$glob': '*x'}}", "(1#(1#\"error\" GLOB ?))", "['*x']"},
	{"{'$or': [{'label': 'a'}, {}]}", "(1#((1#\"label\" = ?) OR (1)))",
	 "['a']"},
	{"{'$and': [{}, {}], 'label': 'a'}",
	 "(1#((1) AND (1))#\"label\" = ?)", "['a']"},
	{"{'$nor': [{}, {}]}", "(1#NOT COALESCE(((1) OR (1)), 0))", "[]"},
	/* Which results these are is known here. */
	{"{'msg_id': 'cluster_1_0_1'}", "(1#\"msg_id\" = ?) AND rid IN (1)",
	 "['cluster_1_0_1']"},
	{"{'msg_id': {'$in': ['cluster_2_0_1', 'no', 3]}}",
	 "(1#(1#(COALESCE(\"msg_id\" IN (?,?,?), 0)))) AND rid IN (2)",
	 "['cluster_2_0_1','no',3]"},
	{"{'msg_id': {'$eq': 'no'}}", "(1#(1#\"msg_id\" = ?)) AND rid IN ()",
	 "['no']"},
};

/* Each # stands for what comes before each test. */
static char *with_time(const char *where)
{
	struct buf b = BUF_INIT;

	for (; *where; where++) {
		if (*where == '#')
			buf_puts(&b, " AND in_time() AND ");
		else
			buf_putc(&b, *where);
	}
	return buf_take(&b);
}

static int setup(void **state)
{
	fake_setup(state);
	client_ids_init(*state);
	return 0;
}

static int teardown(void **state)
{
	struct controller *c = *state;

	settle(c);
	client_ids_done(c);
	return fake_teardown(state);
}

static void test_as_sql(void **state)
{
	struct controller *c = *state;
	size_t i;

	submit(c, "{}");
	submit(c, "{}");
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json_object *query = read_query(texts[i].query);
		struct json_object *args = read_query(texts[i].args);
		struct record_query *q = record_query_new(REC_ALL);
		char *where = with_time(texts[i].where);
		struct buf why = BUF_INIT;
		const char *ename;

		if (!filter_read(c, query, q, &ename, &why))
			fail_msg("%s: %s", texts[i].query, buf_str(&why));
		assert_text(buf_bytes(&q->where), where);
		assert_bytes(json_bytes(q->args), json_bytes(args));
		record_query_free(q);
		json_object_put(query);
		json_object_put(args);
		free(where);
	}
}

#define X16 "xxxxxxxxxxxxxxxx"
#define U16 "üüüüüüüüüüüüüüüü"

static const struct {
	const char *query, *ename, *why;
} refusals[] = {
	{"[]", "AttributeError", "a query is an object"},
	{"{'$or': [3]}", "AttributeError", "a query is an object"},
	{"{'$or': []}", "TypeError", "$and, $or and $nor take lists"},
	{"{'$and': {}}", "TypeError", "$and, $or and $nor take lists"},
	{"{'label': {'$no': 1}}", "KeyError", "'$no'"},
	/* No copy of a long text, and no half of a letter. */
	{"{'label': {'x" U16 U16 U16 U16 "': 1}}", "KeyError",
	 "'x" U16 U16 U16 "üüüüüüüüüüüüüüü\\xc3...'"},
	{"{'" X16 X16 X16 X16 "y': [1]}", "TypeError",
	 "a value of " X16 X16 X16 X16 "... is no value"},
	{"{'label': {'$eq': {}}}", "TypeError", "a value of label is no value"},
	{"{'label': {'$lt': null}}", "TypeError", "'<' not supported with None"},
	{"{'started': {'$gte': 3}}", "TypeError",
	 "'>=' not supported between started and what is no date"},
	{"{'label': {'$in': 'x'}}", "TypeError", "$in: the value is no list"},
	{"{'label': {'$nin': 'x'}}", "TypeError", "$nin: the value is no list"},
	{"{'label': {'$all': 'x'}}", "TypeError", "$all: the value is no list"},
	{"{'label': {'$all': [1]}}", "TypeError", "$all: an entry is no list"},
	{"{'label': {'$mod': [1]}}", "TypeError",
	 "$mod: the value is no list of two numbers"},
	{"{'label': {'$mod': [1, 'x']}}", "TypeError",
	 "$mod: the value is no list of two numbers"},
	{"{'label': {'$mod': [0, 1]}}", "ZeroDivisionError",
	 "integer division or modulo by zero"},
	{"{'label': {'$glob': 1}}", "TypeError", "$glob: the value is no string"},
	{"{'$or': [{'$or': [{'$or': [{'$or': [{'$or': [{'$or': [{'$or': ["
	 "{'$or': [{}]}]}]}]}]}]}]}]}", "ValueError", "the query is too deep"},
};

static void test_refusals(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct json_object *query = read_query(refusals[i].query);
		struct record_query *q = record_query_new(REC_ALL);
		struct buf why = BUF_INIT;
		const char *ename;

		if (filter_read(*state, query, q, &ename, &why))
			fail_msg("%s is taken", refusals[i].query);
		assert_string_equal(ename, refusals[i].ename);
		assert_text(buf_bytes(&why), refusals[i].why);
		record_query_free(q);
		json_object_put(query);
		buf_done(&why);
	}
}

/* --- what is found ------------------------------------------------------------ */

static const struct {
	const char *query, *found;	/* "result.task" */
} queries[] = {
	{"{}", "1.0 2.0 2.1 3.0"},
	{"{'label': 'one'}", "1.0"},
	{"{'label': {'$ne': 'one'}}", "2.0 2.1 3.0"},
	{"{'label': {'$nin': ['one', null]}}", "3.0"},
	{"{'msg_id': {'$glob': 'cluster_2_[01]_1'}}", "2.0 2.1"},
	{"{'msg_id': 'cluster_2_1_1'}", "2.1"},
	{"{'completed': null}", "3.0"},
	{"{'error': {'$exists': true}}", "2.1"},
	{"{'error': {'$all': ['exit status 1']}}", "2.1"},
	{"{'submitted': {'$mod': [1, 0]}}", ""},
	{"{'submitted': {'$gt': '1970-01-01T00:00:00Z'},"
	 " 'label': {'$in': ['three', 'none']}}", "3.0"},
	{"{'$nor': [{'label': 'one'}, {'label': 'three'}]}", "2.0 2.1"},
	{"{'$nor': [{'$nor': [{'label': 'one'}]}]}", "1.0"},
	{"{'label': ''}", ""},
	{"{'no': null, 'label': 'three'}", "3.0"},
};

static void answered(struct store_op *op)
{
	assert_int_equal(op->err, *(int *)op->arg);
}

static struct record_query *ask(struct controller *c, struct json_object *query,
				int err)
{
	struct record_query *q = record_query_new(REC_ALL);
	struct buf why = BUF_INIT;
	const char *ename;

	if (!filter_read(c, query, q, &ename, &why))
		fail_msg("%s", buf_str(&why));
	store_query(c->store, q, answered, &err);
	settle(c);
	return q;
}

static void test_what_is_found(void **state)
{
	struct controller *c = *state;
	struct result *map;
	size_t i, n;

	submit(c, "{'label': 'one'}");
	map = submit_map(c, 2, "{}");
	engine_add(c, 0);
	settle(c);
	engine_find(c, 0)->draining = true;
	submit(c, "{'label': 'three'}");
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	ends(map, 0, EVENT_ABORT);
	ends(map, 1, EVENT_FAIL);
	for (i = 0; i < ARRAY_SIZE(queries); i++) {
		struct json_object *query = read_query(queries[i].query);
		struct record_query *q = ask(c, query, 0);
		struct buf got = BUF_INIT;

		for (n = 0; n < q->n; n++)
			buf_printf(&got, "%s%llu.%u", n ? " " : "",
				   (unsigned long long)q->found[n].result,
				   q->found[n].index);
		if (strcmp(buf_str(&got), queries[i].found) != 0)
			fail_msg("%s finds %s", queries[i].query, buf_str(&got));
		record_query_free(q);
		json_object_put(query);
		buf_done(&got);
	}
}

/* So many conditions are more than SQLite takes: that is said, and no error here. */
static void test_a_query_that_is_too_wide(void **state)
{
	struct controller *c = *state;
	struct json_object *query = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct record_query *q;
	int i;

	for (i = 0; i < 2000; i++)
		json_push(list, json_object_new_object());
	json_add(query, "$or", list);
	q = ask(c, query, -E2BIG);
	assert_true(q->too_wide);
	assert_int_equal(store_errors(c->store), 0);
	record_query_free(q);
	json_object_put(query);
}

static void test_a_query_of_too_many_values(void **state)
{
	struct json_object *query = json_object_new_object();
	struct json_object *in = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct record_query *q = record_query_new(REC_ALL);
	struct buf why = BUF_INIT;
	const char *ename;
	int i;

	for (i = 0; i < 30000; i++)
		json_push(list, json_object_new_int(i));
	json_add(in, "$in", list);
	json_add(query, "label", in);
	assert_true(filter_read(*state, query, q, &ename, &why));
	record_query_free(q);
	q = record_query_new(REC_ALL);
	json_push(list, json_object_new_int(i));
	assert_false(filter_read(*state, query, q, &ename, &why));
	assert_string_equal(ename, "ValueError");
	assert_text(buf_bytes(&why), "the query has too many values");
	record_query_free(q);
	json_object_put(query);
	buf_done(&why);
}

#define FILTER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	FILTER_TEST(test_as_sql),
	FILTER_TEST(test_refusals),
	FILTER_TEST(test_what_is_found),
	FILTER_TEST(test_a_query_that_is_too_wide),
	FILTER_TEST(test_a_query_of_too_many_values),
};

UNIT_MAIN(tests)
