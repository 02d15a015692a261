#include "base/base.h"
#include "recover_parts.h"

#include "base/parse.h"
#include "store/deps.h"
#include "store/files.h"
#include "store/pools.h"
#include "wire/ids.h"
#include "wire/limits.h"
#include "wire/pool_option.h"
#include "wire/state.h"

#include <dirent.h>

/* --- outputs ------------------------------------------------------------ */

/* Reads the name of a file of an output: "7.0.stdout". */
static int parse_output(const char *name, uint64_t *result, uint64_t *index,
			int *stream)
{
	const char *dot = strchr(name, '.');
	const char *last = dot ? strchr(dot + 1, '.') : NULL;

	if (!last)
		return -EINVAL;
	*stream = stream_parse(last + 1);
	if (*stream < 0 || *stream >= STREAM_OUTPUTS ||
	    parse_u64(bytes_of(name, (size_t)(dot - name)), 1,
		      INT64_MAX >> INDEX_BITS, result) ||
	    parse_u64(bytes_of(dot + 1, (size_t)(last - dot - 1)), 0,
		      LIMIT_TASKS - 1, index))
		return -EINVAL;
	return 0;
}

/* Makes a table of the outputs that there are, which the statements below can ask. */
static int list_outputs(struct recover *k)
{
	DIR *dir = opendir(k->db.outputs);
	struct dirent *d = NULL;
	sqlite3_stmt *put = NULL;
	int err = dir || errno == ENOENT ? 0 : -errno;

	recover_change(k, &err, "CREATE TEMP TABLE files(key INTEGER, stream INTEGER, "
			"size INTEGER, PRIMARY KEY(key, stream))");
	if (!err)
		err = recover_prepare(k->db.sql, &put, sqlite3_mprintf(
			"INSERT OR IGNORE INTO temp.files VALUES(?,?,?)"));
	while (!err && dir && (errno = 0, d = readdir(dir))) {
		uint64_t result, index, size;
		int stream;

		if (parse_output(d->d_name, &result, &index, &stream))
			continue;
		err = files_size(&k->db, result, (uint32_t)index,
				 (enum stream)stream, &size);
		if (err)
			break;
		sqlite3_bind_int64(put, 1, store_key(result, (uint32_t)index));
		sqlite3_bind_int64(put, 2, stream);
		sqlite3_bind_int64(put, 3, (int64_t)size);
		err = db_finish(put);
	}
	if (!err && dir && !d && errno)
		err = -errno;
	sqlite3_finalize(put);
	if (dir)
		closedir(dir);
	return err;
}

/* --- what fits together ------------------------------------------------- */

#define LOST_NAME "'Lost'"
#define LOST_TEXT "'what tasks.db said of it was damaged'"
/* Texts of statements: enum state. */
#define PENDING "1"
#define OK "3"
#define ERROR "4"
static_assert(STATE_PENDING == 1 && STATE_OK == 3 && STATE_ERROR == 4, "below");

/* A number from 0 to most, or NULL. */
#define LAST "100000000000000000"
#define KEPT(column, most) \
	"(" column " IS NULL OR (typeof(" column ")='integer' AND " column \
	" BETWEEN 0 AND " most "))"
#define KEPT_OR(column, most, other) \
	"CASE WHEN " KEPT(column, most) " THEN " column " ELSE " other " END"
#if LIMIT_TIME != 100000000000000000 || LIMIT_ID != 4294967294 || \
	LIMIT_EXIT != 255 || LIMIT_SIGNAL != 64 || LIMIT_ENGINES != 65536
#error "they are in the statements below"
#endif

#define TASKS_OF(id) "tasks WHERE key>=" id "<<24 AND key<(" id "+1)<<24"
#define BAD_OPTIONS \
	"(NOT ifnull(json_valid(options),0) OR json_type(options)<>'object')"
/* size: of the file of a stream of a task, or NULL */
#define FILE_SIZE(s) \
	"(SELECT size FROM temp.files f WHERE f.key=tasks.key AND stream=" s ")"
