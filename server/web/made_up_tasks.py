"""For the style guide: hints, attempts at one task, and what an agent left out of a large change; in no database."""

from __future__ import annotations

from typing import Any

from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.project import Project
from server.domain.risk import Risk, RiskLevel
from server.domain.run import Reason, Run
from server.domain.states import ChangeState, CheckState, RunState
from server.domain.task import Task
from server.reading import task_hints
from server.services import attempts, splits
from server.web.made_up_diff import NUMBER
from server.web.sheet import Beside

LEFT = "I kept the parser.\n\n- [ ] Read weeks, too\n- [ ] Say what is wrong: name the unit\n"


def everything(task: Task, project: Project) -> dict[str, Any]:
    """What the style guide's template shows, by name."""
    landed, other = _change(ChangeState.IN_REVIEW, "demo"), _change(ChangeState.ABANDONED, "other", 1)
    working = _change(ChangeState.WORKING, "third", 2)
    split = _split()
    return {
        "hints": task_hints.hints("Improve the parser and rename the old module"),
        "found": attempts.Attempts(task, project, [_attempt(landed, 1), _attempt(other, 2), _begun(working)]),
        "beside": [Beside([landed, other, working]), Beside([landed, other], [other])],
        "split": split,
        "large": split.before,
    }


def _change(state: ChangeState, agent: str, further: int = 0) -> Change:
    note = f"Another attempt, #{NUMBER}, landed." if state is ChangeState.ABANDONED else ""
    return Change(id=NUMBER + further, task_id=NUMBER, project_id=NUMBER, agent=agent, state=state, note=note)


def _attempt(change: Change, files: int) -> attempts.Attempt:
    passed = CheckState.PASSED if files == 1 else CheckState.FAILED
    check = Check(id=NUMBER, project_id=NUMBER, tree="e" * 40, position=0, command="make test", state=passed)
    risk = Risk(revision_id=NUMBER, level=RiskLevel.LOW if files == 1 else RiskLevel.HIGH, points=1.0)
    used = {"input": 12_000, "output": 800, "cost": 0.21, "currency": "USD"}
    return attempts.Attempt(change, _revision(change, files, 60 * files), [check], risk, 90.0 * files, used)


def _begun(change: Change) -> attempts.Attempt:
    return attempts.Attempt(change, None, [], None, 12.0, {})


def _revision(change: Change, files: int, lines: int, number: int = 1) -> Revision:
    return Revision(
        change_id=change.id,
        run_id=NUMBER + number,
        number=number,
        commit="c" * 40,
        tree="e" * 40,
        base="b" * 40,
        base_tree="d" * 40,
        files=files,
        additions=lines,
        deletions=lines // 4,
        reading_files=files,
        reading_lines=lines + lines // 4,
        minutes=4.0 * files,
    )


def _split() -> splits.Split:
    change = _change(ChangeState.IN_REVIEW, "demo")
    run = Run(
        id=NUMBER + 2,
        change_id=NUMBER,
        task_id=NUMBER,
        project_id=NUMBER,
        reason=Reason.SPLIT,
        agent="demo",
        prompt="",
        state=RunState.SUCCEEDED,
        summary=LEFT,
    )
    found = splits.of([run], [_revision(change, 9, 640), _revision(change, 2, 120, 2)])
    assert found is not None
    return found
