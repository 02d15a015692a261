/* A ssh:// url, up to the first zero byte, and behind that what comes from the other
 * end of ssh; each answer in it is taken once. */
#include "tests/fuzz/fuzz.h"
#include "ssh/remote.h"
#include "ssh/url.h"

static void read_url(const char *text)
{
	struct buf why = BUF_INIT;
	struct ssh_url u;
	int err = ssh_url_parse(&u, text, &why);

	assert((err != 0) == (why.n != 0));
	if (!err) {
		assert(u.host[0] && u.host[0] != '-');
		assert(!u.user || (u.user[0] && u.user[0] != '-'));
		assert(u.port <= 65535 && !strpbrk(u.source, "\n\r"));
	}
	ssh_url_done(&u);
	buf_done(&why);
}

static void read_answers(struct bytes said)
{
	struct buf in = BUF_INIT, text = BUF_INIT;
	size_t before;

	buf_put(&in, said.p, said.n);
	do {
		before = in.n;
	} while (remote_answer(&in, "m", &text) != REMOTE_NOTHING &&
		 in.n < before);
	assert(in.n == before);
	buf_done(&in);
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmemdup_nul(data, size);
	size_t n = strlen(text) + 1;

	read_url(text);
	if (n < size)
		read_answers(bytes_of(data + n, size - n));
	free(text);
	return 0;
}
