"""What is said of a task while it is written: rather nothing than something wrong."""

from __future__ import annotations

import pytest

from server.domain.task import Kind
from server.reading.task_hints import MOST, hints, of_fields, parts, tasks_in

GOOD = {
    "title": "Parse durations of several units",
    "brief": "`parse` in `durations.py` only takes one unit.",
    "examples": '`parse("1h30m")` gives 5400',
    "done_when": "The examples are tests.",
}


def said(**fields: str) -> list[str]:
    return [hint.name for hint in of_fields(GOOD | fields)]


def test_nothing_is_said_of_a_small_and_clear_task() -> None:
    assert said() == []
    assert said(title="") == []


@pytest.mark.parametrize(
    "title",
    [
        "Add weeks to `parse` and rename the old parser",
        "Fix the crash on empty input, and also remove the cache",
        "Speed up the import; show a progress bar",
        "Drop Python 3.9 and then update the lock file",
    ],
)
def test_tasks_joined_by_and_are_told(title: str) -> None:
    assert len(tasks_in(title, "")) == 2
    assert "several" in said(title=title)


@pytest.mark.parametrize(
    "title",
    [
        "Add and remove tags",
        "Parse and validate durations",
        "Read weeks and months",
        "Fix the crash and add a test for it",
        "Add weeks and document them",
        "Rename `parse` and update its callers",
        "Show a warning when search and replace differ",
        "Allow spaces and make them optional",
        "Black and white output",
        "Move on and off",
        "Fix drag and drop in the file list",
    ],
)
def test_an_and_within_one_task_is_left_alone(title: str) -> None:
    assert len(tasks_in(title, "")) == 1


def test_lists_of_tasks_are_told_and_lists_of_other_things_are_not() -> None:
    assert len(tasks_in("Durations", "```\n1. Add weeks\n2. Remove years\n```\n")) == 1
    assert tasks_in("Durations", "1. Add weeks to the parser\n2. Remove the old parser\n") == [
        "Add weeks to the parser",
        "Remove the old parser",
    ]
    assert len(tasks_in("Durations", "- Add weeks\n- Remove years\n- Rename the module\n")) == 3
    assert len(tasks_in("A crash", "1. Open the page\n2. Click on save\n3. See an error\n")) == 1
    assert len(tasks_in("Durations", "- `2d` gives 172800\n- `soon` raises\n- `1h` gives 3600\n")) == 1
    assert len(tasks_in("Add weeks", "They are missing. Also rename the old module.")) == 2


def test_a_word_that_can_mean_anything_wants_a_measure() -> None:
    assert "vague" in said(title="Improve the parser", brief="In the parser.", examples="", done_when="")
    assert "vague" not in said(title="Improve the parser", brief="From 12 ms to 3 ms.", examples="")


def test_what_is_missing_is_told_once_more_than_a_title_is_there() -> None:
    bare = {"title": "Read weeks too", "brief": "", "examples": "", "done_when": ""}
    assert of_fields(bare, typing=True) == []
    assert [hint.name for hint in of_fields(bare)] == ["place", "example", "done"]
    assert said(examples="", done_when="") == ["example", "done"]
    assert said(brief="It should be no error, for example `1w`.", examples="", done_when="") == []


def test_research_needs_no_place_no_example_and_no_end() -> None:
    assert hints("Which parser is quicker for us?", "We have two.", kind=Kind.RESEARCH) == []


def test_no_more_than_a_few_at_once_and_the_weightiest_first() -> None:
    found = hints("Improve the parser and rename the old module", "word " * 700 + "\n… \n")
    assert len(found) == MOST
    assert found[0].name == "several"


def test_what_the_template_left_is_told() -> None:
    assert said(brief="In `durations.py`, … happens.") == ["left"]
    assert said(brief="And so on…") == []


def test_a_task_is_split_at_its_list_or_else_at_its_ands() -> None:
    listed = parts(
        "Durations", "First this:\n\n- weeks are read\n\n  as `1w`\n- years are refused\n- [x] done already\n"
    )
    assert [(one.title, one.text) for one in listed] == [
        ("weeks are read", "weeks are read\n\nas `1w`"),
        ("years are refused", "years are refused"),
    ]
    joined = parts("Add weeks to the parser and rename the old module", "")
    assert [one.title for one in joined] == ["Add weeks to the parser", "Rename the old module"]
    assert len(parts("Add weeks", "")) == 1


@pytest.mark.parametrize(
    "text", ["a and ", "- add it\n", "`", "…", "_a", "x/", '"a', "1. a\n", "> ", "```\n", "a.", " "]
)
def test_a_text_of_any_length_and_kind_is_answered_soon(text: str) -> None:
    long = text * 100_000
    hints(f"Add {long}", long, long, long)  # a rule that goes over it again and again would take minutes
