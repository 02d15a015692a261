#include "wire/textkind.h"

#include <ctype.h>

/* What was seen, of what cannot be told yet. */
enum seen {
	BLANKS,
	BRACE,		/* { */
	BRACE_BLANK,	/* { and a blank */
	NAME,		/* { code */
	BRACKET,	/* [ */
	BRACKET_BLANK,	/* [ and a blank */
	BRACKET_LINE,	/* [ and the end of its line: no shell's test */
	BRACKET_BRACE,	/* [ { */
};

/* A longer word behind { is no name of an option. */
#define LONGEST_NAME 64

static bool is_blank(char c)
{
	return c && strchr(" \t\r\n\v\f", c);
}

static enum text_kind in_state(struct textkind *k, enum seen s)
{
	k->state = (unsigned char)s;
	return TEXT_NONE;
}

/* `{ ls; }` is a group; `{ code: 1}` is meant to be JSON, and so is `{'code'`. */
static enum text_kind after_brace(struct textkind *k, char c)
{
	if (is_blank(c))
		return in_state(k, BRACE_BLANK);
	if (k->state == BRACE || c == '"' || c == '}')
		return TEXT_JSON;
	return isalpha((unsigned char)c) || c == '_' ? in_state(k, NAME)
						     : TEXT_PLAIN;
}

static enum text_kind after_name(struct textkind *k, char c)
{
	if (c == ':')
		return TEXT_JSON;
	if (!isalnum((unsigned char)c) && c != '_' && c != '-')
		return TEXT_PLAIN;
	return ++k->name < LONGEST_NAME ? TEXT_NONE : TEXT_PLAIN;
}

/* `[ { = "$x" ]` is a shell's; `[{`, `[ {"`, and a { on a line below are not. */
static enum text_kind after_bracket(struct textkind *k, char c)
{
	if (c == '\n')
		return in_state(k, BRACKET_LINE);
	if (is_blank(c))
		return k->state == BRACKET ? in_state(k, BRACKET_BLANK)
					   : TEXT_NONE;
	if (c != '{')
		return TEXT_PLAIN;
	return k->state == BRACKET_BLANK ? in_state(k, BRACKET_BRACE)
					 : TEXT_LIST;
}

static enum text_kind take(struct textkind *k, char c)
{
	switch ((enum seen)k->state) {
	case BLANKS:
		if (is_blank(c))
			return TEXT_NONE;
		return c == '{'	  ? in_state(k, BRACE)
		       : c == '[' ? in_state(k, BRACKET)
				  : TEXT_PLAIN;
	case BRACE:
	case BRACE_BLANK:
		return after_brace(k, c);
	case NAME:
		return after_name(k, c);
	case BRACKET:
	case BRACKET_BLANK:
	case BRACKET_LINE:
		return after_bracket(k, c);
	case BRACKET_BRACE:
		return is_blank(c) ? TEXT_NONE
		       : c == '"'  ? TEXT_LIST
				   : TEXT_PLAIN;
	}
	return TEXT_PLAIN;
}

enum text_kind textkind_take(struct textkind *k, struct bytes data)
{
	const char *p = data.p;
	enum text_kind kind = TEXT_NONE;
	size_t i;

	for (i = 0; i < data.n && !kind; i++)
		kind = take(k, p[i]);
	return kind;
}

enum text_kind textkind_end(const struct textkind *k)
{
	switch ((enum seen)k->state) {
	case BLANKS:
		return TEXT_NONE;
	case BRACE:
	case BRACE_BLANK:
	case NAME:
		return TEXT_JSON;
	default:
		return TEXT_PLAIN;
	}
}
