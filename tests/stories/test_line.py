"""Several clicks in a row: proven at the same time, each on top of the one before it; moved in the order of clicks."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from server.domain.change import Change
from server.domain.errors import NarrowsError
from server.domain.landing import Landing
from server.domain.states import ChangeState, CheckState, LandingState
from server.services import assessments, changes, checks, landings, projects, tasks, undos
from tests.support import invariants
from tests.support.house import House, house_in
from tests.support.repositories import Repository

ONLY_TOGETHER = "! test -f rival.txt || ! test -f bad.txt"


class Line:
    """A project whose checks wait in each clean tree where the test wants them to."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.narrows, self.gates = house, house.narrows, folder / "gates"
        self.gates.mkdir()
        self.repository = Repository.make(folder)
        gate = f'{shlex.quote(str(self.gates))}/$(basename "$NARROWS_WORKTREE")'
        waits = f"if test -p {gate}; then cat {gate}; fi"
        self.project = projects.register(
            self.narrows, str(self.repository.path), checks=[waits, ONLY_TOGETHER], check_rounds=0
        )

    def changes(self, *names: str) -> list[Change]:
        """One change in review for each name, which adds a file of that name."""
        filed = [
            tasks.file(
                self.narrows,
                project_id=self.project.id,
                title=f"Add {name}",
                brief=f"write: {name}.txt\n```\n{name}\n```\n",
                agent="demo",
            )
            for name in names
        ]
        return [self.house.waits(task) for task in filed]

    def click(self, change: Change, insist: str = "") -> Landing:
        return landings.land(self.narrows, change.id, revision=1, insist=insist)

    def hold(self, *trees: str) -> None:
        """From now on the checks in these trees stand still."""
        for tree in trees:
            os.mkfifo(self.gates / tree)

    def reached(self, tree: str) -> IO[str]:
        """Once the check in that tree stands there; it goes on when this is closed."""
        gate = (self.gates / tree).open("w")
        (self.gates / tree).unlink()
        return gate

    def get(self, landing: Landing) -> Landing:
        return landings.get(self.narrows, landing.id)

    def over(self, landing: Landing) -> Landing:
        return self.house.until(lambda: None if (found := self.get(landing)).under_way else found)

    def judged(self, landing: Landing) -> list[tuple[str, CheckState]]:
        """What its own checks on what it is now came to."""
        found = checks.of_landing(self.narrows, landing.id)
        return [(each.command, each.state) for each in found if each.tree == landing.tree and not each.superseded]

    def files(self) -> list[str]:
        return self.repository.git("ls-tree", "--name-only", "main").split()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with house_in(tmp_path, budget=0) as house:
        yield Line(house, tmp_path)
        house.until(lambda: None if any(each.under_way for each in landings.recent(house.narrows)) else True)
        invariants.check(house.narrows)


def test_two_are_proven_at_once_and_move_in_order(line: Line) -> None:
    first, second = line.changes("one", "two")
    line.repository.commit("meanwhile", {"meanwhile.txt": "x\n"})
    line.hold("clean-1", "clean-2")
    one, two = line.click(first), line.click(second)
    assert (two.behind, two.old) == (one.id, one.commit)
    with line.reached("clean-1"):
        with line.reached("clean-2"):
            assert [line.get(each).state for each in (one, two)] == [LandingState.RUNNING] * 2
        passed = (ONLY_TOGETHER, CheckState.PASSED)
        line.house.until(lambda: passed in line.judged(line.get(two)) or None)
        assert line.get(two).state is LandingState.RUNNING, "proven, it waits for its turn"
    assert [line.over(each).state for each in (one, two)] == [LandingState.LANDED] * 2
    assert line.repository.log() == ["Add two", "Add one", "meanwhile", "first"]
    assert line.repository.head == two.commit, "what was built at the click is what landed"


def test_the_red_one_drops_out_and_the_next_was_proven_without_it(line: Line) -> None:
    first, bad, third = line.changes("one", "bad", "three")
    line.repository.commit("a rival", {"rival.txt": "x\n"})
    line.hold("clean-1")
    clicked = [line.click(each) for each in (first, bad, third)]
    with line.reached("clean-1"):
        assert line.get(clicked[2]).state is LandingState.QUEUED, "two at once, and no more"
    one, red, three = (line.over(each) for each in clicked)
    assert [each.state for each in (one, red, three)] == [
        LandingState.LANDED,
        LandingState.FAILED,
        LandingState.LANDED,
    ]
    assert red.error.startswith(f"The check `{ONLY_TOGETHER}` is red on top of main. Send the change back, or ")
    assert changes.get(line.narrows, bad.id).state is ChangeState.IN_REVIEW
    assert (three.old, three.behind) == (one.commit, None), "built anew on what landed"
    assert {state for _, state in line.judged(three)} == {CheckState.PASSED}
    assert "bad.txt" not in line.repository.git("ls-tree", "--name-only", str(three.tree))
    assert line.repository.log() == ["Add three", "Add one", "a rival", "first"]


