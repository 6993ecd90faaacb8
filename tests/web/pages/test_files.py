"""The files of a change, as they are loaded."""

from __future__ import annotations

import os
from pathlib import Path

from server.domain.project import Project
from server.domain.states import RunState
from server.git import mirrors, worktrees
from server.services import revisions, runs, tasks
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person


def test_two_files_at_once_and_the_rest_as_they_are_reached(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds("Many", {f"src/f{n}.py": f"x = {n}\n" * (9 - n) for n in range(5)})
    page = person.reads("/")
    assert page.count('class="rows"') == 2
    assert page.count('hx-trigger="intersect once rootMargin:1200px"') == 3
    whole = person.reads(f"/changes/{change}?files=all")
    assert whole.count('class="rows"') == 5
    alone = person.reads(f"/changes/{change}/revisions/1/files/4")
    assert "<html" in alone
    assert "src/f4.py" in alone


def test_generated_files_are_folded_and_last(person: Person, on_desk: Desk) -> None:
    on_desk.holds("Locks", {"uv.lock": "a\n" * 50, "src/new.py": "x = 1\n"})
    page = person.reads("/")
    assert page.index(">src/new.py<") < page.index(">uv.lock<")
    assert "lock file, folded" in page


def test_a_large_file_comes_in_pieces_and_nothing_is_left_out(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds("Large", {"data.txt": "".join(f"row {n}\n" for n in range(7000))})
    path = f"/changes/{change}/revisions/1/files/0"
    first = person.peeks(path)
    assert f'hx-get="{path}?from=3000"' in first
    seen = first + person.peeks(f"{path}?from=3000") + person.peeks(f"{path}?from=6000")
    assert all(f"row {n}<" in seen for n in (0, 2998, 2999, 3000, 6999))
    assert "from=9000" not in seen


def test_what_git_says_of_a_file_is_said_in_words(
    person: Person, narrows: Narrows, tmp_path: Path, worker: Worker, project: Project, repository: Repository
) -> None:
    task = tasks.file(narrows, project_id=project.id, title="All sorts")
    (run,) = worker.admit()
    tree = narrows.tree(project.id, 1)
    mirror = narrows.mirror(project.id)
    worktrees.prepare(mirror, tree, mirrors.fetch(Path(project.path), mirror, "main"))
    (tree / "README.md").rename(tree / "READ ME.md")
    (tree / "src/app.py").chmod(0o755)
    (tree / "link").symlink_to("src/app.py")
    (tree / "picture.png").write_bytes(b"\x89PNG\0\1")
    (tree / "empty").touch()
    (tree / os.fsdecode(b"na\xffme")).write_text("no line end")
    revisions.take(narrows, run.id, summary="", report=None)
    runs.end(narrows, run.id, worker.name, runs.Ending(RunState.SUCCEEDED))
    runs.decide(narrows, run.id)
    page = person.reads("/changes/1?files=all")
    assert task.id == 1
    for words in (
        "README.md</bdi> →",
        "Moved; the content is the same.",
        "file becomes executable",
        "Only the mode changed.",
        "new symbolic link",
        "A binary file: git has no lines to show.",
        "An empty file.",
        "na\\xffme",
        "no line end</span>",
    ):
        assert words in page, words
