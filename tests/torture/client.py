#!/usr/bin/python3
"""client.py FILE: ipyparallel's client, of that connection file. Says "ready". Of each
line of its standard input, [number, code], it sends a task, and says "sent NUMBER MSG_ID",
or "not-sent NUMBER WHY"; and "replied NUMBER STATUS" when that has ended. Ends with its
standard input."""

import json
import sys
import threading

import ipyparallel as ipp

lock = threading.Lock()


def say(*words):
    with lock:
        print(*words, flush=True)


def note(number, future):
    error = future.exception()
    if isinstance(error, ipp.error.RemoteError):
        say("replied", number, error.ename)
    elif error:
        say("no-reply", number, type(error).__name__)
    else:
        result = future.result()
        bad = isinstance(result, ipp.error.RemoteError)
        say("replied", number, result.ename if bad else "ok")


def main(path):
    rc = ipp.Client(path, timeout=60)
    say("ready")
    for line in sys.stdin:
        number, code = json.loads(line)
        try:
            future = rc.send_execute_request(rc._task_stream, code, silent=False)
        except Exception as e:
            say("not-sent", number, type(e).__name__)
            continue
        say("sent", number, future.msg_id)
        future.add_done_callback(lambda f, n=number: note(n, f))
    # What comes now is not waited for.
    import os

    os._exit(0)


main(sys.argv[1])
