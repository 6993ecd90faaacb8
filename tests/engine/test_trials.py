"""Agents tried out, each with real processes in a scratch repository, by a house with its engine at work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from server.domain.agent import Trial, TrialState
from server.domain.errors import WrongState
from server.domain.trouble import Trouble
from server.engine.engine import Engine
from server.engine.trials import FIX, TIDY
from server.services import agents, trials
from tests.support.house import House, narrows_in
from tests.support.processes import carrying

FIXED = FIX.text.replace("a - b", "a + b")


def tried(house: House, agent: str) -> Trial:
    """The trial once it is over."""
    return over(house, trials.ask(house.narrows, agent))


def over(house: House, asked: Trial) -> Trial:
    def look() -> Trial | None:
        trial = trials.get(house.narrows, asked.id)
        return trial if trial.state is not TrialState.RUNNING else None

    return house.until(look)


@pytest.fixture
def scripted(house: House, tmp_path: Path) -> Callable[[str], str]:
    """Adds a command agent that is a Python script; its name."""

    def add(script: str) -> str:
        file = tmp_path / "agent.py"
        file.write_text(script)
        name = f"agent-{len(agents.everyone(house.narrows))}"
        agents.add(house.narrows, name, "command", [sys.executable, str(file)])
        return name

    return add


def test_the_demo_works(house: House) -> None:
    trial = tried(house, "demo")
    assert trial.state is TrialState.WORKS, trial.sentence
    assert trial.sentence.startswith("It changed the file as asked in ")
    assert trial.driven_by.endswith("by the Agent Client Protocol")
    assert trial.confined_by == ""
    folder = trials.folder(house.narrows, trial.id)
    assert (folder / "tree/add.py").read_text() == FIXED
    assert "add.py" in trials.transcript(house.narrows, trial.id)


@pytest.mark.parametrize("agent", ["ruff-fix", "ruff-imports", "ruff-format"])
def test_those_for_maintenance_tidy(house: House, agent: str) -> None:
    trial = tried(house, agent)
    assert trial.state is TrialState.WORKS, trial.sentence
    assert (trials.folder(house.narrows, trial.id) / "tree" / TIDY.name).read_text() != TIDY.text


@pytest.mark.parametrize(
    ("script", "sentence", "trouble"),
    [
        ("", "It ended normally and changed nothing.", Trouble.SUSPECT),
        ("open('add.py', 'a').write('# done\\n')", "It ended normally and changed the file, but not as asked.", None),
        ("import os; os.remove('add.py')", "It ended normally and changed the file, but not as asked.", None),
        (
            f"import os; os.rename('add.py', 'b.py'); os.symlink('b.py', 'add.py'); open('b.py', 'w').write({FIXED!r})",
            "It ended normally and changed the file, but not as asked.",
            None,
        ),
        ("raise SystemExit('401 Unauthorized')", "401 Unauthorized", Trouble.LOGIN),
    ],
    ids=["idle", "wrong", "gone", "link", "login"],
)
def test_one_that_fails_says_how(
    house: House, scripted: Callable[[str], str], script: str, sentence: str, trouble: Trouble | None
) -> None:
    trial = tried(house, scripted(script))
    assert (trial.state, trial.trouble) == (TrialState.FAILS, trouble)
    assert sentence in trial.sentence


def test_one_that_is_not_there_says_so(house: House) -> None:
    agents.add(house.narrows, "gone", "command", ["no-such-agent"])
    trial = tried(house, "gone")
    assert (trial.state, trial.trouble) == (TrialState.FAILS, Trouble.MISSING)
    assert "gone is not on this machine." in trial.sentence


def test_a_trial_can_be_stopped_and_leaves_nothing(house: House, scripted: Callable[[str], str]) -> None:
    name = scripted("import time; print('at it', flush=True); time.sleep(600)")
    asked = trials.ask(house.narrows, name)
    house.until(lambda: trials.transcript(house.narrows, asked.id) or None)
    with pytest.raises(WrongState):
        trials.ask(house.narrows, name)
    trials.stop(house.narrows, asked.id)
    trial = over(house, asked)
    assert (trial.state, trial.sentence) == (TrialState.BROKEN_OFF, "You stopped it.")
    assert carrying(str(trials.folder(house.narrows, asked.id))) == []


def test_the_next_trial_takes_the_place_of_the_last(house: House, scripted: Callable[[str], str]) -> None:
    name = scripted(f"open('add.py', 'w').write({FIXED!r}); print('Fixed.')")
    first, second = tried(house, name), tried(house, name)
    assert [trial.state for trial in (first, second)] == [TrialState.WORKS, TrialState.WORKS]
    assert not trials.folder(house.narrows, first.id).exists()
    assert trials.transcript(house.narrows, first.id) == ""
    assert trials.transcript(house.narrows, second.id) == "Fixed.\n"


def test_a_trial_that_the_servers_end_breaks_off_is_said_to_be(tmp_path: Path) -> None:
    with narrows_in(tmp_path) as narrows:
        agents.add(
            narrows, "slow", "command", [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]
        )
        engine, house = Engine(narrows), House(narrows)
        engine.start()
        asked = trials.ask(narrows, "slow")
        house.until(lambda: trials.transcript(narrows, asked.id) or None)
        engine.stop()
        assert trials.get(narrows, asked.id).state is TrialState.RUNNING
        assert carrying(str(trials.folder(narrows, asked.id))) == []
        again = Engine(narrows)
        again.start()
        trial = over(house, asked)
        again.stop()
        house.close()
    assert (trial.state, trial.sentence) == (TrialState.BROKEN_OFF, trials.BROKEN_OFF)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (FIXED, True),
        ("def add(a, b):\n    return b + a\n", True),
        ("def add(a, b):\n    if a:\n        return sum((a, b))\n    return a + b\n", True),
        (FIX.text, False),
        ("def add(a, b):\n    return a + b + 0\n", False),
        ("def add(a, b):\n    a + b\n", False),
        ("def other():\n    return a + b\n", False),
        ("def add(a, b:\n    return a + b\n", False),
        ("(" * 5000, False),
        ("\0", False),
        ("", False),
    ],
)
def test_the_file_is_read_and_never_run(text: str, right: bool) -> None:
    assert FIX.done(text) is right
