"""A worktree made ready: fresh for a first turn, as it was left where a conversation goes on, never at a loss."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from server.agents.protocol import AgentSpec
from server.domain.errors import NarrowsError
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import RunState
from server.engine import preparation
from server.engine.lines import Stopped
from server.engine.preparation import Room
from server.engine.workplace import Workplace
from server.git import mirrors, worktrees
from server.services import changes, projects, prompts, reviews, runs, trash
from server.services.narrows import Narrows
from tests.services.workshop import ME, Workshop
from tests.support.repositories import Repository

SETUP = 'echo ready >> set-up.log; echo "$NARROWS_TASK" > task.log'


def prepare(place: Workplace, run: Run, **env: str) -> Room:
    place.stops.clear()  # they belong to the loop that they were made in
    return asyncio.run(preparation.prepare(place, run, AgentSpec("demo", "command", ("true",), env=env)))


@pytest.fixture
def project(narrows: Narrows, repository: Repository) -> Project:
    repository.write(".gitignore", ".env\n*.log\n")
    repository.commit("logs are no work")
    repository.write(".env", "SECRET=1\n")
    return projects.register(narrows, str(repository.path), setup=SETUP)


@pytest.fixture
def run(workshop: Workshop) -> Run:
    """At work on its first turn."""
    workshop.file()
    [run] = workshop.admit()
    return run


def test_a_first_turn_gets_the_target_the_users_ignored_files_and_the_setup(
    place: Workplace, run: Run, repository: Repository
) -> None:
    room = prepare(place, run, COLOUR="blue")
    assert room.base == repository.head
    assert (room.tree / "notes.txt").read_text() == "one\n"
    assert (room.tree / ".env").read_text() == "SECRET=1\n"
    assert (room.tree / "set-up.log").read_text() == "ready\n"
    assert (room.tree / "task.log").read_text() == f"{run.task_id}\n"
    assert room.tree.is_relative_to(place.narrows.settings.worktrees)
    assert (room.session, room.fallback_prompt) == (None, "")


def test_an_agents_environment_is_chosen(place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARROWS_DATA", "/elsewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    room = prepare(place, run, COLOUR="blue")
    env = room.env
    assert env["COLOUR"] == "blue"
    assert env["NARROWS_WORKTREE"] == str(room.tree)
    assert (env["NARROWS_TASK"], env["NARROWS_CHANGE"]) == (str(run.task_id), str(run.change_id))
    assert Path(env["TMPDIR"]).is_dir()
    assert env["GIT_AUTHOR_NAME"] == "Ada Lovelace"
    assert "s3cret" not in env.values()
    assert env.get("NARROWS_DATA") != "/elsewhere"
    port = int(env["NARROWS_PORT"])
    for free in range(port, port + 10):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", free))


def test_an_agents_own_variables_are_passed_by_name_and_its_defaults_yield(
    place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "ACME_KEY": "k",
        "ACME_URL": "",
        "ACMEX": "no",
        "OTHER_KEY": "no",
        "NARROWS_TOKEN": "no",
        "ACME_MODEL": "big",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    spec = AgentSpec(
        "acme",
        "command",
        ("true",),
        env={"ACME_URL": "http://own", "ACME_TWIN": "$OTHER_KEY"},
        passes=("ACME_*", "NARROWS_*"),
        defaults={"ACME_MODEL": "small", "ACME_RETRIES": "3"},
    )
    env = asyncio.run(preparation.prepare(place, run, spec)).env
    assert {name: value for name, value in env.items() if name.startswith("ACME")} == {
        "ACME_KEY": "k",
        "ACME_URL": "http://own",
        "ACME_TWIN": "no",
        "ACME_MODEL": "big",
        "ACME_RETRIES": "3",
    }
    assert "NARROWS_TOKEN" not in env


def test_ports_in_use_are_passed_over() -> None:
    first = preparation._free_ports(7)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 9))
        assert preparation._free_ports(7) != first


def follow_up(workshop: Workshop, run: Run) -> Run:
    workshop.finish(run, {"said.txt": "said\n"})
    reviews.request_changes(workshop.narrows, run.change_id, revision=1, message="Louder.")
    [following] = workshop.admit()
    return following


def test_a_follow_up_finds_the_tree_as_its_agent_left_it(place: Workplace, workshop: Workshop, run: Run) -> None:
    room = prepare(place, run)
    (room.tree / "cache.log").write_text("warm\n")
    following = follow_up(workshop, run)
    again = prepare(place, following)
    assert again.tree == room.tree
    assert (again.tree / "cache.log").read_text() == "warm\n"
    assert (again.tree / "set-up.log").read_text() == "ready\n", "the setup ran once"
    assert (again.tree / "said.txt").read_text() == "said\n"


def test_a_follow_up_of_a_session_brings_the_task_for_an_agent_that_forgot(
    place: Workplace, workshop: Workshop, run: Run
) -> None:
    prepare(place, run)
    workshop.write(run, {"said.txt": "said\n"})
    workshop.take(run)
    runs.end(place.narrows, run.id, ME, runs.Ending(RunState.SUCCEEDED, session="s-1"))
    runs.decide(place.narrows, run.id)
    reviews.request_changes(place.narrows, run.change_id, revision=1, message="Louder.")
    [following] = workshop.admit()
    room = prepare(place, following)
    assert room.session == "s-1"
    assert room.fallback_prompt.startswith("# Say it\n")
    assert room.fallback_prompt.endswith(following.prompt)


def test_after_a_crash_an_agent_goes_on_where_it_was_and_is_told_why(
    place: Workplace, workshop: Workshop, run: Run
) -> None:
    prepare(place, run)
    workshop.write(run, {"half.txt": "half\n"})
    runs.converse(place.narrows, run.id, "s-1")  # its name was known before the crash
    again = runs.begin(place.narrows, run.id, ME)
    assert again is not None

    room = prepare(place, again)
    assert (room.tree / "half.txt").read_text() == "half\n"
    assert (room.tree / "set-up.log").read_text() == "ready\n", "the setup ran once"
    assert (room.session, room.session_began) == ("s-1", changes.get(place.narrows, run.change_id).session_at)
    assert room.prompt == prompts.interrupted(run.prompt)
    assert room.fallback_prompt == run.prompt, "who forgot is told the task once"
    assert trash.every(place.narrows) == []


def test_after_a_crash_in_the_setup_there_is_nothing_to_go_on_with(
    place: Workplace, workshop: Workshop, run: Run
) -> None:
    """The follow-up of a conversation, in a tree that is another's or half made, starts anew."""
    projects.configure(place.narrows, workshop.project.id, setup="false")
    runs.converse(place.narrows, run.id, "s-1")
    with pytest.raises(NarrowsError):
        prepare(place, run)
    projects.configure(place.narrows, workshop.project.id, setup=SETUP)
    again = runs.begin(place.narrows, run.id, ME)
    assert again is not None
    room = prepare(place, again)
    assert (room.tree / "set-up.log").read_text() == "ready\n"
    assert room.prompt == run.prompt


