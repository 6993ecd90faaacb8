"""Comments as a script meets them: suggestions, and where each one stands by now."""

from __future__ import annotations

from starlette.testclient import TestClient

from server.domain.project import Project
from server.services import tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker

CODE = "def add(a, b):\n    return a + b\n"


def test_a_script_suggests_resolves_reopens_and_follows(
    script: TestClient, narrows: Narrows, project: Project, worker: Worker
) -> None:
    tasks.file(narrows, project_id=project.id, title="Add adds")
    [change] = worker.answer({"src/app.py": CODE})
    place = {"revision": 1, "path": "src/app.py", "line": 2}
    made = script.post(f"/api/changes/{change}/comments", json={**place, "suggestion": "    return sum((a, b))"})
    assert made.status_code == 201
    comment = made.json()
    assert comment["body"] == "```suggestion\n    return sum((a, b))\n```"
    refused = script.post(f"/api/changes/{change}/comments", json={"revision": 1, "suggestion": "x"})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "suggestion")
    assert script.delete(f"/api/comments/{comment['id']}/resolution").status_code == 409

    script.post(f"/api/changes/{change}/reviews", json={"revision": 1, "verdict": "request_changes"})
    worker.answer({"src/app.py": f"# Sums\n{CODE}"})
    [found] = script.get(f"/api/changes/{change}/comments").json()
    assert (found["line"], found["quoted"]) == (2, "    return a + b")
    assert found["now"] == {
        "revision": 2,
        "path": "src/app.py",
        "side": "new",
        "line": 3,
        "end_line": 3,
        "fit": "shifted",
    }
    landing = script.post(f"/api/changes/{change}/landing", json={"revision": 2})
    assert landing.status_code == 409
    blockers = script.get(f"/api/changes/{change}").json()["blockers"]
    assert [blocker["message"] for blocker in blockers] == [f"Comment {comment['id']} was not answered."]
    script.patch(f"/api/comments/{comment['id']}", json={"state": "resolved"})
    assert script.get(f"/api/changes/{change}").json()["blockers"] == []
    reopened = script.delete(f"/api/comments/{comment['id']}/resolution")
    assert reopened.json()["state"] == "sent"
    assert script.delete(f"/api/comments/{comment['id']}/resolution").status_code == 409
