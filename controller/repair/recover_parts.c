#include "base/base.h"
#include "recover_parts.h"

void recover_say(struct recover *k, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(k->out, format, args);
	va_end(args);
	fputc('\n', k->out);
}

int64_t recover_change(struct recover *k, int *err, const char *text)
{
	if (!*err)
		*err = db_said(&k->db, sqlite3_exec(k->db.sql, text, NULL, NULL,
						    NULL));
	return *err ? 0 : sqlite3_changes(k->db.sql);
}

int recover_prepare(sqlite3 *sql, sqlite3_stmt **st, char *text)
{
	int rc = sqlite3_prepare_v2(sql, text, -1, st, NULL);

	sqlite3_free(text);
	return sql_errno(rc);
}
