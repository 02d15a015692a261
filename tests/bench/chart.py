"""Charts of points as SVG: both axes in powers of ten, a dashed line where something
grows as fast as its number."""

import html
import math

WIDTH, HEIGHT, LEFT, TOP = 300, 190, 62, 40
BOX_W, BOX_H = WIDTH - LEFT - 20, HEIGHT - TOP - 38
STYLE = """text { font: 11px sans-serif; fill: #333 }
.title { font-weight: bold } .grid { stroke: #ddd } .axis { stroke: #888 }
.line { fill: none; stroke: #2a62a8; stroke-width: 1.6 } .dot { fill: #2a62a8 }
.slope { stroke: #c8862a; stroke-dasharray: 4 3 }"""


def power(x):
    """10^x, as a person writes it."""
    for unit, at in ("M", 6), ("k", 3), ("", 0):
        if x >= at:
            return "%d%s" % (10 ** (x - at), unit)
    return ("%%.%df" % -x) % 10**x


class Axis:
    def __init__(self, values, length):
        values = [v for v in values if v > 0] or [1]
        self.low = math.floor(math.log10(min(values)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(values))))
        self.length = length

    def at(self, value):
        share = (math.log10(max(value, 10**self.low)) - self.low) / (self.high - self.low)
        return share * self.length

    def ticks(self):
        return range(self.low, self.high + 1)


def slope(x, y, points):
    """From the last point back, as far as it fits."""
    n, value = points[-1]
    back = max(10**x.low, n * 10**y.low / value)
    ends = [(back, value * back / n), (n, value)]
    (x1, y1), (x2, y2) = [(LEFT + x.at(a), TOP + BOX_H - y.at(b)) for a, b in ends]
    yield '<line class="slope" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>' % (x1, y1, x2, y2)


def chart(title, unit, points):
    """points: (number, value), in order of the number."""
    x = Axis([n for n, _ in points], BOX_W)
    y = Axis([v for _, v in points], BOX_H)
    yield '<text class="title" x="%d" y="%d">%s</text>' % (8, 16, html.escape(title))
    yield '<text x="%d" y="%d">%s</text>' % (8, 31, html.escape(unit))
    for t in x.ticks():
        at = LEFT + x.at(10**t)
        yield '<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>' % (at, TOP, at, TOP + BOX_H)
        yield '<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (at, TOP + BOX_H + 15, power(t))
    for t in y.ticks():
        at = TOP + BOX_H - y.at(10**t)
        yield '<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>' % (LEFT, at, LEFT + BOX_W, at)
        yield '<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LEFT - 5, at + 4, power(t))
    if len(points) > 1 and points[-1][1] > 0:
        yield from slope(x, y, points)
    at = ["%.1f,%.1f" % (LEFT + x.at(n), TOP + BOX_H - y.at(v)) for n, v in points]
    yield '<polyline class="line" points="%s"/>' % " ".join(at)
    for p in at:
        yield '<circle class="dot" r="2.5" cx="%s" cy="%s"/>' % tuple(p.split(","))


def page(rows, about):
    """rows: lists of (title, unit, points). The text of the file."""
    columns = max(map(len, rows))
    width, height = columns * WIDTH, len(rows) * HEIGHT + 24
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">'
           % (width, height, width, height),
           "<style>%s</style>" % STYLE,
           '<rect width="%d" height="%d" fill="white"/>' % (width, height)]
    for r, row in enumerate(rows):
        for c, (title, unit, points) in enumerate(row):
            out.append('<g transform="translate(%d,%d)">' % (c * WIDTH, r * HEIGHT))
            out += chart(title, unit, points)
            out.append("</g>")
    out.append('<text x="8" y="%d">%s</text>' % (height - 8, html.escape(about)))
    return "\n".join([*out, "</svg>", ""])
