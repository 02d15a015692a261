/*
 * shell.h: a shell at the other end, over one ssh, that runs the script of remote.h;
 * and what ssh says for itself meanwhile.
 *
 * shell_start(), and when its pid was waited for shell_ended(): then it may be
 * started again. Who owns it embeds it.
 */
#ifndef TASKFS_SSH_SHELL_H
#define TASKFS_SSH_SHELL_H

#include "base/loop.h"
#include "ssh/command.h"
#include "ssh/remote.h"

struct shell {
	/* The owner's: an answer has come; ssh has said something. */
	void (*answer)(struct shell *s, enum remote_says says,
		       struct bytes text);
	void (*said)(struct shell *s);
	/* The rest is shell.c's, to be read by all. */
	pid_t pid;		/* 0: none */
	uint64_t through;	/* mono_usec() of the first answer; 0: none yet */
	bool looking;		/* an answer is to come */
	int in;
	struct watch out, err;
	struct buf text, noise, answered;
	char mark[REMOTE_MARK];
};

/* -errno: nothing was started. */
int shell_start(struct shell *s, struct loop *loop,
		const struct ssh_command *c, enum connfile_kind kind)
	must_check;
/* Asks for the connection file again; nothing while an answer is to come. */
void shell_look(struct shell *s);
/* The script ends, and ssh with it when nothing is under way any more. */
void shell_close(struct shell *s);
/* It was waited for. What it said last can still be read. */
void shell_ended(struct shell *s);
void shell_done(struct shell *s);

/* The last lines of what ssh has said (at most `lines`, 2 or less), as one. */
void shell_last_words(const struct shell *s, size_t lines, struct buf *out);

#endif
