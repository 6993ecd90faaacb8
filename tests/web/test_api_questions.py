"""What agents ask, and the answers, for scripts."""

from __future__ import annotations

from starlette.testclient import TestClient

from server.domain.project import Project
from server.services import questions, tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker


def test_a_script_answers(script: TestClient, narrows: Narrows, project: Project, worker: Worker) -> None:
    assert script.get("/api/questions").json() == []
    tasks.file(narrows, project_id=project.id, title="Mend it")
    [run] = worker.admit()
    questions.ask(narrows, run.id, worker.name, tool="execute", title="Install it", detail="make install")
    [asked] = script.get("/api/questions").json()
    assert (asked["run_id"], asked["tool"], asked["detail"], asked["state"]) == (
        run.id,
        "execute",
        "make install",
        "open",
    )
    assert script.get(f"/api/changes/{run.change_id}").json()["questions"] == [asked]
    assert script.get("/api/desk").json()["waiting"][0]["why_here"] == "its agent waits for your word"
    answer = f"/api/questions/{asked['id']}/answer"
    assert script.post(answer, json={"allowed": "yes"}).status_code == 422
    told = script.post(answer, json={"allowed": True, "whole_run": True})
    assert (told.status_code, told.json()["state"], told.json()["whole_run"]) == (200, "allowed", True)
    again = script.post(answer, json={"allowed": False})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "wrong_state")
    assert script.post("/api/questions/99/answer", json={"allowed": True}).status_code == 404
    assert script.get("/api/questions").json() == []
    assert script.get(f"/api/questions/{asked['id']}").json()["state"] == "allowed"


def test_permissions_are_settings(script: TestClient, project: Project) -> None:
    address = f"/api/projects/{project.id}"
    wishes = {
        "permissions": {"execute": "ask", "read": "allow"},
        "ask_minutes": 0,
        "sandbox": True,
        "rules": "Be kind.",
    }
    told = script.patch(address, json=wishes).json()
    assert (told["permissions"], told["ask_minutes"], told["sandbox"]) == ({"execute": "ask"}, 0, True)
    assert told["rules"] == "Be kind."
    for wrong in ({"permissions": {"dance": "ask"}}, {"permissions": {"edit": "maybe"}}, {"ask_minutes": -1}):
        refused = script.patch(address, json=wrong)
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, next(iter(wrong)))
    assert script.get(address).json() == told
