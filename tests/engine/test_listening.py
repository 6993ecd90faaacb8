"""What an agent says reaches whoever watches, and never faster than an eye can follow."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from server.agents.protocol import Update
from server.bus import Signal
from server.domain.base import now
from server.domain.run import Run
from server.engine import listening
from server.engine.listening import Listener
from server.engine.preparation import Room
from server.engine.workplace import Workplace
from server.git import mirrors, worktrees
from server.services import changes, runs
from tests.services.workshop import Workshop


@pytest.fixture
def run(workshop: Workshop) -> Run:
    workshop.file()
    [run] = workshop.admit()
    workshop.tree(run)
    return run


@pytest.fixture
def room(workshop: Workshop, run: Run) -> Room:
    tree = workshop.narrows.tree(workshop.project.id, 1)
    head = mirrors.resolve(workshop.mirror, "refs/heads/main")
    assert head is not None
    return Room(workshop.project, tree, runs.folder(workshop.narrows, run.id), head, {}, "", None, None, "")


def hear(place: Workplace, run: Run, room: Room, *updates: Update) -> list[Signal]:
    """What is heard on the bus of `updates`, once all that they set off is done."""

    async def listen() -> list[Signal]:
        with place.narrows.bus.subscribe() as signals:
            with Listener(place, run, room) as listener:
                for update in updates:
                    listener.hear(update)
            while listener._tasks:
                await asyncio.wait(listener._tasks)
            return await signals.batch(timeout=0) or []

    return asyncio.run(asyncio.wait_for(listen(), 20))


def lines_in(told: list[Signal]) -> list[str]:
    return [signal.data["line"] for signal in told if signal.verb == "heard"]


def said(*lines: str) -> list[Update]:
    return [Update("text", line) for line in lines]


def test_a_flood_of_lines_is_told_once_and_its_last_is_kept(place: Workplace, run: Run, room: Room) -> None:
    told = hear(place, run, room, *said(*(f"line {n}" for n in range(500))))
    assert runs.get(place.narrows, run.id).last_line == "line 499"
    assert lines_in(told) == ["line 0"]
    assert (told[0].topic, told[0].verb, told[0].id, told[0].event_id) == ("run", "heard", run.id, None)


def test_lines_that_come_slowly_are_all_told(
    place: Workplace, run: Run, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "TELL_EVERY", 0.0)
    told = hear(place, run, room, *said("one", "", "two"))
    assert lines_in(told) == ["one", "two"]


def test_while_an_agent_works_the_files_touched_are_looked_at_and_told(
    place: Workplace, workshop: Workshop, run: Run, room: Room
) -> None:
    workshop.write(run, {"said.txt": "said\n", "caf\udce9\n.txt": "odd\n", "notes.txt": None})
    told = hear(place, run, room, Update("text", "Wrote"))
    assert [signal.id for signal in told if signal.verb == "touched"] == [run.id]
    assert runs.touched(place.narrows, run.id) == ["caf\\xe9\\n.txt", "notes.txt", "said.txt"]


def test_a_look_that_fails_disturbs_no_agent(
    place: Workplace, run: Run, room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> list[str]:
        raise OSError("the disk is gone")

    monkeypatch.setattr(worktrees, "touched", broken)
    hear(place, run, room, Update("tool", "Wrote"))
    assert f"run {run.id}: the disk is gone" in caplog.text
    assert runs.get(place.narrows, run.id).last_line == "Wrote"


def verbs(told: list[Signal], run: Run) -> list[str]:
    return [signal.verb for signal in told if signal.topic == "run" and signal.id == run.id and signal.event_id]


def test_an_agent_that_says_nothing_for_long_is_said_to_be_quiet_until_it_speaks(
    place: Workplace, run: Run, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "QUIET_AFTER", 0.05)
    began = now()

    async def listen() -> None:
        with place.narrows.bus.subscribe() as signals, Listener(place, run, room) as listener:
            for verb, speaks in (("fell_quiet", True), ("spoke_again", False), ("fell_quiet", False)):
                while verb not in verbs(await signals.batch() or [], run):
                    pass
                since = runs.get(place.narrows, run.id).quiet_since
                assert (since is not None) is (verb == "fell_quiet")
                assert since is None or began - timedelta(seconds=1) < since <= now()
                if speaks:
                    listener.hear(Update("text", "Still here"))

    asyncio.run(asyncio.wait_for(listen(), 20))


def test_an_agent_that_waits_for_an_answer_is_not_quiet(
    place: Workplace, run: Run, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "QUIET_AFTER", 0.02)
    told: list[datetime | None] = []
    monkeypatch.setattr(runs, "fall_quiet", lambda _narrows, _run, since: told.append(since))

    async def listen() -> None:
        wondered, right = asyncio.Queue[None](), Listener._wonder

        def wonder(listener: Listener) -> None:
            right(listener)
            wondered.put_nowait(None)

        monkeypatch.setattr(Listener, "_wonder", wonder)
        place.asking[run.id] = 1
        with Listener(place, run, room) as listener:
            for _ in range(3):
                await wondered.get()
            assert (told, listener._quiet) == ([], False)
            place.asking[run.id] = 0
            while not listener._quiet:
                await wondered.get()
            while listener._tasks:
                await asyncio.wait(listener._tasks)

    asyncio.run(asyncio.wait_for(listen(), 20))
    assert len(told) == 1


def test_the_name_of_a_conversation_is_kept_at_once(place: Workplace, run: Run, room: Room) -> None:
    async def listen() -> None:
        with Listener(place, run, room) as listener:
            listener.meet("s-1")
            while listener._tasks:
                await asyncio.wait(listener._tasks)

    before = now()
    asyncio.run(asyncio.wait_for(listen(), 20))
    change = changes.get(place.narrows, run.change_id)
    assert change.session == "s-1"
    assert change.session_at is not None
    assert change.session_at >= before


def test_an_agent_that_said_nothing_leaves_nothing(place: Workplace, run: Run, room: Room) -> None:
    assert hear(place, run, room) == []
    assert runs.get(place.narrows, run.id).last_line == ""
