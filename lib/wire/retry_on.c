#include "wire/retry_on.h"
#include "base/parse.h"

static const char exit_word[] = "exit ";

bool retry_on_add(struct retry_on *on, struct bytes word)
{
	size_t n = sizeof(exit_word) - 1;
	uint64_t status;

	if (bytes_is(word, "lost")) {
		on->lost = true;
		return true;
	}
	if (bytes_is(word, "error")) {
		on->error = true;
		return true;
	}
	if (word.n <= n || memcmp(word.p, exit_word, n) != 0 ||
	    parse_u64(bytes_of((const char *)word.p + n, word.n - n), 1, 255,
		      &status))
		return false;
	on->status[status / 32] |= 1U << status % 32;
	return true;
}

bool retry_on_status(const struct retry_on *on, int exit_status)
{
	return exit_status > 0 && exit_status <= 255 &&
	       on->status[exit_status / 32] >> exit_status % 32 & 1;
}
