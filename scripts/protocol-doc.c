/*
 * protocol-doc: the part of doc/PROTOCOL.md that is made from the table of
 * messages (lib/wire/messages.c), as Markdown on stdout. See `make docs`.
 */
#include "base/base.h"
#include "wire/messages.h"

/* A link to the heading of a message, as hosts of Markdown make it. */
static void overview(bool extension)
{
	const struct message_type *t;

	printf("| message | from | to | channel |\n|---|---|---|---|\n");
	for (t = message_types; t->name; t++)
		if (t->extension == extension)
			printf("| [`%s`](#%s) | %s | %s | %s |\n", t->name,
			       t->name, t->from, t->to, t->channel);
	printf("\n");
}

static void describe(const struct message_type *t)
{
	printf("#### %s\n\n", t->name);
	printf("%s → %s, on %s.", t->from, t->to, t->channel);
	if (*t->content)
		printf(" Content: `%s`.", t->content);
	printf("\n\n%s\n\n", t->help);
}

static void section(const char *title, const char *about, bool extension)
{
	const struct message_type *t;

	printf("### %s\n\n%s\n\n", title, about);
	overview(extension);
	for (t = message_types; t->name; t++)
		if (t->extension == extension)
			describe(t);
}

int main(void)
{
	printf("## The messages\n\n"
	       "Made from `lib/wire/messages.c`. Members in brackets may be "
	       "missing.\n\n");
	section("ipyparallel's", "As ipyparallel has them, bit for bit.", false);
	section("Extensions",
		"Sent only to peers that advertised `taskfs`.", true);
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS
						      : EXIT_FAILURE;
}
