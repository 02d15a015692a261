#!/usr/bin/python3
"""bars.py DIR: is DIR/timeline.svg a document, and does it show what the other
files of that result say: a bar for each try, in the row of its engine, where
it was in time? Says what is not so. Prints the tries, in the order of their
starts: TASK TRY LOOK ENGINE."""
import json
import re
import sys
import xml.etree.ElementTree as etree

SVG = "{http://www.w3.org/2000/svg}"
LEFT, RIGHT, ROW = 84, 1180, 20
LEAST = 8  # pixels: shorter ones are made longer, that they are seen


def usec(seconds):
    return round(float(seconds) * 1e6)


def look(word):
    return word if word in ("ok", "aborted") else "error"


def attempt(line, task):
    n, engine, _, _, word, began, ran = line.split()
    start = usec(began)
    return start, start + usec(ran), task, int(n), look(word), int(engine)


def tries(at):
    """(start, end, task, try, look, engine) of each, from the other files."""
    with open(at + "/metadata") as f:
        m = json.load(f)
    if m["kind"] == "task":
        with open(at + "/attempts") as f:
            for line in f:
                yield attempt(line, 0)
        return
    for i in range(len(m["engine_id"])):
        with open("%s/%d/attempts" % (at, i)) as f:
            for line in f:
                yield attempt(line, i)


def bars(svg):
    """(x, y, width, task, try, look, engine) of each."""
    for rect in svg.iter(SVG + "rect"):
        title = rect.find(SVG + "title")
        if title is None:
            continue
        m = re.fullmatch(
            r"task (\d+)(?:, try (\d+))?: (\w+), engine (\d+), [0-9.]+ s", title.text
        )
        assert m and m[3] == rect.get("class"), title.text
        x, y, width = (float(rect.get(a)) for a in ("x", "y", "width"))
        yield x, y, width, int(m[1]), int(m[2] or 1), m[3], int(m[4])


def main():
    svg = etree.parse(sys.argv[1] + "/timeline.svg").getroot()
    want = sorted(tries(sys.argv[1]))
    got = {b[3:]: b[:3] for b in bars(svg)}
    assert sorted(got) == sorted(t[2:] for t in want), (sorted(got), want)
    begin = want[0][0]
    span = max(t[1] for t in want) - begin
    rows = sorted({t[5] for t in want})
    for start, end, *what in want:
        x, y, width = got[tuple(what)]
        x0 = LEFT + (start - begin) * (RIGHT - LEFT) / span
        x1 = LEFT + (end - begin) * (RIGHT - LEFT) / span
        near = 0.2 if x1 - x0 > LEAST else LEAST
        assert abs(x - x0) < near and abs(x + width - x1) < near, (what, x, x0, x1)
        assert y // ROW == rows.index(what[3]) + 4, (what, y)
        assert LEFT <= x and x + width <= RIGHT + 0.2, (what, x, width)
        print(*what)


main()
