"""Parts of a diff: what was chosen and nothing else, to the byte; and the rest gives the whole."""

from __future__ import annotations

import random

import pytest

from server.domain.diff import FileDiff
from server.domain.errors import Invalid
from server.git import diffs, parts
from server.git.edits import mode_of, replace_file
from server.git.mirrors import read_file
from tests.git.store import Store, Trees, plain
from tests.support.oddities import ODDITIES, merged

LINES = [f"line {number}\n" for number in range(60)]
OLD = "".join(LINES)
THREE = OLD.replace("line 3\n", "line three\n").replace("line 30\n", "").replace("line 58\n", "line 58\nand more\n")


def compared(store: Store, before: Trees, after: Trees) -> tuple[str, str, list[FileDiff]]:
    base, head = store.tree(before), store.tree(after)
    return base, head, diffs.compare(store.mirror, base, head)


def content(store: Store, tree: str, path: str) -> str:
    found = read_file(store.mirror, tree, path)
    assert found is not None
    return found.decode()


@pytest.mark.parametrize("hunk", range(3))
def test_one_hunk_of_a_file(store: Store, hunk: int) -> None:
    base, _, files = compared(store, {"a": plain(OLD)}, {"a": plain(THREE), "b": plain("new\n")})
    assert parts.count_hunks(files[0]) == 3
    made = content(store, parts.tree(store.mirror, base, files, {0: {hunk}}), "a")
    expected = [
        OLD.replace("line 3\n", "line three\n"),
        OLD.replace("line 30\n", ""),
        OLD.replace("line 58\n", "line 58\nand more\n"),
    ]
    assert made == expected[hunk]


def test_what_was_not_chosen_stays_as_it_was(store: Store) -> None:
    base, _, files = compared(store, {"a": plain(OLD), "gone": plain("x\n")}, {"a": plain(THREE), "b": plain("new\n")})
    made = parts.tree(store.mirror, base, files, {1: None})
    assert [file.path for file in diffs.compare(store.mirror, base, made)] == ["b"]
    assert parts.tree(store.mirror, base, files, {}) == base


def without(name: str, trees: tuple[Trees, Trees]) -> tuple[Trees, Trees]:
    """The trees without one oddity."""
    place = list(ODDITIES).index(name)
    before, after = ({path: file for path, file in tree.items() if path.split("/")[0] != f"{place}"} for tree in trees)
    return before, after


@pytest.mark.parametrize("left_out", ["moved link gives way to a folder", "edited"])
def test_all_of_it_is_the_whole(store: Store, left_out: str) -> None:
    base, head, files = compared(store, *without(left_out, merged()))
    assert parts.tree(store.mirror, base, files, dict.fromkeys(range(len(files)))) == head
    hunks = {
        place: set(range(parts.count_hunks(file))) if parts.divisible(file) else None
        for place, file in enumerate(files)
    }
    assert parts.tree(store.mirror, base, files, hunks) == head


@pytest.mark.parametrize("seed", range(3))
def test_a_part_and_then_the_rest_is_the_whole(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    trees = without("moved link gives way to a folder", merged()) if seed % 2 else merged()
    base, head, files = compared(store, *map(some_edits, trees, (0, seed + 1)))
    chosen = some_part(chance, files)
    part = parts.tree(store.mirror, base, files, chosen)
    rest = diffs.compare(store.mirror, part, head)
    assert store.apply(part, diffs.patch(rest)) == head
    taken = diffs.compare(store.mirror, base, part)
    touched = {name for place in chosen for name in (files[place].path, files[place].old_path)}
    assert {file.path for file in taken} <= touched


def some_edits(tree: Trees, seed: int) -> Trees:
    """The tree with a long file that is edited in many places, more or less close to each other."""
    chance = random.Random(seed)
    lines = list(LINES) * 5
    for _ in range(12 if seed else 0):
        at = chance.randrange(len(lines))
        lines[at : at + chance.randrange(3)] = [f"edit {chance.random()}\r\n"] * chance.randrange(3)
    if seed % 2:
        lines[-1] = "no end"
    return {**tree, "long": plain("".join(lines))}


def some_part(chance: random.Random, files: list[FileDiff]) -> dict[int, set[int] | None]:
    """Half of the files; what takes another's place, and what has to go for it, are left out."""
    crossing = {place for place, file in enumerate(files) if any(crosses(file, other) for other in files)}
    chosen: dict[int, set[int] | None] = {}
    for place, file in enumerate(files):
        if chance.random() < 0.5 or place in crossing:
            continue
        chosen[place] = None
        if parts.divisible(file):
            hunks = {hunk for hunk in range(parts.count_hunks(file)) if chance.random() < 0.5}
            chosen[place] = hunks or None
    return chosen


def crosses(one: FileDiff, other: FileDiff) -> bool:
    names = [(a, b) for a in (one.path, one.old_path) for b in (other.path, other.old_path) if a and b]
    return any(a.startswith(f"{b}/") or b.startswith(f"{a}/") for a, b in names)


def test_a_last_line_without_an_end_can_be_chosen_alone(store: Store) -> None:
    base, _, files = compared(store, {"a": plain(OLD)}, {"a": plain("first\n" + OLD.removesuffix("\n"))})
    assert content(store, parts.tree(store.mirror, base, files, {0: {1}}), "a") == OLD.removesuffix("\n")
    assert content(store, parts.tree(store.mirror, base, files, {0: {0}}), "a") == "first\n" + OLD


def test_hunks_of_what_is_no_plain_text_are_refused(store: Store) -> None:
    before: Trees = {"a": plain(OLD), "b": plain(b"\0one")}
    after: Trees = {"a": ("100755", THREE.encode()), "b": plain(b"\0two")}
    base, _, files = compared(store, before, after)
    for place in (0, 1):
        assert not parts.divisible(files[place])
        with pytest.raises(Invalid, match="Choose the whole file"):
            parts.tree(store.mirror, base, files, {place: {0}})


def test_choices_that_are_not_in_the_diff_are_refused(store: Store) -> None:
    base, _, files = compared(store, {"a": plain(OLD)}, {"a": plain(THREE)})
    with pytest.raises(Invalid, match="no file 1"):
        parts.tree(store.mirror, base, files, {1: None})
    for hunks in ({3}, {-1}, set[int]()):
        with pytest.raises(Invalid, match="has 3 hunks"):
            parts.tree(store.mirror, base, files, {0: hunks})


def test_a_file_in_the_place_of_a_folder_needs_that_the_folder_goes(store: Store) -> None:
    base, head, files = compared(
        store, {"a/b": plain("one\n"), "c": plain("x")}, {"a": plain("two\n"), "c/d": plain("y")}
    )
    places = {file.path: place for place, file in enumerate(files)}
    with pytest.raises(Invalid, match=r"a takes the place of a/b\. Choose a/b, too"):
        parts.tree(store.mirror, base, files, {places["a"]: None})
    with pytest.raises(Invalid, match="c/d takes the place of c"):
        parts.tree(store.mirror, base, files, {places["c/d"]: None})
    one = parts.tree(store.mirror, base, files, {places["a"]: None, places["a/b"]: None})
    assert mode_of(store.mirror, one, "c") == "100644"
    assert parts.tree(store.mirror, base, files, dict.fromkeys(range(len(files)))) == head


def test_a_file_is_replaced_and_keeps_its_mode(store: Store) -> None:
    tree = store.tree({"run": ("100755", b"one\n"), "other": plain("x\n")})
    made = replace_file(store.mirror, tree, "run", b"two\r\n\0")
    assert made == store.tree({"run": ("100755", b"two\r\n\0"), "other": plain("x\n")})
