"""Files as they are read: made once, kept by what they were made from, and never missing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from server.domain.change import Change
from server.domain.diff import Comparison, Look, View
from server.domain.errors import NotFound
from server.git import commands
from server.reading import rows
from server.reading.rows import Row, RowKind
from server.services import changes, colouring, comparisons, renderings, revisions
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

SPLIT, NO_WHITE = Look(View.SPLIT), Look(whitespace=False)
LONG = [f"line_{n} = {n}\n" for n in range(1, 101)]


def edited(**lines: str) -> str:
    """LONG with some of its lines replaced, by their numbers."""
    return "".join(lines.get(f"n{n}", line) for n, line in enumerate(LONG, 1))


@dataclass(frozen=True)
class Reading:
    """Reads the newest revision of changes against its base."""

    narrows: Narrows
    workshop: Workshop
    repository: Repository

    def base(self, files: Mapping[str, str | bytes]) -> None:
        """These are on the target branch."""
        self.repository.commit("base", files)

    def of(self, files: Mapping[str, str | bytes | None]) -> Comparison:
        return self.comparison(self.workshop.change(files))

    def comparison(self, change: Change) -> Comparison:
        newest = revisions.of_change(self.narrows, change.id)[-1]
        return comparisons.of(self.narrows, changes.get(self.narrows, change.id), newest)


@pytest.fixture
def reading(narrows: Narrows, workshop: Workshop, repository: Repository) -> Reading:
    return Reading(narrows, workshop, repository)


def read(made: renderings.Rendered) -> list[Row]:
    return rows.lines_of_html("".join(made.chunks))


def test_a_small_file_is_coloured_at_once_and_made_only_once(
    reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = reading.of({"src/app.py": "def f():\n    return 1\n"})
    made = renderings.file(narrows, compared, 0)
    assert made.coloured
    assert "<i class=tk>return" in made.chunks[0]
    assert read(made) == rows.parse(comparisons.file(narrows, compared, 0).text)
    before = commands.started()
    monkeypatch.setattr(rows, "html", None)
    assert renderings.file(narrows, compared, 0) == made
    assert commands.started() == before


def test_a_large_file_comes_plain_and_is_coloured_for_who_waits(
    reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colouring, "AT_ONCE", 10)
    compared = reading.of({"app.py": "".join(LONG)})
    plain = renderings.file(narrows, compared, 0)
    assert not plain.coloured
    assert "<i class" not in plain.chunks[0]
    coloured = renderings.file(narrows, compared, 0, patient=True)
    assert coloured.coloured
    assert read(coloured) == read(plain)
    assert renderings.file(narrows, compared, 0) == coloured


def test_both_views_and_other_comparisons_share_one_colouring(
    reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.base({"app.py": "".join(LONG)})
    compared = reading.of({"app.py": edited(n50="changed = 50\n")})
    renderings.file(narrows, compared, 0)
    monkeypatch.setattr("server.reading.colours.lines", None)
    split = renderings.file(narrows, compared, 0, SPLIT)
    assert '<div class="p">' in split.chunks[0]
    assert "<i class=tn>" in split.chunks[0]


def test_the_files_of_a_page_come_in_the_order_asked_for(
    reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renderings, "PAGE_SECONDS", 60)
    compared = reading.of({f"f{n:02}.py": f"x = {n}\n" for n in range(20)})
    outline = comparisons.outline(narrows, compared)
    found = list(renderings.all(narrows, compared, files=outline[::-1]))
    assert [position for position, _ in found] == list(range(19, -1, -1))
    assert all_coloured(found)
    before = commands.started()
    assert list(renderings.all(narrows, compared, files=outline[::-1])) == found
    assert commands.started() == before
    assert [position for position, _ in renderings.all(narrows, compared)] == list(range(20))


def all_coloured(found: list[tuple[int, renderings.Rendered]]) -> bool:
    return not any(not made.coloured for _, made in found)


def test_a_page_does_not_wait_for_colours_for_long(
    reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = reading.of({"a.py": "x = 1\n", "b.py": "x = 2\n"})
    monkeypatch.setattr(renderings, "PAGE_SECONDS", 0)
    found = list(renderings.all(narrows, compared))
    assert [made.coloured for _, made in found] == [False, False]
    assert ["x = 1" in found[0][1].chunks[0], "x = 2" in found[1][1].chunks[0]] == [True, True]


def test_what_was_prepared_needs_no_more_work(
    reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.base({"app.py": "".join(LONG)})
    change = reading.workshop.change({"app.py": edited(n50="changed = 50\n"), "new.py": "x = 1\n", "b.bin": b"\0\1"})
    renderings.prepare_change(narrows, change.id)
    compared = reading.comparison(change)
    before = commands.started()
    monkeypatch.setattr(rows, "html", None)
    found = list(renderings.all(narrows, compared))
    assert all_coloured(found)
    assert commands.started() == before
    assert renderings.weight(narrows, change.id) > len("".join(LONG)) * 2


def test_moved_lines_are_found_over_all_files(reading: Reading, narrows: Narrows) -> None:
    block = "def moved_along(first, second):\n    third = first + second\n    return third * first\n"
    reading.base({"a.py": "x = 1\n" + block, "b.py": "y = 1\n"})
    compared = reading.of({"a.py": "x = 1\n", "b.py": "y = 1\n" + block})
    here, there = (renderings.file(narrows, compared, n) for n in (0, 1))
    assert 'class="r d m" data-o="2" data-m="b.py:2"' in here.chunks[0]
    assert 'class="r a m" data-n="2" data-m="a.py:2"' in there.chunks[0]
    without = renderings.file(narrows, compared, 1, NO_WHITE)
    assert 'data-m="a.py:2"' in without.chunks[0]


def test_moved_lines_of_a_large_change_are_found_for_who_waits(
    reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.services.moved_lines.AT_ONCE", 0)
    compared = reading.of({"a.py": "x = 1\n"})
    assert not renderings.file(narrows, compared, 0).coloured
    assert renderings.file(narrows, compared, 0, patient=True).coloured
    assert renderings.file(narrows, compared, 0).coloured


def test_the_lines_around_what_changed(reading: Reading, narrows: Narrows) -> None:
    reading.base({"app.py": "".join(LONG)})
    compared = reading.of({"app.py": edited(n10="", n50="changed = 50\nmore = 50\n")})
    assert read_context(narrows, compared, 1, 20) == [(n, n) for n in range(1, 7)]
    assert read_context(narrows, compared, 20, 3) == [(21, 20), (22, 21), (23, 22)]
    assert read_context(narrows, compared, 53, 3) == []  # the hunk shows it
    assert read_context(narrows, compared, 99, 20) == [(99, 99), (100, 100)]
    assert read_context(narrows, compared, 5000, 20) == []
    html = renderings.context(narrows, compared, 0, 20, 1, SPLIT)
    assert html.startswith('<div class="p"><div class="r s" data-o="21">')
    assert "<i class=tn>21</i>" in html


def read_context(narrows: Narrows, compared: Comparison, first: int, count: int) -> list[tuple[int | None, int | None]]:
    found = rows.lines_of_html(renderings.context(narrows, compared, 0, first, count))
    return [(row.old, row.new) for row in found]


def test_a_whole_file_with_what_changed_in_it(reading: Reading, narrows: Narrows) -> None:
    reading.base({"app.py": "".join(LONG)})
    compared = reading.of({"app.py": edited(n10="", n50="changed = 50\n").removesuffix("\n")})
    made = renderings.whole(narrows, compared, 0)
    found = [row for row in read(made) if row.kind is not RowKind.HUNK]
    assert [row.new for row in found if row.new] == list(range(1, 100))
    assert [row.old for row in found if row.old] == list(range(1, 101))
    assert [row.text for row in found if row.kind is RowKind.REMOVED] == [
        "line_10 = 10",
        "line_50 = 50",
        "line_100 = 100",
    ]
    assert not found[-1].ends
    assert "data-gap" not in "".join(made.chunks)
    assert renderings.whole(narrows, compared, 0) == made


def test_white_space_left_out(reading: Reading, narrows: Narrows) -> None:
    reading.base({"a.py": "if x:\n    y = 1\n    z = 2\n", "b.py": "x = 1\n"})
    compared = reading.of({"a.py": "if x:\n        y = 1\n        z = 3\n", "b.py": "x  =  1\n"})
    first = [row for row in read(renderings.file(narrows, compared, 0, NO_WHITE)) if row.kind is RowKind.ADDED]
    assert [row.text for row in first] == ["        z = 3"]
    assert renderings.file(narrows, compared, 1, NO_WHITE).empty == "Only white space changed."
    assert renderings.file(narrows, compared, 1).empty == ""


def test_a_mirror_that_is_gone_hides_nothing(reading: Reading, narrows: Narrows) -> None:
    reading.base({"app.py": "".join(LONG), "b.bin": b"\0\1\2", "c.svg": "<svg/>\n"})
    compared = reading.of({"app.py": edited(n50="changed = 50\n"), "b.bin": b"\0\1", "c.svg": "<svg>\n"})
    mirror = narrows.mirror(reading.workshop.project.id)
    away = mirror.with_suffix(".away")
    shutil.move(mirror, away)
    for look in (Look(), SPLIT, NO_WHITE):
        made = renderings.file(narrows, compared, 0, look, patient=True)
        assert made.coloured
        assert "changed = 50" in made.chunks[0]
    assert renderings.file(narrows, compared, 1).empty == "A binary file: git has no lines to show."
    assert renderings.file(narrows, compared, 2).pictures == ()
    assert "changed = 50" in renderings.whole(narrows, compared, 0).chunks[0]
    with pytest.raises(NotFound):
        renderings.context(narrows, compared, 0, 1, 5)
    shutil.move(away, mirror)
    assert "<i class=tn>50</i>" in renderings.file(narrows, compared, 0).chunks[0]
    assert renderings.file(narrows, compared, 1).empty == "A binary file: 3 bytes before, 2 bytes now."
    assert len(renderings.file(narrows, compared, 2).pictures) == 2


def test_losing_what_is_kept_loses_nothing(reading: Reading, narrows: Narrows) -> None:
    compared = reading.of({"app.py": "x = 1\n"})
    made = renderings.file(narrows, compared, 0)
    kept = narrows.settings.data / "renderings.db"
    kept.write_bytes(b"spoilt")
    assert renderings.file(narrows, compared, 0) == made
    kept.unlink()
    assert list(renderings.all(narrows, compared)) == [(0, made)]


def test_other_code_makes_other_renderings(reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = reading.of({"app.py": "x = 1\n"})
    renderings.file(narrows, compared, 0)
    monkeypatch.setattr(colouring, "_code", lambda: "another version")
    monkeypatch.setattr(rows, "html", lambda *_, **__: ['<div class="chunk">\nanew\n</div>'])
    assert "anew" in renderings.file(narrows, compared, 0).chunks[0]


def test_a_large_file_that_comes_in_pieces_is_made_once_while_it_is_plain(
    reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colouring, "AT_ONCE", 10)
    compared = reading.of({"app.py": "".join(LONG * 5)})
    plain = renderings.file(narrows, compared, 0)
    assert not plain.coloured
    with monkeypatch.context() as patched:
        patched.setattr(rows, "html", None)
        assert renderings.file(narrows, compared, 0) == plain
    assert renderings.file(narrows, compared, 0, patient=True).coloured
    assert renderings.file(narrows, compared, 0).coloured


def test_where_words_took_too_long_the_rows_are_made_again(
    reading: Reading, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.base({"app.py": "".join(LONG)})
    compared = reading.of({"app.py": edited(n50="line_50 = fifty\n")})
    monkeypatch.setattr(renderings, "WORD_SECONDS", -1)
    assert not renderings.file(narrows, compared, 0).coloured
    assert '<span class="word">' in renderings.file(narrows, compared, 0, patient=True).chunks[0]
    assert renderings.file(narrows, compared, 0).coloured
