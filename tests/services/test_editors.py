"""The person's editor: opened by a link or started from here, on the change's own worktree and nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from server.domain.errors import NotFound, WrongState
from server.services import changes, checkouts, editors, reviews
from server.services.editors import NoEditor
from server.services.narrows import Narrows
from server.store import queries
from tests.services.workshop import Workshop


def with_editor(narrows: Narrows, editor: str) -> Narrows:
    return replace(narrows, settings=replace(narrows.settings, editor=editor))


def link(editor: str, path: str = "/data/a b/c.py", line: int = 7) -> str:
    return editors._opening(editor, Path(path), line).link


@pytest.mark.parametrize(
    ("editor", "address"),
    [
        ("vscode", "vscode://file/data/a%20b/c.py:7"),
        ("cursor://", "cursor://file/data/a%20b/c.py:7"),
        ("zed://", "zed://file/data/a%20b/c.py:7"),
        ("idea://", "idea://open?file=/data/a%20b/c.py&line=7"),
    ],
)
def test_a_scheme_gives_a_link(editor: str, address: str) -> None:
    assert link(editor) == address


@pytest.mark.parametrize(
    ("editor", "argv"),
    [
        ("code", ["code", "-g", "/a/b:7"]),
        ("code -g", ["code", "-g", "/a/b:7"]),
        ("/opt/bin/subl -n", ["/opt/bin/subl", "-n", "/a/b:7"]),
        ("gvim", ["gvim", "+7", "/a/b"]),
        ("kate", ["kate", "-l", "7", "/a/b"]),
        ("idea", ["idea", "--line", "7", "/a/b"]),
        ("mine --at {line} {path}", ["mine", "--at", "7", "/a/b"]),
        ("unknown", ["unknown", "/a/b"]),
    ],
)
def test_a_command_is_told_the_line_in_its_own_way(editor: str, argv: list[str]) -> None:
    found = editors._opening(editor, Path("/a/b"), 7)
    assert found.starts
    assert editors._argv(editor.split(), Path("/a/b"), 7) == argv


@pytest.mark.parametrize("editor", ["vim", "nano", "/usr/bin/nvim", "emacs -nw", "emacsclient -t", "hx"])
def test_an_editor_for_the_terminal_is_not_started(editor: str) -> None:
    found = editors._opening(editor, Path("/a/b c"), 7)
    assert not found.starts
    assert found.command == f"{editor} +7 '/a/b c'"


def editor(folder: Path, lines: str) -> str:
    """A program that does these lines of shell, as its path."""
    script = folder / "my editor"
    script.write_text(f"#!/bin/sh\n{lines}\n")
    script.chmod(0o755)
    return f"'{script}'"


def test_the_editor_starts_on_the_file_of_the_worktree(
    narrows: Narrows, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NARROWS_TOKEN", "secret")
    change = workshop.change({"src/a.txt": "a\n"})
    told = tmp_path / "told"
    os.mkfifo(told)
    command = editor(tmp_path, f'echo "$1:$2:$NARROWS_TOKEN" > {told}')
    editors.start(with_editor(narrows, f"{command} {{path}} {{line}}"), change.id, revision=1, path="src/a.txt", line=3)
    assert change.slot is not None
    tree = narrows.tree(change.project_id, change.slot)
    assert told.read_text() == f"{tree}/src/a.txt:3:\n"


def test_a_worktree_that_was_given_back_is_made_ready_first(narrows: Narrows, workshop: Workshop) -> None:
    change = workshop.change({"a.txt": "a\n"})
    with narrows.transaction() as db:
        changes.give_back_tree(db, queries.change(db, change.id))
    assert editors.opening(with_editor(narrows, "vscode"), workshop.get(change), "a.txt") is None
    found = editors.start(with_editor(narrows, "vscode"), change.id, revision=1, path="a.txt")
    assert found.path.read_text() == "a\n"
    assert found.link == f"vscode://file{found.path}:1"
    again = editors.opening(with_editor(narrows, "vscode"), workshop.get(change), "a.txt")
    assert again == found


def test_nothing_is_opened_that_an_agent_linked_to(narrows: Narrows, workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine\n")
    change = workshop.change({"a.txt": "a\n"})
    tree = checkouts.find(narrows, change)
    assert tree is not None
    (tree / "link").symlink_to(tmp_path / "mine.txt")
    (tree / "up").symlink_to("..")
    for path in ("link", "up/1.tenant", "../1.tenant", "missing"):
        with pytest.raises(NotFound):
            editors.start(with_editor(narrows, "vscode"), change.id, revision=1, path=path)


def test_what_can_not_be_started_says_why(narrows: Narrows, workshop: Workshop, tmp_path: Path) -> None:
    change = workshop.change({"a.txt": "a\n"})
    for named, why in {
        "": "No editor is named",
        "vim": "vim needs a terminal",
        "no-such-editor": "no-such-editor was not found",
        editor(tmp_path, "exit 3"): "ended at once, with exit code 3",
    }.items():
        with pytest.raises(NoEditor, match=why):
            editors.start(with_editor(narrows, named), change.id, revision=1, path="a.txt")


def test_no_editor_where_an_agent_is_at_work(narrows: Narrows, workshop: Workshop) -> None:
    change = workshop.change({"a.txt": "a\n"})
    reviews.request_changes(narrows, change.id, revision=1, message="More.")
    with pytest.raises(WrongState, match="is working"):
        editors.start(with_editor(narrows, "vscode"), change.id, revision=1)
