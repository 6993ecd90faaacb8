"""Where a merge fails: told as git sees it, with all three sides."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from server.domain.errors import GitError
from server.git import blobs, conflicts, forecast, mirrors, objects
from server.git.commands import NOBODY, run
from server.git.conflicts import Conflicted, Kind
from server.git.merges import EPOCH, Conflict, merge
from server.reading import three_sides
from server.reading.three_sides import Region
from tests.git.store import GITLINK, Store, Trees, plain
from tests.support.repositories import Repository

LINES = [f"line {n}\n" for n in range(1, 31)]
NUMBERED = "".join(LINES)


def edited(**changes: str) -> str:
    """The lines with some of them (n3="…") replaced."""
    wanted = {int(key[1:]): text for key, text in changes.items()}
    return "".join(f"{wanted[n]}\n" if n in wanted else line for n, line in enumerate(LINES, 1))


def committed(store: Store, files: Trees, *parents: str) -> str:
    return objects.commit(store.mirror, store.tree(files), parents, "made", NOBODY, NOBODY, EPOCH)


def meet(store: Store, base: Trees, target: Trees, change: Trees) -> list[Conflicted]:
    """What keeps `change` from `target`, both made on `base`."""
    start = committed(store, base)
    sides = committed(store, target, start), committed(store, change, start)
    found = conflicts.find(store.mirror, base=start, target=sides[0], revision=sides[1])
    merged = merge(store.mirror, start, *sides)
    assert bool(found) == isinstance(merged, Conflict), "a landing is built in the same way"
    return found


MINE, THEIRS = plain(edited(n5="mine")), plain(edited(n5="theirs"))
BASE: Trees = {"a": plain(NUMBERED)}


@pytest.mark.parametrize(
    ("base", "target", "change", "kind", "sides"),
    [
        (BASE, {"a": THEIRS}, {"a": MINE}, Kind.BOTH_CHANGED, "btc"),
        ({}, {"a": THEIRS}, {"a": MINE}, Kind.BOTH_ADDED, "tc"),
        (BASE, {}, {"a": MINE}, Kind.REMOVED, "bc"),
        (BASE, {"a": THEIRS}, {}, Kind.REMOVED, "bt"),
        (BASE, {"b": plain(NUMBERED)}, {"c": plain(NUMBERED)}, Kind.RENAMED_APART, "btc"),
        ({"a": plain(b"\0b")}, {"a": plain(b"\0t")}, {"a": plain(b"\0m")}, Kind.BINARY, "btc"),
        (BASE, {"a": ("120000", b"there")}, {"a": MINE}, Kind.MODES, "btc"),
        ({}, {"a": plain("1\n")}, {"a": ("100755", b"1\n")}, Kind.MODES, "tc"),
        ({}, {"a/x": THEIRS}, {"a": MINE}, Kind.FILE_AND_FOLDER, "c"),
        ({}, {"a": THEIRS}, {"a/x": MINE}, Kind.FILE_AND_FOLDER, "t"),
        (
            {"s": (GITLINK, b"1" * 40)},
            {"s": (GITLINK, b"2" * 40)},
            {"s": (GITLINK, b"3" * 40)},
            Kind.SUBMODULE,
            "btc",
        ),
    ],
    ids=[
        "the same line",
        "added twice",
        "gone on the target",
        "gone in the change",
        "renamed in two ways",
        "binary",
        "a link and a file",
        "a program and a file",
        "a folder on the target",
        "a folder in the change",
        "a submodule",
    ],
)
def test_each_kind_is_told_with_the_sides_that_there_are(
    store: Store, base: Trees, target: Trees, change: Trees, kind: Kind, sides: str
) -> None:
    rest: Trees = {"rest": plain("rest\n")}
    [found] = meet(store, base | rest, target | rest, change | rest)
    assert found.kind is kind
    there = [letter for letter, side in zip("btc", (found.base, found.target, found.change), strict=True) if side]
    assert "".join(there) == sides
    assert "~" not in found.path


def test_the_names_of_a_file_that_was_renamed_apart(store: Store) -> None:
    [found] = meet(store, BASE, {"b": plain(NUMBERED)}, {"c": plain(NUMBERED)})
    assert [side.path for side in (found.base, found.target, found.change) if side] == ["a", "b", "c"]


def test_a_file_that_one_side_renamed_has_its_names(store: Store) -> None:
    [found] = meet(store, BASE, {"b": THEIRS}, {"a": MINE})
    assert (found.kind, found.path) == (Kind.BOTH_CHANGED, "b")
    assert [side.path for side in (found.base, found.target, found.change) if side] == ["a", "b", "a"]


def test_a_file_for_a_folder_that_the_target_renamed(store: Store) -> None:
    base = {f"old/{n}": plain(f"{n}{NUMBERED}") for n in range(3)}
    moved = {name.replace("old", "new"): entry for name, entry in base.items()}
    [found] = meet(store, base, moved, {**base, "old/fresh": plain("fresh\n")})
    assert (found.kind, found.path) == (Kind.FOLDER_RENAMED, "new/fresh")


TWO = {f"lib/{name}": plain(f"{name}{NUMBERED}") for name in ("one", "two")}


@pytest.mark.parametrize(
    ("target", "change", "paths"),
    [
        ({"core/one": TWO["lib/one"], "x/two": TWO["lib/two"]}, {**TWO, "lib/new": plain("n\n")}, ["lib"]),
        (
            {"core/one": TWO["lib/one"], "core/two": TWO["lib/two"]},
            {**TWO, "lib/new": plain("mine\n")},
            ["core/new", "lib/new"],
        ),
    ],
    ids=["into two folders", "onto another file"],
)
def test_a_folder_that_was_renamed_and_no_file_in_conflict(
    store: Store, target: Trees, change: Trees, paths: list[str]
) -> None:
    """git gives up all the same, so it is said, with the names that git speaks of."""
    there: Trees = {"core/new": plain("there\n")}
    base, target, change = {**there, **TWO}, {**there, **target}, {**there, **change}
    found = meet(store, base, target, change)
    assert [each.path for each in found] == paths
    assert {(each.kind, each.base, each.target, each.change) for each in found} == {
        (Kind.FOLDER_UNCLEAR, None, None, None)
    }
    start = committed(store, base)
    sides = committed(store, target, start), committed(store, change, start)
    assert merge(store.mirror, start, *sides) == Conflict(paths)
    asked = None, forecast.Side(store.tree(base), store.tree(change))
    assert forecast.foresee(store.mirror, sides[0], [asked]) == {asked: paths}


def test_what_merges_has_no_conflict_and_several_are_in_order(store: Store) -> None:
    base = {"z": plain(NUMBERED), "a": plain(NUMBERED)}
    target = {"z": plain(edited(n2="target")), "a": plain(edited(n2="target"))}
    assert meet(store, base, target, {**base, "a": plain(edited(n20="change"))}) == []
    both = {"z": plain(edited(n2="change")), "a": plain(edited(n2="change"))}
    assert [each.path for each in meet(store, base, target, both)] == ["a", "z"]


def test_the_base_is_the_revisions_own_whatever_history_says(store: Store) -> None:
    """A revision that stands on a part which has not landed is merged without that part."""
    start = committed(store, {"a": plain(NUMBERED)})
    part = committed(store, {"a": plain(edited(n5="part"))}, start)
    change = committed(store, {"a": plain(edited(n5="part", n20="change"))}, part)
    target = committed(store, {"a": plain(edited(n5="target"))}, start)
    assert conflicts.find(store.mirror, base=part, target=target, revision=change) == []
    [found] = conflicts.find(store.mirror, base=start, target=target, revision=change)
    assert found.kind is Kind.BOTH_CHANGED


def test_names_of_any_bytes_are_as_they_are(store: Store) -> None:
    name = 'dir/\udcff\n\t"q"'
    [found] = meet(store, {name: plain(NUMBERED)}, {name: THEIRS}, {name: MINE})
    assert found.path == name


def test_a_commit_that_is_not_there_is_said(store: Store) -> None:
    start = committed(store, BASE)
    with pytest.raises(GitError):
        conflicts.find(store.mirror, base=start, target="1" * 40, revision=start)


def test_a_configuration_of_the_user_changes_nothing(store: Store, home: Path) -> None:
    """Two that one machine merges are merged by every other."""
    (home / ".gitconfig").write_text(
        "[merge]\n\tconflictStyle = zdiff3\n\trenames = false\n[diff]\n\talgorithm = minimal\n"
    )
    base = {"a": plain(NUMBERED)}
    assert meet(store, base, {"b": plain(edited(n2="target"))}, {"a": plain(edited(n20="change"))}) == []


WORDS = ["a\n", "b\n", "c\n", "}\n", "\n", "if x:\n", "    return 1\n"]


def mutated(lines: Sequence[str], chance: random.Random) -> list[str]:
    made = list(lines)
    for _ in range(chance.randint(0, 5)):
        at = chance.randint(0, len(made))
        made[at : at + chance.randint(0, 3)] = [chance.choice(WORDS) for _ in range(chance.randint(0, 3))]
    return made


def regions_of(store: Store, base: str, target: str, change: str) -> list[Region]:
    oids = [blobs.write(store.mirror, text.encode()) for text in (base, target, change)]
    ours, theirs = (three_sides.steps(conflicts.between(store.mirror, oids[0], oid)) for oid in oids[1:])
    whole = [[line.encode() for line in text.splitlines(keepends=True)] for text in (target, change)]
    return three_sides.regions(ours, theirs, *whole)


MARKED = re.compile(r"^<<<<<<< .*?\n(.*?)^\|\|\|\|\|\|\| .*?\n(.*?)^=======\n(.*?)^>>>>>>> .*?\n", re.M | re.S)


@pytest.mark.parametrize("seed", range(40))
def test_the_places_are_those_that_git_puts_markers_around(store: Store, seed: int) -> None:
    """Of random texts with many equal lines, line for line what stands between git's own markers."""
    chance = random.Random(seed)
    base = [chance.choice(WORDS) for _ in range(chance.randint(0, 24))]
    texts = ["".join(lines) for lines in (base, mutated(base, chance), mutated(base, chance))]
    start = committed(store, {"a": plain(texts[0]), "b": plain("b\n")})
    target, change = (committed(store, {"a": plain(text), "b": plain("b\n")}, start) for text in texts[1:])
    conflicting = conflicts.find(store.mirror, base=start, target=target, revision=change)
    tree = conflicts.marked(store.mirror, base=start, target=target, revision=change)
    written = (mirrors.read_file(store.mirror, tree, "a") or b"").decode()
    git = [(before, there, here) for there, before, here in MARKED.findall(written)]
    lines = [text.splitlines(keepends=True) for text in texts]
    ours = [
        tuple("".join(side[span.start : span.end]) for side, span in zip(lines, region, strict=True) if span)
        for region in regions_of(store, *texts)
    ]
    said = [tuple(part for part in places if part) for places in git if places[1] != places[2]]
    assert ours == said
    assert bool(ours) == bool(conflicting)


