/*
 * tasks.h: the tasks of results: what is known of each, and which of them wait.
 */
#ifndef TASKFS_CONTROLLER_MODEL_TASKS_H
#define TASKFS_CONTROLLER_MODEL_TASKS_H

#include "results.h"

/* The task as a row for the store; the caller changes what will change. */
struct task_row task_row(const struct result *r, uint32_t index);

/* The task is pending, and nobody begins or ends it now. */
bool task_is_waiting(const struct task *t);

/* The task waits, and may be begun. */
bool task_is_ready(const struct task *t);

/* The first task that is ready; -1: none. */
int64_t result_waiting_task(struct result *r);

struct line;

/* How many tasks of the line are ready: at most `most` are counted. */
uint64_t tasks_of_line(const struct line *line, uint64_t most);

/* Takes a task out of those that wait, or puts it back (also in line with its
 * result). */
void task_claim(struct result *r, uint64_t index);
void task_unclaim(struct result *r, uint64_t index);

/* Takes a task out of what is ready, or puts it back; while it waits or runs. */
void task_set_held(struct result *r, uint64_t index, bool held);

/* Appends to an output; false: the offset fits nothing that is here. */
bool task_output(struct result *r, uint32_t index, enum stream s,
		 uint64_t offset, struct bytes b);
/* The same of one that is the file `name` of its engine (wire/nearby.h), which has so
 * many bytes more. */
bool task_output_in(struct result *r, uint32_t index, enum stream s,
		    uint64_t offset, uint64_t length, const char *name);
void task_set_state(struct result *r, struct task *t, enum state s);
void task_set_row(struct task *t, struct task_row *row);

/* Frees what only the store has to know of a task that ended: a map may have a
 * million. */
void task_shed_details(const struct result *r, struct task *t);
bool is_timeout(const char *ename);

/* The msg_id of a task that was not begun. */
void task_set_msg_id(struct task *t, const char *msg_id);

/* How long ago the result was submitted; of one that has ended, how long that took. */
int64_t result_age(const struct result *r);
int64_t result_elapsed(const struct result *r);

/*
 * The times of a try that ends now. ran: as its engine says, < 0: it does not;
 * ago: how long it has ended. It cannot have run longer than since it was begun.
 */
void task_row_ran(const struct result *r, struct task_row *row, int64_t ran,
		  int64_t ago);

/* The same from two times of day, 0: not known; somebody may have set that clock. */
void task_row_ran_from(const struct result *r, struct task_row *row,
		       int64_t started, int64_t completed);

/* Takes a task that ended (or began) into the times of its result. */
void result_count_times(struct result *r, const struct task *t);

/* The same of its end alone. */
void result_count_end(struct result *r, const struct task *t);

#endif
