#include "base/systemd.h"
#include "base/log.h"
#include "base/parse.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct {
	struct sockaddr_un address;
	socklen_t n;		/* 0: there is no manager */
	uint64_t watchdog;	/* usec; 0: it does not ask for it */
	struct loop *loop;
	struct timer beat;
} self;

static void take_address(const char *path)
{
	size_t n = strlen(path);

	if ((*path != '/' && *path != '@') ||
	    n >= sizeof(self.address.sun_path)) {
		log_warning("NOTIFY_SOCKET is neither a path nor @NAME",
			    log_str("is", path));
		return;
	}
	self.address.sun_family = AF_UNIX;
	memcpy(self.address.sun_path, path, n);
	if (*path == '@')
		self.address.sun_path[0] = '\0';
	self.n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* It may be meant for another process. */
static bool is_mine(const char *pid)
{
	uint64_t n;

	return !pid || (parse_u64(bytes_str(pid), 1, INT_MAX, &n) == 0 &&
			n == (uint64_t)getpid());
}

void systemd_begin(void)
{
	static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC",
					    "WATCHDOG_PID"};
	const char *path = getenv(names[0]), *usec = getenv(names[1]);
	uint64_t n;
	size_t i;

	if (path)
		take_address(path);
	if (usec && is_mine(getenv(names[2])) &&
	    parse_u64(bytes_str(usec), 1, UINT64_MAX / 2, &n) == 0)
		self.watchdog = n;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

void systemd_tell(const char *lines)
{
	int fd, err = 0;

	if (!self.n)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    sendto(fd, lines, strlen(lines), MSG_NOSIGNAL,
		   (struct sockaddr *)&self.address, self.n) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		log_warning("the service manager cannot be told",
			    log_str("what", lines), log_errno(err));
}

static void beat(struct timer *t)
{
	systemd_tell("WATCHDOG=1");
	timer_set(self.loop, t, self.watchdog / 2);
}

void systemd_watch(struct loop *l)
{
	if (!self.n || !self.watchdog)
		return;
	self.loop = l;
	self.beat.fire = beat;
	beat(&self.beat);
}

void systemd_done(void)
{
	timer_cancel(&self.beat);
}
