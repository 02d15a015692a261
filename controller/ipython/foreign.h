/*
 * foreign.h: engines of ipyparallel: what has to be known and done before one of them can
 * be given a task of a mount.
 *
 * It is asked for its language (kernel_info_request); a Python engine then runs the hook
 * (hook.py, hook_vars.py) once, which sees to the options of tasks and makes files of its
 * variables (vars/vars.h). The engine is ready when it has answered, and when the end of
 * that was heard on iopub: then the output of a task will be, too. Tasks of others may
 * keep it busy before; it is asked again, now and then.
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_FOREIGN_H
#define TASKFS_CONTROLLER_IPYTHON_FOREIGN_H

#include "model/engines.h"

extern const struct engine_hooks foreign_hooks;

/* The engine has done all that it was sent before the hook: Python alone works in
 * that order, others answer in the middle of a task. */
bool foreign_has_done_all(const struct engine *e);
/* The engine is one of ours, behind an upstream controller: it answers at any time,
 * and knows all options of a task. */
bool foreign_is_ours(const struct engine *e);
/* The msg_id of the task of somebody else that the engine works on; NULL: none is
 * known. */
const char *foreign_elsewhere(const struct engine *e);
/* An iopub message came that is about nothing of this controller's. */
void foreign_note_other(struct engine *e, const struct msg *m);
/* The same where no task of others keeps the engine busy, but one that was given up. */
void foreign_note_end(struct engine *e, const struct msg *m);
void foreign_set_elsewhere(struct engine *e, bool elsewhere);

/* True: the message answered what was asked here, and is done with. */
bool foreign_on_reply(struct engine *e, struct msg *m);
bool foreign_on_iopub(struct engine *e, struct msg *m);

/* The engine that published m, or NULL. */
struct engine *foreign_publisher(struct controller *c, const struct msg *m);

/* Expressions whose values are JSON that the hook makes; the first goes with each
 * task. */
#define FOREIGN_USAGE "__import__('IPython').get_ipython()._taskfs_hook['usage']()"
#define FOREIGN_ABOUT "__import__('IPython').get_ipython()._taskfs_hook['about']()"
/* That JSON, out of the content of a reply; the caller's, or NULL. */
struct json_object *foreign_answer(struct json_object *content);

#endif
