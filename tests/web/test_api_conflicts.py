"""Conflicts and rebases for scripts."""

from __future__ import annotations

from starlette.testclient import TestClient

from server.domain.project import Project
from server.services import tasks
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.conftest import Worker

ADDS = {"src/app.py": "def add(a, b):\n    return a + b\n"}


def change_in(narrows: Narrows, project: Project, worker: Worker) -> int:
    tasks.file(narrows, project_id=project.id, title="Add adds")
    (change,) = worker.answer(ADDS)
    return change


def test_a_conflict_is_told_side_by_side(
    narrows: Narrows, project: Project, worker: Worker, script: TestClient, repository: Repository
) -> None:
    change = change_in(narrows, project, worker)
    there = repository.commit("Add by sum", {"src/app.py": "def add(a, b):\n    return sum((a, b))\n"})
    told = script.get(f"/api/changes/{change}/conflict").json()
    assert (told["revision"], told["target"], told["moved"]) == (1, there, 1)
    [file] = told["files"]
    assert (file["path"], file["kind"], file["sentence"]) == (
        "src/app.py",
        "both changed",
        "Both changed the same lines.",
    )
    assert [(side["side"], side["line"], side["lines"], side["text"]) for side in file["places"][0]] == [
        ("base", 2, 1, "    return a - b"),
        ("target", 2, 1, "    return sum((a, b))"),
        ("change", 2, 1, "    return a + b"),
    ]
    assert [(each["commit"], each["landing_id"]) for each in told["movers"]] == [(there, None)]
    refused = script.post(f"/api/changes/{change}/rebase", json={"revision": 1})
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "conflict"
    asked = {"revision": 1, "verdict": "request_changes", "message": "Merge it.", "onto_target": True}
    assert script.post(f"/api/changes/{change}/reviews", json=asked).status_code == 202


def test_one_that_merges_is_brought_up_to_date(
    narrows: Narrows, project: Project, worker: Worker, script: TestClient, repository: Repository
) -> None:
    change = change_in(narrows, project, worker)
    there = repository.commit("elsewhere", {"README.md": "# Other\n"})
    assert script.get(f"/api/changes/{change}/conflict").json()["files"] == []
    made = script.post(f"/api/changes/{change}/rebase", json={"revision": 1})
    assert made.status_code == 201, made.text
    assert (made.json()["number"], made.json()["made_by"], made.json()["base"]) == (2, "engine", there)
    again = script.post(f"/api/changes/{change}/rebase", json={"revision": 2})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "unchanged")
