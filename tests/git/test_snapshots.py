from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.domain.errors import GitError, NotFound
from server.git import mirrors, worktrees
from server.git.commands import Person, run
from server.git.objects import with_trailers
from server.git.places import place
from server.git.snapshots import Snapshot, take
from tests.support.repositories import Repository, environment

AUTHOR = Person("Ada Lovelace", "ada@example.org")
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def agent(mirror: Path, repository: Repository, tmp_path: Path, home: Path) -> Repository:
    (home / ".gitconfig").write_text("[user]\n\tname = Agent\n\temail = agent@example.org\n")
    worktrees.prepare(mirror, tmp_path / "slots/1", repository.head)
    return Repository(tmp_path / "slots/1", home)


def snap(mirror: Path, agent: Repository, base: str, exclude: tuple[str, ...] = ()) -> Snapshot:
    snapshot = take(mirror, agent.path, base=base, message="Turn", author=AUTHOR, exclude=exclude, date=WHEN)
    assert snapshot is not None
    return snapshot


def files_of(mirror: Path, commit: str) -> dict[str, str]:
    """Name → mode and content of a commit's files."""
    found = {}
    for entry in run(mirror, "ls-tree", "-r", "-z", commit).fields():
        about, name = entry.split("\t", 1)
        mode, kind, oid = about.split()
        content = run(mirror, "cat-file", "blob", oid).out.decode(errors="replace") if kind == "blob" else oid
        found[name] = f"{mode} {content}"
    return found


def test_everything_becomes_one_commit_on_the_base(agent: Repository, repository: Repository, mirror: Path) -> None:
    agent.commit("the agent's own", {"committed.txt": "c"})
    own = agent.head
    agent.write("staged.txt", "s")
    agent.git("add", "staged.txt")
    agent.write("staged.txt", "staged, then edited")
    agent.write("src/app.py", "edited\n", executable=True)
    agent.write("untracked.txt", "u")
    agent.write("build/ignored.txt", "i")
    agent.remove("README.md")
    (agent.path / "link").symlink_to("/etc/passwd")
    before = (place(mirror, agent.path).agents_index.read_bytes(), agent.status())
    snapshot = snap(mirror, agent, repository.head)
    found = files_of(mirror, snapshot.commit)
    assert found["committed.txt"] == "100644 c"
    assert found["staged.txt"] == "100644 staged, then edited"
    assert found["src/app.py"] == "100755 edited\n"
    assert found["untracked.txt"] == "100644 u"
    assert found["link"] == "120000 /etc/passwd"
    assert "README.md" not in found
    assert "build/ignored.txt" not in found
    assert snapshot.head == own
    assert snapshot.base == repository.head
    about = run(mirror, "log", "-1", "--format=%P|%an|%ae|%cn|%ce|%T|%at|%ct", snapshot.commit).text
    stamp = int(WHEN.timestamp())
    people = "Ada Lovelace|ada@example.org|Ada Lovelace|ada@example.org"
    assert about == f"{repository.head}|{people}|{snapshot.tree}|{stamp}|{stamp}"
    assert (place(mirror, agent.path).agents_index.read_bytes(), agent.status()) == before
    assert snap(mirror, agent, repository.head) == snapshot


def test_nothing_done_is_no_snapshot(agent: Repository, repository: Repository, mirror: Path) -> None:
    os.utime(agent.path / "README.md", (1, 1))
    assert take(mirror, agent.path, base=repository.head, message="m", author=AUTHOR) is None


def test_a_commit_that_was_taken_back_is_no_snapshot(agent: Repository, repository: Repository, mirror: Path) -> None:
    agent.commit("there", {"new": "n"})
    agent.remove("new")
    assert take(mirror, agent.path, base=repository.head, message="m", author=AUTHOR) is None


def test_a_second_turn_grows_from_the_same_base(agent: Repository, repository: Repository, mirror: Path) -> None:
    agent.write("first", "1")
    first = snap(mirror, agent, repository.head)
    agent.write("second", "2")
    second = snap(mirror, agent, repository.head)
    assert {"first", "second"} <= set(files_of(mirror, second.commit))
    assert second.commit != first.commit
    assert second.base == first.base


def test_brought_files_never_enter(agent: Repository, repository: Repository, mirror: Path) -> None:
    agent.write(".env", "SECRET")
    agent.write(".env.local", "SECRET")
    agent.write("nested/.env.local", "SECRET")
    subprocess.run(["git", "init", "-q", agent.path / "nested"], check=True, env=environment(agent.home))
    agent.git("add", "-f", ".env", ".env.local")
    agent.git("commit", "-q", "-m", "leak")
    agent.write("work", "w")
    found = files_of(mirror, snap(mirror, agent, repository.head, exclude=(".env*",)).commit)
    assert "work" in found
    assert not [name for name in found if ".env" in name]


