from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from server.domain.errors import GitError, NarrowsError, NotFound
from server.git import commands, inspection, mirrors
from server.git.commands import run
from tests.support.repositories import Repository


def refuse(*_: object) -> None:
    raise GitError("git rev-parse failed (exit code 128).")


def code_of(path: Path) -> str:
    with pytest.raises(NarrowsError) as caught:
        mirrors.inspect(path)
    assert caught.value.message.endswith(".")
    assert caught.value.hint
    return caught.value.code


def user_files(repository: Repository) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted((repository.path / ".git").rglob("*")) if path.is_file()}


class TestInspect:
    def test_any_folder_of_the_repository_leads_to_its_top(self, repository: Repository) -> None:
        found = mirrors.inspect(repository.path / "src/lib")
        assert found.root == repository.path
        assert found.git_dir == repository.path / ".git"
        assert (found.branch, found.branches, found.head) == ("main", ["main"], repository.head)

    def test_a_linked_worktree_shares_the_git_folder(self, repository: Repository, tmp_path: Path) -> None:
        repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
        found = mirrors.inspect(tmp_path / "side")
        assert found.root == tmp_path / "side"
        assert found.git_dir == repository.path / ".git"
        assert found.branch == "side"
        assert found.branches == ["main", "side"]

    def test_each_reason_has_a_code_of_its_own(self, repository: Repository, tmp_path: Path) -> None:
        plain = tmp_path / "plain"
        plain.mkdir()
        Repository.make(tmp_path, "empty", files={})
        repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
        broken = Repository.make(tmp_path, "broken")
        (broken.path / ".git/HEAD").unlink()
        assert code_of(tmp_path / "moved") == "missing_folder"
        assert code_of(repository.path / "README.md") == "not_a_folder"
        assert code_of(plain) == "not_git"
        (plain / ".git").mkdir()  # as sandboxes leave it behind: git looks further up, and so do we
        assert code_of(plain) == "not_git"
        assert code_of(tmp_path / "bare.git") == "bare"
        assert code_of(tmp_path / "empty") == "no_commits"
        assert code_of(repository.path / ".git") == "inside_git_dir"
        assert code_of(broken.path) == "broken_repository"

    def test_a_folder_without_rights_is_named(self, as_ordinary_user: Callable[[str], str]) -> None:
        printed = as_ordinary_user(
            """
def reason(path):
    try:
        mirrors.inspect(path)
    except NarrowsError as error:
        return error.code
(repository.path / ".git").chmod(0)
print(reason(repository.path))
repository.path.chmod(0)
print(reason(repository.path), reason(repository.path / "src"))
"""
        )
        assert printed.split() == ["unreadable", "unreadable", "unreadable"]

    def test_another_users_repository_is_not_trusted(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if os.geteuid() == 0:
            for folder in (repository.path, repository.path / ".git"):
                os.chown(folder, 12345, 12345)
        else:  # an ordinary user can't give a folder away: it becomes another user, and git refuses
            monkeypatch.setattr(inspection, "discover", refuse)
            monkeypatch.setattr(os, "geteuid", lambda: 12345)
        assert code_of(repository.path) == "dubious_ownership"

    def test_an_inherited_git_dir_does_not_mislead(
        self, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = Repository.make(tmp_path, "other")
        monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
        assert mirrors.inspect(repository.path).root == repository.path


class TestDefaultBranch:
    def test_it_is_the_checked_out_branch(self, repository: Repository) -> None:
        repository.switch("work", create=True)
        assert mirrors.default_branch(mirrors.inspect(repository.path)) == "work"

    def test_with_a_detached_head_it_is_the_remotes_then_main_then_the_first(self, repository: Repository) -> None:
        repository.branch("develop")
        repository.git("switch", "-q", "--detach")
        assert mirrors.default_branch(mirrors.inspect(repository.path)) == "main"
        repository.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop")
        assert mirrors.default_branch(mirrors.inspect(repository.path)) == "develop"
        repository.git("symbolic-ref", "-d", "refs/remotes/origin/HEAD")
        repository.git("branch", "-m", "main", "zebra")
        assert mirrors.default_branch(mirrors.inspect(repository.path)) == "develop"

    def test_without_a_branch_it_says_so(self, repository: Repository) -> None:
        repository.git("switch", "-q", "--detach")
        repository.git("branch", "-D", "main")
        with pytest.raises(NarrowsError, match="has no branch"):
            mirrors.default_branch(mirrors.inspect(repository.path))


class TestCreate:
    def test_a_mirror_has_the_commits_and_leaves_the_source_as_it_was(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        before = user_files(repository)
        mirror = tmp_path / "data/mirror.git"
        mirrors.create(repository.path, mirror)
        mirrors.create(repository.path, mirror)
        assert mirrors.resolve(mirror, "refs/heads/main") == repository.head
        assert not (mirror / "hooks").exists()
        assert user_files(repository) == before
        assert [path.name for path in mirror.parent.iterdir()] == ["mirror.git"]

    @pytest.mark.parametrize("borrowing", ["alternates", "symlink"])
    def test_a_borrowing_source_gives_a_complete_mirror(
        self, repository: Repository, tmp_path: Path, borrowing: str
    ) -> None:
        head = repository.head
        if borrowing == "alternates":
            repository.git("clone", "-q", "--shared", ".", str(tmp_path / "borrower"))
        else:
            repository.git("clone", "-q", ".", str(tmp_path / "borrower"))
            shutil.move(tmp_path / "borrower/.git/objects", tmp_path / "objects")
            (tmp_path / "borrower/.git/objects").symlink_to(tmp_path / "objects")
        mirror = tmp_path / "data/mirror.git"
        mirrors.create(tmp_path / "borrower", mirror)
        shutil.rmtree(repository.path)
        shutil.rmtree(tmp_path / "borrower")
        assert not (mirror / "objects/info/alternates").exists()
        run(mirror, "fsck", "--full", "--connectivity-only", head)

    def test_a_shallow_or_sha256_source_works(self, repository: Repository, tmp_path: Path) -> None:
        repository.commit("second", {"a": "a"})
        repository.git("clone", "-q", "--depth=1", f"file://{repository.path}", str(tmp_path / "shallow"))
        shallow = Repository(tmp_path / "shallow", repository.home)
        mirror = tmp_path / "data/shallow.git"
        mirrors.create(shallow.path, mirror)
        assert mirrors.fetch(shallow.path, mirror, "main") == repository.head

        other = Repository(tmp_path / "sha256", repository.home)
        other.path.mkdir()
        other.git("init", "-q", "-b", "main", "--object-format=sha256")
        other.git("config", "user.name", "Ada")
        other.git("config", "user.email", "ada@example.org")
        other.commit("first", {"a": "a"})
        mirrors.create(other.path, tmp_path / "data/sha256.git")
        head = other.commit("second", {"b": "b"})
        assert mirrors.fetch(other.path, tmp_path / "data/sha256.git", "main") == head
        assert len(head) == 64

    def test_a_tampered_mirror_is_put_right(self, repository: Repository, mirror: Path) -> None:
        ours = (mirror / "config").read_bytes()
        subprocess.run(["git", "-C", mirror, "config", "filter.evil.clean", "touch marker"], check=True)
        (mirror / "info/attributes").write_text("* filter=evil\n")
        (mirror / "objects/info/alternates").write_text(str(repository.path / ".git/objects"))
        mirrors.guard(mirror)
        assert (mirror / "config").read_bytes() == ours
        assert not (mirror / "info/attributes").exists()
        assert not (mirror / "objects/info/alternates").exists()
        (mirror / "config").unlink()
        (mirror / "config").mkdir()
        mirrors.guard(mirror)
        assert (mirror / "config").read_bytes() == ours

    def test_a_lost_mirror_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="is gone"):
            mirrors.guard(tmp_path / "nowhere")


class TestFetch:
    def test_the_branch_is_brought_forward_and_backward(self, repository: Repository, mirror: Path) -> None:
        first = repository.head
        second = repository.commit("second", {"new.txt": "new\n"})
        assert mirrors.fetch(repository.path, mirror, "main") == second
        assert mirrors.resolve(mirror, "refs/heads/main") == second
        repository.git("reset", "-q", "--hard", first)
        assert mirrors.fetch(repository.path, mirror, "main") == first

    def test_the_source_is_only_read(self, repository: Repository, mirror: Path) -> None:
        repository.commit("second", {"new.txt": "new\n"})
        before = user_files(repository)
        mirrors.fetch(repository.path, mirror, "main")
        assert user_files(repository) == before
        assert not (mirror / "FETCH_HEAD").exists()

    def test_a_branch_that_is_gone_is_named(self, repository: Repository, mirror: Path) -> None:
        with pytest.raises(mirrors.TargetGone, match="feature"):
            mirrors.fetch(repository.path, mirror, "feature")

    def test_a_moved_repository_is_named(self, repository: Repository, mirror: Path) -> None:
        shutil.move(repository.path, repository.path.with_name("elsewhere"))
        with pytest.raises(NarrowsError) as caught:
            mirrors.fetch(repository.path, mirror, "main")
        assert caught.value.code == "missing_folder"

    def test_an_agents_branches_do_not_stand_in_the_way(self, repository: Repository, mirror: Path) -> None:
        run(mirror, "update-ref", "refs/heads/feature", repository.head)
        run(mirror, "update-ref", "refs/heads/topic/deep/down", repository.head)
        repository.branch("feature/login")
        repository.branch("topic/deep")
        assert mirrors.fetch(repository.path, mirror, "feature/login") == repository.head
        assert mirrors.fetch(repository.path, mirror, "topic/deep") == repository.head

    def test_broken_refs_of_an_agent_do_not_stand_in_the_way(self, repository: Repository, mirror: Path) -> None:
        (mirror / "refs/heads/bad name").write_text(f"{repository.head}\n")
        (mirror / "refs/heads/lost").write_text("1" * 40 + "\n")
        (mirror / "refs/heads/link").symlink_to("/etc/passwd")
        (mirror / "refs/heads/good").write_text(f"{repository.head}\n")
        second = repository.commit("second", {"new.txt": "new\n"})
        assert mirrors.fetch(repository.path, mirror, "main") == second
        names = run(mirror, "for-each-ref", "--format=%(refname)", "refs/heads/").text.split()
        assert names == ["refs/heads/good", "refs/heads/main"]
        assert Path("/etc/passwd").exists()

    def test_private_ignore_rules_come_along(self, repository: Repository, mirror: Path) -> None:
        (repository.path / ".git/info").mkdir(exist_ok=True)
        (repository.path / ".git/info/exclude").write_text(".venv\n")
        mirrors.fetch(repository.path, mirror, "main")
        assert (mirror / "info/exclude").read_text() == ".venv\n"


class TestRefs:
    def test_what_is_held_is_let_go_of_by_name_or_by_folder(self, repository: Repository, mirror: Path) -> None:
        first = repository.head
        second = repository.commit("second", {"new.txt": "new\n"})
        mirrors.fetch(repository.path, mirror, "main")
        mirrors.hold(mirror, "refs/narrows/changes/7/1", first)
        mirrors.hold(mirror, "refs/narrows/changes/7/2", second)
        mirrors.hold(mirror, "refs/narrows/changes/70/1", second)
        assert mirrors.held(mirror, "refs/narrows/changes/7/") == {
            "refs/narrows/changes/7/1": first,
            "refs/narrows/changes/7/2": second,
        }
        mirrors.release(mirror, "refs/narrows/changes/7/2")
        mirrors.release(mirror, "refs/narrows/changes/7/2")
        mirrors.release_all(mirror, "refs/narrows/changes/7/", "refs/narrows/changes/8/")
        assert mirrors.held(mirror, "refs/narrows/changes/") == {"refs/narrows/changes/70/1": second}

    def test_only_names_of_ours_are_touched(self, repository: Repository, mirror: Path) -> None:
        with pytest.raises(NotFound):
            mirrors.hold(mirror, "refs/heads/main", repository.head)
        with pytest.raises(NotFound):
            mirrors.release(mirror, "refs/heads/main")
        with pytest.raises(NotFound):
            mirrors.release_all(mirror, "refs/heads/")

    def test_ancestry(self, repository: Repository, mirror: Path) -> None:
        first = repository.head
        repository.switch("side", create=True)
        side = repository.commit("side", {"side": "s"})
        repository.switch("main")
        main = repository.commit("main", {"main": "m"})
        repository.git("switch", "-q", "--orphan", "alone")
        alone = repository.commit("alone", {"alone": "a"})
        for branch in ("main", "side", "alone"):
            mirrors.fetch(repository.path, mirror, branch)
        assert mirrors.is_ancestor(mirror, first, main)
        assert mirrors.is_ancestor(mirror, main, main)
        assert not mirrors.is_ancestor(mirror, side, main)
        assert mirrors.merge_base(mirror, side, main) == first
        assert mirrors.merge_base(mirror, alone, main) is None
        assert mirrors.resolve(mirror, "0" * 40) is None
        assert mirrors.resolve(mirror, "--all") is None


class TestReading:
    def test_files_of_a_commit(self, repository: Repository, mirror: Path) -> None:
        odd = os.fsdecode(b"new\nline\xff")
        repository.write(odd, b"odd \0 bytes")
        repository.write("big", b"x" * 100)
        head = repository.commit()
        mirrors.fetch(repository.path, mirror, "main")
        assert mirrors.read_file(mirror, head, odd) == b"odd \0 bytes"
        assert mirrors.read_file(mirror, head, "src/app.py") == b"one\ntwo\nthree\n"
        assert mirrors.read_file(mirror, head, "big", limit=99) is None
        assert mirrors.read_file(mirror, head, "src") is None
        assert mirrors.read_file(mirror, head, "*.md") is None
        assert mirrors.tracked_files(mirror, head) == sorted([".gitignore", "README.md", "big", odd, "src"])
        roots = mirrors.root_files(mirror, head, limit=50)
        assert roots[odd] == b"odd \0 bytes"
        assert roots["README.md"] == b"# Project\n"
        assert sorted(roots) == sorted([".gitignore", "README.md", odd])

    def test_an_empty_root(self, tmp_path: Path) -> None:
        repository = Repository.make(tmp_path, "hollow", files={"only/below.txt": "x"})
        mirrors.create(repository.path, tmp_path / "hollow.git")
        assert mirrors.root_files(tmp_path / "hollow.git", repository.head) == {}


def test_an_id_that_an_agent_wrote_into_the_targets_file_is_not_believed(repository: Repository, mirror: Path) -> None:
    mirrors.fetch(repository.path, mirror, "main")
    moved = repository.commit("meanwhile", {"other.txt": "other\n"})
    (mirror / "refs/heads").mkdir(exist_ok=True)
    (mirror / "refs/heads/main").write_text(f"{moved}\n")
    assert mirrors.fetch(repository.path, mirror, "main") == moved
    assert mirrors.resolve(mirror, moved) == moved


def test_where_a_branch_is_costs_no_git_unless_it_is_packed(repository: Repository, mirror: Path) -> None:
    repository.commit("loose", {"other.txt": "other\n"})
    assert mirrors.fetch(repository.path, mirror, "main") == repository.head
    before = commands.started()
    assert mirrors.fetch(repository.path, mirror, "main") == repository.head
    assert commands.started() == before
    repository.git("pack-refs", "--all")
    assert mirrors.fetch(repository.path, mirror, "main") == repository.head
    assert commands.started() > before
