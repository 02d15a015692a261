#include "wire/messages.h"

#define E_ "engine"
#define C_ "controller"
#define M_ "client"

const struct message_type message_types[] = {
	{MSG_REGISTRATION_REQUEST, E_, C_, "registration", false,
	 "uuid, [id], [taskfs {version, host, pid, [process], language, "
	 "slots, [resources {NAME: n}], since, [ends_in], [launch], [replaces], "
	 "[respawned], [limits], [begun], [ahead], [waiting [msg_id]], "
	 "running [msg_id], finished [msg_id], [relayed [msg_id]]}]",
	 "An engine reports for work. With `taskfs` it speaks the extensions; "
	 "it runs up to `slots` tasks of the task channel at a time, but of "
	 "what clients send it by mux one after the other, which counts as one; "
	 "`resources` is what else it has for tasks, memory in bytes; "
	 "`running` and `finished` are the tasks it has from before a restart "
	 "of the controller (finished: the reply is not yet `stored`). An "
	 "engine registers again, with its old id, when the instance in "
	 "`hb_ping` changes, and when a connection broke: then once more "
	 "after 11 s, when it is there again, and once more after 22 s, when "
	 "what was sent until then has arrived: with `relayed`, what it has "
	 "of clients' own tasks, and what of them it has answered since the "
	 "break. What was sent before the registration before and is not "
	 "there ends as EngineError. "
	 "`ends_in`: of an engine that ends at a time that is known, in "
	 "microseconds. "
	 "`launch`: the launch of a pool that started it. "
	 "`limits`: it understands limit_request. "
	 "`replaces` is the uuid it had before it was restarted: that one is "
	 "gone; `respawned`: it had died, and nobody has told it to begin anew; "
	 "`begun`: what that one had begun, as in unregistration_request. `ahead`: "
	 "it takes tasks ahead (see execute_request); `waiting`: those of `running` "
	 "that were sent ahead and have not begun, nor do they until this is "
	 "answered. "
	 "`process` says which process `pid` is "
	 "(MACHINE:BOOT:NAMESPACE:START, lib/wire/process.h): of an engine that "
	 "is not heard any more it tells that it has ended. One that is not "
	 "known to have ended keeps its id, and takes it again when it "
	 "registers with the same uuid."},
	{MSG_REGISTRATION_REPLY, C_, E_, "registration", false,
	 "status, id, hb_period, connection_info, [taskfs {version, instance, "
	 "drop [msg_id], [again], [outputs]}]",
	 "Accepted. `drop`: of the tasks named, those the controller does not "
	 "want: kill or forget them without a reply. For every other one the "
	 "engine sends its output again from offset 0 and then, when it has "
	 "ended, the execute_reply. `again`: `relayed` came at a bad time, "
	 "and is to be said once more. `outputs`: the directory in which the "
	 "controller keeps large outputs. An engine of the same user on the same "
	 "host, which finds `.engines/here-INSTANCE` there (`instance`), writes "
	 "them there, into a file of its own in `.engines` that it has locked, "
	 "and says so in `output`."},
	{MSG_UNREGISTRATION_REQUEST, E_, C_, "registration", false,
	 "id, [uuid], [why], [begun], [left], [respawn {pid, [process]}]",
	 "The engine is gone, and so is what it ran: sent by itself at its "
	 "end, or by its guard when it died. `uuid` says which, should another "
	 "have its id by now. `why` it ended, if there is a reason. "
	 "`begun`: the largest `number` of a task that it has begun, 0 for none; those "
	 "of larger numbers are given to another. Without it nobody knows, and all "
	 "count as begun. `left`: processes of its task "
	 "did not die. `respawn`: the engine has died and begins anew soon, with "
	 "`replaces`; until then it is away and keeps its id, as long as this "
	 "process, its guard, is there. No reply."},
	{MSG_REGISTRATION_NOTIFICATION, C_, M_, "notification", false,
	 "id, uuid", "An engine can be used."},
	{MSG_UNREGISTRATION_NOTIFICATION, C_, M_, "notification", false,
	 "id, uuid", "An engine is gone."},
	{MSG_SHUTDOWN_NOTIFICATION, C_, M_, "notification", false, "status",
	 "The controller ends."},
	{MSG_CONNECTION_REQUEST, M_, C_, "registration", false,
	 "[taskfs {version}]",
	 "A client says hello. After one without `taskfs` the tasks of such "
	 "clients wait, for a moment, for its subscription to iopub."},
	{MSG_CONNECTION_REPLY, C_, M_, "registration", false,
	 "status, engines {id: uuid}, [taskfs {version, instance, cluster, "
	 "events, program, since}]",
	 "The live engines. `taskfs`: the controller speaks the extensions; "
	 "`events` is the port of the events socket, `instance` changes with "
	 "every start of the controller, `since` is that start (usec), "
	 "`cluster` is the same for ever: the execute_request of try "
	 "`attempt` (from 1) of task `index` of result `id` has the msg_id "
	 "`<cluster>_<id>_<index>_<attempt>`."},
	{MSG_SHUTDOWN_REQUEST, M_, "controller, engine",
	 "registration, control", false, "[restart]",
	 "To the controller: end. To an engine: end after killing its task; "
	 "with `restart` one that speaks the extensions begins anew."},
	{MSG_SHUTDOWN_REPLY, "controller, engine", M_,
	 "registration, control, iopub", false, "status, [restart]",
	 "It will."},
	{MSG_HUB_ERROR, C_, M_, "registration", false,
	 "status, ename, evalue, traceback, engine_info",
	 "A request the controller cannot serve."},
	{MSG_QUEUE_REQUEST, M_, C_, "registration", false,
	 "targets (null, an id or uuid, or a list), [verbose]",
	 "What the engines have to do."},
	{MSG_QUEUE_REPLY, C_, M_, "registration", false,
	 "status, ID {queue, completed, tasks}, unassigned",
	 "For each engine the tasks sent to it directly that have not ended, "
	 "those that have, and those the scheduler gave it; `unassigned` are "
	 "those without an engine. Counts, or (verbose) lists of msg_ids."},
	{MSG_LOAD_REQUEST, M_, C_, "registration", false, "targets", "As above."},
	{MSG_LOAD_REPLY, C_, M_, "registration", false, "status, ID",
	 "How many tasks each engine has."},
	{MSG_RESULT_REQUEST, M_, C_, "registration", false,
	 "msg_ids, [status_only]",
	 "What became of tasks, whoever submitted them, through whatever."},
	{MSG_RESULT_REPLY, C_, M_, "registration", false,
	 "status, pending, completed, MSG_ID {header, metadata, "
	 "result_header, result_metadata, result_content, received, io}",
	 "With the buffers of all results, in order of the msg_ids."},
	{MSG_HISTORY_REQUEST, M_, C_, "registration", false, "",
	 "The msg_ids of all tasks."},
	{MSG_HISTORY_REPLY, C_, M_, "registration", false, "status, history",
	 "In order of submission."},
	{MSG_DB_REQUEST, M_, C_, "registration", false, "query, [keys]",
	 "The records of tasks that match: every key has the value, or passes "
	 "all tests of an object of $eq $ne $lt $lte $gt $gte $in $nin $all "
	 "$mod $exists $glob; $and, $or, $nor take lists of queries. The dates "
	 "are compared as dates."},
	{MSG_DB_REPLY, C_, M_, "registration", false,
	 "status, records, buffer_lens, result_buffer_lens",
	 "Buffers come behind, where keys name them."},
	{MSG_PURGE_REQUEST, M_, C_, "registration", false,
	 "msg_ids (a list, or all), engine_ids",
	 "Forget results that have ended, those of mounts too (of a result of "
	 "many tasks all must be named)."},
	{MSG_PURGE_REPLY, C_, M_, "registration", false, "status",
	 "They are gone from the store."},
	{MSG_RESUBMIT_REQUEST, M_, C_, "registration", false, "msg_ids",
	 "The same again, as new tasks of the task queue."},
	{MSG_RESUBMIT_REPLY, C_, M_, "registration", false,
	 "status, resubmitted {old: new}", "Their new msg_ids."},
	{MSG_BECOME_DASK_REQUEST, M_, C_, "registration", false, "",
	 "Answered with hub_error: that is Python's."},
	{MSG_STOP_DISTRIBUTED_REQUEST, M_, C_, "registration", false, "",
	 "The end of what the last one began."},
	{MSG_STOP_DISTRIBUTED_REPLY, C_, M_, "registration", false, "status",
	 "Nothing runs."},
	{MSG_EXECUTE_REQUEST, "client, controller", E_, "mux, task, broadcast",
	 false,
	 "code, silent, [user_expressions, store_history, allow_stdin, "
	 "stop_on_error]",
	 "Run code. From the controller to an engine that speaks the "
	 "extensions, metadata has `taskfs {result, index, attempt, [args], "
	 "[env], [cwd], [items], [time_limit], [code], [stdin], [stored], [number], "
	 "[ahead]}`; "
	 "`stored` is the list of the message of that name; `code`, "
	 "`stdin` and `items` (of a map, each ended by a NUL: $1 and on) are "
	 "numbers of buffers; `code` is given when the code "
	 "is no UTF-8 (content.code is then only a likeness). To an engine that "
	 "takes tasks ahead: `number`, larger for each task that is sent; it begins "
	 "them in that order. `ahead`: there is no free slot for it, and until it "
	 "begins it can be `returned`."},
	{MSG_EXECUTE_REPLY, E_, "client, controller", "mux, task, broadcast",
	 false,
	 "status, execution_count, [user_expressions, payload] or status, "
	 "ename, evalue, traceback, engine_info",
	 "It ended. metadata: started, dependencies_met, engine, status. To a "
	 "request with `taskfs` metadata, also metadata `taskfs {exit_status, "
	 "signal, stdout, stderr, value, data, value_is_stdout, usage {user, "
	 "system, memory}, cwd, completed, ran, ago, buffers {stdout, stderr, "
	 "value, data}}`: the four sizes are totals in bytes; `buffers` gives for an "
	 "output whose end was not yet sent by `output` the number of the "
	 "buffer that holds it. usage is in seconds and bytes, completed, ran "
	 "and ago (how long it has ended) in usec. exit_status is 128 + "
	 "signal for a signal."},
	{MSG_EXECUTE_INPUT, E_, M_, "iopub", false, "code, execution_count",
	 "What is being run (not when silent)."},
	{MSG_EXECUTE_RESULT, E_, M_, "iopub", false,
	 "data {mime: text}, metadata, execution_count",
	 "The value of a task (not when silent)."},
	{MSG_DISPLAY_DATA, E_, M_, "iopub", false,
	 "data {mime: text}, metadata, transient",
	 "What a task displays."},
	{MSG_APPLY_REQUEST, M_, E_, "mux, task, broadcast", false, "",
	 "Call a pickled Python function; passed on untouched."},
	{MSG_APPLY_REPLY, E_, M_, "mux, task, broadcast", false,
	 "status or an error", "Its value, pickled, in buffers."},
	{MSG_STATUS, E_, M_, "iopub", false, "execution_state",
	 "busy, idle, starting."},
	{MSG_STREAM, E_, M_, "iopub", false, "name, text",
	 "A piece of stdout or stderr."},
	{MSG_ERROR, E_, M_, "iopub", false, "ename, evalue, traceback",
	 "A task failed."},
	{MSG_ABORT_REQUEST, M_, E_, "control", false, "msg_ids",
	 "Tasks that have not begun will be answered with status aborted."},
	{MSG_ABORT_REPLY, E_, M_, "control", false, "status", "Noted."},
	{MSG_CLEAR_REQUEST, M_, E_, "control", false, "",
	 "Forget the variables."},
	{MSG_CLEAR_REPLY, E_, M_, "control", false, "status", "Done."},
	{MSG_SIGNAL_REQUEST, M_, E_, "control", false, "sig, msg_id",
	 "A signal to the running task; with a msg_id (ours alone) only while "
	 "that one runs."},
	{MSG_SIGNAL_REPLY, E_, M_, "control", false, "status", "Sent."},
	{MSG_KERNEL_INFO_REQUEST, M_, E_, "shell, control", false, "",
	 "Who are you?"},
	{MSG_KERNEL_INFO_REPLY, E_, M_, "shell, control", false,
	 "status, protocol_version, implementation, language_info, banner, "
	 "[host, pid]",
	 "A shell."},
	{MSG_INTERRUPT_REQUEST, M_, E_, "control", false, "",
	 "SIGINT to the running task."},
	{MSG_INTERRUPT_REPLY, E_, M_, "control", false, "status", "Sent."},

	{MSG_SUBMIT_REQUEST, M_, C_, "registration", true,
	 "results [{token, options, code, [stdin], [map], [view], uid, gid}]",
	 "New results. `code`, `stdin`, `map` are numbers of buffers; "
	 "`options` has every other option (see TREE.md). `map`: the items, "
	 "each ended by a NUL. `view`: true: one task for each engine of the "
	 "option targets. `token`: a string "
	 "unique to this submission: the same one again is answered with the "
	 "result it made the first time, so a client whose controller went "
	 "away asks again without fear."},
	{MSG_SUBMIT_REPLY, C_, M_, "registration", true,
	 "status, seq, results [result or {status: error, errno, ename, "
	 "evalue}]",
	 "In the order of the request, after they are stored."},
	{MSG_RESULTS_REQUEST, M_, C_, "registration", true,
	 "[since], [after], [limit]",
	 "The results changed after sequence number `since` (null: all), with "
	 "ids above `after`, in order of id, `limit` at most."},
	{MSG_RESULTS_REPLY, C_, M_, "registration", true,
	 "status, seq, results [result], purged [id], more, reset",
	 "`more`: ask again with `after` the last id. `reset`: `since` is too "
	 "long ago to tell what was purged; ask for all and forget the rest."},
	{MSG_TASKS_REQUEST, M_, C_, "registration", true,
	 "result, [from], [limit] or result, task or result, task, items, "
	 "[stride]",
	 "The tasks of a map or view in short, from index `from`; or one task "
	 "in full; or where the items of so many tasks (`items`) of a map are, "
	 "from index `task` on. With `stride` so many tasks in a row count as "
	 "one."},
	{MSG_TASKS_REPLY, C_, M_, "registration", true,
	 "status, seq, tasks [task in short], more or status, seq, task or "
	 "status, seq, items [offset], [growth [n]]",
	 "`more`: ask again with `from` the next index. `items`: where in the "
	 "stream map the items of each of these tasks begin, and, as the last "
	 "number, where those of the last task end; of fewer tasks than asked "
	 "at the end of the map, or by the limit of one reply. `growth`, always "
	 "with `stride`: by how many bytes the items of each are longer when "
	 "every backslash, tab, newline, carriage return and zero byte is two "
	 "bytes, and every other control byte five."},
	{MSG_STATE_REQUEST, M_, C_, "registration", true, "",
	 "The engines, the pools and the controller itself."},
	{MSG_STATE_REPLY, C_, M_, "registration", true,
	 "status, seq, engines [engine], pools [pool], controller", "See below."},
	{MSG_FETCH_REQUEST, M_, C_, "registration", true,
	 "result, task, stream, offset, length, [count]",
	 "A piece of one of: stdout, stderr, value, data, code, stdin, map. With "
	 "`count`: the whole outputs of up to so many tasks from `task` on, as "
	 "far as those have ended and are small enough together (a value that "
	 "is stdout is that)."},
	{MSG_FETCH_REPLY, C_, M_, "registration", true,
	 "status, offset, size or status, sizes",
	 "Buffer 0 is the piece, shorter than asked at "
	 "the end (or by the limit of one reply); `size` is the whole so far. "
	 "To `count`: `sizes` of the tasks that are in buffer 0, one behind the "
	 "other; fewer than asked (or none): the next has not ended, or is to "
	 "be fetched alone."},
	{MSG_CONTROL_REQUEST, M_, C_, "registration", true,
	 "[result], [task], [pool], [queue], verb, [argument], [option], [value], [map], uid",
	 "verb: abort, signal (argument: a name or number), retry (what is not "
	 "ok again, as a new result without after and follow), hold, release, priority (argument: the new "
	 "one), set (`option` has this `value` from now on; null: as if it had not been given), "
	 "add (`map`, the number of a buffer, has more items of an open map, each ended by a "
	 "NUL), close (nothing is added to it any more), "
	 "purge (without `result`: all that is finished). With `task` it is about that one of its tasks; only "
	 "abort, signal and retry can be. With `pool`, a name: pause (nothing is "
	 "launched, and no engine let go), resume (also after too many "
	 "failures), cancel (argument: the launch that ends, with its engines; "
	 "all of the pool if not given). With `queue`, a name: make, remove (when no "
	 "unfinished result is in it), limit (argument: how many tasks run at a time; 0: any "
	 "number), pause, resume."},
	{MSG_CONTROL_REPLY, C_, M_, "registration", true,
	 "status, seq, [result], [pool], [controller], [purged [id]] or status: error, errno, ename, "
	 "evalue",
	 "Done, and the result as it is now, with `changed` when it was about "
	 "one of its tasks (of retry the new one); of a queue the controller, which has all of them; or why not: ENOENT no such "
	 "result or task, EBUSY not finished (purge, retry), ESRCH finished "
	 "already, EAGAIN not begun (signal), EOPNOTSUPP its engine cannot, "
	 "EINVAL."},
	{MSG_ENGINE_CONTROL_REQUEST, M_, C_, "registration", true,
	 "[engines [id]], verb, uid",
	 "To these engines (or all) the controller says verb: interrupt (a "
	 "signal_request to what runs, SIGINT), stop (shutdown_request), "
	 "restart (the same with `restart`: its process begins anew under the "
	 "same id; only engines that speak the extensions can), clear "
	 "(clear_request). drain: they are given no more tasks, which is "
	 "remembered; resume: they are again. Nothing is done when one of "
	 "them is not there or cannot."},
	{MSG_ENGINE_CONTROL_REPLY, C_, M_, "registration", true,
	 "status, seq, engines [engine], gone [id] or status: error, errno, "
	 "ename, evalue",
	 "All of them have done it (of stop: are gone; of restart: are back): "
	 "those that are there, and those that are not. Or why not: ENOENT no "
	 "such engine, ESRCH none runs anything (interrupt), EOPNOTSUPP it "
	 "cannot, EHOSTUNREACH it cannot be reached, ETIMEDOUT asked and not "
	 "done yet: an ipyparallel engine clears and stops between its tasks."},
	{MSG_POOL_REQUEST, M_, C_, "registration", true,
	 "pool, make or set {OPTION: text} or remove, uid",
	 "`make`: a new pool of this name, without a launch command. `set`: "
	 "options, as a user writes them; an empty text is the standard. "
	 "`remove`: the pool goes, if it has neither launches nor engines."},
	{MSG_POOL_REPLY, C_, M_, "registration", true,
	 "status, seq, [pool] or status: error, errno, ename, evalue",
	 "It is stored; the pool as it is now. Or why not: ENOENT there is no "
	 "such pool, EEXIST there is one already, EBUSY it has launches or "
	 "engines, EINVAL, EFBIG, ENOSPC there are too many pools, or the store "
	 "is full, EPERM the controller was started with --pools=no."},
	{MSG_CHANGES, C_, M_, "events", true,
	 "instance, seq, changes [{result} or {purged: id} or {engine} or "
	 "{engine_gone: id} or {pool} or {pool_gone: name} or {controller}]",
	 "What changed, numbered without gaps within one instance; a client "
	 "that misses a number asks `results_request` with the last it has. "
	 "Sent at least once a second. A result has `id` and those members "
	 "that changed; buffers hold small outputs of results that ended. An "
	 "engine has all members but `vars`, or only `id` and `vars`. A pool has "
	 "`options` when it is new and when they changed."},
	{MSG_OUTPUT, E_, C_, "task", true,
	 "msg_id, stream, offset, [file, length]",
	 "Bytes of stdout, stderr, value or data of a running task (buffer 0) "
	 "at this offset; on the same socket as the execute_reply, so in "
	 "order. With `file` there is no buffer: the file of that name in "
	 "`.engines` of the controller's `outputs` has `length` bytes more. The "
	 "first such message has offset 0, and the file all that came before."},
	{MSG_STORED, C_, E_, "task", true, "msg_ids",
	 "These replies are on disk: the engine may forget them."},
	{MSG_KILL_REQUEST, C_, E_, "control", true, "msg_id, [signal], abort",
	 "Send a signal to a task; `abort`: end it (TERM, grace, KILL) and "
	 "reply with status aborted, also when it has not begun; of one that was "
	 "sent `ahead` and has not begun: `returned`."},
	{MSG_KILL_REPLY, E_, C_, "control", true, "status", "Done."},
	{MSG_LIMIT_REQUEST, C_, E_, "control", true, "msg_id, time_limit",
	 "The time limit of a task is another one: seconds since it began, 0: none. "
	 "To engines that said `limits` when they registered."},
	{MSG_LIMIT_REPLY, E_, C_, "control", true, "status",
	 "It holds. A task that is not there (any more) has none."},
	{MSG_PUSH_REQUEST, "client, controller", "controller, engine",
	 "registration, control", true,
	 "engines [id], name, upload, [begin, exclusive], [offset], [size], "
	 "[mtime], [commit], [abandon], [lines], [now]",
	 "A piece (buffer 0) of a variable, to be written at `offset`. "
	 "`upload`: a string, the same for all pieces of one value; the first "
	 "has `begin`: `empty`, `copy` (of the value there is) or `append` "
	 "(in place; offsets mean nothing, and there is nothing to commit). "
	 "The value takes its name with `commit`, all at once; `exclusive`: "
	 "EEXIST when another has it or is about to. `size` cuts or "
	 "lengthens, `mtime` (usec) sets the time, `abandon` forgets the "
	 "upload. `lines`: a list with one value on each line, where values "
	 "are more than bytes (a Python engine). `now`: EBUSY when one of the "
	 "engines runs a task and would answer only behind it. The controller "
	 "passes the message on to each of the engines."},
	{MSG_PUSH_REPLY, "controller, engine", "client, controller",
	 "control, registration", true,
	 "from the engine: status, [vars]; from the controller: status, "
	 "engines [{id, vars}]",
	 "`vars`: what changed by it (see Objects). From the controller when "
	 "all engines have answered, with those that did it; an error is the "
	 "first there was, and names the engine: EFBIG, ENOSPC, EEXIST, "
	 "EINVAL, ESTALE (the engine has forgotten the upload), EHOSTDOWN "
	 "(the engine is gone or does not answer), EOPNOTSUPP (it has no "
	 "variables that can be files), EBUSY (with `now`), EAGAIN (too much "
	 "is under way)."},
	{MSG_PULL_REQUEST, "client, controller", "controller, engine",
	 "registration, control", true,
	 "engines [id], name, offset, length, [version], [lines]",
	 "A piece of a variable of one engine. `version`: of the first piece; "
	 "another value since then is ESTALE."},
	{MSG_PULL_REPLY, "controller, engine", "client, controller",
	 "control, registration", true, "status, offset, size, version, [vars]",
	 "Buffer 0 is the piece, `size` the whole. The engine's own answer, "
	 "passed on as it is, or the controller's error. `vars`: of an engine "
	 "that tells only when it is asked, when it did not know the size."},
	{MSG_VARS_REQUEST, "client, controller", "controller, engine",
	 "registration, control", true,
	 "engines [id], [name], verb, [to], [exclusive], [now]",
	 "verb: `remove`, or `rename` (with `to`; `exclusive`: EEXIST when "
	 "there is one of that name), or `list`: which there are (of engines "
	 "with `on_demand`; of one that runs a task the answer, with `now`, is "
	 "what was known before it). `now`: as in push_request."},
	{MSG_VARS_REPLY, "controller, engine", "client, controller",
	 "control, registration", true, "as push_reply",
	 "Done, on each of the engines."},
	{MSG_VARS, E_, C_, "task", true, "version, all, list",
	 "The engine's variables (see Objects): `all` of them after a "
	 "registration, later those that changed. On the same socket as the "
	 "execute_reply: what a task has written is told before its end."},
	{MSG_REGISTER_REQUEST, C_, E_, "control", true, "",
	 "To an engine that answers heartbeats, and is lost or not registered any "
	 "more: it is to register again. No reply."},
	{MSG_HAVE_REQUEST, C_, E_, "control", true, "msg_ids",
	 "Does the engine have these tasks? They were sent 10 s ago or more, "
	 "and nothing was heard of them."},
	{MSG_HAVE_REPLY, E_, C_, "control", true, "status, missing [msg_id]",
	 "Those that it does not have: neither waiting, nor running, nor ended "
	 "and not yet stored. They are given again; a client's own ends as "
	 "EngineError when it is missing twice, 10 s apart."},
	{MSG_RECALL, C_, E_, "control", true, "msg_ids",
	 "Those of these tasks that were sent `ahead` and have not begun are to be "
	 "`returned`. No reply."},
	{MSG_RETURNED, E_, C_, "task", true, "msg_ids, numbers",
	 "Tasks that were sent `ahead` and that the engine will not begin: it was "
	 "asked for them, or none of them could begin for a while. They are given "
	 "to an engine again. `numbers` are those of the execute_requests: a task "
	 "that was sent again meanwhile has another one, and is not meant."},
	{MSG_DRAIN, E_, C_, "task", true, "why",
	 "The engine is to be given no more tasks until somebody says resume. "
	 "Several in a row failed for faults of the engine (it cannot keep "
	 "outputs, or make a process), and this comes before the end of the last "
	 "of them; or its lifetime ends soon."},
	{.name = NULL},
};

struct bytes message_request_name(const char *type)
{
	static const char end[] = "_request";
	size_t n = strlen(type), tail = sizeof(end) - 1;

	if (n <= tail || strcmp(type + n - tail, end) != 0)
		return bytes_of(NULL, 0);
	return bytes_of(type, n - tail);
}
