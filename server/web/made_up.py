"""Things for the style guide, of every kind one in every state. They are in no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from markupsafe import Markup

from server.domain.agent import TrialState
from server.domain.agent_facts import Readiness
from server.domain.base import now
from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.diff import Comparison
from server.domain.errors import Invalid, WrongState
from server.domain.event import Actor, Event
from server.domain.flag import Flag, FlagKind
from server.domain.landing import Landing
from server.domain.project import LandingMethod, Project
from server.domain.question import TOOLS, Question
from server.domain.review import CommentState, Review, Side, Verdict
from server.domain.risk import Counterproof, Coverage, Risk, RiskLevel
from server.domain.run import Reason, Run
from server.domain.states import ChangeState, CheckState, LandingState, QuestionState, RunState, TaskState
from server.domain.task import Kind, Task
from server.domain.transcript import Entry, EntryKind
from server.domain.trouble import Trouble
from server.reading import desk_order, report
from server.reading.desk_order import Candidate
from server.reading.public_names import Name, Names
from server.reading.transcripts import Excerpt, Item
from server.services import desk
from server.services.anchors import Placed
from server.services.assessments import Assessment, Objection, red
from server.services.budget import Budget
from server.services.digest import Digest
from server.services.forecasts import Neighbour, Outlook
from server.services.patterns import TOO_LARGE, Line, Pattern, Patterns, Spot
from server.services.rates import Pace, Paces
from server.services.reentry import Reentry
from server.services.search import Found, Hit
from server.services.shapes import Shape
from server.web import made_up_diff, made_up_figures, made_up_tasks, search
from server.web.done import Done
from server.web.looks import Asked
from server.web.made_up_diff import NUMBER
from server.web.methods import METHODS
from server.web.passages import Report, Shown
from server.web.reader import Place
from server.web.sheet import Bar, Sheet

BRIEF = "`parse` only takes one unit. People write `1h30m`.\n\n- `2d` gives 172800\n- `soon` raises `ValueError`"
REPORT = "# Which parser?\n\nThe **new** one.\n\n- [ ] Take `durations` out of the old one\n- it is slower\n"
REPORTED_BEFORE = "# Which parser?\n\nThe **old** one.\n\n- it is slower\n- nobody knows it\n"
STATES: dict[str, type[StrEnum]] = {
    "task": TaskState,
    "change": ChangeState,
    "run": RunState,
    "check": CheckState,
    "landing": LandingState,
    "question": QuestionState,
    "comment": CommentState,
    "agent": Readiness,
    "trial": TrialState,
}

task = Task(
    id=NUMBER,
    project_id=NUMBER,
    title="Parse durations of several units",
    brief=BRIEF,
    examples='`parse("1h30m")` gives 5400',
    done_when="The examples are tests.",
    agent="demo",
    kind=Kind.DIRECTED,
)
project = Project(id=NUMBER, name="durations", path="/home/you/durations", target_branch="main", checks=["make test"])
revision = Revision(
    id=NUMBER,
    change_id=NUMBER,
    run_id=NUMBER,
    number=2,
    commit="c" * 40,
    tree="e" * 40,
    base="b" * 40,
    base_tree="d" * 40,
    summary="`parse` reads any sequence of number and unit now.",
    files=9,
    additions=120,
    deletions=34,
    minutes=7,
)
earlier = Revision(
    id=NUMBER + 1, change_id=NUMBER, number=1, commit="a" * 40, tree="a" * 40, base="b" * 40, base_tree="d" * 40
)
comparison = Comparison(NUMBER, NUMBER, 2, "d" * 40, "e" * 40, since=1, blurred=frozenset({"durations.py"}))


def everything() -> dict[str, Any]:
    """What the style guide's template shows, by the names that the templates of the parts know it by."""
    return {
        "states": STATES,
        "change": _change(ChangeState.IN_REVIEW),
        "task": task,
        "project": project,
        "revision": revision,
        "sheet": sheet(),
        "bars": [(f"{state.value}".replace("_", " "), sheet(state)) for state in ChangeState],
        "bar": Bar(),
        "methods": METHODS,
        "earlier": ["Parse durations of several units\n\nDays are missing yet.\n"],
        "untaken": ["durations.py"],
        "forms": [
            Bar(form, "Parse durations of several units\n\nPeople write 1h30m.") for form in ("land", "send back")
        ],
        "stopped": Budget(30, 22.0, 3, 2, 14.0),
        "measured": [
            Paces([Pace(Kind.DIRECTED, 380, 23), Pace(Kind.REFACTORING, 520, 1)], 24, 0.3),
            Paces([], 0, None),
        ],
        "reader": made_up_diff.Reader(),
        "verbs": TOOLS,
        "problem": WrongState("This change is landed already.", "Reload the page to see where it stands."),
        "against": Invalid("title", "A task needs a title.", "Say in one line what should be different."),
        "typed_comments": [Place(NUMBER, 2, 0, "new", 3, 5), Place(NUMBER, 2)],
        "comments": made_up_diff.comments(),
        "samples": made_up_diff.samples(),
        "clashes": made_up_diff.clashes(),
        "report": replace(sheet(), revision=_reported(), placed=[]),
        "report_of": _report,
        "landings": landings(),
        "checks": checks(),
        "patterns_of_upkeep": patterns_of_upkeep(),
        "shapes": shapes(),
        "counterproofs": counterproofs(),
        "outlooks": outlooks(),
        "risks": [(_risk(level), _coverage()) for level in RiskLevel] + [(None, None)],
        "line": _line(),
        "runs": runs(),
        "items": items(),
        "toasts": [
            Done("Landing “Parse durations”.", f"/landings/{NUMBER}/undo", f"/changes/{NUMBER}", "one"),
            Done("Sent “Parse durations” back to its agent.", about="another"),
        ],
        "hits": Found([Hit(0, "durations.py", Side.NEW, 5, 4, "    parts = PART.findall(text)")], 1, 1),
        "digests": [
            Digest(came=[NUMBER]),
            Digest([NUMBER], [NUMBER], [NUMBER, NUMBER + 1], [NUMBER], [NUMBER], [NUMBER, NUMBER + 1], [NUMBER]),
        ],
        "around": search.around,
        "comparison": comparison,
        **made_up_figures.everything(),
        **made_up_tasks.everything(task, project),
    }


