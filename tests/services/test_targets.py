"""Where changes land: a branch of the repository, a branch of its remote, a pull request."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from server.domain.errors import Invalid, NarrowsError, WrongState
from server.domain.landing import Landing
from server.domain.project import LandingMethod, Project
from server.domain.states import ChangeState, LandingState
from server.git import mirrors
from server.git.remotes import RemoteRefused, Unreachable
from server.services import landings, projects, pull_requests, targets, undos
from server.services.narrows import Narrows
from server.services.targets import LocalBranch, PullRequest, RemoteBranch, Target
from tests.services.workshop import Workshop
from tests.support.remotes import Remote, calls, false_program, false_ssh
from tests.support.repositories import Repository

EDITED = {"notes.txt": "one\nTWO\nthree\n"}


@pytest.fixture
def remote(repository: Repository) -> Remote:
    return Remote.of(repository)


@pytest.fixture
def shop(workshop: Workshop, remote: Remote) -> Workshop:
    """Its project lands on the remote's main."""
    return configured(workshop, remote="origin")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def configured(workshop: Workshop, **wishes: object) -> Workshop:
    projects.configure(workshop.narrows, workshop.project.id, **wishes)
    return Workshop(workshop.narrows, projects.get(workshop.narrows, workshop.project.id))


# Chosen


def test_the_kind_is_chosen_by_the_landing_and_else_by_the_project(shop: Workshop) -> None:
    narrows, project = shop.narrows, shop.project
    assert isinstance(Target.of(narrows, project), RemoteBranch)
    landing = Landing(
        change_id=1, project_id=1, revision_id=1, target_branch="main", method=LandingMethod.SQUASH, message="m"
    )
    assert isinstance(Target.of(narrows, project, landing), LocalBranch)
    landing.remote = "origin"
    assert isinstance(Target.of(narrows, project, landing), RemoteBranch)
    landing.topic = "narrows/1"
    assert isinstance(Target.of(narrows, project, landing), PullRequest)


def test_only_what_can_be_landed_on_is_taken(workshop: Workshop, repository: Repository, remote: Remote) -> None:
    repository.branch("only-here")
    remote.git("branch", "only-there")
    for wishes, field, words in (
        ({"pull_requests": True}, "pull_requests", "opened on a remote"),
        ({"remote": "upstream"}, "remote", "no remote 'upstream'.* It has: origin"),
        ({"remote": "origin", "target_branch": "only-here"}, "target_branch", "origin has no branch 'only-here'"),
        ({"target_branch": "only-there"}, "target_branch", "no branch 'only-there'"),
    ):
        with pytest.raises(Invalid) as refused:
            configured(workshop, **wishes)
        assert refused.value.field == field
        refused.match(words)
    shop = configured(workshop, remote="origin", target_branch="only-there", pull_requests=True)
    assert (shop.project.remote, shop.project.target_branch) == ("origin", "only-there")


def test_a_remote_is_asked_only_where_the_target_is_another(shop: Workshop, remote: Remote) -> None:
    shutil.move(remote.path, remote.path.with_name("away.git"))
    assert configured(shop, rules="Be kind.", remote="origin").project.rules == "Be kind."
    with pytest.raises(Unreachable, match="origin can't be reached"):
        configured(shop, target_branch="other")


def test_a_repository_is_registered_with_its_remote_as_the_target(
    narrows: Narrows, repository: Repository, remote: Remote
) -> None:
    there = remote.commit("theirs", "theirs\n")
    assert projects.examine(str(repository.path)).remotes == ["origin"]
    project = projects.register(narrows, str(repository.path), remote="origin")
    assert mirrors.resolve(narrows.mirror(project.id), "refs/heads/main") == there
    assert projects.remotes_of(project.path) == ["origin"]
    assert projects.remotes_of("/nowhere") == []


# A remote's branch


def test_a_landing_is_pushed_and_the_local_branch_comes_along(
    shop: Workshop, repository: Repository, remote: Remote
) -> None:
    repository.write("README.md", "# Mine, not committed\n")
    remote.commit("theirs", "theirs\n")
    landing = shop.land(shop.change(EDITED))
    assert remote.log() == ["Say it", "theirs", "first"]
    assert remote.tip() == landing.commit == repository.head
    assert (repository.path / "theirs.txt").exists()
    assert repository.status() == [" M README.md"]
    assert (landing.remote, landing.note, landing.pull_request) == ("origin", "", "")
    assert landing.receipt is not None
    assert landing.receipt["landed"]["remote"] == "origin"
    assert landing.receipt["verified"]["branch"]["at"] == remote.tip()


