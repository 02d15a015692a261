/*
 * shown.h: what a keeper shows to who started it, in memory that both have: the
 * connection file, which holds the key and so is in no file of this host; what is to
 * be said; and what the next keeper goes on with, should somebody kill this one.
 * And the private directory of the sockets.
 */
#ifndef TASKFS_SSH_SHOWN_H
#define TASKFS_SSH_SHOWN_H

#include "ssh/tunnel.h"
#include "wire/limits.h"

struct shown {
	unsigned turn;		/* odd: it is being written */
	enum tunnel_state state;
	size_t nwhy, nfile;
	char why[1024];
	char file[LIMIT_CONNFILE];
	/* Of the keepers, one after another, alone. */
	bool was_through;	/* ssh was, once */
	size_t ports;		/* that are wanted */
	unsigned port[LIMIT_SSH_PORTS];
};

/* *ret_fd: for a keeper. -errno. shown_free(), in each process, is enough. */
int shown_new(struct shown **ret, int *ret_fd) must_check;
/* The same memory, there; closes fd. NULL: it is none. */
struct shown *shown_open(int fd) must_check;
void shown_free(struct shown *s);

/* The keeper's. why: one line at most; escaped. Without `up` there is no file. */
void shown_say(struct shown *s, enum tunnel_state state, struct bytes why);
/* It is up, and this is the file; -EFBIG. */
int shown_file(struct shown *s, struct bytes text) must_check;

/* Appends to *why; one that shows nothing yet is connecting. */
enum tunnel_state shown_get(const struct shown *s, struct buf *why);
/* Appends the file; -ENOENT: there is none (now). */
int shown_text(const struct shown *s, struct buf *text) must_check;

/* A private directory, short enough for the names of sockets; -errno. */
int shown_new_dir(char **ret_dir) must_check;
void shown_remove_dir(const char *dir);

#endif
