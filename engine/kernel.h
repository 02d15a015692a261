/*
 * kernel.h: requests of Jupyter's clients that are no work for an engine: each
 * is answered as a kernel does that has nothing to say; what is not known,
 * with an error that says so. Nobody waits for an answer that does not come.
 */
#ifndef TASKFS_KERNEL_H
#define TASKFS_KERNEL_H

#include "link.h"

void kernel_info_request(struct engine *e, enum channel c, struct msg *m);
/* Ends the running tasks as ^C does. */
void kernel_interrupt_request(struct engine *e, enum channel c, struct msg *m);
/* Any other; what is no "..._request" expects no answer and gets none. */
void kernel_request(struct engine *e, enum channel c, struct msg *m);

#endif
