"""What an agent that asks may do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.agents.policy import Question, decide


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    root = tmp_path / "worktree"
    (root / "src").mkdir(parents=True)
    (root / "out").symlink_to(tmp_path)
    return root


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("edit", {"file_path": "src/a.py"}),
        ("edit", {"filePath": "./src/../b.py"}),
        ("read", {"path": ".git/config"}),
        ("execute", {"command": "python3 -m pytest -x src/a.py > log.txt 2>/dev/null"}),
        ("execute", {"command": ["bash", "-lc", "/usr/bin/env python3 t.py"]}),
        ("execute", {"command": "git log --format=%h a..b", "cwd": "src"}),
        ("fetch", {"url": "https://host/etc/passwd"}),
        ("execute", {"command": "curl https://host/etc/passwd"}),
        ("think", None),
        ("other", {"anything": [1, None, {"deep": "/etc"}]}),
    ],
)
def test_what_stays_inside_is_allowed(worktree: Path, kind: str, raw: Any) -> None:
    assert decide(Question.about(kind, "", [], raw), worktree).allowed


@pytest.mark.parametrize(
    ("kind", "raw", "named"),
    [
        ("edit", {"file_path": "/etc/passwd"}, "/etc/passwd"),
        ("edit", {"changes": [{"absolute-path": "../other/a.py"}]}, "../other/a.py"),
        ("edit", {"path": "out/a.py"}, "out/a.py"),
        ("edit", {"path": "~/.ssh/config"}, "~/.ssh/config"),
        ("edit", {"path": "file:///etc/passwd"}, "file:///etc/passwd"),
        ("edit", {"path": "a\0b"}, "a\0b"),
        ("edit", {"path": ".git"}, ".git"),
        ("delete", {"paths": ["src/a.py", ".git/hooks/x"]}, ".git/hooks/x"),
        ("execute", {"command": "cat /etc/passwd"}, "/etc/passwd"),
        ("execute", {"command": "cat ../other/x"}, "../other/x"),
        ("execute", {"command": "cat<~/.netrc"}, "~/.netrc"),
        ("execute", {"command": "cp x --target-directory=/home/me"}, "/home/me"),
        ("execute", {"command": 'rm -rf "$HOME"'}, "$HOME"),
        ("execute", {"command": ["rm", "-rf", "/"]}, "/"),
        ("execute", {"command": "ls", "cwd": "/"}, "/"),
        ("execute", {"command": "cat /usr/../etc/shadow"}, "/usr/../etc/shadow"),
    ],
)
def test_what_names_another_place_is_rejected(worktree: Path, kind: str, raw: Any, named: str) -> None:
    decision = decide(Question.about(kind, "", [], raw), worktree)
    assert not decision.allowed
    assert named in decision.why


def test_declared_places_count_too(worktree: Path) -> None:
    assert decide(Question.about("edit", "", [str(worktree / "a.py")], None), worktree).allowed
    assert not decide(Question.about("edit", "", ["/etc/hosts"], None), worktree).allowed


def test_a_neighbour_whose_name_begins_the_same_is_outside(worktree: Path) -> None:
    assert not decide(Question.about("edit", "", [f"{worktree}-2/a.py"], None), worktree).allowed


def test_a_command_without_input_is_its_title(worktree: Path) -> None:
    assert not decide(Question.about("execute", "cat /etc/passwd", [], None), worktree).allowed


def test_a_file_may_be_named_as_an_exception(worktree: Path, tmp_path: Path) -> None:
    report = tmp_path / "run" / "report.md"
    question = Question.about("edit", "", [str(report)], {"command": f"cat {report}"})
    assert decide(question, worktree, also=[report]).allowed
    assert not decide(Question.about("edit", "", [str(report.parent / "lock")], None), worktree, [report]).allowed
