"""What is told in a few words: a digest, and what checks came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.domain.check import Check
from server.domain.states import CheckState
from server.services.digest import Digest

CHANGES, LANDINGS = "/changes/{}", "/landings#landing-{}"
WORDS = {  # of one, of several, where one is seen
    "asking": ("1 agent asks", "{} agents ask", CHANGES),
    "stalled": ("1 change needs your word", "{} changes need your word", CHANGES),
    "came": ("1 change came", "{} changes came", CHANGES),
    "failed": ("1 landing failed", "{} landings failed", LANDINGS),
    "undo_failed": ("1 could not be taken back", "{} could not be taken back", LANDINGS),
    "landed": ("1 landed", "{} landed", LANDINGS),
    "undone": ("1 was taken back", "{} were taken back", LANDINGS),
}


@dataclass(frozen=True)
class Said:
    """So many things of a sort; `link` leads to the one, or to where all of them are."""

    words: str
    link: str


def told(digest: Digest) -> list[Said]:
    """A digest sort by sort, what waits for the person first."""
    sorts = [(getattr(digest, sort), WORDS[sort]) for sort in WORDS]
    return [_said(numbers, *words) for numbers, words in sorts if numbers]


def _said(numbers: Sequence[int], one: str, many: str, where: str) -> Said:
    if len(numbers) == 1:
        return Said(one, where.format(numbers[0]))
    return Said(many.format(len(numbers)), "/" if where == CHANGES else "/landings")


def verdict(checks: Sequence[Check]) -> str:
    """What the checks of a revision came to so far, in a few words; those that count no more are left out."""
    counted = [check for check in checks if not check.superseded]
    red = sum(check.red for check in counted)
    if red:
        return f"{red} of {len(counted)} checks red"
    if any(check.state in (CheckState.QUEUED, CheckState.RUNNING) for check in counted):
        return "Checks at work"
    return "Checks passed"