/* Of a column ("stdout"): fewer bytes are there than the row says. */
#define IS_SHORT(s, bit, column) \
	"(" column "_size>CASE WHEN in_file&" bit " THEN ifnull(" FILE_SIZE(s) \
	",-1) ELSE ifnull(length(" column "),0) END)"
#define ANY_SHORT \
	"(" IS_SHORT("0", "1", "stdout") " OR " IS_SHORT("1", "2", "stderr") \
	" OR " IS_SHORT("2", "4", "value") " OR " IS_SHORT("3", "8", "data") ")"
#define REAL_SIZE(s, bit, column) \
	column "_size=CASE WHEN in_file&" bit " THEN ifnull(" FILE_SIZE(s) \
	",0) ELSE ifnull(length(" column "),0) END"

/* The repairs, in this order. said: what the user is told of the rows that were
 * changed, if any were. */
static const struct {
	const char *said, *change;
} repairs[] = {
	{"results had numbers that cannot be: these are forgotten",
	 "UPDATE results SET uid=" KEPT_OR("uid", "4294967294", "(SELECT uid FROM temp.known)") ","
	 " gid=" KEPT_OR("gid", "4294967294", "(SELECT gid FROM temp.known)") ","
	 " submitted=" KEPT_OR("submitted", LAST, "0") ","
	 " born=" KEPT_OR("born", LAST, "NULL") ","
	 " rest_when=" KEPT_OR("rest_when", LAST, "NULL") ","
	 " rest_elapsed=" KEPT_OR("rest_elapsed", LAST, "NULL")
	 " WHERE NOT (" KEPT("uid", "4294967294") " AND "
	 KEPT("gid", "4294967294") " AND " KEPT("submitted", LAST) " AND "
	 KEPT("born", LAST) " AND " KEPT("rest_when", LAST) " AND "
	 KEPT("rest_elapsed", LAST) ")"},
	{"tasks had numbers that cannot be: these are forgotten",
	 "UPDATE tasks SET engine=" KEPT_OR("engine", "2147483647", "NULL") ","
	 " attempt=" KEPT_OR("attempt", "65535", "1") ","
	 " started=" KEPT_OR("started", LAST, "NULL") ","
	 " completed=" KEPT_OR("completed", LAST, "NULL") ","
	 " received=" KEPT_OR("received", LAST, "NULL") ","
	 " exit_status=" KEPT_OR("exit_status", "255", "NULL") ","
	 " signal=" KEPT_OR("signal", "64", "NULL") ","
	 " began=" KEPT_OR("began", LAST, "NULL") ","
	 " ran=" KEPT_OR("ran", LAST, "NULL") ","
	 " elapsed=" KEPT_OR("elapsed", LAST, "NULL")
	 " WHERE NOT (" KEPT("engine", "2147483647") " AND "
	 KEPT("attempt", "65535") " AND " KEPT("started", LAST) " AND "
	 KEPT("completed", LAST) " AND " KEPT("received", LAST) " AND "
	 KEPT("exit_status", "255") " AND " KEPT("signal", "64") " AND "
	 KEPT("began", LAST) " AND " KEPT("ran", LAST) " AND "
	 KEPT("elapsed", LAST) ")"},
	/* A page of another table may have been read as one of this. */
	{NULL,
	 "DELETE FROM results WHERE id<1 OR id>=1<<39 OR"
	 " ifnull(kind,'') NOT IN ('task','map','view','wire')"},
	{NULL, "DELETE FROM tasks WHERE key<1<<24 OR (key&0xffffff)>=1000000"},
	{"tasks were in no state that there is: they have ended as errors",
	 "UPDATE tasks SET state=" ERROR ", ename=" LOST_NAME ","
	 " evalue=" LOST_TEXT
	 " WHERE typeof(state)<>'integer' OR state<1 OR state>5"},
	{"tasks are known by their outputs alone",
	 "INSERT INTO tasks(key,state,ename,evalue,attempt,in_file,"
	 "stdout_size,stderr_size,value_size,data_size)"
	 " SELECT key," ERROR "," LOST_NAME "," LOST_TEXT ",1,sum(1<<stream),"
	 "sum(size*(stream=0)),sum(size*(stream=1)),"
	 "sum(size*(stream=2)),sum(size*(stream=3))"
	 " FROM temp.files WHERE key NOT IN (SELECT key FROM tasks)"
	 " GROUP BY key"},
	/* Without code nothing can run. */
	{NULL,
	 "UPDATE tasks SET state=" ERROR ", ename=" LOST_NAME ","
	 " evalue=" LOST_TEXT
	 " WHERE state<" OK " AND (key>>24) NOT IN (SELECT id FROM results)"},
	{"results are known by their tasks alone",
	 "INSERT INTO results(id,kind,tasks,uid,gid,submitted,options,held,"
	 "rest_state,rest_when,rest_ename,rest_evalue,code)"
	 " SELECT key>>24,CASE WHEN max(key&0xffffff)>0 THEN 'map' ELSE 'task' END,"
	 " max(key&0xffffff)+1,(SELECT uid FROM temp.known),(SELECT gid FROM temp.known),"
	 "ifnull(min(started),0),'{}',0," ERROR ","
	 " ifnull(min(started),0)," LOST_NAME "," LOST_TEXT ",x'' FROM tasks"
	 " WHERE (key>>24) NOT IN (SELECT id FROM results) GROUP BY 1"},
	/* A row may be older than what was told of the task. */
	{"tasks had not ended as far as the log can be read: they have ended as errors",
	 "UPDATE tasks SET state=" ERROR ", ename=" LOST_NAME ","
	 " evalue='the log of tasks.db was damaged: it may have run on'"
	 " WHERE state<" OK " AND NOT (SELECT log FROM temp.known)"},
	/* A task without a row would be begun: who knows whether it was. */
	{"results had more tasks begun than are known: those that are not known "
	 "have ended as errors",
	 "UPDATE results SET rest_state=" ERROR ", rest_when=submitted,"
	 " rest_ename=" LOST_NAME ", rest_evalue=" LOST_TEXT
	 " WHERE ifnull(rest_state,0)=0"
	 " AND (SELECT count(*) FROM " TASKS_OF("id") ")"
	 "  <>min(tasks, CASE WHEN (SELECT begun FROM temp.known)"
	 "   THEN ifnull((SELECT n FROM temp.old_begun WHERE result=id),0)"
	 "   ELSE tasks END)"},
	{"results had an impossible number of tasks: what is not known of them has "
	 "ended as an error",
	 "UPDATE results SET tasks=2+ifnull("
	 "(SELECT max(key&0xffffff) FROM " TASKS_OF("id") "),-1),"
	 " rest_state=" ERROR ", rest_when=submitted, rest_ename=" LOST_NAME ","
	 " rest_evalue=" LOST_TEXT " WHERE typeof(tasks)<>'integer' OR tasks<0 OR tasks>1000000 OR"
	 " tasks<=ifnull((SELECT max(key&0xffffff) FROM " TASKS_OF("id") "),-1)"},
	{NULL,
	 "UPDATE tasks SET state=" ERROR ", ename=" LOST_NAME ","
	 " evalue='its options were damaged' WHERE state=" PENDING
	 " AND (key>>24) IN (SELECT id FROM results WHERE " BAD_OPTIONS ")"},
	{"results had options that cannot be read: what waited of them has ended as "
	 "an error",
	 "UPDATE results SET options='{}', deps=NULL, rest_when=submitted,"
	 " rest_state=" ERROR ", rest_ename=" LOST_NAME ","
	 " rest_evalue='its options were damaged' WHERE " BAD_OPTIONS},
	{NULL,
	 "UPDATE tasks SET state=" ERROR ", ename=" LOST_NAME ","
	 " evalue='what it waited for was damaged' WHERE state=" PENDING
	 " AND (key>>24) IN (SELECT id FROM results WHERE NOT deps_good(deps))"},
	{"results waited for what cannot be read: what waited of them has ended as an "
	 "error",
	 "UPDATE results SET deps=NULL, rest_when=submitted,"
	 " rest_state=" ERROR ", rest_ename=" LOST_NAME ","
	 " rest_evalue='what it waited for was damaged' WHERE NOT deps_good(deps)"},
	/* An empty file where data was would be a wrong answer. */
	{"tasks have lost an output, or a part of one: they have ended as errors",
	 "UPDATE tasks SET state=CASE state WHEN " OK " THEN " ERROR
	 " ELSE state END, ename=ifnull(ename," LOST_NAME "),"
	 " evalue=trim(ifnull(evalue,'')||' (an output of it is lost)')"
	 " WHERE state>=" OK " AND " ANY_SHORT},
	{NULL,
	 "UPDATE tasks SET " REAL_SIZE("0", "1", "stdout") ","
	 REAL_SIZE("1", "2", "stderr") "," REAL_SIZE("2", "4", "value")
	 "," REAL_SIZE("3", "8", "data") ", in_file=in_file&ifnull("
	 "(SELECT sum(1<<stream) FROM temp.files f WHERE f.key=tasks.key),0)"
	 " WHERE in_file>0 OR (state>=" OK " AND " ANY_SHORT ")"},
	{NULL,
	 "DELETE FROM held_tasks WHERE (key>>24) NOT IN (SELECT id FROM results)"},
	{NULL, "DELETE FROM records WHERE result NOT IN (SELECT id FROM results)"},
	{NULL,
	 "DELETE FROM record_buffers WHERE record NOT IN "
	 "(SELECT result FROM records)"},
	{"pools had a name, or options, that cannot be read: they are lost",
	 "DELETE FROM pools WHERE id<1 OR NOT pool_good(name,options) OR "
	 "name IN (SELECT name FROM pools o WHERE o.id<pools.id)"},
	/* Launches may be lost that are in a queue: no more are to be added to them. */
	{"pools are paused, as launches of theirs may not be known: resume does away "
	 "with that",
	 "UPDATE pools SET paused=1,failures=0,until=0,why=NULL,slots=0,"
	 "resources=NULL"},
	{"launches were of no pool, or cannot be read: they are lost",
	 "DELETE FROM launches WHERE id<1 OR pool NOT IN (SELECT id FROM pools) OR"
	 " NOT launch_good(token,job) OR "
	 "token IN (SELECT token FROM launches o WHERE o.id<launches.id)"},
	{"launches had numbers that cannot be: these are forgotten",
	 "UPDATE launches SET count=" KEPT_OR("count", "65536", "1") ","
	 " registered=" KEPT_OR("registered", "2147483647", "0") ","
	 " state=CASE WHEN state BETWEEN 1 AND 4 THEN state ELSE 2 END,"
	 " since=" KEPT_OR("since", LAST, "0")
	 " WHERE NOT (ifnull(state,0) BETWEEN 1 AND 4 AND typeof(state)='integer' AND "
	 KEPT("count", "65536") " AND " KEPT("registered", "2147483647") " AND "
	 KEPT("since", LAST) ")"},
	{NULL, "DELETE FROM begun"},
	{NULL,
	 "INSERT INTO begun SELECT key>>24, count(*) FROM tasks GROUP BY 1"},
	{NULL,
	 "DELETE FROM meta WHERE ifnull(value,'')='' OR (key IN "
	 "('next_result','next_engine','next_launch') AND value GLOB '*[^0-9]*')"},
	{"rows of meta are lost, those with the next ids: ids go on 1000 behind the "
	 "last that is known",
	 "INSERT OR IGNORE INTO meta VALUES('next_result',0),"
	 "('next_launch',1000+ifnull((SELECT max(id) FROM launches),0)),"
	 "('next_engine',"
	 "1000+max(ifnull((SELECT max(id) FROM engines),0),"
	 "ifnull((SELECT max(engine) FROM tasks),0)))"},
	/* Ids of what is lost altogether are not given again. */
	{NULL,
	 "UPDATE meta SET value=1000+max(CAST(value AS INTEGER),"
	 "ifnull((SELECT max(id) FROM results),0)) WHERE key='next_result'"},
	{NULL,
	 "UPDATE meta SET value=max(CAST(value AS INTEGER),"
	 "1+ifnull((SELECT max(id) FROM launches),0))"
	 "+CASE WHEN (SELECT log FROM temp.known) THEN 0 ELSE 1000 END"
	 " WHERE key='next_launch'"},
	{NULL,
	 "UPDATE meta SET value=max(CAST(value AS INTEGER),"
	 "1+ifnull((SELECT max(id) FROM engines),-1),"
	 "1+ifnull((SELECT max(engine) FROM tasks),-1))"
	 "+CASE WHEN (SELECT log FROM temp.known) THEN 0 ELSE 1000 END"
	 " WHERE key='next_engine'"},
};

