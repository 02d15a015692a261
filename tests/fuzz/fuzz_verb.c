/* What is written to a file ctl: a word of the table and its argument, or an error. */
#include "tests/fuzz/fuzz.h"
#include "wire/verb.h"

static struct bytes word_of(struct bytes *rest)
{
	const char *blank = memchr(rest->p, ' ', rest->n);
	size_t n = blank ? (size_t)(blank - rest->p) : rest->n;
	struct bytes word = bytes_of(rest->p, n);

	*rest = bytes_of(rest->p + n + (blank != NULL), rest->n - n - (blank != NULL));
	return word;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest, word;
	const struct verb *v;
	unsigned scopes;
	char *copy;
	int err;

	if (size < 1)
		return 0;
	/* Of its own, so that what reads behind it is found. */
	copy = xmemdup(data + 1, size - 1);
	scopes = data[0] & 31;
	rest = bytes_of(copy, size - 1);
	word = word_of(&rest);
	v = verb_find(scopes, word);
	if (v) {
		assert(v->scopes & scopes);
		assert(strlen(v->name) == word.n &&
		       memcmp(v->name, word.p, word.n) == 0);
		err = v->check ? v->check(rest) : 0;
		assert(err <= 0);
	}
	free(copy);
	return 0;
}
