/*
 * unit.h: what all unit tests share. A test file holds functions
 *
 *	static void test_what_it_shows(void **state)
 *
 * and a main() with UNIT_MAIN(). Every assertion is cmocka's; the fixtures are
 * read from tests/fixtures/ of the source tree. Memory of a test that failed
 * is not freed.
 */
#ifndef TASKFS_UNIT_H
#define TASKFS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/buf.h"
#include "wire/json.h"

/* Runs the tests of an array of struct CMUnitTest `tests`, in order. */
#define UNIT_MAIN(tests) \
	int main(void) \
	{ \
		unit_begin(); \
		return cmocka_run_group_tests_name(__FILE__, tests, NULL, \
						   NULL); \
	}

/* libsodium, and who removes unit_dir(). */
void unit_begin(void);

#define assert_bytes(got, want) unit_assert_bytes(got, want, __FILE__, __LINE__)
void unit_assert_bytes(struct bytes got, struct bytes want, const char *file,
		       int line);
#define assert_text(got, want) assert_bytes(got, bytes_str(want))

/* A JSON file of tests/fixtures/; the caller puts it. Fails when it is bad. */
struct json_object *unit_fixture(const char *name);
/* Appends what base64 text stands for. */
void unit_base64(struct buf *out, const char *text);

/* A new empty directory, removed at exit; owned by the harness. */
const char *unit_dir(void);
/* A path in it; valid until the next call. */
const char *unit_path(const char *name);
/* Writes the text to that file in it, below directories that need not be there. */
void unit_put(const char *name, const char *text);

#endif
