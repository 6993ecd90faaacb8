"""Landings as the engine carries them out: proven on the target as it is, moved, and taken back."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from server.domain.change import Change
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import ChangeState, CheckState, LandingState
from server.services import agents, changes, checks, landings, projects, tasks, undos
from tests.support.house import House
from tests.support.repositories import Repository

OVER = (LandingState.LANDED, LandingState.FAILED, LandingState.UNDONE)


class Shop:
    """One project in the house."""

    def __init__(self, house: House, repository: Repository, gate: Path) -> None:
        self.house, self.narrows, self.repository, self.gate = house, house.narrows, repository, gate
        agents.add(self.narrows, "sayer", "command", ["/bin/sh", "-c", "echo said > said.txt; echo I said it."])
        self.project: Project = projects.register(self.narrows, str(repository.path), name=str(gate.parent))

    def checks(self, *commands: str, setup: str = "") -> None:
        self.project = projects.configure(
            self.narrows, self.project.id, checks=list(commands), setup=setup, check_rounds=0
        )

    def change(self) -> Change:
        task = tasks.file(self.narrows, project_id=self.project.id, title="Say it", agent="sayer")
        return self.house.waits(task)

    def start(self, change: Change) -> Landing:
        return landings.land(self.narrows, change.id, revision=1)

    def over(self, landing: Landing) -> Landing:
        """The landing once it has ended."""

        def look() -> Landing | None:
            found = landings.get(self.narrows, landing.id)
            return found if found.state in OVER else None

        return self.house.until(look)

    def undone(self, landing: Landing) -> Landing:
        """The landing once it is taken back, or can't be."""
        undos.ask(self.narrows, landing.id)

        def look() -> Landing | None:
            found = landings.get(self.narrows, landing.id)
            return None if found.undo_asked else found

        return self.house.until(look)

    def back(self, change: Change) -> Change:
        found = changes.get(self.narrows, change.id)
        assert found.state is ChangeState.IN_REVIEW
        return found


@pytest.fixture
def shop(house: House, repository: Repository, tmp_path: Path) -> Shop:
    return Shop(house, repository, tmp_path / "gate")


def test_a_tree_that_passed_already_is_not_checked_again(shop: Shop) -> None:
    shop.checks("test -f said.txt")
    landing = shop.over(shop.start(shop.change()))
    assert landing.state is LandingState.LANDED
    assert checks.of_landing(shop.narrows, landing.id) == []
    assert landing.receipt is not None
    [tested] = landing.receipt["tested"]["checks"]
    assert (tested["command"], tested["state"], tested["tree"]) == ("test -f said.txt", "passed", landing.tree)


def test_on_a_target_that_moved_the_checks_run_on_what_will_land(shop: Shop) -> None:
    shop.checks("ls")
    change = shop.change()
    shop.repository.commit("meanwhile", {"other.txt": "other\n"})
    landing = shop.over(shop.start(change))
    [check] = checks.of_landing(shop.narrows, landing.id)
    assert (check.state, check.tree) == (CheckState.PASSED, landing.tree)
    assert "other.txt" in check.tail
    assert "said.txt" in check.tail
    assert shop.repository.log() == ["Say it", "meanwhile", "first"]


def test_what_is_red_only_together_comes_back_with_the_check(shop: Shop) -> None:
    shop.checks("! test -f other.txt || ! test -f said.txt")
    change = shop.change()
    there = shop.repository.commit("meanwhile", {"other.txt": "other\n"})
    landing = shop.over(shop.start(change))
    assert landing.state is LandingState.FAILED
    assert landing.error == (
        "The check `! test -f other.txt || ! test -f said.txt` is red on top of main. "
        "Send the change back, or say why it lands all the same."
    )
    assert shop.back(change).note == landing.error
    assert shop.repository.head == there
    found = checks.of_landing(shop.narrows, landing.id)
    tried = [(check.state, check.superseded) for check in found if check.tree == landing.tree]
    assert tried == [(CheckState.FAILED, True), (CheckState.FAILED, False)], "it was tried once more"
    [before] = [check for check in found if check.tree != landing.tree]
    assert (before.state, before.tree) == (CheckState.PASSED, shop.repository.resolve(f"{there}^{{tree}}"))
    assert found[1].red_before is False


def test_what_was_red_before_is_said_and_not_blamed_on_the_change(shop: Shop) -> None:
    shop.checks("! test -f other.txt")
    change = shop.change()
    shop.repository.commit("meanwhile", {"other.txt": "other\n"})
    assert shop.over(shop.start(change)).error.endswith(
        "It was red on main before this change, too. Mend main first, or say why it lands all the same."
    )


