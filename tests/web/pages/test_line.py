"""The landing line on the pages: out of it until the move, over a red check only with words, the receipt."""

from __future__ import annotations

import json

import pytest

from server.domain.check import Check
from server.domain.states import CheckState
from server.services import checks, landings, projects, reviews, revisions
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.pages.conftest import Desk, Person

WHY = "The server of that check is down until Monday."


@pytest.fixture
def red(narrows: Narrows, on_desk: Desk) -> int:
    """A change in review, although its only check is red."""
    projects.configure(narrows, on_desk.project.id, check_rounds=0)
    return on_desk.holds("Add adds", result=CheckState.FAILED)


def judged(narrows: Narrows, change: int) -> list[Check]:
    return sorted(checks.of_revision(narrows, revisions.of_change(narrows, change)[0].id), key=lambda each: each.id)


def test_over_a_red_check_only_with_words(person: Person, narrows: Narrows, red: int) -> None:
    assert 'name="insist"' in person.reads(f"/changes/{red}/landing/new")
    refused = person.sends(f"/changes/{red}/landing", 409, revision=1, message="Add adds", insist=" ")
    assert "The check `true` is red." in refused
    assert "say why it lands all the same" in refused
    person.sends(f"/changes/{red}/landing", revision=1, message="Add adds", insist=WHY)
    [landing] = landings.recent(narrows)
    landings.claim(narrows, "local")
    assert landings.may_move(narrows, landing.id)
    assert landings.move(narrows, landing.id)
    page = person.reads("/landings")
    assert f"Over a red check, since: {WHY}" in page
    assert f"It landed over a red check, as you wanted: {WHY}" in page
    receipt = landings.get(narrows, landing.id).receipt
    assert receipt is not None
    assert receipt["tested"]["insisted"] == WHY
    assert [one["state"] for one in receipt["tested"]["checks"]] == ["failed"]


def test_words_typed_there_are_there_again_after_a_refusal(person: Person, narrows: Narrows, red: int) -> None:
    reviews.comment(narrows, red, revision=1, body="Perhaps?")
    refused = person.sends(f"/changes/{red}/landing", 409, revision=1, message="Add adds", insist=WHY)
    assert f">{WHY}</textarea>" in refused


def test_words_without_a_red_check_mark_nothing(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change = on_desk.holds("Add adds")
    assert 'name="insist"' not in person.reads(f"/changes/{change}/landing/new")
    person.sends(f"/changes/{change}/landing", revision=1, message="Add adds", insist=WHY)
    assert landings.recent(narrows)[0].insisted == ""


def test_a_receipt_is_downloaded_and_links_its_logs(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    landing = landings.land(narrows, on_desk.holds("Add adds"), revision=1)
    assert "has no receipt: it is queued" in person.reads(f"/landings/{landing.id}/receipt.json", 404)
    landings.claim(narrows, "local")
    assert landings.move(narrows, landing.id)
    told = json.loads(person.reads(f"/landings/{landing.id}/receipt.json"))
    assert (told["landing"], told["landed"]["tree"]) == (landing.id, landing.tree)
    [check] = told["tested"]["checks"]
    assert f'href="/checks/{check["check"]}/log"' in person.reads("/landings")
    assert "all is well" in person.reads(f"/checks/{check['check']}/log")


def test_a_red_check_is_run_again_when_asked(person: Person, narrows: Narrows, red: int) -> None:
    [check] = judged(narrows, red)
    assert f'action="/checks/{check.id}/again"' in person.reads(f"/changes/{red}")
    there = person.sends(f"/checks/{check.id}/again")
    assert there.startswith(f"/changes/{red}?")
    assert "The check true is run again." in person.reads(there)
    old, fresh = judged(narrows, red)
    assert (old.superseded, fresh.state) == (True, CheckState.QUEUED)
    assert "only a red one is run again" in person.sends(f"/checks/{fresh.id}/again", 409)


def test_the_page_says_behind_which_one_it_stands(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    first, second = (
        landings.land(narrows, on_desk.holds(name, {f"{name}.txt": "x\n"}), revision=1) for name in ("one", "two")
    )
    page = person.reads("/landings")
    assert f"behind #{first.id}" in page
    assert page.count("Take it out of the line") == 2
    person.sends(f"/landings/{second.id}/undo")
    assert person.reads("/landings").count("Take it out of the line") == 1


def test_what_was_red_when_it_was_last_to_land_is_shown_and_may_be_landed_over(
    person: Person, on_desk: Desk, narrows: Narrows, repository: Repository
) -> None:
    change = on_desk.holds("Add adds")
    repository.commit("meanwhile", {"other.txt": "other\n"})
    landing = landings.land(narrows, change, revision=1)
    landings.claim(narrows, "local")
    [check] = checks.plan(narrows, on_desk.project, landing)
    checks.start(narrows, check.id)[1].write_text("not today\n")
    checks.end(narrows, check.id, CheckState.FAILED, 1, 0.1)
    checks.was_red(narrows, check.id, before=True)
    landings.fail(narrows, landing.id, "The check `true` is red on top of main.")
    for page in (person.reads(f"/changes/{change}"), person.reads("/landings")):
        assert f'href="/checks/{check.id}/log"' in page
        assert "was red before" in page
    assert "When it was last to land" in person.reads(f"/changes/{change}")
    assert "(it was when it was last to land)" in person.reads(f"/changes/{change}/landing/new")
    person.sends(f"/changes/{change}/landing", revision=1, message="Add adds", insist=WHY)
    assert landings.recent(narrows)[0].insisted == WHY
