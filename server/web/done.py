"""What was just done, for the line that says so and offers to take it back.

The query names only a deed and a number; the words come from the database, so a link can't put words on a page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import assert_never

from server.domain.errors import NotFound
from server.domain.landing import Landing
from server.domain.question import TOOLS, Question
from server.domain.states import LandingState, QuestionState
from server.services import changes, checks, landings, projects, questions, receipts, tasks
from server.services.narrows import Narrows

_DEED = re.compile(r"([a-z]+)-(\d{1,18})")
_OF_CHANGES = {
    "later": "Put {} behind the others.",
    "sent": "Sent {} back to its agent.",
    "accepted": "Accepted {}.",
    "restored": "{} is back.",
    "retried": "Trying {} again.",
    "stopped": "Stopping {}.",
}
_ON_THEIR_PAGES = {  # of changes as well, and said where they are open already
    "edited": "{} has your edit as its newest revision.",
    "took": "{} has what you edited as its newest revision.",
    "split": "A part of {} is a change of its own: this one.",
    "rebased": "{} is up to date: its newest revision stands on its target.",
    "opened": "{} is open in your editor.",
}


@dataclass(frozen=True)
class Done:
    """A sentence; where a form that takes it back goes to; where to see more; what it is about.

    A later one about the same takes the place of an earlier one.
    """

    sentence: str
    undo: str = ""
    link: str = ""
    about: str = ""


def find(narrows: Narrows, query: str | None) -> Done | None:
    """What `?done=` names, None where it names nothing that is there."""
    match = _DEED.fullmatch(query or "")
    if match is None:
        return None
    try:
        return _told(narrows, match[1], int(match[2]))
    except NotFound:
        return None


def _told(narrows: Narrows, deed: str, number: int) -> Done | None:
    if said := _OF_CHANGES.get(deed):
        return Done(said.format(_title(narrows, number)), "", f"/changes/{number}")
    if said := _ON_THEIR_PAGES.get(deed):
        return Done(said.format(_title(narrows, number)))
    match deed:
        case "landing" | "undo":
            return of_landing(landings.get(narrows, number))
        case "abandoned":
            return Done(f"Abandoned {_title(narrows, number)}.", f"/changes/{number}/restoration", f"/changes/{number}")
        case "pinned":
            return Done(f"Pinned {_title(narrows, number)}: it is first.", f"/changes/{number}/unpinning", about="pin")
        case "unpinned":
            return Done(f"Unpinned {_title(narrows, number)}.", f"/changes/{number}/pin", about="pin")
        case "answered":
            return _answered(questions.get(narrows, number))
        case "filed" | "revised" | "dropped" | "reopened":
            task = tasks.get(narrows, number)
            undo = {"filed": f"/tasks/{number}/drop", "dropped": f"/tasks/{number}/reopening"}.get(deed, "")
            return Done(f"{deed.capitalize()} #{number} “{task.title}”.", undo, f"/tasks/{number}")
        case "through":
            task = tasks.get(narrows, number)
            return Done(f"#{number} “{task.title}” starts whatever waits.", f"/tasks/{number}/passage/withdrawal")
        case "held":
            return Done(f"#{number} “{tasks.get(narrows, number).title}” waits for your budget.")
        case "drafted":
            return Done("One task is drafted." if number == 1 else f"{number} tasks are drafted.")
        case "forgotten":
            name = projects.get(narrows, number).name
            return Done(f"Removed {name}. What its changes had is in the trash.", "", "/trash")
        case "written":
            return Done(f"Written: number {number} of the trash.")
        case "removed":
            return Done(f"Removed number {number} from the trash.")
        case "saved":
            what = "One worktree is" if number == 1 else f"{number} worktrees are"
            return Done(f"{what} cleared: what stood there is in the trash.", "", "/trash")
        case "recheck":
            check = checks.get(narrows, number)
            when = "is run again" if check.revision_id else "is run again when its change is to land again"
            return Done(f"The check {check.command} {when}.")
        case "preferred":
            return Done("Your preferences are kept." if number else "Your preferences are the defaults again.")
        case "known":
            return Done(f"{projects.get(narrows, number).name} is registered already.")
        case "registered" | "configured":
            return Done(f"{deed.capitalize()} {projects.get(narrows, number).name}.", "", f"/projects/{number}")
        case _:
            return None


def _answered(question: Question) -> Done | None:
    """What the agent was told, and where it can be followed."""
    wish, verb = questions.wish(question), TOOLS.get(question.tool, "use")
    match question.state:
        case QuestionState.ALLOWED if question.whole_run:
            sentence = f"Allowed to {verb} anything in that run."
        case QuestionState.ALLOWED:
            sentence = f"Allowed to {wish} once."
        case QuestionState.REFUSED:
            sentence = f"Refused to {wish}."
        case _:
            return None
    return Done(sentence, "", f"/changes/{question.change_id}")


def of_landing(landing: Landing) -> Done:
    """What became of a landing so far; to be taken back where that is possible now."""
    name, branch = f"“{landing.message.splitlines()[0]}”", landing.where
    undo, link, about = f"/landings/{landing.id}/undo", f"/changes/{landing.change_id}", f"landing-{landing.id}"
    match landing.state:
        case LandingState.QUEUED | LandingState.RUNNING:
            return Done(f"Landing {name} on {branch}.", "" if landing.moving else undo, link, about)
        case LandingState.LANDED if landing.undo_asked:
            return Done(f"Taking {name} back from {branch}.", "", link, about)
        case LandingState.LANDED if landing.error and not receipts.holds(landing):
            return Done(f"Landed {name}, but: {landing.error}", "", link, about)
        case LandingState.LANDED if landing.error:
            return Done(f"{name} stays landed: {landing.error}", "", link, about)
        case LandingState.LANDED:
            return Done(f"Landed {name} on {branch}.", undo, link, about)
        case LandingState.FAILED:
            return Done(f"{name} did not land: {landing.error}", "", link, about)
        case LandingState.CANCELLED:
            return Done(f"Took {name} out of the landing line.", "", link, about)
        case LandingState.UNDONE:
            return Done(f"Took {name} back from {branch}.", "", link, about)
        case _:
            assert_never(landing.state)


def _title(narrows: Narrows, change_id: int) -> str:
    return f"“{tasks.get(narrows, changes.get(narrows, change_id).task_id).title}”"
