/*
 * rows.h: the functions the rows of THE TABLE name, by the file they are in.
 * Only nodes.c includes this, and those files.
 */
#ifndef TASKFS_FS_ROWS_H
#define TASKFS_FS_ROWS_H

#include "node.h"

#define SHOW(name) int name(const struct obj *o, struct buf *out)

/* root.c */
SHOW(root_readme);
SHOW(root_version);

/* controller.c */
SHOW(controller_state);
SHOW(controller_kind);
SHOW(controller_url);
SHOW(controller_id);
SHOW(controller_uptime);
SHOW(controller_scheme);
SHOW(controller_waiting);
SHOW(controller_running);
SHOW(controller_completed);

/* engines.c */
extern const struct class engine_class;
SHOW(engine_state);
SHOW(engine_host);
SHOW(engine_pid);
SHOW(engine_uuid);
SHOW(engine_language);
SHOW(engine_why);
SHOW(engine_since);
SHOW(engine_heartbeat);
SHOW(engine_queue);
SHOW(engine_running);
SHOW(engine_completed);

/* vars.c */
extern const struct class engine_var_class, view_var_class;
extern const struct class scatter_class, gather_class;
extern const struct io var_io, gather_io;
extern const struct deeds var_deeds, scatter_deeds;

/* view.c */
extern const struct class view_class;

/* draft_dir.c */
extern const struct class draft_class, draft_option_class;
int draft_remove_dir(const struct obj *o, struct wish *ret_wish);
int draft_remove_file(const struct obj *o, struct wish *ret_wish);
int draft_remove_submit(const struct obj *o, struct wish *ret_wish);
/* draft_file.c */
extern const struct io draft_file_io;
int draft_resize_file(const struct obj *o, uint64_t size);
/* draft_submit.c */
extern const struct io draft_submit_io;

/* members.c */
extern const struct class member_class, by_engine_class, share_class;
void by_engine_target(const struct obj *o, struct buf *out);
void share_target(const struct obj *o, struct buf *out);

/* lines.c; sizes: -1: of one task. */
void engine_lines(const struct obj *o, struct buf *out);
void exit_lines(const struct obj *o, struct buf *out);
void id_lines(const struct obj *o, struct buf *out);
int64_t engine_lines_size(const struct obj *o);
int64_t exit_lines_size(const struct obj *o);
int64_t id_lines_size(const struct obj *o);
/* Of task i of a map or view. */
void task_msg_id(const struct obj *o, int64_t i, struct buf *out);

/* results.c */
extern const struct class result_class, name_class, option_class;
bool latest_exists(const struct obj *o);
void latest_target(const struct obj *o, struct buf *out);
void name_target(const struct obj *o, struct buf *out);
int result_remove(const struct obj *o, struct wish *ret_wish);
int result_remove_file(const struct obj *o, struct wish *ret_wish);
SHOW(result_option);
/* result.c */
bool result_has_ok(const struct obj *o);
bool result_has_stdin(const struct obj *o);
bool result_has_map(const struct obj *o);
bool result_has_items(const struct obj *o);
SHOW(result_status);
SHOW(result_progress);
SHOW(result_elapsed);
SHOW(result_wait);
SHOW(result_ready);
SHOW(result_successful);
SHOW(result_ok);
SHOW(result_submitted);
SHOW(result_started);
SHOW(result_completed);
SHOW(result_received);
SHOW(result_wall_time);
SHOW(result_serial_time);
SHOW(result_speedup);
SHOW(result_engine);
SHOW(result_msg_ids);
SHOW(result_error);
SHOW(result_exit_status);
SHOW(result_why);
SHOW(result_attempts);
SHOW(result_usage);
/* picture.c */
SHOW(result_timeline);
/* metadata.c */
SHOW(result_metadata);

/* ctl.c */
SHOW(ctl_show);
SHOW(engine_ctl_show);
SHOW(controller_ctl_show);
int ctl_store(const struct obj *o, struct bytes value, struct wish *ret_wish);
int engine_ctl_store(const struct obj *o, struct bytes value,
		     struct wish *ret_wish);
int controller_ctl_store(const struct obj *o, struct bytes value,
			 struct wish *ret_wish);

#endif
