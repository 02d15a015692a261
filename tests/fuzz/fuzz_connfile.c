/* A connection file; what is read and written again reads the same. */
#include "tests/fuzz/fuzz.h"
#include "wire/connfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum connfile_kind kind;
	struct buf why = BUF_INIT;
	struct connfile c = {0};
	int err;

	if (size == 0)
		return 0;
	kind = data[0] % 2 ? CONNFILE_ENGINE : CONNFILE_CLIENT;
	err = connfile_parse(&c, kind, bytes_of(data + 1, size - 1), &why);
	assert((err != 0) == (why.n != 0));
	if (!err) {
		assert(c.interface && c.key);
		assert(!strchr(c.interface, '*'));
		assert(c.port.registration && c.port.registration <= 65535);
	}
	connfile_done(&c);
	buf_done(&why);
	return 0;
}
