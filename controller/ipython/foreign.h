/*
 * foreign.h: engines of ipyparallel: what has to be known and done before one
 * of them can be given a task of ours.
 *
 * It is asked for its language (kernel_info_request); a Python engine then
 * runs the hook (hook.py, hook_vars.py) once, which sees to the options of tasks
 * and makes files of its variables (vars.h). The engine
 * is ready when it has answered, and when the end of that was heard on iopub:
 * then the output of a task will be, too. Others' tasks may keep it busy
 * before; it is asked again, now and then.
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_FOREIGN_H
#define TASKFS_CONTROLLER_IPYTHON_FOREIGN_H

#include "model/engines.h"

extern const struct engine_hooks foreign_hooks;

/* It has also done all that it was sent before: of Python alone, whose hook goes
 * behind that; others answer in the middle of a task. */
bool foreign_has_done_all(const struct engine *e);
/* One of ours, behind an upstream: it answers at any time, and knows all options
 * of a task. */
bool foreign_is_ours(const struct engine *e);
/* The msg_id of somebody else's task that it works on; NULL: it is not known. */
const char *foreign_elsewhere(const struct engine *e);
/* An iopub message that is about nothing of ours. */
void foreign_note_other(struct engine *e, const struct msg *m);
/* The same where no task of others keeps it busy, but one that was given up. */
void foreign_note_end(struct engine *e, const struct msg *m);
void foreign_set_elsewhere(struct engine *e, bool elsewhere);

/* True: it was about this, and is done with. */
bool foreign_on_reply(struct engine *e, struct msg *m);
bool foreign_on_iopub(struct engine *e, struct msg *m);

/* The engine that published m, or NULL. */
struct engine *foreign_publisher(struct controller *c, const struct msg *m);

/* What a task asks for with its reply: the hook's JSON. */
#define FOREIGN_USAGE "__import__('IPython').get_ipython()._taskfs_hook['usage']()"
#define FOREIGN_ABOUT "__import__('IPython').get_ipython()._taskfs_hook['about']()"
/* That JSON out of a reply's content; the caller's, or NULL. */
struct json_object *foreign_answer(struct json_object *content);

#endif
