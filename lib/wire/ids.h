/*
 * ids.h: names that are unique in the world, and dates, in the forms
 * ipyparallel uses (doc/PROTOCOL.md, "Messages").
 */
#ifndef TASKFS_IDS_H
#define TASKFS_IDS_H

#include "base/buf.h"

#define ID_SIZE 38 /* 8 hex digits, "-", 24 hex digits, NUL, rounded up */

/* A new random session id (an engine's uuid is one). */
void id_new(char id[ID_SIZE]);

#define DATE_SIZE 96 /* room for any year; 28 are used */

/* "2026-11-22T01:33:43.349713Z"; usec: microseconds since 1970 UTC. */
void date_format(int64_t usec, char date[DATE_SIZE]);
/*
 * ISO 8601 with 0 to 6 digits of fraction and Z, +HH:MM, +HHMM, or nothing
 * (local time). -EINVAL.
 */
int date_parse(struct bytes text, int64_t *ret_usec) must_check;

#endif