def _change(state: ChangeState, note: str = "") -> Change:
    return Change(id=NUMBER, task_id=NUMBER, project_id=NUMBER, agent="demo", state=state, note=note)


def sheet(state: ChangeState = ChangeState.IN_REVIEW) -> Sheet:
    """A change in that state with everything that can stand on its page."""
    placed = [each for _, each in made_up_diff.comments()]
    seen = desk.Sheet(
        change=_change(state, "Its checks were red, twice." if state is ChangeState.NEEDS_ATTENTION else ""),
        task=task,
        project=project,
        revisions=[earlier, revision],
        runs=[each for each in runs() if each.state is RunState.SUCCEEDED],
        checks=checks(),
        comments=[each.comment for each in placed],
        landings=[each for each in landings() if each.state is LandingState.LANDED],
        questions=_questions() if state is ChangeState.NEEDS_ATTENTION else [],
        assessment=Assessment(
            [red("make lint")],
            [Objection("size", "154 changed lines are more than one reading can judge.")],
        ),
        held_up="",
        outlook=outlooks()[-2] if state in (ChangeState.IN_REVIEW, ChangeState.LANDING) else None,
    )
    return Sheet(
        seen=seen,
        asked=Asked(glance=True),
        revision=revision,
        comparison=comparison,
        checks=seen.checks,
        outline=made_up_diff.files(),
        aside=[],
        placed=placed,
        viewed={1},
        flags=_flags(),
        counterproof=counterproofs()[-1],
        risk=_risk(),
        coverage=_coverage(),
        judged=[],
        clock=154,
        history=[
            Event(actor=actor, verb=verb, noun="change", noun_id=NUMBER)
            for actor, verb in ((Actor.YOU, "filed"), (Actor.AGENT, "presented"), (Actor.YOU, "sent_back"))
        ],
        moved=3,
        reentry=_reentry(),
    )


def _reentry() -> Reentry:
    """Back at a change that was sent back yesterday, with a file marked."""
    said = Review(
        id=NUMBER,
        change_id=NUMBER,
        revision_id=NUMBER + 1,
        verdict=Verdict.REQUEST_CHANGES,
        message="Days are missing, and `soon` should be refused.",
        created_at=now() - timedelta(days=1),
    )
    return Reentry(now() - timedelta(hours=20), 1, said, (1, "tests/test_durations.py"))


def outlooks() -> list[Outlook]:
    """One for each prospect, in their order."""
    told: dict[str, Any] = {"change_id": NUMBER, "project_id": NUMBER, "target": "main", "revision": 2, "base": "b"}
    other = Neighbour(NUMBER + 1, "Read weeks, too", ["durations.py"])
    close = Neighbour(NUMBER + 2, "Say what is wrong", [], [["durations.py", "parse"], ["README.md", ""]])
    return [
        Outlook(**told),
        Outlook(**told, at="f"),
        Outlook(**told, at="f", touching=[close]),
        Outlook(**told, at="f", after=[other], breaks=[other], touching=[close]),
        Outlook(**told, at="f", conflicts=["durations.py", "tests/test_durations.py"]),
    ]


