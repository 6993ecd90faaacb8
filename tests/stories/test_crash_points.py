"""The engine dies as by kill -9 at each step of a run, a landing, an undo. The next start ends each of them, once."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from server.domain.change import Change
from server.domain.states import ChangeState, CheckState, LandingState
from server.engine import dispatch
from server.services import agents, changes, checks, landings, projects, reviews, revisions, tasks
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support import invariants
from tests.support.crashing import Nursery
from tests.support.house import House, house_in, narrows_in
from tests.support.repositories import Repository

AGENT = "import pathlib; pathlib.Path('said.txt').open('a').write('once\\n'); print('I said it.')"
CHECK = "test -f README.md"

RUN = {
    "admitted": "server.services.admission admit after",
    "begun": "server.services.runs begin after",
    "tree ready": "server.engine.preparation prepare after",
    "agent over": "server.services.revisions take before",
    "revision held": "server.git.mirrors hold after",
    "revision written": "server.services.revisions take after",
    "run over": "server.services.runs end after",
    "check begun": "server.services.checks start after",
    "checks over": "server.engine.checker judge after",
    "decided": "server.services.runs decide after",
}
LANDING = {
    "in line": "server.git.mirrors hold before",
    "claimed": "server.engine.dispatch _begin_landing before",
    "check planned": "server.services.checks plan after",
    "check over": "server.services.checks end after",
    "to be moved": "server.services.landings move before",
    "branch held, files switched": "server.git.moves _switch_files after",
    "files switched": "server.git.moves _swap before",
    "moved": "server.git.merges move after",
    "written down": "server.services.landings move after",
}
UNDO = {
    "asked": "server.services.undos ask after",
    "planned": "server.services.undos plan after",
    "branch held, files switched": "server.git.moves _switch_files after",
    "files switched": "server.git.moves _swap before",
    "moved": "server.git.merges move after",
    "written down": "server.services.undos take_back after",
}
ENGINE_LOST = ("begun", "agent over", "revision written", "run over", "check begun")
REVERTED = ("planned", "moved")


class World:
    """One data folder and its repository, with a file of the user's; engines come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = Repository.make(folder)
        self.user_edits()

    def user_edits(self) -> None:
        self.repository.write("mine.txt", "not committed\n")

    def commit(self, message: str, files: dict[str, str]) -> None:
        """By the user, beside a file that stays as it is."""
        for name, content in files.items():
            self.repository.write(name, content)
        self.repository.git("add", *files)
        self.repository.git("commit", "-q", "--allow-empty", "-m", message)

    @contextmanager
    def asleep(self) -> Iterator[tuple[Narrows, Workshop]]:
        """No engine: the test does by hand what it needs."""
        with narrows_in(self.folder) as narrows:
            known = projects.every(narrows)
            project = known[0] if known else projects.register(narrows, str(self.repository.path), checks=[CHECK])
            yield narrows, Workshop(narrows, project)

    def file(self) -> None:
        with self.asleep() as (narrows, workshop):
            agents.add(narrows, "sayer", "command", [sys.executable, "-c", AGENT])
            tasks.file(narrows, project_id=workshop.project.id, title="Say it", agent="sayer")

    @contextmanager
    def next_start(self) -> Iterator[House]:
        """An engine that lives; at its end everything must agree."""
        with house_in(self.folder) as house:
            yield house
        with self.asleep() as (narrows, _):
            invariants.check(narrows)
        self.repository.git("fsck", "--strict")
        assert self.repository.status() == ["?? mine.txt"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def becomes(house: House, state: ChangeState) -> Change:
    """The only change, once it is in `state`."""

    def look() -> Change | None:
        found = changes.every(house.narrows)
        assert len(found) <= 1
        return found[0] if found and found[0].state is state else None

    return house.until(look)


@pytest.mark.parametrize(
    ("place", "engine_lost"),
    [(place, False) for place in RUN.values()] + [(RUN[name], True) for name in ENGINE_LOST],
    ids=[*RUN, *(f"{name}, engine.db lost" for name in ENGINE_LOST)],
)
def test_a_run_is_carried_on_from_wherever_it_was(
    world: World, nursery: Nursery, place: str, engine_lost: bool
) -> None:
    world.file()
    nursery.die(world.folder, place)
    if engine_lost:
        for part in (world.folder / "data").glob("engine.db*"):
            part.unlink()

    with world.next_start() as house:
        change = becomes(house, ChangeState.IN_REVIEW)

        [revision] = revisions.of_change(house.narrows, change.id)
        assert revisions.whole_file(house.narrows, revision, "said.txt", old=False) == b"once\n"
        assert [check.state for check in checks.of_revision(house.narrows, revision.id)] == [CheckState.PASSED]


TALK = {
    "begun": RUN["begun"],
    "tree ready": RUN["tree ready"],
    "conversation begun": "server.services.runs converse after",
    "agent over": RUN["agent over"],
    "revision held": RUN["revision held"],
    "run over": RUN["run over"],
}


@pytest.mark.parametrize("place", TALK.values(), ids=TALK.keys())
def test_a_conversation_is_carried_on_and_nothing_in_it_is_done_twice(
    world: World, nursery: Nursery, place: str
) -> None:
    with world.asleep() as (narrows, workshop):
        brief = "append: said.txt\n```\nonce\n```\nrun: sleep 0.2\nappend: said.txt\n```\nand for all\n```\n"
        tasks.file(narrows, project_id=workshop.project.id, title="Say it", brief=brief, agent="demo")
    nursery.die(world.folder, place)

    with world.asleep() as (narrows, _):
        [before] = changes.every(narrows)
    with world.next_start() as house:
        change = becomes(house, ChangeState.IN_REVIEW)

        expected = None if place in (RUN["begun"], RUN["tree ready"]) else change.session
        assert before.session == expected, "it is the same conversation"
        [revision] = revisions.of_change(house.narrows, change.id)
        said = revisions.whole_file(house.narrows, revision, "said.txt", old=False)
        assert said == b"once\nand for all\n"


def test_a_spoilt_engine_db_is_set_aside_and_the_work_goes_on(world: World, nursery: Nursery) -> None:
    world.file()
    nursery.die(world.folder, RUN["check begun"])
    engine_db = world.folder / "data/engine.db"
    for part in engine_db.parent.glob("engine.db-*"):
        part.unlink()
    engine_db.write_bytes(b"spoilt" * 1000)

    with world.next_start() as house:
        becomes(house, ChangeState.IN_REVIEW)
        assert list(engine_db.parent.glob("engine.db.spoilt-*"))


def test_what_another_version_began_in_other_steps_still_ends(
    world: World, nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "HEARTBEAT", 0.3)
    world.file()
    nursery.die(world.folder, RUN["revision written"])
    with closing(sqlite3.connect(world.folder / "data/engine.db")) as engine_db, engine_db:
        assert engine_db.execute("UPDATE operation_outputs SET function_name = 'of old'").rowcount

    with world.next_start() as house:
        change = becomes(house, ChangeState.NEEDS_ATTENTION)
        assert change.note.startswith("Narrows itself failed; its log says how.")
        reviews.keep(house.narrows, change.id)  # nothing is lost


@pytest.mark.parametrize("place", LANDING.values(), ids=LANDING.keys())
def test_a_landing_arrives_once_and_the_record_agrees(world: World, nursery: Nursery, place: str) -> None:
    with world.asleep() as (_, workshop):
        workshop.change({"said.txt": "said\n"})
    world.commit("meanwhile", {"other.txt": "other\n"})
    nursery.die(world.folder, place, ("server.services.landings land", {"change_id": 1, "revision": 1}))
    assert world.repository.log() in (["meanwhile", "first"], ["Say it", "meanwhile", "first"])

    with world.next_start() as house:
        becomes(house, ChangeState.LANDED)

        [landing] = landings.recent(house.narrows)
        assert (landing.state, landing.commit) == (LandingState.LANDED, world.repository.head)
        assert world.repository.log() == ["Say it", "meanwhile", "first"]


LINE = {
    "both claimed": "server.engine.dispatch _begin_landing after",
    "a check over": "server.services.checks end after",
    "the first moved": "server.git.merges move after",
    "the first written down": "server.services.landings move after",
}


@pytest.mark.parametrize("place", LINE.values(), ids=LINE.keys())
def test_a_line_arrives_in_order_from_wherever_it_was(world: World, nursery: Nursery, place: str) -> None:
    with world.asleep() as (narrows, workshop):
        for change in [workshop.change({f"{name}.txt": "said\n"}, title=name) for name in ("one", "two")]:
            landings.land(narrows, change.id, revision=1)
    nursery.die(world.folder, place)

    with world.next_start() as house:
        house.until(lambda: all(each.state is LandingState.LANDED for each in landings.recent(house.narrows)) or None)

        two, one = landings.recent(house.narrows)
        assert world.repository.log() == ["two", "one", "first"]
        assert (one.commit, two.commit) == (world.repository.resolve("main^"), world.repository.head)


def test_one_behind_what_fell_is_built_and_proven_without_it_after_a_crash(world: World, nursery: Nursery) -> None:
    with world.asleep() as (narrows, workshop):
        projects.configure(narrows, workshop.project.id, checks=["! test -f rival.txt || ! test -f bad.txt"])
        workshop.project = projects.get(narrows, workshop.project.id)
        made = [workshop.change({f"{name}.txt": "said\n"}, title=name) for name in ("bad", "two")]
        world.commit("a rival", {"rival.txt": "x\n"})
        for change in made:
            landings.land(narrows, change.id, revision=1)
    nursery.die(world.folder, "server.services.landings rebuild after")

    with world.next_start() as house:
        house.until(lambda: None if any(each.under_way for each in landings.recent(house.narrows)) else True)

        two, bad = landings.recent(house.narrows)
        assert (bad.state, two.state) == (LandingState.FAILED, LandingState.LANDED)
        assert world.repository.log() == ["two", "a rival", "first"]


def test_what_was_built_anew_is_proven_anew(world: World, nursery: Nursery) -> None:
    with world.asleep() as (narrows, workshop):
        workshop.change({"said.txt": "said\n"})
        projects.configure(narrows, workshop.project.id, checks=["! test -f said.txt || ! test -f rival.txt"])
    world.commit("meanwhile", {"other.txt": "other\n"})
    rival = f"cd '{world.repository.path}' && touch rival.txt && git add rival.txt && git commit -q -m rival"
    nursery.die(
        world.folder,
        "server.services.landings rebuild after",
        ask=("server.services.landings land", {"change_id": 1, "revision": 1}),
        before=("server.services.landings move before", rival),
    )

    with world.next_start() as house:
        change = becomes(house, ChangeState.IN_REVIEW)

        assert "is red on top of main" in change.note
        assert world.repository.log() == ["rival", "meanwhile", "first"]


@pytest.mark.parametrize(
    ("place", "later"),
    [(place, False) for place in UNDO.values()] + [(UNDO[name], True) for name in REVERTED],
    ids=[*UNDO, *(f"{name}, by a revert" for name in REVERTED)],
)
def test_an_undo_is_done_once_and_the_record_agrees(world: World, nursery: Nursery, place: str, later: bool) -> None:
    with world.asleep() as (_, workshop):
        workshop.land(workshop.change({"said.txt": "said\n"}))
    if later:
        world.commit("later", {})
    nursery.die(world.folder, place, ("server.services.undos ask", {"landing_id": 1}))

    with world.next_start() as house:
        becomes(house, ChangeState.IN_REVIEW)

        [landing] = landings.recent(house.narrows)
        assert landing.state is LandingState.UNDONE
        assert world.repository.log() == (['Revert "Say it"', "later", "Say it", "first"] if later else ["first"])
        assert not (world.repository.path / "said.txt").exists()
