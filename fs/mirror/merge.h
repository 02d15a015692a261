/*
 * merge.h: from the objects of the protocol (doc/PROTOCOL.md) to the mirror.
 *
 * They are read in place (scan.h). Members that are missing or of a wrong
 * type change nothing. An object without a sane id is skipped.
 */
#ifndef TASKFS_FS_MIRROR_MERGE_H
#define TASKFS_FS_MIRROR_MERGE_H

#include "mirror.h"
#include "wire/msg.h"

/*
 * A result as of `seq`. `whole`: all members are there (a reply), so it may
 * be a new one. m: the message its small outputs are in, or NULL. Returns the
 * result; NULL: nothing to be done with it. -ESTALE in *ret_err: it is not
 * known and the object does not say all.
 */
struct result *merge_result(struct mirror *mi, struct bytes object,
			    uint64_t seq, bool whole, const struct msg *m,
			    int *ret_err);
/*
 * An engine as of `seq`; `whole`: in a reply, which knows more than the changes of
 * that number. It may lack the variables, which have a number of their own.
 */
void merge_engine(struct mirror *mi, struct bytes object, uint64_t seq,
		  bool whole);
/* Its counters alone, whatever is known that is newer. */
void merge_counters(struct mirror *mi, struct bytes object);
void merge_counts(struct mirror *mi, struct bytes object, uint64_t seq);

#endif