def patterns_of_upkeep() -> list[Patterns | None]:
    """Not looked for yet, too many, none, and one with an exception and without."""
    places = [Spot(0, "durations.py", Side.NEW, line, f"return read({line})") for line in (4, 9, 16)]
    gone, came = [Line("    return fetch(4)", [(11, 16)])], [Line("    return read(4)", [(11, 15)])]
    other = Spot(0, "durations.py", Side.OLD, 21, "return fetch(read)")
    found = [Pattern(gone, came, 0, 41, 9, places, 1, [other]), Pattern([], came, 3, 3, 1, places, 0, [])]
    return [None, TOO_LARGE, Patterns([], 0, [], frozenset()), Patterns(found, 1, [other], frozenset())]


def shapes() -> list[Shape | None]:
    """Not looked at yet, nothing but moved lines, and all that there can be."""
    names = [Name("parse", "durations.py", side, 4, "def parse(text, unit):") for side in Side]
    everything = Shape(154, 40, ["tests/test_durations.py"], Names(names[:1], names[1:], names[1:]))
    return [None, Shape(34, 34, [], Names([], [], [])), everything]


def checks() -> list[Check]:
    return [
        Check(
            id=NUMBER + position,
            project_id=NUMBER,
            tree="e" * 40,
            position=position,
            command=f"make {state.value}",
            state=state,
            exit_code={CheckState.PASSED: 0, CheckState.FAILED: 2}.get(state),
            seconds=3.2 if state in (CheckState.PASSED, CheckState.FAILED) else None,
        )
        for position, state in enumerate(CheckState)
    ]


def counterproofs() -> list[Counterproof]:
    """One in every state that is shown; the last is as it should be."""
    shown = (CheckState.QUEUED, CheckState.RUNNING, CheckState.ERRORED, CheckState.PASSED, CheckState.FAILED)
    return [
        Counterproof(
            id=NUMBER + number,
            revision_id=NUMBER,
            tree="e" * 40,
            tests=["tests/test_durations.py"],
            command="" if state is CheckState.QUEUED else "make test",
            state=state,
            seconds=2.1 if state in (CheckState.PASSED, CheckState.FAILED) else None,
            tail="E  assert 3600 == 5400",
        )
        for number, state in enumerate(shown)
    ]


def _flags() -> list[Flag]:
    return [
        Flag(id=NUMBER, revision_id=NUMBER, kind=kind, path="durations.py", line=4, sentence="It says `assert True`.")
        for kind in FlagKind
    ]


def _risk(level: RiskLevel = RiskLevel.MEDIUM) -> Risk:
    reasons = [[2.0, "It touches auth/durations.py, where errors cost most."], [1.5, "154 changed lines to read."]]
    return Risk(id=NUMBER, revision_id=NUMBER, level=level, points=3.5, reasons=reasons)


def _coverage() -> Coverage:
    return Coverage(id=NUMBER, revision_id=NUMBER, covered=31, coverable=40, missed={"durations.py": [3, 4, 5, 9]})


def _line() -> list[desk.Waiting]:
    """What waits, with the words and the marks that each can have."""
    placed = desk_order.order(
        [
            Candidate(NUMBER, now(), unblocks=2, minutes=3, crosses=frozenset({NUMBER + 1})),
            Candidate(NUMBER + 1, now(), crosses=frozenset({NUMBER})),
            Candidate(NUMBER + 2, now(), pinned_at=now()),
            Candidate(NUMBER + 3, now(), later_at=now()),
        ],
        now(),
    )
    risks: list[Risk | None] = [*(_risk(level) for level in RiskLevel), None]
    return [
        desk.Waiting(
            Change(
                id=each.candidate.number,
                task_id=NUMBER,
                project_id=NUMBER,
                agent="demo",
                pinned_at=each.candidate.pinned_at,
                later_at=each.candidate.later_at,
            ),
            task.title,
            each.candidate.minutes,
            each,
            risk,
        )
        for each, risk in zip(placed, risks, strict=True)
    ]


def _questions() -> list[Question]:
    asked: dict[str, Any] = {
        "run_id": NUMBER,
        "change_id": NUMBER,
        "project_id": NUMBER,
        "tool": "execute",
        "title": "Install it",
    }
    return [
        Question(id=NUMBER, detail="make install", waits_until=now() + timedelta(minutes=9), **asked),
        Question(
            id=NUMBER + 1,
            detail="make clean",
            state=QuestionState.WAITING,
            waits_until=now(),
            **asked | {"tool": "edit"},
        ),
    ]