def test_the_local_branch_stays_where_that_is_wished(shop: Workshop, repository: Repository, remote: Remote) -> None:
    before = repository.head
    landing = configured(shop, follows=False).land(shop.change(EDITED))
    assert (remote.tip(), repository.head, landing.note) == (landing.commit, before, "")


@pytest.mark.parametrize("why", ["commits of its own", "a file in the way", "not there"])
def test_a_landing_stands_where_the_local_branch_can_not_follow(
    shop: Workshop, repository: Repository, remote: Remote, why: str
) -> None:
    change = shop.change(EDITED)
    if why == "commits of its own":
        before = repository.commit("mine, not pushed", {"mine.txt": "mine\n"})
        said = "Your own main has other commits than origin's, so it stays where it is."
    elif why == "a file in the way":
        before = repository.head
        repository.write("notes.txt", "mine\n")
        said = f"Your own main did not come along: Local changes in {repository.path} are in the way: notes.txt."
    else:
        repository.git("switch", "-q", "--detach")
        repository.git("branch", "-D", "main")
        before, said = repository.head, ""
    status = repository.status()
    landing = shop.land(change)
    assert (landing.state, landing.note) == (LandingState.LANDED, said)
    assert remote.tip() == landing.commit
    assert (repository.head, repository.status()) == (before, status)


def test_somebody_who_was_quicker_on_the_remote_is_a_lost_race(shop: Workshop, remote: Remote) -> None:
    narrows = shop.narrows
    landing = landings.land(narrows, shop.change(EDITED).id, revision=1)
    shop.claim()
    first = remote.commit("quicker", "theirs\n")
    assert not landings.move(narrows, landing.id)
    assert landings.rebuild(narrows, landing.id).old == first
    shop.prove(landings.get(narrows, landing.id))
    assert landings.move(narrows, landing.id)
    assert remote.log() == ["Say it", "quicker", "first"]


def test_a_conflict_with_the_remote_is_said_at_the_click(shop: Workshop, remote: Remote) -> None:
    change = shop.change(EDITED)
    remote.commit("theirs", "one\n2\nthree\n", name="notes.txt")
    with pytest.raises(NarrowsError, match=r"no longer merges with main: notes\.txt"):
        landings.land(shop.narrows, change.id, revision=1)


def test_a_refusal_of_the_remote_is_told_in_its_own_words(
    shop: Workshop, repository: Repository, remote: Remote
) -> None:
    remote.hook("pre-receive", 'echo "Changes must be made through a pull request." >&2; exit 1')
    before = (remote.tip(), repository.head)
    landing = landings.land(shop.narrows, shop.change(EDITED).id, revision=1)
    shop.claim()
    with pytest.raises(RemoteRefused, match="Changes must be made through a pull request") as refused:
        landings.move(shop.narrows, landing.id)
    assert "pull requests instead" in refused.value.hint
    assert (remote.tip(), repository.head) == before


def test_offline_nothing_changes_and_work_begins_where_the_remote_was_last_seen(
    shop: Workshop, repository: Repository, remote: Remote
) -> None:
    narrows, change = shop.narrows, shop.change(EDITED)
    there = Target.of(narrows, shop.project).tip()
    before = repository.head
    away = remote.path.with_name("away.git")
    shutil.move(remote.path, away)
    with pytest.raises(Unreachable, match="origin can't be reached"):
        landings.land(narrows, change.id, revision=1)
    target = Target.of(narrows, shop.project)
    assert (shop.get(change).state, repository.head) == (ChangeState.IN_REVIEW, before)
    assert (target.known(), target.beginning()) == (there, there)
    shutil.move(away, remote.path)
    assert shop.land(change).state is LandingState.LANDED


def test_work_does_not_begin_where_a_remote_was_never_seen(shop: Workshop, remote: Remote) -> None:
    target = RemoteBranch(shop.narrows, shop.project, "never-seen", "origin")
    shutil.rmtree(remote.path)
    with pytest.raises(Unreachable):
        target.beginning()


