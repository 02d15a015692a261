#!/usr/bin/python3
"""Types what a document shows, and compares what comes with what it shows.

    blocks.py check FILE...          every block of these documents has a known mark
    blocks.py type FILE [CLUSTER]    types FILE here: what is for the cluster of taskfs,
                                     or for the one that CLUSTER names; ends with the
                                     first fault, or, with ALL=1, goes on behind it

The mark of a block is what stands behind its ```:

    console                  a transcript: `$ ` begins a command, `> ` goes on with it,
                             all else is what the commands print
    console on ipyparallel   the same, for engines of ipyparallel
    console not typed: WHY   a transcript that a test cannot type
    LANGUAGE file NAME       a file that the commands below need
    LANGUAGE typed by FILE   FILE does it, or its like
    text                     no commands

In what commands print `...` is what differs from one time to another: a part of a
line, or, alone, lines. A command that fails has to show what it says.

    <!-- $ command           typed, and not shown: it makes ready what is shown
    -->
    <!-- typed: column 2 -->  the commands of that column of the table below are typed

A command in the running text of such a document that names a file of the mount, or a
target of make, is one that a block or a table shows, too.
"""

import fcntl
import os
import re
import select
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

MARKS = (
    r"console( on ipyparallel)?",
    r"console not typed: \S.*",
    r"\w+ file [\w.-]+",
    r"\w+ typed by [\w./]+",
    r"text",
)
# What begins a command.
PROGRAMS = set(
    "cat cd cp dd echo exec for grep head ipcluster ls make mkdir mv printf python3 rm"
    " rmdir seq tail tar taskfs taskfs-cluster taskfs-controller taskfs-engine timeout"
    " touch while".split()
)


class Step:
    """A command, with what is shown of its output; or a file (`save`)."""

    def __init__(self, line, command, shown=None, save=None):
        self.line, self.command, self.shown, self.save = line, command, shown, save


