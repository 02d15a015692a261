#include "tests/unit/unit.h"
#include "fs/park/caller.h"
#include "fs/tasks/draft.h"
#include "fs/open/file.h"
#include "fs/mirror/merge.h"
#include "fs/nodes.h"
#include "fs/tasks/tasks.h"
#include "fs/tree/tree.h"
#include "fs/vars/vars.h"
#include "fs/cluster/view.h"
#include "fs/open/await.h"
#include "wire/pool_option.h"
#include "wire/task_option.h"

static struct mirror mirror;
static struct park parking;
static struct callers callers;
static struct tasks tasks;
static struct drafts drafts;
static struct vars vars;
static struct numbered views;
static struct awaits awaits;
static struct link line;
static struct load load;
static struct fs fs;

static void no_retry(struct waiter *w)
{
	(void)w;
}

static void add(const char *text)
{
	int err;

	assert_non_null(merge_result(fs.mirror, bytes_str(text), 1, true,
				     NULL, &err));
}

static int begin(void **state)
{
	(void)state;
	mirror = (struct mirror){0};
	drafts = (struct drafts){0};
	fs = (struct fs){
		.born = 1,
		.mirror = &mirror,
		.park = &parking,
		.callers = &callers,
		.tasks = &tasks,
		.drafts = &drafts,
		.vars = &vars,
		.views = &views,
		.awaits = &awaits,
		.link = &line,
		.load = &load,
	};
	fs.loop = loop_new();
	park_init(fs.park, fs.loop, no_retry);
	mirror_init(fs.mirror, fs.park);
	callers_init(fs.callers);
	tasks_init(fs.tasks);
	numbered_init(fs.views, VIEWS_MAX);
	add("{\"id\":7,\"name\":\"build\",\"submitted\":5000000,\"tasks\":1,"
	    "\"completed\":9000000,\"received\":9500000,\"status\":\"ok\","
	    "\"uid\":12,\"gid\":13,\"code\":4,\"stdin\":2,\"options\":"
	    "{\"label\":\"build\",\"args\":[\"a\",\"b\"]},"
	    "\"count\":[0,0,1,0,0],\"serial\":2000000,\"elapsed\":4500000,"
	    "\"task\":{\"engine\":0,\"stdout\":3,\"exit_status\":0}}");
	add("{\"id\":12,\"submitted\":6000000,\"tasks\":1,"
	    "\"status\":\"running\",\"count\":[0,1,0,0,0],\"code\":1}");
	merge_engine(fs.mirror, bytes_str("{\"id\":0,\"state\":\"busy\"}"),
		     1, false);
	return 0;
}

static int end(void **state)
{
	(void)state;
	callers_done(fs.callers);
	drafts_done(fs.drafts);
	tasks_done(fs.tasks);
	numbered_done(fs.views);
	mirror_done(fs.mirror);
	park_done(fs.park, -EINTR);
	loop_free(fs.loop);
	return 0;
}

static struct asker who = {.uid = 12};

/* "/results/7/status" -> the entry, step by step as the kernel walks. */
static int walk(const char *path, struct obj *ret_o)
{
	struct obj o;
	int err = tree_obj(&fs, 1, &who, &o);

	while (!err && *++path) {
		size_t n = strcspn(path, "/");
		struct obj dir = o;

		err = tree_lookup(&dir, bytes_of(path, n), &o);
		if (!err) {
			struct obj again;

			/* The number alone leads to the same entry. */
			assert_int_equal(
				tree_obj(&fs, tree_ino(&o), &who, &again), 0);
			assert_ptr_equal(again.node, o.node);
			assert_ptr_equal(again.result, o.result);
			assert_ptr_equal(again.engine, o.engine);
		}
		path += n - (path[n] == '\0');
	}
	*ret_o = o;
	return err;
}

static void list(const char *path, struct buf *out)
{
	struct obj dir, o, found;
	uint64_t at = 0;

	assert_int_equal(walk(path, &dir), 0);
	for (;;) {
		size_t start = out->n;

		if (!tree_next(&dir, &at, &o, out))
			return;
		assert_int_equal(tree_lookup(&dir,
					     bytes_of(out->p + start,
						      out->n - start),
					     &found),
				 0);
		assert_int_equal(tree_ino(&o), tree_ino(&found));
		buf_putc(out, ' ');
	}
}