@pytest.mark.parametrize("then", ["", "somebody pushed on top", "offline"])
def test_a_server_that_died_after_the_push_only_writes_it_down(
    shop: Workshop, repository: Repository, remote: Remote, then: str
) -> None:
    narrows = shop.narrows
    landing = landings.land(narrows, shop.change(EDITED).id, revision=1)
    shop.claim()
    shop.die(RemoteBranch, "settle", landing)
    assert landings.get(narrows, landing.id).state is LandingState.RUNNING
    assert repository.head != landing.commit
    pushed = remote.log()
    if then == "somebody pushed on top":
        remote.commit("on top", "theirs\n")
        pushed = remote.log()
    if then == "offline":
        shutil.move(remote.path, remote.path.with_name("away.git"))

    assert landings.move(narrows, landing.id)
    landing = landings.get(narrows, landing.id)
    assert (landing.state, landing.note) == (LandingState.LANDED, "")
    assert repository.head == landing.commit, "and the local branch came along after all"
    if then == "offline":
        shutil.move(remote.path.with_name("away.git"), remote.path)
    assert remote.log() == pushed


# Taken back from a remote


def test_a_remote_that_goes_back_is_as_if_the_landing_never_was(
    shop: Workshop, repository: Repository, remote: Remote
) -> None:
    before = remote.tip()
    change = shop.change(EDITED)
    landing, plan = shop.undo(shop.land(change))
    assert not plan.revert
    assert (landing.state, remote.tip(), repository.head) == (LandingState.UNDONE, before, before)
    assert (repository.path / "notes.txt").read_text() == "one\ntwo\nthree\n"
    assert shop.land(shop.get(change)).state is LandingState.LANDED, "and it can land again"


def test_a_remote_that_never_goes_back_gets_a_revert(shop: Workshop, repository: Repository, remote: Remote) -> None:
    remote.git("config", "receive.denyNonFastForwards", "true")
    landing, plan = shop.undo(shop.land(shop.change(EDITED, title="Shout")), tries=2)
    assert plan.revert
    assert landing.state is LandingState.UNDONE
    assert remote.log() == ['Revert "Shout"', "Shout", "first"]
    assert remote.tip() == repository.head == landing.undo_commit
    assert (repository.path / "notes.txt").read_text() == "one\ntwo\nthree\n"


def test_a_remote_that_takes_nothing_back_says_so(shop: Workshop, remote: Remote) -> None:
    landing = shop.land(shop.change(EDITED))
    remote.hook("pre-receive", 'echo "Frozen until Monday." >&2; exit 1')
    undos.ask(shop.narrows, landing.id)
    assert not undos.take_back(shop.narrows, landing.id, undos.plan(shop.narrows, landing.id))
    plan = undos.plan(shop.narrows, landing.id)
    assert plan.revert
    with pytest.raises(RemoteRefused, match=r"Frozen until Monday"):
        undos.take_back(shop.narrows, landing.id, plan)
    assert remote.tip() == landing.commit


# Pull requests


@pytest.fixture
def github(shop: Workshop, repository: Repository, remote: Remote, tmp_path: Path) -> Workshop:
    """Its landings open pull requests on a host that knows the remote as ada/engine."""
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada/engine.git").symlink_to(remote.path)
    repository.git("remote", "set-url", "origin", "git@github.com:ada/engine.git")
    repository.git("config", "core.sshCommand", str(false_ssh(tmp_path)))
    return configured(shop, pull_requests=True)


GH = """case "$2" in
  list) echo '{listed}' ;;
  create) echo 'Creating pull request' >&2; echo https://github.com/ada/engine/pull/7 ;;
esac"""


def test_a_pull_request_is_opened_by_the_hosts_program(
    github: Workshop, repository: Repository, remote: Remote, programs: Path
) -> None:
    false_program(programs, "gh", GH.replace("{listed}", "[]"))
    shop = github
    before = (remote.tip(), repository.head)
    change = shop.change(EDITED, title="Say it *louder*!")
    landing = shop.land(change, message="Say it: --louder\n\n-body=x\nAs asked.")
    topic = f"narrows/{change.id}-say-it-louder"
    assert (landing.state, landing.topic) == (LandingState.LANDED, topic)
    assert (landing.pull_request, landing.note) == ("https://github.com/ada/engine/pull/7", "")
    assert (remote.tip(topic), remote.tip(), repository.head) == (landing.commit, *before)
    assert repository.git("for-each-ref", "--format=%(refname)", "refs/heads").splitlines() == ["refs/heads/main"]
    listed, created = calls(programs, "gh")
    where = ["--repo=github.com/ada/engine", f"--head={topic}"]
    assert listed == ["pr", "list", *where, "--state=open", "--json=url"]
    assert created == ["pr", "create", *where, "--base=main", "--title=Say it: --louder", "--body=-body=x\nAs asked."]
    assert landing.receipt is not None
    assert landing.receipt["landed"]["pull_request"] == landing.pull_request
    assert shop.get(change).state is ChangeState.LANDED


