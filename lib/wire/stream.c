#include "base/base.h"
#include "stream.h"

static const char *const names[STREAMS] = {
	[STREAM_STDOUT] = "stdout", [STREAM_STDERR] = "stderr",
	[STREAM_VALUE] = "value",   [STREAM_DATA] = "data",
	[STREAM_CODE] = "code",	    [STREAM_STDIN] = "stdin",
	[STREAM_MAP] = "map",
};

const char *stream_name(enum stream s)
{
	return names[s];
}

int stream_parse(const char *name)
{
	int i;

	for (i = 0; name && i < STREAMS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}
