from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from server.domain.errors import GitError, WrongState
from server.git import mirrors, worktrees
from server.git.commands import NOBODY
from server.git.places import place
from server.git.snapshots import take
from tests.support.repositories import Repository, environment


@pytest.fixture
def tree(mirror: Path, repository: Repository, tmp_path: Path) -> Path:
    folder = tmp_path / "slots/1"
    assert worktrees.prepare(mirror, folder, repository.head) is False
    return folder


@pytest.fixture
def agent(tree: Path, tmp_path: Path) -> Repository:
    """git as the agent runs it, in its tree."""
    repository = Repository(tree, tmp_path / "home")
    (tmp_path / "home/.gitconfig").write_text("[user]\n\tname = Agent\n\temail = agent@example.org\n")
    return repository


def listing(tree: Path) -> dict[str, str]:
    found = {}
    for parent, folders, names in os.walk(tree):
        for name in [*folders, *names]:
            path = Path(parent, name)
            kind = "link" if path.is_symlink() else "folder" if path.is_dir() else path.read_text(errors="replace")
            found[str(path.relative_to(tree))] = kind
    found.pop(".git", None)
    return found


class TestPrepare:
    def test_the_agents_git_sees_a_clean_detached_checkout(self, agent: Repository, repository: Repository) -> None:
        assert agent.head == repository.head
        assert agent.status() == []
        assert agent.git("symbolic-ref", "-q", "HEAD", ok=(1,)) == ""
        assert agent.git("rev-parse", "--show-toplevel") == str(agent.path)

    def test_the_agent_can_commit_and_branch(self, agent: Repository, repository: Repository) -> None:
        agent.git("switch", "-q", "-c", "idea")
        agent.commit("idea", {"idea": "i"})
        assert repository.git("branch", "--format=%(refname)") == "refs/heads/main"
        assert repository.status() == []

    def test_a_used_tree_is_switched_to_another_commit(
        self, agent: Repository, repository: Repository, mirror: Path
    ) -> None:
        fresh = listing(agent.path)
        agent.commit("mine", {"src/app.py": "changed\n", "build/out": "ignored", "new/deep/file": "n"})
        agent.remove("README.md")
        newer = repository.commit("newer", {"src/newer.py": "n\n"})
        mirrors.fetch(repository.path, mirror, "main")
        assert worktrees.prepare(mirror, agent.path, newer) is True
        assert listing(agent.path) == fresh | {"src/newer.py": "n\n"}
        assert (agent.head, agent.status()) == (newer, [])

    def test_keep_patterns_stay(self, agent: Repository, repository: Repository, mirror: Path) -> None:
        agent.write("node_modules/left/pad.js", "pad")
        agent.write("packages/a/node_modules/x.js", "x")
        agent.write("packages/a/rest.txt", "rest")
        agent.write(".env", "SECRET")
        agent.write("src/.env.local", "LOCAL")
        (agent.path / ".env.link").symlink_to("/etc/passwd")
        keep = ["node_modules", ".env*"]
        assert worktrees.prepare(mirror, agent.path, repository.head, keep) is True
        found = listing(agent.path)
        assert found["node_modules/left/pad.js"] == "pad"
        assert found["packages/a/node_modules/x.js"] == "x"
        assert (found[".env"], found["src/.env.local"]) == ("SECRET", "LOCAL")
        assert "packages/a/rest.txt" not in found
        assert ".env.link" not in found

    def test_an_unknown_commit_is_an_error(self, agent: Repository, mirror: Path) -> None:
        with pytest.raises(GitError):
            worktrees.prepare(mirror, agent.path, "1" * 40)

    def test_two_trees_do_not_disturb_each_other(
        self, agent: Repository, repository: Repository, mirror: Path, tmp_path: Path
    ) -> None:
        other = tmp_path / "other slots/1"
        worktrees.prepare(mirror, other, repository.head)
        agent.commit("mine", {"mine": "m"})
        (other / "theirs").write_text("t")
        assert worktrees.touched(mirror, agent.path, repository.head) == ["mine"]
        assert worktrees.touched(mirror, other, repository.head) == ["theirs"]

    def test_submodules_are_left_empty(self, repository: Repository, mirror: Path, tmp_path: Path) -> None:
        repository.write(".gitmodules", '[submodule "sub"]\n\tpath = sub\n\turl = ext::sh -c touch%% marker\n')
        repository.git("update-index", "--add", "--cacheinfo", f"160000,{repository.head},sub")
        repository.git("add", ".gitmodules")
        repository.git("commit", "-q", "-m", "sub")
        mirrors.fetch(repository.path, mirror, "main")
        tree = tmp_path / "slots/2"
        for _ in range(2):
            worktrees.prepare(mirror, tree, repository.head)
            assert list((tree / "sub").iterdir()) == []
            assert worktrees.touched(mirror, tree, repository.head) == []
            (tree / "sub/left.txt").write_text("left")
            (tree / "sub/.git").mkdir()

    def test_line_ends_that_the_attributes_dislike_are_not_a_change(
        self, repository: Repository, mirror: Path, tmp_path: Path
    ) -> None:
        repository.commit("crlf", {"dos.txt": "a\r\nb\r\n"})
        blob = repository.git("hash-object", "-w", "--no-filters", "dos.txt")
        repository.write(".gitattributes", "*.txt text\n")
        repository.git("add", ".gitattributes")
        repository.git("update-index", "--cacheinfo", f"100644,{blob},dos.txt")
        repository.git("commit", "-q", "-m", "attributes")
        mirrors.fetch(repository.path, mirror, "main")
        tree = tmp_path / "slots/3"
        worktrees.prepare(mirror, tree, repository.head)
        assert worktrees.touched(mirror, tree, repository.head) == []
        assert take(mirror, tree, base=repository.head, message="m", author=NOBODY) is None
        assert worktrees.prepare(mirror, tree, repository.head) is True

    def test_reuse_is_quick(self, repository: Repository, mirror: Path, tmp_path: Path) -> None:
        repository.commit("many", {f"many/{n % 50}/{n}.txt": f"{n}\n" for n in range(5000)})
        mirrors.fetch(repository.path, mirror, "main")
        tree = tmp_path / "slots/4"
        worktrees.prepare(mirror, tree, repository.head)
        (tree / "many/1/1.txt").write_text("changed")
        begin = time.perf_counter()
        assert worktrees.prepare(mirror, tree, repository.head) is True
        assert time.perf_counter() - begin < 5  # 0.15 s on a machine that does nothing else


