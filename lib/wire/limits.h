/*
 * limits.h: the largest of everything that comes from outside.
 *
 * Past a limit the writer gets EFBIG, ENOSPC or EAGAIN and `metrics` counts
 * it; nothing is cut short in silence.
 */
#ifndef TASKFS_LIMITS_H
#define TASKFS_LIMITS_H

#define KIB 1024UL
#define MIB (1024UL * KIB)
#define GIB (1024UL * MIB)

/* Messages. */
#define LIMIT_FRAMES 65536		/* frames of one message */
#define LIMIT_FRAME (1 * GIB)		/* bytes of one frame */
#define LIMIT_JSON (64 * MIB)		/* bytes of one JSON frame */
#define LIMIT_JSON_DEPTH 64
#define LIMIT_REPLAY 65536		/* signatures remembered */
#define LIMIT_CONNFILE (64 * KIB)	/* a connection file */
#define LIMIT_CLUSTER_NAME 64
#define LIMIT_SSH_WORD 255		/* user or host of ssh:// */
#define LIMIT_SSH_NOISE (256 * KIB)	/* what a login says of its own */
#define LIMIT_SSH_PORTS 64		/* forwarded over one ssh */

/* What the controller knows. */
#define LIMIT_ENGINES 65536
#define LIMIT_INPUT_KEPT (8 * MIB)	/* a text of iopub in a record */
#define LIMIT_RECORD (256 * MIB)	/* buffers of one kept message */
#define LIMIT_QUERY (56 * MIB)		/* JSON that answers one query */
#define LIMIT_QUERY_SECONDS 5		/* looking for it */
#define LIMIT_PATTERN 1000		/* bytes of a $glob */

/* Tasks. */
#define LIMIT_CODE (16 * MIB)
#define LIMIT_STDIN (256 * MIB)
#define LIMIT_OPTIONS (1 * MIB)		/* JSON text of all other options */
#define LIMIT_NAME 128			/* a result's name */
#define LIMIT_ARGS 4096
#define LIMIT_RETRIES 1000
#define LIMIT_PRIORITY 1000000
#define LIMIT_SECONDS 1e9		/* any length of time */
#define LIMIT_MAP (1 * GIB)		/* the items of a map, together */
#define LIMIT_GROWN (6 * LIMIT_MAP)	/* the same as fields of lines */
#define LIMIT_JSON_ITEMS (4 * KIB)	/* which items of a map are JSON, as text */
#define LIMIT_TASKS 1000000		/* tasks of one result; fits 20 bits */
#define LIMIT_FLIGHT 10			/* seconds from controller to engine, or never */
#define LIMIT_SLOTS 65536		/* tasks that an engine runs at a time */
#define LIMIT_RESOURCES 16		/* resources of an engine, or of a task */
#define LIMIT_RESOURCE_NAME 32
#define LIMIT_AMOUNT (1LL << 53)	/* of one; every program can say it in JSON */
#define LIMIT_SUBMIT 4096		/* results of one submit_request */
#define LIMIT_ENAME 128UL		/* the name of an error */
#define LIMIT_ID 4294967294LL		/* a user's or group's; -1 is none */
#define LIMIT_PID 2147483647LL
#define LIMIT_EXIT 255			/* of a process */
#define LIMIT_SIGNAL 64
#define LIMIT_TIME 100000000000000000LL	/* usec since 1970: the year 5138 */
#define LIMIT_TARGETS 65536		/* engines of one task or view */
#define LIMIT_DEPENDENCIES 1000		/* entries of after or follow */
#define LIMIT_REPLY (8 * MIB)		/* about: a list is told in parts */
#define LIMIT_ERROR (8 * KIB)		/* text of an error shown with a result */

/* Pools. */
#define LIMIT_POOLS 256
#define LIMIT_QUEUES 256
#define LIMIT_POOL_NAME 64
#define LIMIT_POOL_COMMAND (64 * KIB)	/* launch, cancel or check */
#define LIMIT_LAUNCH 127		/* the token of a launch */
#define LIMIT_JOB 255			/* what launch printed first */

/* Outputs. */
#define LIMIT_INLINE (4 * KIB)		/* an output sent with the result */
#define LIMIT_FETCH (1 * MIB)		/* bytes of one fetch_reply */

/* Variables. */
#define LIMIT_VARIABLE (1 * GIB)	/* bytes of one */
#define LIMIT_VARIABLES 1024		/* of one engine */
#define LIMIT_PIECE LIMIT_FETCH		/* bytes of one push or pull */
#define LIMIT_UPLOAD 64			/* the name of a push in pieces */
#define LIMIT_UPLOADS 256		/* of them under way at one engine */

#endif
