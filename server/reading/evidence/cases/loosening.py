"""What a test asserts less than before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from server.reading.evidence.cases.case import WORD, Assertion, Case, Strength, similarity

ALIKE = 0.35  # of two assertions: one became the other
REWRITTEN = 0.45  # of two texts: below it a test is another one under its old name, and assertions can't be compared
ANCHORED = re.compile(r"(starts|ends)_?with|Has(Pre|Suf)fix", re.IGNORECASE)
CONTAINED = re.compile(r"\bin\b|contain|includ", re.IGNORECASE)
CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")


@dataclass(frozen=True, slots=True)
class Loss:
    """An assertion that is gone, or the weaker one that it `became`."""

    was: Assertion
    became: Assertion | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the change added outside of a test: assertions by their text, the calls in them, helpers that assert."""

    texts: Collection[str]
    shapes: Collection[tuple[str, ...]]
    helpers: Collection[str]


def losses(old: Case, new: Case, elsewhere: Elsewhere) -> list[Loss]:
    """What the new test asserts less, in the old one's order. A new value for an old one is no loss."""
    was = [one for one in old.assertions if one.strength > Strength.GUARD]
    now = [one for one in new.assertions if one.strength > Strength.GUARD]
    kept = Counter(one.text for one in was) & Counter(one.text for one in now)
    gone = _without(was, kept)
    came = _without(now, kept)
    if not gone:
        return []
    paired = _with_last(_pairs(gone, came), came)
    weaker = [Loss(one, other) for one, other in paired if other is not None and _is_weaker(one, other)]
    left = [one for one, other in paired if other is None]
    spare = len(came) - sum(other is not None for _, other in paired)
    missing = [
        one
        for one in left
        if not _is_covered(one, old, new, elsewhere)
        and not _is_within(one, came)
        and not _is_about_what_left(one, new, came)
    ]
    if spare >= len(missing) or _is_rewritten(old, new, missing):
        missing = []
    lost = [*weaker, *(Loss(one) for one in missing)]
    return sorted(lost, key=lambda loss: loss.was.line)


def shape(assertion: Assertion) -> tuple[str, ...]:
    """What an assertion calls, in order."""
    return tuple(CALLED.findall(assertion.text))


def _without(assertions: list[Assertion], kept: Counter[str]) -> list[Assertion]:
    """Those that are not kept as they are; of several alike the first ones are."""
    left, others = kept.copy(), []
    for one in assertions:
        if left[one.text]:
            left[one.text] -= 1
        else:
            others.append(one)
    return others


def _pairs(gone: list[Assertion], came: list[Assertion]) -> list[tuple[Assertion, Assertion | None]]:
    """Each assertion that is gone with the one that stands for it now."""
    if len(gone) * len(came) > 10_000:
        return [(one, other) for one, other in zip(gone, [*came, *[None] * len(gone)], strict=False)]
    words = {id(one): Counter(WORD.findall(one.text)) for one in (*gone, *came)}
    rated = [
        (similarity(words[id(one)], words[id(other)]) + (one.subject == other.subject), number, one, other)
        for number, one in enumerate(gone)
        for other in came
    ]
    became: dict[int, Assertion] = {}
    taken: set[int] = set()
    for score, _, one, other in sorted(rated, key=lambda each: (-each[0], each[1])):
        if score > ALIKE and id(one) not in became and id(other) not in taken:
            became[id(one)] = other
            taken.add(id(other))
    return [(one, became.get(id(one))) for one in gone]


def _with_last(
    paired: list[tuple[Assertion, Assertion | None]], came: list[Assertion]
) -> list[tuple[Assertion, Assertion | None]]:
    """The same; where one is left without another, and only weaker ones are new, the first of those stands for it."""
    taken = {id(other) for _, other in paired if other is not None}
    free = [other for other in came if id(other) not in taken]
    left = [one for one, other in paired if other is None]
    if len(left) != 1 or not free or any(other.strength >= left[0].strength for other in free):
        return paired
    return [(one, other or free[0]) for one, other in paired]


def _is_weaker(one: Assertion, other: Assertion) -> bool:
    if other.strength < one.strength:
        return True
    if one.strength is other.strength is Strength.PARTLY and ANCHORED.search(one.text):
        return not ANCHORED.search(other.text) and CONTAINED.search(other.text) is not None
    both = one.tolerance is not None and other.tolerance is not None
    return both and (other.tolerance or 0) > (one.tolerance or 0)


def _is_covered(one: Assertion, old: Case, new: Case, elsewhere: Elsewhere) -> bool:
    """Whether something else says as much: it moved, it is implied, or two branches became one."""
    if one.text in elsewhere.texts:
        return True
    if len(shape(one)) > 2 and shape(one) in elsewhere.shapes:
        return True
    if elsewhere.helpers and set(elsewhere.helpers) & set(new.words) - set(old.words):
        return True
    others = [other for other in new.assertions if other.subject == one.subject and other.strength >= one.strength]
    if one.branch and others:
        return True
    implied = (other for other in old.assertions if other.subject == one.subject and other.strength > one.strength)
    return one.strength is Strength.HELD and any(implied)


def _is_about_what_left(one: Assertion, new: Case, came: list[Assertion]) -> bool:
    """Whether a test that asserts something new no longer has the variable that this was about."""
    base = WORD.search(one.subject)
    return bool(came) and base is not None and not base[0].isdigit() and base[0] not in new.words


def _is_within(one: Assertion, came: list[Assertion]) -> bool:
    """Whether a new, exact assertion says it with more: of the whole of which this was a part, or instead of a mere
    "there is one".
    """
    exact = [other for other in came if other.strength is Strength.EXACT]
    whole = any(re.search(rf"(?<!\w){re.escape(other.subject)}(?!\w)", one.subject) for other in exact)
    return whole or (one.strength is Strength.HELD and bool(exact))


def _is_rewritten(old: Case, new: Case, missing: list[Assertion]) -> bool:
    """Whether so little is left of a test that what it asserted can't be looked for, as long as it asserts anything."""
    return bool(new.assertions) and bool(missing) and similarity(old.words, new.words) < REWRITTEN
