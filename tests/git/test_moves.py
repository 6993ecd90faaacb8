from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.domain.errors import GitError, WrongState
from server.git import mirrors, moves
from server.git.commands import NOBODY, Talk
from server.git.merges import BlockedByFiles, LostRace, TargetGone, move
from server.git.moves import LockedByGit
from server.git.objects import commit, tree_of
from tests.support.repositories import Repository


@pytest.fixture
def landing(repository: Repository, mirror: Path, tmp_path: Path) -> str:
    """A commit on main's head that only the mirror has: it changes, adds, renames, deletes, links."""
    worker = Repository(tmp_path / "worker", repository.home)
    repository.git("clone", "-q", ".", str(worker.path))
    worker.git("config", "user.name", "W")
    worker.git("config", "user.email", "w@example.org")
    worker.write("src/app.py", "one\nTWO\nthree\n", executable=True)
    worker.write("new/deep/file.txt", "new\n")
    worker.git("mv", "src/lib/util.py", "src/util.py")
    (worker.path / "link").symlink_to("README.md")
    made = worker.commit("landing")
    mirrors.fetch(worker.path, mirror, "main")
    return made


@pytest.fixture
def linked(repository: Repository, mirror: Path, tmp_path: Path) -> Callable[[str | None], str]:
    """Makes commits that only the mirror has, one on the other: each puts a submodule there, or takes it away."""
    worker = Repository(tmp_path / "linker", repository.home)
    repository.git("clone", "-q", ".", str(worker.path))
    worker.git("config", "user.name", "W")
    worker.git("config", "user.email", "w@example.org")

    def commit(submodule: str | None) -> str:
        how = ("--add", "--cacheinfo", f"160000,{submodule},sub") if submodule else ("--force-remove", "sub")
        worker.git("update-index", *how)
        worker.git("commit", "-q", "-m", "a submodule")
        mirrors.fetch(worker.path, mirror, "main")
        return worker.head

    return commit


def outside_of_objects(repository: Repository) -> dict[str, bytes]:
    """Every file of the user's `.git` but the objects, the index (its times change) and the logs."""
    top = repository.path / ".git"
    return {
        str(path.relative_to(top)): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file() and path.relative_to(top).parts[0] not in ("objects", "index", "logs")
    }


def files(repository: Repository) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(repository.path)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(repository.path.rglob("*"))
        if ".git" not in path.parts and (path.is_file() or path.is_symlink())
    }


