from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server.domain.errors import GitError
from server.git import merges, mirrors
from server.git.commands import Person, run
from server.git.merges import Built, Conflict, Scope, Step
from server.git.objects import tree_of
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
        side = parents[-1] if method == "merge" else None
        assert parents == ([target, side] if side else [target])
        if side:
            assert run(mirror, "log", "-1", "--format=%P %T", side).text == f"{base} {tree_of(mirror, revision)}"
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


class TestReplay:
    """A rebase lands a commit for each revision, and ends in the same tree as a squash."""

    def story(self, mirror: Path, commits: list[str]) -> list[tuple[str, str]]:
        """What each commit says and which files it changes."""
        told = []
        for each in commits:
            subject = run(mirror, "log", "-1", "--format=%s", each).text
            names = run(mirror, "diff-tree", "-r", "-z", "--name-only", f"{each}^1", each).fields()
            told.append((subject, ",".join(names)))
        return told

    def test_each_revision_lands_as_what_it_changed_since_the_one_before(
        self, repository: Repository, mirror: Path
    ) -> None:
        base = repository.head
        first = on_side(repository, mirror, {"src/app.py": "ONE\ntwo\nthree\n"}, base)
        second = on_side(repository, mirror, {"src/app.py": "ONE\ntwo\nthree\n", "test": "t"}, base)
        third = on_side(repository, mirror, {"src/app.py": "ONE\ntwo\nTHREE\n", "test": "t"}, base)
        target = repository.commit("target", {"other": "o"})
        mirrors.fetch(repository.path, mirror, "main")
        earlier = [Step(first, base, "First\n"), Step(second, base, "Second\n")]
        built = build(mirror, target, base, third, method="rebase", message="Third", earlier=earlier)
        assert isinstance(built, Built)
        assert self.story(mirror, built.commits) == [
            ("First", "src/app.py"),
            ("Second", "test"),
            ("Third", "src/app.py"),
        ]
        assert run(mirror, "rev-parse", f"{built.commits[0]}^1").text == target
        squashed = build(mirror, target, base, third)
        assert isinstance(squashed, Built)
        assert (built.tree, tree_of(mirror, built.commit)) == (squashed.tree, squashed.tree)
        for made, revision in zip(built.commits, (first, second, third), strict=True):
            written = [run(mirror, "log", "-1", "--format=%at", each).text for each in (made, revision)]
            assert written[0] == written[1]

    def test_a_revision_that_adds_nothing_has_no_commit(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        first = on_side(repository, mirror, {"new": "n"}, base)
        same = on_side(repository, mirror, {"new": "n"}, base)
        last = on_side(repository, mirror, {"new": "n"}, base)
        earlier = [Step(first, base, "First"), Step(same, base, "Same")]
        built = build(mirror, base, base, last, method="rebase", message="Last", earlier=earlier)
        assert isinstance(built, Built)
        assert self.story(mirror, built.commits) == [("Last", "new")]

    def test_what_was_undone_again_is_told_as_it_went(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        first = on_side(repository, mirror, {"wrong": "w"}, base)
        last = on_side(repository, mirror, {"right": "r"}, base)
        built = build(mirror, base, base, last, method="rebase", message="L", earlier=[Step(first, base, "F")])
        assert isinstance(built, Built)
        assert self.story(mirror, built.commits) == [("F", "wrong"), ("L", "right,wrong")]

    def test_a_revision_that_was_sent_back_for_its_conflict_is_part_of_the_next(
        self, repository: Repository, mirror: Path
    ) -> None:
        base = repository.head
        first = on_side(repository, mirror, {"README.md": "theirs\n", "new": "n"}, base)
        target = repository.commit("target", {"README.md": "ours\n"})
        mirrors.fetch(repository.path, mirror, "main")
        second = on_side(repository, mirror, {"README.md": "both\n", "new": "n"}, target)
        assert isinstance(build(mirror, target, base, first), Conflict)
        earlier = [Step(first, base, "First")]
        built = build(mirror, target, target, second, method="rebase", message="Second", earlier=earlier)
        assert isinstance(built, Built)
        assert self.story(mirror, built.commits) == [("Second", "README.md,new")]

    def test_a_revision_on_a_newer_base_adds_only_what_is_its_own(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        first = on_side(repository, mirror, {"new": "n"}, base)
        newer = repository.commit("target", {"other": "o"})
        second = on_side(repository, mirror, {"new": "n", "more": "m"}, newer)
        mirrors.fetch(repository.path, mirror, "main")
        built = build(mirror, newer, newer, second, method="rebase", message="S", earlier=[Step(first, base, "F")])
        assert isinstance(built, Built)
        assert self.story(mirror, built.commits) == [("F", "new"), ("S", "more")]

    def test_it_is_what_git_rebase_makes_of_the_same_commits(self, repository: Repository, mirror: Path) -> None:
        lines = [f"{number}\n" for number in range(60)]
        repository.commit("long", {"long": "".join(lines)})
        base = repository.head
        repository.switch("work", create=True)
        revisions = []
        for step in range(5):
            lines[step * 8] = f"step {step}\n"
            revisions.append(repository.commit(f"step {step}", {"long": "".join(lines), f"file {step}": "x"}))
        repository.switch("main")
        other = [f"{number}\n" for number in range(60)]
        other[55] = "main\n"
        target = repository.commit("target", {"long": "".join(other)})
        for branch in ("main", "work"):
            mirrors.fetch(repository.path, mirror, branch)
        *before, last = revisions
        earlier = [Step(each, base, f"step {number}") for number, each in enumerate(before)]
        built = build(mirror, target, base, last, method="rebase", message="step 4", earlier=earlier)
        assert isinstance(built, Built)
        repository.git("rebase", "-q", "--onto", target, base, "work")
        theirs = repository.git("log", "--reverse", "--format=%T %s", f"{target}..work").splitlines()
        ours = [run(mirror, "log", "-1", "--format=%T %s", each).text for each in built.commits]
        assert ours == theirs


class TestRevert:
    def test_several_commits_are_taken_back_by_one(self, repository: Repository, mirror: Path) -> None:
        old = repository.head
        repository.commit("one", {"one": "1", "src/app.py": "ONE\ntwo\nthree\n"})
        landed = repository.commit("two", {"two": "2", "src/app.py": "ONE\ntwo\nTHREE\n"})
        target = repository.commit("later", {"later": "l"})
        mirrors.fetch(repository.path, mirror, "main")
        built = merges.revert(mirror, target=target, landed=landed, since=old, message="Undo", author=AUTHOR)
        assert isinstance(built, Built)
        assert built.commits == [built.commit]
        changed = run(mirror, "diff", "--name-only", old, built.commit).text
        assert changed == "later"

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


def scope(mirror: Path, *names: str) -> Scope:
    """Of the trees of these commits."""
    return merges.scope(mirror, *(tree_of(mirror, name) for name in names))


class TestScope:
    def test_a_commit_is_no_tree(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"README.md": "new\n"}, base)
        with pytest.raises(GitError, match="no trees"):
            merges.scope(mirror, base, revision, base, revision)

    def test_nothing_on_either_side_is_the_same(self, repository: Repository, mirror: Path) -> None:
        one = repository.head
        two = repository.commit("target", {"other": "o"})
        mirrors.fetch(repository.path, mirror, "main")
        assert scope(mirror, one, one, two, two) == Scope(True, [], [])
        assert scope(mirror, one, one, one, two) == Scope(False, [], ["other"])
        assert scope(mirror, one, two, two, two) == Scope(False, ["other"], [])

    def test_the_same_change_on_a_moved_target(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"src/app.py": "one\ntwo\n3\n", "bin": b"\0\1"}, base)
        target = repository.commit("target", {"other": "o"})
        mirrors.fetch(repository.path, mirror, "main")
        built = build(mirror, target, base, revision)
        assert isinstance(built, Built)
        assert scope(mirror, base, revision, target, built.tree) == Scope(True, [], [])

    def test_what_the_target_has_already_is_missing_from_the_result(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        revision = on_side(repository, mirror, {"README.md": "new\n", "more": "m\n"}, base)
        target = repository.commit("target", {"README.md": "new\n"})
        mirrors.fetch(repository.path, mirror, "main")
        built = build(mirror, target, base, revision)
        assert isinstance(built, Built)
        assert scope(mirror, base, revision, target, built.tree) == Scope(False, ["README.md"], [])

    def test_other_lines_count_on_both_sides(self, repository: Repository, mirror: Path) -> None:
        base = repository.head
        read = on_side(repository, mirror, {"README.md": "a\n", "bin": b"\0\1"}, base, "read")
        landing = on_side(repository, mirror, {"README.md": "a\nb\n", "bin": b"\0\2", "extra": "e"}, base, "landing")
        found = scope(mirror, base, read, base, landing)
        assert found == Scope(False, ["README.md", "bin"], ["README.md", "bin", "extra"])
