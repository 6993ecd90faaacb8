"""Part of a change, chosen on a page without JavaScript."""

from __future__ import annotations

import pytest

from server.domain.states import ChangeState, LandingState
from server.services import changes, drafts, landings, revisions
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person

LINES = "".join(f"line {number}\n" for number in range(40))
FILES = {"lines.txt": LINES.replace("line 2\n", "<b>\n").replace("line 38\n", "bye\n"), "new.txt": "new\n"}


@pytest.fixture
def change(on_desk: Desk, repository: Repository) -> int:
    repository.commit("lines", {"lines.txt": LINES})
    return on_desk.holds("Add adds", FILES)


def test_every_file_and_hunk_can_be_chosen(person: Person, change: int) -> None:
    assert f"/changes/{change}/parts/new?revision=1" in person.reads(f"/changes/{change}?since=0")
    page = person.reads(f"/changes/{change}/parts/new?revision=1")
    for value in ("0", "0:0", "0:1", "1"):
        assert f'name="chosen" value="{value}"' in page
    assert 'name="chosen" value="1:0"' not in page, "a new file is one piece"
    assert "line 3" in page
    assert 'data-n="3"><b>' in page, "unescaped by the test alone"


def test_landing_these_sends_the_rest_back(person: Person, change: int, narrows: Narrows, worker: Worker) -> None:
    drafts.keep(narrows, f"change/{change}/part-message", "Kept.")
    assert "Kept." in person.reads(f"/changes/{change}/parts/new")
    where = person.sends(f"/changes/{change}/parts", revision=1, chosen=["0:1", "1"], message="More.", do="land")
    assert where == "/?done=landing-1"
    assert landings.get(narrows, 1).state is LandingState.QUEUED
    assert changes.get(narrows, change).state is ChangeState.WORKING
    assert drafts.find(narrows, f"change/{change}/part-") == {}
    (run,) = worker.admit()
    assert "lines.txt (1 of 2 hunks), new.txt" in run.prompt
    assert "More." in run.prompt


def test_only_splitting_leads_to_the_part(person: Person, change: int, narrows: Narrows) -> None:
    where = person.sends(f"/changes/{change}/parts", revision=1, chosen=["0"], rest="keep", do="split")
    part = changes.every(narrows)[0]
    assert where == f"/changes/{part.id}?done=split-{part.id}"
    page = person.reads(where)
    assert "is a change of its own" in page
    assert f"A part of change {change}." in page
    assert [row.path for row in revisions.outline(narrows, revisions.get(narrows, change, 2))] == ["new.txt"]
    assert "you split" in " ".join(person.reads(f"/changes/{change}").replace("</span>", "").split())


@pytest.mark.parametrize(
    ("chosen", "why"), [([], "Nothing was chosen"), (["0", "1"], "Everything was chosen"), (["x"], "no file of this")]
)
def test_what_is_no_part_comes_back_with_everything_kept(
    person: Person, change: int, narrows: Narrows, chosen: list[str], why: str
) -> None:
    page = person.sends(f"/changes/{change}/parts", 422, revision=1, chosen=chosen, message="My words", rest="keep")
    assert why in page
    assert "My words" in page
    assert 'value="keep" checked' in page
    assert len(changes.every(narrows)) == 1


def test_warnings_come_back_into_the_form(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Configure", {".claude/settings.json": "{}\n", "new.txt": "new\n"})
    page = person.sends(f"/changes/{change}/parts", 409, revision=1, chosen=["0"], rest="keep")
    assert 'name="chosen" value="0" checked' in page
    hash_ = page.split('name="acknowledge" value="')[1].split('"')[0]
    person.sends(f"/changes/{change}/parts", revision=1, chosen=["0"], rest="keep", acknowledge=hash_)
    assert landings.get(narrows, 1).acknowledged == [hash_]
