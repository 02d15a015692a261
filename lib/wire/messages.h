/*
 * messages.h: THE PROTOCOL, as one table: every message that taskfs sends or
 * understands, who says it to whom over which channel, and what it carries.
 * doc/PROTOCOL.md is made from it.
 *
 * Use the MSG_ names below where a message is sent or handled, so that a
 * misspelt one does not compile.
 */
#ifndef TASKFS_MESSAGES_H
#define TASKFS_MESSAGES_H

#include "base/base.h"

/* ipyparallel's, bit for bit. */
#define MSG_REGISTRATION_REQUEST "registration_request"
#define MSG_REGISTRATION_REPLY "registration_reply"
#define MSG_UNREGISTRATION_REQUEST "unregistration_request"
#define MSG_REGISTRATION_NOTIFICATION "registration_notification"
#define MSG_UNREGISTRATION_NOTIFICATION "unregistration_notification"
#define MSG_SHUTDOWN_NOTIFICATION "shutdown_notification"
#define MSG_CONNECTION_REQUEST "connection_request"
#define MSG_CONNECTION_REPLY "connection_reply"
#define MSG_SHUTDOWN_REQUEST "shutdown_request"
#define MSG_SHUTDOWN_REPLY "shutdown_reply"
#define MSG_HUB_ERROR "hub_error"
#define MSG_QUEUE_REQUEST "queue_request"
#define MSG_QUEUE_REPLY "queue_reply"
#define MSG_LOAD_REQUEST "load_request"
#define MSG_LOAD_REPLY "load_reply"
#define MSG_RESULT_REQUEST "result_request"
#define MSG_RESULT_REPLY "result_reply"
#define MSG_HISTORY_REQUEST "history_request"
#define MSG_HISTORY_REPLY "history_reply"
#define MSG_DB_REQUEST "db_request"
#define MSG_DB_REPLY "db_reply"
#define MSG_PURGE_REQUEST "purge_request"
#define MSG_PURGE_REPLY "purge_reply"
#define MSG_RESUBMIT_REQUEST "resubmit_request"
#define MSG_RESUBMIT_REPLY "resubmit_reply"
#define MSG_BECOME_DASK_REQUEST "become_dask_request"
#define MSG_STOP_DISTRIBUTED_REQUEST "stop_distributed_request"
#define MSG_STOP_DISTRIBUTED_REPLY "stop_distributed_reply"
#define MSG_EXECUTE_REQUEST "execute_request"
#define MSG_EXECUTE_REPLY "execute_reply"
#define MSG_EXECUTE_INPUT "execute_input"
#define MSG_EXECUTE_RESULT "execute_result"
#define MSG_DISPLAY_DATA "display_data"
#define MSG_APPLY_REQUEST "apply_request"
#define MSG_APPLY_REPLY "apply_reply"
#define MSG_STATUS "status"
#define MSG_STREAM "stream"
#define MSG_ERROR "error"
#define MSG_ABORT_REQUEST "abort_request"
#define MSG_ABORT_REPLY "abort_reply"
#define MSG_CLEAR_REQUEST "clear_request"
#define MSG_CLEAR_REPLY "clear_reply"
#define MSG_SIGNAL_REQUEST "signal_request"
#define MSG_SIGNAL_REPLY "signal_reply"
#define MSG_KERNEL_INFO_REQUEST "kernel_info_request"
#define MSG_KERNEL_INFO_REPLY "kernel_info_reply"
#define MSG_INTERRUPT_REQUEST "interrupt_request"
#define MSG_INTERRUPT_REPLY "interrupt_reply"

/* Extensions. */
#define MSG_SUBMIT_REQUEST "submit_request"
#define MSG_SUBMIT_REPLY "submit_reply"
#define MSG_RESULTS_REQUEST "results_request"
#define MSG_RESULTS_REPLY "results_reply"
#define MSG_TASKS_REQUEST "tasks_request"
#define MSG_TASKS_REPLY "tasks_reply"
#define MSG_STATE_REQUEST "state_request"
#define MSG_STATE_REPLY "state_reply"
#define MSG_FETCH_REQUEST "fetch_request"
#define MSG_FETCH_REPLY "fetch_reply"
#define MSG_CONTROL_REQUEST "control_request"
#define MSG_CONTROL_REPLY "control_reply"
#define MSG_ENGINE_CONTROL_REQUEST "engine_control_request"
#define MSG_ENGINE_CONTROL_REPLY "engine_control_reply"
#define MSG_POOL_REQUEST "pool_request"
#define MSG_POOL_REPLY "pool_reply"
#define MSG_CHANGES "changes"
#define MSG_OUTPUT "output"
#define MSG_STORED "stored"
#define MSG_RECALL "recall"
#define MSG_RETURNED "returned"
#define MSG_KILL_REQUEST "kill_request"
#define MSG_KILL_REPLY "kill_reply"
#define MSG_LIMIT_REQUEST "limit_request"
#define MSG_LIMIT_REPLY "limit_reply"
#define MSG_PUSH_REQUEST "push_request"
#define MSG_PUSH_REPLY "push_reply"
#define MSG_PULL_REQUEST "pull_request"
#define MSG_PULL_REPLY "pull_reply"
#define MSG_VARS_REQUEST "vars_request"
#define MSG_VARS_REPLY "vars_reply"
#define MSG_VARS "vars"
#define MSG_DRAIN "drain"
#define MSG_HAVE_REQUEST "have_request"
#define MSG_HAVE_REPLY "have_reply"
#define MSG_REGISTER_REQUEST "register_request"

/* The version of the extensions, in the "taskfs" member of those who speak. */
#define TASKFS_PROTOCOL 1

struct message_type {
	const char *name;
	const char *from, *to;
	const char *channel;
	bool extension;
	const char *content;	/* members, as PROTOCOL.md shows them */
	const char *help;
};

/* A row without name ends the table. */
extern const struct message_type message_types[];

/* NAME of "NAME_request", whose answer is "NAME_reply": a part of `type`. Empty: it
 * is no request. */
struct bytes message_request_name(const char *type);

#endif
