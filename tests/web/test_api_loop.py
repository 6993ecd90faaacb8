"""The loop over the API: a repository, a task, a change that is sent back, landed and looked at from all sides."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.domain.project import Project
from server.domain.states import RunState
from server.domain.transcript import Entry, EntryKind
from server.services import forecasts, runs
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.conftest import Worker

FIXED = {"src/app.py": "def add(a, b):\n    return a + b\n"}


def file_task(script: TestClient, project: Project, **fields: Any) -> dict[str, Any]:
    asked = {"project_id": project.id, "title": "Mend add", **fields}
    answer = script.post("/api/tasks", json=asked)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.fixture
def change(script: TestClient, project: Project, worker: Worker) -> int:
    """A change in review, with one revision and a green check."""
    file_task(script, project)
    return worker.answer(FIXED, "Adds now, instead of taking away.")[0]


def test_a_change_is_read_commented_sent_back_and_its_second_revision_landed(
    script: TestClient, worker: Worker, change: int, project: Project
) -> None:
    desk = script.get("/api/desk").json()
    assert (desk["next"]["id"], desk["waiting_count"]) == (change, 1)
    assert desk["waiting"][0]["title"] == "Mend add"
    assert desk["budget"]["waiting_minutes"] >= 1

    seen = script.get(f"/api/changes/{change}").json()
    assert (seen["state"], seen["turn"]) == ("in_review", "yours")
    assert seen["revisions"][0]["summary"] == "Adds now, instead of taking away."
    assert [(check["command"], check["state"]) for check in seen["checks"]] == [("true", "passed")]
    assert seen["outlook"]["sentence"] == "Not known yet whether it lands cleanly on main"
    assert (seen["blockers"], seen["warnings"]) == ([], [])

    comment = script.post(
        f"/api/changes/{change}/comments",
        json={"revision": 1, "path": "src/app.py", "line": 2, "body": "Why not sum()?"},
    )
    assert comment.status_code == 201
    assert (comment.json()["quoted"], comment.json()["state"]) == ("    return a + b", "draft")

    sent = script.post(
        f"/api/changes/{change}/reviews", json={"revision": 1, "verdict": "request_changes", "message": "Nearly."}
    )
    assert (sent.status_code, sent.json()["state"]) == (202, "working")
    again = script.get(f"/api/changes/{change}").json()["runs"][-1]
    prompt = script.get(f"/api/runs/{again['id']}").json()["prompt"]
    assert "Nearly." in prompt
    assert "> " + "    return a + b" in prompt
    assert "Why not sum()?" in prompt

    worker.answer({"src/app.py": "def add(a, b):\n    return sum((a, b))\n"}, "With sum.")
    resolved = script.patch(f"/api/comments/{comment.json()['id']}", json={"state": "resolved"})
    assert resolved.json()["state"] == "resolved"
    stale = script.post(f"/api/changes/{change}/landing", json={"revision": 1})
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "wrong_state")
    landing = script.post(f"/api/changes/{change}/landing", json={"revision": 2, "message": "add: mend"})
    assert landing.status_code == 202, landing.text
    assert (landing.json()["state"], landing.json()["message"]) == ("queued", "add: mend\n")

    back = script.delete(f"/api/landings/{landing.json()['id']}")
    assert (back.status_code, back.json()["state"]) == (202, "cancelled")
    assert script.get(f"/api/landings/{landing.json()['id']}").json()["checks"] == []
    assert [one["state"] for one in script.get("/api/landings").json()] == ["cancelled"]
    assert script.get(f"/api/changes/{change}").json()["state"] == "in_review"


def test_the_patch_rebuilds_the_head_to_the_byte(
    script: TestClient, worker: Worker, project: Project, repository: Repository
) -> None:
    file_task(script, project)
    odd: dict[str, str | bytes] = {
        "src/app.py": b"caf\xe9\r\n\x00\xff",
        "new/na\udcefve \t.txt": "no end",
        "uv.lock": "a = 1\n",
    }
    [change] = worker.answer(odd)
    files = script.get(f"/api/changes/{change}/revisions/1/files").json()
    assert {file["path"]: file["folded"] for file in files} == {
        "new/na\\xefve \\t.txt": "",
        "src/app.py": "",
        "uv.lock": "lock file",
    }
    [binary] = [file for file in files if file["binary"]]
    assert (binary["path"], binary["status"], binary["additions"]) == ("src/app.py", "M", None)

    patch = script.get(f"/api/changes/{change}/revisions/1.patch")
    assert patch.headers["content-type"] == "text/x-diff"
    repository.git("apply", "--index", input=patch.content)
    tree = script.get(f"/api/changes/{change}/revisions/1").json()["tree"]
    assert repository.git("write-tree") == tree

    named = files[0]["path"]
    comment = script.post(f"/api/changes/{change}/comments", json={"revision": 1, "path": named, "body": "Odd name."})
    assert (comment.status_code, comment.json()["path"]) == (201, named)


def test_a_change_with_objections_lands_only_once_they_are_acknowledged(script: TestClient, change: int) -> None:
    script.post(f"/api/changes/{change}/comments", json={"revision": 1, "body": "Hm."})
    refused = script.post(f"/api/changes/{change}/landing", json={"revision": 1})
    assert refused.status_code == 409
    error = refused.json()["error"]
    assert (error["code"], error["blockers"]) == ("blocked", [])
    [warning] = error["warnings"]
    assert warning["code"] == "drafts"
    landed = script.post(f"/api/changes/{change}/landing", json={"revision": 1, "acknowledge": [warning["hash"]]})
    assert landed.status_code == 202


def test_a_conflict_is_forecast_and_blocks(
    script: TestClient, narrows: Narrows, project: Project, change: int, repository: Repository
) -> None:
    repository.commit("meanwhile", {"src/app.py": "def add(a, b):\n    return b - a\n"})
    while forecasts.advance(narrows, project.id):
        pass
    outlook = script.get(f"/api/changes/{change}").json()["outlook"]
    assert (outlook["prospect"], outlook["sentence"]) == ("conflicts", "Conflicts with main in src/app.py")
    refused = script.post(f"/api/changes/{change}/landing", json={"revision": 1})
    assert refused.status_code == 409
    assert [blocker["code"] for blocker in refused.json()["error"]["blockers"]] == ["conflict"]


def test_a_repository_that_moved_away_leaves_the_change_readable(
    script: TestClient, change: int, repository: Repository
) -> None:
    repository.path.rename(repository.path.with_name("elsewhere"))
    seen = script.get(f"/api/changes/{change}")
    assert seen.status_code == 200
    assert seen.json()["outlook"]["prospect"] == "unknown"


def test_a_change_is_abandoned_and_restored(script: TestClient, change: int) -> None:
    assert script.post(f"/api/changes/{change}/abandonment").json()["state"] == "abandoned"
    twice = script.post(f"/api/changes/{change}/abandonment")
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "wrong_state")
    assert "is abandoned" in twice.json()["error"]["message"]
    assert script.delete(f"/api/changes/{change}/abandonment").json()["state"] == "in_review"
    assert [one["id"] for one in script.get("/api/changes?state=in_review").json()] == [change]
    assert script.get("/api/changes?state=landed").json() == []


def test_a_change_is_put_off(script: TestClient, change: int) -> None:
    put_off = script.post(f"/api/changes/{change}/reviews", json={"revision": 1, "verdict": "later"})
    assert put_off.json()["later_at"]
    assert script.get("/api/desk").json()["waiting"][0]["why_here"] == "you put it off"


def test_a_report_is_accepted_and_not_landed(script: TestClient, project: Project, worker: Worker) -> None:
    task = file_task(script, project, kind="research", title="Which tides?")
    [change] = worker.answer({}, "# All of them")
    assert script.get(f"/api/changes/{change}").json()["revisions"][0]["report"] == "# All of them"
    refused = script.post(f"/api/changes/{change}/landing", json={"revision": 1})
    assert refused.json()["error"]["blockers"][0]["code"] == "report"
    accepted = script.post(f"/api/changes/{change}/reviews", json={"revision": 1, "verdict": "accept"})
    assert accepted.json()["state"] == "accepted"
    assert script.get(f"/api/tasks/{task['id']}").json()["shown"] == "done"


def test_a_run_that_left_nothing_is_tried_again(script: TestClient, project: Project, worker: Worker) -> None:
    task = file_task(script, project)
    [change] = worker.answer({})
    assert script.get(f"/api/changes/{change}").json()["state"] == "needs_attention"
    nothing = script.post(f"/api/changes/{change}/presentation")
    assert nothing.status_code == 409
    retried = script.post(f"/api/changes/{change}/retries")
    assert (retried.status_code, retried.json()["reason"]) == (202, "retry")
    assert [run["state"] for run in script.get(f"/api/tasks/{task['id']}").json()["runs"]] == ["succeeded", "queued"]


def test_what_a_failed_run_left_can_be_reviewed_all_the_same(
    script: TestClient, project: Project, narrows: Narrows, worker: Worker, change: int
) -> None:
    script.post(
        f"/api/changes/{change}/reviews", json={"revision": 1, "verdict": "request_changes", "message": "More."}
    )
    [run] = worker.admit()
    runs.end(narrows, run.id, worker.name, runs.Ending(RunState.FAILED, error="It crashed."))
    runs.decide(narrows, run.id)
    assert script.get(f"/api/changes/{change}").json()["state"] == "needs_attention"
    assert script.post(f"/api/changes/{change}/presentation").json()["state"] == "in_review"


def test_a_run_is_listened_to_and_stopped(
    script: TestClient, project: Project, narrows: Narrows, worker: Worker
) -> None:
    file_task(script, project)
    [run] = worker.admit()
    log = runs.folder(narrows, run.id) / "transcript.jsonl"
    log.write_text(Entry(EntryKind.MESSAGE, 5.0, text="Reading… ✓").line() + "\n")
    first = script.get(f"/api/runs/{run.id}/transcript").json()
    assert (first["text"], first["next_offset"], first["over"]) == ("Reading… ✓", log.stat().st_size, False)
    assert [(entry["kind"], entry["at"], entry["text"]) for entry in first["entries"]] == [("message", 5, "Reading… ✓")]
    with log.open("a") as file:
        file.write(Entry(EntryKind.TOOL, 6.0, id="a", title="Write", tool="edit", state="running").line() + "\n")
        file.write(Entry(EntryKind.TOOL, 7.0, id="a", state="completed", text="ok").line() + "\n")
    rest = script.get(f"/api/runs/{run.id}/transcript?offset={first['next_offset']}").json()
    assert rest["text"].startswith("\n• Write (edit, running)\n")
    assert [(one["id"], one["title"], one["state"], one["text"]) for one in rest["entries"]] == [
        ("a", "Write", "completed", "ok")
    ]
    assert [one["id"] for one in script.get("/api/runs").json()] == [run.id]
    stopped = script.delete(f"/api/runs/{run.id}")
    assert (stopped.status_code, stopped.json()["stop_asked"]) == (202, True)


def test_the_raw_stream_is_sent_as_it_was(
    script: TestClient, project: Project, narrows: Narrows, worker: Worker
) -> None:
    file_task(script, project)
    [run] = worker.admit()
    assert script.get(f"/api/runs/{run.id}/stream").status_code == 404
    (runs.folder(narrows, run.id) / "stream.jsonl").write_bytes(b'> {"\x1b":1}\n' * 20_000)
    stream = script.get(f"/api/runs/{run.id}/stream")
    assert (stream.headers["content-type"], len(stream.content)) == ("text/plain; charset=utf-8", 200_000)


def test_a_check_shows_its_whole_log(script: TestClient, change: int) -> None:
    [check] = script.get(f"/api/changes/{change}").json()["checks"]
    log = script.get(f"/api/checks/{check['id']}/log")
    assert (log.headers["content-type"], log.text) == ("text/plain; charset=utf-8", "all is well\n")


def test_landing_moves_nothing_of_the_user_by_itself(script: TestClient, change: int, repository: Repository) -> None:
    before = repository.head
    assert script.post(f"/api/changes/{change}/landing", json={"revision": 1}).status_code == 202
    assert repository.head == before
    assert repository.status() == []
    subprocess.run(["git", "fsck", "--strict"], cwd=repository.path, check=True, capture_output=True)
