/* What is written to a file ctl (the first byte says which): a word of the table and its
 * argument, or an error. */
#include "tests/fuzz/fuzz.h"
#include "base/parse.h"
#include "wire/verb.h"

static void check(unsigned scopes, struct bytes text)
{
	struct bytes name = parse_word(&text), argument = parse_word(&text);
	const struct verb *v = verb_find(scopes, name);
	int err;

	if (!v)
		return;
	assert(v->scopes & scopes);
	assert(strlen(v->name) == name.n && memcmp(v->name, name.p, name.n) == 0);
	/* Who has an argument says what it is, and checks it. */
	assert((v->argument != NULL) == (v->check != NULL));
	assert((v->argument != NULL) == (v->what != NULL));
	err = v->check ? v->check(argument) : 0;
	assert(err <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (size < 1)
		return 0;
	/* A copy that ends with it: reading on is found. */
	copy = xmemdup(data + 1, size - 1);
	check(data[0], bytes_of(copy, size - 1));
	free(copy);
	return 0;
}
