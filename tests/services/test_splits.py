"""A first revision that is too large to judge: its agent is asked, once, to keep a part and list the rest."""

from __future__ import annotations

from typing import Any

import pytest

from server.domain.agent import Agent
from server.domain.change import Change
from server.domain.errors import Invalid, NotFound, WrongState
from server.domain.run import Reason, Run
from server.domain.states import ChangeState, RunState
from server.domain.trouble import Trouble
from server.services import changes, pauses, projects, reviews, revisions, runs, splits, task_drafts
from server.services.narrows import Narrows
from tests.services.workshop import Workshop

LARGE = {"said.txt": "".join(f"line {number} of what was said\n" for number in range(60))}
SMALL = {"said.txt": "said\n"}
LEFT = """I kept the first part.

- [ ] Say it twice. In `said.txt`, with care.
- [x] Say it once
- [ ] Say it louder
"""


class Splitting(Workshop):
    """A workshop whose reader judges fifty lines at once."""

    def end(self, run: Run, state: RunState = RunState.SUCCEEDED, error: str = "", said: str = "") -> Run | None:
        assert run.executor is not None
        return runs.end(self.narrows, run.id, run.executor, runs.Ending(state, error=error, summary=said))


@pytest.fixture
def workshop(narrows: Narrows, project: Any) -> Splitting:
    projects.configure(narrows, project.id, review_size=50)
    return Splitting(narrows, projects.get(narrows, project.id))


def asked(workshop: Splitting, **fields: Any) -> Run:
    """The run that asks the agent of a change that came large."""
    change = workshop.change(LARGE, **fields)
    assert change.state is ChangeState.WORKING
    [run] = workshop.admit()
    assert run.reason is Reason.SPLIT
    return run


def answered(workshop: Splitting, run: Run, files: Any, said: str, **ending: Any) -> Change:
    workshop.write(run, files)
    revision = workshop.take(run, said)
    workshop.end(run, said=said, **ending)
    if revision:
        workshop.judge(revision)
    return runs.decide(workshop.narrows, run.id)


def test_a_large_first_revision_goes_back_before_it_comes_to_the_desk(workshop: Splitting) -> None:
    run = asked(workshop)
    first = revisions.get(workshop.narrows, run.change_id, 1)
    assert "60 changed lines to read in 1 files" in run.prompt
    assert "about 50" in run.prompt
    assert first.commit in run.prompt
    assert changes.get(workshop.narrows, run.change_id).split_offered


def test_what_is_within_the_review_size_comes_to_the_desk_at_once(workshop: Splitting) -> None:
    assert workshop.change(SMALL).state is ChangeState.IN_REVIEW
    projects.configure(workshop.narrows, workshop.project.id, review_size=0)
    assert workshop.change(LARGE).state is ChangeState.IN_REVIEW


def test_an_agent_that_split_leaves_a_smaller_change_and_a_list(workshop: Splitting) -> None:
    run = asked(workshop)
    change = answered(workshop, run, SMALL, LEFT)
    assert (change.state, change.note) == (ChangeState.IN_REVIEW, "")
    split = of(workshop, change)
    assert split is not None
    assert (split.before.number, split.after.number, split.after.reading_lines) == (1, 2, 1)
    assert [block.item.title for block in split.rest if block.item] == ["Say it twice", "Say it louder"]


def of(workshop: Splitting, change: Change) -> splits.Split | None:
    known = revisions.of_change(workshop.narrows, change.id)
    return splits.of(runs.of_change(workshop.narrows, change.id), known)


def test_the_rest_becomes_drafts_that_start_after_its_task(workshop: Splitting) -> None:
    run = asked(workshop)
    change = answered(workshop, run, SMALL, LEFT)
    split = of(workshop, change)
    assert split is not None
    lines = [block.line for block in split.rest]
    drafts = splits.draft_rest(workshop.narrows, change.id, lines, "http://here/changes/1")
    assert [draft.title for draft in drafts] == ["Say it twice", "Say it louder"]
    fields = task_drafts.every(workshop.narrows)[0].fields
    assert (fields["after"], fields["kind"], fields["agent"]) == (str(change.task_id), "directed", "demo")
    assert "with care" in fields["brief"]
    assert split.before.commit in fields["brief"]
    with pytest.raises(Invalid):
        splits.draft_rest(workshop.narrows, change.id, [], "")
    with pytest.raises(NotFound):
        splits.draft_rest(workshop.narrows, change.id, [999], "")


