from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server.domain.errors import GitError
from server.git import merges, mirrors
from server.git.commands import Person, run
from server.git.merges import Built, Conflict, Scope
from tests.support.repositories import Repository

AUTHOR = Person("Ada", "ada@example.org")
COMMITTER = Person("Grace", "grace@example.org")
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def on_side(repository: Repository, mirror: Path, files: dict[str, str | bytes], start: str, name: str = "side") -> str:
    """A commit with `files` on `start`, as a revision would be."""
    repository.branch(name, start)
    repository.switch(name)
    revision = repository.commit("revision", files)
    repository.switch("main")
    mirrors.fetch(repository.path, mirror, name)
    return revision


def build(mirror: Path, target: str, base: str, revision: str, **more: Any) -> Built | Conflict:
    wanted = {"method": "squash", "message": "Land it", "author": AUTHOR, "committer": COMMITTER, "date": WHEN, **more}
    return merges.build(mirror, target=target, base=base, revision=revision, **wanted)


def files_of(mirror: Path, commit: str) -> list[str]:
    return run(mirror, "ls-tree", "-r", "-z", "--name-only", commit).fields()


class TestBuild:
    @pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
    def test_both_sides_are_in_the_result(self, repository: Repository, mirror: Path, method: str) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"src/app.py": "one\ntwo\n3\n"}, base)
        target = repository.commit("target", {"src/app.py": "1\ntwo\nthree\n", "other": "o"})
        mirrors.fetch(repository.path, mirror, "main")
        built = build(mirror, target, base, revision, method=method)
        assert isinstance(built, Built)
        assert mirrors.read_file(mirror, built.commit, "src/app.py") == b"1\ntwo\n3\n"
        parents = run(mirror, "log", "-1", "--format=%P", built.commit).text.split()
        assert parents == ([target, revision] if method == "merge" else [target])
        people = run(mirror, "log", "-1", "--format=%an %ae %cn %ce %s", built.commit).text
        assert people == "Ada ada@example.org Grace grace@example.org Land it"
        assert run(mirror, "rev-parse", f"{built.commit}^{{tree}}").text == built.tree

    def test_the_same_inputs_give_the_same_commit(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"new": "n"}, base)
        first, second = (build(mirror, base, base, revision) for _ in range(2))
        assert first == second

    def test_rebase_keeps_when_it_was_written(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"new": "n"}, base)
        built = build(mirror, base, base, revision, method="rebase")
        assert isinstance(built, Built)
        written, wanted = (run(mirror, "log", "-1", "--format=%at", name).text for name in (built.commit, revision))
        assert written == wanted
        assert run(mirror, "log", "-1", "--format=%ct", built.commit).text == str(int(WHEN.timestamp()))

    def test_a_conflict_names_its_files(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        odd = "new\nline"
        revision = on_side(repository, mirror, {"README.md": "theirs\n", odd: "theirs\n", "fine": "f"}, base)
        target = repository.commit("target", {"README.md": "ours\n", odd: "ours\n"})
        mirrors.fetch(repository.path, mirror, "main")
        assert build(mirror, target, base, revision) == Conflict(sorted(["README.md", odd]))

    def test_a_target_that_was_rewritten_still_gets_only_the_change(self, repository: Repository, mirror: Path) -> None:
        first = repository.head
        dropped = repository.commit("dropped", {"dropped": "d"})
        revision = on_side(repository, mirror, {"new": "n"}, dropped)
        repository.git("reset", "-q", "--hard", first)
        target = repository.commit("instead", {"instead": "i"})
        mirrors.fetch(repository.path, mirror, "main")
        built = build(mirror, target, dropped, revision)
        assert isinstance(built, Built)
        names = files_of(mirror, built.commit)
        assert "new" in names
        assert "instead" in names
        assert "dropped" not in names

    def test_a_rename_is_followed(self, repository: Repository, mirror: Path) -> None:
        repository.commit("long", {"long.py": "".join(f"{n}\n" for n in range(50))})
        base = repository.head
        mirrors.fetch(repository.path, mirror, "main")
        revision = on_side(repository, mirror, {"long.py": "".join(f"{n}\n" for n in range(50)) + "end\n"}, base)
        repository.git("mv", "long.py", "moved.py")
        target = repository.commit("moved")
        mirrors.fetch(repository.path, mirror, "main")
        built = build(mirror, target, base, revision)
        assert isinstance(built, Built)
        assert (mirrors.read_file(mirror, built.commit, "moved.py") or b"").endswith(b"49\nend\n")

    def test_messages_are_kept_to_the_letter(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"new": "n"}, base)
        built = build(mirror, base, base, revision, message="Grüße\n\n# no comment\n\0-m tail\n")
        assert isinstance(built, Built)
        raw = run(mirror, "log", "-1", "--format=%B", built.commit).out.decode()
        assert raw.strip("\n") == "Grüße\n\n# no comment\n-m tail"

    def test_an_unknown_commit_is_an_error(self, repository: Repository, mirror: Path) -> None:
        with pytest.raises(GitError):
            build(mirror, repository.head, repository.head, "1" * 40)


