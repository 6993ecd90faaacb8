from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.domain.errors import GitError, WrongState
from server.git import mirrors, moves
from server.git.commands import NOBODY
from server.git.merges import BlockedByFiles, LostRace, TargetGone, move
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
        assert "narrows: land" in repository.git("reflog", "-1", "main")
        assert "narrows: land" in repository.git("reflog", "-1", "HEAD")
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

    @pytest.mark.parametrize("how", ["commit", "switch"])
    def test_a_race_lost_after_the_files_moved_puts_them_back(
        self, repository: Repository, mirror: Path, landing: str, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        old, before = repository.head, files(repository)
        other = commit(repository.path / ".git", tree_of(repository.path / ".git", old), [old], "x", NOBODY, NOBODY)
        original: Callable[..., None] = moves._expect_head

        def user_acts_first(*args: object) -> None:
            if how == "commit":
                repository.git("update-ref", "refs/heads/main", other)
            else:
                repository.git("branch", "dev")
                repository.git("symbolic-ref", "HEAD", "refs/heads/dev")
            original(*args)

        monkeypatch.setattr(moves, "_expect_head", user_acts_first)
        with pytest.raises(LostRace) as caught:
            move(repository.path, mirror, "main", old, landing)
        assert caught.value.current == (other if how == "commit" else old)
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

    def test_a_lock_of_another_git_is_named(self, repository: Repository, mirror: Path, landing: str) -> None:
        (repository.path / ".git/index.lock").touch()
        with pytest.raises(GitError, match=r"index\.lock exists"):
            move(repository.path, mirror, "main", repository.head, landing)
        (repository.path / ".git/index.lock").unlink()
        (repository.path / ".git/refs/heads/main.lock").touch()
        before = files(repository)
        with pytest.raises(GitError, match=r"main\.lock exists"):
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
        repository.switch("elsewhere", create=True)
        first = repository.head
        second = repository.commit("second", {"a": "a"})
        repository.branch("main", second)
        with pytest.raises(LostRace):
            moves._swap(repository.path / ".git", "main", first, second)
        repository.git("branch", "-D", "main")
        with pytest.raises(TargetGone):
            moves._swap(repository.path / ".git", "main", first, second)

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