def test_an_agent_that_leaves_it_whole_says_why_and_is_not_asked_again(workshop: Splitting) -> None:
    run = asked(workshop)
    change = answered(workshop, run, LARGE, "It is one table: half of it would not load.\nReally.")
    assert change.state is ChangeState.IN_REVIEW
    assert change.note.endswith("and left it whole. It says: It is one table: half of it would not load.")
    assert of(workshop, change) is None
    reviews.request_changes(workshop.narrows, change.id, revision=1, message="Then say it better.")
    [again] = workshop.admit()
    longer = {"said.txt": LARGE["said.txt"] * 2}
    assert workshop.finish(again, longer).state is ChangeState.IN_REVIEW


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.STOPPED, RunState.TIMED_OUT])
def test_a_run_that_fails_at_it_hides_nothing(workshop: Splitting, state: RunState) -> None:
    run = asked(workshop)
    change = answered(workshop, run, LARGE, "", state=state, error="It broke.")
    assert change.state is ChangeState.IN_REVIEW
    assert change.note.endswith("It broke. It is as it was.")


def test_a_run_that_fails_half_way_says_which_revision_is_whole(workshop: Splitting) -> None:
    run = asked(workshop)
    change = answered(workshop, run, SMALL, "", state=RunState.FAILED, error="It broke.")
    assert change.state is ChangeState.IN_REVIEW
    assert "What that run left is this revision; revision 1 is what was there before." in change.note
    assert of(workshop, change) is None


def test_a_red_part_goes_back_as_every_red_change_does(workshop: Splitting) -> None:
    run = asked(workshop)
    workshop.write(run, SMALL)
    revision = workshop.take(run, LEFT)
    workshop.end(run, said=LEFT)
    assert revision is not None
    workshop.judge(revision, red=["make test"])
    assert runs.decide(workshop.narrows, run.id).state is ChangeState.WORKING
    [mending] = workshop.admit()
    assert mending.reason is Reason.CHECKS
    change = workshop.finish(mending, {"said.txt": "mended\n"})
    assert change.state is ChangeState.IN_REVIEW
    assert of(workshop, change) is not None


def test_red_checks_come_before_its_size(workshop: Splitting) -> None:
    workshop.file()
    [run] = workshop.admit()
    workshop.finish(run, LARGE, red=["make test"])
    [mending] = workshop.admit()
    assert mending.reason is Reason.CHECKS
    workshop.finish(mending, {"said.txt": LARGE["said.txt"] + "mended\n"})
    assert workshop.admit()[0].reason is Reason.SPLIT


def test_a_program_without_a_conversation_is_not_asked_by_itself_but_by_the_person(workshop: Splitting) -> None:
    narrows = workshop.narrows
    with narrows.transaction() as db:
        db.add(Agent(name="mine", family="command", argv=["true"]))
    change = workshop.change(LARGE, agent="mine")
    assert change.state is ChangeState.IN_REVIEW
    with pytest.raises(WrongState):
        splits.ask(narrows, change.id, revision=2)
    assert splits.ask(narrows, change.id, revision=1).reason is Reason.SPLIT
    [run] = workshop.admit()
    change = answered(workshop, run, SMALL, LEFT)
    assert change.state is ChangeState.IN_REVIEW
    with pytest.raises(WrongState, match="asked already"):
        splits.ask(narrows, change.id, revision=2)


@pytest.mark.parametrize("kind", ["maintenance", "research"])
def test_other_kinds_are_as_large_as_they_are(workshop: Splitting, kind: str) -> None:
    report = "# All of it" if kind == "research" else None
    workshop.file(kind=kind)
    [run] = workshop.admit()
    assert workshop.finish(run, LARGE, report=report).state is ChangeState.IN_REVIEW


def test_an_agent_whose_limit_is_reached_keeps_nothing_from_its_reader(workshop: Splitting) -> None:
    workshop.file()
    [run] = workshop.admit()
    workshop.write(run, LARGE)
    workshop.take(run)
    workshop.end(run)
    with workshop.narrows.transaction() as db:
        pauses.begin(db, "demo", None, Trouble.RATE_LIMIT.meaning)
    assert runs.decide(workshop.narrows, run.id).state is ChangeState.IN_REVIEW