class TestRevert:
    def test_what_landed_is_taken_back_and_the_rest_stays(self, repository: Repository, mirror: Path) -> None:
        landed = repository.commit("landed", {"src/app.py": "one\ntwo\n3\n", "new": "n"})
        target = repository.commit("later", {"src/app.py": "1\ntwo\n3\n", "later": "l"})
        mirrors.fetch(repository.path, mirror, "main")
        built = merges.revert(mirror, target=target, landed=landed, message="Undo", author=AUTHOR)
        assert isinstance(built, Built)
        assert mirrors.read_file(mirror, built.commit, "src/app.py") == b"1\ntwo\nthree\n"
        assert "new" not in files_of(mirror, built.commit)
        assert "later" in files_of(mirror, built.commit)
        assert run(mirror, "log", "-1", "--format=%P", built.commit).text == target

    def test_a_later_change_of_the_same_lines_is_a_conflict(self, repository: Repository, mirror: Path) -> None:
        landed = repository.commit("landed", {"README.md": "landed\n"})
        target = repository.commit("later", {"README.md": "later\n"})
        mirrors.fetch(repository.path, mirror, "main")
        assert merges.revert(mirror, target=target, landed=landed, message="Undo", author=AUTHOR) == Conflict(
            ["README.md"]
        )

    def test_a_merge_is_taken_back_against_its_first_parent(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"new": "n"}, base)
        target = repository.commit("target", {"other": "o"})
        mirrors.fetch(repository.path, mirror, "main")
        landed = build(mirror, target, base, revision, method="merge")
        assert isinstance(landed, Built)
        built = merges.revert(mirror, target=landed.commit, landed=landed.commit, message="Undo", author=AUTHOR)
        assert isinstance(built, Built)
        assert built.tree == run(mirror, "rev-parse", f"{target}^{{tree}}").text

    def test_the_first_commit_can_not_be_taken_back(self, repository: Repository, mirror: Path) -> None:
        with pytest.raises(GitError, match="first one"):
            merges.revert(mirror, target=repository.head, landed=repository.head, message="Undo", author=AUTHOR)


class TestScope:
    def test_the_same_change_on_a_moved_target(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"src/app.py": "one\ntwo\n3\n", "bin": b"\0\1"}, base)
        target = repository.commit("target", {"other": "o"})
        mirrors.fetch(repository.path, mirror, "main")
        built = build(mirror, target, base, revision)
        assert isinstance(built, Built)
        assert merges.scope(mirror, base, revision, target, built.tree) == Scope(True, [], [])

    def test_what_the_target_has_already_is_missing_from_the_result(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"README.md": "new\n", "more": "m\n"}, base)
        target = repository.commit("target", {"README.md": "new\n"})
        mirrors.fetch(repository.path, mirror, "main")
        built = build(mirror, target, base, revision)
        assert isinstance(built, Built)
        assert merges.scope(mirror, base, revision, target, built.tree) == Scope(False, ["README.md"], [])

    def test_other_lines_count_on_both_sides(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        read = on_side(repository, mirror, {"README.md": "a\n", "bin": b"\0\1"}, base, "read")
        landing = on_side(repository, mirror, {"README.md": "a\nb\n", "bin": b"\0\2", "extra": "e"}, base, "landing")
        found = merges.scope(mirror, base, read, base, landing)
        assert found == Scope(False, ["README.md", "bin"], ["README.md", "bin", "extra"])
