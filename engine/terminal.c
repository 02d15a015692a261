#include "terminal.h"
#include "base/parse.h"

#include <fcntl.h>
#include <termios.h>

#define COLUMNS 80
#define LINES 24

/* NAME=N, a number that a terminal can have. */
static bool number(const char *entry, const char *name, unsigned short *ret)
{
	size_t n = strlen(name);
	uint64_t v;

	if (strncmp(entry, name, n) != 0 || entry[n] != '=' ||
	    parse_u64(bytes_str(entry + n + 1), 1, USHRT_MAX, &v))
		return false;
	*ret = (unsigned short)v;
	return true;
}

struct winsize terminal_size(char *const *envp)
{
	struct winsize size = {.ws_col = COLUMNS, .ws_row = LINES};

	for (; *envp; envp++)
		if (!number(*envp, "COLUMNS", &size.ws_col))
			(void)number(*envp, "LINES", &size.ws_row);
	return size;
}

/* Nothing is made of what is written, nor of what is read. */
static int set(int fd, const struct winsize *size)
{
	struct termios how;

	if (tcgetattr(fd, &how) < 0)
		return -errno;
	how.c_oflag &= ~(tcflag_t)OPOST;
	how.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(fd, TCSANOW, &how) < 0 || ioctl(fd, TIOCSWINSZ, size) < 0)
		return -errno;
	return 0;
}

int terminal_make(struct winsize size, int ret_fd[2])
{
	int err = 0;

	/* An engine without a terminal must not get this one for its own. */
	ret_fd[1] = -1;
	ret_fd[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ret_fd[0] < 0)
		return -errno;
	if (unlockpt(ret_fd[0]) < 0)
		err = -errno;
	if (!err) {
		ret_fd[1] = ioctl(ret_fd[0], TIOCGPTPEER,
				  O_RDWR | O_NOCTTY | O_CLOEXEC);
		err = ret_fd[1] < 0 ? -errno : set(ret_fd[1], &size);
	}
	if (!err)
		return 0;
	close(ret_fd[0]);
	if (ret_fd[1] >= 0)
		close(ret_fd[1]);
	return err;
}
