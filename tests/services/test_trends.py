"""Faster, or only feels faster: the verdict follows from the figures, and says when it can't."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.domain.insight import ChangeFacts, Facts
from server.services import trends
from server.services.trends import Finding, Trend
from tests.services.test_figures import NOON, change

TODAY = NOON.date() + timedelta(days=69)


def record(early: dict[str, Any], late: dict[str, Any], a_day: tuple[int, int] = (1, 1)) -> Facts:
    """Ten weeks, with so many changes a day in the first five and in the last five, each like the ones given."""
    made: list[ChangeFacts] = []
    for day in range(70):
        for _ in range(a_day[day >= 35]):
            at = NOON + timedelta(days=day)
            wishes = {"decided_at": at, "landed_at": at} | (late if day >= 35 else early)
            made.append(change(len(made) + 1, **wishes))
    return Facts(tuple(made))


def finding(answer: trends.Answer, name: str) -> Finding:
    return next(trend.finding for trend in answer.trends if trend.name == name)


def test_half_the_reading_for_each_change_is_faster() -> None:
    answer = trends.answer(record({"read_minutes": 10.0}, {"read_minutes": 5.0}), TODAY)
    assert answer.sentence == "Faster, as far as this can tell."
    assert "Reading per landed change: 10 min then, 5 min now (better)." in answer.because
    assert finding(answer, "landed") is Finding.SAME


def test_more_that_lands_with_more_undone_only_feels_faster() -> None:
    facts = record({}, {}, (1, 3))
    spoilt = tuple(
        change(one.change, decided_at=one.decided_at, landed_at=one.landed_at, undone_at=NOON)
        if one.change > 35 and one.change % 2
        else one
        for one in facts.changes
    )
    answer = trends.answer(Facts(spoilt), TODAY)
    assert answer.sentence == "It may only feel faster."
    assert finding(answer, "back") is Finding.WORSE


def test_the_same_is_no_clear_difference() -> None:
    answer = trends.answer(record({}, {}), TODAY)
    assert answer.sentence == "No clear difference."
    assert answer.first is not None
    assert answer.last is not None
    assert answer.first[1] < answer.last[0]


def test_less_that_lands_is_slower() -> None:
    answer = trends.answer(record({}, {"read_minutes": 9.0}, (3, 1)), TODAY)
    assert answer.sentence == "Slower, by these figures."


def test_too_short_a_record_says_what_is_missing() -> None:
    short = Facts(tuple(change(n, decided_at=NOON + timedelta(days=n)) for n in range(20)))
    answer = trends.answer(short, NOON.date() + timedelta(days=20))
    assert answer.sentence == "Can't tell yet."
    assert "needs 35 more days of work" in answer.because
    assert answer.trends == ()
    assert ("Landed", "20") in answer.overall


def test_too_few_changes_say_how_many_more() -> None:
    few = [change(n, decided_at=NOON + timedelta(days=n)) for n in range(20)]
    lately = [change(30 + n, decided_at=NOON + timedelta(days=60 + n)) for n in range(4)]
    answer = trends.answer(Facts((*few, *lately)), TODAY)
    assert answer.sentence == "Can't tell yet."
    assert "needs 6 more changes within four weeks" in answer.because


def test_the_same_record_gives_the_same_answer() -> None:
    facts = record({"read_minutes": 10.0}, {"read_minutes": 9.0})
    assert trends.answer(facts, TODAY) == trends.answer(facts, TODAY)


def trend(name: str, found: Finding) -> Trend:
    return Trend(name, name.capitalize(), "", "min", 2.0, 1.0, 20, 20, -2.0, -1.0, found)


@pytest.mark.parametrize(
    ("landed", "minutes", "rework", "sentence"),
    [
        ("BETTER", "SAME", "SAME", "Faster, as far as this can tell."),
        ("BETTER", "BETTER", "WORSE", "It may only feel faster."),
        ("BETTER", "WORSE", "SAME", "It may only feel faster."),
        ("WORSE", "BETTER", "SAME", "Less reading for each change, and fewer changes: that is not faster."),
        ("WORSE", "WORSE", "SAME", "Slower, by these figures."),
        ("WORSE", "SAME", "SAME", "Slower: less lands, and nothing else became clearly better for it."),
        ("SAME", "WORSE", "SAME", "No faster: something got worse, and no more lands."),
        ("SAME", "BETTER", "WORSE", "No faster: something got worse, and no more lands."),
        ("SAME", "SAME", "BETTER", "No clear difference."),
        ("OPEN", "BETTER", "SAME", "Can't tell yet."),
    ],
)
def test_every_verdict_has_its_reasons(landed: str, minutes: str, rework: str, sentence: str) -> None:
    told = [trend(n, Finding[f]) for n, f in (("landed", landed), ("minutes", minutes), ("rework", rework))]
    assert trends.judge(told)[0] == sentence


def test_intervals_are_exact_enough_not_to_say_nothing() -> None:
    small = Trend("minutes", "Reading", "", "min", 1.0, 1.0, 20, 20, -0.04, 3.0, Finding.SAME)
    assert small.difference == "−0.04 min to +3 min"
