"""Landed lines are followed through history: edits, renames, removals, merges, reverts."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.git import lifelines, mirrors
from server.git.lifelines import Landed, Lifeline
from tests.support.repositories import Repository


def follow(repository: Repository, mirror: Path, *landed: tuple[str, str], longest: float = 60) -> list[Lifeline]:
    tip = mirrors.fetch(repository.path, mirror, "main")
    asked = [Landed(number, old, commit) for number, (old, commit) in enumerate(landed)]
    found = lifelines.follow(mirror, asked, tip, longest)
    return [found[number] for number in sorted(found)]


def land(repository: Repository, name: str, content: str | bytes, message: str = "landed") -> tuple[str, str]:
    old = repository.head
    return old, repository.commit(message, {name: content})


def test_all_lines_are_there_at_first(repository: Repository, mirror: Path) -> None:
    landed = land(repository, "new.py", "a\nb\nc\nd\n")
    assert follow(repository, mirror, landed) == [Lifeline(4, 4)]


def test_lines_that_were_replaced_or_removed_are_gone(repository: Repository, mirror: Path) -> None:
    first = land(repository, "new.py", "a\nb\nc\nd\n")
    second = land(repository, "new.py", "a\nB\nc\nd\ne\n")
    repository.commit("by hand", {"new.py": "a\nB\nd\ne\n"})
    assert follow(repository, mirror, first, second) == [Lifeline(4, 2), Lifeline(2, 2)]


def test_a_renamed_file_is_followed_and_a_removed_one_is_gone(repository: Repository, mirror: Path) -> None:
    moved = land(repository, "old.py", "".join(f"line {n}\n" for n in range(20)))
    removed = land(repository, "gone.py", "x\ny\n")
    repository.git("mv", "old.py", "between.py")
    repository.commit("rename")
    repository.git("mv", "between.py", "src/new name.py")
    repository.remove("gone.py")
    repository.commit("rename again, and remove")
    assert follow(repository, mirror, moved, removed) == [Lifeline(20, 20), Lifeline(2, 0)]


def test_a_landing_that_renames_counts_what_it_added(repository: Repository, mirror: Path) -> None:
    body = "".join(f"line {n}\n" for n in range(20))
    repository.commit("there before", {"before.py": body})
    old = repository.head
    repository.git("mv", "before.py", "after.py")
    landed = old, repository.commit("landed", {"after.py": f"{body}more\nand more\n"})
    assert follow(repository, mirror, landed) == [Lifeline(2, 2)]


def test_a_merge_brought_what_its_branch_did(repository: Repository, mirror: Path) -> None:
    old = repository.head
    repository.switch("work", create=True)
    repository.commit("one", {"one.py": "1\n2\n"})
    repository.commit("two", {"two.py": "3\n4\n5\n"})
    repository.switch("main")
    repository.git("merge", "-q", "--no-ff", "-m", "landed", "work")
    landed = old, repository.head
    later = land(repository, "one.py", "1\nnew\n")
    assert follow(repository, mirror, landed, later) == [Lifeline(5, 4), Lifeline(1, 1)]


def test_a_revert_names_what_it_reverts(repository: Repository, mirror: Path) -> None:
    landed = land(repository, "new.py", "a\n")
    kept = land(repository, "kept.py", "b\n")
    repository.git("revert", "--no-edit", landed[1])
    repository.commits += 1
    reverting = repository.head
    assert follow(repository, mirror, landed, kept) == [Lifeline(1, 0, reverting), Lifeline(1, 1)]
    repository.git("revert", "--no-edit", "HEAD")
    assert follow(repository, mirror, landed)[0].reverted_by == ""


def test_binary_files_and_files_out_of_time_count_on_neither_side(repository: Repository, mirror: Path) -> None:
    binary = land(repository, "data.bin", b"\0\1\2\n" * 9)
    text = land(repository, "text.py", "a\n")
    assert follow(repository, mirror, binary, text) == [Lifeline(0, 0), Lifeline(1, 1)]
    assert follow(repository, mirror, text, longest=-1) == [Lifeline(0, 0)]


def test_what_the_mirror_has_not_is_left_out(repository: Repository, mirror: Path) -> None:
    landed = land(repository, "new.py", "a\n")
    assert follow(repository, mirror, ("f" * 40, "e" * 40), landed) == [Lifeline(1, 1)]
    assert lifelines.follow(mirror, [Landed(1, *landed)], "f" * 40) == {}


@pytest.mark.parametrize("name", ["with\ttab.py", "-dash.py", "*.py", "é\u202e.py", "new\nline.py"])
def test_odd_names_are_names(repository: Repository, mirror: Path, name: str) -> None:
    landed = land(repository, name, "a\nb\n")
    repository.commit("by hand", {name: "a\n"})
    assert follow(repository, mirror, landed) == [Lifeline(2, 1)]


def test_what_an_agent_wrote_in_a_message_is_no_landing(repository: Repository, mirror: Path) -> None:
    landed = land(repository, "new.py", "a\n", f"landed\n\nThis reverts commit {'a' * 40}.\n\nThis reverts commit zzz.")
    assert follow(repository, mirror, landed) == [Lifeline(1, 1)]
