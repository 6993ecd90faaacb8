"""Trials: a tiny task for an agent in a scratch repository, to see whether it works on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from server import files
from server.bus import Signal
from server.domain.agent import Trial, TrialState
from server.domain.base import now
from server.domain.errors import Unavailable, WrongState
from server.domain.event import Actor
from server.domain.run import SILENT_AFTER
from server.domain.trouble import Trouble
from server.reading import transcript_text, transcripts
from server.services import agents
from server.services.events import record
from server.services.narrows import Narrows
from server.store import queries, run_queries

TEXT = 200_000  # bytes of a transcript that are shown
STOPPED = "You stopped it."
BROKEN_OFF = "The server ended in the middle of it. Try it again."


def get(narrows: Narrows, trial_id: int) -> Trial:
    """The trial of that number.

    Raises:
        NotFound: There is none.
    """
    with narrows.reading() as db:
        return queries.trial(db, trial_id)


def ask(narrows: Narrows, agent: str) -> Trial:
    """Have an agent tried; what comes of it is told by events.

    Raises:
        NotFound: No agent is called so.
        WrongState: It is being tried already.
        Unavailable: There is no engine to try it.
    """
    agents.get(narrows, agent)
    with narrows.transaction() as db:
        last = queries.last_trial(db, agent)
        if last and last.state is TrialState.RUNNING:
            raise WrongState(f"{agent} is being tried already.", "Wait for its end, or stop it.")
        if not run_queries.executors_alive(db, now() - SILENT_AFTER):
            raise Unavailable("Nothing is there that could try it: no engine runs.", "Start `narrows worker`.")
        trial = Trial(agent=agent)
        record(db, Actor.YOU, "asked", trial, agent=agent)
    return trial


def begin(narrows: Narrows, trial_id: int, driven_by: str, confined_by: str) -> bool:
    """Take a trial up. Whether it is the caller's: not if another engine was first, or it is over.

    Args:
        driven_by: What is tried, in words; never empty, as it tells whose the trial is.
        confined_by: The name of its sandbox; empty: none.
    """
    with narrows.transaction() as db:
        trial = queries.trial(db, trial_id)
        if trial.state is not TrialState.RUNNING or trial.driven_by:
            return False
        folder(narrows, trial_id).mkdir(parents=True, exist_ok=True, mode=0o700)  # whose it is after a crash, too
        trial.driven_by, trial.confined_by = driven_by, confined_by
        record(db, Actor.ENGINE, "began", trial, agent=trial.agent)
    return True


def hear(narrows: Narrows, trial: Trial, line: str) -> None:
    """Tell whoever watches what the agent says right now."""
    narrows.bus.publish(Signal("trial", "heard", trial.id, data={"agent": trial.agent, "line": line}))


def stop(narrows: Narrows, trial_id: int) -> Trial:
    """Ask for a trial's end.

    Raises:
        NotFound: There is none.
        WrongState: It is over.
    """
    with narrows.transaction() as db:
        trial = queries.trial(db, trial_id)
        if trial.state is not TrialState.RUNNING:
            raise WrongState(f"The trial of {trial.agent} is over.", "Its result stands on the agents' page.")
        record(db, Actor.YOU, "stop_asked", trial, agent=trial.agent)
        if not trial.driven_by:  # nobody has taken it up, and nobody needs to
            trial.end(TrialState.BROKEN_OFF, STOPPED)
    return trial


def end(
    narrows: Narrows,
    trial_id: int,
    state: TrialState,
    sentence: str,
    trouble: Trouble | None = None,
    usage: Mapping[str, Any] | None = None,
) -> None:
    """Write down what came of a trial; nothing if it is over already."""
    with narrows.transaction() as db:
        trial = queries.trial(db, trial_id)
        if trial.state is TrialState.RUNNING:
            trial.usage = dict(usage or {})
            trial.end(state, sentence, trouble)
            record(db, Actor.ENGINE, "ended", trial, agent=trial.agent, state=state.value)


def waiting(narrows: Narrows) -> list[Trial]:
    """Trials that nobody has taken up."""
    with narrows.reading() as db:
        return [trial for trial in queries.running_trials(db) if not trial.driven_by]


def under_way(narrows: Narrows) -> list[Trial]:
    """Trials that an engine of this data folder has taken up, and not ended."""
    with narrows.reading() as db:
        running = queries.running_trials(db)
    return [trial for trial in running if trial.driven_by and folder(narrows, trial.id).is_dir()]


def earlier(narrows: Narrows, trial: Trial) -> list[int]:
    """The numbers of the agent's trials before this one."""
    with narrows.reading() as db:
        return queries.earlier_trials(db, trial.agent, trial.id)


def folder(narrows: Narrows, trial_id: int) -> Path:
    """Where a trial's repository, transcript and logs are; kept until its agent's next trial."""
    return narrows.settings.trials / str(trial_id)


def transcript(narrows: Narrows, trial_id: int) -> str:
    """What the agent said and did, as text; empty once its agent's next trial has taken its place.

    Raises:
        NotFound: No such trial.
    """
    get(narrows, trial_id)
    file = files.open_to_read(folder(narrows, trial_id) / "transcript.jsonl")
    if file is None:
        return ""
    with file:
        shown = takewhile(lambda line: line.offset < TEXT, transcripts.lines(file))
        return "".join(transcript_text.pieces(line.entry for line in shown if line.entry))
