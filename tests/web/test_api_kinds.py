"""For scripts: edits that repeat, the shape of a refactoring, and drafts of tasks."""

from __future__ import annotations

from starlette.testclient import TestClient

from server.domain.project import Project
from server.services import task_drafts, tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker


def test_what_stands_above_the_diff(script: TestClient, narrows: Narrows, project: Project, worker: Worker) -> None:
    tasks.file(narrows, project_id=project.id, title="Add them")
    (change,) = worker.answer({f"m{n}.py": "from __future__ import annotations\n" for n in range(3)})
    here = f"/api/changes/{change}/revisions/1"
    found = script.get(f"{here}/patterns").json()
    [pattern] = found["patterns"]
    assert ([line["text"] for line in pattern["came"]], pattern["gone"]) == (["from __future__ import annotations"], [])
    assert [(spot["path"], spot["side"], spot["line"]) for spot in pattern["spots"]] == [
        (f"m{n}.py", "new", 1) for n in range(3)
    ]
    assert (found["beside"], found["complete"]) == ([], True)
    shape = script.get(f"{here}/shape").json()
    assert (shape["changed"], shape["moved"], shape["tests"]) == (3, 0, [])
    assert shape["names"] == {"gone": [], "new": [], "different": []}
    assert script.get("/api/changes/99/revisions/1/shape").status_code == 404


def test_drafts(script: TestClient, narrows: Narrows) -> None:
    [own, drafted] = task_drafts.keep(narrows, [{"title": "Mine"}, {"title": "Refactor it", "cadence": "4"}])
    assert script.get("/api/drafts").json() == [
        {"name": own.name, "title": "Mine", "fields": {"title": "Mine"}, "by_narrows": False},
        {"name": drafted.name, "title": "Refactor it", "fields": {"title": "Refactor it"}, "by_narrows": True},
    ]
    assert script.delete(f"/api/drafts/{drafted.name}").status_code == 204
    assert [draft.name for draft in task_drafts.every(narrows)] == [own.name]
    assert script.delete(f"/api/drafts/{drafted.name}").status_code == 404
