"""What was done since an earlier revision, as scripts ask for it."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from server.domain.project import Project
from tests.web.conftest import Worker


@pytest.fixture
def change(script: TestClient, project: Project, worker: Worker) -> int:
    """A change whose second revision puts a second file beside the first one's."""
    script.post("/api/tasks", json={"project_id": project.id, "title": "Write"})
    number = worker.answer({"one.txt": "1\n"}, "Wrote one.")[0]
    asked = {"revision": 1, "verdict": "request_changes", "message": "And two."}
    assert script.post(f"/api/changes/{number}/reviews", json=asked).status_code == 202
    worker.answer({"two.txt": "2\n"}, "Wrote two.")
    return number


def test_files_and_patch_tell_what_is_new_since_then(script: TestClient, change: int) -> None:
    base = f"/api/changes/{change}/revisions/2"
    assert [file["path"] for file in script.get(f"{base}/files").json()] == ["one.txt", "two.txt"]
    [file] = script.get(f"{base}/files?since=1").json()
    assert (file["path"], file["position"], file["blurred"]) == ("two.txt", 0, False)
    patch = script.get(f"{base}.patch?since=1")
    assert patch.headers["content-disposition"] == f'attachment; filename="change-{change}-2-since-1.patch"'
    assert patch.text.startswith("diff --git a/two.txt b/two.txt\n")
    assert patch.text.count("diff --git") == 1


@pytest.mark.parametrize(("since", "status"), [(2, 404), (9, 404), (0, 422), ("x", 422)])
def test_no_such_earlier_revision(script: TestClient, change: int, since: object, status: int) -> None:
    for end in ("/files", ".patch"):
        assert script.get(f"/api/changes/{change}/revisions/2{end}?since={since}").status_code == status
