"""In which order the desk is read: what each term does, what the person's word does, and that nothing starves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from server.domain.risk import RiskLevel
from server.reading.desk_order import BOUND, WEIGHTS, Candidate, Placed, Term, order

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def waiting(number: int, hours: float = 1.0, **fields: object) -> Candidate:
    """A change that waits since so many hours before noon."""
    return Candidate(number, NOON - hours * HOUR, **{"minutes": 20.0, **fields})  # type: ignore[arg-type]


def line(*candidates: Candidate) -> list[int]:
    return [placed.candidate.number for placed in order(candidates, NOON)]


def first(*candidates: Candidate) -> Placed:
    return order(candidates, NOON)[0]


def test_nothing_waits() -> None:
    assert order([], NOON) == []


def test_alone_there_is_nothing_to_compare_it_with() -> None:
    assert first(waiting(1)).why == "nothing else waits"


def test_what_waits_longest_is_first_where_all_else_is_the_same() -> None:
    placed = order([waiting(2, 2), waiting(3, 1), waiting(1, 3)], NOON)
    assert [each.candidate.number for each in placed] == [1, 2, 3]
    assert [each.why for each in placed] == ["waits longest", "waits longer", "comes after #2"]


def test_who_came_at_the_same_moment_is_told_apart_by_number() -> None:
    assert line(waiting(2), waiting(1)) == [1, 2]
    assert first(waiting(2), waiting(1)).why == "waits longest"


def test_each_term_puts_a_change_first_and_says_so() -> None:
    plain = waiting(1, 1.2)
    for better, why in (
        ({"asks": True}, "its agent waits for your word"),
        ({"stalled": True}, "needs your word"),
        ({"priority": 2}, "priority 2"),
        ({"unblocks": 1}, "unblocks one task"),
        ({"unblocks": 2}, "unblocks two tasks"),
        ({"unblocks": 12}, "unblocks 12 tasks"),
        ({"remembered_at": NOON - 0.5 * HOUR}, "you have it in mind"),
        ({"risk": RiskLevel.HIGH}, "high risk"),
        ({"minutes": 2.0}, "small"),
        ({"minutes": 14.0}, "shorter to read"),
    ):
        placed = first(plain, waiting(2, 1.0, **better))
        assert (placed.candidate.number, placed.why) == (2, why)
    placed = first(waiting(1, 9, conflicts=True), waiting(2))
    assert (placed.candidate.number, placed.why) == (2, "#1 conflicts as it is")


def test_the_three_that_count_most_are_told_in_one_line() -> None:
    several = waiting(2, unblocks=2, minutes=3.0, crosses=frozenset({14}), risk=RiskLevel.HIGH)
    placed = first(waiting(14, crosses=frozenset({2})), several)
    assert placed.why == "unblocks two tasks; landing it late would conflict with #14; high risk"
    assert [reason.points for reason in placed.reasons] == sorted(
        (reason.points for reason in placed.reasons), reverse=True
    )


def test_of_those_that_cross_the_one_that_breaks_fewest_goes_first() -> None:
    """The hub of a star is redone once, after its leaves, instead of each leaf after the hub."""
    hub = waiting(1, 3, crosses=frozenset({2, 3, 4}))
    leaves = [waiting(number, crosses=frozenset({1})) for number in (2, 3, 4)]
    assert line(hub, *leaves) == [2, 3, 4, 1]
    assert first(hub, *leaves).why == "waits longer", "told is what puts it before the next leaf"
    assert order([hub, *leaves], NOON)[2].why == "landing it late would conflict with #1"


def test_of_two_that_cross_the_smaller_goes_first_and_the_other_waits() -> None:
    large, small = waiting(1, crosses=frozenset({2})), waiting(2, crosses=frozenset({1}), minutes=19.0)
    assert line(large, waiting(3), small) == [2, 3, 1]


def test_who_crosses_a_change_that_does_not_wait_any_more_is_no_different() -> None:
    assert line(waiting(1, crosses=frozenset({77})), waiting(2, 2)) == [2, 1]


def test_what_holds_up_the_next_one_is_told_where_nothing_speaks_for_this_one() -> None:
    others = [waiting(number, crosses=frozenset({9})) for number in (5, 6)]
    hub = waiting(9, 2, crosses=frozenset({5, 6}))
    placed = order([hub, waiting(1, 0.5), *others], NOON)
    assert [each.candidate.number for each in placed] == [5, 6, 1, 9]
    assert placed[2].why == "landing #9 first would make others conflict"


def test_memory_fades() -> None:
    read, older = waiting(1, 1, remembered_at=NOON - 0.1 * HOUR), waiting(2, 6)
    assert line(read, older) == [1, 2]
    assert line(waiting(1, 1, remembered_at=NOON - 12 * HOUR), older) == [2, 1]


def test_what_the_person_said_comes_before_all_points() -> None:
    pinned = [waiting(number, 0.1, pinned_at=NOON - number * HOUR) for number in (1, 2)]
    later = [waiting(number, 900, priority=9, later_at=NOON - number * HOUR) for number in (3, 4)]
    undone = waiting(5, undone=True, later_at=NOON)
    placed = order([*later, undone, waiting(6, asks=True), *pinned], NOON)
    assert [each.candidate.number for each in placed] == [1, 2, 6, 4, 3, 5]
    assert [each.why for each in placed] == [
        "you pinned it",
        "you pinned it",
        "its agent waits for your word",
        "you put it off",
        "you put it off",
        "its landing was undone",
    ]


def test_a_moment_that_is_yet_to_come_is_now() -> None:
    """Clocks are set back: nothing has waited for less than no time."""
    assert first(waiting(1, -5), waiting(2, 0)).points == first(waiting(2, 0)).points


CANDIDATES = some.builds(
    Candidate,
    number=some.integers(1, 10**6),
    waits_since=some.floats(0, 10_000).map(lambda hours: NOON - hours * HOUR),
    minutes=some.floats(0, 10_000),
    priority=some.integers(-(10**6), 10**6),
    unblocks=some.integers(0, 10**6),
    crosses=some.frozensets(some.integers(1, 50), max_size=20),
    conflicts=some.booleans(),
    remembered_at=some.none() | some.floats(0, 10_000).map(lambda hours: NOON - hours * HOUR),
    risk=some.none() | some.sampled_from(RiskLevel),
    asks=some.booleans(),
    stalled=some.booleans(),
    undone=some.just(False),
    pinned_at=some.none(),
    later_at=some.none(),
)


@given(some.lists(CANDIDATES, max_size=8, unique_by=lambda each: each.number))
def test_whatever_else_arrives_every_change_comes_first_after_a_bounded_wait(candidates: list[Candidate]) -> None:
    """A change that waits by so much longer than another is read before it: only what came until then can precede."""
    longest = timedelta(hours=BOUND / WEIGHTS[Term.AGE])
    placed = [each.candidate for each in order(candidates, NOON)]
    for place, before in enumerate(placed):
        assert all(before.waits_since <= after.waits_since + longest for after in placed[place + 1 :])


@given(some.lists(CANDIDATES, max_size=8, unique_by=lambda each: each.number))
def test_the_order_is_of_the_changes_and_not_of_how_they_are_given(candidates: list[Candidate]) -> None:
    placed = order(candidates, NOON)
    assert order(candidates[::-1], NOON) == placed
    assert all(1 <= len(each.reasons) <= 3 and each.why for each in placed)