def test_ignored_files_that_the_agent_added_enter(agent: Repository, repository: Repository, mirror: Path) -> None:
    agent.write("build/wanted.txt", "w")
    agent.write("build/unwanted.txt", "u")
    agent.git("add", "-f", "build/wanted.txt")
    found = files_of(mirror, snap(mirror, agent, repository.head).commit)
    assert found["build/wanted.txt"] == "100644 w"
    assert "build/unwanted.txt" not in found


def test_bits_and_times_in_the_agents_index_hide_nothing(
    agent: Repository, repository: Repository, mirror: Path
) -> None:
    agent.git("update-index", "--skip-worktree", "README.md")
    agent.git("update-index", "--assume-unchanged", "src/app.py")
    agent.write("README.md", "# Hidden!\n")
    was = (agent.path / "src/app.py").stat()
    agent.write("src/app.py", "one\ntwo\nTHREE\n"[: was.st_size])
    os.utime(agent.path / "src/app.py", ns=(was.st_atime_ns, was.st_mtime_ns))
    found = files_of(mirror, snap(mirror, agent, repository.head).commit)
    assert found["README.md"] == "100644 # Hidden!\n"
    assert found["src/app.py"] == "100644 one\ntwo\nTHREE\n"


@pytest.mark.parametrize("how", ["file", "folder", "index", "head"])
def test_a_broken_git_folder_loses_nothing(agent: Repository, repository: Repository, mirror: Path, how: str) -> None:
    agent.write("work", "w")
    admin = place(mirror, agent.path).admin
    match how:
        case "file":
            (agent.path / ".git").unlink()
        case "folder":
            shutil.rmtree(admin)
        case "index":
            (admin / "index").write_bytes(b"rubbish")
        case _:
            (admin / "HEAD").write_text("rubbish\n")
    snapshot = snap(mirror, agent, repository.head)
    assert files_of(mirror, snapshot.commit)["work"] == "100644 w"
    assert snapshot.head == repository.head


def test_a_repository_inside_enters_as_plain_files(agent: Repository, repository: Repository, mirror: Path) -> None:
    inner = Repository.make(agent.path, "vendor/inner", {"a.txt": "a", "deep/b.txt": "b", "x.log": "ignored above"})
    inner.write(".gitignore", "own-ignored\n")
    inner.write("own-ignored", "i")
    empty = Repository.make(agent.path, "vendor/empty", {})
    empty.write("uncommitted.txt", "u")
    agent.git("add", "vendor/inner")
    found = files_of(mirror, snap(mirror, agent, repository.head).commit)
    names = {name for name in found if name.startswith("vendor")}
    assert names == {
        "vendor/inner/a.txt",
        "vendor/inner/deep/b.txt",
        "vendor/inner/.gitignore",
        "vendor/empty/uncommitted.txt",
    }


def test_a_git_folder_beside_tracked_files_changes_nothing(
    agent: Repository, repository: Repository, mirror: Path
) -> None:
    Repository.make(agent.path, "src/lib/../lib2", {"in.txt": "x"})
    subprocess.run(["git", "init", "-q", agent.path / "src"], check=True, env=environment(agent.home))
    agent.write("src/new.py", "n")
    found = files_of(mirror, snap(mirror, agent, repository.head).commit)
    assert found["src/new.py"] == "100644 n"
    assert found["src/lib2/in.txt"] == "100644 x"


def test_submodules_are_links_when_registered(
    agent: Repository, repository: Repository, mirror: Path, tmp_path: Path
) -> None:
    library = Repository.make(tmp_path, "library")
    agent.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.path), "lib")
    found = files_of(mirror, snap(mirror, agent, repository.head).commit)
    assert found["lib"] == f"160000 {library.head}"
    assert "lib/README.md" not in found

    base = snap(mirror, agent, repository.head).commit
    tree = tmp_path / "slots/2"
    worktrees.prepare(mirror, tree, base)
    assert take(mirror, tree, base=base, message="m", author=AUTHOR) is None
    (tree / "lib/plain.txt").write_text("plain")
    found = files_of(mirror, snap(mirror, Repository(tree, agent.home), base).commit)
    assert found["lib/plain.txt"] == "100644 plain"
    assert "lib" not in found


def test_types_change(agent: Repository, repository: Repository, mirror: Path) -> None:
    shutil.rmtree(agent.path / "src")
    (agent.path / "src").symlink_to("README.md")
    agent.remove("README.md")
    agent.write("README.md/inside", "a folder now")
    found = files_of(mirror, snap(mirror, agent, repository.head).commit)
    assert set(found) == {".gitignore", "README.md/inside", "src"}
    assert found["src"] == "120000 README.md"


