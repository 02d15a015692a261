#include "tests/unit/unit.h"
#include "fs/mirror/note_what.h"
#include "fs/notify/notes.h"
#include "fs/notify/watchers.h"

#include <sys/inotify.h>
#include <sys/stat.h>

/* --- who watches -------------------------------------------------------- */

static void test_parse(void **state)
{
	static const char text[] =
		"pos:\t0\nflags:\t02004000\nmnt_id:\t15\nino:\t1057\n"
		"inotify wd:2 ino:1a07 sdev:2b mask:fce ignored_mask:0 "
		"fhandle-bytes:8 fhandle-type:1 f_handle:071a000000000000\n"
		"inotify wd:3 ino:7 sdev:2c mask:fce ignored_mask:0\n"
		"fanotify ino:fffffffffffffff1 sdev:2b mflags:0 mask:8\n"
		"inotify wd:1 ino:1 sdev:2b mask:fce ignored_mask:0";
	struct watchers w = {.dev = 0x2b};

	(void)state;
	assert_true(watchers_parse(&w, bytes_str(text)));
	assert_int_equal(w.n, 3);
	assert_int_equal(w.ino[0], 0x1a07);
	assert_int_equal(w.ino[1], 0xfffffffffffffff1);
	assert_int_equal(w.ino[2], 1);
	assert_false(watchers_parse(&w, bytes_str("ino: x sdev:2b\n")));
	assert_false(watchers_parse(&w, bytes_str(" ino: sdev:2b\n")));
	assert_false(watchers_parse(
		&w, bytes_str(" ino:11111111111111111 sdev:2b")));
	assert_false(watchers_parse(&w, bytes_str("")));
	assert_false(watchers_parse(&w, bytes_str("\n\n")));
	watchers_done(&w);
}

/* This process watches a directory; it finds itself. */
static void test_find(void **state)
{
	struct watchers w = {0};
	struct stat st, other;
	int fd = inotify_init1(IN_CLOEXEC);

	(void)state;
	assert_int_equal(stat(unit_dir(), &st), 0);
	assert_int_equal(mkdir(unit_path("other"), 0700), 0);
	assert_int_equal(stat(unit_path("other"), &other), 0);
	w.dev = (unsigned long)st.st_dev;
	if (st.st_dev > 255) /* as fdinfo writes it */
		w.dev = (unsigned long)(st.st_dev >> 8 & 0xfff) << 20 |
			(unsigned long)(st.st_dev & 0xff);
	assert_int_equal(watchers_find(&w), 0);
	assert_false(watchers_has(&w, st.st_ino));
	assert_true(inotify_add_watch(fd, unit_dir(), IN_CREATE) >= 0);
	watchers_refresh(&w);
	assert_false(watchers_has(&w, st.st_ino)); /* not known yet */
	assert_int_equal(watchers_find(&w), 0);
	assert_true(watchers_has(&w, st.st_ino));
	assert_false(watchers_has(&w, other.st_ino));
	assert_true(inotify_add_watch(fd, unit_path("other"), IN_CREATE) >= 0);
	watchers_refresh(&w);
	assert_true(watchers_has(&w, other.st_ino));
	assert_int_equal(watchers_next(&w, st.st_ino), st.st_ino);
	close(fd);
	watchers_refresh(&w);
	assert_false(watchers_has(&w, st.st_ino));
	assert_false(watchers_has(&w, other.st_ino));
	watchers_done(&w);
}

/* --- notes -------------------------------------------------------------- */

static struct note *first(struct list *l)
{
	return list_first(l, struct note, link);
}

static void drop(struct list *l)
{
	struct note *n = first(l);

	list_del(&n->link);
	free(n);
}

static void test_notes_come_together(void **state)
{
	struct notes ns;
	struct list got;
	bool overflow;

	(void)state;
	list_init(&got);
	notes_init(&ns);
	notes_add(&ns, 5, 0, NOTE_NEW, NULL);
	notes_add(&ns, 6, 1, NOTE_NEW, NULL);
	notes_add(&ns, 5, 9, NOTE_STATUS, NULL);
	assert_true(notes_wait(&ns, 0, 0));
	notes_take(&ns, &got, &overflow);
	assert_false(overflow);
	assert_int_equal(first(&got)->ino, 5);
	assert_int_equal(first(&got)->generation, 9);
	assert_int_equal(first(&got)->what, NOTE_NEW | NOTE_STATUS);
	drop(&got);
	assert_int_equal(first(&got)->ino, 6);
	drop(&got);
	assert_true(list_empty(&got));
	/* What comes after is another note. */
	notes_add(&ns, 5, 9, NOTE_END, NULL);
	notes_take(&ns, &got, &overflow);
	assert_int_equal(first(&got)->what, NOTE_END);
	drop(&got);
	notes_stop(&ns);
	assert_false(notes_wait(&ns, 0, 0));
	notes_done(&ns);
}

static void test_too_many_notes(void **state)
{
	struct notes ns;
	struct list got;
	uint64_t i;
	bool overflow;

	(void)state;
	list_init(&got);
	notes_init(&ns);
	for (i = 1; i <= NOTES_MAX + 10; i++)
		notes_add(&ns, i, 0, NOTE_NEW, NULL);
	assert_int_equal(ns.dropped, 10);
	/* Those that are there take more. */
	notes_add(&ns, 1, 0, NOTE_END, NULL);
	/* It is full: nobody waits, however late it may be. */
	assert_true(notes_wait(&ns, UINT64_MAX, 0));
	notes_take(&ns, &got, &overflow);
	assert_true(overflow);
	assert_int_equal(first(&got)->what, NOTE_NEW | NOTE_END);
	for (i = 0; !list_empty(&got); i++)
		drop(&got);
	assert_int_equal(i, NOTES_MAX);
	notes_take(&ns, &got, &overflow);
	assert_false(overflow);
	notes_done(&ns);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_parse),
	cmocka_unit_test(test_find),
	cmocka_unit_test(test_notes_come_together),
	cmocka_unit_test(test_too_many_notes),
};

UNIT_MAIN(tests)
