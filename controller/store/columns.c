#include "base/base.h"
#include "columns.h"

#include "search.h"

/*
 * q is the record of a client's task, r the row of its result, t the row of the task.
 * A mount's task has no q, and a task that ended without a reply has a q without one.
 * What is missing there is made of r and t, in the form that ipyparallel's clients read.
 * isodate(), jtext() and output() are functions of records.c.
 */
const char record_tables[] =
	"results r LEFT JOIN tasks t ON t.key >= (r.id << 24)"
	" AND t.key < ((r.id + 1) << 24)"
	" LEFT JOIN records q ON q.result = r.id";

#define CLUSTER "(SELECT value FROM meta WHERE key = 'cluster')"
#define STATE "COALESCE(t.state, NULLIF(r.rest_state, 0), 1)"
#define MSG_ID \
	"COALESCE(q.msg_id, t.msg_id, " CLUSTER "||'_'||r.id||'_'||" \
	"(COALESCE(t.key, 0) & 16777215)||'_1')"
/* The numbers of enum state: 3 is ok, 4 is error, 5 is aborted. */
#define STATUS \
	"CASE " STATE " WHEN 3 THEN 'ok' WHEN 4 THEN 'error' ELSE 'aborted' END"
#define ENDED(of) "CASE WHEN " STATE " >= 3 THEN " of " END"
#define END_TIME "COALESCE(t.completed, r.rest_when)"
#define COMPLETED "COALESCE(q.completed, " ENDED(END_TIME) ")"
/* A text that is stored as bytes. */
#define TEXT(of) "CAST(" of " AS TEXT)"
#define OUTPUT(n, name) "output(t.key, " n ", t.in_file, t." name ")"
#define VALUE \
	"CASE t.value_is_stdout WHEN 1 THEN " OUTPUT("0", "stdout") \
	" ELSE " OUTPUT("2", "value") " END"
#define ENAME "jtext(COALESCE(t.ename, r.rest_ename, 'Error'))"
#define EVALUE "jtext(COALESCE(t.evalue, r.rest_evalue, ''))"
#define TRACEBACK \
	"json_array(jtext(COALESCE(t.traceback," \
	" COALESCE(t.ename, r.rest_ename, 'Error')||': '||" \
	"COALESCE(t.evalue, r.rest_evalue, ''))))"

