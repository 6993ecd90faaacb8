"""Files that the task does not speak of, in a change where others are what it speaks of."""

from __future__ import annotations

import pytest

from server.domain.task import Kind
from server.reading.evidence import far
from tests.reading.evidence.made import change

ASKED = "Parse durations of several units\n`1h30m` is 5400 seconds; unknown letters raise an error.\n"
DURATIONS = ("def parse(text):\n    return 1\n", "def parse(text):\n    return sum(units(text))\n")
BILLING = ("def invoice():\n    return 1\n", "def invoice():\n    return customer.total\n")
FILES = {"durations/parsing.py": DURATIONS, "shop/billing.py": BILLING}


def test_a_file_that_shares_no_word_with_the_task_is_far() -> None:
    [found] = far.find(change(FILES, ASKED))
    assert (found.path, found.line) == ("shop/billing.py", None)


@pytest.mark.parametrize(
    "other",
    [
        {"durations/billing.py": BILLING},  # beside it
        {"tests/test_billing.py": BILLING},
        {"shop/billing.md": BILLING},
        {"shop/billing.py": (BILLING[0], "def invoice():\n    return parsed_seconds()\n")},
        {"shop/billing.py": (f"from durations import parsing\n{BILLING[0]}", f"import parsing\n{BILLING[1]}")},
        {"vendor/billing.py": BILLING},
        {"shop/billing.py": (None, None)},
        {f"shop{n}/billing.py": BILLING for n in range(5)},  # then the words don't tell
    ],
)
def test_what_may_belong_to_it_is_not(other: dict[str, tuple[str | None, str | None]]) -> None:
    assert list(far.find(change({"durations/parsing.py": DURATIONS, **other}, ASKED))) == []


def test_nothing_is_said_of_tasks_that_are_about_anything() -> None:
    assert list(far.find(change(FILES, "Fix parse"))) == []
    assert list(far.find(change({"shop/billing.py": BILLING}, ASKED))) == []
    for kind in (Kind.MAINTENANCE, Kind.REFACTORING, Kind.RESEARCH):
        assert list(far.find(change(FILES, ASKED, kind))) == []


def test_an_imported_one_is_known_by_the_file_that_names_it() -> None:
    importing = ("", "from shop.billing import invoice\n\ndef parse(text):\n    return sum(units(text))\n")
    assert list(far.find(change({"durations/parsing.py": importing, "shop/billing.py": BILLING}, ASKED))) == []
