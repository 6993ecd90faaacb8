"""`narrows land` and `narrows undo` wait for what happens, and never for what can't."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server import client
from server.domain.errors import Unavailable
from server.domain.project import Project
from server.services import runs, tasks
from server.services.narrows import Narrows
from tests.support.processes import wait_until
from tests.test_cli import Said
from tests.test_cli import narrows as typed
from tests.web.conftest import Worker, narrows, project, repository, template, worker

__all__ = ["narrows", "project", "repository", "template", "typed", "worker"]


@pytest.fixture
def data(narrows: Narrows) -> Path:
    return narrows.settings.data


@pytest.fixture
def pages(narrows: Narrows, project: Project, worker: Worker, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server without an engine, and one change on its desk."""
    tasks.file(narrows, project_id=project.id, title="Say it")
    worker.answer({"said.txt": "said\n"})
    runs.leave(narrows, worker.name)
    words = [sys.executable, "-m", "server.cli", "--data", str(narrows.settings.data), "--port", "0", "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "HOME": str(tmp_path)}
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen([*words, "--no-worker"], cwd=tmp_path, env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: client.running(narrows.settings), "the server did not start", seconds=60)
            yield process
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.usefixtures("pages")
def test_without_an_engine_a_landing_that_waits_is_a_sentence(
    typed: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    landed = typed("land", "1", "-m", "Say it")
    assert (landed.code, landed.out) == (1, "")
    assert landed.err == ("narrows: Landing 1 waits. No engine is running: start `narrows`, or `narrows worker`.\n")
    assert typed("undo", "1").out == "Taken out of the landing line; nothing had moved.\n"


def test_a_server_that_stops_meanwhile_is_a_sentence(narrows: Narrows, pages: subprocess.Popen[bytes]) -> None:
    with client.client(narrows.settings) as api:
        looks: list[int] = []

        def look() -> None:
            looks.append(1)
            pages.terminate()

        with pytest.raises(Unavailable):
            api.until(look, "landing")
    assert looks == [1]