def test_after_a_crash_without_a_conversation_the_tree_is_clean_again_and_what_stood_there_is_kept(
    place: Workplace, workshop: Workshop, run: Run
) -> None:
    prepare(place, run)
    following = follow_up(workshop, run)
    room = prepare(place, following)
    (room.tree / "said.txt").write_text("half written")
    (room.tree / "half.txt").write_text("half\n")
    again = runs.begin(place.narrows, following.id, ME)
    assert again is not None
    assert again.attempt == 2

    room = prepare(place, again)
    assert (room.tree / "said.txt").read_text() == "said\n"
    assert not (room.tree / "half.txt").exists()
    [kept] = trash.every(place.narrows)
    assert (kept.row.change_id, kept.row.why) == (run.change_id, "left by a try that broke off")
    assert mirrors.read_file(workshop.mirror, kept.row.ref, "half.txt") == b"half\n"
    assert mirrors.read_file(workshop.mirror, kept.row.ref, "said.txt") == b"half written"


def test_the_next_change_in_a_worktree_starts_clean_and_costs_the_last_one_nothing(
    place: Workplace, workshop: Workshop, run: Run
) -> None:
    room = prepare(place, run)
    (room.tree / "unsaved.txt").write_text("dear\n")
    runs.end(place.narrows, run.id, ME, runs.Ending(RunState.FAILED))
    runs.decide(place.narrows, run.id)
    changes.abandon(place.narrows, run.change_id)
    workshop.file("Another")
    [other] = workshop.admit()
    next_room = prepare(place, other)
    assert next_room.tree == room.tree
    assert not (room.tree / "unsaved.txt").exists()
    kept, change = (item.row for item in trash.every(place.narrows))
    assert (change.change_id, change.why) == (run.change_id, "abandoned")
    assert (kept.change_id, kept.why) == (run.change_id, "stood in a worktree that was used for another change")
    assert mirrors.read_file(workshop.mirror, kept.ref, "unsaved.txt") == b"dear\n"


