#!/usr/bin/python3
"""mounted.py NAME SEED RAN MOUNT: writes tasks into tasks/new, and says "acknowledged"
with the id that was read, or "refused" with the error."""

import errno
import os
import sys

import tasks

# What a mount may say when something is dead, or the disk full.
ALLOWED = {
    getattr(errno, name)
    for name in (
        "EHOSTDOWN ENOSPC ENOTCONN ENOENT ECONNABORTED EIO ETIMEDOUT ECONNRESET EINTR"
    ).split()
}


def submit(path, text):
    fd = os.open(path, os.O_RDWR)
    try:
        os.write(fd, text.encode() + b"\n")
        return int(os.read(fd, 100))
    finally:
        try:
            os.close(fd)
        except OSError:
            pass


def main(name, seed, ran, mount):
    tasks.say("ready")
    for task in tasks.each(name, seed, ran, tasks.OF_MOUNTS):
        try:
            tasks.say("acknowledged", task.number, submit(mount + "/tasks/new", task.text))
        except OSError as e:
            tasks.say("refused", task.number, errno.errorcode.get(e.errno, e.errno))
            if e.errno not in ALLOWED:
                raise


main(*sys.argv[1:])