static void expect_list(const char *path, const char *want)
{
	struct buf b = BUF_INIT;

	list(path, &b);
	assert_string_equal(buf_str(&b), want);
	buf_done(&b);
}

static void test_listings(void **state)
{
	(void)state;
	expect_list("/", "README version events metrics top status.html "
			 "controller engines pools queues tasks results ");
	expect_list("/engines", "0 all ");
	expect_list("/engines/all", "new vars scatter gather ctl ");
	expect_list("/tasks", "new last any error 12 ");
	expect_list("/results", "latest build 7 12 ");
}

static void test_the_files_of_a_result(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	list("/results/7", &b);
	assert_non_null(strstr(buf_str(&b), " ok "));
	assert_non_null(strstr(buf_str(&b), " code stdin args label ctl "));
	buf_clear(&b);
	list("/results/12", &b);
	assert_null(strstr(buf_str(&b), " ok "));
	assert_non_null(strstr(buf_str(&b), " code ctl "));
	buf_done(&b);
}

static void test_what_is_not_there(void **state)
{
	static const char *const no[] = {
		"/x",		"/results/8",	   "/results/07",
		"/results/+7",	"/results/7 ",	   "/tasks/7",
		"/engines/1",	"/results/12/ok",  "/results/12/stdin",
		"/results/x",	"/results/12/args", "/results/7/env",
		"/results/7/OPTION", "/results/<id>", "/results/NAME",
		"/results/99999999999999999999", "/engines/0,1", "/engines/0,0",
		"/engines/01",	"/engines/0-",	   "/engines/0-99999999999999",
		"/engines/VIEW",
	};
	struct obj o;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(no); i++)
		assert_int_equal(walk(no[i], &o), -ENOENT);
	assert_int_equal(walk("/version/x", &o), -ENOTDIR);
	assert_int_equal(tree_obj(&fs, 0, NULL, &o), -ENOENT);
	assert_int_equal(tree_obj(&fs, 0xff, NULL, &o), -ENOENT);
	assert_int_equal(tree_obj(&fs, UINT64_MAX, NULL, &o), -ENOENT);
}

static void expect_text(const char *path, const char *want)
{
	struct buf b = BUF_INIT;
	struct stat st;
	struct obj o;

	assert_int_equal(walk(path, &o), 0);
	assert_int_equal(o.node->show(&o, &b), 0);
	assert_string_equal(buf_str(&b), want);
	tree_attr(&o, &st);
	assert_int_equal(st.st_size, b.n);
	buf_done(&b);
}

static void expect_engines(const char *path, size_t n, uint64_t first)
{
	struct idlist ids = {0};
	struct obj o;

	assert_int_equal(walk(path, &o), 0);
	assert_int_equal(view_engines(&o, &ids), 0);
	assert_int_equal(ids.n, n);
	assert_int_equal(ids.id[0], first);
	idlist_done(&ids);
}

static void test_views(void **state)
{
	struct idlist ids = {0};
	struct obj o, all;

	(void)state;
	merge_engine(fs.mirror, bytes_str("{\"id\":3,\"state\":\"idle\"}"),
		     1, false);
	expect_engines("/engines/3/new", 1, 3);
	expect_engines("/engines/all", 2, 0);
	expect_engines("/engines/3,0/new", 2, 3);
	expect_engines("/engines/0-0", 1, 0);
	merge_engine(fs.mirror, bytes_str("{\"id\":3,\"state\":\"lost\"}"),
		     2, false);
	expect_engines("/engines/all", 1, 0);
	assert_int_equal(walk("/engines/3,0", &o), 0);
	assert_int_equal(walk("/engines/all", &all), 0);
	mirror_remove_engine(fs.mirror, 3);
	assert_int_equal(view_engines(&o, &ids), -ENOENT);
	idlist_done(&ids);
	mirror_remove_engine(fs.mirror, 0);
	assert_int_equal(view_engines(&all, &ids), -ENXIO);
	idlist_done(&ids);
}

