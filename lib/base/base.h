/*
 * base.h: included first by every file of taskfs.
 *
 * The C library headers everyone needs, a few macros, and the calls that do
 * not compile here: functions that cannot be told how much room there is, or
 * that answer 0 for rubbish. Use buf.h and parse.h instead.
 */
#ifndef TASKFS_BASE_H
#define TASKFS_BASE_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

#define USEC_PER_SEC 1000000ULL
#define USEC_PER_MSEC 1000ULL

/* A counted piece of memory that somebody else owns; not NUL-terminated. */
struct bytes {
	const void *p;
	size_t n;
};

static inline struct bytes bytes_of(const void *p, size_t n)
{
	return (struct bytes){p, n};
}

static inline struct bytes bytes_str(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* There is a NUL in them. */
static inline bool bytes_have_nul(struct bytes b)
{
	return b.n && memchr(b.p, 0, b.n);
}

static inline bool bytes_is(struct bytes a, const char *s)
{
	return bytes_eq(a, bytes_str(s));
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * Memory. Out of memory ends the process with a message: every size that
 * comes from outside is checked against a limit before it gets here, so
 * there is nothing better to do. Sizes in bytes; the caller owns the result
 * and gives it to free().
 */
void *xmalloc(size_t n);
void *zalloc(size_t n);
void *xrealloc(void *p, size_t n);
void *xreallocarray(void *p, size_t n, size_t size);
void *xmemdup(const void *p, size_t n);
char *xstrdup(const char *s);
/* The same; NULL of NULL. */
char *str_copy(const char *s);
/* A NUL-terminated copy of n bytes. */
char *xmemdup_nul(const void *p, size_t n);
char *xasprintf(const char *fmt, ...) printf_like(1, 2);

/*
 * Clocks, in microseconds. A time of day (since 1970 UTC) is for showing: somebody
 * may set it. Who says how long something took counts steadily, also while the
 * machine sleeps. Timers and patience are awake time.
 */
int64_t now_usec(void);
int64_t steady_usec(void);
uint64_t mono_usec(void);

#ifndef __clang__ /* there some of these are macros */
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gets
#pragma GCC poison strncpy strncat
#endif

#endif