def test_a_check_that_is_red_only_sometimes_is_not_the_changes_fault(shop: Shop, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    shop.checks("true", f"if test -f {shlex.quote(str(trap))}; then rm {shlex.quote(str(trap))}; exit 1; fi", "echo x")
    change = shop.change()
    shop.repository.commit("meanwhile", {"other.txt": "other\n"})
    trap.touch()
    landing = shop.over(shop.start(change))
    assert landing.state is LandingState.LANDED, landing.error
    counting = [check for check in checks.of_landing(shop.narrows, landing.id) if not check.superseded]
    assert [check.state for check in counting] == [CheckState.PASSED] * 3


def test_checks_that_change_what_they_check_prove_nothing_however_often(shop: Shop) -> None:
    shop.checks("echo formatted >> notes.txt")
    change = shop.change()
    assert "prove nothing" in change.note
    before = shop.repository.head
    for _ in range(2):
        landing = shop.over(shop.start(change))
        assert landing.state is LandingState.FAILED
        assert landing.error.startswith("The checks changed the files that they were checking")
    assert shop.repository.head == before
    assert (shop.repository.path / "notes.txt").read_text() == "one\n"


def test_the_landing_tree_is_set_up_and_a_setup_that_fails_is_said(shop: Shop) -> None:
    shop.checks("test -f set-up.env", setup="touch set-up.env")
    shop.repository.commit("ignored", {".gitignore": "*.env\n"})
    change = shop.change()
    shop.repository.commit("meanwhile", {"other.txt": "other\n"})
    shop.checks("test -f set-up.env", setup="echo no network; exit 4")
    landing = shop.over(shop.start(change))
    assert landing.error.startswith("The setup command `echo no network; exit 4` ended with exit code 4: no network")
    shop.checks("test -f set-up.env", setup="touch set-up.env")
    assert shop.over(shop.start(shop.back(change))).state is LandingState.LANDED


def test_a_target_that_moves_during_the_checks_is_built_and_proven_anew(shop: Shop) -> None:
    gate = shlex.quote(str(shop.gate))
    shop.checks(f"if test -p {gate}; then cat {gate}; fi")
    change = shop.change()
    shop.repository.commit("before", {"before.txt": "before\n"})
    os.mkfifo(shop.gate)
    landing = shop.start(change)
    with shop.gate.open("w"):  # opens when the check is at it
        shop.gate.unlink()
        shop.repository.commit("during", {"during.txt": "during\n"})
    landing = shop.over(landing)
    assert (landing.state, landing.tries) == (LandingState.LANDED, 2)
    assert shop.repository.log() == ["Say it", "during", "before", "first"]
    assert len(checks.of_landing(shop.narrows, landing.id)) == 2


def test_two_landings_on_one_target_both_arrive(shop: Shop) -> None:
    shop.checks("true")
    agents.add(shop.narrows, "other", "command", ["/bin/sh", "-c", "echo > other.txt; echo Other."])
    first = shop.change()
    task = tasks.file(shop.narrows, project_id=shop.project.id, title="Other", agent="other")
    second = shop.house.waits(task)
    started = [shop.start(first), shop.start(second)]
    assert [shop.over(each).state for each in started] == [LandingState.LANDED] * 2
    assert shop.repository.log() == ["Other", "Say it", "first"]
    assert shop.repository.status() == []


def test_a_revert_is_proven_before_it_moves_anything(shop: Shop) -> None:
    change = shop.change()
    landing = shop.over(shop.start(change))
    after = shop.repository.commit("builds on it", {"uses.txt": "said.txt\n"})
    shop.checks("! test -f uses.txt || test -f said.txt")
    landing = shop.undone(landing)
    assert landing.state is LandingState.LANDED
    assert landing.error.startswith("With it taken back, the check `! test -f uses.txt || test -f said.txt` is red.")
    assert Path(landing.error.partition("Its log: ")[2]).is_file()
    assert shop.repository.head == after

    shop.checks("true")
    landing = shop.undone(landing)
    assert (landing.state, shop.repository.log()[0]) == (LandingState.UNDONE, 'Revert "Say it"')
    assert not (shop.repository.path / "said.txt").exists()
    assert shop.back(change).note == "Its landing was undone."


def test_lines_changed_since_are_not_taken_back(shop: Shop) -> None:
    landing = shop.over(shop.start(shop.change()))
    shop.repository.commit("on the same line", {"said.txt": "said, and more\n"})
    landing = shop.undone(landing)
    assert (landing.state, landing.error) == (
        LandingState.LANDED,
        "Later commits changed the same lines: said.txt. Take it back by hand, in your own editor.",
    )


def test_a_mistake_of_narrows_itself_ends_a_landing_with_a_sentence(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop.checks("true")
    change = shop.change()

    def broken(*_: object) -> bool:
        raise RuntimeError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr(landings, "move", broken)
        landing = shop.over(shop.start(change))
    assert (landing.state, landing.error) == (LandingState.FAILED, "Narrows itself failed; its log says how.")
    assert "a mistake" in caplog.text
    with monkeypatch.context() as patch:
        patch.setattr(checks, "settled", broken)
        landing = shop.over(shop.start(shop.back(change)))
    assert landing.error == "Narrows itself failed; its log says how."

    landing = shop.over(shop.start(shop.back(change)))
    with monkeypatch.context() as patch:
        patch.setattr(undos, "take_back", broken)
        landing = shop.undone(landing)
    assert (landing.state, landing.error) == (LandingState.LANDED, "Narrows itself failed; its log says how.")


def test_checks_that_the_project_gets_during_a_landing_hold_for_it(shop: Shop) -> None:
    gate = shlex.quote(str(shop.gate))
    slow = f"if test -p {gate}; then cat {gate}; fi"
    shop.checks(slow)
    change = shop.change()
    there = shop.repository.commit("meanwhile", {"other.txt": "other\n"})
    os.mkfifo(shop.gate)
    landing = shop.start(change)
    with shop.gate.open("w"):
        shop.gate.unlink()
        shop.checks(slow, "! test -f said.txt")
    landing = shop.over(landing)
    assert (landing.state, shop.repository.head) == (LandingState.FAILED, there)
    assert "`! test -f said.txt` is red" in landing.error
