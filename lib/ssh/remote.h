/*
 * remote.h: what runs at the other end: a script for /bin/sh, which finds the
 * connection file of a cluster there, prints it, and prints it again for each line
 * that it is sent.
 *
 * The shell reads the script from its standard input: no other shell, which the
 * user may have there, reads it, and it stands on nobody's command line. A login
 * may print things of its own, so each answer stands between two lines with a mark
 * that nobody knows before.
 */
#ifndef TASKFS_SSH_REMOTE_H
#define TASKFS_SSH_REMOTE_H

#include "base/buf.h"
#include "wire/connfile.h"

#define REMOTE_MARK 40

enum remote_says {
	REMOTE_NOTHING,	/* no whole answer yet */
	REMOTE_FILE,	/* the text of the connection file */
	REMOTE_NONE,	/* there is none: a sentence */
};

void remote_new_mark(char mark[REMOTE_MARK]);
/* Appends the script. source: of a struct ssh_url. */
void remote_script(struct buf *out, const char *mark, const char *source,
		   enum connfile_kind kind);
/*
 * The first answer in *in is moved to *ret_text (which is emptied before), with
 * what the login said before it. Nothing is taken for REMOTE_NOTHING.
 */
enum remote_says remote_answer(struct buf *in, const char *mark,
			       struct buf *ret_text);

#endif
