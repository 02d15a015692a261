/*
 * connfile.h: the two files that tell clients and engines where a controller
 * is and with which key (names, members and modes are ipyparallel's; see
 * doc/PROTOCOL.md, "Connection files").
 */
#ifndef TASKFS_CONNFILE_H
#define TASKFS_CONNFILE_H

#include "base/buf.h"
#include "wire/sock.h"

/* Ports, by the names the files use. 0: not there. */
struct ports {
	unsigned registration, control, mux, task, iopub, broadcast;
	unsigned notification;		/* the client file only */
	unsigned hb_ping, hb_pong;	/* the engine file only */
	unsigned events;		/* ours: known from connection_reply */
	/* Ours, in the engine file only; both or none (wire/line.h). */
	unsigned line_control, line_task;
};

struct connfile {
	/* "tcp://127.0.0.1", never "*" after loading; through a tunnel (ssh/tunnel.h)
	 * "ipc:///DIR/NAME", the Unix sockets /DIR/NAME:PORT. */
	char *interface;
	char *location;		/* host name or address, or NULL */
	char *key;		/* "" when nothing is signed */
	char *curve_serverkey;	/* NULL: no CURVE */
	char *ssh;		/* server of a tunnel; NULL or "": none */
	char *task_scheme;	/* the client file; NULL: unknown */
	struct ports port;
	unsigned *broadcasts;	/* the engine file's list */
	size_t nbroadcasts;
};

/* BRIDGE: the client file of a bridge. The environment is about what is behind
 * that, and not looked at. */
enum connfile_kind { CONNFILE_CLIENT, CONNFILE_ENGINE, CONNFILE_BRIDGE };

/*
 * Fills *c from the text of a file. -EINVAL: not of this form; then *why says
 * what is wrong. "pack" other than json and a signature scheme other than
 * hmac-sha256 are refused. "*" and "0.0.0.0" are replaced by the location, or
 * by loopback when the location is this host. A key that is not there may
 * stand in the environment: IPP_CURVE_SERVERKEY, IPP_SESSION_KEY.
 */
int connfile_parse(struct connfile *c, enum connfile_kind kind,
		   struct bytes text, struct buf *why) must_check;
/* The same from a file; -errno when it cannot be read. */
int connfile_load(struct connfile *c, enum connfile_kind kind,
		  const char *path, struct buf *why) must_check;
/* Appends the text of such a file. */
void connfile_put(const struct connfile *c, enum connfile_kind kind,
		  struct buf *out);
/* Atomically, mode 0600. -errno. */
int connfile_save(const struct connfile *c, enum connfile_kind kind,
		  const char *path) must_check;
void connfile_done(struct connfile *c);

/* What names a cluster: a path (or a file, *.json), else a name. */
bool cluster_is_path(const char *source);
/* One that a directory can have; false: *why says what is wrong. */
bool cluster_is_name(const char *name, struct buf *why);

/*
 * The directory of the cluster of that name: $XDG_STATE_HOME/taskfs/NAME, or
 * ~/.local/state/taskfs/NAME. The caller frees. NULL: the name cannot be that
 * of a directory, or the variable that counts (HOME only when XDG_STATE_HOME
 * is not set) is no absolute path; *why says which.
 */
char *cluster_dir(const char *name, struct buf *why);
/* The same of an ipyparallel profile: $IPYTHONDIR or ~/.ipython. */
char *profile_dir(const char *name, struct buf *why);

/* "<dir>/ipcontroller-[<cluster_id>-]client.json"; caller frees. */
char *connfile_path(const char *dir, const char *cluster_id,
		    enum connfile_kind kind);

/* CURVE as the file says it, and the pair of keys of who has the file. */
void connfile_curve(const struct connfile *c, struct curve *ret_curve);

#endif