def replace_dot_git_by_repository(tree: Path, outside: Path) -> None:
    (tree / ".git").unlink()
    subprocess.run(["git", "init", "-q", tree], check=True, env=environment(outside))
    (tree / ".git/config").write_text("[core]\n\tfsmonitor = touch marker\n")


def remove_dot_git(tree: Path, outside: Path) -> None:
    (tree / ".git").unlink()


def link_dot_git_elsewhere(tree: Path, outside: Path) -> None:
    (tree / ".git").unlink()
    (tree / ".git").symlink_to(outside)


def replace_tree_by_link(tree: Path, outside: Path) -> None:
    shutil.rmtree(tree)
    tree.symlink_to(outside)


def remove_tree(tree: Path, outside: Path) -> None:
    shutil.rmtree(tree)


def link_folder_outside(tree: Path, outside: Path) -> None:
    shutil.rmtree(tree / "src")
    (tree / "src").symlink_to(outside)


def link_file_outside(tree: Path, outside: Path) -> None:
    (tree / "README.md").unlink()
    (tree / "README.md").symlink_to(outside / "precious.txt")


def nested_repositories(tree: Path, outside: Path) -> None:
    for folder in ("src", "fresh/nested"):
        subprocess.run(["git", "init", "-q", tree / folder], check=True, env=environment(outside))


