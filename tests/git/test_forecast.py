"""What is foreseen is what landing would say, for every pair and in both orders."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest

from server.domain.errors import GitError
from server.git import attributes, forecast, merges, mirrors
from server.git.commands import NOBODY, run, started
from server.git.forecast import Question, Side, foresee
from server.git.merges import Conflict
from tests.git.store import Store, Trees, plain
from tests.support.repositories import Repository

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
BASE: Trees = {
    "a.py": plain("".join(f"line {n}\n" for n in range(40))),
    "b.py": plain("one\ntwo\nthree\n"),
    "lib/one.py": plain("def one():\n    return 1\n"),
    "lib/two.py": plain("def two():\n    return 2\n"),
    "doc/read.md": plain("# Read\n\nSome words.\n"),
}

RULED = (".gitattributes", "lib/.gitattributes", "core/.gitattributes")
RULES = (
    "*.py merge=union\n",
    "* -merge\n",
    "[attr]m -diff\n*.md binary\n",
    "*.py text\n*.md merge=union\n",
    "* merge\n",
)


def commit(store: Store, files: Trees, parents: list[str]) -> str:
    named = [word for parent in parents for word in ("-p", parent)]
    people = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": "@1 +0000", "GIT_COMMITTER_DATE": "@1 +0000"}
    return run(store.mirror, "commit-tree", *named, "-m", "made", store.tree(files), env=people | dates).text


def side(store: Store, base: str, revision: str) -> Side:
    base, head = (run(store.mirror, "rev-parse", f"{name}^{{tree}}").text for name in (base, revision))
    return Side(base, head)


def landed(store: Store, target: str, base: str, revision: str) -> str | list[str]:
    """The commit that landing gives, or the files in conflict."""
    built = merges.build(
        store.mirror,
        target=target,
        base=base,
        revision=revision,
        method="squash",
        message="m",
        author=NOBODY,
        committer=NOBODY,
        date=WHEN,
    )
    if isinstance(built, Conflict):
        return sorted({re.sub(r"~[0-9a-f]{40,64}$", "", name) for name in built.files})
    return built.commit


class Changes:
    """Changes that wait for one target, each a base and a revision, with what is asked and what is true."""

    def __init__(self, store: Store, target: str, made: list[tuple[str, str]]) -> None:
        self.store, self.target, self.made = store, target, made
        self.sides = [side(store, base, revision) for base, revision in made]

    def asked(self) -> list[Question]:
        return [(None, each) for each in self.sides] + list(permutations(self.sides, 2))

    def foreseen(self) -> dict[Question, list[str]]:
        return foresee(self.store.mirror, self.target, self.asked())

    def true(self) -> dict[Question, list[str]]:
        """As landing them one after the other says, for each pair."""
        answers: dict[Question, list[str]] = {}
        for (base, revision), first in zip(self.made, self.sides, strict=True):
            tip = landed(self.store, self.target, base, revision)
            answers[None, first] = tip if isinstance(tip, list) else []
            if isinstance(tip, str):
                for (other_base, other), second in zip(self.made, self.sides, strict=True):
                    if second != first:
                        then = landed(self.store, tip, other_base, other)
                        answers[first, second] = then if isinstance(then, list) else []
        return answers


def on_base(store: Store, *edits: Trees) -> Changes:
    base = commit(store, BASE, [])
    return Changes(store, base, [(base, commit(store, BASE | edit, [base])) for edit in edits])


def without(name: str, edit: Trees) -> Trees:
    return {path: content for path, content in (BASE | edit).items() if path != name}


class TestForesee:
    def test_one_that_conflicts_with_the_target_says_so_and_is_first_of_nothing(self, store: Store) -> None:
        base = commit(store, BASE, [])
        target = commit(store, BASE | {"b.py": plain("1\ntwo\nthree\n")}, [base])
        one = commit(store, BASE | {"b.py": plain("ONE\ntwo\nthree\n")}, [base])
        two = commit(store, BASE | {"new.py": plain("n\n")}, [base])
        changes = Changes(store, target, [(base, one), (base, two)])
        first, second = changes.sides
        assert changes.foreseen() == {(None, first): ["b.py"], (None, second): [], (second, first): ["b.py"]}
        assert changes.foreseen() == changes.true()

    def test_two_that_conflict_with_each_other_say_so_both_ways(self, store: Store) -> None:
        changes = on_base(store, {"b.py": plain("1\ntwo\nthree\n")}, {"b.py": plain("ONE\ntwo\nthree\n")})
        first, second = changes.sides
        assert changes.foreseen()[first, second] == changes.foreseen()[second, first] == ["b.py"]

    def test_both_in_one_file_and_far_apart_is_clean(self, store: Store) -> None:
        lines = BASE["a.py"][1].decode().splitlines(keepends=True)
        changes = on_base(
            store, {"a.py": plain("".join(["first\n", *lines]))}, {"a.py": plain("".join([*lines, "last\n"]))}
        )
        assert set(map(tuple, changes.foreseen().values())) == {()}

    def test_a_file_where_the_other_has_a_folder(self, store: Store) -> None:
        changes = on_base(store, {"x": plain("file\n")}, {"x/y": plain("in a folder\n")})
        assert changes.foreseen() == changes.true()
        assert changes.foreseen()[changes.sides[0], changes.sides[1]] != []

    def test_a_new_file_in_a_folder_that_the_other_moves(self, store: Store) -> None:
        """No path is common to both, and git calls it a conflict."""
        moved = {name.replace("lib/", "core/"): content for name, content in BASE.items()}
        base = commit(store, BASE, [])
        revisions = [commit(store, moved, [base]), commit(store, BASE | {"lib/three.py": plain("3\n")}, [base])]
        changes = Changes(store, base, [(base, revision) for revision in revisions])
        assert changes.foreseen() == changes.true()
        assert changes.foreseen()[changes.sides[0], changes.sides[1]] != []

    def test_a_rename_beside_an_edit_of_the_old_name_is_clean(self, store: Store) -> None:
        base = commit(store, BASE, [])
        moved = without("a.py", {"moved.py": BASE["a.py"]})
        edited = BASE | {"a.py": plain(BASE["a.py"][1] + b"more\n")}
        changes = Changes(store, base, [(base, commit(store, each, [base])) for each in (moved, edited)])
        assert changes.foreseen() == changes.true()
        assert set(map(tuple, changes.foreseen().values())) == {()}

    def test_names_of_any_bytes(self, store: Store) -> None:
        odd = 'new\nline \udcff "quoted"'
        changes = on_base(store, {odd: plain("one\n")}, {odd: plain("two\n")})
        assert changes.foreseen()[changes.sides[0], changes.sides[1]] == [odd]

    def test_a_change_on_a_base_of_its_own_is_merged_on_that_one(self, store: Store) -> None:
        """Its history does not tell: the target was rewritten meanwhile."""
        base = commit(store, BASE, [])
        dropped = commit(store, BASE | {"dropped": plain("d\n")}, [base])
        revision = commit(store, BASE | {"dropped": plain("d\n"), "new": plain("n\n")}, [dropped])
        target = commit(store, BASE | {"b.py": plain("other\n")}, [base])
        same_line = commit(store, BASE | {"new": plain("another\n")}, [base])
        changes = Changes(store, target, [(dropped, revision), (base, same_line)])
        assert changes.foreseen() == changes.true()
        assert changes.foreseen()[None, changes.sides[0]] == []

    def test_twice_the_same_change_is_clean(self, store: Store) -> None:
        changes = on_base(store, {"b.py": plain("1\n")})
        [each] = changes.sides
        assert foresee(store.mirror, changes.target, [(each, each)]) == {(each, each): []}

    def test_nothing_asked_is_nothing_answered(self, store: Store) -> None:
        assert foresee(store.mirror, commit(store, BASE, []), []) == {}

    def test_a_tree_that_is_not_there_is_an_error(self, store: Store) -> None:
        base = commit(store, BASE, [])
        gone = Side(side(store, base, base).base, "1" * 40)
        with pytest.raises(GitError):
            foresee(store.mirror, commit(store, BASE | {"n": plain("n\n")}, [base]), [(None, gone)])

    def test_the_mirror_does_not_grow_and_few_processes_run_however_much_is_asked(self, store: Store) -> None:
        changes = on_base(store, *({"b.py": plain(f"{n}\n"), f"{n}.py": plain("n\n")} for n in range(8)))
        before = objects_of(store.mirror)
        attributes.of(store.mirror, changes.sides[0].base)  # one more, once for each tree of the target
        begun = started()
        assert len(changes.foreseen()) == 8 + 8 * 7
        assert started() - begun == 3  # a fourth where the target has moved
        assert objects_of(store.mirror) == before

    def test_without_a_folder_in_memory_it_is_made_on_disk(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        changes = on_base(store, {"b.py": plain("1\n")}, {"b.py": plain("2\n")})
        seen = changes.foreseen()
        for folder, room in ((tmp_path / "none", 0), (tmp_path, 2**62)):
            monkeypatch.setattr(forecast, "MEMORY", folder)
            monkeypatch.setattr(forecast, "ROOM", room)
            assert changes.foreseen() == seen
            assert [each.name for each in tmp_path.iterdir()] == ["home"]

    def test_sha256(self, tmp_path: Path) -> None:
        repository = Repository.make(tmp_path, files={})
        repository.git("init", "-q", "--object-format=sha256", "-b", "main", str(tmp_path / "other"))
        other = Repository(tmp_path / "other", repository.home)
        other.git("config", "user.name", "Ada")
        other.git("config", "user.email", "ada@example.org")
        base = other.commit("first", {"a": "1\n"})
        mirrors.create(other.path, tmp_path / "mirror.git")
        changes = Changes(
            Store(tmp_path / "mirror.git"),
            base,
            [(base, commit(Store(tmp_path / "mirror.git"), {"a": plain(f"{n}\n")}, [base])) for n in (2, 3)],
        )
        assert changes.foreseen() == changes.true()
        assert changes.foreseen()[changes.sides[0], changes.sides[1]] == ["a"]


def objects_of(mirror: Path) -> list[Path]:
    return sorted((mirror / "objects").rglob("*"))


@pytest.mark.parametrize("seed", range(8))
def test_made_up_changes_come_out_as_landing_says(store: Store, seed: int) -> None:
    """Edits, renames, whole folders that move, files and attributes that come and go, on a target that moves, too."""
    chance = random.Random(seed)
    bases = [made_up(chance, BASE) for _ in range(2)]
    root = commit(store, BASE, [])
    tips = [commit(store, files, [root]) for files in bases]
    target = commit(store, made_up(chance, bases[0]), [tips[0]])
    known = [(root, BASE), (tips[0], bases[0]), (tips[1], bases[1])]
    made = []
    for _ in range(4):
        base, files = chance.choice(known)
        made.append((base, commit(store, made_up(chance, files), [base])))
    changes = Changes(store, target, made)
    assert changes.foreseen() == changes.true()


def made_up(chance: random.Random, files: Trees) -> Trees:
    """The same files with one to three things done to them."""
    files = dict(files)
    for _ in range(chance.randint(1, 3)):
        name = chance.choice(sorted(files))
        mode, content = files[name]
        match chance.randint(0, 6):
            case 0 | 1:
                lines = content.splitlines(keepends=True)
                lines[chance.randrange(len(lines)) if lines else 0 :][:1] = []
                at = chance.randint(0, len(lines))
                files[name] = (mode, b"".join([*lines[:at], b"%d\n" % chance.randint(0, 3), *lines[at:]]))
            case 2:
                del files[name]
                files[f"{chance.choice(['lib', 'core', 'x'])}/{name.rpartition('/')[2]}"] = (mode, content)
            case 3:
                files = {path.replace("lib/", "core/"): each for path, each in files.items()}
            case 4:
                files[chance.choice(["x", "lib/new.py", "core/new.py", "n.py"])] = plain(f"{chance.randint(0, 2)}\n")
            case 5:
                files[chance.choice(RULED)] = plain(chance.choice(RULES))
            case _:
                if len(files) > 1:
                    del files[name]
    return {path: each for path, each in files.items() if not any(p.startswith(f"{path}/") for p in files)}
