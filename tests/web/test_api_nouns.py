"""The API's nouns one by one: what they take, what they refuse and in which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.domain.project import Project
from tests.support.repositories import Repository
from tests.web.conftest import Worker


def error_of(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json()["error"])


class TestProjects:
    def test_a_repository_is_registered_once(self, script: TestClient, repository: Repository) -> None:
        first = script.post("/api/projects", json={"path": str(repository.path / "src"), "checks": ["make test"]})
        assert first.status_code == 201
        assert first.json()["path"] == str(repository.path)
        assert (first.json()["target_branch"], first.json()["checks"]) == ("main", ["make test"])
        again = script.post("/api/projects", json={"url": f"file://{repository.path}"})
        assert (again.status_code, again.json()) == (200, first.json())
        assert script.get("/api/projects").json() == [first.json()]

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({}, "path"),
            ({"path": "/a", "url": "file:///a"}, "path"),
            ({"url": "https://example.org/a.git"}, "url"),
            ({"path": 7}, "path"),
            ({"path": "/a\0b"}, "path"),
            ({"path": "/a", "chekcs": []}, "chekcs"),
            ({"path": "/a", "agents_limit": "3"}, "agents_limit"),
            ({"path": ""}, "path"),
        ],
    )
    def test_what_can_not_be_registered_names_the_field(
        self, script: TestClient, asked: dict[str, Any], field: str
    ) -> None:
        error = error_of(script.post("/api/projects", json=asked), 422)
        assert error["field"] == field
        assert error["message"]

    def test_a_folder_without_a_repository_is_refused_with_the_next_step(
        self, script: TestClient, tmp_path: Path
    ) -> None:
        (tmp_path / "plain").mkdir()
        refused = script.post("/api/projects", json={"path": str(tmp_path / "plain")})
        assert 400 <= refused.status_code < 500
        assert "git" in refused.json()["error"]["message"]
        assert refused.json()["error"]["hint"]

    def test_settings_are_changed_one_at_a_time(self, script: TestClient, project: Project) -> None:
        changed = script.patch(f"/api/projects/{project.id}", json={"checks": ["make", " "], "landing_method": "merge"})
        assert (changed.json()["checks"], changed.json()["landing_method"]) == (["make"], "merge")
        assert script.get(f"/api/projects/{project.id}").json() == changed.json()
        error = error_of(script.patch(f"/api/projects/{project.id}", json={"landing_method": "wish"}), 422)
        assert error["field"] == "landing_method"
        error = error_of(script.patch(f"/api/projects/{project.id}", json={"target_branch": "gone"}), 422)
        assert "no branch 'gone'" in error["message"]


class TestAgents:
    def test_an_agent_is_added_beside_the_built_in_ones_and_its_environment_stays_private(
        self, script: TestClient
    ) -> None:
        asked = {"name": "mine", "family": "command", "argv": ["my-agent", "-q"], "env": {"KEY": "sesame"}}
        added = script.post("/api/agents", json=asked)
        assert added.status_code == 201
        listed = script.get("/api/agents")
        assert [agent["name"] for agent in listed.json()] == ["demo", "mine"]
        assert "sesame" not in added.text + listed.text

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [({"name": "Mine!"}, "name"), ({"name": "demo"}, "name"), ({"family": "x"}, "family"), ({"argv": []}, "argv")],
    )
    def test_a_wrong_one_is_refused(self, script: TestClient, wrong: dict[str, Any], field: str) -> None:
        asked = {"name": "mine", "family": "command", "argv": ["x"], **wrong}
        assert error_of(script.post("/api/agents", json=asked), 422)["field"] == field


class TestTasks:
    def test_a_task_says_why_it_is_not_running(self, script: TestClient, project: Project, worker: Worker) -> None:
        first = script.post("/api/tasks", json={"project_id": project.id, "title": "One\n thing"}).json()
        assert (first["title"], first["agent"], first["shown"]) == ("One thing", "demo", "backlog")
        assert "No engine is running" in first["why"]
        asked = {"project_id": project.id, "title": "Two", "after": [first["id"]], "priority": 5, "kind": "refactoring"}
        second = script.post("/api/tasks", json=asked).json()
        assert (second["shown"], second["after"], second["kind"]) == ("blocked", [first["id"]], "refactoring")
        assert second["why"] == f"It starts after #{first['id']}."
        worker.admit()
        running = script.get(f"/api/tasks/{first['id']}").json()
        assert (running["shown"], [run["state"] for run in running["runs"]]) == ("agent's", ["running"])

    def test_tasks_are_listed_by_state_and_project(self, script: TestClient, project: Project) -> None:
        ids = [
            script.post("/api/tasks", json={"project_id": project.id, "title": title}).json()["id"] for title in "abc"
        ]
        dropped = script.delete(f"/api/tasks/{ids[0]}")
        assert dropped.json()["state"] == "dropped"
        assert [task["id"] for task in script.get("/api/tasks?state=open").json()] == [ids[2], ids[1]]
        assert [task["id"] for task in script.get("/api/tasks?limit=1").json()] == [ids[2]]
        assert script.get("/api/tasks?project_id=999").json() == []
        assert error_of(script.get("/api/tasks?state=odd"), 422)["field"] == "state"
        assert script.post(f"/api/tasks/{ids[0]}/reopening").json()["state"] == "open"

    def test_a_task_is_said_better_until_an_agent_has_it(
        self, script: TestClient, project: Project, worker: Worker
    ) -> None:
        said = {"title": "a", "brief": "long", "examples": "e", "done_when": "d"}
        task = script.post("/api/tasks", json={"project_id": project.id, **said}).json()
        better = script.patch(f"/api/tasks/{task['id']}", json={"title": "b", "priority": 2}).json()
        assert (better["title"], better["brief"], better["priority"]) == ("b", "long", 2)
        assert (better["examples"], better["done_when"]) == ("e", "d")
        worker.admit()
        error = error_of(script.patch(f"/api/tasks/{task['id']}", json={"title": "c"}), 409)
        assert error["code"] == "wrong_state"

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"title": " "}, "title"),
            ({"title": "x" * 201}, "title"),
            ({"title": "\ud800"}, "title"),
            ({"kind": "odd"}, "kind"),
            ({"priority": 2**40}, "priority"),
            ({"priority": True}, "priority"),
            ({"after": [99]}, "after"),
            ({"after": [-1]}, "after.0"),
            ({"project_id": None}, "project_id"),
            ({"titel": "x"}, "titel"),
        ],
    )
    def test_a_wrong_field_is_named(
        self, script: TestClient, project: Project, wrong: dict[str, Any], field: str
    ) -> None:
        asked = {"project_id": project.id, "title": "x", **wrong}
        sent = script.post("/api/tasks", content=json.dumps(asked), headers={"Content-Type": "application/json"})
        assert error_of(sent, 422)["field"] == field

    def test_an_unknown_project_or_agent_is_unknown(self, script: TestClient, project: Project) -> None:
        asked = {"project_id": project.id, "title": "x"}
        assert error_of(script.post("/api/tasks", json={**asked, "agent": "nobody"}), 404)["code"] == "unknown"
        assert error_of(script.post("/api/tasks", json={**asked, "project_id": 99}), 404)["code"] == "unknown"


class TestMistakes:
    @pytest.mark.parametrize("body", [b"{", b"\xff", b"nothing"])
    def test_what_is_no_json_is_unusable(self, script: TestClient, body: bytes) -> None:
        sent = script.post("/api/tasks", content=body, headers={"Content-Type": "application/json"})
        error = error_of(sent, 400)
        assert error["code"] == "unusable"
        assert "body" in error["message"]

    @pytest.mark.parametrize("body", [b"[]", b'"x"', b"null", b""])
    def test_json_of_another_shape_is_refused(self, script: TestClient, body: bytes) -> None:
        sent = script.post("/api/tasks", content=body, headers={"Content-Type": "application/json"})
        assert error_of(sent, 422)["code"] == "invalid"

    @pytest.mark.parametrize(
        "path",
        (
            f"tasks/99 tasks/x tasks/{2**80} tasks/0 changes/99 changes/99/comments changes/1/revisions/1.patch "
            "runs/99/transcript landings/7 checks/7/log projects/9 nowhere"
        ).split(),
    )
    def test_what_is_not_there_is_unknown(self, script: TestClient, path: str) -> None:
        error = error_of(script.get(f"/api/{path}"), 404)
        assert error["code"] == "unknown"
        assert error["message"].endswith(".")

    def test_every_wrong_field_is_told_in_plain_words(self, script: TestClient, project: Project) -> None:
        wrong = {"permissions": "ask", "sandbox": "perhaps", "sandbox_network": {}}
        error = error_of(script.patch(f"/api/projects/{project.id}", json=wrong), 422)
        assert error["message"] == "permissions: It must be a JSON object."
        assert error["hint"] == "sandbox: It must be true or false. sandbox_network: It must be true or false."

    def test_a_wrong_method_says_so(self, script: TestClient) -> None:
        assert error_of(script.put("/api/desk", json={}), 405)["code"] == "wrong_method"

    def test_a_comment_is_edited_and_deleted_while_it_is_a_draft(
        self, script: TestClient, project: Project, worker: Worker
    ) -> None:
        script.post("/api/tasks", json={"project_id": project.id, "title": "x"})
        [change] = worker.answer({"a.txt": "one\ntwo\n"})
        place = {"revision": 1, "path": "a.txt", "line": 1, "end_line": 2}
        comment = script.post(f"/api/changes/{change}/comments", json={**place, "body": "a"}).json()
        assert comment["quoted"] == "one\ntwo"
        edited = script.patch(f"/api/comments/{comment['id']}", json={"body": "b"})
        assert edited.json()["body"] == "b"
        assert error_of(script.patch(f"/api/comments/{comment['id']}", json={"state": "resolved"}), 409)
        assert error_of(script.patch(f"/api/comments/{comment['id']}", json={}), 422)["field"] == "body"
        assert script.delete(f"/api/comments/{comment['id']}").status_code == 200
        assert script.get(f"/api/changes/{change}/comments").json() == []
        beyond = script.post(f"/api/changes/{change}/comments", json={**place, "end_line": 9, "body": "a"})
        assert error_of(beyond, 422)["field"] == "line"

    def test_the_api_describes_itself(self, script: TestClient) -> None:
        described = script.get("/openapi.json").json()
        calls = [call for path in described["paths"].values() for call in path.values()]
        assert len(calls) > 30
        assert all(call["summary"] for call in calls)