def no_rights(tree: Path, outside: Path) -> None:
    (tree / "locked/inner").mkdir(parents=True)
    (tree / "locked/inner/file").write_text("x")
    (tree / "locked/inner").chmod(0)
    (tree / "locked").chmod(0)
    (tree / "src/lib").chmod(0)


def stale_locks(tree: Path, outside: Path) -> None:
    admin = Path((tree / ".git").read_text().removeprefix("gitdir: ").strip())
    for name in ("index.lock", "HEAD.lock"):
        (admin / name).touch()
    (tree / "README.md").write_text("changed")


def hidden_bits(tree: Path, outside: Path) -> None:
    for flag, name in (("--skip-worktree", "README.md"), ("--assume-unchanged", "src/app.py")):
        subprocess.run(["git", "update-index", flag, name], cwd=tree, check=True, env=environment(outside))
        (tree / name).write_text("hidden")


def sparse(tree: Path, outside: Path) -> None:
    subprocess.run(["git", "sparse-checkout", "set", "src"], cwd=tree, check=True, env=environment(outside))


def broken_index(tree: Path, outside: Path) -> None:
    admin = Path((tree / ".git").read_text().removeprefix("gitdir: ").strip())
    (admin / "index").write_bytes(b"DIRC garbage")
    (admin / "HEAD").write_text("ref: refs/heads/nowhere\n")
    (admin / "commondir").write_text(f"{outside}\n")


def unfinished_merge(tree: Path, outside: Path) -> None:
    admin = Path((tree / ".git").read_text().removeprefix("gitdir: ").strip())
    (admin / "MERGE_HEAD").write_text("1" * 40 + "\n")
    (admin / "rebase-merge").mkdir()


def admin_replaced_by_link(tree: Path, outside: Path) -> None:
    admin = Path((tree / ".git").read_text().removeprefix("gitdir: ").strip())
    shutil.rmtree(admin)
    admin.symlink_to(outside)


