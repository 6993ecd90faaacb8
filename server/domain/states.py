"""Every state, what it means, and every allowed move. `python -m server.domain.states_page` prints `docs/states.md`.

A move is made by a method of the thing itself, which calls `move`; nothing else assigns a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Self, TypeVar

from server.domain.errors import WrongState


class State(StrEnum):
    """A state is its word, and knows in half a sentence what that word means."""

    meaning: str

    def __new__(cls, word: str, meaning: str = "") -> Self:  # looked up by its word alone
        state = str.__new__(cls, word)
        state._value_, state.meaning = word, meaning
        return state


class TaskState(State):
    OPEN = "open", "to be worked on, being worked on, or waiting for its reader"
    DONE = "done", "a change for it landed, or its report was accepted"
    DROPPED = "dropped", "the person no longer wants it; can be opened again"


class ChangeState(State):
    WORKING = "working", "an agent is at it, or about to be"
    NEEDS_ATTENTION = "needs_attention", "the run left nothing to review, or its agent asks something"
    IN_REVIEW = "in_review", "a revision waits for its reader"
    LANDING = "landing", "on its way to the target branch"
    LANDED = "landed", "on the target branch"
    UNDONE = "undone", "was on the target branch and was taken back"
    ABANDONED = "abandoned", "given up by the person; can be restored"
    ACCEPTED = "accepted", "a report that was read; nothing to land"


class RunState(State):
    QUEUED = "queued", "waits for admission, or for its worker to pick it up"
    RUNNING = "running", "the agent is at work"
    SUCCEEDED = "succeeded", "the agent ended by itself and says that it is done"
    FAILED = "failed", "the agent, its setup or Narrows failed; the run says how"
    TIMED_OUT = "timed_out", "ended by the time limit"
    STOPPED = "stopped", "ended by the person"
    LOST = "lost", "its worker died too often for another attempt"


class CheckState(State):
    QUEUED = "queued", "waits for the checks before it"
    RUNNING = "running", "its command is at work on the tree"
    PASSED = "passed", "exit 0"
    FAILED = "failed", "any other exit, or the time limit"
    ERRORED = "errored", "could not be started"
    SKIPPED = "skipped", "an earlier check was red, or the person stopped it"


class LandingState(State):
    QUEUED = "queued", "in the landing line, behind those that are proven"
    RUNNING = "running", "proven, and moved when its turn comes"
    LANDED = "landed", "the target branch points at it, or did"
    FAILED = "failed", "nothing moved; the landing says why"
    CANCELLED = "cancelled", "taken out of the line by the person before it moved"
    UNDONE = "undone", "was landed, and the person took it back"


class QuestionState(State):
    OPEN = "open", "the agent waits for the answer"
    WAITING = "waiting", "the run did not wait any longer; the answer starts another"
    ALLOWED = "allowed", "the agent may"
    REFUSED = "refused", "the agent may not"
    WITHDRAWN = "withdrawn", "nothing depends on the answer any more"


class Turn(StrEnum):
    """Whose move it is."""

    YOURS = "yours"
    AGENTS = "agent's"
    ENGINES = "engine's"
    NOBODYS = "nobody's"


Some = TypeVar("Some", bound=State)

RELOAD = "Reload the page to see where it stands."

T, C, R, K, L, Q = TaskState, ChangeState, RunState, CheckState, LandingState, QuestionState

TASK_MOVES: Mapping[TaskState, frozenset[TaskState]] = {
    T.OPEN: frozenset({T.DONE, T.DROPPED}),
    T.DONE: frozenset({T.OPEN}),  # its landing was undone
    T.DROPPED: frozenset({T.OPEN}),
}

CHANGE_MOVES: Mapping[ChangeState, frozenset[ChangeState]] = {
    C.WORKING: frozenset({C.IN_REVIEW, C.NEEDS_ATTENTION, C.ABANDONED}),
    C.NEEDS_ATTENTION: frozenset({C.WORKING, C.IN_REVIEW, C.ABANDONED}),
    C.IN_REVIEW: frozenset({C.WORKING, C.LANDING, C.ABANDONED, C.ACCEPTED}),
    C.LANDING: frozenset({C.LANDED, C.IN_REVIEW}),
    C.LANDED: frozenset({C.UNDONE}),
    C.UNDONE: frozenset({C.IN_REVIEW}),  # taken back, it is on the desk again
    C.ABANDONED: frozenset({C.IN_REVIEW, C.NEEDS_ATTENTION}),
    C.ACCEPTED: frozenset(),
}

RUN_MOVES: Mapping[RunState, frozenset[RunState]] = {
    R.QUEUED: frozenset({R.RUNNING, R.STOPPED, R.FAILED, R.LOST}),
    R.RUNNING: frozenset({R.SUCCEEDED, R.FAILED, R.TIMED_OUT, R.STOPPED, R.LOST, R.QUEUED}),  # queued: taken over
    R.SUCCEEDED: frozenset(),
    R.FAILED: frozenset(),
    R.TIMED_OUT: frozenset(),
    R.STOPPED: frozenset(),
    R.LOST: frozenset(),
}

CHECK_MOVES: Mapping[CheckState, frozenset[CheckState]] = {
    K.QUEUED: frozenset({K.RUNNING, K.SKIPPED, K.ERRORED}),
    K.RUNNING: frozenset({K.PASSED, K.FAILED, K.ERRORED, K.SKIPPED, K.QUEUED}),  # queued: its server died
    K.PASSED: frozenset(),
    K.FAILED: frozenset(),
    K.ERRORED: frozenset(),
    K.SKIPPED: frozenset(),
}

LANDING_MOVES: Mapping[LandingState, frozenset[LandingState]] = {
    L.QUEUED: frozenset({L.RUNNING, L.CANCELLED, L.FAILED}),
    L.RUNNING: frozenset({L.LANDED, L.FAILED, L.CANCELLED}),
    L.LANDED: frozenset({L.UNDONE}),
    L.FAILED: frozenset(),
    L.CANCELLED: frozenset(),
    L.UNDONE: frozenset(),
}

QUESTION_MOVES: Mapping[QuestionState, frozenset[QuestionState]] = {
    Q.OPEN: frozenset({Q.ALLOWED, Q.REFUSED, Q.WAITING, Q.WITHDRAWN}),
    Q.WAITING: frozenset({Q.ALLOWED, Q.REFUSED, Q.WITHDRAWN}),
    Q.ALLOWED: frozenset(),
    Q.REFUSED: frozenset(),
    Q.WITHDRAWN: frozenset(),
}

TURNS: Mapping[ChangeState, Turn] = {
    C.WORKING: Turn.AGENTS,
    C.NEEDS_ATTENTION: Turn.YOURS,
    C.IN_REVIEW: Turn.YOURS,
    C.LANDING: Turn.ENGINES,
    C.LANDED: Turn.NOBODYS,
    C.UNDONE: Turn.NOBODYS,
    C.ABANDONED: Turn.NOBODYS,
    C.ACCEPTED: Turn.NOBODYS,
}


def move(thing: str, moves: Mapping[Some, frozenset[Some]], now: Some, to: Some) -> Some:
    """The state `to`, if the table allows it from `now`.

    Args:
        thing: What moves, for the sentence: "Change 12".

    Raises:
        WrongState: The table has no such move.
    """
    if to not in moves[now]:
        raise refusal(thing, now, to)
    return to


def refusal(thing: str, now: State, to: State) -> WrongState:
    """The sentence for a move that is not allowed."""
    if now == to:
        return WrongState(f"{thing} {stands(now)} already.", RELOAD)
    return WrongState(f"{thing} {stands(now)}: it can't become {words(to)}.", RELOAD)


def stands(state: StrEnum) -> str:
    """How a thing in that state is said to stand: "is landed", "needs attention"."""
    return words(state) if state == ChangeState.NEEDS_ATTENTION else f"is {words(state)}"


def words(state: StrEnum) -> str:
    """A state as a person reads it."""
    return state.value.replace("_", " ")
