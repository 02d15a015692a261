#include "tests/unit/unit.h"
#include "wire/script.h"

/* The options that come of a script and of what was said beside it; or why not. */
static char *got(const char *code, const char *said)
{
	struct json_object *o = json_parse(bytes_str(said), NULL);
	struct buf why = BUF_INIT;
	int err = script_options(bytes_str(code), o, &why);
	char *text;

	if (err)
		text = buf_take(&why);
	else
		text = xstrdup(json_object_to_json_string_ext(
			o, JSON_C_TO_STRING_PLAIN |
				   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	buf_done(&why);
	return text;
}

static void test_what_is_found(void **state)
{
	static const struct {
		const char *code, *said, *want;
	} rows[] = {
		{"#!/bin/sh\n#TASKFS time_limit=600 label=build\necho\n", "{}",
		 "{\"time_limit\":600,\"label\":\"build\"}"},
		{"# a comment\n\n  # one more\n#TASKFS\tretries=2\r\n:\n", "{}",
		 "{\"retries\":2}"},
		{"#TASKFS after=\"12 prepare\" cwd='/a b'\n", "{}",
		 "{\"after\":[12,\"prepare\"],\"cwd\":\"/a b\"}"},
		{"#TASKFS targets=0,2-3\n", "{}", "{\"targets\":[0,2,3]}"},
		{"#TASKFS memory=2G resources='gpu 1'\n", "{}",
		 "{\"memory\":\"2G\",\"resources\":{\"gpu\":1}}"},
		/* What is said beside the script wins. */
		{"#TASKFS retries=2 priority=5\n", "{\"retries\":9}",
		 "{\"retries\":9,\"priority\":5}"},
		/* Not behind the head, and not in other words. */
		{"echo\n#TASKFS retries=2\n", "{}", "{}"},
		{"#TASKFSX retries=2\n# TASKFS retries=3\n#TASKFS\n", "{}", "{}"},
		{"", "{}", "{}"},
		{"#TASKFS nothing=1\n", "{}",
		 "line 1 of the script, #TASKFS: there is no option \"nothing\""},
		{"#\n#TASKFS retries\n", "{}",
		 "line 2 of the script, #TASKFS: it has words NAME=VALUE, and "
		 "quotes round a value with blanks"},
		{"#TASKFS label=\"a\n", "{}",
		 "line 1 of the script, #TASKFS: it has words NAME=VALUE, and "
		 "quotes round a value with blanks"},
		{"#TASKFS label=\"a\"b\n", "{}",
		 "line 1 of the script, #TASKFS: it has words NAME=VALUE, and "
		 "quotes round a value with blanks"},
		{"#TASKFS retries=x\n", "{}",
		 "line 1 of the script, #TASKFS: \"retries\" must be a whole "
		 "number"},
		{"#TASKFS retries=1\n#TASKFS retries=1\n", "{}",
		 "line 2 of the script, #TASKFS: \"retries\" stands there twice"},
		{"#TASKFS code=x\n", "{}",
		 "line 1 of the script, #TASKFS: \"code\" cannot stand there"},
		{"#TASKFS map=x\n", "{}",
		 "line 1 of the script, #TASKFS: \"map\" cannot stand there"},
		{"#TASKFS retry_on=error\n", "{}",
		 "\"retry_on\" needs \"retries\": how often"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = got(rows[i].code, rows[i].said);

		if (strncmp(text, rows[i].want, strlen(rows[i].want)) != 0)
			assert_string_equal(text, rows[i].want);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
