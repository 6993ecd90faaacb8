"""The forecast for scripts."""

from __future__ import annotations

from starlette.testclient import TestClient

from server.domain.project import Project
from server.services import forecasts, tasks
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.conftest import Worker


def waiting(narrows: Narrows, project: Project, worker: Worker, **files: str) -> int:
    tasks.file(narrows, project_id=project.id, title="Say it")
    (change,) = worker.answer(files, "Said.")
    return change


def test_the_forecast_by_project_and_on_the_desk(
    script: TestClient, narrows: Narrows, project: Project, worker: Worker, repository: Repository
) -> None:
    one = waiting(narrows, project, worker, **{"src/app.py": "1\n"})
    two = waiting(narrows, project, worker, **{"src/app.py": "2\n"})
    three = waiting(narrows, project, worker, **{"README.md": "# Project\n\nMore.\n"})
    [unknown, *_] = script.get("/api/forecast").json()
    assert (unknown["change_id"], unknown["prospect"], unknown["conflicts"]) == (one, "unknown", [])
    while forecasts.advance(narrows, project.id):
        pass
    told = script.get("/api/forecast", params={"project": project.id}).json()
    assert [(each["change_id"], each["prospect"]) for each in told] == [
        (one, "crossing"),
        (two, "crossing"),
        (three, "clean"),
    ]
    assert told[0]["breaks"] == [{"change_id": two, "title": "Say it", "conflicts": ["src/app.py"], "touching": []}]
    assert told[1]["sentence"] == f"Lands cleanly on main now; conflicts with #{one}"
    waits = script.get("/api/desk").json()["waiting"]
    assert {each["change"]["id"]: each["outlook"]["prospect"] for each in waits} == {
        one: "crossing",
        two: "crossing",
        three: "clean",
    }


def test_what_both_change_is_named(
    script: TestClient, narrows: Narrows, project: Project, worker: Worker, repository: Repository
) -> None:
    body = "def parse(text):\n" + "".join(f"    line({n})\n" for n in range(30))
    repository.commit("code", {"src/app.py": body})
    one = waiting(narrows, project, worker, **{"src/app.py": body.replace("line(8)", "line(80)")})
    two = waiting(narrows, project, worker, **{"src/app.py": body.replace("line(20)", "line(200)")})
    while forecasts.advance(narrows, project.id):
        pass
    [first, _] = script.get("/api/forecast").json()
    assert first["change_id"] == one
    [close] = first["touching"]
    assert (close["change_id"], close["touching"]) == (two, [{"path": "src/app.py", "function": "parse"}])


def test_a_project_that_is_not_there(script: TestClient) -> None:
    assert script.get("/api/forecast", params={"project": 99}).status_code == 404
