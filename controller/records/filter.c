#include "base/base.h"
#include "filter.h"

#include "clients/client_ids.h"
#include "stock.h"
#include "store/columns.h"
#include "store/search.h"

/* So many values are in all the lists of one query. */
#define LIMIT_VALUES 30000
#define LIMIT_NESTING 8
/* Of a key in a message of an error. */
#define NAME_SHOWN 64
/* Stands before each test, which may be of a whole message: is there time left? */
#define IN_TIME " AND in_time() AND "

struct filter {
	struct controller *c;
	struct record_query *q;
	const char *ename;
	struct buf *why;
	int depth;
};

static bool fail(struct filter *f, const char *ename, const char *fmt, ...)
	printf_like(3, 4);

static bool fail(struct filter *f, const char *ename, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	f->ename = ename;
	buf_vprintf(f->why, fmt, ap);
	va_end(ap);
	return false;
}

static void add(struct filter *f, const char *sql)
{
	buf_puts(&f->q->where, sql);
}

/* A key of the records; a name that is none is a key whose value is null. */
struct key {
	const char *name;
	enum record_kind kind;
	bool known;
};

static void add_key(struct filter *f, const struct key *k)
{
	if (k->known)
		buf_printf(&f->q->where, "\"%s\"", k->name);
	else
		add(f, "NULL");
}

/* --- values ------------------------------------------------------------- */

/* A date where the key is one, else the value itself. */
static bool add_value(struct filter *f, const struct key *k,
		      struct json_object *v)
{
	int64_t usec;

	if (json_object_array_length(f->q->args) >= LIMIT_VALUES)
		return fail(f, "ValueError", "the query has too many values");
	if (json_object_is_type(v, json_type_array) ||
	    json_object_is_type(v, json_type_object)) {
		buf_puts(f->why, "a value of ");
		buf_put_escaped(f->why, bytes_str(k->name), NAME_SHOWN);
		return fail(f, "TypeError", " is no value");
	}
	add(f, "?");
	if (k->kind == RECORD_DATE && json_object_is_type(v, json_type_string) &&
	    date_parse(bytes_str(json_object_get_string(v)), &usec) == 0)
		json_push(f->q->args, json_object_new_int64(usec));
	else if (json_object_is_type(v, json_type_boolean))
		json_push(f->q->args,
			  json_object_new_int64(json_object_get_boolean(v)));
	else
		json_push(f->q->args, json_object_get(v));
	return true;
}

/* --- operators ---------------------------------------------------------- */

static bool is_null(struct filter *f, const struct key *k, bool yes)
{
	add_key(f, k);
	add(f, yes ? " IS NULL" : " IS NOT NULL");
	return true;
}

static bool op_eq(struct filter *f, const struct key *k, struct json_object *v,
		  const char *arg)
{
	(void)arg;
	if (!v)
		return is_null(f, k, true);
	add_key(f, k);
	add(f, " = ");
	return add_value(f, k, v);
}

/* A null is not equal to any value. */
static bool op_ne(struct filter *f, const struct key *k, struct json_object *v,
		  const char *arg)
{
	(void)arg;
	if (!v)
		return is_null(f, k, false);
	add_key(f, k);
	add(f, " IS NOT ");
	return add_value(f, k, v);
}

static bool op_compare(struct filter *f, const struct key *k,
		       struct json_object *v, const char *arg)
{
	int64_t usec;

	if (!v)
		return fail(f, "TypeError", "'%s' not supported with None",
			    arg);
	if (k->kind == RECORD_DATE &&
	    (!json_object_is_type(v, json_type_string) ||
	     date_parse(bytes_str(json_object_get_string(v)), &usec)))
		return fail(f, "TypeError",
			    "'%s' not supported between %s and what is no date",
			    arg, k->name);
	add_key(f, k);
	buf_printf(&f->q->where, " %s ", arg);
	return add_value(f, k, v);
}

static bool add_list(struct filter *f, const struct key *k,
		     struct json_object *list, bool *ret_null)
{
	size_t i, n = json_object_array_length(list), added = 0;

	*ret_null = false;
	add(f, "(");
	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (!v) {
			*ret_null = true;
			continue;
		}
		if (added++)
			add(f, ",");
		if (!add_value(f, k, v))
			return false;
	}
	add(f, ")");
	return true;
}

