"""What `.gitattributes` say of a merge holds as in a checkout: beside each merge is what git makes of it there."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.git import attributes, conflicts, merges, mirrors
from server.git.commands import NOBODY, Person, run, started
from server.git.conflicts import Kind
from server.git.forecast import Side, foresee
from server.git.merges import Built, Conflict, Step
from server.git.objects import commit, tree_of
from tests.git.store import Store, Trees, plain
from tests.git.test_forecast import BASE, RULED, RULES, made_up
from tests.support.repositories import Repository

ADA = Person("Ada", "ada@example.org")
ASIDE = re.compile(r"~[^/]*\Z")
LINES = [f"line {number}\n" for number in range(40)]
LOG = "".join(LINES)
UNION = plain("*.log merge=union\n")

Outcome = str | list[str]  # the tree of a merge, or the files in conflict


def text(**edits: str) -> tuple[str, bytes]:
    """The lines, some of them (n3="…") replaced."""
    wanted = {int(key[1:]): f"{line}\n" for key, line in edits.items()}
    return plain("".join(wanted.get(number, line) for number, line in enumerate(LINES)))


END = "n39"
MINE, THEIRS = text(n39="mine"), text(n39="theirs")  # in each other's way
TOP, BOTTOM = text(n2="top"), text(n37="bottom")  # far apart


@dataclass
class World:
    """A mirror, and a checkout of the same commits, in which git merges as it does for anybody."""

    store: Store
    checkout: Repository

    @property
    def mirror(self) -> Path:
        return self.store.mirror

    def commit(self, files: Trees, *parents: str) -> str:
        return commit(self.mirror, self.store.tree(files), parents, "made", NOBODY, NOBODY, merges.EPOCH)

    def git_merges(self, ours: str, theirs: str, *command: str) -> Outcome:
        """What `git merge` leaves, or another command that merges."""
        self.checkout.git("reset", "-q", "--hard", ours)
        self.checkout.git("clean", "-q", "-ffdx")
        words = command or ("merge", "-q", "--no-ff", "--no-commit")
        try:
            self.checkout.git("-c", "merge.directoryRenames=conflict", *words, theirs)
        except AssertionError as failed:
            if " exited 1: " not in str(failed):
                raise
            unmerged = self.checkout.git("ls-files", "-z", "--unmerged").split("\0")[:-1]
            return sorted({ASIDE.sub("", entry.split("\t", 1)[1]) for entry in unmerged})
        return self.checkout.git("write-tree")

    def merges(self, base: str, ours: str, theirs: str) -> Outcome:
        merged = merges.merge(self.mirror, base, ours, theirs)
        return sorted({ASIDE.sub("", name) for name in merged.files}) if isinstance(merged, Conflict) else merged

    def side(self, base: str, head: str) -> Side:
        return Side(tree_of(self.mirror, base), tree_of(self.mirror, head))


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    checkout = Repository.make(tmp_path, "checkout")
    (checkout.path / ".git/objects/info/alternates").write_text(f"{store.mirror / 'objects'}\n")
    return World(store, checkout)


@dataclass
class Case:
    """Files that all sides have, and what each has beside."""

    base: Trees
    ours: Trees
    theirs: Trees
    clean: bool


BOTH_AT_THE_END: tuple[Trees, Trees, Trees] = ({"a.log": plain(LOG)}, {"a.log": MINE}, {"a.log": THEIRS})
FAR_APART: tuple[Trees, Trees, Trees] = ({"a.log": plain(LOG)}, {"a.log": TOP}, {"a.log": BOTTOM})


def everywhere(files: Mapping[str, str | tuple[str, bytes]], edits: tuple[Trees, Trees, Trees], clean: bool) -> Case:
    """Attribute files that all sides have."""
    rules = {name: plain(said) if isinstance(said, str) else said for name, said in files.items()}
    base, ours, theirs = edits
    return Case(base | rules, ours | rules, theirs | rules, clean)


def moved(edits: tuple[Trees, Trees, Trees], old: str, new: str) -> tuple[Trees, Trees, Trees]:
    base, ours, theirs = ({name.replace(old, new): entry for name, entry in files.items()} for files in edits)
    return base, ours, theirs


CASES = {
    "none": everywhere({}, BOTH_AT_THE_END, False),
    "union": everywhere({".gitattributes": UNION}, BOTH_AT_THE_END, True),
    "unset": everywhere({".gitattributes": "*.log -merge\n"}, FAR_APART, False),
    "binary by its name": everywhere({".gitattributes": "*.log merge=binary\n"}, FAR_APART, False),
    "binary by git's macro": everywhere({".gitattributes": "*.log binary\n"}, FAR_APART, False),
    "text after all": everywhere({".gitattributes": "* merge=union\n*.log merge=text\n"}, BOTH_AT_THE_END, False),
    "set": everywhere({".gitattributes": "* merge=union\n*.log merge\n"}, BOTH_AT_THE_END, False),
    "unspecified": everywhere({".gitattributes": "* merge=union\n*.log !merge\n"}, BOTH_AT_THE_END, False),
    "a driver that nobody has": everywhere({".gitattributes": "* merge=theirs\n"}, BOTH_AT_THE_END, False),
    "a macro": everywhere({".gitattributes": "[attr]both merge=union\n*.log both\n"}, BOTH_AT_THE_END, True),
    "a macro that a folder uses": everywhere(
        {".gitattributes": "[attr]both merge=union\n", "in/.gitattributes": "*.log both\n"},
        moved(BOTH_AT_THE_END, "a.log", "in/a.log"),
        True,
    ),
    "nothing about merging": everywhere({".gitattributes": "*.log text eol=lf\n"}, BOTH_AT_THE_END, False),
    "a folder's own": everywhere(
        {"in/side/.gitattributes": UNION}, moved(BOTH_AT_THE_END, "a.log", "in/side/a.log"), True
    ),
    "another folder's": everywhere({"in/.gitattributes": UNION}, BOTH_AT_THE_END, False),
    "a folder's over those above it": everywhere(
        {".gitattributes": UNION, "in/.gitattributes": "*.log -merge\n"}, moved(FAR_APART, "a.log", "in/a.log"), False
    ),
    "odd names": everywhere(
        {'o\n"d\udcff/.gitattributes': UNION}, moved(BOTH_AT_THE_END, "a.log", 'o\n"d\udcff/a.log'), True
    ),
    "names that are nearly right": everywhere(
        {"x.gitattributes": UNION, ".gitattributes.bak": UNION, ".gitattributes/x": UNION}, BOTH_AT_THE_END, False
    ),
    "a link": everywhere({"rules": UNION, ".gitattributes": ("120000", b"rules")}, BOTH_AT_THE_END, False),
    "a program": everywhere({".gitattributes": ("100755", UNION[1])}, BOTH_AT_THE_END, True),
    "the change brings them": Case(
        BOTH_AT_THE_END[0], BOTH_AT_THE_END[1], BOTH_AT_THE_END[2] | {".gitattributes": UNION}, False
    ),
    "the change takes them away": Case(
        BOTH_AT_THE_END[0] | {".gitattributes": UNION},
        BOTH_AT_THE_END[1] | {".gitattributes": UNION},
        BOTH_AT_THE_END[2],
        True,
    ),
    "the target brings them": Case(
        BOTH_AT_THE_END[0], BOTH_AT_THE_END[1] | {".gitattributes": UNION}, BOTH_AT_THE_END[2], True
    ),
    "by the name that a file gets": everywhere(
        {".gitattributes": "moved.log merge=union\n"},
        ({"a.log": plain(LOG)}, {"moved.log": MINE}, {"a.log": THEIRS}),
        True,
    ),
    "a rename is text where line ends are not looked at": everywhere(
        {},
        (
            {"a.dat": plain(LOG.replace("\n", "\r\n"))},
            {"b.dat": plain(LOG)},
            {"a.dat": plain(LOG.replace("\n", "\r\n") + "end\r\n")},
        ),
        False,
    ),
    "and none where they are": everywhere(
        {".gitattributes": "*.dat -diff\n"},
        (
            {"a.dat": plain(LOG.replace("\n", "\r\n"))},
            {"b.dat": plain(LOG)},
            {"a.dat": plain(LOG.replace("\n", "\r\n") + "end\r\n")},
        ),
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_merge_is_what_git_makes_of_it_in_a_checkout(world: World, name: str) -> None:
    case = CASES[name]
    base = world.commit(case.base | {"rest": plain("rest\n")})
    ours = world.commit(case.ours | {"rest": plain("rest\n"), "of the target": plain("x\n")}, base)
    theirs = world.commit(case.theirs | {"rest": plain("rest\n"), "of the change": plain("x\n")}, base)

    gits = world.git_merges(ours, theirs)
    assert isinstance(gits, str) == case.clean
    assert world.merges(base, ours, theirs) == gits

    files = [] if isinstance(gits, str) else gits
    found = conflicts.find(world.mirror, base=base, target=ours, revision=theirs)
    assert sorted({each.path for each in found}) == files
    assert (conflicts.marked(world.mirror, base=base, target=ours, revision=theirs) == gits) == case.clean

    # Of two changes each one is the target's side once, so what it does to the attributes holds then.
    sides = world.side(base, ours), world.side(base, theirs)
    back = world.git_merges(theirs, ours)
    assert foresee(world.mirror, ours, [(None, sides[1])]) == {(None, sides[1]): files}
    assert foresee(world.mirror, base, [sides, sides[::-1]]) == {
        sides: files,
        sides[::-1]: [] if isinstance(back, str) else back,
    }


def test_attributes_that_two_sides_changed_hold_as_they_were_merged(world: World) -> None:
    """The merged file is in no tree that anybody has: only what is foreseen has it."""
    comments = "# nothing\n" * 20
    rest: Trees = {".gitattributes": plain(comments), "a.log": plain(LOG)}
    base = world.commit(rest)
    target = world.commit(rest | {".gitattributes": plain(f"*.png binary\n{comments}")}, base)
    rules = plain(f"{comments}*.log merge=union\n")
    first = world.commit({".gitattributes": rules, "a.log": MINE}, base)
    second = world.commit(rest | {"a.log": THEIRS}, base)
    pair = world.side(base, first), world.side(base, second)
    assert foresee(world.mirror, target, [(None, pair[1]), pair, pair[::-1]]) == {
        (None, pair[1]): [],
        pair: [],
        pair[::-1]: ["a.log"],
    }
    for order, clean in (((first, second), True), ((second, first), False)):
        landed = world.merges(base, target, order[0])
        assert landed == world.git_merges(target, order[0])
        tip = commit(world.mirror, str(landed), [target], "landed", NOBODY, NOBODY, merges.EPOCH)
        gits = world.git_merges(tip, order[1])
        assert gits == world.merges(base, tip, order[1])
        assert isinstance(gits, str) == clean


@pytest.mark.parametrize("seed", [*range(12), 146, 169, 197])  # the last ones: a folder is unclear
def test_made_up_sides_merge_as_git_merges_them(world: World, seed: int) -> None:
    chance = random.Random(seed)
    base = made_up(chance, BASE | {name: plain(chance.choice(RULES)) for name in RULED})
    root = world.commit(base)
    ours, theirs = (world.commit(made_up(chance, made_up(chance, base)), root) for _ in range(2))
    gits, merged = world.git_merges(ours, theirs), world.merges(root, ours, theirs)
    assert merged == gits or (gits == [] and isinstance(merged, list)), "git names no file where a folder is unclear"
    found = conflicts.find(world.mirror, base=root, target=ours, revision=theirs)
    side = world.side(root, theirs)
    foreseen = foresee(world.mirror, ours, [(None, side)])[None, side]
    assert bool(found) == bool(foreseen) == isinstance(merged, list)


def test_a_rename_that_is_not_seen_is_a_file_that_is_gone(world: World) -> None:
    """The two cases of line ends are both conflicts, and not the same ones."""
    kinds = []
    for name in ("a rename is text where line ends are not looked at", "and none where they are"):
        case = CASES[name]
        base = world.commit(case.base)
        sides = world.commit(case.ours, base), world.commit(case.theirs, base)
        [found] = conflicts.find(world.mirror, base=base, target=sides[0], revision=sides[1])
        kinds.append((found.path, found.kind))
    assert kinds == [("b.dat", Kind.BOTH_CHANGED), ("a.dat", Kind.REMOVED)]


def test_what_merges_only_as_a_whole_is_said_to(world: World) -> None:
    case = CASES["unset"]
    base = world.commit(case.base)
    target, change = world.commit(case.ours, base), world.commit(case.theirs, base)
    [found] = conflicts.find(world.mirror, base=base, target=target, revision=change)
    assert (found.path, found.kind) == ("a.log", Kind.BINARY)


def test_markers_are_as_long_as_they_are_asked_to_be(world: World) -> None:
    case = everywhere({".gitattributes": "*.log conflict-marker-size=20\n"}, BOTH_AT_THE_END, False)
    base = world.commit(case.base)
    target, change = world.commit(case.ours, base), world.commit(case.theirs, base)
    tree = conflicts.marked(world.mirror, base=base, target=target, revision=change)
    marked = mirrors.read_file(world.mirror, tree, "a.log") or b""
    assert b"\n" + b"<" * 20 + b" " in marked
    assert b"\n" + b"|" * 20 + b" " in marked


def test_a_revert_and_each_step_of_a_rebase_go_by_them(world: World) -> None:
    rules: Trees = {".gitattributes": UNION, "a.log": plain(LOG)}
    base = world.commit(rules)
    landed = world.commit(rules | {"a.log": plain(LOG + "landed\n")}, base)
    target = world.commit(rules | {"a.log": plain(LOG + "landed\nlater\n")}, landed)
    reverted = merges.revert(world.mirror, target=target, landed=landed, message="Undo", author=ADA)
    assert isinstance(reverted, Built)
    assert reverted.tree == world.git_merges(target, landed, "revert", "--no-commit")

    one = world.commit(rules | {"a.log": plain(LOG + "one\n")}, base)
    two = world.commit(rules | {"a.log": plain(LOG + "one\ntwo\n")}, base)
    built = merges.build(
        world.mirror,
        target=target,
        base=base,
        revision=two,
        method="rebase",
        message="Two",
        earlier=[Step(one, base, "One")],
        author=ADA,
        committer=ADA,
    )
    assert isinstance(built, Built)
    trees = [tree_of(world.mirror, each) for each in built.commits]
    assert trees == [world.git_merges(target, each) for each in (one, two)]


def test_a_program_that_they_or_anybodys_configuration_names_does_not_run(
    world: World, home: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    drivers = "".join(f'[merge "{name}"]\n\tdriver = touch {marker}\n' for name in ("evil", "text", "union", "binary"))
    (home / ".gitconfig").write_text(f"{drivers}[merge]\n\tdefault = evil\n[core]\n\tattributesFile = {home / 'own'}\n")
    (home / "own").write_text("* merge=evil\n")
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/attributes").write_text("* merge=evil\n")
    rules: Trees = {".gitattributes": plain("*.log merge=union\nx merge=evil\n")}
    names = ("a.log", "x", "y")
    base = world.commit(rules | dict.fromkeys(names, plain(LOG)))
    ours = world.commit(rules | dict.fromkeys(names, MINE), base)
    theirs = world.commit(rules | dict.fromkeys(names, THEIRS), base)
    side = world.side(base, theirs)
    ways: list[Callable[[], Outcome]] = [
        lambda: world.merges(base, ours, theirs),
        lambda: [each.path for each in conflicts.find(world.mirror, base=base, target=ours, revision=theirs)],
        lambda: foresee(world.mirror, ours, [(None, side)])[None, side],
    ]
    for merged in ways:
        with (world.mirror / "config").open("a") as config:
            config.write(drivers)
        assert merged() == ["x", "y"]
    assert not marker.exists()


class TestOf:
    def test_they_are_asked_for_once_and_read_once_for_several_trees(self, world: World) -> None:
        rules: Trees = {".gitattributes": UNION, "in/.gitattributes": plain("*.txt -merge\n")}
        first, second = (world.store.tree(rules | {"n": plain(f"{number}\n")}) for number in range(2))
        begun = started()
        found = attributes.of(world.mirror, first)
        assert found == ((".gitattributes", UNION[1]), ("in/.gitattributes", b"*.txt -merge\n"))
        assert started() - begun == 3
        assert attributes.of(world.mirror, first) == found
        assert started() - begun == 3
        assert attributes.of(world.mirror, second) == found
        assert started() - begun == 4

    def test_without_any_nothing_is_read_and_no_folder_made(
        self, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree = world.store.tree({"a": plain("only a\n"), "in/b": plain("b\n")})
        begun = started()
        assert attributes.of(world.mirror, tree) == ()
        assert started() - begun == 1
        with attributes.laid_out(()) as folder:
            assert folder is None

    def test_what_concerns_no_merge_counts_for_nothing(self, world: World) -> None:
        tree = world.store.tree({".gitattributes": plain("* text=auto eol=lf\n*.sh eol=lf\n")})
        assert attributes.of(world.mirror, tree) == ()

    def test_a_huge_one_is_left_out_and_so_are_those_that_are_too_much_together(self, world: World) -> None:
        large, small = b"#" * 999_000 + b"\n" + UNION[1], UNION[1]
        files: Trees = {f"{number:02}/.gitattributes": plain(large) for number in range(40)}
        files |= {"huge/.gitattributes": plain(b"#" * 1_000_000 + small), "z/.gitattributes": plain(small)}
        found = attributes.of(world.mirror, world.store.tree(files))
        assert [name for name, _ in found] == [f"{number:02}/.gitattributes" for number in range(10)] + [
            "z/.gitattributes"
        ]

    @pytest.mark.parametrize("entry", ["..", "../../x", "/", "/x", "."])
    def test_a_tree_that_leads_out_of_the_folder_leads_nowhere(self, world: World, tmp_path: Path, entry: str) -> None:
        blob = world.store._oid("100644", UNION[1])
        inner = run(world.mirror, "mktree", input=f"100644 blob {blob}\t.gitattributes\n".encode()).text
        raw = b"40000 " + entry.encode() + b"\0" + bytes.fromhex(inner)
        tree = run(world.mirror, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", input=raw).text
        with attributes.laid_out(attributes.of(world.mirror, tree)) as folder:
            inside = [each for each in (folder.rglob("*") if folder else ()) if each.is_file()]
            assert all(folder and each.is_relative_to(folder) for each in inside)
        assert ".." not in entry or not inside

    def test_what_no_checkout_can_hold_is_passed_over(self, world: World) -> None:
        """A name that no file system takes, and a file that is a folder as well."""
        long = "x" * 300
        rules = ((f"{long}/.gitattributes", UNION[1]), ("in", b""), ("in/.gitattributes", UNION[1]))
        with attributes.laid_out((*rules, (".gitattributes", UNION[1]))) as folder:
            assert folder
            assert sorted(each.name for each in folder.iterdir()) == [".gitattributes", "in"]