def test_another_revision_goes_to_the_same_branch(github: Workshop, remote: Remote, programs: Path) -> None:
    false_program(programs, "gh", GH.replace("{listed}", json.dumps([{"url": "https://github.com/ada/engine/pull/7"}])))
    shop = github
    change = shop.change(EDITED)
    first = shop.land(change)
    undone_one, plan = shop.undo(first)
    assert (undone_one.state, plan.revert) == (LandingState.UNDONE, False)
    assert undone_one.note == undos.STAYS
    assert remote.tip(first.topic) == first.commit, "what is on the host stays there"

    remote.commit("theirs", "theirs\n")
    second = shop.land(shop.get(change), message="Better")
    assert second.topic == first.topic
    assert second.pull_request == "https://github.com/ada/engine/pull/7"
    assert remote.log(second.topic) == ["Better", "theirs", "first"]
    assert [call[1] for call in calls(programs, "gh")] == ["list", "list"], "it was open already"


def test_a_branch_that_somebody_else_pushed_to_is_left_alone(shop: Workshop, remote: Remote) -> None:
    shop = configured(shop, pull_requests=True)
    narrows, change = shop.narrows, shop.change(EDITED)
    first = shop.land(change)
    shop.undo(first)
    theirs = remote.commit("a colleague's", "theirs\n", branch=first.topic)
    landing = landings.land(narrows, change.id, revision=1)
    shop.claim()
    with pytest.raises(WrongState, match="has commits that Narrows did not push"):
        landings.move(narrows, landing.id)
    assert remote.tip(first.topic) == theirs


def test_a_pull_request_is_no_way_out_where_its_own_branch_is_refused(shop: Workshop, remote: Remote) -> None:
    shop = configured(shop, pull_requests=True)
    remote.hook("pre-receive", 'echo "You may read only." >&2; exit 1')
    landing = landings.land(shop.narrows, shop.change(EDITED).id, revision=1)
    shop.claim()
    with pytest.raises(RemoteRefused, match="You may read only") as refused:
        landings.move(shop.narrows, landing.id)
    assert f"push branches such as {landing.topic} to origin" in refused.value.hint


def test_a_branch_that_was_removed_there_comes_anew(shop: Workshop, remote: Remote) -> None:
    shop = configured(shop, pull_requests=True)
    change = shop.change(EDITED)
    first = shop.land(change)
    shop.undo(first)
    remote.git("update-ref", "-d", f"refs/heads/{first.topic}")
    assert remote.tip(shop.land(shop.get(change)).topic)


def test_one_that_was_merged_is_not_taken_back_here(shop: Workshop, remote: Remote) -> None:
    shop = configured(shop, pull_requests=True)
    landing = shop.land(shop.change(EDITED))
    remote.git("update-ref", "refs/heads/main", landing.commit or "")
    undos.ask(shop.narrows, landing.id)
    with pytest.raises(NarrowsError, match=r"Its pull request was merged into main\. Revert it there\."):
        undos.plan(shop.narrows, landing.id)


def test_pull_requests_do_not_wait_for_each_other(shop: Workshop, remote: Remote) -> None:
    shop = configured(shop, pull_requests=True)
    narrows, before = shop.narrows, remote.tip()
    first, second = (landings.land(narrows, shop.change().id, revision=1) for _ in range(2))
    assert (first.old, second.old, second.behind) == (before, before, None)
    assert {each.id for each in shop.claim()} == {first.id, second.id}


@pytest.mark.parametrize("then", ["", "and somebody removed it"])
def test_a_server_that_died_after_the_push_opens_the_pull_request(shop: Workshop, remote: Remote, then: str) -> None:
    shop = configured(shop, pull_requests=True)
    narrows = shop.narrows
    landing = landings.land(narrows, shop.change(EDITED).id, revision=1)
    shop.claim()
    shop.die(PullRequest, "settle", landing)
    if then:
        remote.git("update-ref", "-d", f"refs/heads/{landing.topic}")
    assert landings.move(narrows, landing.id)
    landing = landings.get(narrows, landing.id)
    assert (landing.state, remote.tip(landing.topic)) == (LandingState.LANDED, landing.commit)
    assert landing.note == f"{landing.topic} is on origin; open the pull request into main there."


# How it is opened


def opened(folder: Path, address: str) -> pull_requests.Settled:
    return pull_requests.opened(folder, address, "origin", "narrows/3-fix", "main", "Fix it\n\nAll of it.\n")


