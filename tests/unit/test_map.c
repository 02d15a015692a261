#include "tests/unit/unit.h"
#include "base/list.h"
#include "base/map.h"

static void test_empty(void **state)
{
	struct map m = {0};
	struct map_iter it = {0};

	(void)state;
	assert_null(map_get(&m, bytes_str("x")));
	assert_null(map_remove(&m, bytes_str("x")));
	assert_false(map_next(&m, &it));
	map_done(&m);
}

static void test_put_get_replace_remove(void **state)
{
	struct map m = {0};
	int a, b;

	(void)state;
	assert_null(map_put(&m, bytes_str("k"), &a));
	assert_ptr_equal(map_get(&m, bytes_str("k")), &a);
	assert_ptr_equal(map_put(&m, bytes_str("k"), &b), &a);
	assert_int_equal(m.n, 1);
	assert_ptr_equal(map_get(&m, bytes_str("k")), &b);
	assert_null(map_get(&m, bytes_str("K")));
	assert_ptr_equal(map_remove(&m, bytes_str("k")), &b);
	assert_null(map_remove(&m, bytes_str("k")));
	assert_int_equal(m.n, 0);
	map_done(&m);
}

/* Peer ids hold zero bytes and may be prefixes of each other. */
static void test_keys_are_counted(void **state)
{
	static const struct bytes keys[] = {
		{"", 0},      {"\0", 1},    {"\0\0", 2},
		{"\0a", 2},   {"\0b", 2},   {"\0a\0", 3},
	};
	struct map m = {0};
	int v[ARRAY_SIZE(keys)];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		assert_null(map_put(&m, keys[i], &v[i]));
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		assert_ptr_equal(map_get(&m, keys[i]), &v[i]);
	assert_ptr_equal(map_get(&m, bytes_of(NULL, 0)), &v[0]);
	map_done(&m);
}

static void test_copies_keys(void **state)
{
	struct map m = {0};
	char key[] = "abc";
	int v;

	(void)state;
	map_put(&m, bytes_of(key, 3), &v);
	key[0] = 'x';
	assert_ptr_equal(map_get(&m, bytes_str("abc")), &v);
	assert_null(map_get(&m, bytes_str("xbc")));
	map_done(&m);
}

static void test_many(void **state)
{
	enum { MANY = 20000 };
	static char v[MANY];
	struct map m = {0};
	uint64_t i;

	(void)state;
	for (i = 0; i < MANY; i++)
		assert_null(map_put_u64(&m, i * 7919, &v[i]));
	assert_int_equal(m.n, MANY);
	for (i = 0; i < MANY; i += 2)
		assert_ptr_equal(map_remove_u64(&m, i * 7919), &v[i]);
	assert_int_equal(m.n, MANY / 2);
	for (i = 0; i < MANY; i++)
		assert_ptr_equal(map_get_u64(&m, i * 7919),
				 i % 2 ? &v[i] : NULL);
	map_done(&m);
}

static void test_iteration_sees_each_once(void **state)
{
	enum { MANY = 1000 };
	char seen[MANY] = {0};
	struct map m = {0};
	struct map_iter it = {0};
	uint64_t i;
	size_t n = 0;

	(void)state;
	for (i = 0; i < MANY; i++)
		map_put_u64(&m, i, &seen[i]);
	while (map_next(&m, &it)) {
		assert_int_equal(it.key.n, sizeof(uint64_t));
		memcpy(&i, it.key.p, sizeof(i));
		assert_ptr_equal(it.value, &seen[i]);
		seen[i]++;
		n++;
	}
	assert_int_equal(n, MANY);
	for (i = 0; i < MANY; i++)
		assert_int_equal(seen[i], 1);
	map_done(&m);
}

static void test_the_current_entry_may_be_removed(void **state)
{
	struct map m = {0};
	struct map_iter it = {0};
	uint64_t i, n = 0;
	int v;

	(void)state;
	for (i = 0; i < 500; i++)
		map_put_u64(&m, i, &v);
	while (map_next(&m, &it)) {
		map_remove(&m, it.key);
		n++;
	}
	assert_int_equal(n, 500);
	assert_int_equal(m.n, 0);
	map_done(&m);
}

struct item {
	int n;
	struct list link;
};

static void test_list(void **state)
{
	struct list head = LIST_INIT(head), *l, *tmp;
	struct item a = {.n = 1}, b = {.n = 2}, c = {.n = 3};
	int sum = 0;

	(void)state;
	assert_true(list_empty(&head));
	list_add(&head, &b.link);
	list_add(&head, &a.link);
	list_add_tail(&head, &c.link);
	assert_int_equal(list_first(&head, struct item, link)->n, 1);
	list_for_each(l, &head)
		sum = sum * 10 + list_entry(l, struct item, link)->n;
	assert_int_equal(sum, 123);
	list_for_each_safe(l, tmp, &head)
		if (list_entry(l, struct item, link)->n != 2)
			list_del(l);
	assert_int_equal(list_first(&head, struct item, link)->n, 2);
	list_del(&b.link);
	list_del(&b.link);
	assert_true(list_empty(&head));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_empty),
	cmocka_unit_test(test_put_get_replace_remove),
	cmocka_unit_test(test_keys_are_counted),
	cmocka_unit_test(test_copies_keys),
	cmocka_unit_test(test_many),
	cmocka_unit_test(test_iteration_sees_each_once),
	cmocka_unit_test(test_the_current_entry_may_be_removed),
	cmocka_unit_test(test_list),
};

UNIT_MAIN(tests)
