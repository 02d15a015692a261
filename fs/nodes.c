#include "nodes.h"
#include "cluster/controller.h"
#include "cluster/ctl.h"
#include "cluster/engines.h"
#include "cluster/events.h"
#include "cluster/queues.h"
#include "cluster/view.h"
#include "glance/page_results.h"
#include "glance/screen.h"
#include "metrics/metrics_file.h"
#include "pools/pool_deeds.h"
#include "pools/pool_file.h"
#include "pools/pools.h"
#include "query/by.h"
#include "results/group_output.h"
#include "results/members.h"
#include "results/metadata.h"
#include "results/needs.h"
#include "results/overview.h"
#include "results/picture.h"
#include "results/result.h"
#include "results/results.h"
#include "results/stream.h"
#include "results/table.h"
#include "results/task_lines.h"
#include "results/watch.h"
#include "root.h"
#include "tasks/add_items.h"
#include "tasks/any.h"
#include "tasks/draft_dir.h"
#include "tasks/draft_file.h"
#include "tasks/draft_submit.h"
#include "tasks/submit.h"
#include "tasks/tasks.h"
#include "vars/deeds.h"
#include "vars/refresh.h"
#include "vars/scatter.h"
#include "vars/value.h"
#include "vars/vars.h"

#include <sys/stat.h>

#define DIR_ (S_IFDIR | 0755)
#define SHARED (S_IFDIR | S_ISVTX | 0777) /* each may remove what is his */
#define OWN (S_IFDIR | 0700)
#define FILE_ (S_IFREG | 0444)
#define NEW (S_IFREG | 0666)
#define VAR (S_IFREG | 0600)
#define CTL (S_IFREG | 0644)
#define LINK (S_IFLNK | 0777)

#define C_ "/controller/"
#define E_ "/engines/<id>/"
#define V_ "/engines/VIEW/"
#define P_ "/pools/NAME/"
#define Q_ "/queues/NAME/"
#define D_ "/tasks/DRAFT/"
#define R_ "/results/<id>/"

/* The files of a result, all of which go with it. */
#define R_SHOW(name, what, text) R_LATE(name, what, NULL, text)
#define R_LATE(name, what, needs, text)                                        \
	{.path = R_ name, .mode = FILE_, .await = needs, .show = what,         \
	 .remove = result_remove_file, .help = text}
#define R_LINES(name, what, bytes, text)                                       \
	{.path = R_ name, .mode = FILE_, .await = need_tasks, .show = what,   \
	 .size = bytes, .remove = result_remove_file, .help = text}
#define R_WAIT(name, what, text)                                               \
	{.path = R_ name, .mode = FILE_, .flags = NODE_WAITS, .show = what,    \
	 .remove = result_remove_file, .help = text}
#define R_IO(name, what, flag, needs, text)                                    \
	{.path = R_ name, .mode = FILE_, .flags = flag, .await = needs,        \
	 .io = &what, .remove = result_remove_file, .help = text}
#define SHOWN(name, what, text)                                                \
	{.path = name, .mode = FILE_, .show = what, .help = text}

