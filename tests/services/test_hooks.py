"""The hooks of the user's repository: by choice, at a landing, in their words; and none of them otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.errors import GitError
from server.domain.landing import Landing
from server.domain.project import LandingMethod
from server.domain.states import ChangeState
from server.services import hooks, landings, projects, reviews, undos
from server.services.assessments import Objected
from server.services.hooks import HookRefused
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

EVERY = (
    *("commit-msg", "post-merge", "pre-push", "pre-commit", "pre-merge-commit", "prepare-commit-msg"),
    *("post-commit", "post-checkout", "reference-transaction", "post-index-change", "update", "pre-rebase"),
)


def plant(repository: Repository, name: str, script: str, folder: str = ".git/hooks") -> None:
    repository.write(f"{folder}/{name}", f"#!/bin/sh\n{script}\n", executable=True)


def choose(workshop: Workshop, on: bool = True) -> None:
    workshop.project = projects.configure(workshop.narrows, workshop.project.id, hooks=on)


def heard(workshop: Workshop, landing: Landing) -> str:
    return landings.get(workshop.narrows, landing.id).heard


@pytest.mark.parametrize("method", list(LandingMethod))
def test_nothing_runs_unless_the_project_says_so(
    workshop: Workshop, repository: Repository, tmp_path: Path, method: LandingMethod
) -> None:
    for name in EVERY:
        plant(repository, name, f'touch "{tmp_path}/ran-{name}"')
        plant(repository, name, f'touch "{tmp_path}/ran-{name}"', folder=".planted")
    repository.git("config", "core.hooksPath", ".planted")
    landing = workshop.land(workshop.change(), method=method)
    assert landing.commit == repository.head
    assert list(tmp_path.glob("ran-*")) == []
    assert heard(workshop, landing) == ""


def test_only_those_of_a_landing_run_where_it_does(workshop: Workshop, repository: Repository, tmp_path: Path) -> None:
    for name in EVERY:
        plant(repository, name, f'touch "{tmp_path}/ran-{name}"')
    choose(workshop)
    workshop.land(workshop.change())
    assert {path.name for path in tmp_path.glob("ran-*")} == {"ran-commit-msg", "ran-post-merge"}


def test_what_commit_msg_makes_of_the_message_is_the_message(workshop: Workshop, repository: Repository) -> None:
    plant(repository, "commit-msg", 'sed -i "1s/^/feat: /" "$1"; echo "Change-Id: I1" >> "$1"; echo checked')
    choose(workshop)
    landing = workshop.land(workshop.change(), message="Größer")
    assert landing.message == "feat: Größer\nChange-Id: I1\n"
    assert repository.git("log", "-1", "--format=%B").strip() == landing.message.strip()
    assert heard(workshop, landing) == "commit-msg: checked"


def test_each_commit_of_a_rebase_passes_it(workshop: Workshop, repository: Repository) -> None:
    plant(repository, "commit-msg", 'echo "Seen: yes" >> "$1"')
    choose(workshop)
    change = workshop.change({"said.txt": "said\n"}, title="Shout")
    reviews.request_changes(workshop.narrows, change.id, revision=1, message="Louder.")
    [run] = workshop.admit()
    workshop.finish(run, {"said.txt": "SAID\n"})
    workshop.land(change, method=LandingMethod.REBASE, message="Shout louder")
    said = [repository.git("log", "-1", "--format=%B", name).strip() for name in ("main^", "main")]
    assert said == ["Shout\n\nI said it.\nSeen: yes", "Shout louder\nSeen: yes"]


def test_a_landing_that_is_built_anew_keeps_its_message(workshop: Workshop, repository: Repository) -> None:
    plant(repository, "commit-msg", 'echo "Seen: yes" >> "$1"')
    choose(workshop)
    change = workshop.change()
    landing = landings.land(workshop.narrows, change.id, revision=1, message="Shout")
    [landing] = workshop.claim()
    repository.commit("meanwhile", {"other.txt": "o\n"})
    workshop.prove(landing)
    assert not landings.move(workshop.narrows, landing.id)
    assert landings.rebuild(workshop.narrows, landing.id).message == "Shout\nSeen: yes\n"


def test_a_hook_that_refuses_stops_the_landing_in_its_words(workshop: Workshop, repository: Repository) -> None:
    plant(repository, "commit-msg", 'grep -q "^feat" "$1" || { echo "A subject begins with feat."; exit 1; }')
    choose(workshop)
    change, before = workshop.change(), repository.head
    with pytest.raises(HookRefused) as refused:
        landings.land(workshop.narrows, change.id, revision=1, message="Shout")
    assert refused.value.message == "The commit-msg hook refused the message: A subject begins with feat."
    assert refused.value.hint == "Nothing moved. Edit the message, then try again."
    assert (repository.head, workshop.get(change).state) == (before, ChangeState.IN_REVIEW)
    workshop.land(change, message="feat: shout")
    assert repository.log()[0] == "feat: shout"


@pytest.mark.parametrize(
    ("script", "said"),
    [("exit 3", "ended with exit code 3"), (': > "$1"', "left nothing"), ('rm "$1"', "left nothing")],
)
def test_a_hook_that_says_nothing_is_told_of_all_the_same(
    workshop: Workshop, repository: Repository, script: str, said: str
) -> None:
    plant(repository, "commit-msg", script)
    choose(workshop)
    with pytest.raises(HookRefused, match=said):
        landings.land(workshop.narrows, workshop.change().id, revision=1)


def test_a_hook_that_does_not_end_is_stopped(
    workshop: Workshop, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "MESSAGE_SECONDS", 0.5)
    monkeypatch.setattr(hooks, "AFTER_SECONDS", 0.5)
    choose(workshop)
    change = workshop.change()
    plant(repository, "commit-msg", "sleep 600")
    with pytest.raises(GitError, match="The commit-msg hook did not end"):
        landings.land(workshop.narrows, change.id, revision=1)
    plant(repository, "commit-msg", "true")
    plant(repository, "post-merge", "sleep 600")
    landing = workshop.land(change)
    assert landing.commit == repository.head
    assert "The post-merge hook did not end" in heard(workshop, landing)


def test_post_merge_runs_in_the_checkout_that_moved_and_its_end_changes_nothing(
    workshop: Workshop, repository: Repository, tmp_path: Path
) -> None:
    repository.switch("elsewhere", create=True)
    repository.git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
    plant(repository, "post-merge", 'echo "$1 in $PWD at $(git rev-parse HEAD)"; ls said.txt; exit 1')
    choose(workshop)
    landing = workshop.land(workshop.change({"said.txt": "said\n"}))
    said = f"post-merge: exit code 1: 0 in {tmp_path / 'linked'} at {landing.commit}\nsaid.txt"
    assert heard(workshop, landing) == said


def test_post_merge_does_not_run_where_nobody_has_the_branch_checked_out(
    workshop: Workshop, repository: Repository
) -> None:
    repository.switch("elsewhere", create=True)
    plant(repository, "post-merge", "echo ran")
    choose(workshop)
    landing = workshop.land(workshop.change())
    assert repository.resolve("main") == landing.commit
    assert heard(workshop, landing) == ""


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("tools/hooks", "tools/hooks/post-merge"),
        (".husky/_", ".husky/post-merge"),
        (".git/hooks", ".pre-commit-config.yaml"),
    ],
)
def test_a_change_of_what_runs_must_be_acknowledged(
    workshop: Workshop, repository: Repository, folder: str, name: str
) -> None:
    repository.git("config", "core.hooksPath", folder)
    change = workshop.change({name: "#!/bin/sh\n", "said.txt": "said\n"})
    choose(workshop)
    with pytest.raises(Objected) as refused:
        landings.land(workshop.narrows, change.id, revision=1)
    [warning] = refused.value.assessment.warnings
    assert warning.message.startswith(f"It changes `{name}`: hooks of this project, which run as you")
    workshop.land(change, acknowledge=[warning.hash])


def test_what_changes_hooks_that_nobody_runs_is_not_asked_about(workshop: Workshop) -> None:
    workshop.land(workshop.change({".husky/post-merge": "#!/bin/sh\n"}))


def test_a_revert_passes_the_hook_as_well(workshop: Workshop, repository: Repository) -> None:
    landing = workshop.land(workshop.change())
    repository.commit("on top", {"top.txt": "t\n"})
    plant(repository, "commit-msg", 'sed -i "1s/^/revert: /" "$1"')
    choose(workshop)
    undos.ask(workshop.narrows, landing.id)
    planned = undos.plan(workshop.narrows, landing.id)
    assert undos.take_back(workshop.narrows, landing.id, planned)
    assert repository.log()[0] == 'revert: Revert "Say it"'
