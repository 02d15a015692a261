/*
 * parse.h: strict parsers of counted text. All of the text must fit, nothing
 * is skipped but what the function names. 0, or -EINVAL (not of this form)
 * and -ERANGE (of the form, outside the limits); *ret_x is set only on 0.
 */
#ifndef TASKFS_PARSE_H
#define TASKFS_PARSE_H

#include "base/base.h"

/* Decimal digits, no sign. */
int parse_u64(struct bytes text, uint64_t min, uint64_t max, uint64_t *ret_n)
	must_check;
/* Decimal digits with an optional minus. */
int parse_i64(struct bytes text, int64_t min, int64_t max, int64_t *ret_n)
	must_check;
/* A finite decimal number: 1, -0.5, 2.5e3. */
int parse_double(struct bytes text, double min, double max, double *ret_x)
	must_check;
/* Seconds as "90", "1.5", or with a unit ms, s, m, h, d; microseconds out. */
int parse_duration(struct bytes text, uint64_t max, uint64_t *ret_usec)
	must_check;
/* Bytes as "4096", or with a suffix K, M, G, T (powers of 1024). */
int parse_size(struct bytes text, uint64_t max, uint64_t *ret_n) must_check;
/* 1 0 yes no true false on off, in any case */
int parse_bool(struct bytes text, bool *ret_b) must_check;
/* A signal: "TERM", "SIGTERM" or "15". */
int parse_signal(struct bytes text, int *ret_signo) must_check;

/*
 * Length in bytes (1-4) of the well-formed UTF-8 character at p, 0 when the
 * bytes there are none (RFC 3629: no overlong forms, no surrogates).
 */
size_t utf8_char(const void *p, size_t n);
bool utf8_valid(struct bytes text);
/*
 * How much of the text is left when a character that is not complete at its
 * end waits for more; everything else, valid or not, stays.
 */
size_t utf8_whole(struct bytes text);

/* Without white space at its front and end. */
struct bytes parse_trim(struct bytes text);
/*
 * The next word (ended by spaces or tabs) of *text, which moves behind it;
 * an empty result when there is none.
 */
struct bytes parse_word(struct bytes *text);
/* The next line without its newline; false at the end of *text. */
bool parse_line(struct bytes *text, struct bytes *ret_line);
/* The same of parts that end with a NUL each. */
bool parse_nul(struct bytes *text, struct bytes *ret_part);
/*
 * A field of the text of /proc/PID/stat, by its number in proc(5), from 3 on: those
 * behind the name, which may hold anything. Empty: there is none.
 */
struct bytes parse_stat_field(struct bytes text, int field);

#endif
