#!/usr/bin/python3
"""client.py NAME SEED RAN FILE: ipyparallel's client, of that connection file. Says
"sent" with the msg_id of each task, or "refused"; and "replied" with its status, or what
error it was, when there is an answer."""

import os
import sys

import tasks

import ipyparallel as ipp


def note(number, future):
    error = future.exception()
    result = error or future.result()
    if isinstance(result, ipp.error.RemoteError):
        tasks.say("replied", number, result.ename)
    elif error:
        tasks.say("no answer", number, type(error).__name__)
    else:
        tasks.say("replied", number, "ok")


def main(name, seed, ran, path):
    rc = ipp.Client(path, timeout=60)
    tasks.say("ready")
    for task in tasks.each(name, seed, ran, tasks.OF_CLIENTS):
        try:
            future = rc.send_execute_request(rc._task_stream, task.text, silent=False)
        except Exception as e:
            tasks.say("refused", task.number, type(e).__name__)
            continue
        tasks.say("sent", task.number, future.msg_id)
        future.add_done_callback(lambda f, n=task.number: note(n, f))
    # What comes now is not waited for.
    os._exit(0)


main(*sys.argv[1:])
