/*
 * note_what.h: what can change of a result, a task, an engine or the controller,
 * for those who watch it. The mirror says it of each change; several at a time are
 * added up.
 */
#ifndef TASKFS_FS_MIRROR_NOTE_WHAT_H
#define TASKFS_FS_MIRROR_NOTE_WHAT_H

enum note_what {
	NOTE_NEW = 1,		/* it came */
	NOTE_GONE = 2,
	NOTE_LISTED = 4,	/* it came into tasks/ */
	NOTE_UNLISTED = 8,
	NOTE_STATUS = 16,
	NOTE_PROGRESS = 32,
	NOTE_STDOUT = 64,	/* grew */
	NOTE_STDERR = 128,
	NOTE_DATA = 256,
	NOTE_END = 512,		/* it never changes again */
	NOTE_WORK = 1024,	/* what it has to do */
};

#endif
