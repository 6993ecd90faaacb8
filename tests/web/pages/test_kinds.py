"""The page of upkeep and of a refactoring: what is above the diff, and what becomes of the diff."""

from __future__ import annotations

import re

import pytest

from server.domain.project import Project
from server.domain.task import Kind
from server.services import changes, comparisons, renderings, revisions
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.support.truth import Judge, on_the_page
from tests.web.pages.conftest import Desk, Person
from tests.web.pages.test_truth import FILE

FILES = {f"src/m{n}.py": f"def f{n}(a):\n    return fetch(a, {n})\n" for n in range(4)}
EDITED = {name: text.replace("fetch", "load") for name, text in FILES.items()}
EDITED |= {"src/m3.py": "def f3(a):\n    return fetch_all(a, 3) or fetch(b)\n"}


@pytest.fixture(autouse=True)
def _committed(repository: Repository, project: Project) -> None:
    assert project.target_branch
    repository.commit(files=FILES)


def test_upkeep_shows_an_edit_once_and_what_differs_from_it(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds(files=EDITED, kind=Kind.MAINTENANCE)
    renderings.prepare_change(narrows, change)
    page = person.reads(f"/changes/{change}")
    assert (
        page.index('aria-label="Evidence"')
        < page.index("What was asked")
        < page.index("The same edit 3 times, in 3 files")
    )
    assert "1 exception:" in page
    assert '<a href="#file-3" data-side="new" data-line="2"><bdi>src/m3.py</bdi>:2</a>' in page
    assert page.count("only the edits shown above, folded") == 3
    assert re.findall(r'<details class="file[^>]*data-position="(\d)"( open)?', page) == [
        ("3", " open"),
        ("0", ""),
        ("1", ""),
        ("2", ""),
    ]
    assert page.count('<span class="word">load</span>') >= 4  # nothing is taken away: each row is there, too


def test_what_is_folded_is_there_all_the_same(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    """Patterns and exceptions take nothing away: all rows of every file stand on the page, as git tells them."""
    change = on_desk.holds(files=EDITED, kind=Kind.MAINTENANCE)
    renderings.prepare_change(narrows, change)
    page = person.client.get(f"/changes/{change}").text
    starts = list(FILE.finditer(page))
    ends = [*(start.start() for start in starts[1:]), len(page)]
    shown = {int(start[1]): on_the_page(page[start.end() : end]) for start, end in zip(starts, ends, strict=True)}
    comparison = comparisons.opening(narrows, changes.get(narrows, change), revisions.get(narrows, change, 1))
    files = comparisons.files(narrows, comparison)
    told = Judge(narrows).told(comparison.base_tree, comparison.tree, files)
    assert [shown[position] for position in range(len(files))] == told
    assert len(told) == 4


def test_where_nobody_has_looked_the_page_asks_for_it(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds(files=EDITED, kind=Kind.MAINTENANCE)
    here = f"/changes/{change}/revisions/1/patterns"
    page = person.reads(f"/changes/{change}")
    assert f'hx-get="{here}" hx-trigger="load"' in page
    assert "only the edits shown above" not in page
    assert "The same edit 3 times, in 3 files" in person.peeks(here)
    assert person.client.get(here).headers["location"] == f"/changes/{change}?revision=1&since=0"
    assert "The same edit 3 times, in 3 files" in person.reads(f"/changes/{change}")


def test_where_nothing_repeats_nothing_is_said_once_somebody_has_looked(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds(files={"src/m0.py": "def f0(b):\n    return b\n"}, kind=Kind.MAINTENANCE)
    assert "Edits that repeat" in person.reads(f"/changes/{change}")
    assert "No edit is made in three places or more." in person.peeks(f"/changes/{change}/revisions/1/patterns")
    assert "Edits that repeat" not in person.reads(f"/changes/{change}")


def test_code_is_shown_and_never_run(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    hostile = {name: text.replace("fetch", "<script>alert(1)</script>&amp;\u202e") for name, text in FILES.items()}
    change = on_desk.holds(files=hostile, kind=Kind.MAINTENANCE)
    renderings.prepare_change(narrows, change)
    raw = person.client.get(f"/changes/{change}").text
    assert "<script>alert" not in raw
    assert "\u202e" not in raw


def test_a_refactoring_says_what_else_it_did(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds(
        files={"src/m0.py": "def f(a):\n    return fetch(a, 0)\n", "tests/test_m.py": "def test_it(): ...\n"},
        kind=Kind.REFACTORING,
    )
    assert "are being looked at" in person.reads(f"/changes/{change}")
    assert "The same behaviour?" in person.peeks(f"/changes/{change}/revisions/1/shape")
    page = person.reads(f"/changes/{change}")
    assert page.index("The same behaviour?") < page.index("What was asked")
    assert "1 test file changed" in page
    assert re.search(r"gone:</p><ul class=\"spots\"><li><code>f0</code> <a href=\"#file-0\" data-side=\"old\"", page)
    assert re.search(r"new:</p><ul class=\"spots\"><li><code>f</code>", page)


def test_other_kinds_are_read_as_ever(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds(files=EDITED)
    renderings.prepare_change(narrows, change)
    page = person.reads(f"/changes/{change}")
    assert "Edits that repeat" not in page
    assert page.index("What was asked") < page.index('aria-label="Evidence"')
