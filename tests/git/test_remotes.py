"""A branch of a remote: asked, brought into the mirror, moved by a push that compares. Real git on both sides."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.domain.errors import NarrowsError
from server.git import mirrors, remotes
from server.git.commands import NOBODY
from server.git.mirrors import TargetGone
from server.git.moves import LostRace
from server.git.objects import commit, tree_of
from server.git.remotes import RemoteRefused, Unreachable
from tests.support.remotes import Remote, false_ssh, served
from tests.support.repositories import Repository

WAYS = ("path", "file", "git", "http", "ssh")


@pytest.fixture
def remote(repository: Repository) -> Remote:
    return Remote.of(repository)


@pytest.fixture(params=WAYS)
def by_every_way(
    request: pytest.FixtureRequest, repository: Repository, remote: Remote, tmp_path: Path
) -> Iterator[Remote]:
    """The same remote, as each protocol reaches it. HTTP asks for a password, which a credential helper knows."""
    way = request.param
    if way in ("git", "http"):
        remote.git("config", "http.receivepack", "true")
        with served(tmp_path, way, password="secret" if way == "http" else "") as root:
            repository.git("remote", "set-url", "origin", f"{root}/origin.git")
            helper = "!f() { test $1 = get && echo username=ada && echo password=secret; }; f"
            repository.git("config", "credential.helper", helper)
            yield remote
        return
    if way == "file":
        repository.git("remote", "set-url", "origin", f"file://{remote.path}")
    if way == "ssh":
        repository.git("remote", "set-url", "origin", f"ssh://ada@nowhere.invalid{remote.path}")
        repository.git("config", "core.sshCommand", str(false_ssh(tmp_path)))
    yield remote
    assert way != "ssh" or "ada@nowhere.invalid" in (tmp_path / "ssh.log").read_text()


def built(mirror: Path, old: str, message: str = "landing") -> str:
    """A commit on `old` that only the mirror has."""
    return commit(mirror, tree_of(mirror, old), [old], message, NOBODY, NOBODY)


def refs(repository: Repository) -> dict[str, str]:
    listed = repository.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ") for line in listed)


def push(repository: Repository, mirror: Path, old: str | None, new: str, branch: str = "main", **wishes: bool) -> None:
    remotes.push(repository.path, mirror, "origin", branch, old, new, **wishes)


class TestReading:
    def test_the_tip_comes_into_the_mirror_and_the_repository_keeps_every_ref(
        self, repository: Repository, mirror: Path, by_every_way: Remote
    ) -> None:
        there = by_every_way.commit("theirs", "theirs\n")
        before = refs(repository)
        assert remotes.tip(repository.path, "origin", "main") == there
        assert remotes.fetch(repository.path, mirror, "origin", "main") == there
        assert mirrors.resolve(mirror, "refs/heads/main") == there
        assert mirrors.read_file(mirror, there, "theirs.txt") == b"theirs\n"
        assert refs(repository) == before
        assert not (repository.path / ".git/FETCH_HEAD").exists()
        Repository(mirror, repository.home).git("fsck", "--connectivity-only")

    def test_what_the_user_configured_for_their_own_fetch_makes_no_ref(
        self, repository: Repository, mirror: Path, remote: Remote
    ) -> None:
        repository.git("config", "remote.origin.tagOpt", "--tags")
        repository.git("config", "fetch.prune", "true")
        repository.git("config", "fetch.writeCommitGraph", "true")
        repository.git("update-ref", "refs/remotes/origin/gone", "HEAD")
        there = remote.commit("theirs", "theirs\n")
        remote.git("tag", "v1")
        before = refs(repository)
        assert remotes.fetch(repository.path, mirror, "origin", "main") == there
        assert refs(repository) == before

    def test_a_tip_that_was_there_before_costs_one_question(
        self, repository: Repository, mirror: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remote.commit("theirs", "theirs\n")
        there = remotes.fetch(repository.path, mirror, "origin", "main")
        monkeypatch.setattr(remotes, "_download", None)
        assert remotes.fetch(repository.path, mirror, "origin", "main") == there

    def test_without_a_network_it_is_known_where_anybody_here_last_saw_it(
        self, repository: Repository, mirror: Path, remote: Remote
    ) -> None:
        def known() -> str | None:
            return remotes.known(repository.path, mirror, "origin", "main")

        first = remote.tip()
        assert known() == first
        assert remotes.known(repository.path, mirror, "origin", "never-seen") is None
        second = remote.commit("second", "2\n")
        assert known() == first
        repository.git("fetch", "-q", "origin")
        assert known() == second == mirrors.resolve(mirror, "refs/heads/main")
        third = remote.commit("third", "3\n")
        remotes.fetch(repository.path, mirror, "origin", "main")
        assert known() == third, "the user's own last fetch is older"

    def test_a_branch_that_went_back_is_where_it_is(self, repository: Repository, mirror: Path, remote: Remote) -> None:
        first = remote.tip()
        remote.commit("theirs", "theirs\n")
        remotes.fetch(repository.path, mirror, "origin", "main")
        remote.git("update-ref", "refs/heads/main", first)
        assert remotes.fetch(repository.path, mirror, "origin", "main") == first
        assert mirrors.resolve(mirror, "refs/heads/main") == first

    def test_a_branch_that_is_rewritten_meanwhile_is_asked_again(
        self, repository: Repository, mirror: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = remote.tip()
        remote.commit("theirs", "theirs\n")
        download = remotes._download
        said: list[str] = []

        def rewritten(source: Path, name: str, branch: str) -> None:
            if not said:
                remote.git("update-ref", "refs/heads/main", first)
                said.append(remote.commit("theirs, rewritten", "others\n"))
            download(source, name, branch)

        monkeypatch.setattr(remotes, "_download", rewritten)
        assert [remotes.fetch(repository.path, mirror, "origin", "main")] == said

    def test_a_branch_is_named_exactly(self, repository: Repository, mirror: Path, remote: Remote) -> None:
        remote.git("branch", "deep/refs/heads/wanted")
        assert remotes.tip(repository.path, "origin", "wanted") is None
        with pytest.raises(TargetGone, match="wanted is not on origin"):
            remotes.fetch(repository.path, mirror, "origin", "wanted")

    def test_remotes_are_listed_with_where_pushes_go(self, repository: Repository, remote: Remote) -> None:
        assert remotes.names(repository.path) == ["origin"]
        assert remotes.address(repository.path, "origin") == str(remote.path)
        assert remotes.address(repository.path, "nothing") == ""
        repository.git("config", "url.https://example.org/.pushInsteadOf", f"{remote.path.parent}/")
        assert remotes.address(repository.path, "origin") == "https://example.org/origin.git"

    def test_where_pushes_go_elsewhere_that_is_what_is_asked(
        self, repository: Repository, mirror: Path, remote: Remote, tmp_path: Path
    ) -> None:
        fork = Remote(tmp_path / "fork.git", repository.home)
        shutil.copytree(remote.path, fork.path)
        repository.git("remote", "set-url", "--push", "origin", str(fork.path))
        there = fork.commit("in the fork", "fork\n")
        assert remotes.fetch(repository.path, mirror, "origin", "main") == there
        new = built(mirror, there)
        push(repository, mirror, there, new)
        assert (fork.tip(), remote.log()) == (new, ["first"])

    def test_two_places_to_push_to_are_refused(self, repository: Repository, remote: Remote) -> None:
        repository.git("remote", "set-url", "--add", "--push", "origin", str(remote.path))
        repository.git("remote", "set-url", "--add", "--push", "origin", "/elsewhere")
        with pytest.raises(NarrowsError, match="pushes to 2 places"):
            remotes.tip(repository.path, "origin", "main")


class TestMoving:
    def test_forward_and_back_and_nothing_else(
        self, repository: Repository, mirror: Path, by_every_way: Remote
    ) -> None:
        old, before = by_every_way.tip(), refs(repository)
        new = built(mirror, old)
        push(repository, mirror, old, new)
        assert by_every_way.tip() == new
        assert refs(repository) == {**before, "refs/remotes/origin/main": new}
        assert repository.head == old
        assert repository.status() == []
        repository.git("fsck", "--full")
        push(repository, mirror, old, new)  # again, as after a death in between
        push(repository, mirror, new, old)
        assert by_every_way.tip() == old
        assert refs(repository) == before

    @pytest.mark.parametrize("how", ["forward", "back", "gone"])
    def test_the_lease_is_on_exactly_the_commit_that_was_proven_on(
        self, repository: Repository, mirror: Path, by_every_way: Remote, how: str
    ) -> None:
        """Back to an ancestor, a push without the lease would go through."""
        first = by_every_way.tip()
        old = by_every_way.commit("theirs", "theirs\n")
        new = built(mirror, remotes.fetch(repository.path, mirror, "origin", "main"))
        there: str | None = first
        if how == "forward":
            there = by_every_way.commit("quicker", "quicker\n")
        elif how == "back":
            by_every_way.git("update-ref", "refs/heads/main", first)
        else:
            by_every_way.git("update-ref", "-d", "refs/heads/main")
            there = None
        before = refs(repository)
        with pytest.raises(LostRace) as caught:
            push(repository, mirror, old, new)
        assert caught.value.current == there
        assert by_every_way.branches() == (["main"] if there else [])
        assert there is None or by_every_way.tip() == there
        assert refs(repository) == before

    def test_a_new_branch_must_not_be_there(self, repository: Repository, mirror: Path, remote: Remote) -> None:
        new = built(mirror, remote.tip())
        push(repository, mirror, None, new, branch="narrows/1-say-it")
        assert remote.tip("narrows/1-say-it") == new
        other = built(mirror, new, "other")
        with pytest.raises(LostRace):
            push(repository, mirror, None, other, branch="narrows/1-say-it")

    @pytest.mark.parametrize("hook", ["pre-receive", "update"])
    def test_a_refusal_is_told_in_the_remotes_own_words(
        self, repository: Repository, mirror: Path, by_every_way: Remote, hook: str
    ) -> None:
        says = 'echo "GH006: Protected branch, use a pull request." >&2; printf "\\033[31m\\a" >&2'
        by_every_way.hook(hook, f"{says}; exit 1")
        old = by_every_way.tip()
        with pytest.raises(RemoteRefused) as caught:
            push(repository, mirror, old, built(mirror, old))
        assert "GH006: Protected branch, use a pull request" in caught.value.message
        assert caught.value.message.startswith("The push to main of origin was refused: ")
        assert caught.value.message.isprintable()
        assert by_every_way.tip() == old

    def test_a_remote_that_never_goes_back_says_so(self, repository: Repository, mirror: Path, remote: Remote) -> None:
        remote.git("config", "receive.denyNonFastForwards", "true")
        old = remote.tip()
        new = built(mirror, old)
        push(repository, mirror, old, new)
        with pytest.raises(RemoteRefused, match="non-fast-forward"):
            push(repository, mirror, new, old)
        assert remote.tip() == new

    def test_a_branch_that_is_checked_out_there_is_refused(
        self, repository: Repository, mirror: Path, tmp_path: Path
    ) -> None:
        repository.git("clone", "-q", ".", str(tmp_path / "colleague"))
        repository.git("remote", "add", "origin", str(tmp_path / "colleague"))
        with pytest.raises(RemoteRefused, match="checked out"):
            push(repository, mirror, repository.head, built(mirror, repository.head))

    def test_a_push_that_is_cut_off_after_it_arrived_has_arrived(
        self, repository: Repository, mirror: Path, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.mkfifo(tmp_path / "never")
        remote.hook("post-receive", f"cat {tmp_path}/never")
        monkeypatch.setattr(remotes, "TRANSFER_SECONDS", 2)
        old = remote.tip()
        new = built(mirror, old)
        push(repository, mirror, old, new)
        assert remote.tip() == new

    def test_a_push_that_is_cut_off_before_says_that_nothing_moved(
        self, repository: Repository, mirror: Path, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.mkfifo(tmp_path / "never")
        remote.hook("pre-receive", f"cat {tmp_path}/never")
        monkeypatch.setattr(remotes, "TRANSFER_SECONDS", 2)
        old = remote.tip()
        with pytest.raises(RemoteRefused, match="longer than 2 seconds"):
            push(repository, mirror, old, built(mirror, old))
        assert remote.tip() == old

    def test_what_the_user_configured_for_their_own_push_adds_nothing(
        self, repository: Repository, mirror: Path, remote: Remote
    ) -> None:
        repository.git("-c", "tag.gpgSign=false", "tag", "-a", "-m", "one", "v1")
        repository.git("config", "push.followTags", "true")
        repository.git("config", "remote.origin.push", "refs/heads/*:refs/heads/*")
        repository.branch("private")
        old = remote.tip()
        push(repository, mirror, old, built(mirror, old))
        assert (remote.tags(), remote.branches()) == ([], ["main"])


class TestHooks:
    def plant(self, repository: Repository, script: str) -> Path:
        marker = repository.path.parent / "ran"
        hooks = repository.path / ".git/hooks"
        hooks.mkdir()
        for name in ("pre-push", "reference-transaction", "post-update", "pre-receive"):
            (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {marker}\n{script}\n")
            (hooks / name).chmod(0o755)
        return marker

    def test_none_runs_unless_asked_for(self, repository: Repository, mirror: Path, remote: Remote) -> None:
        marker = self.plant(repository, "exit 1")
        remotes.fetch(repository.path, mirror, "origin", "main")
        push(repository, mirror, remote.tip(), built(mirror, remote.tip()))
        assert not marker.exists()

    def test_pre_push_has_its_say_where_asked_for(self, repository: Repository, mirror: Path, remote: Remote) -> None:
        marker = self.plant(repository, "exit 0")
        old = remote.tip()
        new = built(mirror, old)
        push(repository, mirror, old, new, hooks=True)
        assert "pre-push" in marker.read_text()
        assert remote.tip() == new
        (repository.path / ".git/hooks/pre-push").write_text("#!/bin/sh\necho 'Not on a Friday.' >&2; exit 1\n")
        with pytest.raises(RemoteRefused, match=r"Not on a Friday\."):
            push(repository, mirror, new, built(mirror, new), hooks=True)
        assert remote.tip() == new


class TestOutOfReach:
    def refuses(self, repository: Repository, mirror: Path, words: str) -> None:
        before, new = refs(repository), built(mirror, repository.head)
        attempts: tuple[Callable[[], object], ...] = (
            lambda: remotes.tip(repository.path, "origin", "main"),
            lambda: remotes.fetch(repository.path, mirror, "origin", "main"),
            lambda: push(repository, mirror, repository.head, new),
        )
        for attempt in attempts:
            with pytest.raises(Unreachable, match=words) as caught:
                attempt()
            assert caught.value.message.startswith("origin can't be reached: ")
            assert "git fetch origin" in caught.value.hint
        assert refs(repository) == before

    def test_a_folder_that_is_gone(self, repository: Repository, mirror: Path, remote: Remote) -> None:
        shutil.rmtree(remote.path)
        self.refuses(repository, mirror, "does not appear to be a git repository")

    @pytest.mark.parametrize("scheme", ["git", "http"])
    def test_nobody_answers(self, repository: Repository, mirror: Path, remote: Remote, scheme: str) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and nobody listens
            repository.git("remote", "set-url", "origin", f"{scheme}://127.0.0.1:{taken.getsockname()[1]}/origin.git")
            self.refuses(repository, mirror, "unable to|Failed to connect|refused")

    def test_somebody_who_never_answers_is_given_up(
        self, repository: Repository, mirror: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remotes, "ANSWER_SECONDS", 1)
        monkeypatch.setattr(remotes, "TRANSFER_SECONDS", 1)
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            repository.git("remote", "set-url", "origin", f"git://127.0.0.1:{silent.getsockname()[1]}/origin.git")
            self.refuses(repository, mirror, "longer than 1 second")

    def test_a_password_is_never_asked_for(
        self, repository: Repository, mirror: Path, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = tmp_path / "asked"
        (tmp_path / "askpass").write_text(f"#!/bin/sh\ntouch {asked}\necho secret\n")
        (tmp_path / "askpass").chmod(0o755)
        for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
            monkeypatch.setenv(name, str(tmp_path / "askpass"))
        repository.git("config", "core.askPass", str(tmp_path / "askpass"))
        with served(tmp_path, "http", password="secret") as root:
            repository.git("remote", "set-url", "origin", f"{root}/origin.git")
            self.refuses(repository, mirror, "could not read Username")
        assert not asked.exists()

    @pytest.mark.parametrize("address", ["ext::sh -c 'touch {}'", "other::{}", "other://{}"])
    def test_an_address_that_names_a_program_starts_none(
        self, repository: Repository, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
    ) -> None:
        marker = tmp_path / "ran"
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/git-remote-other").write_text(f"#!/bin/sh\ntouch {marker}\n")
        (tmp_path / "bin/git-remote-other").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        for key in ("protocol.allow", "protocol.ext.allow", "protocol.other.allow"):
            repository.git("config", key, "always")
        repository.git("remote", "add", "origin", address.format(marker))
        self.refuses(repository, mirror, "not allowed")
        assert not marker.exists()

    def test_variables_that_lead_to_another_repository_do_not_count(
        self, repository: Repository, mirror: Path, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"):
            monkeypatch.setenv(name, str(tmp_path / "nowhere"))
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "remote.origin.url")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", "/elsewhere")
        assert remotes.tip(repository.path, "origin", "main") == remote.tip()

    def test_how_the_user_connects_counts(
        self, repository: Repository, mirror: Path, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_SSH_COMMAND", str(false_ssh(tmp_path)))
        repository.git("remote", "set-url", "origin", f"ada@nowhere.invalid:{remote.path}")
        assert remotes.tip(repository.path, "origin", "main") == remote.tip()
        assert "ada@nowhere.invalid" in (tmp_path / "ssh.log").read_text()
