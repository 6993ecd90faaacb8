"""Trying agents out. A trial is no durable work: one that the server's end breaks off is said to be so, and not begun
again.
"""

from __future__ import annotations

import ast
import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from server.agents.builtin import make
from server.agents.environment import environment
from server.agents.protocol import AgentSpec, Outcome, Turn, Update
from server.bus import Signal
from server.domain.agent import Trial, TrialState
from server.domain.trouble import Trouble
from server.engine import processes, specs
from server.engine.trouble import explain
from server.engine.workplace import Workplace
from server.files import open_to_read
from server.git import configuration, repositories
from server.services import agents, trials

TIME = 180.0  # seconds that a trial may take
TELL_EVERY = 0.25  # seconds between two lines shown
MOST_READ = 100_000  # bytes of the file that is judged
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exercise:
    """A file, what is asked of it, and whether a text of it is what was asked for."""

    name: str
    text: str
    prompt: str
    done: Callable[[str], bool]


def _adds(text: str) -> bool:
    """Whether the text's function `add` answers the sum, read and not run: it is an agent's."""
    try:
        found = next(one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef) and one.name == "add")
    except (SyntaxError, ValueError, RecursionError, MemoryError, StopIteration):
        return False
    answers = [ast.unparse(one.value) for one in ast.walk(found) if isinstance(one, ast.Return) and one.value]
    return bool(answers) and all(answer in ("a + b", "b + a", "sum((a, b))", "sum([a, b])") for answer in answers)


FIX = Exercise(
    name="add.py",
    text='"""Adding numbers."""\n\n\ndef add(a, b):\n    """The sum of a and b."""\n    return a - b\n',
    prompt="""Fix the bug in the file `add.py` in this folder: `add(2, 3)` answers -1, and should answer 5.
Change nothing else, and run nothing. This is the change that is wanted:

replace: add.py
```old
    return a - b
```
```new
    return a + b
```
""",
    done=_adds,
)
UNTIDY = "import sys, os\nimport abc\nx=1\nprint( os.name, x )\n"
TIDY = Exercise(
    name="untidy.py",
    text=UNTIDY,
    prompt="Tidy the file `untidy.py` in this folder, and keep what it does.\n",
    done=lambda text: bool(text.strip()) and text != UNTIDY,
)


async def work(place: Workplace) -> None:
    """Try whatever is asked for, until cancelled."""
    stops: dict[int, asyncio.Event] = {}
    with place.narrows.bus.subscribe("trial") as signals:
        await asyncio.to_thread(_break_off, place)
        async with asyncio.TaskGroup() as tasks:
            waiting = [trial.id for trial in await asyncio.to_thread(trials.waiting, place.narrows)]
            while True:
                for number in waiting:
                    stops[number] = asyncio.Event()
                    tasks.create_task(_carry_out(place, number, stops))
                batch = await signals.batch()
                if batch is None:
                    return
                for number in _numbers(batch, "stop_asked"):
                    if stop := stops.get(number):
                        stop.set()
                waiting = [number for number in _numbers(batch, "asked") if number not in stops]


def _numbers(batch: Iterable[Signal], verb: str) -> list[int]:
    return [signal.id for signal in batch if (signal.topic, signal.verb) == ("trial", verb)]


def _break_off(place: Workplace) -> None:
    """End what an earlier server left of its trials."""
    for trial in trials.under_way(place.narrows):
        processes.reap(trials.folder(place.narrows, trial.id))
        trials.end(place.narrows, trial.id, TrialState.BROKEN_OFF, trials.BROKEN_OFF)


async def _carry_out(place: Workplace, number: int, stops: dict[int, asyncio.Event]) -> None:
    try:
        with place.carrying_out():
            await _try(place, number, stops[number])
    except Exception as error:
        why = explain(error, f"trial {number}")
        await asyncio.to_thread(trials.end, place.narrows, number, TrialState.FAILS, why)
    finally:
        del stops[number]


