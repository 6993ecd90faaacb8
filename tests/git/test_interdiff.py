"""What was done between two revisions, told apart from what their bases brought."""

from __future__ import annotations

import pytest

from server.domain.errors import GitError
from server.git import commands
from server.git.diffs import compare
from server.git.interdiff import Rebased, onto
from tests.git.store import GITLINK, Store, Trees, plain

LINES = [f"line {n}\n" for n in range(1, 31)]
NUMBERED = "".join(LINES)


def edited(**changes: str) -> str:
    """The lines with some of them (n3="…") replaced."""
    wanted = {int(key[1:]): text for key, text in changes.items()}
    return "".join(f"{wanted[n]}\n" if n in wanted else line for n, line in enumerate(LINES, 1))


def brought(store: Store, base: Trees, revision: Trees, later: Trees) -> Rebased:
    """`revision`, made on `base`, on the base `later`."""
    trees = (store.tree(files) for files in (base, revision, later))
    base_tree, tree, new_base_tree = trees
    return onto(store.mirror, base_tree=base_tree, tree=tree, new_base_tree=new_base_tree)


def test_on_the_same_base_git_is_not_asked(store: Store) -> None:
    base, tree = store.tree({"a": plain("1")}), store.tree({"a": plain("2")})
    before = commands.started()
    assert onto(store.mirror, base_tree=base, tree=tree, new_base_tree=base) == Rebased(tree)
    assert commands.started() == before


def test_what_the_base_brought_is_on_both_sides(store: Store) -> None:
    """The base changed line 3 of the agent's file, and two files of its own; the agent's lines are as they were."""
    base = {"app": plain(NUMBERED), "other": plain("1\n"), "gone": plain("x\n")}
    revision = {**base, "app": plain(edited(n20="done")), "fresh": plain("fresh\n")}
    later = {"app": plain(edited(n3="from the base")), "other": plain("2\n")}
    rebased = brought(store, base, revision, later)
    assert rebased.blurred == ()
    both = {"app": plain(edited(n3="from the base", n20="done")), "other": plain("2\n"), "fresh": plain("fresh\n")}
    assert rebased.tree == store.tree(both)
    assert rebased.commit is not None

    better = store.tree({**both, "app": plain(edited(n3="from the base", n20="done well"))})
    (file,) = compare(store.mirror, rebased.tree, better)
    assert (file.path, file.additions, file.deletions) == ("app", 1, 1)
    assert b"from the base" not in file.text
    assert b"\n-done\n+done well\n" in file.text


def test_the_same_question_has_the_same_answer(store: Store) -> None:
    files = ({"a": plain(NUMBERED)}, {"a": plain(edited(n2="x"))}, {"a": plain(edited(n20="y"))})
    assert brought(store, *files) == brought(store, *files)


def test_what_the_attributes_put_together_is_put_together_as_when_it_lands(store: Store) -> None:
    """So that what Narrows brings up to date by them has nothing new to read."""
    rules: Trees = {".gitattributes": plain("log merge=union\n")}
    base, revision, later = ({**rules, "log": plain(NUMBERED + end)} for end in ("", "mine\n", "theirs\n"))
    rebased = brought(store, base, revision, later)
    assert rebased == Rebased(store.tree({**rules, "log": plain(NUMBERED + "theirs\nmine\n")}), rebased.commit)


def test_a_file_that_the_base_renamed_takes_the_revisions_lines_along(store: Store) -> None:
    rebased = brought(
        store, {"old": plain(NUMBERED)}, {"old": plain(edited(n9="mine"))}, {"new": plain(edited(n25="theirs"))}
    )
    assert rebased == Rebased(store.tree({"new": plain(edited(n9="mine", n25="theirs"))}), rebased.commit)


def test_a_folder_that_the_base_renamed_takes_nothing_along(store: Store) -> None:
    base = {f"old/{n}": plain(f"{n}{NUMBERED}") for n in range(3)}
    moved = {name.replace("old", "new"): entry for name, entry in base.items()}
    rebased = brought(store, base, {**base, "old/fresh": plain("fresh\n")}, moved)
    assert rebased.tree == store.tree({**moved, "old/fresh": plain("fresh\n")})
    assert rebased.blurred == ()


MINE = plain(edited(n5="mine"))
THEIRS = plain(edited(n5="theirs"))
BASE: Trees = {"a": plain(NUMBERED)}


@pytest.mark.parametrize(
    ("base", "revision", "later", "result", "blurred"),
    [
        (BASE, {"a": MINE}, {"a": THEIRS}, {"a": MINE}, {"a"}),
        ({}, {"a": MINE}, {"a": THEIRS}, {"a": MINE}, {"a"}),
        (BASE, {"a": MINE}, {}, {"a": MINE}, {"a"}),
        (BASE, {}, {"a": THEIRS}, {}, {"a"}),
        (BASE, {"b": plain(NUMBERED)}, {"c": plain(NUMBERED)}, {"b": plain(NUMBERED)}, {"a", "b", "c"}),
        (BASE, {"a": plain(b"\0m")}, {"a": plain(b"\0t")}, {"a": plain(b"\0m")}, {"a"}),
        (BASE, {"a": ("120000", b"mine")}, {"a": THEIRS}, {"a": ("120000", b"mine")}, {"a"}),
        (BASE, {"a/x": MINE}, {"a": THEIRS}, {"a/x": MINE}, {"a/x"}),
        (BASE, {"a": MINE}, {"a/x": THEIRS}, {"a/x": MINE}, {"a/x"}),
        ({}, {"a/x": MINE}, {"a": THEIRS}, {"a/x": MINE}, set()),
        ({}, {"a": MINE}, {"a/x": THEIRS}, {"a": MINE}, {"a"}),
        (
            {"s": (GITLINK, b"1" * 40)},
            {"s": (GITLINK, b"2" * 40)},
            {"s": (GITLINK, b"3" * 40)},
            {"s": (GITLINK, b"2" * 40)},
            {"s"},
        ),
    ],
    ids=[
        "the same line",
        "added twice",
        "gone in the base",
        "gone in the revision",
        "renamed in two ways",
        "binary",
        "a link",
        "moved into a folder by the revision",
        "moved into a folder by the base",
        "a new folder in the revision",
        "a new folder in the base",
        "a submodule",
    ],
)
def test_what_both_changed_alike_is_as_the_revision_had_it(
    store: Store, base: Trees, revision: Trees, later: Trees, result: Trees, blurred: set[str]
) -> None:
    rest: Trees = {"rest": plain("rest\n"), "a~1": plain("an odd name")}
    rebased = brought(store, base | rest, revision | rest, later | rest | {"rest": plain("newer\n")})
    assert blurred <= set(rebased.blurred)
    assert rebased.tree == store.tree(result | rest | {"rest": plain("newer\n")})


def test_names_of_any_bytes_are_blurred_as_they_are(store: Store) -> None:
    name = 'dir/\udcff\n\t"q"'
    rebased = brought(store, {name: plain(NUMBERED)}, {name: MINE}, {name: THEIRS})
    assert rebased.blurred == (name,)


def test_a_tree_that_is_not_there_is_said(store: Store) -> None:
    tree = store.tree({})
    with pytest.raises(GitError):
        onto(store.mirror, base_tree=tree, tree="1" * 40, new_base_tree=store.tree({"a": plain("1")}))
