/*
 * process.h: which process of which machine. What one program says of itself,
 * another compares with what it sees: does that process still live?
 */
#ifndef TASKFS_PROCESS_H
#define TASKFS_PROCESS_H

#include "base/buf.h"

#define PROCESS_SIZE 128

/*
 * "MACHINE:BOOT:NAMESPACE:START" of a process that this one can see, ended by NUL; ""
 * when there is no such process, or the kernel does not say. MACHINE is a digest of
 * /etc/machine-id.
 */
void process_text(int64_t pid, char text[PROCESS_SIZE]);

enum process_fate { PROCESS_UNKNOWN, PROCESS_LIVES, PROCESS_ENDED };

/* What became of the process that said `text` of itself, as seen from here. */
enum process_fate process_fate(int64_t pid, const char *text);
/* `newer` was said later: that machine was started again in between. */
bool process_rebooted(const char *text, const char *newer);

#endif