const struct node nodes[] = {
{.path = "/", .mode = DIR_, .help = "the cluster"},

{.path = "/README", .mode = FILE_, .flags = NODE_STEADY, .show = root_readme,
 .help = "how to use this tree"},
{.path = "/version", .mode = FILE_, .flags = NODE_STEADY,
 .show = root_version, .help = "of taskfs"},
{.path = "/events", .mode = FILE_, .flags = NODE_WAITS, .io = &events_io,
 .help = "one numbered line for every change of a result, an engine, a pool (and "
	 "its launches) or the controller: `17953970001234 result 7 running` (`changed`: one of its options); begins with the next "
	 "change, or at an offset of 64 times a number with that line"},
{.path = "/metrics", .mode = FILE_, .io = &metrics_io,
 .help = "what the controller and this mount count, in Prometheus' text "
	 "format"},
{.path = "/top", .mode = FILE_, .io = &top_io,
 .help = "the cluster as one screen of text, 22 lines of 80 columns at most: engines, "
	 "what runs where and how far it is, what waits for what, the last that failed, queues and "
	 "pools if there are any. The results that you may see; of others only how many. Good "
	 "with `watch cat mnt/top`"},
{.path = "/status.html", .mode = FILE_, .await = page_await, .io = &page_io,
 .help = "the same as a page for a browser, which shows it from the file itself: the last "
	 "that failed with the ends of their errors, engines with a timeline of what they ran "
	 "in the last minutes, results with how far they are. It needs nothing from elsewhere "
	 "and renews itself"},
{.path = "/controller", .mode = DIR_, .help = "who decides what runs where"},
{.path = "/engines", .mode = DIR_, .help = "who runs tasks"},
{.path = "/pools", .mode = DIR_,
 .help = "engines that the controller starts when tasks wait for them"},
{.path = "/queues", .mode = DIR_,
 .help = "how many tasks run at a time, of all results that are in a queue"},
{.path = "/tasks", .mode = SHARED, .help = "submit, and what is unfinished"},
{.path = "/results", .mode = SHARED, .help = "one directory per submission"},

SHOWN(C_ "state", controller_state,
      "`connected` (and whether nothing is encrypted), `disk full: submissions are "
      "refused`, or one line that says why not"),
SHOWN(C_ "kind", controller_kind, "`taskfs` or `ipyparallel`"),
SHOWN(C_ "url", controller_url, "where it answers"),
SHOWN(C_ "id", controller_id, "changes when it is started again"),
SHOWN(C_ "uptime", controller_uptime, "seconds since it was started"),
SHOWN(C_ "scheme", controller_scheme, "how it chooses an engine"),
SHOWN(C_ "waiting", controller_waiting, "tasks that wait for an engine"),
SHOWN(C_ "running", controller_running, "tasks that run"),
SHOWN(C_ "completed", controller_completed, "tasks that ended"),
{.path = C_ "ctl", .mode = CTL, .show = controller_ctl_show,
 .store = controller_ctl_store,
 .help = "write `shutdown` (it ends; started again it goes on where it was), "
	 "or `purge` (every finished result); a read lists these words"},

{.path = "/engines/<id>", .mode = DIR_, .each = &engine_class,
 .help = "one engine: it runs as many tasks at a time as it has slots"},

{.path = "/engines/VIEW", .mode = DIR_, .flags = NODE_BRIEF,
 .each = &view_class,
 .help = "`all`: every engine but those that are lost; or, by name and not listed, some in "
	 "the order of a list like `0,2-3`"},

SHOWN(E_ "state", engine_state,
      "`idle`, `busy`, `draining` or `lost`: it is not heard any more, keeps its "
      "number (see taskfs-controller --keep-id), and is what it was when it comes "
      "back"),
SHOWN(E_ "why", engine_why,
      "since when it is lost; or why it drains, when it asked for that itself: it "
      "could not run tasks, or its lifetime ends; else empty"),
SHOWN(E_ "host", engine_host, "the name of its host"),
SHOWN(E_ "pid", engine_pid, "its process there"),
SHOWN(E_ "uuid", engine_uuid, "its name on the wire"),
SHOWN(E_ "language", engine_language, "what its tasks are written in"),
SHOWN(E_ "since", engine_since, "when it registered"),
SHOWN(E_ "until", engine_until,
      "when it ends, if that is known: its --lifetime, or the end of its job; else "
      "empty"),
SHOWN(E_ "heartbeat", engine_heartbeat, "when it was last heard"),
SHOWN(E_ "slots", engine_slots, "so many tasks it runs at a time"),
SHOWN(E_ "free", engine_free,
      "the number of slots that have no task, whatever else is free (see `resources`)"),
SHOWN(E_ "resources", engine_resources,
      "what of it tasks can have, one a line, free/in all: `cpus 3/8` (its slots), "
      "`memory 30G/32G`, `gpu 1/4`, and others that it was started with"),
SHOWN(E_ "queue", engine_queue, "tasks given to it that have not ended"),
SHOWN(E_ "running", engine_running,
      "what it runs, one a line: a result, or RESULT/TASK of one with many tasks"),
SHOWN(E_ "completed", engine_completed, "tasks it ended"),
{.path = E_ "new", .mode = NEW, .io = &view_submit_io,
 .help = "as tasks/new; runs on this engine, and waits for it while it is lost"},
{.path = E_ "vars", .mode = OWN, .refresh = refresh_variables,
 .help = "its variables: values that stay on the engine, where its tasks have "
	 "them in $TASKFS_VARS; of a Python engine the variables of its "
	 "namespace"},
{.path = E_ "ctl", .mode = CTL, .show = engine_ctl_show,
 .store = engine_ctl_store,
 .help = "write `interrupt` (Ctrl-C for what it runs), `stop`, `restart` "
	 "(anew under the same id), `clear` (it forgets its variables), "
	 "`drain` (no more tasks; what runs goes on), or `resume`. Returns "
	 "when that is done, or with ETIMEDOUT; a read lists these words. `stop` "
	 "of a lost engine forgets it: nothing waits for it any longer, and "
	 "its number is free; other words than `stop`, `drain` and `resume` are "
	 "EHOSTDOWN then"},

{.path = V_ "new", .mode = NEW, .io = &view_submit_io,
 .help = "as tasks/new; one result with a task for each engine of the view"},
{.path = V_ "vars", .mode = OWN, .refresh = refresh_variables,
 .help = "the variables that any of its engines has"},
{.path = V_ "scatter", .mode = OWN, .refresh = refresh_variables,
 .help = "write a file here, and each engine gets its share of the lines as its "
	 "variable of that name"},
{.path = V_ "gather", .mode = OWN, .refresh = refresh_variables,
 .help = "the same, only to be read: the other half of scatter"},
{.path = V_ "ctl", .mode = CTL, .show = engine_ctl_show,
 .store = engine_ctl_store,
 .help = "as engines/<id>/ctl, for all of them; when one cannot, nothing is "
	 "done"},

{.path = E_ "vars/NAME", .mode = VAR, .flags = NODE_BRIEF, .refresh = refresh_variables,
 .each = &engine_var_class, .io = &var_io, .deeds = &var_deeds,
 .help = "one variable: write it to push a value, read it to pull it, rm and "
	 "mv as any file. A value takes its name when the file is closed; `>>` "
	 "appends at once. ENOSPC: the engine has 1024 already; EFBIG: larger "
	 "than 1 GiB; EHOSTDOWN: the engine is lost or gone. Of a Python engine: JSON, "
	 "or bytes, or what is no JSON as a text (read: its repr); reading and "
	 "writing wait for the task that runs there, and what cannot wait is "
	 "EBUSY; EINVAL: no name of Python's"},

{.path = V_ "vars/NAME", .mode = VAR, .flags = NODE_BRIEF, .refresh = refresh_variables,
 .each = &view_var_class, .io = &var_io, .deeds = &var_deeds,
 .help = "a write pushes the value to all engines of the view; a read gives "
	 "their values one behind the other in the order of the view, or "
	 "EREMOTEIO when one of them has none (`ls engines/*/vars/NAME` shows "
	 "who has it); rm removes it wherever it is"},
{.path = V_ "scatter/NAME", .mode = VAR, .flags = NODE_BRIEF, .refresh = refresh_variables,
 .each = &scatter_class, .io = &scatter_io, .deeds = &scatter_deeds,
 .help = "takes lines: the engines get as many each, in the order of the view; "
	 "when they cannot be divided equally the first ones get one more. A "
	 "Python engine gets a list with one value for each line. "
	 "EFBIG: larger than 1 GiB together"},
{.path = V_ "gather/NAME", .mode = VAR & ~0222, .flags = NODE_BRIEF, .refresh = refresh_variables,
 .each = &gather_class, .io = &gather_io,
 .help = "the engines' values, one behind the other"},

{.path = "/pools/NAME", .mode = DIR_, .flags = NODE_BRIEF, .each = &pool_class,
 .deeds = &pool_deeds,
 .help = "a pool: commands that start engines elsewhere, and how many there may be. "
	 "mkdir makes one, which begins when it has a `launch`. The controller keeps it, "
	 "and all mounts show it. rmdir removes it; EBUSY: it has launches or "
	 "engines (`cancel` in its ctl ends them). Only who may write controller/ctl may make, "
	 "change or remove one. EOPNOTSUPP: this controller has none; EPERM: it was "
	 "started with --pools=no"},

SHOWN(P_ "state", pool_state,
      "`empty` (it has no `launch`), `ready`, `paused`, `waiting` (a launch failed; `why` "
      "says when it is tried again), `stopped` (too many failed in a row: write "
      "`resume` to its ctl), or `off` (the controller was started with --pools=no)"),
SHOWN(P_ "why", pool_why,
      "why it launches nothing, or what went wrong, with the last lines that the command "
      "printed; else empty"),
SHOWN(P_ "wanted", pool_wanted,
      "so many engines the tasks that wait could use, whatever `max` says"),
SHOWN(P_ "engines", pool_engines, "its engines, one a line"),
SHOWN(P_ "jobs", pool_jobs,
      "its launches, one a line: name, `launching`, `queued`, `running` or `ending`, "
      "engines that are there/asked for, since when, and what its `launch` printed "
      "first"),
{.path = P_ "ctl", .mode = CTL, .show = pool_ctl_show, .store = pool_ctl_store,
 .help = "write `pause` (it launches nothing and lets no engine go), `resume`, or `cancel "
	 "LAUNCH`, or `cancel` alone for all: takes launches out of the queue and stops "
	 "their engines; what these run is `lost`. EOPNOTSUPP: engines are to come, and there "
	 "is no command `cancel` that could take them back. A read lists these words"},
{.path = P_ "OPTION", .mode = CTL, .each = &pool_option_class,
 .io = &pool_option_io, .deeds = &pool_option_deeds,
 .help = "one file for each option of a pool (see Pool options). A read gives what is "
	 "set, or the standard; what is written replaces it, and nothing (`: > FILE`) "
	 "is the standard. What is no value is EINVAL, and the file keeps the one it had"},

{.path = "/queues/NAME", .mode = DIR_, .flags = NODE_BRIEF, .each = &queue_class,
 .deeds = &queue_deeds,
 .help = "a queue: mkdir makes one, the option `queue` puts a result into it. The "
	 "controller keeps it, and all mounts show it. rmdir removes it; EBUSY: results that "
	 "have not ended are in it. Only who may write controller/ctl may make, change or "
	 "remove one"},
{.path = Q_ "limit", .mode = CTL, .show = queue_limit, .store = queue_set_limit,
 .help = "so many of its tasks run at a time, of all its results; empty: any number. "
	 "Write a number, or an empty line for none. What runs goes on"},
SHOWN(Q_ "state", queue_state, "`open`, or `paused`: nothing of it is begun"),
SHOWN(Q_ "waiting", queue_waiting, "tasks that have not begun"),
SHOWN(Q_ "running", queue_running, "tasks that run"),
{.path = Q_ "ctl", .mode = CTL, .show = queue_ctl_show, .store = queue_ctl_store,
 .help = "write `pause` (nothing of it is begun; what runs goes on) or `resume`; a read "
	 "lists these words"},

{.path = "/tasks/new", .mode = NEW, .io = &submit_io,
 .help = "write a task here: a script, or JSON with options (see Task "
	 "options): what begins with { is JSON, but for a shell's group of "
	 "commands, { and a blank. It runs on the engine with the least load. "
	 "After a write, a read on the same descriptor gives its id"},
{.path = "/tasks/last", .mode = FILE_, .show = tasks_last,
 .help = "id of the last result the calling process (or else the nearest of "
	 "its parents) submitted"},
{.path = "/tasks/any", .mode = FILE_, .flags = NODE_WAITS, .io = &any_io,
 .help = "waits: the id of the next result to end of those that the calling process "
	 "(or else the nearest of its parents) submitted, as `wait -n`; each is told "
	 "once, in the order of their ends, one for each time it is opened. End of file "
	 "when there is none left. EOVERFLOW, once: there were more than 16384, and the "
	 "oldest were forgotten"},
{.path = "/tasks/error", .mode = FILE_, .show = tasks_error,
 .help = "the last refusal that the mount told the calling process or its "
	 "children: of a submission, an option of a draft, a word to a ctl, what "
	 "cannot be made, removed or renamed. It stays until their next submission "
	 "is taken; what the kernel says by itself (EACCES, ENOENT, EEXIST) leaves "
	 "it as it is"},
{.path = "/tasks/DRAFT", .mode = OWN, .flags = NODE_BRIEF,
 .each = &draft_class, .remove = draft_remove_dir,
 .help = "a task in the making: `mkdir tasks/build`, write a file for each "
	 "option, then 1 to `submit`, under the name build. Yours alone, in the "
	 "memory of this mount; rmdir (or rm -r) throws it away"},
{.path = "/tasks/NAME", .mode = NEW, .flags = NODE_HIDDEN | NODE_BRIEF,
 .each = &submit_class, .io = &named_submit_io,
 .help = "as tasks/new, under a name of your own: `echo cmd > tasks/build`, "
	 "then results/build; it is there while it is written"},
{.path = "/tasks/<id>", .mode = LINK, .each = &unfinished_class,
 .target = task_target, .remove = task_remove,
 .help = "every result that is not finished; rm aborts it"},

{.path = D_ "submit", .mode = S_IFREG | 0200, .io = &draft_submit_io,
 .remove = draft_remove_submit,
 .help = "write 1: the draft is submitted and gone when the write returns. An "
	 "error keeps it, and tasks/error says why"},
{.path = D_ "OPTION", .mode = S_IFREG | 0600, .each = &draft_option_class,
 .io = &draft_file_io, .remove = draft_remove_file,
 .resize = draft_resize_file,
 .help = "one file for each option that is given (see Task options): writing "
	 "makes it, rm takes it back. Lists one a line, env NAME=VALUE a line, "
	 "targets also as `0,2-3`; map0 is map with a NUL behind each item, as of "
	 "find -print0. What is no value is EINVAL, and the file "
	 "keeps the one it had"},

{.path = "/results/latest", .mode = LINK, .exists = latest_exists,
 .target = latest_target,
 .help = "the newest result that you may see: your own; of root, and in a mount "
	 "without allow_other, of everybody"},
{.path = "/results/table", .mode = FILE_, .flags = NODE_HIDDEN, .io = &overview_io,
 .help = "not listed: a line for each result that you may see, in the order of their ids, with tabs "
	 "between the fields and a head: result status exit engine start end seconds "
	 "user system memory tries tasks ended failed name. `exit`, `engine` and "
	 "`tries` are those of one task (of many: `-`), the four before `tries` the "
	 "sums and the highest peak. Waits for nothing"},
{.path = "/results/by", .mode = DIR_, .flags = NODE_HIDDEN,
 .help = "not listed, and shows nothing itself: queries are directories in it"},
{.path = "/results/NAME", .mode = LINK, .each = &name_class,
 .target = name_target,
 .help = "your newest result with that `label`; names of others lead nobody, "
	 "not root either"},
{.path = "/results/<id>", .mode = OWN, .each = &result_class,
 .remove = result_remove,
 .help = "one submission. Once finished it never changes; rmdir (or rm -r) "
	 "purges it here and in the controller's store, while it is "
	 "unfinished that is EBUSY"},

R_SHOW("status", result_status,
       "`pending`, `running`, `ok`, `error` or `aborted`"),
R_SHOW("progress", result_progress, "tasks ended / tasks: `0/1`"),
R_SHOW("elapsed", result_elapsed,
       "seconds since submission; of a finished one the wall time"),
R_IO("stdout", stdout_io, 0, need_tasks,
     "standard output so far; grows while it runs"),
R_IO("stderr", stderr_io, 0, need_tasks,
     "standard error so far; grows while it runs"),
R_IO("data", data_io, 0, need_tasks,
     "what the task published on descriptor 4 so far; grows while it runs"),
R_IO("value", value_io, NODE_WAITS, need_tasks,
     "waits for the end, then gives what the task wrote to descriptor 3, or "
     "its standard output if it wrote nothing there. EREMOTEIO: it failed, "
     "`error` says why; ECANCELED: aborted; ETIMEDOUT: a time limit. Of a map: "
     "the values in the order of its items, each as soon as it and all before "
     "it are there; such an error where the value of that task would begin"),
R_WAIT("wait", result_wait, "waits for the end, then gives the status"),
R_IO("output", output_io, NODE_WAITS, need_tasks,
     "waits: standard output and error as they come, end of file at the end "
     "of the task. Opened after the end: one, then the other. Of a map: those "
     "of each task when it ends; opened after the end: in order"),
R_IO("as_completed", completed_io, NODE_WAITS | NODE_GROUP, need_tasks,
     "waits: the number of each task as it ends, one a line, until all have"),
R_IO("watch", watch_io, NODE_WAITS, need_detail,
     "waits: a line that says how far it is, drawn again and again until the "
     "end"),
R_SHOW("ready", result_ready, "`1` when finished, else `0`"),
R_SHOW("successful", result_successful,
       "`1` after success, else `0`; EAGAIN before the end"),
{.path = R_ "ok", .mode = FILE_, .exists = result_has_ok, .show = result_ok,
 .remove = result_remove_file,
 .help = "is there only after success, with the time of completion: a target "
	 "for make"},
R_SHOW("submitted", result_submitted, "when the controller took it in"),
R_SHOW("started", result_started, "when an engine began; empty before"),
R_SHOW("completed", result_completed, "when it ended; empty before"),
R_SHOW("received", result_received,
       "when the controller had the whole result; empty before"),
R_SHOW("wall_time", result_wall_time,
       "seconds from submission to receipt, or until now, whatever is done to "
       "the clock meanwhile"),
R_SHOW("serial_time", result_serial_time,
       "seconds its tasks ran, the last try of each, added up"),
R_SHOW("speedup", result_speedup, "serial_time / wall_time"),
R_LINES("engine", result_engine, task_lines_engine_size,
	"id of the engine; empty before it began. Of a map or view: a line for "
	"each task, empty before it began"),
{.path = R_ "by_engine", .mode = OWN, .flags = NODE_GROUP,
 .await = need_tasks, .remove = result_remove_file, .help = "the tasks by engine"},
R_LINES("msg_ids", result_msg_ids, task_lines_msg_id_size,
       "ids of its messages, one a line, known from the beginning"),
R_LATE("error", result_error, need_errors,
       "empty, or `NAME: text` and more lines that say what happened; "
       "a line `submit_dir: ...` when that is not there and it ran in an empty directory. Of a map or "
       "view: how many failed, and the first of these with their numbers"),
R_LINES("exit_status", result_exit_status, task_lines_exit_size,
	"0 to 255, or 128 + the signal; empty before the end. Of a map or "
	"view: a line for each task, empty while it has none"),
R_LATE("usage", result_usage, need_detail,
       "`user` and `system` seconds, `memory` bytes at the peak; empty "
       "before the end. Of a map or view: the sums, and the highest peak"),
R_SHOW("why", result_why,
       "what a pending one waits for: an engine (`engine 1 to be free`, `engine 1 "
       "is away since` and when), `after 12`, `hold`, its own `max_running`; why the "
       "end of one that has ended is not stored yet; else empty"),
R_LATE("attempts", result_attempts, need_tasks_or_detail,
       "one line for each try that ended: its number, the engine, start, end, "
       "and `ok`, `aborted` or the name of the error (`lost` when its engine "
       "was not heard any more and it may go on there); then, in seconds, when "
       "it began since the submission, and how long it ran. Of a map or view: "
       "how many tries have begun"),
R_IO("table", table_io, NODE_GROUP, need_table,
     "a line for each task in the order of their numbers, with tabs between the "
     "fields and a head: task status exit engine start end seconds user system memory "
     "tries item. What is not known (yet) is `-`; `seconds` is how long it ran, the "
     "next two how long it had a processor, `memory` bytes at the peak. In items a "
     "backslash, tab, newline and other control bytes are written as printf's %b reads "
     "them. Waits for nothing: what has not ended has its state"),
R_LATE("timeline.svg", result_timeline, need_tasks_or_detail,
       "a picture of who ran what when, for a browser: a row for each engine, "
       "a bar for each try of a task"),
R_LATE("metadata", result_metadata, need_tasks_or_detail,
       "all of this as one JSON object with ipyparallel's names; of a map or "
       "view with lists of the first 256 tasks"),
R_IO("code", code_io, 0, NULL, "what was submitted"),
{.path = R_ "stdin", .mode = FILE_, .exists = result_has_stdin,
 .io = &stdin_io, .remove = result_remove_file,
 .help = "the standard input, when it was given"},
{.path = R_ "map", .mode = CTL, .flags = NODE_GROUP,
 .exists = result_has_map, .io = &map_io, .remove = result_remove_file,
 .help = "of a map: its items, one a line. While it is open (the option open) lines can be "
	 "added: `echo item >> results/7/map`; the write returns when they are stored. "
	 "EPERM: it is not open, or was not opened with >>; EFBIG: that would be more items "
	 "than a map may have"},
{.path = R_ "stdout_path", .mode = FILE_, .exists = result_has_stdout_path,
 .show = result_stdout_path, .remove = result_remove_file,
 .help = "the file that gets its standard output, too: the option stdout. Of a map or "
	 "view as it was given; of a task with the numbers in it"},
{.path = R_ "stderr_path", .mode = FILE_, .exists = result_has_stderr_path,
 .show = result_stderr_path, .remove = result_remove_file,
 .help = "the same of standard error"},
{.path = R_ "item", .mode = FILE_, .exists = result_has_item,
 .await = need_items, .io = &items_io, .remove = result_remove_file,
 .help = "of one task of a map without `chunk` (`results/7/3/item`): its item, and a "
	 "newline"},
{.path = R_ "items", .mode = FILE_, .exists = result_has_items,
 .await = need_items, .io = &items_io, .remove = result_remove_file,
 .help = "of one task of a map (`results/7/3/items`): the items it has, one a "
	 "line; several with the option `chunk`"},
{.path = R_ "SETTING", .mode = CTL, .flags = NODE_GROUP | NODE_BRIEF, .each = &setting_class,
 .show = result_option, .store = result_set_option, .remove = result_remove_file,
 .help = "options that can be changed until the result has ended (see Task options): "
	 "write another value (`echo 4 > results/7/max_running`), or an empty line to "
	 "take it back; also one that was not given. It holds for what has not begun, and "
	 "`time_limit`, counted from the beginning, for what runs, too. EINVAL: that is no "
	 "value, as tasks/error says; EPERM: it has ended; EHOSTUNREACH or EOPNOTSUPP: it "
	 "holds, but not for a task whose engine could not be told"},
{.path = R_ "OPTION", .mode = FILE_, .each = &option_class,
 .show = result_option, .remove = result_remove_file,
 .help = "one file for each other option that was given (see Task options)"},
{.path = R_ "ctl", .mode = CTL, .show = ctl_show, .store = ctl_store,
 .remove = result_remove_file,
 .help = "write `abort`, `signal NAME`, `hold` (begin nothing of it), "
	 "`release`, `priority N` (a higher one is begun first), `close` (nothing is added "
	 "to its open map any more: it ends with its last task), or, when it "
	 "has ended, `retry`: all of its tasks that are not ok (they failed, "
	 "were aborted or not begun) once more, as a new result, which waits "
	 "for no other, whatever `after` said; a read lists these words"},
{.path = R_ "<n>", .mode = OWN, .flags = NODE_GROUP, .each = &member_class,
 .like = "/results/<id>", .remove = result_remove_file,
 .help = "task n of a map or view, from 0 on: the same files, of that task"},

{.path = R_ "by_engine/ENGINE", .mode = LINK, .each = &by_engine_class,
 .target = by_engine_target, .remove = result_remove_file,
 .help = "of a view: the task on that engine"},
{.path = R_ "by_engine/ONE", .mode = OWN, .each = &only_engine_class,
 .like = "/results/<id>", .remove = result_remove_file,
 .help = "of a result of one task: the same files, by the engine that ran (or runs) it"},
{.path = R_ "by_engine/<engine>", .mode = OWN, .each = &by_engine_class,
 .remove = result_remove_file, .help = "of a map: its tasks on that engine"},
{.path = R_ "by_engine/<engine>/<n>", .mode = LINK, .each = &share_class,
 .target = share_target, .remove = result_remove_file,
 .help = "task n, which that engine ran (or runs)"},

{.path = "/results/by/QUERY", .mode = SHARED, .flags = NODE_BRIEF | NODE_LISTING,
 .each = &query_class, .refresh = query_refresh, .remove = query_remove,
 .help = "the results that match and that you may see; by name, not listed: "
	 "`results/by/status=failed,label=x*`. Terms with commas between them, which all hold. "
	 "The words are the columns of results/table, and `label`, `owner` (a number) and "
	 "`submitted`; the signs = != < <= > >=. `status` and `label` are texts, with * and ?; "
	 "a status is also `failed` (error or aborted) or `unfinished`. Else numbers (`3`, "
	 "`2-7`, `4K`), seconds (`1.5`, `10m`) or times (`2026-11-29`, `2026-11-29T14:31`; "
	 "`-10m` is ten minutes ago). `engine` is that of any task. What a result has not "
	 "(yet) matches nothing. Quote it for a shell: `ls 'results/by/label=x*'`. ENOENT: it is "
	 "no query, tasks/error says why"},
{.path = "/results/by/QUERY/<id>", .mode = LINK, .each = &match_class,
 .target = match_target, .remove = result_remove,
 .help = "one of them; rm purges the result, as rmdir results/<id>"},
{.path = NULL},
};
