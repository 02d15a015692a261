#include "tests/unit/unit.h"
#include "base/systemd.h"

#include <sys/socket.h>
#include <sys/un.h>

static struct loop *loop;
static int manager;

/* Another one each time, whose address is given. */
static const char *listen_at(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *path = unit_path(name);

	assert_true(strlen(path) < sizeof(at.sun_path));
	memcpy(at.sun_path, path, strlen(path));
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(manager, (const struct sockaddr *)&at,
				sizeof(at)), errno);
	return path;
}

static char *heard(void)
{
	static char text[200];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void test_no_manager(void **state)
{
	(void)state;
	listen_at("nobody");
	unsetenv("NOTIFY_SOCKET");
	systemd_begin();
	systemd_tell("READY=1");
	assert_int_equal(recv(manager, &(char){0}, 1, MSG_DONTWAIT), -1);
	close(manager);
}

/* Nobody but this program is to have the environment's. */
static void test_it_is_told(void **state)
{
	(void)state;
	setenv("NOTIFY_SOCKET", listen_at("notify"), 1);
	systemd_begin();
	assert_null(getenv("NOTIFY_SOCKET"));
	systemd_tell("READY=1\nSTATUS=here");
	assert_string_equal(heard(), "READY=1\nSTATUS=here");
	close(manager);
}

static void end_loop(struct timer *t)
{
	(void)t;
	loop_stop(loop, 0);
}

/* The watchdog's beat comes at once, and at half of its time again. */
static void test_watchdog(void **state)
{
	struct timer t = {.fire = end_loop};
	char pid[20];

	(void)state;
	loop = loop_new();
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", listen_at("watchdog"), 1);
	setenv("WATCHDOG_USEC", "20000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	systemd_begin();
	assert_null(getenv("WATCHDOG_USEC"));
	systemd_watch(loop);
	assert_string_equal(heard(), "WATCHDOG=1");
	timer_set(loop, &t, 40000);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(heard(), "WATCHDOG=1");
	systemd_done();
	loop_free(loop);
	close(manager);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_no_manager),
	cmocka_unit_test(test_it_is_told),
	cmocka_unit_test(test_watchdog),
};

UNIT_MAIN(tests)