static bool op_in(struct filter *f, const struct key *k, struct json_object *v,
		  const char *arg)
{
	bool in = *arg == '+', null;

	if (!json_object_is_type(v, json_type_array))
		return fail(f, "TypeError", "%s: the value is no list",
			    in ? "$in" : "$nin");
	/* SQL takes a null for neither in nor out of a list: that is decided here. */
	add(f, in ? "(COALESCE(" : "(NOT COALESCE(");
	add_key(f, k);
	add(f, " IN ");
	if (!add_list(f, k, v, &null))
		return false;
	add(f, ", 0)");
	if (null) {
		add(f, in ? " OR " : " AND ");
		(void)is_null(f, k, in);
	}
	add(f, ")");
	return true;
}

/* $all: the value is in every one of the lists; in a string, a part of it. */
static bool op_all(struct filter *f, const struct key *k,
		   struct json_object *v, const char *arg)
{
	size_t i, n;

	if (!json_object_is_type(v, json_type_array))
		return fail(f, "TypeError", "$all: the value is no list");
	n = json_object_array_length(v);
	add(f, "(1");
	for (i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(v, i);

		add(f, " AND ");
		if (json_object_is_type(one, json_type_array)) {
			if (!op_in(f, k, one, "+"))
				return false;
			continue;
		}
		if (!json_object_is_type(one, json_type_string))
			return fail(f, "TypeError",
				    "$all: an entry is no list");
		add(f, "COALESCE(within(");
		if (!add_value(f, &(struct key){.name = k->name}, one))
			return false;
		add(f, ", ");
		add_key(f, k);
		add(f, "), 0)");
	}
	add(f, ")");
	(void)arg;
	return true;
}

static bool op_mod(struct filter *f, const struct key *k,
		   struct json_object *v, const char *arg)
{
	int64_t by, is;

	(void)arg;
	if (!json_object_is_type(v, json_type_array) ||
	    json_object_array_length(v) != 2 ||
	    !json_is_int(json_object_array_get_idx(v, 0), INT64_MIN, INT64_MAX,
			 &by) ||
	    !json_is_int(json_object_array_get_idx(v, 1), INT64_MIN, INT64_MAX,
			 &is))
		return fail(f, "TypeError",
			    "$mod: the value is no list of two numbers");
	if (!by)
		return fail(f, "ZeroDivisionError",
			    "integer division or modulo by zero");
	/* No key of a record is a plain number, and a date has no remainder. */
	add(f, "(typeof(");
	add_key(f, k);
	buf_printf(&f->q->where, ") = 'integer' AND %d AND ",
		   k->kind != RECORD_DATE);
	add_key(f, k);
	add(f, " % ");
	if (!add_value(f, k, json_object_array_get_idx(v, 0)))
		return false;
	add(f, " = ");
	if (!add_value(f, k, json_object_array_get_idx(v, 1)))
		return false;
	add(f, ")");
	return true;
}

static bool op_exists(struct filter *f, const struct key *k,
		      struct json_object *v, const char *arg)
{
	(void)arg;
	return is_null(f, k, !stock_true(v));
}

static bool op_glob(struct filter *f, const struct key *k,
		    struct json_object *v, const char *arg)
{
	(void)arg;
	if (!json_object_is_type(v, json_type_string))
		return fail(f, "TypeError", "$glob: the value is no string");
	if (json_object_get_string_len(v) > LIMIT_PATTERN)
		return fail(f, "ValueError", "$glob: the pattern is too long");
	add_key(f, k);
	add(f, " GLOB ");
	return add_value(f, &(struct key){.name = k->name}, v);
}

static const struct {
	const char *name;
	bool (*add)(struct filter *f, const struct key *k,
		    struct json_object *v, const char *arg);
	const char *arg;
} operators[] = {
	{"$eq", op_eq, ""},	  {"$ne", op_ne, ""},
	{"$lt", op_compare, "<"}, {"$lte", op_compare, "<="},
	{"$gt", op_compare, ">"}, {"$gte", op_compare, ">="},
	{"$in", op_in, "+"},	  {"$nin", op_in, "-"},
	{"$all", op_all, ""},	  {"$mod", op_mod, ""},
	{"$exists", op_exists, ""}, {"$glob", op_glob, ""},
};