/* However many lists are asked for, only so many are remembered. */
static void test_many_views(void **state)
{
	static const char zeros[] =
		"00000000000000000000000000000000000000000000000000";
	struct obj first, o;
	char name[128];
	int i;

	(void)state;
	assert_int_equal(walk("/engines/0-0", &first), 0);
	for (i = 1; i <= VIEWS_MAX; i++) {
		snprintf(name, sizeof(name), "/engines/0-%.*s", i % 50 + 1,
			 zeros);
		assert_int_equal(walk(name, &o), 0);
	}
	assert_int_equal(walk("/engines/0-0", &o), 0);
	assert_int_equal(o.id, first.id);
	for (i = 1; i <= VIEWS_MAX; i++) {
		snprintf(name, sizeof(name), "/engines/%.*s-%.*s", i / 32 + 1,
			 zeros, i % 32 + 1, zeros);
		assert_int_equal(walk(name, &o), 0);
	}
	assert_int_equal(index_count(&fs.views->by_id), VIEWS_MAX);
	assert_int_equal(walk("/engines/0-000000000000000000000000000000000000"
			      "00000000000", &o), 0);
	assert_int_equal(tree_obj(&fs, tree_ino(&first), NULL, &o), -ENOENT);
}

static void test_small_files(void **state)
{
	struct buf b = BUF_INIT;
	struct obj o;

	(void)state;
	expect_text("/results/7/status", "ok\n");
	expect_text("/results/7/progress", "1/1\n");
	expect_text("/results/7/elapsed", "4.500000\n");
	expect_text("/results/7/serial_time", "2.000000\n");
	expect_text("/results/7/speedup", "0.444\n");
	expect_text("/results/7/submitted", "1970-01-01T00:00:05.000000Z\n");
	expect_text("/results/7/args", "a\nb\n");
	expect_text("/results/7/exit_status", "0\n");
	expect_text("/results/12/exit_status", "");
	expect_text("/results/12/completed", "");
	expect_text("/results/7/wait", "ok\n");
	expect_text("/engines/0/state", "busy\n");
	assert_int_equal(walk("/results/12/wait", &o), 0);
	assert_int_equal(o.node->show(&o, &b), -EAGAIN);
	assert_int_equal(walk("/results/12/successful", &o), 0);
	assert_int_equal(o.node->show(&o, &b), -EAGAIN);
	buf_done(&b);
}

static void test_attributes(void **state)
{
	struct stat st;
	struct obj o;

	(void)state;
	assert_int_equal(walk("/results/7/stdout", &o), 0);
	tree_attr(&o, &st);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(st.st_blocks, 1);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 13);
	assert_int_equal(st.st_mtim.tv_sec, 9);
	assert_true(tree_is_steady(&o));
	assert_int_equal(walk("/results/12/stdout", &o), 0);
	assert_false(tree_is_steady(&o));
	assert_true(tree_attr_timeout(&o) == 0);
	assert_true(tree_entry_timeout(&o) == FOREVER);
	assert_int_equal(walk("/results/latest", &o), 0);
	assert_true(tree_entry_timeout(&o) == 0);
}

static void test_every_row_has_what_it_needs(void **state)
{
	const struct node *n;

	(void)state;
	for (n = nodes; n->path; n++) {
		bool file = S_ISREG(n->mode);

		assert_true(strlen(n->help) > 0);
		assert_true(file == (n->show || n->io));
		assert_int_equal(S_ISLNK(n->mode), n->target != NULL);
		assert_true(!n->store || (n->mode & 0200));
		assert_true(!n->io || n->io->read);
	}
}

static int store(const char *text, struct wish *w)
{
	struct obj o;

	assert_int_equal(walk("/results/12/ctl", &o), 0);
	*w = (struct wish){0};
	return o.node->store(&o, bytes_str(text), w);
}