static void deps_good(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	(void)n;
	sqlite3_result_int(ctx, deps_are_good((const char *)
					      sqlite3_value_text(v[0])));
}

static const char *text_of(sqlite3_value *v)
{
	return (const char *)sqlite3_value_text(v);
}

static void pool_good(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	(void)n;
	sqlite3_result_int(ctx, pool_texts_good(text_of(v[0]), text_of(v[1]), NULL));
}

static void launch_good(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const char *token = text_of(v[0]), *job = text_of(v[1]);

	(void)n;
	sqlite3_result_int(ctx, token && launch_token_ok(bytes_str(token)) &&
					(!job || strlen(job) <= LIMIT_JOB));
}

static int add_functions(sqlite3 *sql)
{
	static const struct {
		const char *name;
		int args;
		void (*f)(sqlite3_context *ctx, int n, sqlite3_value **v);
	} rows[] = {
		{"deps_good", 1, deps_good},
		{"pool_good", 2, pool_good},
		{"launch_good", 2, launch_good},
	};
	int err = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows) && !err; i++)
		err = sql_errno(sqlite3_create_function(
			sql, rows[i].name, rows[i].args, SQLITE_UTF8, NULL,
			rows[i].f, NULL, NULL));
	return err;
}

/* Writes down what the statements ask for that is in no row. */
static int put_known(struct recover *k, uid_t uid, gid_t gid)
{
	char *text = sqlite3_mprintf(
		"CREATE TEMP TABLE known AS SELECT %u AS uid, %u AS gid,"
		" %d AS log, %d AS begun", (unsigned)uid, (unsigned)gid,
		!k->log_lost, !k->log_lost && !k->begun_lost);
	int err = add_functions(k->db.sql);

	recover_change(k, &err, text);
	sqlite3_free(text);
	return err;
}

/* Message ids begin with the name of the cluster: without it nothing that comes back
 * is known. */
static int put_cluster(struct recover *k)
{
	char id[ID_SIZE], *text;
	int err = 0;

	id_new(id);
	text = sqlite3_mprintf("INSERT OR IGNORE INTO meta VALUES('cluster',%Q)",
			       id);
	if (recover_change(k, &err, text))
		recover_say(k, "the cluster's id is lost: it has a new one");
	sqlite3_free(text);
	return err;
}

int repair_rows(struct recover *k, uid_t uid, gid_t gid)
{
	int err = put_known(k, uid, gid);
	size_t i;

	if (!err)
		err = list_outputs(k);
	for (i = 0; i < ARRAY_SIZE(repairs) && !err; i++) {
		int64_t n = recover_change(k, &err, repairs[i].change);

		if (n && repairs[i].said)
			recover_say(k, "%lld %s", (long long)n, repairs[i].said);
	}
	return err ? err : put_cluster(k);
}
