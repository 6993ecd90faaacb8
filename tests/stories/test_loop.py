"""The loop without pages: tasks become revisions, revisions land, landings are taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.domain.project import Project
from server.domain.states import ChangeState, CheckState, LandingState, RunState, TaskState
from server.services import (
    agents,
    assessments,
    changes,
    checks,
    landings,
    projects,
    reviews,
    revisions,
    runs,
    tasks,
    transcripts,
    undos,
)
from tests.support.house import House, house_in
from tests.support.repositories import Repository

SCRIPT = (
    'cat "$NARROWS_PROMPT" >> prompts.txt; printf "done by %s\\n" "$NARROWS_TASK" > "made-$NARROWS_TASK.txt"; '
    'echo "I made a file."'
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path, files={"README.md": "# Project\n", "notes.txt": "one\ntwo\nthree\n"})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path) as house:
        yield house


@pytest.fixture
def project(house: House, repository: Repository) -> Project:
    agents.add(house.narrows, "writer", "command", ["/bin/sh", "-c", SCRIPT])
    return projects.register(house.narrows, str(repository.path), checks=["test -f README.md"])


def test_a_task_becomes_a_commit_on_the_users_branch(house: House, project: Project, repository: Repository) -> None:
    (repository.path / "notes.txt").write_text("one\ntwo\nthree\nfour, not committed\n")
    before = repository.git("rev-parse", "main")

    task = tasks.file(house.narrows, project_id=project.id, title="Make a file", brief="As said.", agent="writer")
    change = house.waits(task)

    revision = revisions.get(house.narrows, change.id, 1)
    assert revision.summary == "I made a file."
    assert [row.path for row in revisions.outline(house.narrows, revision)] == [f"made-{task.id}.txt", "prompts.txt"]
    assert [check.state for check in checks.of_revision(house.narrows, revision.id)] == [CheckState.PASSED]
    assert repository.git("rev-parse", "main") == before

    landing = house.landed(landings.land(house.narrows, change.id, revision=1, message="Make a file\n\nAs asked."))

    assert repository.git("log", "--format=%s|%b", "-1").strip() == "Make a file|As asked."
    assert repository.git("rev-parse", "main") == landing.commit
    assert repository.git("status", "--porcelain") == " M notes.txt"
    assert "four, not committed" in (repository.path / "notes.txt").read_text()
    assert (repository.path / f"made-{task.id}.txt").read_text() == f"done by {task.id}\n"
    assert house.change(change.id).state is ChangeState.LANDED
    assert tasks.get(house.narrows, task.id).state is TaskState.DONE
    assert landing.receipt is not None
    assert (
        landing.receipt["landed"]["tree"]
        == landing.receipt["tested"]["tree"]
        == repository.git("rev-parse", "main^{tree}")
    )
    patch = revisions.patch(house.narrows, revision)
    assert landing.receipt["read"]["diff_sha256"] == hashlib.sha256(patch).hexdigest()

    undos.ask(house.narrows, landing.id)
    house.landed(landing, LandingState.UNDONE)

    assert repository.git("rev-parse", "main") == before
    assert repository.git("status", "--porcelain") == " M notes.txt"
    assert house.change(change.id).state is ChangeState.IN_REVIEW
    assert tasks.get(house.narrows, task.id).state is TaskState.OPEN
    repository.git("fsck", "--strict")


def test_a_change_sent_back_comes_again_as_its_second_revision(
    house: House, project: Project, repository: Repository
) -> None:
    task = tasks.file(house.narrows, project_id=project.id, title="Make a file", agent="writer")
    change = house.waits(task)
    comment = reviews.comment(
        house.narrows, change.id, revision=1, path=f"made-{task.id}.txt", line=1, body="Say it *louder*."
    )
    assert comment.quoted == f"done by {task.id}"

    run = reviews.request_changes(house.narrows, change.id, revision=1, message="Nearly.")
    house.until(lambda: True if runs.get(house.narrows, run.id).state is RunState.SUCCEEDED else None)
    change = house.waits(task)

    assert [revision.number for revision in revisions.of_change(house.narrows, change.id)] == [1, 2]
    second = revisions.get(house.narrows, change.id, 2)
    prompts = revisions.whole_file(house.narrows, second, "prompts.txt", old=False)
    assert prompts is not None
    assert "Say it *louder*." in prompts.decode()
    assert f"> done by {task.id}" in prompts.decode()
    house.landed(landings.land(house.narrows, change.id, revision=2))
    assert repository.git("log", "--format=%s", "-1") == "Make a file"


def test_a_red_check_goes_back_to_the_agent_and_then_to_the_person(house: House, project: Project) -> None:
    projects.configure(house.narrows, project.id, checks=["echo looking; test -f wanted.txt"], check_rounds=1)
    agents.add(house.narrows, "stubborn", "command", ["/bin/sh", "-c", "date +%N >> tries.txt; echo tried"])
    task = tasks.file(house.narrows, project_id=project.id, title="Try", agent="stubborn")

    change = house.waits(task)

    assert [run.reason.value for run in runs.of_change(house.narrows, change.id)] == ["first", "checks"]
    assert "`echo looking; test -f wanted.txt` (exit 1)" in runs.of_change(house.narrows, change.id)[1].prompt
    assert change.note == "Its checks are red."
    with pytest.raises(assessments.Objected) as refused:
        landings.land(house.narrows, change.id, revision=2)
    assert [each.code for each in refused.value.assessment.blockers] == ["red"]


def test_a_stopped_run_keeps_what_it_had_done(house: House, project: Project) -> None:
    agents.add(house.narrows, "slow", "command", ["/bin/sh", "-c", "echo half > half.txt; echo begun; exec sleep 600"])
    task = tasks.file(house.narrows, project_id=project.id, title="Slowly", agent="slow")
    house.waits(task, ChangeState.WORKING)
    run = house.until(lambda: next((r for r, _ in runs.at_work(house.narrows) if r.state is RunState.RUNNING), None))
    house.until(lambda: True if transcripts.tell(house.narrows, run.id).text else None)

    runs.stop(house.narrows, run.id)
    change = house.waits(task, ChangeState.NEEDS_ATTENTION)

    assert change.note == "You stopped the run. What it had done is kept: you can review it."
    reviews.keep(house.narrows, change.id)
    assert [row.path for row in revisions.outline(house.narrows, revisions.get(house.narrows, change.id, 1))] == [
        "half.txt"
    ]


def test_abandoned_work_comes_back_whole(house: House, project: Project) -> None:
    task = tasks.file(house.narrows, project_id=project.id, title="Make a file", agent="writer")
    change = house.waits(task)

    changes.abandon(house.narrows, change.id)
    assert tasks.get(house.narrows, task.id).state is TaskState.DROPPED
    other = tasks.file(house.narrows, project_id=project.id, title="Another file", agent="writer")
    house.waits(other)  # it has got the worktree by now

    changes.restore(house.narrows, change.id)
    run = reviews.request_changes(house.narrows, change.id, revision=1, message="On we go.")
    house.until(lambda: True if runs.get(house.narrows, run.id).over else None)
    change = house.waits(task)
    second = revisions.get(house.narrows, change.id, 2)
    assert [row.path for row in revisions.outline(house.narrows, second)] == [f"made-{task.id}.txt", "prompts.txt"]


def test_a_task_waits_for_the_one_before_it(house: House, project: Project) -> None:
    first = tasks.file(house.narrows, project_id=project.id, title="First", agent="writer")
    second = tasks.file(house.narrows, project_id=project.id, title="Second", agent="writer", after=[first.id])
    change = house.waits(first)
    assert tasks.standing(house.narrows, second.id).why == f"It starts after #{first.id}."

    house.landed(landings.land(house.narrows, change.id, revision=1))

    house.waits(second)
