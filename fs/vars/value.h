/*
 * value.h: an open file that is a variable. What is written goes to the engines
 * piece by piece, each WRITE is answered when they have it; the value takes its
 * name at the FLUSH of the process that opened the file, or at the RELEASE;
 * when that process was killed in the middle of it, it does not.
 *
 * An engine of ipyparallel answers between its tasks. A WRITE, which holds the
 * file's lock, does not wait for those, but the FLUSH does: see `patient` of struct
 * push. While such an engine runs no task the first piece is waited for, so that
 * errors are told in time, but not for long: nobody may know yet that the engine is
 * busy, or the engine stands still.
 *
 * To append (O_APPEND) is done at once, at the end of what there is. What was
 * written is read back after it has taken its name.
 */
#ifndef TASKFS_FS_VARS_VALUE_H
#define TASKFS_FS_VARS_VALUE_H

#include "tree/node.h"

extern const struct io var_io, gather_io;

/* The same for a file of scatter/ that is opened to be read. */
int value_open(struct file *f, struct obj *o);
int value_read(struct file *f, struct obj *o, const struct ask *ask,
	       struct answer *a);
int value_flush(struct file *f, const struct ask *ask);
int value_again(struct file *f, enum parked_kind kind);
void value_release(struct file *f);

#endif