async def _try(place: Workplace, number: int, stop: asyncio.Event) -> None:
    narrows = place.narrows
    trial = await asyncio.to_thread(trials.get, narrows, number)
    agent = await asyncio.to_thread(agents.get, narrows, trial.agent)
    spec, found = await asyncio.to_thread(specs.ready, agent, narrows.settings)
    if found.path is None:
        why = f"{found.problem} {found.step}".strip()
        await asyncio.to_thread(trials.end, narrows, number, TrialState.FAILS, why, Trouble.MISSING)
        return
    driven_by = specs.driven_by(spec, found)
    if not await asyncio.to_thread(trials.begin, narrows, number, driven_by, spec.confines_itself):
        return
    exercise = TIDY if spec.kinds == ("maintenance",) else FIX
    folder = await asyncio.to_thread(_lay_out, place, trial, exercise)
    began = time.monotonic()
    outcome = await make(spec).turn(_turn(spec, folder, exercise), processes.launch, _Listener(place, trial).hear, stop)
    await place.unless_stopping()
    state, sentence, trouble = _judge(exercise, folder, outcome, time.monotonic() - began)
    await asyncio.to_thread(trials.end, narrows, number, state, sentence, trouble, outcome.usage)


def _lay_out(place: Workplace, trial: Trial, exercise: Exercise) -> Path:
    """A repository with the exercise; those of the agent's earlier trials go."""
    for earlier in trials.earlier(place.narrows, trial):
        shutil.rmtree(trials.folder(place.narrows, earlier), ignore_errors=True)
    folder = trials.folder(place.narrows, trial.id)
    for each in (_tree(folder), folder / "tmp"):
        each.mkdir(mode=0o700)
    (_tree(folder) / exercise.name).write_text(exercise.text)
    repositories.found(_tree(folder), "An exercise")
    return folder


def _tree(folder: Path) -> Path:
    return folder / "tree"


def _turn(spec: AgentSpec, folder: Path, exercise: Exercise) -> Turn:
    person = configuration.identity(_tree(folder))
    own = {
        "TMPDIR": str(folder / "tmp"),
        "NARROWS_WORKTREE": str(_tree(folder)),
        "NARROWS_SESSIONS": str(folder / "sessions"),
        "GIT_AUTHOR_NAME": person.name,
        "GIT_AUTHOR_EMAIL": person.email,
        "GIT_COMMITTER_NAME": person.name,
        "GIT_COMMITTER_EMAIL": person.email,
    }
    return Turn(
        prompt=exercise.prompt,
        worktree=_tree(folder),
        folder=folder,
        env=environment(home=Path.home(), extra={**own, **spec.env}, passes=spec.passes, defaults=spec.defaults),
        timeout=TIME,
        repository_config=False,
    )


class _Listener:
    """Passes on what the agent says, but never faster than an eye can follow."""

    def __init__(self, place: Workplace, trial: Trial) -> None:
        self._place, self._trial = place, trial
        self._told = 0.0

    def hear(self, update: Update) -> None:
        if update.text and time.monotonic() - self._told >= TELL_EVERY:
            self._told = time.monotonic()
            trials.hear(self._place.narrows, self._trial, update.text)


def _judge(
    exercise: Exercise, folder: Path, outcome: Outcome, seconds: float
) -> tuple[TrialState, str, Trouble | None]:
    """What came of it, by the file and not by what the agent says."""
    match outcome.state:
        case "stopped":
            return TrialState.BROKEN_OFF, trials.STOPPED, None
        case "timed_out":
            return TrialState.FAILS, f"It was not done after {TIME / 60:.0f} minutes.", None
        case "failed":
            return TrialState.FAILS, outcome.error, outcome.trouble
        case "succeeded":
            text = _read(_tree(folder) / exercise.name)
        case _:
            assert_never(outcome.state)
    if text is not None and exercise.done(text):
        return TrialState.WORKS, f"It changed the file as asked in {seconds:.1f} s.", None
    if text != exercise.text:
        return TrialState.FAILS, "It ended normally and changed the file, but not as asked.", None
    suspect = None if outcome.usage else Trouble.SUSPECT
    return TrialState.FAILS, "It ended normally and changed nothing.", outcome.trouble or suspect


def _read(path: Path) -> str | None:
    """A file's text; None when it is gone, or no plain file: a link could lead anywhere."""
    file = open_to_read(path)
    if file is None:
        return None
    with file:
        return file.read(MOST_READ).decode("utf-8", "replace")
