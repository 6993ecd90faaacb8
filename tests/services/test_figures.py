"""Figures count what their definitions say, and say when they are made from few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.domain.insight import ChangeFacts, Estimate, Facts, Figure, Span, amount
from server.services import figures

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday


def change(number: int = 1, **other: Any) -> ChangeFacts:
    """Landed at noon, a hundred lines, read for six minutes."""
    known: dict[str, Any] = {
        "change": number, "task": number, "title": "Say it", "project_id": 1, "project": "durations", "agent": "claude",
        "kind": "directed", "state": "landed", "began_at": NOON - timedelta(hours=3), "decided_at": NOON,
        "landed_at": NOON, "landing": number, "undone_at": None, "reverted_by": "", "revisions": 1, "rounds": 0,
        "edited": False, "additions": 100, "deletions": 0, "lines_to_read": 100, "expected_minutes": 6.0,
        "read_minutes": 6.0, "waited_for_you_hours": 2.0, "waited_for_agent_hours": 0.0, "worked_hours": 1.0,
        "cost": 0.5, "currency": "USD", "tokens": 1000, "lines_landed": None, "lines_left": None, "followed_at": None,
    }  # fmt: skip
    return ChangeFacts(**{**known, **other})


def span(hours: float, at: datetime = NOON) -> Span:
    return Span(at, 1, 1, hours)


def rows(figure: Figure) -> list[tuple[Any, ...]]:
    return list(figure.rows)


def test_reading_is_summed_by_day_and_days_without_any_are_shown() -> None:
    facts = Facts(readings=(span(0.1), span(0.2), span(0.5, NOON + timedelta(days=2))))
    figure = figures.reading(facts)
    assert [(day.day, minutes, n) for day, minutes, n in rows(figure)] == [(4, 18.0, 2), (5, 0.0, 0), (6, 30.0, 1)]
    assert figure.title == "Minutes of reading a day"
    assert figure.said == "48 min of reading in 2 days, 24 min in the middle one."


def test_a_glimpse_is_not_reading_yet() -> None:
    assert rows(figures.reading(Facts(readings=(span(0.002), span(0.003))))) == []


def test_a_long_time_is_shown_by_weeks_that_begin_on_mondays() -> None:
    figure = figures.reading(Facts(readings=(span(1), span(1, NOON + timedelta(days=40)))))
    assert [str(row[0]) for row in rows(figure)][:2] == ["2026-03-02", "2026-03-09"]
    assert (len(figure.rows), figure.step) == (7, "week")


def test_minutes_per_change_are_medians_by_agent_kind_and_size() -> None:
    facts = Facts(
        (
            change(1, read_minutes=2),
            change(2, read_minutes=4),
            change(3, read_minutes=9, agent="codex", lines_to_read=900),
            change(4, read_minutes=0),
        )
    )
    figure = figures.reading_by(facts)
    assert ("By agent", "claude", 3, 2) in rows(figure)
    assert ("By agent", "codex", 9, 1) in rows(figure)
    assert ("By size", "51 to 200 lines", 3, 2) in rows(figure)
    assert ("By size", "over 400 lines", 9, 1) in rows(figure)
    assert figure.said == "4 min to read the middle change (of only 3 changes)."
    assert figure.scarce


def test_many_agents_are_shown_as_the_most_used_and_others() -> None:
    facts = Facts(tuple(change(n, agent=f"agent-{n % 12}") for n in range(30)))
    names = [name for group, name, *_ in rows(figures.reading_by(facts)) if group == "By agent"]
    assert len(names) == figures.MOST_NAMES
    assert names[-1] == "others"


def test_both_waits_are_told() -> None:
    facts = Facts(waits_for_you=(span(1), span(3), span(8)), waits_for_agent=(span(0.25),))
    figure = figures.waiting(facts)
    assert figure.said == (
        "A change waits 3 h for you (of only 3 waits), and you wait 15 min (of only 1 wait) for an agent's answer."
    )
    assert [row[1:] for row in rows(figure)] == [(3, 3, 0.25, 1)]


def test_rounds_and_what_landed_as_handed_in() -> None:
    facts = Facts((change(1), change(2, rounds=1), change(3, rounds=7), change(4, edited=True), change(5), change(6)))
    assert [(name, n) for _, name, n, _ in rows(figures.rounds(facts))] == [
        ("never", 4), ("once", 1), ("twice", 0), ("three times", 0), ("four times or more", 1),
    ]  # fmt: skip
    assert figures.rounds(facts).said == "33 % of 6 landed changes had been sent back."
    assert figures.unmodified(facts).said == "50 % of 6 landed changes landed as handed in."


def test_what_stays_is_told_by_age_and_what_was_taken_back_is_counted() -> None:
    def followed(number: int, days: float, left: int, **other: Any) -> ChangeFacts:
        return change(number, lines_landed=100, lines_left=left, followed_at=NOON + timedelta(days=days), **other)

    facts = Facts(
        (
            followed(1, 0.5, 100),
            followed(2, 2, 80),
            followed(3, 40, 20),
            change(4, undone_at=NOON),
            followed(5, 9, 0, reverted_by="f" * 40),
        )
    )
    figure = figures.survival(facts)
    assert [row[1:] for row in rows(figure)] == [
        ("1 day later", 33.3, 3),
        ("7 days later", 10.0, 2),
        ("30 days later", 20.0, 1),
    ]
    assert "2 of 5 landed changes were undone or reverted." in figure.said


def test_estimates_say_how_far_off_they_are() -> None:
    facts = Facts(estimates=tuple(Estimate(NOON, n, 1, 10, took) for n, took in enumerate((5, 10, 12, 15, 40))))
    assert figures.estimate(facts).said == "Reading takes 1.2 times what was expected; usually 50 % off."
    assert not figures.estimate(facts).scarce


def test_lines_an_hour_leave_out_what_was_only_glanced_at() -> None:
    facts = Facts((change(1), change(2, read_minutes=0.2), change(3, lines_to_read=0)))
    assert figures.rate(facts).said == "You read 1,000 lines/h (of only 1 change); defects are found best below 400."


def test_what_was_abandoned_is_paid_by_what_landed() -> None:
    abandoned = {"landed_at": None, "landing": None, "state": "abandoned"}
    facts = Facts(
        (
            change(1, cost=1.0),
            change(2, cost=2.0, **abandoned),
            change(3, cost=None, currency=""),
            change(4, cost=9.0, currency="EUR"),
        )
    )
    figure = figures.cost(facts)
    assert rows(figure) == [("", "claude", 3.0, 1)]
    assert figure.said == "$3.00 for 1 landed change (of only 1 change). 2 changes told no cost."


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "min", "–"), (12, "min", "12 min"), (150, "min", "2.5 h"), (0.25, "h", "15 min"), (30, "h", "30 h"),
        (72, "h", "3 days"), (83.4, "%", "83 %"), (1234, "lines/h", "1,234 lines/h"), (0.416, "USD", "$0.42"),
        (3, "EUR", "3 EUR"), (1234.5, "", "1,234.5"), ("claude", "", "claude"), (NOON.date(), "", "4 Mar 2026"),
    ],
)  # fmt: skip
def test_amounts_read_as_a_person_says_them(value: Any, unit: str, said: str) -> None:
    assert amount(value, unit) == said
