"""Every oddity that a changed file can have: what there was, and what there is."""

from __future__ import annotations

import os

from tests.git.store import GITLINK, Trees, plain

CODE = '''"""A module's own words,
over two lines."""


def total(rows):
    """Adds up."""
    count = 0
    for row in rows:
        if row < 0 and "<b>&amp;" not in str(row):
            continue
        count += row
    return count


class Table:
    rows = [1, 2, 3]
'''
EDITED = CODE.replace("count += row", "count += int(row)").replace("over two", "'''over three")
MINIFIED = "".join(f"function f{n}(a,b){{return a+b*{n}}};" for n in range(4000))
UNSEEN = "a\u202eb\u200bc\u00add\ufeffe\x00f\x1bg\x7fh\u2028i\x0cj\x85k\rl\tm"
NAMES = {
    "spaces": "with  two spaces .txt",
    "a line feed": "line\nfeed.py",
    "quotes": "\"quoted\" 'name'\\.txt",
    "no UTF-8": os.fsdecode(b"caf\xe9\xff.txt"),
    "an option": "--cached",
    "HTML": "<b>&amp;.html",
    "a rule's name": "a b/b",
}

ODDITIES: dict[str, tuple[Trees, Trees]] = {
    "edited": ({"a.py": plain(CODE)}, {"a.py": plain(EDITED)}),
    "renamed and edited": ({"a.py": plain(CODE * 3)}, {"lib/b.py": plain(CODE * 2 + EDITED)}),
    "renamed alone": ({"a.py": plain(CODE)}, {"b.py": plain(CODE)}),
    "copied": ({"a.py": plain(CODE)}, {"a.py": plain(CODE), "copy.py": plain(CODE)}),
    "mode": ({"run": ("100644", b"x\n")}, {"run": ("100755", b"x\n")}),
    "mode and edited": ({"run": ("100755", b"x\n")}, {"run": ("100644", b"y\n")}),
    "link": ({"l": ("120000", b"here")}, {"l": ("120000", b"there\n")}),
    "link becomes a file": ({"l": ("120000", b"here")}, {"l": plain("here\n")}),
    "file becomes a link": ({"l": plain(CODE)}, {"l": ("120000", b"<i>\xff")}),
    "submodule": ({"s": (GITLINK, b"1" * 40)}, {"s": (GITLINK, b"2" * 40)}),
    "file becomes a submodule": ({"s": plain("x\n")}, {"s": (GITLINK, b"2" * 40)}),
    "submodule added": ({}, {"s": (GITLINK, b"2" * 40)}),
    "file becomes a folder": ({"x": plain(CODE)}, {"x/y.py": plain(EDITED), "x/z": plain("z\n")}),
    "folder becomes a file": ({"x/y.py": plain(CODE), "x/z": plain("z\n")}, {"x": plain("x\n")}),
    "moved link gives way to a folder": ({"a": ("120000", b"t")}, {"a/a": ("120000", b"t"), "b": plain("x")}),
    "binary": ({"b": plain(bytes(range(256)))}, {"b": plain(bytes(range(255, -1, -1)))}),
    "binary added": ({}, {"b.png": plain(b"\x89PNG\r\n\x1a\n\0" + bytes(99))}),
    "text becomes binary": ({"b": plain("text\n")}, {"b": plain(b"te\0t\n")}),
    "NUL far behind": ({"b": plain("x\n" * 9000)}, {"b": plain("x\n" * 8999 + "\0\n")}),
    "line end lost": ({"a": plain("a\nb\n")}, {"a": plain("a\nb")}),
    "line end gained": ({"a": plain("a\nb")}, {"a": plain("a\nb\n")}),
    "line end on neither side": ({"a": plain("a\nb")}, {"a": plain("b\nc")}),
    "context without a line end": ({"a": plain("1\na\nb")}, {"a": plain("2\na\nb")}),
    "CRLF": ({"a.py": plain(CODE)}, {"a.py": plain(EDITED.replace("\n", "\r\n"))}),
    "CRLF in part": ({"a.c": plain("a;\r\nb;\nc;\r\n")}, {"a.c": plain("a;\nb;\r\nc;\r\r\n\r")}),
    "Latin-1": ({"a.py": plain("s = 'café'\n".encode("latin-1"))}, {"a.py": plain("s = 'CAFÉ'\n".encode("latin-1"))}),
    "UTF-16": ({"a.txt": plain("one\n".encode("utf-16"))}, {"a.txt": plain("two\n".encode("utf-16"))}),
    "byte order mark": ({"a.py": plain("x = 1\n")}, {"a.py": plain("\ufeffx = 1\n")}),
    "half characters": ({"a": plain(b"\xed\xa0\x80 \xf0\x9f\n")}, {"a": plain(b"\xed\xa0\x80 \xf0\x9f\x98\n")}),
    "unseen characters": ({"a.py": plain("s = 1\n")}, {"a.py": plain(f"s = '{UNSEEN.replace(chr(0), '')}'\n")}),
    "very long line": ({"a.txt": plain("x" * 300_000 + "\n")}, {"a.txt": plain("x" * 150_000 + "y" * 150_001)}),
    "minified": ({"a.min.js": plain(MINIFIED)}, {"a.min.js": plain(MINIFIED.replace("f1999(a", "f1999(z<"))}),
    "empty added": ({}, {"empty": plain("")}),
    "empty deleted": ({"empty": plain("")}, {}),
    "emptied": ({"a.py": plain(CODE)}, {"a.py": plain("")}),
    "filled": ({"a.py": plain("")}, {"a.py": plain(CODE)}),
    "one line feed": ({"a": plain("")}, {"a": plain("\n")}),
    "deleted": ({"a.py": plain(CODE)}, {}),
    "white space alone": ({"a.py": plain(CODE)}, {"a.py": plain(CODE.replace("    ", "\t"))}),
    "blank lines": ({"a": plain("a\n\n\nb\n")}, {"a": plain("a\n\n \n\n\nb\n")}),
    "moved": ({"a.py": plain(CODE), "b.py": plain("b = 1\n")}, {"a.py": plain(""), "b.py": plain("b = 1\n" + CODE)}),
    "within a string": ({"a.py": plain('"""\n' + "word\n" * 30 + '"""\n')}, {"a.py": plain('"""\n' + "word\n" * 31)}),
    "looks like a diff": (
        {"a.diff": plain("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")},
        {"a.diff": plain("diff --git a/x b/x\n--- a/y\n+++ b/y\n@@ -1,2 +1 @@\n-a\n-b\n+c\n\\ No newline")},
    ),
    "looks like a page": (
        {"a.html": plain('<div class="r s" data-o="1" data-n="1">x</div>\n')},
        {"a.html": plain('<div class="r a" data-n="1">y</div>\n<i class="end"></i><i class="unseen">^A</i>&lt;\n')},
    ),
    "many hunks": (
        {"a.py": plain("".join(f"line_{n} = {n}\n" for n in range(3000)))},
        {"a.py": plain("".join(f"line_{n} = {n if n % 40 else 'None'}\n" for n in range(3000)))},
    ),
    "lines without likeness": (
        {"a.txt": plain("".join(f"{n * 7919 % 1000}\n" for n in range(500)))},
        {"a.txt": plain("".join(f"{n * 104729 % 1000}\n" for n in range(600)))},
    ),
} | {
    f"a name with {kind}": ({name: plain(CODE)}, {name: plain(EDITED), f"new/{name}": plain("new\n")})
    for kind, name in NAMES.items()
}


def merged() -> tuple[Trees, Trees]:
    """All of them as one change, each in a folder of its own."""
    before: Trees = {}
    after: Trees = {}
    for place, (old, new) in enumerate(ODDITIES.values()):
        before |= {f"{place}/{name}": file for name, file in old.items()}
        after |= {f"{place}/{name}": file for name, file in new.items()}
    return before, after
