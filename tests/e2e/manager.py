#!/usr/bin/python3
"""manager.py DIR COMMAND...: runs it as systemd runs a service of Type=notify. What the
command tells its manager goes to DIR/told, line by line; the entries of the journal to
DIR/journal, each as a JSON object. Ends with the command, and with its exit status."""

import json
import os
import select
import socket
import subprocess
import sys

JOURNAL = "/run/systemd/journal/socket"


def listen(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    return s


def entry(text):
    return dict(line.split("=", 1) for line in text.decode().splitlines())


def main():
    to, *command = sys.argv[1:]
    # In a namespace of its own there is no other journal.
    subprocess.run(["mount", "-t", "tmpfs", "run", "/run"], check=True)
    os.makedirs(os.path.dirname(JOURNAL))
    notify, journal = listen("/run/notify"), listen(JOURNAL)
    stream = os.open(os.path.join(to, "stream"), os.O_WRONLY | os.O_CREAT)
    st = os.fstat(stream)
    env = dict(os.environ, NOTIFY_SOCKET="/run/notify", WATCHDOG_USEC="20000",
               JOURNAL_STREAM="%d:%d" % (st.st_dev, st.st_ino))
    p = subprocess.Popen(command, env=env, stderr=stream)
    end = os.pidfd_open(p.pid)
    told = open(os.path.join(to, "told"), "a", buffering=1)
    entries = open(os.path.join(to, "journal"), "a", buffering=1)
    while True:
        ready = select.select([notify, journal, end], [], [])[0]
        if notify in ready:
            told.write(notify.recv(65536).decode() + "\n")
        if journal in ready:
            entries.write(json.dumps(entry(journal.recv(65536))) + "\n")
        if ready == [end]:
            return p.wait()


sys.exit(main())