/* --- whole queries ------------------------------------------------------ */

static bool add_test(struct filter *f, const struct key *k, const char *name,
		     struct json_object *v)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(operators); i++)
		if (strcmp(operators[i].name, name) == 0)
			return operators[i].add(f, k, v, operators[i].arg);
	f->ename = "KeyError";
	stock_quoted(f->why, "", bytes_str(name));
	return false;
}

static bool add_tests(struct filter *f, const char *name,
		      struct json_object *v)
{
	int column = record_column(name);
	struct key k = {.name = name, .known = column >= 0};

	if (k.known)
		k.kind = record_columns[column].kind;
	if (!json_object_is_type(v, json_type_object))
		return op_eq(f, &k, v, "");
	add(f, "(1");
	json_object_object_foreach(v, test, value) {
		add(f, IN_TIME);
		if (!add_test(f, &k, test, value))
			return false;
	}
	add(f, ")");
	return true;
}

static bool add_query(struct filter *f, struct json_object *query);

static bool add_queries(struct filter *f, struct json_object *list,
			const char *join)
{
	size_t i, n;

	if (!json_object_is_type(list, json_type_array) ||
	    !json_object_array_length(list))
		return fail(f, "TypeError", "$and, $or and $nor take lists");
	n = json_object_array_length(list);
	add(f, "(");
	for (i = 0; i < n; i++) {
		add(f, i ? join : "");
		if (!add_query(f, json_object_array_get_idx(list, i)))
			return false;
	}
	add(f, ")");
	return true;
}

static bool add_one(struct filter *f, const char *name, struct json_object *v)
{
	if (strcmp(name, "$and") == 0)
		return add_queries(f, v, " AND ");
	if (strcmp(name, "$or") == 0)
		return add_queries(f, v, " OR ");
	if (strcmp(name, "$nor") == 0) {
		/* What is null is not equal to a value: so it is none of these. */
		add(f, "NOT COALESCE(");
		if (!add_queries(f, v, " OR "))
			return false;
		add(f, ", 0)");
		return true;
	}
	return add_tests(f, name, v);
}

static bool add_query(struct filter *f, struct json_object *query)
{
	if (!json_object_is_type(query, json_type_object))
		return fail(f, "AttributeError", "a query is an object");
	if (++f->depth > LIMIT_NESTING)
		return fail(f, "ValueError", "the query is too deep");
	add(f, "(1");
	json_object_object_foreach(query, name, v) {
		add(f, IN_TIME);
		if (!add_one(f, name, v))
			return false;
	}
	add(f, ")");
	f->depth--;
	return true;
}

/*
 * Which results have these msg_ids is known here: of all others the store
 * reads nothing.
 */
static void narrow(struct filter *f, struct json_object *ids)
{
	bool is_list = json_object_is_type(ids, json_type_array);
	size_t i, n = is_list ? json_object_array_length(ids) : 1, found = 0;
	uint64_t *results = xreallocarray(NULL, n + 1, sizeof(*results));

	for (i = 0; i < n; i++) {
		struct json_object *v =
			is_list ? json_object_array_get_idx(ids, i) : ids;
		const char *s = json_object_get_string(v);
		uint32_t index;
		uint64_t id = s ? client_ids_task(f->c, bytes_str(s), &index)
				: 0;

		if (id)
			results[found++] = id;
	}
	record_query_among(f->q, results, found);
	free(results);
}

bool filter_read(struct controller *c, struct json_object *query,
		 struct record_query *q, const char **ret_ename,
		 struct buf *why)
{
	struct filter f = {.c = c, .q = q, .why = why};
	struct json_object *ids = json_get(query, "msg_id");
	bool ok;

	if (json_object_is_type(ids, json_type_object))
		ids = json_get(ids, "$in") ? json_get(ids, "$in")
					   : json_get(ids, "$eq");
	ok = add_query(&f, query);
	if (ok && (json_object_is_type(ids, json_type_array) ||
		   json_object_is_type(ids, json_type_string)))
		narrow(&f, ids);
	*ret_ename = f.ename;
	return ok;
}
