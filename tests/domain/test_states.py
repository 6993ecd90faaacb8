"""Each thing moves by its verbs, from where they allow it and from nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.domain.change import Change
from server.domain.check import Check
from server.domain.errors import WrongState
from server.domain.landing import Landing
from server.domain.project import LandingMethod
from server.domain.run import Run
from server.domain.states import (
    CHANGE_MOVES,
    CHECK_MOVES,
    LANDING_MOVES,
    RUN_MOVES,
    TASK_MOVES,
    TURNS,
    ChangeState,
    CheckState,
    LandingState,
    RunState,
    State,
    TaskState,
    Turn,
    move,
    stands,
)
from server.domain.task import Task

T, C, R, K, L = TaskState, ChangeState, RunState, CheckState, LandingState
SERVER = Path(__file__).resolve().parents[2] / "server"


def task(state: Any) -> Task:
    return Task(id=7, project_id=1, title="Say it", agent="demo", state=state)


def change(state: Any) -> Change:
    return Change(id=7, task_id=1, project_id=1, agent="demo", state=state)


def run(state: Any) -> Run:
    return Run(id=7, change_id=1, task_id=1, project_id=1, agent="demo", prompt="Say it.", state=state)


def check(state: Any) -> Check:
    return Check(id=7, project_id=1, tree="t", position=0, command="true", state=state)


def landing(state: Any) -> Landing:
    return Landing(
        id=7,
        change_id=1,
        project_id=1,
        revision_id=1,
        target_branch="main",
        method=LandingMethod.SQUASH,
        message="m",
        state=state,
    )


@dataclass(frozen=True)
class Verb:
    """A method of a thing: which states it moves from, and through which states it goes."""

    make: Callable[[Any], Any]
    name: str
    act: Callable[[Any], object]
    since: frozenset[State]
    to: tuple[State, ...]

    def __str__(self) -> str:
        return f"{self.make.__name__}-{self.name}"


def verb(make: Callable[[Any], Any], name: str, *args: object, since: set[Any], to: Any) -> Verb:
    through = to if isinstance(to, tuple) else (to,)
    return Verb(make, f"{name}{args or ''}", lambda thing: getattr(thing, name)(*args), frozenset(since), through)


VERBS = [
    verb(task, "finish", since={T.OPEN}, to=T.DONE),
    verb(task, "drop", since={T.OPEN}, to=T.DROPPED),
    verb(task, "reopen", since={T.DONE, T.DROPPED}, to=T.OPEN),
    verb(change, "present", since={C.WORKING, C.NEEDS_ATTENTION}, to=C.IN_REVIEW),
    verb(change, "stall", "It failed.", since={C.WORKING}, to=C.NEEDS_ATTENTION),
    verb(change, "resume", since={C.NEEDS_ATTENTION, C.IN_REVIEW}, to=C.WORKING),
    verb(change, "start_landing", since={C.IN_REVIEW}, to=C.LANDING),
    verb(change, "land", since={C.LANDING}, to=C.LANDED),
    verb(change, "come_back", "Red.", since={C.LANDING}, to=C.IN_REVIEW),
    verb(change, "undo", since={C.LANDED}, to=(C.UNDONE, C.IN_REVIEW)),
    verb(change, "accept", since={C.IN_REVIEW}, to=C.ACCEPTED),
    verb(change, "abandon", since={C.WORKING, C.NEEDS_ATTENTION, C.IN_REVIEW}, to=C.ABANDONED),
    verb(change, "restore", True, since={C.ABANDONED}, to=C.IN_REVIEW),
    verb(change, "restore", False, since={C.ABANDONED}, to=C.NEEDS_ATTENTION),
    verb(run, "start", since={R.QUEUED}, to=R.RUNNING),
    verb(run, "end", R.SUCCEEDED, since={R.RUNNING}, to=R.SUCCEEDED),
    verb(run, "end", R.FAILED, since={R.QUEUED, R.RUNNING}, to=R.FAILED),
    verb(run, "end", R.TIMED_OUT, since={R.RUNNING}, to=R.TIMED_OUT),
    verb(run, "end", R.STOPPED, since={R.QUEUED, R.RUNNING}, to=R.STOPPED),
    verb(run, "end", R.LOST, since={R.QUEUED, R.RUNNING}, to=R.LOST),
    verb(run, "hand_over", since={R.RUNNING, R.QUEUED}, to=R.QUEUED),
    verb(check, "start", since={K.QUEUED}, to=K.RUNNING),
    verb(check, "put_back", since={K.RUNNING}, to=K.QUEUED),
    verb(check, "end", K.PASSED, since={K.RUNNING}, to=K.PASSED),
    verb(check, "end", K.FAILED, since={K.RUNNING}, to=K.FAILED),
    verb(check, "end", K.ERRORED, since={K.QUEUED, K.RUNNING}, to=K.ERRORED),
    verb(check, "end", K.SKIPPED, since={K.QUEUED, K.RUNNING}, to=K.SKIPPED),
    verb(landing, "start", since={L.QUEUED}, to=L.RUNNING),
    verb(landing, "land", {}, since={L.RUNNING}, to=L.LANDED),
    verb(landing, "fail", "Red.", since={L.QUEUED, L.RUNNING}, to=L.FAILED),
    verb(landing, "cancel", since={L.QUEUED, L.RUNNING}, to=L.CANCELLED),
    verb(landing, "undo", "c0ffee", since={L.LANDED}, to=L.UNDONE),
]
TABLES: list[tuple[Callable[[Any], Any], Mapping[Any, frozenset[Any]]]] = [
    (task, TASK_MOVES),
    (change, CHANGE_MOVES),
    (run, RUN_MOVES),
    (check, CHECK_MOVES),
    (landing, LANDING_MOVES),
]
EACH_STATE = [(verb, state) for verb in VERBS for state in type(verb.to[0])]


@pytest.mark.parametrize(("verb", "state"), EACH_STATE, ids=str)
def test_a_verb_moves_from_where_it_may_and_changes_nothing_elsewhere(verb: Verb, state: State) -> None:
    thing = verb.make(state)
    before = thing.model_dump()
    if state in verb.since:
        verb.act(thing)
        assert thing.state is verb.to[-1]
    else:
        with pytest.raises(WrongState, match=rf"7 {stands(state)}(: it can't become| already\.)"):
            verb.act(thing)
        assert thing.model_dump() == before


@pytest.mark.parametrize(("make", "table"), TABLES, ids=lambda each: getattr(each, "__name__", ""))
def test_the_verbs_make_every_move_of_the_table_and_no_other(
    make: Callable[[Any], Any], table: Mapping[Any, frozenset[Any]]
) -> None:
    verbs = [verb for verb in VERBS if verb.make is make]
    first = {(state, verb.to[0]) for verb in verbs for state in verb.since if state is not verb.to[0]}
    onward = {step for verb in verbs for step in zip(verb.to, verb.to[1:], strict=False)}
    assert first | onward == {(state, to) for state, leads in table.items() for to in leads}


@pytest.mark.parametrize(("make", "table"), TABLES, ids=lambda each: getattr(each, "__name__", ""))
def test_every_state_is_in_its_table_and_has_a_meaning(
    make: Callable[[Any], Any], table: Mapping[Any, frozenset[Any]]
) -> None:
    kind: Any = type(next(iter(table)))
    assert list(table) == list(kind)
    assert all(state.meaning for state in kind)
    assert all(kind(state.value) is state for state in kind)


def test_whose_turn_it_is() -> None:
    assert {state for state in ChangeState if TURNS[state] is Turn.YOURS} == {C.NEEDS_ATTENTION, C.IN_REVIEW}
    assert {state for state in ChangeState if TURNS[state] is Turn.AGENTS} == {C.WORKING}
    assert {state for state in ChangeState if TURNS[state] is Turn.ENGINES} == {C.LANDING}
    assert all(change(state).turn is TURNS[state] for state in ChangeState)


@pytest.mark.parametrize("state", list(ChangeState))
def test_only_what_waits_for_the_person_is_put_off(state: ChangeState) -> None:
    found = change(state)
    if found.turn is Turn.YOURS:
        found.put_off()
        assert found.later_at is not None
        assert found.state is state
    else:
        with pytest.raises(WrongState, match="does not wait for you"):
            found.put_off()
        assert found.later_at is None


@pytest.mark.parametrize("state", list(LandingState))
def test_only_what_landed_is_asked_back(state: LandingState) -> None:
    found = landing(state)
    if state is LandingState.LANDED:
        found.ask_undo()
        assert (found.state, found.undo_asked, found.executor) == (LandingState.LANDED, True, None)
    else:
        with pytest.raises(WrongState):
            found.ask_undo()
        assert not found.undo_asked


def test_a_refusal_names_the_thing_both_states_and_the_next_step() -> None:
    with pytest.raises(WrongState) as refused:
        move("Change 12", CHANGE_MOVES, C.NEEDS_ATTENTION, C.LANDED)
    assert refused.value.message == "Change 12 needs attention: it can't become landed."
    assert refused.value.hint == "Reload the page to see where it stands."


def test_nobody_assigns_a_state_but_the_domain() -> None:
    assigning = re.compile(r"\.state\s*(?::\s*\w+\s*)?=(?!=)")
    outside = [path for path in SERVER.rglob("*.py") if path.parent.name != "domain"]
    found = [
        f"{path.relative_to(SERVER)}: {line.strip()}"
        for path in outside
        for line in path.read_text("utf-8").splitlines()
        if assigning.search(line)
    ]
    assert found == []
