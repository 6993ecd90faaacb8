"""Finding words in all lines of a change."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.diff import FileDiff, FileStatus
from server.domain.errors import Invalid
from server.domain.review import Side
from server.reading import row
from server.services import comparisons, revisions, search
from tests.services.workshop import Workshop
from tests.support.speed import spent, yardstick


def piece(body: str, path: str = "a.py") -> FileDiff:
    text = f"diff --git a/{path} b/{path}\nindex 1..2 100644\n--- a/{path}\n+++ b/{path}\n{body}".encode(
        "utf-8", "surrogateescape"
    )
    return FileDiff(path, None, FileStatus.MODIFIED, "100644", "100644", "1", "2", 1, 1, None, text)


class TestFinding:
    """Hits come in the order in which files are read, with the numbers that the rows have."""

    def test_in_any_case_on_both_sides_and_in_unchanged_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        files = [
            piece("@@ -3,3 +3,3 @@ def Word():\n same word\n-old WORD\n+new\n+Word too\n\\ No newline at end of file\n")
        ]
        found = look(monkeypatch, files, "word")
        assert [(h.side, h.line, h.row, h.text) for h in found.hits] == [
            (Side.NEW, 3, 1, "same word"),
            (Side.OLD, 4, 2, "old WORD"),
            (Side.NEW, 5, 4, "Word too"),
        ]
        assert (found.total, found.files) == (3, 1)

    def test_signs_headings_and_names_are_no_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        files = [piece("@@ -1 +1 @@ a.py\n-x\n+y\n", "a.py")]
        for wanted in ("a.py", "+y", "-x", "@@", "index"):
            assert look(monkeypatch, files, wanted).total == 0

    def test_a_missing_line_end_moves_no_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        body = "@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+two\n@@ -9,0 +10 @@\n+three\n"
        (hit,) = look(monkeypatch, [piece(body)], "three").hits
        assert (hit.line, hit.row) == (10, 4)

    def test_what_grows_in_lower_case_is_found_at_its_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        (hit,) = look(monkeypatch, [piece("@@ -0,0 +1,2 @@\n+İİİİ\n+here\n")], "HERE").hits
        assert hit.line == 2

    def test_more_are_counted_than_listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        files = [piece("@@ -0,0 +1,9 @@\n" + "+same\n" * 9, name) for name in ("a.py", "b.py")]
        found = look(monkeypatch, files, "same", limit=12)
        assert (len(found.hits), found.total, found.files) == (12, 18, 2)
        assert [hit.path for hit in found.hits] == ["a.py"] * 9 + ["b.py"] * 3

    def test_what_can_not_be_a_line_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert look(monkeypatch, [], "").total == 0
        for wanted in ("x" * 201, "two\nlines"):
            with pytest.raises(Invalid):
                look(monkeypatch, [], wanted)

    def test_a_change_of_a_hundred_thousand_lines_is_searched_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = "".join(f"+    value_{n} = compute({n}, 'some words')\n" for n in range(500))
        files = [piece(f"@@ -0,0 +1,500 @@\n{lines}", f"part{n}.py") for n in range(240)]
        assert look(monkeypatch, files, "value_").total == 120_000
        assert spent(lambda: look(monkeypatch, files, "value_")) < 50 * yardstick()


@given(
    lines=st.lists(st.tuples(st.sampled_from("+- "), st.text("aAİ+-@\\ß", max_size=4)), max_size=8),
    wanted=st.text("aİ+-@ß", min_size=1, max_size=2),
)
def test_every_row_with_the_words_is_found_and_no_other(lines: list[tuple[str, str]], wanted: str) -> None:
    old, new = (sum(sign != other for sign, _ in lines) for other in "+-")
    body = f"@@ -1,{old} +1,{new} @@ {wanted}\n" + "".join(f"{sign}{text}\n" for sign, text in lines)
    file = piece(body)
    with pytest.MonkeyPatch.context() as patch:
        found = look(patch, [file], wanted)
    rows = [r for r in row.parse(file.text) if r.kind is not row.RowKind.HUNK and wanted.lower() in r.text.lower()]
    assert [hit.text for hit in found.hits] == [r.text for r in rows]


def test_in_a_real_change(workshop: Workshop) -> None:
    narrows = workshop.narrows
    change = workshop.change(
        {
            "README.md": "# Say\n\nHello to the World.\n",
            "say.py": "def hello():\n    return 'Hello'\n\n\nWORLD = 1  # HELLO\n",
        }
    )
    (revision,) = revisions.of_change(narrows, change.id)
    found = search.find(narrows, comparisons.of(narrows, change, revision), "hello")
    assert [(hit.path, hit.line, hit.text) for hit in found.hits] == [
        ("say.py", 1, "def hello():"),
        ("say.py", 2, "    return 'Hello'"),
        ("say.py", 5, "WORLD = 1  # HELLO"),
        ("README.md", 3, "Hello to the World."),
    ]


def look(patch: pytest.MonkeyPatch, files: Sequence[FileDiff], wanted: str, limit: int = search.MOST) -> search.Found:
    patch.setattr(comparisons, "files", lambda *_: list(files))
    nothing: object = None
    return search.find(nothing, nothing, wanted, limit)  # type: ignore[arg-type]
