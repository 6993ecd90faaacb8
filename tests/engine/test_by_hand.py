"""What a person made is checked in the background, by whoever works then, once."""

from __future__ import annotations

import os
import shlex

import pytest

from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import ChangeState, CheckState, LandingState, TaskState
from server.services import agents, changes, checks, edits, landings, parts, projects, reviews, revisions, runs, tasks
from tests.support.house import House
from tests.support.repositories import Repository

AGENT = ["/bin/sh", "-c", "echo said > said.txt; echo more > more.txt; echo I said it."]


class Shop:
    """One project in the house; its check counts how often it ran, and waits where there is a gate."""

    def __init__(self, house: House, repository: Repository) -> None:
        self.house, self.narrows, self.repository = house, house.narrows, repository
        self.folder = repository.path.parent
        self.gate, self.count = self.folder / "gate", self.folder / "count"
        name = f"sayer-{len(projects.every(self.narrows))}"
        agents.add(self.narrows, name, "command", AGENT)
        self.project: Project = projects.register(self.narrows, str(repository.path), name=name, checks=[self.check()])
        self.agent = name

    def check(self) -> str:
        gate, count = shlex.quote(str(self.gate)), shlex.quote(str(self.count))
        return f"echo ran >> {count}; if test -p {gate}; then cat {gate}; fi; ! grep -q red said.txt"

    @property
    def ran(self) -> int:
        return len(self.count.read_text().splitlines()) if self.count.exists() else 0

    def change(self) -> Change:
        return self.house.waits(tasks.file(self.narrows, project_id=self.project.id, title="Say it", agent=self.agent))

    def edit(self, change: Change, text: str, revision: int = 1) -> Revision:
        return edits.edit(self.narrows, change.id, revision=revision, path="said.txt", text=text)

    def judged(self, revision: Revision, *states: CheckState) -> list[Check]:
        """The revision's checks once they are in these states."""

        def look() -> list[Check] | None:
            found = checks.of_revision(self.narrows, revision.id)
            return found if tuple(check.state for check in found) == states else None

        return self.house.until(look)

    def land(self, change: Change) -> Landing:
        newest = revisions.of_change(self.narrows, change.id)[-1]
        return self.house.landed(landings.land(self.narrows, change.id, revision=newest.number))


@pytest.fixture
def shop(house: House, repository: Repository) -> Shop:
    return Shop(house, repository)


def test_an_edit_is_checked_and_lands_without_a_second_run(shop: Shop) -> None:
    change = shop.change()
    assert shop.ran == 1
    made = shop.edit(change, "by hand\n")
    shop.judged(made, CheckState.PASSED)
    assert changes.get(shop.narrows, change.id).state is ChangeState.IN_REVIEW
    landing = shop.land(change)
    assert shop.ran == 2, "the agent's, and the edit's"
    assert shop.repository.show("main:said.txt") == "by hand\n"
    assert checks.of_landing(shop.narrows, landing.id) == []


def test_a_red_one_says_so(shop: Shop) -> None:
    (check,) = shop.judged(shop.edit(shop.change(), "red\n"), CheckState.FAILED)
    assert check.exit_code == 1


def test_a_landing_waits_for_the_check_of_the_same_tree(shop: Shop) -> None:
    change = shop.change()
    os.mkfifo(shop.gate)
    made = shop.edit(change, "by hand\n")
    with shop.gate.open("w"):  # its check has begun
        landing = landings.land(shop.narrows, change.id, revision=2)
        shop.house.landed(landing, LandingState.RUNNING)
        shop.gate.unlink()
    assert shop.house.landed(landing).state is LandingState.LANDED
    shop.judged(made, CheckState.PASSED)
    assert shop.ran == 2


def test_what_nobody_reads_any_more_is_not_checked_on(shop: Shop) -> None:
    change = shop.change()
    os.mkfifo(shop.gate)
    first = shop.edit(change, "by hand\n")
    with shop.gate.open("w"):
        shop.gate.unlink()
        second = shop.edit(change, "by hand again\n", revision=2)
        shop.judged(first, CheckState.SKIPPED)
    shop.judged(second, CheckState.PASSED)
    reviews.request_changes(shop.narrows, change.id, revision=3, message="More.")
    shop.house.until(lambda: len(revisions.of_change(shop.narrows, change.id)) > 3 or None)


def test_a_setup_that_fails_is_said(shop: Shop) -> None:
    change = shop.change()
    shop.project = projects.configure(shop.narrows, shop.project.id, setup="echo no network >&2; false")
    (check,) = shop.judged(shop.edit(change, "by hand\n"), CheckState.ERRORED)
    assert "no network" in check.tail


def test_both_halves_of_a_change_are_checked(shop: Shop) -> None:
    change = shop.change()
    done = parts.split(shop.narrows, change.id, revision=1, chosen={"more.txt": None}, rest="keep")
    (part,) = revisions.of_change(shop.narrows, done.part.id)
    # The check looks for a word in a file that the part has not: `grep` fails, so it is green.
    shop.judged(part, CheckState.PASSED)
    shop.judged(revisions.of_change(shop.narrows, change.id)[-1], CheckState.PASSED)


def test_a_part_lands_while_the_rest_is_with_its_agent_and_then_the_rest_lands(shop: Shop) -> None:
    follow = shop.folder / "follow-up"
    agents.add(
        shop.narrows,
        f"{shop.agent}-again",
        "command",
        ["/bin/sh", "-c", f"cat > {follow}; if test -f said.txt; then echo mended > said.txt; else {AGENT[2]}; fi"],
    )
    task = tasks.file(shop.narrows, project_id=shop.project.id, title="Say it", agent=f"{shop.agent}-again")
    change = shop.house.waits(task)
    done = parts.land(shop.narrows, change.id, revision=1, chosen={"more.txt": None}, message="Mend what is said.")
    assert done.landing is not None
    shop.house.landed(done.landing)
    assert shop.repository.show("main:more.txt") == "more\n"
    assert tasks.get(shop.narrows, task.id).state is TaskState.OPEN

    def mended() -> Revision | None:
        found = revisions.of_change(shop.narrows, change.id)[-1]
        over = changes.get(shop.narrows, change.id).state is ChangeState.IN_REVIEW
        return found if found.number == 3 and over else None

    revision = shop.house.until(mended)
    assert "more.txt. That part is settled" in follow.read_text()
    assert "Mend what is said." in follow.read_text()
    assert [row.path for row in revisions.outline(shop.narrows, revision)] == ["said.txt"]
    landing = shop.house.landed(landings.land(shop.narrows, change.id, revision=3))
    assert landing.receipt is not None
    assert landing.receipt["landed"]["as_read"] is True
    assert shop.repository.show("main:said.txt") == "mended\n"
    assert tasks.get(shop.narrows, task.id).state is TaskState.DONE


def test_the_agent_of_a_part_is_told_the_whole_story(shop: Shop) -> None:
    change = shop.change()
    part = parts.split(shop.narrows, change.id, revision=1, chosen={"more.txt": None}, rest="keep").part
    reviews.request_changes(shop.narrows, part.id, revision=1, message="More of it.")
    shop.house.until(lambda: len(revisions.of_change(shop.narrows, part.id)) > 1 or None)
    (run,) = runs.of_change(shop.narrows, part.id)
    told = (shop.narrows.run_folder(run.id) / "prompt.md").read_text()
    assert "# Say it" in told
    assert "+more" in told, "what was done so far"
    assert "More of it." in told
