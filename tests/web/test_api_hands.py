"""Parts and edits by hand, as scripts ask for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.domain.project import Project
from server.services import checkouts, tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker


@pytest.fixture
def change(narrows: Narrows, project: Project, worker: Worker) -> int:
    tasks.file(narrows, project_id=project.id, title="Say it")
    (made,) = worker.answer({"a.txt": "a\n", "b.txt": "b\n"})
    checkouts.tenant_file(narrows.tree(1, 1)).write_text(str(made))
    return made


def test_a_part_is_split_off(script: TestClient, change: int) -> None:
    asked = {"revision": 1, "chosen": {"a.txt": "all"}, "rest": "keep"}
    answer = script.post(f"/api/changes/{change}/parts", json=asked)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["part"]["part_of"], told["part"]["state"]) == (change, "in_review")
    assert (told["rest"]["id"], told["rest"]["state"], told["landing"]) == (change, "in_review", None)
    both = script.get(f"/api/changes/{change}/revisions").json()
    assert [(each["made_by"], each["run_id"]) for each in both] == [("agent", 1), ("you", None)]
    again = script.post(f"/api/changes/{change}/parts", json=asked)
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "wrong_state"


def test_a_part_lands_at_once(script: TestClient, change: int) -> None:
    asked = {"revision": 1, "chosen": {"a.txt": [0]}, "land": True, "message": "The rest again."}
    refused = script.post(f"/api/changes/{change}/parts", json=asked)
    assert refused.status_code == 422, "a new file is one piece"
    told = script.post(f"/api/changes/{change}/parts", json=asked | {"chosen": {"a.txt": "all"}}).json()
    assert told["landing"]["state"] == "queued"
    assert told["rest"]["state"] == "working"


def test_edits_by_hand(script: TestClient, narrows: Narrows, change: int) -> None:
    asked = {"revision": 1, "path": "a.txt", "text": "by hand\n"}
    made = script.post(f"/api/changes/{change}/edits", json=asked).json()
    assert (made["number"], made["made_by"], made["summary"]) == (2, "you", "Edited by hand: a.txt.")
    tree = Path(script.get(f"/api/changes/{change}/worktree").json()["path"])
    assert (tree / "a.txt").read_text() == "by hand\n"
    nothing = script.post(f"/api/changes/{change}/revisions", json={"revision": 2})
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "unchanged")
    (tree / "b.txt").write_text("in my editor\n")
    taken = script.post(f"/api/changes/{change}/revisions", json={"revision": 2})
    assert (taken.status_code, taken.json()["number"]) == (201, 3)
