#include "wire/variable.h"
#include "base/parse.h"
#include "wire/limits.h"

#include <ctype.h>

bool variable_name_ok(struct bytes name)
{
	const char *p = name.p;
	size_t i;

	if (name.n == 0 || name.n > LIMIT_NAME || p[0] == '.' ||
	    !utf8_valid(name))
		return false;
	for (i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x80 && !isalnum(c) && !memchr("._+-@", c, 5))
			return false;
	}
	return true;
}
