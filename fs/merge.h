/*
 * merge.h: from the objects of the protocol (doc/PROTOCOL.md) to the mirror.
 *
 * Members that are missing change nothing; members of a wrong type are taken
 * as missing. An object without a sane id is skipped.
 */
#ifndef TASKFS_FS_MERGE_H
#define TASKFS_FS_MERGE_H

#include "mirror.h"
#include "wire/msg.h"

/*
 * A result as of `seq`. `whole`: all members are there (a reply), so it may
 * be a new one. m: the message its small outputs are in, or NULL. Returns the
 * result; NULL: nothing to be done with it. -ESTALE in *ret_err: it is not
 * known and o does not say all.
 */
struct result *merge_result(struct mirror *mi, struct json_object *o,
			    uint64_t seq, bool whole, const struct msg *m,
			    int *ret_err);
void merge_engine(struct mirror *mi, struct json_object *o, uint64_t seq);
void merge_counts(struct mirror *mi, struct json_object *o, uint64_t seq);

#endif
