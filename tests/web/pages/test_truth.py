"""What stands on a change's page is what git says: every oddity that a file can have, in one change."""

from __future__ import annotations

import re

import pytest

from server.domain.change import Change, Revision
from server.domain.diff import Comparison, View
from server.domain.event import Actor
from server.git import diffs, objects
from server.git.commands import NOBODY
from server.services import comparisons, events
from server.services.narrows import Narrows
from tests.git.store import Store
from tests.support.oddities import merged
from tests.support.truth import Judge, on_the_page
from tests.web.pages.conftest import Desk, Person

FILE = re.compile(r'<details class="file[^>]* data-position="(\d+)"')


@pytest.fixture
def comparison(on_desk: Desk, narrows: Narrows) -> Comparison:
    """The newest revision of a change, with all of them."""
    number = on_desk.holds()
    store = Store(narrows.mirror(on_desk.project.id))
    base, head = map(store.tree, merged())
    commits = [objects.commit(store.mirror, tree, [], "all of them", NOBODY, NOBODY) for tree in (base, head)]
    revision = Revision(
        change_id=number, made_by=Actor.YOU, number=2, base=commits[0], base_tree=base, commit=commits[1], tree=head
    )
    compared = diffs.compare(store.mirror, base, head)
    with narrows.transaction() as db:
        change = db.get_one(Change, number)
        db.add(revision)
        comparisons.keep(db, base, head, compared)
        events.record(db, Actor.YOU, "revised", change, number=2)
    return comparisons.of(narrows, change, revision)


@pytest.mark.parametrize("view", View)
def test_the_page_holds_just_the_lines_that_git_tells(
    person: Person, narrows: Narrows, comparison: Comparison, view: View
) -> None:
    page = person.client.get(f"/changes/{comparison.change_id}?since=0&view={view}").text
    starts = list(FILE.finditer(page))
    ends = [*(start.start() for start in starts[1:]), len(page)]
    shown = {int(start[1]): on_the_page(page[start.end() : end]) for start, end in zip(starts, ends, strict=True)}
    files = comparisons.files(narrows, comparison)
    told = Judge(narrows).told(comparison.base_tree, comparison.tree, files)
    assert [shown[position] for position in range(len(files))] == told
    assert sum(map(len, told)) > 1000
