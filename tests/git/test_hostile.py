"""An agent that tries to make Narrows' git start a program of its own, or reach out of its tree.

Each trap would write to a marker file when it goes off. `everything` is all that Narrows does with a tree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from server.domain.errors import GitError
from server.git import merges, mirrors, places, worktrees
from server.git.commands import NOBODY, run
from server.git.contents import TooLarge
from server.git.diffs import compare, patch
from server.git.merges import Built
from server.git.objects import tree_of
from server.git.places import place
from server.git.snapshots import take
from tests.git.hostile import ATTACKS, FILES, Ground
from tests.git.store import Store
from tests.support.repositories import Repository, environment

HOOKS = (
    *("post-checkout", "pre-commit", "post-commit", "reference-transaction", "post-index-change", "pre-auto-gc"),
    *("post-merge", "post-rewrite", "fsmonitor-watchman", "pre-receive", "update", "post-update", "proc-receive"),
)


class Trap:
    """A program that leaves a mark, and the tree that it is planted in."""

    def __init__(self, folder: Path, tree: Path, mirror: Path) -> None:
        self.marker = folder / "marker"
        self.program = folder / "trap.sh"
        self.program.write_text(f"#!/bin/sh\necho \"$0 $@\" >> '{self.marker}'\ncat\n")
        self.program.chmod(0o755)
        self.tree, self.mirror = tree, mirror

    @property
    def admin(self) -> Path:
        return place(self.mirror, self.tree).admin

    def config(self) -> str:
        """Every setting that makes git start a program."""
        run_it = self.program
        return (
            f"[core]\n\tfsmonitor = {run_it}\n\tsshCommand = {run_it}\n\tpager = {run_it}\n\teditor = {run_it}\n"
            f"\thooksPath = {run_it.parent}/hooks\n\tgitProxy = {run_it}\n\taskPass = {run_it}\n"
            f"\talternateRefsCommand = {run_it}\n\tattributesFile = {run_it.parent}/attributes\n"
            f"[alias]\n\tstatus = !{run_it}\n\tls-files = !{run_it}\n\tread-tree = !{run_it}\n"
            f'[filter "evil"]\n\tclean = {run_it}\n\tsmudge = {run_it}\n\tprocess = {run_it}\n\trequired = true\n'
            f'[diff "evil"]\n\tcommand = {run_it}\n\ttextconv = {run_it}\n'
            f"[diff]\n\texternal = {run_it}\n"
            f'[merge "evil"]\n\tdriver = {run_it} %A\n'
            f"[pager]\n\tdiff-tree = {run_it}\n\tls-files = {run_it}\n"
            f"[gpg]\n\tprogram = {run_it}\n[commit]\n\tgpgSign = true\n[log]\n\tshowSignature = true\n"
            f"[credential]\n\thelper = !{run_it}\n"
            f"[uploadpack]\n\tpackObjectsHook = {run_it}\n"
            f'[trailer "x"]\n\tcommand = {run_it}\n'
            f'[remote "origin"]\n\turl = ext::{run_it}\n\tpromisor = true\n\tuploadpack = {run_it}\n'
            f"[submodule]\n\trecurse = true\n"
            "[extensions]\n\tpartialClone = origin\n"
        )

    def hooks(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in HOOKS:
            shutil.copy(self.program, folder / name)

    def attributes(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("* filter=evil diff=evil merge=evil\n")


def hooks_in_the_mirror(trap: Trap) -> None:
    trap.hooks(trap.mirror / "hooks")
    trap.hooks(trap.admin / "hooks")


def configuration_of_the_mirror(trap: Trap) -> None:
    trap.hooks(trap.program.parent / "hooks")
    trap.attributes(trap.program.parent / "attributes")
    with (trap.mirror / "config").open("a") as config:
        config.write(trap.config())


def configuration_of_the_worktree(trap: Trap) -> None:
    (trap.admin / "config.worktree").write_text(trap.config())
    (trap.admin / "config").write_text(trap.config())
    with (trap.mirror / "config").open("a") as config:
        config.write("[extensions]\n\tworktreeConfig = true\n")


def configuration_that_includes(trap: Trap) -> None:
    (trap.tree / "evil.config").write_text(trap.config())
    with (trap.mirror / "config").open("a") as config:
        config.write(f"[include]\n\tpath = {trap.tree}/evil.config\n")


def attributes_in_the_mirror(trap: Trap) -> None:
    configuration_of_the_mirror(trap)
    trap.attributes(trap.mirror / "info/attributes")
    trap.attributes(trap.admin / "info/attributes")


def attributes_in_the_tree(trap: Trap) -> None:
    configuration_of_the_mirror(trap)
    trap.attributes(trap.tree / ".gitattributes")
    trap.attributes(trap.tree / "src/.gitattributes")


def dot_git_replaced_by_an_evil_repository(trap: Trap) -> None:
    (trap.tree / ".git").unlink()
    subprocess.run(["git", "init", "-q", trap.tree], check=True, env=environment(trap.tree))
    (trap.tree / ".git/config").write_text(trap.config())
    trap.hooks(trap.tree / ".git/hooks")
    trap.attributes(trap.tree / ".git/info/attributes")


def dot_git_points_to_an_evil_repository(trap: Trap) -> None:
    evil = trap.program.parent / "evil"
    subprocess.run(["git", "init", "-q", evil], check=True, env=environment(trap.tree))
    (evil / ".git/config").write_text(trap.config())
    trap.hooks(evil / ".git/hooks")
    (trap.tree / ".git").write_text(f"gitdir: {evil}/.git\n")
    (trap.admin / "commondir").write_text(f"{evil}/.git\n")


def evil_repository_in_a_folder(trap: Trap) -> None:
    for folder in ("src", "fresh"):
        subprocess.run(["git", "init", "-q", trap.tree / folder], check=True, env=environment(trap.tree))
        (trap.tree / folder / "file.txt").write_text("x")
        subprocess.run(["git", "add", "."], cwd=trap.tree / folder, check=True, env=environment(trap.tree))
        (trap.tree / folder / ".git/config").write_text(trap.config())
        trap.hooks(trap.tree / folder / ".git/hooks")


def evil_submodule(trap: Trap) -> None:
    evil = Repository.make(trap.tree, "sub")
    (trap.tree / ".gitmodules").write_text(
        f'[submodule "sub"]\n\tpath = sub\n\turl = ext::{trap.program}\n\tupdate = !{trap.program}\n'
    )
    admin = ["git", f"--git-dir={trap.admin}", f"--work-tree={trap.tree}", "-C", str(trap.tree)]
    subprocess.run([*admin, "add", "-A"], check=True, env=environment(trap.tree), capture_output=True)
    (evil.path / ".git/config").write_text(trap.config())
    trap.hooks(evil.path / ".git/hooks")
    (evil.path / "README.md").write_text("dirty")


def names_that_look_like_options(trap: Trap) -> None:
    for name in (
        "--upload-pack=x",
        "-c",
        f"--output={trap.marker}",
        "--exec=x",
        "new\nline",
        "`touch x`",
        "$(touch x)",
    ):
        path = trap.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def branches_with_evil_names(trap: Trap) -> None:
    for name in ("main/--upload-pack", "$(touch x)", "`touch x`"):
        path = trap.mirror / "refs/heads/agent" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((trap.admin / "HEAD").read_text())


def replaced_objects(trap: Trap) -> None:
    """`git replace` would show another commit wherever the base is read."""
    head = (trap.admin / "HEAD").read_text().strip()
    tree = run(trap.mirror, "mktree", input=b"").text
    fake = run(trap.mirror, "hash-object", "-t", "commit", "-w", "--stdin", input=fake_commit(tree)).text
    run(trap.mirror, "update-ref", f"refs/replace/{head}", fake)


def fake_commit(tree: str) -> bytes:
    return f"tree {tree}\nauthor E <e@x> 1 +0000\ncommitter E <e@x> 1 +0000\n\nevil\n".encode()


TRAPS: list[Callable[[Trap], None]] = [
    hooks_in_the_mirror,
    configuration_of_the_mirror,
    configuration_of_the_worktree,
    configuration_that_includes,
    attributes_in_the_mirror,
    attributes_in_the_tree,
    dot_git_replaced_by_an_evil_repository,
    dot_git_points_to_an_evil_repository,
    evil_repository_in_a_folder,
    evil_submodule,
    names_that_look_like_options,
    branches_with_evil_names,
    replaced_objects,
]


@pytest.fixture
def trap(repository: Repository, mirror: Path, tmp_path: Path) -> Trap:
    tree = tmp_path / "slots/1"
    worktrees.prepare(mirror, tree, repository.head)
    folder = tmp_path / "evil"
    folder.mkdir()
    return Trap(folder, tree, mirror)


def everything(repository: Repository, mirror: Path, tree: Path, plant: Callable[[], None]) -> str:
    """Every operation on a tree that an agent had, the trap set again before each one."""
    base = repository.head
    plant()
    (tree / "src/app.py").write_text("one\nevil\nthree\n")
    (tree / "work.txt").write_text("work\n")
    worktrees.touched(mirror, tree, base)
    worktrees.saved(mirror, tree)
    snapshot = take(mirror, tree, base=base, message="turn", author=NOBODY)
    assert snapshot
    mirrors.hold(mirror, "refs/narrows/changes/1/1", snapshot.commit)
    plant()
    assert {"src/app.py", "work.txt"} <= {file.path for file in compare(mirror, base, snapshot.commit)}
    target = repository.commit("meanwhile", {"src/app.py": "one\ntwo\nthree\nfour\n"})
    repository.write("README.md", "local edit\n")
    plant()
    assert mirrors.fetch(repository.path, mirror, "main") == target
    plant()
    built = merges.build(
        mirror,
        target=target,
        base=base,
        revision=snapshot.commit,
        method="squash",
        message="land",
        author=NOBODY,
        committer=NOBODY,
    )
    if not isinstance(built, Built):
        return snapshot.commit
    plant()
    merges.scope(mirror, tree_of(mirror, base), snapshot.tree, tree_of(mirror, target), built.tree)
    merges.revert(mirror, target=built.commit, landed=built.commit, message="undo", author=NOBODY)
    mirrors.release_all(mirror, "refs/narrows/changes/1/")
    worktrees.prepare(mirror, tree, base)
    return snapshot.commit


@pytest.mark.parametrize("plant", TRAPS, ids=lambda plant: plant.__name__)
def test_no_trap_goes_off(
    plant: Callable[[Trap], None], trap: Trap, repository: Repository, mirror: Path, tmp_path: Path
) -> None:
    planted = False

    def once() -> None:
        nonlocal planted
        in_the_tree = plant in (
            dot_git_replaced_by_an_evil_repository,
            dot_git_points_to_an_evil_repository,
            evil_repository_in_a_folder,
            evil_submodule,
        )
        if not (planted and in_the_tree):
            plant(trap)
        planted = True

    config = (repository.path / ".git/config").read_bytes()
    everything(repository, mirror, trap.tree, once)
    assert not trap.marker.exists(), trap.marker.read_text()
    assert (repository.path / ".git/config").read_bytes() == config
    assert not (repository.path / ".git/hooks").exists()


def test_the_traps_do_go_off_for_a_trusting_git(trap: Trap) -> None:
    """Or the tests above would prove nothing."""
    attributes_in_the_tree(trap)
    (trap.tree / "src/app.py").write_text("evil\n")
    subprocess.run(
        ["git", "add", "-A"], cwd=trap.tree, env=environment(trap.tree), capture_output=True, check=False, timeout=60
    )
    assert trap.marker.exists()


def test_a_landing_runs_nothing_of_the_tree(trap: Trap, repository: Repository, mirror: Path) -> None:
    """The landed attributes name a filter that only the mirror's configuration knows: the user's does not."""
    old = repository.head
    attributes_in_the_tree(trap)
    (trap.tree / "work.txt").write_text("work\n")
    (trap.tree / "escape").symlink_to("/etc")
    snapshot = take(mirror, trap.tree, base=old, message="turn", author=NOBODY)
    assert snapshot
    configuration_of_the_mirror(trap)
    trap.hooks(trap.mirror / "hooks")
    merges.move(repository.path, mirror, "main", old, snapshot.commit)
    assert repository.status() == []
    assert (repository.path / "work.txt").read_text() == "work\n"
    assert (repository.path / "escape").is_symlink()
    assert not trap.marker.exists(), trap.marker.read_text()


def test_links_out_of_the_tree_are_stored_and_never_followed(
    trap: Trap, repository: Repository, mirror: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (trap.tree / "to-folder").symlink_to(outside)
    (trap.tree / "to-file").symlink_to(outside / "secret.txt")
    shutil.rmtree(trap.tree / "src")
    (trap.tree / "src").symlink_to(outside)
    snapshot = take(mirror, trap.tree, base=repository.head, message="turn", author=NOBODY)
    assert snapshot
    assert mirrors.read_file(mirror, snapshot.commit, "to-file") == os.fsencode(outside / "secret.txt")
    assert mirrors.read_file(mirror, snapshot.commit, "src") == os.fsencode(outside)
    names = run(mirror, "ls-tree", "-r", "-z", "--name-only", snapshot.commit).fields()
    assert not [name for name in names if "secret" in name]
    worktrees.prepare(mirror, trap.tree, repository.head)
    assert (outside / "secret.txt").read_text() == "secret"
    assert [path.name for path in outside.iterdir()] == ["secret.txt"]


def test_a_replaced_object_fools_nobody(trap: Trap, repository: Repository, mirror: Path) -> None:
    replaced_objects(trap)
    assert mirrors.tracked_files(mirror, repository.head) == [".gitignore", "README.md", "src"]
    assert mirrors.read_file(mirror, repository.head, "README.md") == b"# Project\n"


def test_a_file_below_dot_git_never_enters(trap: Trap, repository: Repository, mirror: Path) -> None:
    """A commit with such a name would plant a hook in every clone of the user's."""
    blob = run(mirror, "hash-object", "-w", "--stdin", input=b"evil").text
    hooks = run(mirror, "mktree", input=f"100755 blob {blob}\tpost-checkout\n".encode()).text
    inner = run(mirror, "mktree", input=f"040000 tree {hooks}\thooks\n".encode()).text
    raw = b"40000 .git\0" + bytes.fromhex(inner)
    tree = run(mirror, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", input=raw).text
    evil = run(mirror, "hash-object", "-t", "commit", "-w", "--stdin", input=fake_commit(tree)).text
    with pytest.raises(GitError, match=r"git refuses to bring this into the repository: .*hasDotgit"):
        merges.move(repository.path, mirror, "main", repository.head, evil)
    assert not (repository.path / ".git/hooks").exists()
    assert repository.status() == []


@pytest.mark.parametrize("name", ATTACKS)
def test_an_agents_program(name: str, tmp_path: Path) -> None:
    """Nothing is started or written outside, nothing hidden, nothing waits; the next tenant gets a clean tree."""
    attack, ground = ATTACKS[name], Ground(tmp_path / "ground")
    repository = Repository.make(tmp_path, files=FILES)
    mirror, tree, base = tmp_path / "mirror.git", tmp_path / "slots/1", repository.head
    mirrors.create(repository.path, mirror)
    worktrees.prepare(mirror, tree, base)
    by = environment(tmp_path / "home") | {"GIT_AUTHOR_NAME": "A", "GIT_COMMITTER_NAME": "A", "EMAIL": "a@example.org"}
    settings = (repository.path / ".git/config").read_bytes()
    subprocess.run([sys.executable, *ground.argv(attack.code)], cwd=tree, env=by, check=True)

    if attack.refused:
        with pytest.raises(GitError, match=attack.refused):
            taken(mirror, tree, base)
    else:
        commit, names, text = taken(mirror, tree, base)
        assert {"work.txt", *attack.sees} <= names
        assert not names.intersection(attack.hides)
        assert all(line in text.splitlines() for line in attack.lines)
        moved = repository.commit("meanwhile", {"other.txt": "other\n"})
        assert mirrors.fetch(repository.path, mirror, "main") == moved
        repository.git("reset", "-q", "--hard", base)
        if attack.stays:
            with pytest.raises(GitError, match=attack.stays):
                merges.move(repository.path, mirror, "main", base, commit)
        else:
            merges.move(repository.path, mirror, "main", base, commit)
            assert repository.head == commit
        assert repository.status() == []

    if not attack.poisons:
        worktrees.prepare(mirror, tree, base)
        assert worktrees.touched(mirror, tree, base) == []
        assert {path.name for path in tree.iterdir()} == {".git", ".gitignore", "README.md", "src"}
    ground.expect_untouched()
    assert (repository.path / ".git/config").read_bytes() == settings
    assert not (repository.path / ".git/hooks").exists()


def taken(mirror: Path, tree: Path, base: str) -> tuple[str, set[str], bytes]:
    """A snapshot's commit, the names in its diff, and the patch, which makes exactly its tree of the base."""
    assert "work.txt" in worktrees.touched(mirror, tree, base)
    snapshot = take(mirror, tree, base=base, message="turn", author=NOBODY)
    assert snapshot
    mirrors.hold(mirror, "refs/narrows/changes/1/1", snapshot.commit)
    files = compare(mirror, base, snapshot.commit)
    text = patch(files)
    assert Store(mirror).apply(base, text) == snapshot.tree
    return snapshot.commit, {file.path for file in files}, text


def test_what_the_agents_index_says_is_not_needed_after_a_restart(
    trap: Trap, repository: Repository, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process can't know whether anybody wrote to the private index, so it reads every file."""
    monkeypatch.setattr(places, "_seals", {})
    assert take(mirror, trap.tree, base=repository.head, message="turn", author=NOBODY) is None
    was = (trap.tree / "src/app.py").stat()
    (trap.tree / "src/app.py").write_text("one\nTWO\nthree\n")
    os.utime(trap.tree / "src/app.py", ns=(was.st_atime_ns, was.st_mtime_ns))
    assert worktrees.touched(mirror, trap.tree, repository.head) == ["src/app.py"]
    assert worktrees.prepare(mirror, trap.tree, repository.head) is True
    assert (trap.tree / "src/app.py").read_text() == "one\ntwo\nthree\n"


def test_a_file_that_grows_while_it_is_read(trap: Trap, repository: Repository, mirror: Path) -> None:
    """What is stored is some beginning of it."""
    over = threading.Event()
    with (trap.tree / "growing.log.txt").open("ab", buffering=0) as file:
        file.write(b"line\n")

        def grow() -> None:
            while not over.is_set() and file.tell() < 20_000_000:
                file.write(b"line\n" * 1000)

        thread = threading.Thread(target=grow)
        thread.start()
        try:
            snapshot = take(mirror, trap.tree, base=repository.head, message="turn", author=NOBODY)
        finally:
            over.set()
            thread.join()
    assert snapshot
    content = mirrors.read_file(mirror, snapshot.commit, "growing.log.txt", limit=100_000_000)
    assert content
    assert (trap.tree / "growing.log.txt").read_bytes().startswith(content)


def test_what_a_filter_of_the_users_takes_in_has_no_limit(
    trap: Trap, repository: Repository, mirror: Path, home: Path
) -> None:
    """As Git LFS does: what is stored is small."""
    (home / ".gitconfig").write_text('[filter "lfs"]\n\tclean = head -c 10\n\tsmudge = cat\n')
    (trap.tree / ".gitattributes").write_text("*.bin filter=lfs\n*.raw filter=nobodys\n")
    for name in ("large.bin", "large.raw"):
        (trap.tree / name).touch()
        os.truncate(trap.tree / name, 150_000_000)
    with pytest.raises(TooLarge, match=r"150 MB are new or changed in the worktree, 150 MB of them in 'large\.raw'"):
        take(mirror, trap.tree, base=repository.head, message="turn", author=NOBODY)
    (trap.tree / "large.raw").unlink()
    snapshot = take(mirror, trap.tree, base=repository.head, message="turn", author=NOBODY)
    assert snapshot
    assert mirrors.read_file(mirror, snapshot.commit, "large.bin") == bytes(10)


CLOSED = """
import os
(top / "tree/.gitignore").write_text("ignored/\\n")
for name in ("src", "ignored"):
    (top / "tree" / name).mkdir(exist_ok=True)
    (top / "tree" / name / "new.txt").write_text("x")
    (top / "tree" / name).chmod(0)
    try:
        print(bool(take(top / "mirror.git", top / "tree", base=repository.head, message="m", author=NOBODY)))
    except GitError as error:
        print(error)
    (top / "tree" / name).chmod(0o700 if name == "src" else 0)
"""


def test_a_closed_folder_is_named_where_it_could_hide_something(as_ordinary_user: Callable[[str], str]) -> None:
    first, second = as_ordinary_user(CLOSED).splitlines()
    assert first.startswith("The folder 'src' in the worktree can't be opened. Give it back its rights")
    assert second == "True"