class TestBranchInUse:
    def test_the_checkout_moves_along_and_back(self, repository: Repository, mirror: Path, landing: str) -> None:
        old, before = repository.head, files(repository)
        kept = outside_of_objects(repository)
        move(repository.path, mirror, "main", old, landing)
        assert repository.head == landing
        assert repository.status() == []
        assert files(repository)["new/deep/file.txt"] == b"new\n"
        assert os.access(repository.path / "src/app.py", os.X_OK)
        changed = outside_of_objects(repository)
        assert {name for name in changed if changed[name] != kept.get(name)} == {"refs/heads/main"}
        assert "narrows: move to" in repository.git("reflog", "-1", "main")
        assert "narrows: move to" in repository.git("reflog", "-1", "HEAD")
        repository.git("fsck", "--full")

        move(repository.path, mirror, "main", landing, old)
        assert repository.head == old
        assert repository.status() == []
        assert files(repository) == before
        assert outside_of_objects(repository) == kept

    def test_every_local_edit_survives(self, repository: Repository, mirror: Path, landing: str) -> None:
        old = repository.head
        repository.write("README.md", "staged\n")
        repository.git("add", "README.md")
        repository.write("README.md", "staged, then edited\n")
        repository.write("untracked.txt", "untracked\n")
        repository.write("new/other.txt", "beside a landed folder\n")
        repository.write(".env", "SECRET=1\n")
        repository.write("staged-new.txt", "s\n")
        repository.git("add", "-N", "untracked.txt")
        repository.git("add", "staged-new.txt")
        status, staged = repository.status(), repository.git("diff", "--cached", "--", "README.md", "staged-new.txt")
        move(repository.path, mirror, "main", old, landing)
        assert repository.head == landing
        assert repository.status() == status
        assert repository.git("diff", "--cached", "--", "README.md", "staged-new.txt") == staged
        assert (repository.path / "README.md").read_text() == "staged, then edited\n"
        assert (repository.path / ".env").read_text() == "SECRET=1\n"
        move(repository.path, mirror, "main", landing, old)
        assert repository.status() == status

    @pytest.mark.parametrize(
        ("name", "blocking"),
        [
            ("src/app.py", "src/app.py"),
            ("src/lib/util.py", "src/lib/util.py"),
            ("new/deep/file.txt", "new/deep/file.txt"),
            ("new", "new"),
            ("link/below.txt", "link/below.txt"),
        ],
    )
    @pytest.mark.parametrize("staged", [False, True])
    def test_files_in_the_way_are_named_and_nothing_is_touched(
        self, repository: Repository, mirror: Path, landing: str, name: str, blocking: str, staged: bool
    ) -> None:
        old = repository.head
        repository.write(name, "mine\n")
        if staged:
            repository.git("add", "-A")
        before, status, kept = files(repository), repository.status(), outside_of_objects(repository)
        with pytest.raises(BlockedByFiles) as caught:
            move(repository.path, mirror, "main", old, landing)
        assert caught.value.files == [blocking]
        assert blocking in caught.value.message
        assert (files(repository), repository.status(), outside_of_objects(repository)) == (before, status, kept)

    def test_an_ignored_file_is_not_overwritten(self, repository: Repository, mirror: Path, tmp_path: Path) -> None:
        old = repository.head
        worker = Repository(tmp_path / "worker", repository.home)
        repository.git("clone", "-q", ".", str(worker.path))
        worker.write(".env", "committed\n")
        worker.git("add", "-f", ".env")
        worker.git("-c", "user.name=w", "-c", "user.email=w@x", "commit", "-q", "-m", "secret")
        mirrors.fetch(worker.path, mirror, "main")
        repository.write(".env", "mine\n")
        with pytest.raises(BlockedByFiles, match=r"\.env"):
            move(repository.path, mirror, "main", old, worker.head)
        assert (repository.path / ".env").read_text() == "mine\n"

    def test_a_hidden_local_change_is_found(self, repository: Repository, mirror: Path, landing: str) -> None:
        repository.git("update-index", "--assume-unchanged", "src/app.py")
        repository.write("src/app.py", "mine\n")
        with pytest.raises(BlockedByFiles) as caught:
            move(repository.path, mirror, "main", repository.head, landing)
        assert caught.value.files == ["src/app.py"]
        assert (repository.path / "src/app.py").read_text() == "mine\n"

    def test_a_touched_but_equal_file_is_not_in_the_way(
        self, repository: Repository, mirror: Path, landing: str
    ) -> None:
        os.utime(repository.path / "src/app.py", (1, 1))
        move(repository.path, mirror, "main", repository.head, landing)
        assert repository.status() == []

    def test_a_submodule_alone_comes_goes_on_and_goes(
        self, repository: Repository, mirror: Path, linked: Callable[[str | None], str]
    ) -> None:
        """Its own folder stays as it is, as with any git."""
        old, one, two, gone = repository.head, linked("1" * 40), linked("2" * 40), linked(None)
        kept = repository.write("sub/kept.txt", "of the submodule\n")
        for start, end in ((old, one), (one, two), (two, gone), (gone, two), (two, old)):
            move(repository.path, mirror, "main", start, end)
            assert repository.git("diff", "--cached", "--ignore-submodules=none", "HEAD") == ""
            assert kept.read_text() == "of the submodule\n"

    def test_a_submodule_that_is_staged_elsewhere_is_in_the_way(
        self, repository: Repository, mirror: Path, linked: Callable[[str | None], str]
    ) -> None:
        old, one, two = repository.head, linked("1" * 40), linked("2" * 40)
        move(repository.path, mirror, "main", old, one)
        repository.git("update-index", "--cacheinfo", f"160000,{'3' * 40},sub")
        with pytest.raises(BlockedByFiles) as caught:
            move(repository.path, mirror, "main", one, two)
        assert caught.value.files == ["sub"]
        assert "3" * 40 in repository.git("ls-files", "--stage", "sub")

    def test_a_folder_becomes_a_file_and_back(self, repository: Repository, mirror: Path, tmp_path: Path) -> None:
        old = repository.head
        worker = Repository(tmp_path / "worker", repository.home)
        repository.git("clone", "-q", ".", str(worker.path))
        worker.git("config", "user.name", "W")
        worker.git("config", "user.email", "w@example.org")
        shutil.rmtree(worker.path / "src")
        worker.remove("README.md")
        new = worker.commit("swap", {"src": "a file now\n", "README.md/inside": "a folder now\n"})
        mirrors.fetch(worker.path, mirror, "main")
        before = files(repository)
        move(repository.path, mirror, "main", old, new)
        assert (repository.path / "src").read_text() == "a file now\n"
        assert repository.status() == []
        move(repository.path, mirror, "main", new, old)
        assert files(repository) == before
        repository.write("src/untracked.txt", "mine\n")
        with pytest.raises(BlockedByFiles) as caught:
            move(repository.path, mirror, "main", old, new)
        assert caught.value.files == ["src/untracked.txt"]

    def test_an_interrupted_move_is_finished_by_the_same_call(
        self, repository: Repository, mirror: Path, landing: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = repository.head

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(moves, "_swap", die)
            with pytest.raises(KeyboardInterrupt):
                move(repository.path, mirror, "main", old, landing)
        assert repository.head == old
        move(repository.path, mirror, "main", old, landing)
        assert repository.head == landing
        assert repository.status() == []
        move(repository.path, mirror, "main", old, landing)
        assert repository.head == landing

    @pytest.mark.parametrize("linked", [False, True])
    @pytest.mark.parametrize(
        "how",
        [
            ["commit", "-q", "-m", "mine"],
            ["commit", "-q", "-m", "mine", "--only", "mine.txt"],
            ["commit", "-q", "-a", "-m", "mine"],
            ["checkout", "-q", "-b", "dev"],
            ["update-ref", "refs/heads/main", "elsewhere"],
        ],
        ids=lambda how: how[0] + how[-1],
    )
    def test_between_files_and_branch_the_users_git_moves_neither(
        self,
        repository: Repository,
        mirror: Path,
        landing: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        how: list[str],
        linked: bool,
    ) -> None:
        """Or the user's commit would take along what lands, with nobody's word that it does."""
        old = repository.head
        where = repository
        repository.branch("elsewhere", repository.git("commit-tree", "-m", "x", "HEAD^{tree}"))
        if linked:
            repository.switch("elsewhere")
            repository.git("worktree", "add", "-q", tmp_path / "linked", "main")
            where = Repository(tmp_path / "linked", repository.home)
        original: Callable[..., None] = moves._swap

        def user_acts_first(*args: object) -> None:
            assert where.head == old
            where.write("mine.txt", "mine\n")
            where.git("add", "mine.txt")
            where.git(*how, ok=(128,))
            assert where.head == old
            original(*args)

        with monkeypatch.context() as patched:
            patched.setattr(moves, "_swap", user_acts_first)
            move(repository.path, mirror, "main", old, landing)
        assert where.head == landing
        assert where.status() == ["A  mine.txt"]
        where.git("commit", "-q", "-m", "mine")
        assert where.git("diff", "--name-only", "HEAD~1", "HEAD") == "mine.txt"

    def test_what_the_user_did_before_the_branch_was_held_is_a_lost_race_and_touches_nothing(
        self, repository: Repository, mirror: Path, landing: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, original = repository.head, moves._changing

        def user_commits_first(*args: object) -> object:
            repository.commit("mine", {"mine.txt": "mine\n"})
            return original(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(moves, "_changing", user_commits_first)
        with pytest.raises(LostRace) as caught:
            move(repository.path, mirror, "main", old, landing)
        assert caught.value.current == repository.head
        assert repository.status() == []
        assert repository.log()[0] == "mine"

    def test_a_user_who_leaves_the_branch_before_it_is_held_keeps_their_files(
        self, repository: Repository, mirror: Path, landing: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, before, original = repository.head, files(repository), moves._changing

        def user_leaves(*args: object) -> object:
            repository.git("switch", "-q", "-c", "other")
            return original(*args)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(moves, "_changing", user_leaves)
            with pytest.raises(LostRace):
                move(repository.path, mirror, "main", old, landing)
        assert (files(repository), repository.status()) == (before, [])
        move(repository.path, mirror, "main", old, landing)
        assert repository.git("rev-parse", "main") == landing
        assert (files(repository), repository.status()) == (before, [])

    def test_a_branch_that_did_not_move_in_the_end_has_its_files_back(
        self, repository: Repository, mirror: Path, landing: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old, before, original = repository.head, files(repository), moves._swap

        def unanswered(held: Talk) -> None:
            held._process.kill()
            held._process.wait()
            original(held)

        monkeypatch.setattr(moves, "_swap", unanswered)
        with pytest.raises(GitError, match="could not move"):
            move(repository.path, mirror, "main", old, landing)
        assert repository.head == old
        assert files(repository) == before
        assert repository.status() == []

    @pytest.mark.parametrize("state", ["merge", "rebase", "cherry-pick", "stash"])
    def test_in_the_middle_of_something_it_refuses(
        self, repository: Repository, mirror: Path, landing: str, state: str
    ) -> None:
        repository.switch("other", create=True)
        other = repository.commit("other", {"README.md": "other\n"})
        repository.switch("main")
        if state == "stash":
            repository.write("README.md", "mine\n")
            repository.git("stash", "-q")
        tip = repository.commit("main", {"README.md": "main\n"})
        command = {
            "merge": ["merge", "-q", "other"],
            "rebase": ["rebase", "-q", "other"],
            "cherry-pick": ["cherry-pick", other],
            "stash": ["stash", "pop"],
        }[state]
        repository.git(*command, ok=(1,))
        before = files(repository)
        wanted = commit(mirror, tree_of(mirror, landing), [], "x", NOBODY, NOBODY)
        with pytest.raises(WrongState, match=r"middle of|conflicts"):
            move(repository.path, mirror, "main", tip, wanted)
        assert files(repository) == before
        assert repository.resolve("refs/heads/main") == tip

    def test_a_bisect_that_has_just_begun_is_respected(
        self, repository: Repository, mirror: Path, landing: str
    ) -> None:
        repository.git("bisect", "start")
        before = files(repository)
        with pytest.raises(WrongState, match="middle of a bisect"):
            move(repository.path, mirror, "main", repository.head, landing)
        assert files(repository) == before

    def test_a_lock_of_another_git_is_named(self, repository: Repository, mirror: Path, landing: str) -> None:
        (repository.path / ".git/index.lock").touch()
        with pytest.raises(LockedByGit, match=r"index\.lock exists"):
            move(repository.path, mirror, "main", repository.head, landing)
        (repository.path / ".git/index.lock").unlink()
        (repository.path / ".git/refs/heads/main.lock").touch()
        before = files(repository)
        with pytest.raises(LockedByGit, match=r"main\.lock exists"):
            move(repository.path, mirror, "main", repository.head, landing)
        (repository.path / ".git/refs/heads/main.lock").rename(repository.path / ".git/HEAD.lock")
        with pytest.raises(LockedByGit, match=r"HEAD\.lock exists"):
            move(repository.path, mirror, "main", repository.head, landing)
        assert files(repository) == before
        assert repository.status() == []

    def test_the_users_hooks_never_run(
        self, repository: Repository, mirror: Path, landing: str, tmp_path: Path
    ) -> None:
        marker = tmp_path / "ran"
        hooks = repository.path / ".git/hooks"
        hooks.mkdir()
        for name in ("post-merge", "post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
            (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {marker}\n")
            (hooks / name).chmod(0o755)
        move(repository.path, mirror, "main", repository.head, landing)
        assert not marker.exists()

    def test_a_linked_worktree_moves(self, repository: Repository, mirror: Path, landing: str, tmp_path: Path) -> None:
        old = repository.head
        repository.git("switch", "-q", "--detach")
        repository.git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
        linked = Repository(tmp_path / "linked", repository.home)
        linked.write("untracked.txt", "u\n")
        move(repository.path, mirror, "main", old, landing)
        assert linked.head == landing
        assert linked.status() == ["?? untracked.txt"]
        assert repository.head == old
        assert repository.status() == []

    def test_every_worktree_but_the_one_with_the_branch_stays_to_the_byte(
        self, repository: Repository, mirror: Path, landing: str, tmp_path: Path
    ) -> None:
        """A dirty one, a detached one at the same commit, one in the middle of a rebase of its own branch."""
        old = repository.head
        others = []
        for name in ("dirty", "detached", "rebasing"):
            start = ["--detach"] if name == "detached" else ["-b", name]
            repository.git("worktree", "add", "-q", *start, str(tmp_path / name))
            others.append(Repository(tmp_path / name, repository.home))
        dirty, detached, rebasing = others
        dirty.write("src/app.py", "mine\n")
        dirty.write("new/deep/file.txt", "mine, untracked\n")
        dirty.git("add", "src/app.py")
        detached.write("README.md", "mine\n")
        rebasing.commit("theirs", {"README.md": "theirs\n"})
        rebasing.switch("onto", create=True)
        rebasing.git("reset", "-q", "--hard", "HEAD^")
        rebasing.commit("onto", {"README.md": "onto\n"})
        rebasing.switch("rebasing")
        rebasing.git("rebase", "-q", "onto", ok=(1,))
        before = [(each.head, each.status(), files(each)) for each in others]
        move(repository.path, mirror, "main", old, landing)
        assert [(each.head, each.status(), files(each)) for each in others] == before
        assert (repository.head, repository.status()) == (landing, [])

    def test_another_name_for_the_branch_moves_the_checkout_as_well(
        self, repository: Repository, mirror: Path, landing: str
    ) -> None:
        """The name alone would let the branch move away under its checkout."""
        old = repository.head
        repository.git("symbolic-ref", "refs/heads/trunk", "refs/heads/main")
        move(repository.path, mirror, "trunk", old, landing)
        assert (repository.head, repository.status()) == (landing, [])
        assert repository.git("symbolic-ref", "refs/heads/trunk") == "refs/heads/main"
        assert moves.checkout_of(repository.path, "trunk") == repository.path

    def test_line_ends_and_filters_are_the_users(self, repository: Repository, mirror: Path, tmp_path: Path) -> None:
        repository.git("config", "core.autocrlf", "true")
        repository.git("config", "filter.shout.smudge", "tr a-z A-Z")
        repository.git("config", "filter.shout.clean", "tr A-Z a-z")
        old = repository.commit("attributes", {".gitattributes": "*.loud filter=shout\n"})
        worker = Repository(tmp_path / "worker", repository.home)
        repository.git("clone", "-q", ".", str(worker.path))
        worker.git("config", "user.name", "W")
        worker.git("config", "user.email", "w@example.org")
        new = worker.commit("landing", {"crlf.txt": "a\nb\n", "said.loud": "hello\n"})
        mirrors.fetch(worker.path, mirror, "main")
        move(repository.path, mirror, "main", old, new)
        assert (repository.path / "crlf.txt").read_bytes() == b"a\r\nb\r\n"
        assert (repository.path / "said.loud").read_bytes() == b"HELLO\r\n"
        assert repository.status() == []
        move(repository.path, mirror, "main", new, old)
        assert repository.status() == []

    def test_a_sparse_checkout_stays_sparse(self, repository: Repository, mirror: Path, landing: str) -> None:
        old = repository.head
        repository.git("sparse-checkout", "set", "src/lib")
        move(repository.path, mirror, "main", old, landing)
        assert (repository.head, repository.status()) == (landing, [])
        assert not (repository.path / "new").exists()
        assert repository.show("HEAD:new/deep/file.txt") == "new\n"
        repository.git("sparse-checkout", "disable")
        assert (repository.path / "new/deep/file.txt").read_text() == "new\n"
        assert repository.status() == []

    def test_a_checkout_that_core_worktree_names_moves(
        self, repository: Repository, mirror: Path, landing: str, tmp_path: Path
    ) -> None:
        elsewhere = tmp_path / "super/.git/modules/sub"
        elsewhere.parent.mkdir(parents=True)
        shutil.move(repository.path / ".git", elsewhere)
        (repository.path / ".git").write_text(f"gitdir: {elsewhere}\n")
        repository.git("config", "core.worktree", str(repository.path))
        move(repository.path, mirror, "main", repository.head, landing)
        assert repository.head == landing
        assert repository.status() == []

    def test_two_checkouts_or_a_missing_one_are_refused(
        self, repository: Repository, mirror: Path, landing: str, tmp_path: Path
    ) -> None:
        old = repository.head
        repository.git("worktree", "add", "-q", "--force", str(tmp_path / "twice"), "main")
        with pytest.raises(WrongState, match="twice"):
            move(repository.path, mirror, "main", old, landing)
        repository.git("switch", "-q", "--detach")
        shutil.rmtree(tmp_path / "twice")
        with pytest.raises(WrongState, match="missing"):
            move(repository.path, mirror, "main", old, landing)
        assert repository.resolve("main") == old

    def test_a_worktree_on_a_drive_that_is_away_is_waited_for(
        self, repository: Repository, mirror: Path, landing: str, tmp_path: Path
    ) -> None:
        """Its index would stage the reversal of the landing when it comes back."""
        repository.switch("elsewhere", create=True)
        drive = tmp_path / "drive"
        repository.git("worktree", "add", "-q", str(drive), "main")
        repository.git("worktree", "lock", "--reason", "on a stick", str(drive))
        drive.rename(tmp_path / "away")
        with pytest.raises(WrongState, match="missing") as caught:
            move(repository.path, mirror, "main", repository.head, landing)
        assert "`git worktree unlock` and `git worktree prune`" in caught.value.hint
        (tmp_path / "away").rename(drive)
        move(repository.path, mirror, "main", repository.head, landing)
        back = Repository(drive, repository.home)
        assert (back.head, back.status()) == (landing, [])


class TestBranchNotInUse:
    def test_of_many_that_land_at_once_exactly_one_wins(self, repository: Repository, mirror: Path) -> None:
        old = repository.head
        tree = tree_of(mirror, old)
        rivals = [commit(mirror, tree, [old], f"rival {number}", NOBODY, NOBODY) for number in range(6)]
        repository.switch("elsewhere", create=True)

        def land(new: str) -> str | None:
            try:
                move(repository.path, mirror, "main", old, new)
            except (LostRace, GitError):
                return None
            return new

        with ThreadPoolExecutor(len(rivals)) as pool:
            landed = [new for new in pool.map(land, rivals) if new]
        assert landed == [repository.resolve("main")]

    def test_only_the_ref_moves(self, repository: Repository, mirror: Path, landing: str) -> None:
        old = repository.head
        repository.switch("elsewhere", create=True)
        repository.write("src/app.py", "mine\n")
        before, kept = files(repository), outside_of_objects(repository)
        move(repository.path, mirror, "main", old, landing)
        assert repository.resolve("main") == landing
        assert files(repository) == before
        changed = outside_of_objects(repository)
        assert {name for name in changed if changed[name] != kept.get(name)} == {"refs/heads/main"}
        move(repository.path, mirror, "main", landing, old)
        assert repository.resolve("main") == old

    def test_a_lost_race_says_where_the_branch_is(self, repository: Repository, mirror: Path, landing: str) -> None:
        old = repository.head
        current = repository.commit("the user was quicker", {"a": "a"})
        with pytest.raises(LostRace) as caught:
            move(repository.path, mirror, "main", old, landing)
        assert caught.value.current == current
        assert repository.head == current

    def test_the_swap_itself_compares(self, repository: Repository, mirror: Path, landing: str) -> None:
        def swap(old: str, new: str) -> None:
            git_dir = repository.path / ".git"
            with moves._held(git_dir, git_dir, "main", old, new) as held:
                moves._swap(held)

        repository.switch("elsewhere", create=True)
        first = repository.head
        second = repository.commit("second", {"a": "a"})
        repository.branch("main", second)
        with pytest.raises(LostRace):
            swap(first, second)
        repository.git("branch", "-D", "main")
        with pytest.raises(TargetGone):
            swap(first, second)

    def test_a_branch_that_is_gone_is_named(self, repository: Repository, mirror: Path, landing: str) -> None:
        with pytest.raises(TargetGone):
            move(repository.path, mirror, "gone", repository.head, landing)

    def test_a_rebase_of_the_branch_elsewhere_is_respected(
        self, repository: Repository, mirror: Path, landing: str
    ) -> None:
        old = repository.head
        rebase = repository.path / ".git/rebase-merge"
        repository.switch("elsewhere", create=True)
        rebase.mkdir()
        (rebase / "head-name").write_text("refs/heads/main\n")
        with pytest.raises(WrongState, match="rebase of main"):
            move(repository.path, mirror, "main", old, landing)

    def test_a_rebase_that_takes_the_branch_along_is_respected(
        self, repository: Repository, mirror: Path, landing: str
    ) -> None:
        """`git rebase --update-refs` moves more branches than the one that it is of, when it ends."""
        old = repository.head
        repository.switch("topic", create=True)
        repository.commit("topic", {"README.md": "topic\n"})
        repository.branch("part")
        repository.commit("more", {"README.md": "more\n"})
        repository.git("switch", "-q", "--detach", "main")
        repository.commit("onto", {"README.md": "onto\n"})
        repository.branch("onto")
        repository.git("rebase", "-q", "--update-refs", "onto", "topic", ok=(1,))
        part = repository.resolve("refs/heads/part")
        with pytest.raises(WrongState, match="rebase of part"):
            move(repository.path, mirror, "part", part, landing)
        assert repository.resolve("refs/heads/part") == part
        move(repository.path, mirror, "main", old, landing)
        assert repository.resolve("refs/heads/main") == landing

    def test_a_detached_head_at_the_branch_and_its_files_stay(
        self, repository: Repository, mirror: Path, landing: str
    ) -> None:
        old, before = repository.head, files(repository)
        repository.git("switch", "-q", "--detach")
        move(repository.path, mirror, "main", old, landing)
        assert (repository.head, repository.status(), files(repository)) == (old, [], before)
        assert repository.resolve("main") == landing

    def test_a_bisect_goes_on_and_ends_on_the_branch_as_it_is(
        self, repository: Repository, mirror: Path, landing: str, tmp_path: Path
    ) -> None:
        first = repository.head
        commits = [repository.commit(f"more {n}", {"README.md": f"{n}\n"}) for n in range(3)]
        worker = Repository(tmp_path / "worker2", repository.home)
        repository.git("clone", "-q", ".", str(worker.path))
        worker.git("config", "user.name", "W")
        worker.git("config", "user.email", "w@example.org")
        new = worker.commit("landing", {"landed.txt": "landed\n"})
        mirrors.fetch(worker.path, mirror, "main")
        repository.git("bisect", "start", commits[-1], first)
        there, before = repository.head, files(repository)
        assert there != commits[-1]
        move(repository.path, mirror, "main", commits[-1], new)
        assert (repository.head, files(repository)) == (there, before)
        repository.git("bisect", "reset")
        assert (repository.head, repository.status()) == (new, [])
        assert (repository.path / "landed.txt").read_text() == "landed\n"
