"""What Narrows notices by the names of files, in every revision that is taken."""

from __future__ import annotations

import pytest

from server.domain.diff import FileDiff, FileStatus
from server.domain.errors import NotFound
from server.domain.flag import FlagKind
from server.domain.review import Side
from server.services import flags, revisions
from tests.services.workshop import Workshop


def file(path: str, status: FileStatus = FileStatus.MODIFIED, old_path: str | None = None) -> FileDiff:
    return FileDiff(path, old_path, status, "100644", "100644", "a" * 40, "b" * 40, 1, 1, None, b"")


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("setup.py", [FlagKind.DEPENDENCY]),
        ("pyproject.toml", []),  # it is read, in the background
        ("tools/requirements-dev.txt", []),
        ("web/package.json", []),
        ("web/package-lock.json", [FlagKind.DEPENDENCY]),
        ("pnpm-lock.yaml", [FlagKind.DEPENDENCY]),
        ("Cargo.lock", [FlagKind.DEPENDENCY]),
        ("go.sum", [FlagKind.DEPENDENCY]),
        ("src/App.csproj", [FlagKind.DEPENDENCY]),
        (".gitmodules", [FlagKind.DEPENDENCY]),
        (".github/workflows/ci.yml", [FlagKind.CI]),
        ("sub/.github/actions/build/action.yml", [FlagKind.CI]),
        (".gitlab-ci.yml", [FlagKind.CI]),
        ("Jenkinsfile", [FlagKind.CI]),
        (".ci/run", [FlagKind.CI]),
        (".pre-commit-config.yaml", [FlagKind.CI]),
        (".claude/settings.json", [FlagKind.AGENTS]),
        ("docs/AGENTS.md", [FlagKind.AGENTS]),
        (".mcp.json", [FlagKind.AGENTS]),
        ("src/package.py", []),
        ("docs/requirements.md", []),
        ("ci.py", []),
        ("locks.c", []),
    ],
)
def test_a_name_says_what_to_look_at(path: str, kinds: list[FlagKind]) -> None:
    assert [flag.kind for flag in flags.detect(1, [file(path)])] == kinds


def test_what_a_file_was_called_before_counts_too() -> None:
    [flag] = flags.detect(1, [file("old.py", FileStatus.RENAMED, "setup.py")])
    assert (flag.kind, flag.path, flag.side, flag.line) == (FlagKind.DEPENDENCY, "old.py", Side.NEW, None)
    [gone] = flags.detect(1, [file(".gitlab-ci.yml", FileStatus.DELETED)])
    assert gone.side is Side.OLD


def test_a_marker_of_a_conflict_that_was_left_is_pointed_at(workshop: Workshop) -> None:
    left = "one\n<<<<<<< a\nTHEIRS\n=======\nMINE\n>>>>>>> b\n"
    change = workshop.change({"notes.txt": left, "title.md": "Title\n=======\n<<<<<<< no end\n"})
    [flag] = flags.of_revision(workshop.narrows, revisions.get(workshop.narrows, change.id, 1).id)
    assert (flag.kind, flag.path, flag.line, flag.side) == (FlagKind.MARKER, "notes.txt", 2, Side.NEW)


def test_flags_are_kept_with_the_revision(workshop: Workshop) -> None:
    change = workshop.change({"src/a.py": "a\n", "setup.py": "b\n", ".github/workflows/ci.yml": "on: push\n"})
    revision = revisions.get(workshop.narrows, change.id, 1)
    found = flags.of_revision(workshop.narrows, revision.id)
    assert [(flag.path, flag.kind) for flag in found] == [
        (".github/workflows/ci.yml", FlagKind.CI),
        ("setup.py", FlagKind.DEPENDENCY),
    ]
    assert flags.get(workshop.narrows, revision.id, found[1].id).path == "setup.py"
    with pytest.raises(NotFound):
        flags.get(workshop.narrows, revision.id, 999)
