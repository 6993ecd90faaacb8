"""Made-up files, rows and comments for the style guide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from server.domain.diff import FileOutline, FileStatus, View
from server.domain.review import Comment, CommentState, Fit
from server.reading import colours, moves, rows, three_sides, words
from server.reading.rows import Row
from server.reading.three_sides import Span
from server.services.anchors import Placed, here
from server.web.conflicts import Clash, Column
from server.web.reader import NOTHING, Piece

NUMBER = 900_000  # beyond those of any real thing
REPLIES = {
    "fixed": "fixed: the pattern is anchored now.",
    "declined": "declined: nobody calls it with *weeks*.",
    "question": "question: do you mean calendar days?",
}
CHANGED = """@@ -1,7 +1,8 @@ import re
 def parse(text):
-    number, unit = text[:-1], text[-1]
-    return int(number) * UNITS[unit]
+    parts = PART.findall(text)
+    if not parts:
+        raise ValueError(f"{text!r} is no duration")
+    return sum(int(number) * UNITS[unit] for number, unit in parts)
 # Seconds, as people write them.
 def show(seconds):
-    return str(seconds) + "s"
+    return f"{seconds}s"
 # The end.
"""
HELPERS = "def whole(text):\n    found = PART.findall(text)\n    joined = ''.join(a + b for a, b in found)\n"
LEFT = "@@ -1,3 +0,0 @@\n" + "".join(f"-{line}\n" for line in HELPERS.splitlines())
CAME = "@@ -0,0 +1,3 @@\n" + "".join(f"+{line}\n" for line in HELPERS.splitlines())
ODD = (
    "@@ -1,3 +1,3 @@\n a zero width\u200bspace, and an order\u202e turned\u202c\n-no line end, before\n"
    "\\ No newline at end of file\n+a line end that was there\tfirst\r\n+no line end, after\n"
    "\\ No newline at end of file\n"
)


def files() -> list[FileOutline]:
    """A file for whatever can become of one; the last but two is larger than what stands on a page at a glance."""
    kinds: Sequence[Mapping[str, Any]] = (
        {"path": "durations.py", "status": FileStatus.MODIFIED, "additions": 7, "deletions": 4},
        {"path": "tests/test_durations.py", "status": FileStatus.ADDED, "old_mode": "000000", "additions": 12},
        {"path": "old.py", "status": FileStatus.DELETED, "new_mode": "000000", "deletions": 30},
        {"path": "units.py", "old_path": "parts.py", "status": FileStatus.RENAMED, "similarity": 92, "additions": 3},
        {"path": "more.py", "old_path": "units.py", "status": FileStatus.COPIED, "similarity": 100},
        {"path": "run", "status": FileStatus.MODIFIED, "new_mode": "100755"},
        {"path": "latest", "status": FileStatus.TYPE_CHANGED, "new_mode": "120000", "additions": 1, "deletions": 1},
        {"path": "vendor/lib", "status": FileStatus.MODIFIED, "old_mode": "160000", "new_mode": "160000"},
        {"path": "icon.png", "status": FileStatus.MODIFIED, "additions": None, "deletions": None},
        {"path": "uv.lock", "status": FileStatus.MODIFIED, "additions": 4000, "deletions": 3800},
        {"path": "AGENTS.md", "status": FileStatus.MODIFIED, "additions": 2},
        {"path": ".claude/settings.json", "status": FileStatus.ADDED, "old_mode": "000000", "additions": 9},
    )
    usual = FileOutline(0, "", None, FileStatus.MODIFIED, "100644", "100644", "a" * 40, "b" * 40, 0, 0, None)
    return [usual._replace(position=position, **kind) for position, kind in enumerate(kinds)]


class Reader:
    """Stands in for the reader of a real change: the first file has rows, the others say why they have none."""

    def expected(self, position: int) -> Piece:
        if position == 0:
            return Piece(in_rows("durations.py", CHANGED), rows=12)
        return Piece(NOTHING, empty="Nothing in it is different.")


def in_rows(name: str, diff: str, view: View = View.UNIFIED, moved: Mapping[int, str] | None = None) -> Markup:
    """A diff of one hunk that begins with the file, as pages show it."""
    parsed = rows.parse(diff.encode())
    made = rows.html(
        parsed,
        view=view,
        old=_coloured(name, [row.text for row in parsed[1:] if row.old]),
        new=_coloured(name, [row.text for row in parsed[1:] if row.new]),
        changed=words.changed(parsed),
        moved=moved,
    )
    return Markup("\n".join(made))


def _coloured(name: str, lines: Sequence[str]) -> list[str] | None:
    return colours.lines(name, "\n".join(lines).encode())


@dataclass(frozen=True)
class Sample:
    """Rows that show one thing; `view` is the class that they stand in."""

    title: str
    view: View
    html: Markup


def samples() -> list[Sample]:
    """Rows of every kind."""
    both: list[list[Row]] = [rows.parse(diff.encode()) for diff in (LEFT, CAME)]
    left, came = (moves.labels(found, ["old.py", "units.py"]) for found in moves.find(both))
    unified, split = View.UNIFIED, View.SPLIT
    return [
        Sample("Unified, with words that changed", unified, in_rows("durations.py", CHANGED)),
        Sample("Split", split, in_rows("durations.py", CHANGED, split)),
        Sample("Moved away", unified, in_rows("old.py", LEFT, moved=left)),
        Sample("Moved here", unified, in_rows("units.py", CAME, moved=came)),
        Sample("What is not seen, line ends, no line end", unified, in_rows("notes.txt", ODD)),
    ]


def comments() -> list[tuple[str, Placed]]:
    """Comments by what is special about them."""
    quoted = "    number, unit = text[:-1], text[-1]"
    suggesting = "Say it in one line:\n\n```suggestion\n    number, unit = split(text)\n```"
    made: list[tuple[str, dict[str, Any], Fit | None]] = [
        ("a draft", {"body": "`sum` of **what**?"}, None),
        ("with a suggestion", {"body": suggesting}, None),
        ("sent", {"body": "Why not by hand?", "state": CommentState.SENT}, None),
        ("resolved", {"body": "Thanks.", "state": CommentState.RESOLVED, "answer": REPLIES["fixed"]}, None),
        *(
            (f"answered: {kind}", {"body": "And days?", "state": CommentState.SENT, "answer": told}, None)
            for kind, told in REPLIES.items()
        ),
        *((fit.value, {"body": "Is this right?", "state": CommentState.SENT, "revision": 1}, fit) for fit in Fit),
        ("on the change", {"body": "Where are the tests?", "path": None, "line": None, "end_line": None}, None),
    ]
    usual: dict[str, Any] = {"path": "durations.py", "line": 3, "end_line": 3, "quoted": quoted, "revision": 2}
    return [
        (title, here(Comment(id=NUMBER + number, change_id=NUMBER, **(usual | fields)), 2, fit))
        for number, (title, fields, fit) in enumerate(made)
    ]


def clashes() -> list[Clash]:
    """Files that do not merge: with lines on all sides, with none on one, without lines, without room."""
    sides = (
        ("Before", "d", ["def parse(text):", "    return int(text)", "", "# The end."]),
        ("On main", "a", ["def parse(text):", "    return float(text)", "", "# The end."]),
        ("In this change", "a", ["def parse(text):", "    return total(text)", "", "# The end."]),
    )
    both = [_column(*side) for side in sides]
    one = [both[0], Column("On main", "", Markup("")), both[2]]
    told: Sequence[tuple[str, str, str, str, bool, list[list[Column]]]] = (
        ("durations.py", "both changed", "Both changed the same lines.", "", False, [both]),
        ("units.py", "changed and removed", "main removed it, and this change changed it.", "", False, [one]),
        ("clock.png", "binary", "Both changed it, and it is binary: one of the two has to be chosen.", "", False, []),
        ("data.json", "both changed", "Both changed the same lines.", "It is too large to be shown here.", False, []),
        ("uv.lock", "both changed", "Both changed the same lines.", "", True, []),
    )
    return [Clash(NUMBER + position, *about) for position, about in enumerate(told)]


def _column(title: str, sign: str, texts: list[str]) -> Column:
    coloured = colours.lines("durations.py", "\n".join(texts).encode()) or []
    return Column(title, "line 2", Markup(three_sides.column(Span(1, 2), texts, coloured, {1}, sign=sign)))
