#!/usr/bin/python3
"""pixels.py PICTURE FACT...: what is to be seen in a screenshot.

    X,Y=COLOUR      the pixel has that colour (white: nothing is drawn)
    X0-X1,Y:COLOUR  so is at least one in that stretch of a line
    X0-X1,Y!COLOUR  none is
    X0-X1,Y*COLOUR  all are

Colours are the words of the legend; a line of the grid counts as white.
"""
import re
import sys

from PIL import Image

COLOURS = {
    "ok": (0, 0x72, 0xB2),
    "running": (0, 0x9E, 0x73),
    "aborted": (0x99, 0x99, 0x99),
    "error": (0xD5, 0x5E, 0x00),
    "white": (255, 255, 255),
}


def near(a, b):
    if b == COLOURS["white"]:
        return min(a) > 210
    return all(abs(x - y) < 24 for x, y in zip(a, b))


def main():
    picture = Image.open(sys.argv[1]).convert("RGB")
    bad = 0
    for fact in sys.argv[2:]:
        m = re.fullmatch(r"(\d+)(?:-(\d+))?,(\d+)([=:!*])(\w+)", fact)
        x0, y, how, want = int(m[1]), int(m[3]), m[4], COLOURS[m[5]]
        row = [picture.getpixel((x, y)) for x in range(x0, int(m[2] or x0) + 1)]
        hits = [near(p, want) for p in row]
        holds = {
            "=": hits[0],
            ":": any(hits),
            "!": not any(hits),
            "*": all(hits),
        }[how]
        if not holds:
            bad = 1
            print("not so: %s; there is %s" % (fact, sorted(set(row))[:8]))
    return bad


if __name__ == "__main__":
    sys.exit(main())
