#!/usr/bin/env python3
"""map.py: a map over the cluster from Python, with nothing but open()."""
import json
import os

mnt = os.environ.get("TASKFS", "./mnt")


def submit(**options):
    """Returns the id of the new result."""
    with open(f"{mnt}/tasks/new", "r+b", buffering=0) as new:
        new.write(json.dumps(options).encode())
        return int(new.read())


def values(result):
    """The values in the order of the items, each as soon as it is there."""
    with open(f"{mnt}/results/{result}/value") as f:
        yield from map(str.rstrip, f)


squares = submit(code="echo $(($1 * $1))", map=[str(n) for n in range(8)])
for n, square in enumerate(values(squares)):
    print(n, "*", n, "=", square)

failing = submit(code="echo this is wrong >&2; exit 3")
try:
    list(values(failing))
except OSError as e:
    print(os.strerror(e.errno), "-", open(f"{mnt}/results/{failing}/error").readline(), end="")