def test_markers_in_the_text_itself_are_text(store: Store) -> None:
    """A file that is full of markers is shown as it is, and its places are where the sides meet."""
    noise = "<<<<<<< x\n||||||| y\n=======\n>>>>>>> z\n"
    [region] = regions_of(store, noise + "one\n", noise + "two\n", noise + "three\n")
    assert region.base is not None
    assert (region.base.start, region.base.end) == (4, 5)


def test_who_moved_the_files(tmp_path: Path, store: Store) -> None:
    repository = Repository.make(tmp_path, files={"a": "1\n", "b": "1\n"})
    base = repository.head
    first = repository.commit("touches a, and says so\x01 oddly", {"a": "2\n"})
    repository.commit("touches b", {"b": "2\n"})
    last = repository.commit("touches both", {"a": "3\n", "b": "3\n"})
    mirror = tmp_path / "mirror.git"
    mirrors.create(repository.path, mirror)
    found = conflicts.movers(mirror, base, last, ["a"], 10)
    assert [each.commit for each in found] == [last, first]
    assert [each.author for each in found] == ["Ada Lovelace"] * 2
    assert found[1].subject == "touches a, and says so\x01 oddly"
    assert [each.commit for each in conflicts.movers(mirror, base, last, ["a"], 1)] == [last]
    assert conflicts.count(mirror, base, last) == 3


def test_nothing_is_written_to_a_ref(store: Store) -> None:
    before = run(store.mirror, "for-each-ref").out
    meet(store, BASE, {"a": THEIRS}, {"a": MINE})
    assert run(store.mirror, "for-each-ref").out == before
