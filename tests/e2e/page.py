#!/usr/bin/python3
"""page.py FILE [TEXT]...: status.html, or what a browser has made of it, is as it should
be: it can be read by a screen reader, asks for nothing from elsewhere, and what users
wrote is text. Each TEXT stands in it as text. Prints what is not so.
"""
import re
import sys
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}
# Colours of text, on both of what is behind it.
TEXT = ("fg", "dim", "link", "ok", "running", "error", "aborted", "pending")
BEHIND = ("bg", "card")
bad = []


def expect(holds, what):
    if not holds:
        bad.append(what)


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text, self.code = [], [], "", ""

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs, list(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), list(self.open)))

    def handle_endtag(self, tag):
        if "svg" not in self.open or tag == self.open[-1]:
            expect(self.open and self.open[-1] == tag, "</%s> in %s" % (tag, self.open))
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data):
        if self.open and self.open[-1] in ("style", "script"):
            self.code += data
        else:
            self.text += data

    def all(self, tag):
        return [attrs for t, attrs, _ in self.elements if t == tag]


def luminance(colour):
    colour = colour if len(colour) == 6 else "".join(c * 2 for c in colour)
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    x, y = sorted((luminance(a), luminance(b)))
    return (y + 0.05) / (x + 0.05)


def look_at_colours(code):
    schemes = re.findall(r":root\{([^}]*--fg[^}]*)\}", code)
    expect(len(schemes) == 2, "colours for light and dark")
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+):#([0-9a-f]+)", scheme))
        for text in TEXT:
            for behind in BEHIND:
                expect(
                    contrast(colours[text], colours[behind]) >= 4.5,
                    "contrast of %s on %s in %s" % (text, behind, scheme),
                )


def look_at_structure(p):
    ids = {a["id"] for _, a, _ in p.elements if "id" in a}
    expect(p.all("html")[0].get("lang"), "a language")
    for tag in ("title", "header", "main", "h1", "script"):
        inside = [1 for t, _, o in p.elements if t == tag and "svg" not in o]
        expect(len(inside) == 1, "one <%s>, not %d" % (tag, len(inside)))
    for tag in ("section", "article", "table"):
        for a in p.all(tag):
            expect(a.get("aria-labelledby") in ids, "<%s> has a name" % tag)
    for tag, a, inside in p.elements:
        if tag == "th":
            want = "col" if "thead" in inside else "row"
            expect(a.get("scope") == want, "<th scope=%s>" % want)
        if tag == "progress":
            expect(a.get("aria-label"), "<progress> has a name")
        if tag == "svg":
            expect(a.get("role") == "img", "<svg role=img>")


def look_at_foreign(p):
    allowed = r"results/[0-9]+/"
    for tag, a, _ in p.elements:
        expect(tag not in ("img", "iframe", "link", "object", "embed", "base"), tag)
        for name, value in a.items():
            expect(not name.startswith("on") and name not in ("src", "style"), name)
            expect(name != "href" or re.fullmatch(allowed, value), value)
    expect("http:" not in p.code and "url(" not in p.code, "nothing from elsewhere")


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        text = f.read()
    p = Page()
    p.feed(text)
    p.close()
    look_at_colours(p.code)
    look_at_structure(p)
    look_at_foreign(p)
    expect(len(text) < 2 * 1024 * 1024, "its size")
    for want in sys.argv[2:]:
        expect(want in p.text, "the text %s" % want)
    for what in bad:
        print("not so: " + what)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