def test_a_folder_that_became_a_link_to_its_twin_is_a_change(
    agent: Repository, repository: Repository, mirror: Path, tmp_path: Path
) -> None:
    shutil.copytree(agent.path / "src", tmp_path / "twin")
    shutil.rmtree(agent.path / "src")
    (agent.path / "src").symlink_to(tmp_path / "twin")
    assert "src/app.py" in worktrees.touched(mirror, agent.path, repository.head)
    found = files_of(mirror, snap(mirror, agent, repository.head).commit)
    assert {name for name in found if name.startswith("src")} == {"src"}


def test_names_of_any_bytes(agent: Repository, repository: Repository, mirror: Path) -> None:
    names = [
        "-rf",
        "--output=x",
        "new\nline",
        " lead",
        "tab\t",
        "quote\"'",
        ":(top)magic",
        "*",
        "\\",
        os.fsdecode(b"\xff\xfe"),
    ]
    for name in names:
        agent.write(name, "x")
    found = files_of(mirror, snap(mirror, agent, repository.head).commit)
    assert set(names) <= set(found)


def test_pipes_and_sockets_are_left_out(agent: Repository, repository: Repository, mirror: Path) -> None:
    os.mkfifo(agent.path / "pipe")
    agent.remove("README.md")
    os.mkfifo(agent.path / "README.md")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(agent.path)
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
    agent.write("work", "w")
    found = files_of(mirror, snap(mirror, agent, repository.head).commit)
    assert set(found) == {".gitignore", "src/app.py", "src/lib/util.py", "work"}


def test_a_large_file_is_stored(agent: Repository, repository: Repository, mirror: Path) -> None:
    agent.write("large.bin", os.urandom(1 << 20) * 30)
    snapshot = snap(mirror, agent, repository.head)
    assert run(mirror, "cat-file", "-s", f"{snapshot.commit}:large.bin").text == str(30 << 20)


UNREADABLE = """
(top / "tree/secret.txt").write_text("x")
(top / "tree/secret.txt").chmod(0)
try:
    take(top / "mirror.git", top / "tree", base=repository.head, message="m", author=NOBODY)
except GitError as error:
    print(error)
"""


def test_a_file_without_rights_is_named(as_ordinary_user: Callable[[str], str]) -> None:
    assert "'secret.txt' in the worktree can't be read" in as_ordinary_user(UNREADABLE)


def test_a_tree_that_became_a_link_is_not_read(
    agent: Repository, repository: Repository, mirror: Path, tmp_path: Path
) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private/diary.txt").write_text("dear diary")
    shutil.rmtree(agent.path)
    agent.path.symlink_to(tmp_path / "private")
    with pytest.raises(NotFound, match="is gone"):
        take(mirror, agent.path, base=repository.head, message="m", author=AUTHOR)
    with pytest.raises(NotFound, match="is gone"):
        worktrees.touched(mirror, agent.path, repository.head)


def test_a_file_that_git_refuses_is_an_error_with_its_words(
    agent: Repository, repository: Repository, mirror: Path
) -> None:
    agent.write(".gitattributes", "*.u16 working-tree-encoding=UTF-16\n")
    agent.write("bad.u16", b"\x00\xd8\x00")
    with pytest.raises(GitError, match="can't store") as caught:
        snap(mirror, agent, repository.head)
    assert caught.value.stderr


def test_an_unknown_folder_is_named(mirror: Path, repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(NotFound, match="not a worktree"):
        take(mirror, tmp_path / "other", base=repository.head, message="m", author=AUTHOR)


def test_line_ends_are_stored_as_they_are(agent: Repository, repository: Repository, mirror: Path, home: Path) -> None:
    agent.write("dos.txt", "a\r\nb\r\n")
    with (home / ".gitconfig").open("a") as config:
        config.write("[core]\n\tautocrlf = input\n\tsafecrlf = true\n")
    subprocess.run(["git", "-C", agent.path, "config", "core.autocrlf", "true"], check=True)
    assert files_of(mirror, snap(mirror, agent, repository.head).commit)["dos.txt"] == "100644 a\r\nb\r\n"


def test_trailers_come_last() -> None:
    assert with_trailers("Subject", []) == "Subject"
    assert with_trailers("Subject\n", ["Co-authored-by: A <a@b>"]) == "Subject\n\nCo-authored-by: A <a@b>\n"
    body = "Subject\n\nSigned-off-by: X <x@y>\n"
    assert with_trailers(body, ["K: v\nevil"]) == "Subject\n\nSigned-off-by: X <x@y>\nK: v evil\n"
    assert with_trailers("Fix: it", ["K: v"]) == "Fix: it\n\nK: v\n"


def test_the_snapshot_outlives_the_tree(agent: Repository, repository: Repository, mirror: Path) -> None:
    agent.write("work", "w")
    snapshot = snap(mirror, agent, repository.head)
    mirrors.hold(mirror, "refs/narrows/changes/1/1", snapshot.commit)
    worktrees.prepare(mirror, agent.path, repository.head)
    run(mirror, "gc", "--quiet", "--prune=now")
    assert mirrors.read_file(mirror, snapshot.commit, "work") == b"w"
