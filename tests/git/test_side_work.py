"""What agents committed on branches of their own, at tags, in stashes: found once, told from the user's, dropped."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.git import mirrors, side_work, worktrees
from server.git.commands import run as git
from server.git.side_work import SideWork
from tests.support.repositories import Repository


@pytest.fixture
def agent(mirror: Path, repository: Repository, tmp_path: Path) -> Repository:
    """A worktree as its agent has it."""
    tree = tmp_path / "trees/1"
    tree.parent.mkdir()
    worktrees.prepare(mirror, tree, repository.head)
    (repository.home / ".gitconfig").write_text("[user]\n\tname = Agent\n\temail = agent@example.org\n")
    return Repository(tree, repository.home)


def found(mirror: Path, repository: Repository) -> list[SideWork]:
    return side_work.find(mirror, repository.path, "main")


def held(mirror: Path, work: SideWork) -> None:
    mirrors.hold(mirror, f"{mirrors.BRANCHES}{work.files}", work.files)


def aside(agent: Repository, *command: str, name: str = "side.txt") -> str:
    """A commit that HEAD does not stand on any more."""
    was = agent.head
    agent.git(*command)
    commit = agent.commit("on the side", {name: f"{name}\n"})
    agent.git("checkout", "-q", "--detach", was)
    return commit


def test_a_branch_and_a_tag_are_found_until_they_are_held(
    mirror: Path, repository: Repository, agent: Repository
) -> None:
    assert found(mirror, repository) == []
    commit = aside(agent, "checkout", "-q", "-b", "side")
    agent.git("tag", "-a", "-m", "kept", "v1", "side")
    [work] = found(mirror, repository)
    assert (work.commit, work.files) == (commit, commit)
    assert work.where == "on the branch side and at the tag v1"
    assert work.made == datetime.fromtimestamp(int(agent.git("show", "-s", "--format=%ct", commit)), UTC)
    held(mirror, work)
    assert found(mirror, repository) == []


def test_what_the_user_has_and_what_narrows_has_is_nobodys_side_work(
    mirror: Path, repository: Repository, agent: Repository
) -> None:
    repository.switch("theirs", create=True)
    theirs = repository.commit("theirs", {"theirs.txt": "theirs\n"})
    repository.git("tag", "-a", "-m", "a tag of theirs", "theirs-1")
    mirrors.bring(repository.path, mirror, theirs, "theirs")
    git(mirror, "update-ref", "refs/heads/again", theirs)
    handed_in = agent.commit("handed in", {"in.txt": "in\n"})
    mirrors.hold(mirror, "refs/narrows/changes/1/1-agent", handed_in)
    agent.git("branch", "feature")
    assert found(mirror, repository) == []


def test_what_another_branch_contains_is_found_with_it(mirror: Path, repository: Repository, agent: Repository) -> None:
    aside(agent, "checkout", "-q", "-b", "below")
    top = aside(agent, "checkout", "-q", "-B", "top", "below", name="top.txt")
    assert [work.commit for work in found(mirror, repository)] == [top]


def test_each_stash_is_found_with_its_untracked_files(mirror: Path, repository: Repository, agent: Repository) -> None:
    agent.write("src/app.py", "first\n")
    agent.git("stash")
    agent.write("src/app.py", "second\n")
    agent.write("new/untracked.txt", "untracked\n")
    agent.git("stash", "--include-untracked")
    second, first = found(mirror, repository)
    assert {first.where, second.where} == {"in a stash"}
    assert mirrors.read_file(mirror, first.files, "src/app.py") == b"first\n"
    assert mirrors.read_file(mirror, second.files, "src/app.py") == b"second\n"
    assert mirrors.read_file(mirror, second.files, "new/untracked.txt") == b"untracked\n"
    assert mirrors.is_ancestor(mirror, second.commit, second.files)

    held(mirror, second)
    assert found(mirror, repository) == [first]
    side_work.drop(mirror, second.files)
    assert agent.git("stash", "list").count("stash@") == 1
    agent.git("stash", "pop")
    assert (agent.path / "src/app.py").read_text() == "first\n"


def test_what_is_dropped_is_that_alone(mirror: Path, repository: Repository, agent: Repository) -> None:
    gone = aside(agent, "checkout", "-q", "-b", "gone")
    agent.git("tag", "gone-1", "gone")
    aside(agent, "checkout", "-q", "-b", "stays", name="stays.txt")
    agent.write("src/app.py", "stashed\n")
    agent.git("stash")
    side_work.drop(mirror, gone)
    assert {work.where for work in found(mirror, repository)} == {"on the branch stays", "in a stash"}
    [stash] = [work for work in found(mirror, repository) if work.where == "in a stash"]
    side_work.drop(mirror, stash.files)
    assert {work.where for work in found(mirror, repository)} == {"on the branch stays"}
    assert mirrors.resolve(mirror, "refs/heads/main") == repository.head


def test_a_branch_that_a_worktree_is_on_stays(mirror: Path, repository: Repository, agent: Repository) -> None:
    agent.git("checkout", "-q", "-b", "mine")
    commit = agent.commit("mine", {"mine.txt": "mine\n"})
    side_work.drop(mirror, commit)
    assert agent.head == commit
    assert [work.where for work in found(mirror, repository)] == ["on the branch mine"]


def test_nothing_that_an_agent_writes_among_the_refs_stops_it(
    mirror: Path, repository: Repository, agent: Repository
) -> None:
    commit = aside(agent, "checkout", "-q", "-b", "side")
    refs = mirror / "refs"
    (refs / "heads/missing").write_text("1" * 40 + "\n")
    (refs / "heads/garbage").write_text("nothing\n")
    os.mkfifo(refs / "heads/pipe")
    (refs / "narrows").mkdir(exist_ok=True)
    (refs / "narrows/missing").write_text("2" * 40 + "\n")
    (refs / "stash").write_text("3" * 40 + "\n")
    git(mirror, "update-ref", "refs/notes/blob", git(mirror, "hash-object", "-w", "--stdin", input=b"x").text)
    (mirror / "logs/refs").mkdir(parents=True, exist_ok=True)
    os.mkfifo(mirror / "logs/refs/stash")
    [work] = found(mirror, repository)
    assert work.commit == commit
    side_work.drop(mirror, commit)
    assert found(mirror, repository) == []


def test_a_stash_whose_third_parent_is_no_list_of_untracked_files_is_taken_as_it_is(
    mirror: Path, repository: Repository, agent: Repository
) -> None:
    one = aside(agent, "checkout", "-q", "--detach", name="one.txt")
    two = aside(agent, "checkout", "-q", "--detach", name="two.txt")
    tree = git(mirror, "rev-parse", f"{one}^{{tree}}").text
    made = agent.git("commit-tree", tree, "-p", repository.head, "-p", one, "-p", two, "-m", "odd").strip()
    git(mirror, "update-ref", "--create-reflog", "-m", "odd", "refs/stash", made)
    [work] = found(mirror, repository)
    assert (work.commit, work.files, work.where) == (made, made, "in a stash")


@pytest.mark.parametrize("date", ["0 +0000", "99999999999 +0000"])
def test_a_commit_of_any_time_is_found(mirror: Path, repository: Repository, agent: Repository, date: str) -> None:
    tree = git(mirror, "rev-parse", f"{repository.head}^{{tree}}").text
    raw = f"tree {tree}\nauthor A <a> {date}\ncommitter A <a> {date}\n\nx\n"
    made = git(mirror, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", input=raw.encode()).text
    git(mirror, "update-ref", "refs/heads/odd", made)
    [work] = found(mirror, repository)
    assert work.commit == made
    assert work.made.tzinfo is UTC