def test_one_that_is_red_behind_a_red_one_is_not_blamed_for_it(line: Line) -> None:
    bad, good = line.changes("bad", "good")
    line.repository.commit("a rival", {"rival.txt": "x\n"})
    line.hold("clean-1")
    red, green = line.click(bad), line.click(good)
    with line.reached("clean-1"):  # the first stands still; the one behind it is red with its fault, and waits
        line.house.until(lambda: (ONLY_TOGETHER, CheckState.FAILED) in line.judged(line.get(green)) or None)
        assert line.get(green).state is LandingState.RUNNING
    assert line.over(red).state is LandingState.FAILED
    assert line.over(green).state is LandingState.LANDED
    assert line.files() == ["README.md", "good.txt", "rival.txt"]


def test_taken_out_of_the_line_while_it_is_proven(line: Line) -> None:
    first, second = line.changes("one", "two")
    line.repository.commit("meanwhile", {"meanwhile.txt": "x\n"})
    line.hold("clean-1", "clean-2")
    one, two = line.click(first), line.click(second)
    with line.reached("clean-1"), line.reached("clean-2"):
        undos.ask(line.narrows, one.id)
        two = line.over(two)  # though nobody lets its first proof go on: that one was stopped, too
    assert two.state is LandingState.LANDED
    assert line.get(one).state is LandingState.CANCELLED
    [stopped] = {state for _, state in line.judged(line.get(one))}
    assert stopped is CheckState.SKIPPED
    assert changes.get(line.narrows, first.id).state is ChangeState.IN_REVIEW
    assert line.repository.log() == ["Add two", "meanwhile", "first"]
    assert "one.txt" not in line.files()


def test_an_undo_goes_behind_the_line_and_what_comes_after_waits_for_it(line: Line) -> None:
    landed, before, after = line.changes("landed", "before", "after")
    taken = line.over(line.click(landed))
    line.hold("clean-1")
    one = line.click(before)
    with line.reached("clean-1"):
        undos.ask(line.narrows, taken.id)
        two = line.click(after)
        assert [line.get(each).state for each in (one, two)] == [LandingState.RUNNING, LandingState.QUEUED]
    assert [line.over(each).state for each in (one, two)] == [LandingState.LANDED] * 2
    assert line.get(taken).state is LandingState.UNDONE
    assert line.repository.log() == ["Add after", 'Revert "Add landed"', "Add before", "Add landed", "first"]
    assert line.files() == ["README.md", "after.txt", "before.txt"]


def test_over_a_red_check_with_a_reason_and_only_with_it(line: Line) -> None:
    (bad,) = line.changes("bad")
    line.repository.commit("a rival", {"rival.txt": "x\n"})
    assert line.over(line.click(bad)).state is LandingState.FAILED
    with pytest.raises(assessments.Objected, match="is red"):
        line.click(bad)
    why = "The rival is taken out tomorrow."
    landing = line.over(line.click(bad, insist=why))
    assert (landing.state, landing.insisted) == (LandingState.LANDED, why)
    assert landing.receipt is not None
    tested = landing.receipt["tested"]
    assert tested["insisted"] == why
    assert {each["command"]: each["state"] for each in tested["checks"]}[ONLY_TOGETHER] == "failed"


def test_a_red_verdict_is_used_again_until_a_person_wants_it_made_anew(line: Line, tmp_path: Path) -> None:
    switch = tmp_path / "broken"
    projects.configure(line.narrows, line.project.id, checks=[f"! test -f {shlex.quote(str(switch))}"])
    (change,) = line.changes("one")
    line.repository.commit("meanwhile", {"meanwhile.txt": "x\n"})
    switch.touch()
    failed = line.over(line.click(change))
    assert failed.state is LandingState.FAILED
    assert "It was red on main before this change, too. Mend main first, or " in failed.error
    switch.unlink()
    with pytest.raises(NarrowsError, match="is red"):  # the same tree: known
        line.click(change)
    red = next(each for each in checks.of_landing(line.narrows, failed.id) if each.red and each.red_before)
    checks.ask_again(line.narrows, red.id)
    assert line.over(line.click(change)).state is LandingState.LANDED
