"""The budget over the API: all of its numbers, and the way past it."""

from __future__ import annotations

from starlette.testclient import TestClient

from server.domain.project import Project
from tests.web.conftest import Worker


def test_the_budget_tells_its_numbers_and_a_task_can_be_let_past_it(
    script: TestClient, project: Project, worker: Worker
) -> None:
    script.post("/api/tasks", json={"project_id": project.id, "title": "Mend add"})
    worker.answer({"src/app.py": "def add(a, b):\n    return a + b\n"}, "Adds now.")
    assert script.put("/api/preferences", json={"budget": 1}).json()["budget"] == 1
    told = script.get("/api/budget").json()
    assert (told["minutes"], told["waiting_changes"], told["working_changes"], told["paused"]) == (1, 1, 0, True)
    assert told["over"] == round(told["waiting_minutes"] - 1, 1)
    assert told["sentence"].startswith("1 waiting (about ")
    assert (told["paces"], told["measured"], told["error"]) == ([], 0, None)

    task = script.post("/api/tasks", json={"project_id": project.id, "title": "One more"}).json()
    assert (task["shown"], task["past_budget"]) == ("paused by budget", False)
    let = script.post(f"/api/tasks/{task['id']}/passage").json()
    assert (let["shown"], let["past_budget"]) == ("backlog", True)
    assert script.delete(f"/api/tasks/{task['id']}/passage").json()["shown"] == "paused by budget"
