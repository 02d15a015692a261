/*
 * batch.h: tasks on their way to the controller: a list of what is to be
 * submitted, sent as one submit_request, and its answer.
 *
 * A batch is filled with batch_add(), sent once with batch_send(), and calls
 * done() once. It outlives a controller: each task has a token, and when
 * another controller answers the line the same batch is asked again and makes
 * the same results.
 */
#ifndef TASKFS_FS_TASKS_BATCH_H
#define TASKFS_FS_TASKS_BATCH_H

#include "base/buf.h"
#include "link/request.h"
#include "wire/ids.h"
#include "wire/json.h"

struct item {
	struct json_object *options;	/* without code, stdin and map */
	struct json_object *code;	/* a string; or */
	struct buf text;		/* ... plain text */
	struct json_object *stdin_;	/* a string, or NULL; or */
	struct bytes stdin_bytes;	/* ... somebody else's, if has_stdin */
	bool has_stdin;
	struct bytes map;		/* items, if has_map; may be in */
	struct buf items;
	bool has_map;
	bool view;			/* one task for each target */
	char token[ID_SIZE + 24];
};

struct batch {
	struct list link;	/* whoever waits for it */
	struct fs *fs;
	void *owner;
	uint64_t first;		/* the owner's: what it counts its items from */
	uid_t uid;
	gid_t gid;
	struct item *item;
	unsigned n, room;
	size_t bytes;
	struct request q;
	/*
	 * err: nothing is known to be stored. Else item i made result ids[i],
	 * or was refused: 0, and *why has the reason of the first refusal,
	 * `refused` its -errno.
	 */
	void (*done)(struct batch *b, int err, const uint64_t *ids,
		     int refused, const char *why);
};

struct batch *batch_new(struct fs *fs, void *owner, uid_t uid, gid_t gid);
void batch_free(struct batch *b);
/*
 * Takes the options (and text) over; code, stdin and map are taken out of
 * them. The item is the caller's to complete, now.
 */
struct item *batch_add(struct batch *b, struct json_object *options,
		       struct buf *text);
/* -EHOSTDOWN: there is no controller; done() is not called. */
int batch_send(struct batch *b) must_check;

#endif
