/*
 * leaks.h: what the leak sanitizer counts.
 */
#ifndef TASKFS_LEAKS_H
#define TASKFS_LEAKS_H

/* COUNT_LEAKS(disable), then COUNT_LEAKS(enable): what this thread allocates between
 * them is a library's, which is known to lose it. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define COUNT_LEAKS(what) __lsan_##what()
#else
#define COUNT_LEAKS(what) ((void)0)
#endif

#endif
