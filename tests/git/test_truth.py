"""Every oddity that a file can have: the patch is git's to the byte, and the page's rows hold just git's lines.

`python -m tests.bench.truth REPOSITORY…` does the same over real history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from server.domain.diff import Look, View
from server.git import mirrors
from server.reading import rows
from server.reading.rows import Row, RowKind
from server.services import renderings
from tests.git.store import Store, plain
from tests.support.house import narrows_in
from tests.support.oddities import ODDITIES, merged
from tests.support.repositories import Repository
from tests.support.truth import PROJECT, Judge, Line, Lines, by_git, on_the_page


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    folder = tmp_path_factory.mktemp("truth")
    repository = Repository.make(folder)
    with narrows_in(folder) as narrows:
        mirrors.create(repository.path, narrows.mirror(PROJECT))
        yield Judge(narrows)


@pytest.mark.parametrize("oddity", ODDITIES)
def test_the_page_and_the_patch_say_what_git_says(judge: Judge, oddity: str) -> None:
    before, after = ODDITIES[oddity]
    store = Store(judge.mirror)
    judged = judge.judge(store.tree(before), store.tree(after))
    assert (judged.patch, judged.unified, judged.split) == ("", [], [])
    names = {name for file in judged.files for name in (file.path, file.old_path) if name}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert names >= changed, "whatever a file is, its change is told"
    for _, shown in renderings.all(judge.narrows, judged.comparison):
        assert shown.rows or shown.empty, "without rows it says why"


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("oddity", ["edited", "line end lost", "CRLF", "many hunks", "very long line", "Latin-1"])
def test_with_all_its_lines_a_file_is_shown_as_it_was_and_as_it_is(judge: Judge, oddity: str, view: View) -> None:
    before, after = ODDITIES[oddity]
    store = Store(judge.mirror)
    comparison = judge.compare(store.tree(before), store.tree(after))
    shown = rows.lines_of_html("".join(renderings.whole(judge.narrows, comparison, 0, Look(view)).chunks))
    assert content(row for row in shown if row.old and row.kind is not RowKind.HUNK) == next(iter(before.values()))[1]
    assert content(row for row in shown if row.new and row.kind is not RowKind.HUNK) == next(iter(after.values()))[1]


def content(shown: Iterable[Row]) -> bytes:
    return "".join(row.text + "\n" * row.ends for row in shown).encode("utf-8", "surrogateescape")


def test_all_of_them_in_one_change(judge: Judge) -> None:
    store = Store(judge.mirror)
    judged = judge.judge(*map(store.tree, merged()))
    assert (judged.patch, judged.unified, judged.split) == ("", [], [])
    assert judged.lines > 1000


def test_git_is_read_without_our_own_code() -> None:
    patch = (
        b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1 @@ f\n--- b\n same\n\\ No newline at end of file\n"
        b"@@ -9 +8,2 @@\n-x\n+x\r\n+\n\\ No newline at end of file\ndiff --git a/e b/e\nnew file mode 100644\n"
    )
    removed = [Line(1, b"-- b", ends=True), Line(9, b"x", ends=True)]
    added = [Line(8, b"x\r", ends=True), Line(9, b"", ends=False)]
    assert list(by_git(patch)) == [Lines(removed, added), Lines()]


def test_a_page_that_leaves_a_line_out_is_found_out(judge: Judge) -> None:
    store = Store(judge.mirror)
    base, head = store.tree({"a": plain("a\nb\n")}), store.tree({"a": plain("a\nc\nd\n")})
    assert judge.judge(base, head).unified == []
    compared = judge.compare(base, head)
    html = "".join(renderings.file(judge.narrows, compared, 0).chunks)
    whole = Lines([Line(2, b"b", ends=True)], [Line(2, b"c", ends=True), Line(3, b"d", ends=True)])
    assert on_the_page(html) == whole
    cut = "\n".join(line for line in html.split("\n") if ">c</div>" not in line)
    assert on_the_page(cut) == Lines(whole.removed, whole.added[1:])
    assert on_the_page(html.replace(">d<", ">D<")) != whole
