"""Before the engine starts, what an earlier server left running is ended."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.domain.states import RunState
from server.engine import processes, recovery
from server.engine.leftovers import MARKER
from server.engine.workplace import Workplace
from server.services import checks, projects, runs
from tests.services.workshop import Workshop


@contextmanager
def leftover(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program whose server and runner are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    program = subprocess.Popen(["sleep", "600"], env={**os.environ, MARKER: processes.mark(folder)})
    try:
        yield program
    finally:
        program.kill()
        program.wait()


def test_programs_of_unfinished_runs_and_checks_are_ended(place: Workplace, workshop: Workshop) -> None:
    narrows = place.narrows
    project = projects.configure(narrows, workshop.project.id, checks=["true"])
    workshop.file("checked")
    [checked] = workshop.admit()
    workshop.write(checked, {"said.txt": "said\n"})
    revision = workshop.take(checked)
    assert revision is not None
    workshop.end(checked)
    [check] = checks.plan(narrows, project, revision)
    _, log = checks.start(narrows, check.id)
    workshop.file("at work")
    [run] = workshop.admit()
    folders = [runs.folder(narrows, run.id), runs.folder(narrows, run.id) / "setup", log.with_suffix("")]
    with leftover(folders[0]) as agent, leftover(folders[1]) as setup, leftover(folders[2]) as checking:
        recovery.before_launch(place)
        for program in (agent, setup, checking):
            assert program.wait(10) < 0


def test_programs_of_landings_are_found_by_the_lock_in_their_folder(place: Workplace) -> None:
    folder = place.narrows.settings.logs / "setup" / "1-landing"
    with leftover(folder) as program:
        (folder / "lock").touch()
        recovery.before_launch(place)
        assert program.wait(10) < 0


def test_programs_of_runs_that_are_over_or_anothers_are_left_alone(place: Workplace, workshop: Workshop) -> None:
    workshop.file("over")
    [over] = workshop.admit()
    workshop.finish(over, {}, state=RunState.FAILED)
    workshop.file("another's")
    [other] = workshop.admit("another")
    with (
        leftover(runs.folder(place.narrows, over.id)) as first,
        leftover(runs.folder(place.narrows, other.id)) as second,
    ):
        recovery.before_launch(place)
        assert (first.poll(), second.poll()) == (None, None)
