"""Why a change stands where it does on the desk, in words that are true of it alone."""

from __future__ import annotations

from server.domain.states import RunState
from server.services import desk, reviews
from tests.services.workshop import Workshop


def whys(workshop: Workshop) -> dict[str, str]:
    return {each.title: each.why_here for each in desk.desk(workshop.narrows).waiting}


def test_only_one_waits_longest_and_the_last_names_the_one_before(workshop: Workshop) -> None:
    _, second, _ = (workshop.change(title=title) for title in ("first", "second", "third"))
    workshop.change(title="urgent", priority=5)
    assert list(whys(workshop).items()) == [
        ("urgent", "priority 5"),
        ("first", "waits longest"),
        ("second", "waits longer"),
        ("third", f"comes after #{second.id}"),
    ]


def test_what_is_put_off_says_so_whatever_else_is_noted_about_it(workshop: Workshop) -> None:
    workshop.file("failed")
    [run] = workshop.admit()
    failed = workshop.finish(run, {}, state=RunState.FAILED, error="It broke.")
    assert whys(workshop) == {"failed": "needs your word"}
    reviews.later(workshop.narrows, failed.id)
    assert whys(workshop) == {"failed": "you put it off"}