class Document:
    def __init__(self, path):
        self.path = path
        self.steps = {"": [], "ipyparallel": []}
        self.inline = []
        self.elsewhere = []
        self.faults = []
        with open(path, encoding="utf-8") as f:
            self.lines = f.read().split("\n")
        self.at = 0
        self.column = 0
        while self.at < len(self.lines):
            self.take()

    def fault(self, line, text):
        self.faults.append("%s:%d: %s" % (self.path, line + 1, text))

    def until(self, end):
        """The lines from here to one like that, which is passed."""
        first = self.at
        while self.at < len(self.lines) and not re.match(end, self.lines[self.at]):
            self.at += 1
        self.at += 1
        if self.at > len(self.lines):
            self.fault(first - 1, "it has no end")
        return first, self.lines[first : self.at - 1]

    def take(self):
        line = self.lines[self.at]
        self.at += 1
        if line.startswith("```"):
            self.block(line[3:], *self.until("```"))
        elif line.startswith("<!-- $ ") and line.endswith(" -->"):
            self.transcript("", self.at - 1, [line[5:-4]], False)
        elif line.startswith("<!-- $ "):
            first, rest = self.until("-->")
            self.transcript("", first - 1, [line[5:], *rest], False)
        elif line.startswith("<!-- typed: column "):
            self.column = int(line.split()[3])
        elif line.startswith("<!--"):
            self.fault(self.at - 1, "an unknown comment")
        elif re.match(r" {4}|\t", line) and not self.lines[self.at - 2].strip():
            self.fault(self.at - 1, "a block without a mark")
        elif line.startswith("|"):
            self.row(line)
        else:
            self.column = 0
            self.text(line)

    def block(self, mark, first, lines):
        if not any(re.fullmatch(m, mark) for m in MARKS):
            self.fault(first - 1, "the mark %r is unknown" % mark)
        elif re.fullmatch(MARKS[0], mark):
            self.transcript(mark.partition(" on ")[2], first, lines)
        elif " typed by " in mark or mark.startswith("console not typed: "):
            self.elsewhere += lines
        elif " file " in mark:
            text = "".join(line + "\n" for line in lines)
            step = Step(first, text, save=mark.split()[2])
            for steps in self.steps.values():
                steps.append(step)
        elif mark == "text" and any(line.startswith("$ ") for line in lines):
            self.fault(first - 1, "a transcript that is marked as text")

    def transcript(self, cluster, first, lines, shown=True):
        step = None
        for n, line in enumerate(lines):
            if line.startswith("$ "):
                step = Step(first + n, line[2:], [] if shown else None)
                self.steps[cluster].append(step)
            elif step is None:
                self.fault(first + n, "no command comes before it")
            elif line.startswith("> ") or line == ">":
                step.command += "\n" + line[2:]
            elif shown:
                step.shown.append(line)
            elif line:
                self.fault(first + n, "it is not compared")

    def row(self, line):
        cells = [c.replace("\\|", "|") for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not self.column:
            return self.text(" ".join(cells))
        for command in re.findall(r"`([^`]+)`", cells[self.column - 1]):
            if command.split()[0] in PROGRAMS:
                self.steps[""].append(Step(self.at - 1, command, ["..."]))
        return None

    def text(self, line):
        self.inline += [(self.at - 1, code) for code in re.findall(r"`([^`]+)`", line)]

    def commands(self):
        """All that blocks and tables show."""
        steps = [s.command for steps in self.steps.values() for s in steps]
        return steps + self.elsewhere


# --- checking -------------------------------------------------------------------


def is_command(code):
    words = code.split()
    if len(words) < 2 or words[0] not in PROGRAMS:
        return False
    return words[0] == "make" or "mnt/" in code or ">" in code


def check(paths):
    documents = [Document(path) for path in paths]
    shown = "\n".join(c for d in documents for c in d.commands())
    for d in documents:
        for line, code in d.inline if any(d.steps.values()) else ():
            if is_command(code) and code not in shown:
                d.fault(line, "no block shows %s" % code)
    return [fault for d in documents for fault in d.faults]


# --- typing ---------------------------------------------------------------------

# Commands come on descriptor 9, and how they ended goes to 8.
READER = r"""
eval "exec 8>&$1 9<&$2 $1>&- $2<&-"
while IFS= read -r -d '' -u 9 command; do
	eval "$command" 8>&- 9<&-
	printf '%d\n' $? >&8
done
"""


class Shell:
    def __init__(self):
        commands, self.commands = os.pipe()
        self.ends, ends = os.pipe()
        self.output, output = os.pipe()
        os.set_blocking(self.output, False)
        # None of them is 8 or 9 already.
        given = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (ends, commands)]
        self.process = subprocess.Popen(
            ["bash", "-c", READER, "bash", *map(str, given)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=given,
        )
        for fd in commands, ends, output, *given:
            os.close(fd)

    def type(self, command):
        """What it printed, and its exit code."""
        os.write(self.commands, command.encode() + b"\0")
        out = b""
        while True:
            ready, _, _ = select.select([self.output, self.ends], [], [])
            out += self.read()
            if self.ends in ready:
                code = os.read(self.ends, 100)
                if not code:
                    sys.exit("# it ended the shell: %s" % command)
                out += self.read()
                return out.decode(errors="backslashreplace"), int(code)

    def read(self):
        out = b""
        try:
            while piece := os.read(self.output, 1 << 16):
                out += piece
        except BlockingIOError:
            pass
        return out

    def close(self):
        os.close(self.commands)
        self.process.wait()


def as_seen(out):
    """As a terminal shows it, and as an interactive shell says it."""
    lines = out.removesuffix("\n").split("\n") if out else []
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in lines]
    return [re.sub(r"^bash: (eval: )?line \d+: ", "bash: ", line) for line in lines]


def is_shown(lines, shown):
    pattern = ""
    for line in shown:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(map(re.escape, line.rstrip().split("..."))) + "\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in lines)) is not None


def try_step(shell, step):
    """What is wrong, or nothing."""
    if step.save:
        with open(step.save, "w", encoding="utf-8") as f:
            f.write(step.command)
        return ""
    out, code = shell.type(step.command)
    lines = as_seen(out)
    shown = ["..."] if step.shown is None else step.shown
    if not is_shown(lines, shown):
        text = "\n    ".join(lines)
        return "$ %s\nIt printed:\n    %s\nexit code %d" % (step.command, text, code)
    if code and (not step.shown or step.shown == ["..."]):
        return "$ %s\nIt failed, with %d: %s" % (step.command, code, "\n".join(lines))
    return ""


def type_all(path, cluster=""):
    document = Document(path)
    steps = document.steps[cluster]
    if not steps:
        return ["there is nothing to type for %s" % (cluster or "taskfs")]
    shell = Shell()
    faults = []
    for step in steps:
        print("# %s:%d: %s" % (path, step.line + 1, (step.save or step.command)[:60]))
        sys.stdout.flush()
        wrong = try_step(shell, step)
        if wrong:
            faults.append("%s:%d: %s" % (path, step.line + 1, wrong))
            # What comes behind it may wait for ever.
            if "ALL" not in os.environ:
                break
    shell.close()
    return faults


def main(verb, *args):
    faults = check(args) if verb == "check" else type_all(*args)
    for fault in faults:
        print("# " + fault.replace("\n", "\n# "))
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("check", "type"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