def pipes_and_sockets(tree: Path, outside: Path) -> None:
    os.mkfifo(tree / "src/pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tree)
        try:
            server.bind("socket")
        finally:
            os.chdir(here)


def folder_for_file(tree: Path, outside: Path) -> None:
    (tree / "README.md").unlink()
    (tree / "README.md").mkdir()
    (tree / "README.md/inside").write_text("x")
    shutil.rmtree(tree / "src")
    (tree / "src").write_text("a file")


def mirror_vandalised(tree: Path, outside: Path) -> None:
    admin = Path((tree / ".git").read_text().removeprefix("gitdir: ").strip())
    config = admin.parent.parent / "config"
    config.write_text(config.read_text() + "[core]\n\tsparseCheckout = true\n\tworktree = /nowhere\n")


@pytest.mark.parametrize(
    "attack",
    [
        replace_dot_git_by_repository,
        remove_dot_git,
        link_dot_git_elsewhere,
        replace_tree_by_link,
        remove_tree,
        link_folder_outside,
        link_file_outside,
        nested_repositories,
        no_rights,
        stale_locks,
        hidden_bits,
        sparse,
        broken_index,
        unfinished_merge,
        admin_replaced_by_link,
        pipes_and_sockets,
        folder_for_file,
        mirror_vandalised,
    ],
    ids=lambda attack: attack.__name__,
)
def test_the_next_tenant_gets_a_clean_tree(
    attack: Callable[[Path, Path], None],
    agent: Repository,
    repository: Repository,
    mirror: Path,
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("precious")
    fresh, dot_git = listing(agent.path), (agent.path / ".git").read_bytes()
    attack(agent.path, outside)
    worktrees.prepare(mirror, agent.path, repository.head)
    assert listing(agent.path) == fresh
    assert (agent.path / ".git").read_bytes() == dot_git
    assert not agent.path.is_symlink()
    assert (agent.head, agent.status()) == (repository.head, [])
    assert (outside / "precious.txt").read_text() == "precious"
    assert not (outside / "HEAD").exists()
    assert not any(path.is_fifo() or path.is_socket() for path in agent.path.rglob("*"))
    assert worktrees.prepare(mirror, agent.path, repository.head) is True


TAKEN_RIGHTS = """
tree = top / "tree"
(tree / "locked/inner").mkdir(parents=True)
(tree / "locked/inner/file").write_text("x")
for folder in ("locked/inner", "locked", "src"):
    (tree / folder).chmod(0)
for _ in range(2):
    print(worktrees.prepare(top / "mirror.git", tree, repository.head))
    print(sorted(str(path.relative_to(tree)) for path in tree.rglob("*")))
tree.chmod(0)
print(worktrees.prepare(top / "mirror.git", tree, repository.head))
"""


def test_folders_without_rights_are_made_again(as_ordinary_user: Callable[[str], str]) -> None:
    clean = "['.git', 'README.md', 'src', 'src/app.py']"
    assert as_ordinary_user(TAKEN_RIGHTS).splitlines() == ["False", clean, "True", clean, "False"]


class TestTouched:
    def test_it_names_every_kind_of_change(self, agent: Repository, repository: Repository, mirror: Path) -> None:
        agent.commit("committed", {"committed": "c"})
        agent.write("src/app.py", "edited\n")
        agent.write("untracked/new\nline", "u")
        agent.write("build/ignored", "i")
        agent.write(".env.test", "brought")
        agent.remove("README.md")
        found = worktrees.touched(mirror, agent.path, repository.head, exclude=[".env*"])
        assert found == ["README.md", "committed", "src/app.py", "untracked/new\nline"]


class TestSavedAndRemove:
    def test_a_fresh_tree_can_go(self, agent: Repository, mirror: Path) -> None:
        assert worktrees.saved(mirror, agent.path)
        worktrees.remove(mirror, agent.path)
        assert not agent.path.exists()
        assert not place(mirror, agent.path).admin.exists()
        worktrees.remove(mirror, agent.path)

    @pytest.mark.parametrize("what", ["edit", "untracked", "commit", "deleted"])
    def test_unsaved_work_stays_until_it_is_held(
        self, agent: Repository, repository: Repository, mirror: Path, what: str
    ) -> None:
        match what:
            case "edit":
                agent.write("src/app.py", "edited\n")
            case "untracked":
                agent.write("new.txt", "new\n")
            case "commit":
                agent.commit("mine", {"new.txt": "new\n"})
            case _:
                agent.remove("README.md")
        assert not worktrees.saved(mirror, agent.path)
        with pytest.raises(WrongState, match="not in any revision"):
            worktrees.remove(mirror, agent.path)
        assert agent.path.exists()
        snapshot = take(mirror, agent.path, base=repository.head, message="m", author=NOBODY)
        assert snapshot
        mirrors.hold(mirror, "refs/narrows/changes/1/1", snapshot.commit)
        if what == "commit":
            assert not worktrees.saved(mirror, agent.path)
            mirrors.hold(mirror, "refs/narrows/changes/1/1-head", snapshot.head)
        assert worktrees.saved(mirror, agent.path)
        worktrees.remove(mirror, agent.path)
        assert not agent.path.exists()

    def test_brought_and_ignored_files_do_not_count(self, agent: Repository, mirror: Path) -> None:
        agent.write(".env.test", "brought")
        agent.write("build/out", "ignored")
        assert not worktrees.saved(mirror, agent.path)
        assert worktrees.saved(mirror, agent.path, exclude=[".env*"])

    @pytest.mark.parametrize("link", [False, True])
    def test_a_tree_that_is_gone_still_guards_its_commits(
        self, agent: Repository, mirror: Path, tmp_path: Path, link: bool
    ) -> None:
        head = agent.commit("mine", {"mine": "m"})
        shutil.rmtree(agent.path)
        (tmp_path / "private").mkdir()
        if link:
            agent.path.symlink_to(tmp_path / "private")
        assert not worktrees.saved(mirror, agent.path)
        mirrors.hold(mirror, "refs/narrows/changes/1/1-head", head)
        worktrees.remove(mirror, agent.path)
        assert not agent.path.is_symlink()
        assert (tmp_path / "private").is_dir()

    def test_a_folder_that_is_not_ours_is_never_removed(self, mirror: Path, tmp_path: Path) -> None:
        (tmp_path / "foreign").mkdir()
        with pytest.raises(WrongState):
            worktrees.remove(mirror, tmp_path / "foreign")


class TestBring:
    def test_matching_untracked_files_are_copied(self, repository: Repository, agent: Repository) -> None:
        repository.write(".env", "SECRET=1\n").chmod(0o600)
        repository.write("src/.env.local", "LOCAL\n")
        repository.write(".claude/settings.local.json", "{}")
        repository.write("untracked.txt", "not asked for")
        repository.write(".worktreeinclude", "# more\n*.pem\n")
        repository.write("certs/key.pem", b"\0key")
        found = worktrees.bring(repository.path, agent.path, [".env*", ".claude/settings.local.json"])
        assert found == [".claude/settings.local.json", ".env", "certs/key.pem", "src/.env.local"]
        assert (agent.path / ".env").read_text() == "SECRET=1\n"
        assert (agent.path / ".env").stat().st_mode & 0o777 == 0o600
        assert (agent.path / "certs/key.pem").read_bytes() == b"\0key"
        assert not (agent.path / "untracked.txt").exists()
        (agent.path / ".env").write_text("agent")
        assert (repository.path / ".env").read_text() == "SECRET=1\n"
        worktrees.bring(repository.path, agent.path, [".env*"])
        assert (agent.path / ".env").read_text() == "SECRET=1\n"

    def test_nothing_asked_for_is_nothing_brought(self, repository: Repository, agent: Repository) -> None:
        repository.write(".env", "SECRET")
        assert worktrees.bring(repository.path, agent.path, []) == []

    def test_links_are_followed_inside_of_the_source_only(
        self, repository: Repository, agent: Repository, tmp_path: Path
    ) -> None:
        (tmp_path / "outside").write_text("outside")
        repository.write("real", "real")
        (repository.path / ".env.in").symlink_to("real")
        (repository.path / ".env.out").symlink_to(tmp_path / "outside")
        (repository.path / ".env.git").symlink_to(".git/config")
        (repository.path / ".env.loop").symlink_to(".env.loop")
        os.mkfifo(repository.path / ".env.pipe")
        assert worktrees.bring(repository.path, agent.path, [".env*"]) == [".env.in"]
        assert not (agent.path / ".env.in").is_symlink()
        assert (agent.path / ".env.in").read_text() == "real"

    def test_nothing_is_written_through_a_link_in_the_tree(
        self, repository: Repository, agent: Repository, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "precious").write_text("precious")
        repository.write(".env", "SECRET")
        repository.write("conf/.env", "SECRET")
        (agent.path / "conf").symlink_to(outside)
        (agent.path / ".env").symlink_to(outside / "precious")
        assert worktrees.bring(repository.path, agent.path, [".env"]) == [".env"]
        assert sorted(path.name for path in outside.iterdir()) == ["precious"]
        assert (outside / "precious").read_text() == "precious"
        assert (agent.path / ".env").read_text() == "SECRET"
        assert not (agent.path / ".env").is_symlink()

    def test_tracked_files_are_never_overwritten(self, repository: Repository, agent: Repository, mirror: Path) -> None:
        repository.git("rm", "-q", "--cached", "src/app.py")
        repository.write("src/app.py", "untracked now")
        assert worktrees.bring(repository.path, agent.path, ["app.py"], mirror) == []
        assert (agent.path / "src/app.py").read_text() == "one\ntwo\nthree\n"