const struct record_column_row record_columns[RECORD_COLUMNS] = {
	[REC_MSG_ID] = {"msg_id", RECORD_TEXT, MSG_ID},
	[REC_HEADER] = {"header", RECORD_JSON,
		"COALESCE(q.header, json_object('msg_id', " MSG_ID ","
		" 'msg_type', 'execute_request', 'username', 'taskfs',"
		" 'session', " CLUSTER ", 'date', isodate(r.submitted),"
		" 'version', '5.3'))"},
	[REC_METADATA] = {"metadata", RECORD_JSON,
		"COALESCE(q.metadata, json_object('label', r.name,"
		" 'taskfs', json(r.options)))"},
	[REC_CONTENT] = {"content", RECORD_JSON,
		"COALESCE(q.content, json_object('code', jtext(r.code),"
		" 'silent', json('false'), 'user_expressions', json('{}')))"},
	[REC_BUFFERS] = {"buffers", RECORD_BUFFERS, "''"},
	[REC_SUBMITTED] = {"submitted", RECORD_DATE,
		"COALESCE(q.submitted, r.submitted)"},
	[REC_CLIENT_UUID] = {"client_uuid", RECORD_TEXT,
		"COALESCE(json_extract(q.header, '$.session'), " CLUSTER ")"},
	[REC_ENGINE_UUID] = {"engine_uuid", RECORD_TEXT,
		"COALESCE(q.engine_uuid, t.engine_uuid)"},
	[REC_STARTED] = {"started", RECORD_DATE,
		"CASE WHEN q.result IS NULL THEN t.started"
		" ELSE q.started END"},
	[REC_COMPLETED] = {"completed", RECORD_DATE,
		COMPLETED},
	[REC_RESUBMITTED] = {"resubmitted", RECORD_TEXT, "q.resubmitted"},
	[REC_RECEIVED] = {"received", RECORD_DATE,
		"COALESCE(q.received, "
		ENDED("COALESCE(t.received, r.rest_when)") ")"},
	[REC_RESULT_HEADER] = {"result_header", RECORD_JSON,
		"COALESCE(q.result_header, "
		ENDED("json_object('msg_id', " MSG_ID "||'_reply', 'msg_type',"
		      " CASE WHEN q.result IS NULL THEN 'execute_reply'"
		      " ELSE 'apply_reply' END, 'username', 'taskfs',"
		      " 'session', COALESCE(t.engine_uuid, " CLUSTER "),"
		      " 'date', isodate(" END_TIME "), 'version', '5.3')") ")"},
	[REC_RESULT_METADATA] = {"result_metadata", RECORD_JSON,
		"COALESCE(q.result_metadata, "
		ENDED("CASE WHEN q.result IS NULL"
		      " THEN json_object('started', isodate(t.started),"
		      " 'dependencies_met', json('true'),"
		      " 'engine', t.engine_uuid, 'status', " STATUS ")"
		      " ELSE json_object('status', " STATUS ","
		      " 'engine', t.engine_uuid,"
		      " 'date', isodate(" END_TIME ")) END") ")"},
	[REC_RESULT_CONTENT] = {"result_content", RECORD_JSON,
		"COALESCE(q.result_content, CASE " STATE
		" WHEN 3 THEN json_object('status', 'ok', 'execution_count', 1,"
		" 'user_expressions', json('{}'), 'payload', json('[]'))"
		" WHEN 4 THEN json_object('status', 'error', 'ename', " ENAME ","
		" 'evalue', " EVALUE ", 'traceback', " TRACEBACK ","
		" 'engine_info', json('{}'))"
		" WHEN 5 THEN json_object('status', 'aborted', 'ename',"
		" 'TaskAborted', 'evalue',"
		" jtext(COALESCE(CASE WHEN t.state IS NULL THEN r.rest_evalue"
		" ELSE t.evalue END, 'it was aborted')),"
		" 'traceback', json('[]'), 'engine_info', json('{}')) END)"},
	[REC_RESULT_BUFFERS] = {"result_buffers", RECORD_BUFFERS,
		"CASE WHEN " COMPLETED " NOTNULL THEN '' END"},
	[REC_QUEUE] = {"queue", RECORD_TEXT, "COALESCE(q.queue, 'task')"},
	[REC_EXECUTE_INPUT] = {"execute_input", RECORD_TEXT,
		"CASE WHEN q.result IS NULL THEN " TEXT("r.code")
		" ELSE q.execute_input END"},
	[REC_EXECUTE_RESULT] = {"execute_result", RECORD_JSON,
		"CASE WHEN q.result IS NOT NULL THEN q.execute_result"
		" WHEN " STATE " = 3 THEN json_object('data',"
		" json_object('text/plain', jtext(" VALUE ")),"
		" 'metadata', json('{}'), 'execution_count', 1) END"},
	[REC_ERROR] = {"error", RECORD_JSON,
		"CASE WHEN q.result IS NOT NULL THEN q.error"
		" WHEN " STATE " = 4 THEN json_object('ename', " ENAME ","
		" 'evalue', " EVALUE ", 'traceback', " TRACEBACK ") END"},
	[REC_STDOUT] = {"stdout", RECORD_TEXT,
		TEXT("COALESCE(" OUTPUT("0", "stdout") ", '')")},
	[REC_STDERR] = {"stderr", RECORD_TEXT,
		TEXT("COALESCE(" OUTPUT("1", "stderr") ", '')")},
	[REC_LABEL] = {"label", RECORD_TEXT,
		"COALESCE(json_extract(q.metadata, '$.label'), r.name)"},
	[REC_DISPLAY_DATA] = {"display_data", RECORD_EXTRA,
			      "q.display_data"},
};

int record_column(const char *key)
{
	int i;

	for (i = 0; i < RECORD_COLUMNS; i++)
		if (strcmp(record_columns[i].key, key) == 0)
			return i;
	return -1;
}
