#include "wire/line.h"

static const struct {
	const char *tag;
	enum engine_line line;
} rows[CARRIED] = {
	[CARRY_REGISTRATION] = {"registration", LINE_CONTROL},
	[CARRY_CONTROL] = {"control", LINE_CONTROL},
	[CARRY_PING] = {"hb_ping", LINE_CONTROL},
	[CARRY_PONG] = {"hb_pong", LINE_CONTROL},
	[CARRY_MUX] = {"mux", LINE_TASK},
	[CARRY_TASK] = {"task", LINE_TASK},
	[CARRY_BROADCAST] = {"broadcast", LINE_TASK},
	[CARRY_IOPUB] = {"iopub", LINE_TASK},
};

enum engine_line line_of(enum carried c)
{
	return rows[c].line;
}

struct bytes line_tag(enum carried c)
{
	return bytes_str(rows[c].tag);
}

bool line_find(enum engine_line l, struct bytes tag, enum carried *ret_c)
{
	int c;

	for (c = 0; c < CARRIED; c++) {
		*ret_c = (enum carried)c;
		if (rows[c].line == l && bytes_is(tag, rows[c].tag))
			return true;
	}
	return false;
}
