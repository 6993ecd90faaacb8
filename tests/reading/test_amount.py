"""What of a change needs reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.diff import FileDiff
from server.git import diffs
from server.reading import amount
from server.reading.amount import Amount
from tests.support.repositories import Repository

BODY = [f"    total += weigh(item_{n}, scale={n})" for n in range(8)]
OTHER = [f"    print(name_{n})" for n in range(4)]


def text(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path)


def compared(repository: Repository, before: dict[str, str], after: dict[str, str | bytes]) -> list[FileDiff]:
    old = repository.commit("before", before)
    new = repository.commit("after", after)
    return diffs.compare(repository.path / ".git", old, new)


def test_each_added_and_each_removed_line_is_read_and_what_nobody_wrote_by_hand_is_not(repository: Repository) -> None:
    before = {"a.py": text("one", "two"), "uv.lock": "1\n", "dist/a.js": "1\n", "vendor/b.go": "1\n"}
    after: dict[str, str | bytes] = {name: text("other", *(f"line {n}" for n in range(9))) for name in before}
    files = compared(repository, before, after)
    assert amount.of(files) == Amount(files=1, lines=12)


def test_lines_that_moved_are_not_read_again(repository: Repository) -> None:
    before = {"a.py": text("def a():", *BODY, "", "def b():", *OTHER), "c.py": "x = 1\n"}
    after: dict[str, str | bytes] = {
        "a.py": text("def b():", *OTHER),
        "c.py": text("x = 1", "", "", *(f"    {line}" for line in ["def a():", *BODY])),
    }
    files = compared(repository, before, after)
    whole = sum((file.additions or 0) + (file.deletions or 0) for file in files)
    assert (whole, amount.of(files, moved=False).lines) == (20 + 1, 18)
    assert amount.of(files) == Amount(0, 0)


def test_lines_that_differ_in_white_space_alone_are_not_read(repository: Repository) -> None:
    before = {"a.py": text("if x:", "    a = 1", "    b = 2", "c = 3"), "b.py": text("a = 1", "b = 2")}
    after: dict[str, str | bytes] = {
        "a.py": text("if x:", "    if y:", "        a = 1", "        b = 20", "", "c = 3"),
        "b.py": text("a  =  1", "", "", "b = 2\t"),
    }
    files = compared(repository, before, after)
    assert amount.of(files) == Amount(files=1, lines=3), "the new condition, and b before and after"


def test_a_binary_file_is_a_file_and_a_new_name_alone_is_none(repository: Repository) -> None:
    before = {"old.py": text(*BODY)}
    repository.commit("before", before)
    repository.git("mv", "old.py", "new.py")
    after = repository.commit("after", {"picture.png": b"\x89PNG\0\1\2"})
    files = diffs.compare(repository.path / ".git", "HEAD~1", after)
    assert {file.path for file in files} == {"new.py", "picture.png"}
    assert amount.of(files) == Amount(files=1, lines=0)
    assert amount.of([]) == Amount(0, 0)