static void test_words_for_ctl(void **state)
{
	static const char *const bad[] = {
		"",	   "x",		"abort 5",  "signal", "signal FOO",
		"signal TERM KILL", "aborted", "signal 0", "signal 999",
	};
	struct wish w;
	struct obj o;
	size_t i;

	(void)state;
	assert_int_equal(store("abort", &w), 0);
	assert_string_equal(w.verb, "abort");
	assert_int_equal(store(" signal  TERM ", &w), 0);
	assert_string_equal(w.verb, "signal");
	assert_string_equal(w.argument, "TERM");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(store(bad[i], &w), -EINVAL);
	assert_int_equal(walk("/results/7/ctl", &o), 0);
	assert_int_equal(o.node->store(&o, bytes_str("abort"), &w), -ESRCH);
}

static void test_removing(void **state)
{
	struct wish w = {0};
	struct obj o;

	(void)state;
	assert_int_equal(walk("/results/12", &o), 0);
	assert_int_equal(o.node->remove(&o, &w), -EBUSY);
	assert_int_equal(walk("/results/12/stdout", &o), 0);
	assert_int_equal(o.node->remove(&o, &w), -EBUSY);
	assert_int_equal(walk("/results/7/stdout", &o), 0);
	assert_int_equal(o.node->remove(&o, &w), 1);
	assert_int_equal(walk("/results/7", &o), 0);
	assert_int_equal(o.node->remove(&o, &w), 0);
	assert_string_equal(w.verb, "purge");
	assert_int_equal(walk("/tasks/12", &o), 0);
	assert_int_equal(o.node->remove(&o, &w), 0);
	assert_string_equal(w.verb, "abort");
}

static void test_options_fit(void **state)
{
	size_t n = 0;

	(void)state;
	while (task_options[n].name)
		n++;
	assert_true(n <= SUB_OPTIONS); /* numbers in an inode */
	for (n = 0; pool_options[n].name; n++)
		;
	assert_true(n <= POOL_OPTIONS);
}

static void expect_path(const char *row, uint64_t id, uint32_t sub,
			const char *want)
{
	uint64_t ino = tree_number(tree_row(row), id, sub);
	struct buf b = BUF_INIT;

	assert_true(tree_path(ino, "gpu", &b));
	assert_string_equal(buf_str(&b), want);
	assert_ptr_equal(tree_number_row(ino), tree_row(row));
	buf_done(&b);
}

static void test_paths_of_numbers(void **state)
{
	struct buf b = BUF_INIT;
	struct obj o;

	(void)state;
	expect_path("/results", 0, 0, "results");
	expect_path("/README", 0, 0, "README");
	expect_path("/results/<id>", 7, 0, "results/7");
	expect_path("/results/<id>/status", 7, 0, "results/7/status");
	expect_path("/tasks/<id>", 1073741823, 0, "tasks/1073741823");
	expect_path("/engines/<id>/state", 0, 0, "engines/0/state");
	expect_path("/results/<id>/<n>", 7, sub_of(3, 0), "results/7/3");
	expect_path("/results/<id>/status", 7, sub_of(0, 0),
		    "results/7/0/status");
	expect_path("/pools/NAME", 3, 0, "pools/gpu");
	expect_path("/pools/NAME/state", 3, 0, "pools/gpu/state");
	assert_false(tree_path(tree_number(tree_row("/pools/NAME"), 3, 0), NULL,
			       &b));
	assert_false(tree_path(tree_number(tree_row("/results/<id>/by_engine/"
						    "<engine>"), 7, 32), NULL, &b));
	assert_int_equal(walk("/results/7/args", &o), 0);
	assert_false(tree_path(tree_ino(&o), NULL, &b));
	assert_int_equal(walk("/results/build", &o), 0);
	assert_false(tree_path(tree_ino(&o), NULL, &b));
	assert_false(tree_path(0, NULL, &b));
	buf_done(&b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

static const struct CMUnitTest tests[] = {
	TEST(test_listings),
	TEST(test_the_files_of_a_result),
	TEST(test_what_is_not_there),
	TEST(test_views),
	TEST(test_many_views),
	TEST(test_small_files),
	TEST(test_attributes),
	TEST(test_every_row_has_what_it_needs),
	TEST(test_words_for_ctl),
	TEST(test_removing),
	TEST(test_options_fit),
	TEST(test_paths_of_numbers),
};

int main(void)
{
	unit_begin();
	tree_init(nodes);
	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
