/* --resource: what is taken is within its limits, and each of a list stands there once. */
#include "tests/fuzz/fuzz.h"
#include "base/parse.h"
#include "engine/resources.h"

static void check(const struct resource *of)
{
	int64_t i;

	assert(resource_name_ok(bytes_str(of->name)));
	assert(strcmp(of->name, "cpus") != 0);
	assert(of->n >= 0 && of->n <= LIMIT_AMOUNT);
	if (!of->label)
		return;
	assert(of->n > 0 && of->n <= LIMIT_LABELS);
	for (i = 1; i < of->n && i < 64; i++)
		assert(strcmp(of->label[i], of->label[0]) != 0);
	for (i = 0; i < of->n && i < 64; i++)
		assert(*of->label[i] && !strpbrk(of->label[i], ", =\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = bytes_of(data, size), line;
	struct resources r = {0};
	size_t i;

	while (parse_line(&all, &line)) {
		char *text = xmemdup_nul(line.p ? line.p : "", line.n);
		size_t before = r.n;

		if (resources_parse(&r, text))
			assert(r.n == before);
		free(text);
	}
	assert(r.n <= LIMIT_RESOURCES);
	for (i = 0; i < r.n; i++)
		check(&r.of[i]);
	resources_done(&r);
	return 0;
}