def test_a_setup_that_failed_is_tried_again_by_the_next_run(place: Workplace, workshop: Workshop, run: Run) -> None:
    narrows = place.narrows
    projects.configure(narrows, workshop.project.id, setup="echo no network >&2; exit 7")
    with pytest.raises(NarrowsError) as refused:
        prepare(place, run)
    assert refused.value.message == (
        "The setup command `echo no network >&2; exit 7` ended with exit code 7: no network"
    )
    assert "Mend it on the project's page" in refused.value.hint
    runs.end(narrows, run.id, ME, runs.Ending(RunState.FAILED, error=str(refused.value)))
    runs.decide(narrows, run.id)

    projects.configure(narrows, workshop.project.id, setup=SETUP)
    again = runs.retry(narrows, run.change_id)
    [again] = workshop.admit()
    assert (prepare(place, again).tree / "set-up.log").read_text() == "ready\n"


def test_a_setup_ends_when_its_run_is_stopped(place: Workplace, workshop: Workshop, run: Run) -> None:
    projects.configure(place.narrows, workshop.project.id, setup="exec sleep 600")

    async def stop_during_setup() -> None:
        preparing = asyncio.ensure_future(preparation.prepare(place, run, AgentSpec("demo", "command", ("true",))))
        place.stop_of(run.id).set()
        await asyncio.wait_for(preparing, 20)

    with pytest.raises(Stopped):
        asyncio.run(stop_during_setup())


def test_a_target_branch_that_is_gone_is_said(place: Workplace, run: Run, repository: Repository) -> None:
    repository.switch("elsewhere", create=True)
    repository.git("branch", "-D", "main")
    with pytest.raises(NarrowsError, match="main"):
        prepare(place, run)


def test_the_servers_secrets_and_the_users_keys_are_no_agents(
    place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSH_AUTH_SOCK", "AWS_SECRET_ACCESS_KEY", "NARROWS_DATABASE_URL", "GIT_DIR"):
        monkeypatch.setenv(name, "secret")
    room = prepare(place, run, KEY="$AWS_SECRET_ACCESS_KEY")
    assert room.env["KEY"] == "secret", "only what the agent's own configuration names"
    assert [name for name, value in room.env.items() if value == "secret"] == ["KEY"]
    token = place.narrows.settings.token_file
    assert not token.exists() or token.read_text().strip() not in room.env.values()


def test_a_worktree_that_a_crash_left_half_made_is_made_again(
    place: Workplace, run: Run, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(worktrees, "_hand_over", killed)
        with pytest.raises(Killed):
            prepare(place, run)

    room = prepare(place, run)

    assert (room.tree / "notes.txt").read_text() == "one\n"
    assert worktrees.saved(place.narrows.mirror(room.project.id), room.tree)