def landings() -> list[Landing]:
    tree, why = "e" * 40, "Lint is broken on main, and mended there tomorrow."
    checks = [
        {"command": "make test", "check": NUMBER, "state": "passed", "seconds": 3.2, "log": "", "tree": tree},
        {"command": "make lint", "check": NUMBER, "state": "failed", "seconds": 1.0, "log": "", "tree": tree},
    ]
    receipt = {
        "read": {"revision": 2, "diff_sha256": "f" * 64},
        "tested": {
            "tree": tree,
            "checks": checks,
            "retried": ["make test"],
            "red_before": ["make lint"],
            "insisted": why,
        },
        "landed": {"branch": "main", "from": "b" * 40, "to": "c" * 40, "tree": tree, "as_read": True},
        "verified": {"branch": {"at": "c" * 40, "contains": True, "tree": tree}},
    }
    elsewhere: dict[str, Any] = {
        "remote": "origin",
        "topic": "narrows/12-parse-durations",
        "pull_request": "https://example.org/durations/compare/main...narrows/12-parse-durations",
        "note": "narrows/12-parse-durations is on origin; the pull request into main is yet to be opened.",
    }
    return [
        Landing(
            id=NUMBER + number,
            change_id=NUMBER,
            project_id=NUMBER,
            revision_id=NUMBER,
            target_branch="main",
            method=LandingMethod.SQUASH,
            message="Parse durations of several units",
            state=state,
            receipt=receipt if state in (LandingState.LANDED, LandingState.UNDONE) else None,
            error="`make test` failed on the merged tree." if state is LandingState.FAILED else "",
            insisted=why if state is LandingState.LANDED else "",
            behind=NUMBER if state is LandingState.QUEUED else None,
            **elsewhere if state in (LandingState.LANDED, LandingState.UNDONE) else {},
        )
        for number, state in enumerate(LandingState)
    ]


def runs() -> list[Run]:
    """A run in every state."""
    return [
        Run(
            id=NUMBER + number,
            change_id=NUMBER,
            task_id=NUMBER,
            project_id=NUMBER,
            reason=Reason.FIRST,
            agent="demo",
            prompt="",
            state=state,
            trouble=Trouble.LOGIN if state is RunState.FAILED else None,
            error="401 Unauthorized" if state is RunState.FAILED else "",
            usage={"input": 12_000, "output": 800},
            driven_by="demo 1",
            confined_by="bubblewrap 0.8",
            started_at=None if state is RunState.QUEUED else now() - timedelta(minutes=3),
            ended_at=None if state in (RunState.QUEUED, RunState.RUNNING) else now(),
        )
        for number, state in enumerate(RunState)
    ]


def items() -> list[Item]:
    """What a transcript is made of."""
    at = now().timestamp()
    output = Excerpt("\x1b[32m3 passed\x1b[0m in 0.4 s", lines=1)
    plan = (("completed", "Read it"), ("in_progress", "Write it"), ("pending", "Test it"))
    entries = [
        (Entry(EntryKind.MESSAGE, at, text="I will read `durations.py` *first*."), None),
        (Entry(EntryKind.THOUGHT, at, text="One unit only. Why?"), None),
        (Entry(EntryKind.PLAN, at, plan=plan), None),
        (Entry(EntryKind.TOOL, at, tool="execute", title="make test", state="completed"), output),
        (Entry(EntryKind.TOOL, at, tool="execute", title="make lint", state="failed"), Excerpt("2 errors", lines=1)),
        (Entry(EntryKind.TOOL, at, tool="edit", title="Edit durations.py", state="in_progress"), None),
        (Entry(EntryKind.FILE, at, path="durations.py"), None),
        (Entry(EntryKind.QUESTION, at, title="Install it", tool="execute", state="allowed"), None),
        (Entry(EntryKind.USAGE, at, usage={"input": 12_000, "output": 800}), None),
        (Entry(EntryKind.NOTICE, at, text="Its earlier conversation could not be continued."), None),
    ]
    return [Item(NUMBER + number, NUMBER + number, entry, told) for number, (entry, told) in enumerate(entries)]


def _reported() -> Revision:
    return Revision(**revision.model_dump() | {"id": NUMBER + 2, "report": REPORT})


def _report(revision: Revision, _: Sequence[Placed]) -> Report:
    """The report as its template shows it, with passages that are new, different and gone."""
    found = report.compare(report.blocks(revision.report or ""), report.blocks(REPORTED_BEFORE))
    shown = [
        Shown(each.block, "gone" if isinstance(each, report.Gone) else _since(each), _before(each)) for each in found
    ]
    return Report(shown, 1)


def _since(passage: report.Passage) -> str:
    return "new" if passage.fresh else "changed" if passage.before else ""


def _before(passage: report.Passage | report.Gone) -> Markup:
    known = isinstance(passage, report.Passage) and passage.before
    return Markup(known.html if known else "")