GITHUB = "https://github.com/ada/engine/compare/main...narrows/3-fix?expand=1"
ON_GITLAB = "merge_request%5Bsource_branch%5D=narrows%2F3-fix&merge_request%5Btarget_branch%5D=main"
FORMS = {
    "git@github.com:ada/engine.git": GITHUB,
    "ssh://git@ssh.github.com:443/ada/engine.git": GITHUB,
    "https://ada:token@github.com/ada/engine": GITHUB,
    "https://github.example.org/a/b.git": "https://github.example.org/a/b/compare/main...narrows/3-fix?expand=1",
    "git@gitlab.com:group/sub/b.git": f"https://gitlab.com/group/sub/b/-/merge_requests/new?{ON_GITLAB}",
    "git@bitbucket.org:a/b.git": "https://bitbucket.org/a/b/pull-requests/new?source=narrows%2F3-fix&dest=main",
    "https://codeberg.org/a/b.git": "https://codeberg.org/a/b/compare/main...narrows/3-fix",
    "https://gitea.example.org:3000/a/b": "https://gitea.example.org:3000/a/b/compare/main...narrows/3-fix",
    "ssh://git@forgejo.example.org:2222/a/b.git": "https://forgejo.example.org/a/b/compare/main...narrows/3-fix",
}
UNKNOWN = (
    *("/srv/git/engine.git", "file:///srv/engine.git", "../engine.git", "C:/engine"),
    *("git@example.org:ada/engine.git", "https://github.com/", "https://notgithub.com/a/b"),
)


@pytest.mark.parametrize(("address", "form"), FORMS.items(), ids=FORMS)
def test_without_a_program_there_is_the_form_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, form: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settled = opened(tmp_path, address)
    assert settled.pull_request == form
    assert settled.note == "narrows/3-fix is on origin; the pull request into main is yet to be opened."


@pytest.mark.parametrize("address", UNKNOWN)
def test_a_host_that_is_not_known_has_the_branch(tmp_path: Path, address: str) -> None:
    settled = opened(tmp_path, address)
    assert settled == pull_requests.Settled("narrows/3-fix is on origin; open the pull request into main there.")


def test_glab_opens_a_merge_request(tmp_path: Path, programs: Path) -> None:
    script = 'test "$2" = create && echo "!4 Fix it (narrows/3-fix)" && echo " https://gitlab.com/ada/engine/-/merge_requests/4"'
    false_program(programs, "glab", f"{script}\ntrue")
    settled = opened(tmp_path, "git@gitlab.com:ada/engine.git")
    assert settled == pull_requests.Settled(pull_request="https://gitlab.com/ada/engine/-/merge_requests/4")
    listed, created = calls(programs, "glab")
    where = ["--repo=https://gitlab.com/ada/engine", "--source-branch=narrows/3-fix"]
    assert listed == ["mr", "list", *where, "--output=json"]
    texts = ["--target-branch=main", "--title=Fix it", "--description=All of it.", "--yes"]
    assert created == ["mr", "create", *where, *texts]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'To get started with GitHub CLI, please run: gh auth login' >&2; exit 4", "please run: gh auth login."),
        ("exit 3", "it ended with 3."),
        ("test $2 = list && echo '[]'; true", "it named no address."),
        ("printf '\\033[31mno\\n' >&2; exit 1", "[31mno."),
    ],
)
def test_a_program_that_fails_leaves_its_words_and_the_form(
    tmp_path: Path, programs: Path, script: str, words: str
) -> None:
    false_program(programs, "gh", script)
    settled = opened(tmp_path, "git@github.com:ada/engine.git")
    assert settled.pull_request.endswith("/compare/main...narrows/3-fix?expand=1")
    assert settled.note.startswith("narrows/3-fix is on origin, but gh could not open the pull request: ")
    assert settled.note.endswith(words)
    assert settled.note.isprintable()


def test_a_program_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "never")
    monkeypatch.setattr(pull_requests, "PROGRAM_SECONDS", 1)
    false_program(programs, "gh", f"cat {tmp_path}/never")
    assert "it took longer than 1 seconds" in opened(tmp_path, "git@github.com:ada/engine.git").note


def test_a_topic_branch_is_called_like_its_task(shop: Workshop) -> None:
    assert pull_requests.branch_name(3, "Fix: the *parser*, at last — and for good, in every way!") == (
        "narrows/3-fix-the-parser-at-last-and-for-good-in"
    )
    assert pull_requests.branch_name(3, "修正") == "narrows/3"
    assert targets.topic(shop.project, 3, "Fix", []) == ""
    project = Project(name="p", path="/p", target_branch="main", remote="origin", pull_requests=True)
    assert targets.topic(project, 3, "Fix", []) == "narrows/3-fix"
