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


def send(rc, task):
    """Its future, or None."""
    try:
        future = rc.send_execute_request(rc._task_stream, task.text, silent=False)
    except Exception as e:
        tasks.say("refused", task.number, type(e).__name__)
        return None
    tasks.say("sent", task.number, future.msg_id)
    future.add_done_callback(lambda f: note(task.number, f))
    return future


def main(name, seed, ran, path):
    rc = ipp.Client(path, timeout=60)
    tasks.say("ready")
    for task in tasks.each(name, seed, ran, tasks.OF_CLIENTS):
        send(rc, task)
    # Behind an answer to the last one nothing is on its way. A connection that ends just
    # then takes a message with it: so there is another.
    for task in tasks.more(name, ran):
        future = send(rc, task)
        if future and rc.wait([future], timeout=5):
            break
    os._exit(0)


main(*sys.argv[1:])
