"""Which of an agent's words answer which comment."""

from __future__ import annotations

from time import process_time

import pytest

from server.reading.answers import LONGEST, answers, besides

BOTH = {12, 14}


@pytest.mark.parametrize(
    "reply",
    [
        "Comment 12: Renamed.\nComment 14: No, it is used.",
        "I went through them.\n\nComment 12: Renamed.\n\nComment 14: No, it is used.",
        "**Comment 12:** Renamed.\n\n**Comment 14:** No, it is used.",
        "__Comment 12__: Renamed.\n\n__Comment 14__ - No, it is used.",
        "Comment #12 — Renamed.\n\ncomment #14 – No, it is used.",
        "- Comment 12: Renamed.\n- Comment 14: No, it is used.",
        "1. **Comment 12**: Renamed.\n2. Comment 14. No, it is used.",
        "* [x] Comment 12: Renamed.\n* [ ] Comment 14: No, it is used.",
        "### Comment 12\n\nRenamed.\n\n### Comment 14\n\nNo, it is used.",
        "## Comment 12 on `notes.txt:2-3`\n\nRenamed.\n\n## Comment 14 on the change as a whole\n\nNo, it is used.",
        "**Comment 12** (`notes.txt:2`): Renamed.\n\n**Comment 14, on the whole**: No, it is used.",
        "Re: comment 12: Renamed.\n\nAnswer to comment 14: No, it is used.",
        "[Comment 12]: Renamed.\n[Comment 14]: No, it is used.",
        "12. Renamed.\n14. No, it is used.",
        "- **#12**: Renamed.\n- **#14**: No, it is used.",
        "Comment 12: Renamed.\r\nComment 14: No, it is used.",
        "Comment 12: Renamed.\n\nComment 99: Who?\n\nComment 14: No, it is used.",
        "Comment 12: Renamed.\n\nComment 14: No, it is used.\n\n---\n\nAll checks pass.",
        "- Comment 12: Renamed.\n- Comment 14: No, it is used.\n\nAll checks pass.",
        "### Comment 12\nRenamed.\n### Comment 14\nNo, it is used.\n### In short\nAll checks pass.",
    ],
)
def test_answers_are_found_in_whichever_way_they_are_written(reply: str) -> None:
    assert answers(reply, BOTH) == {12: "Renamed.", 14: "No, it is used."}


def test_an_answer_keeps_its_paragraphs_its_code_and_its_lists() -> None:
    reply = (
        "- Comment 12: Two ways:\n  - one\n  - two\n\n  ```py\n  Comment 14: no answer\n  ```\n"
        "\nComment 14: So.\n\n> Comment 12: as you said\n\nAnd so on.\n"
    )
    assert answers(reply, BOTH) == {
        12: "Two ways:\n- one\n- two\n\n```py\nComment 14: no answer\n```",
        14: "So.\n\n> Comment 12: as you said\n\nAnd so on.",
    }


def test_emphasis_that_spans_the_name_and_the_answer_stays_whole() -> None:
    assert answers("**Comment 12: renamed**, and tested.", BOTH) == {12: "**renamed**, and tested."}


def test_one_answer_for_several_comments_and_several_for_one() -> None:
    assert answers("Comments 12 and #14: both done.", BOTH) == {12: "both done.", 14: "both done."}
    assert answers("Comment 12: first.\nComment 12: second.", BOTH) == {12: "first.\n\nsecond."}


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Done, with comment 12 in mind: renamed.",
        "Comment 12 was a good point: renamed.",
        "Comment 12:",
        "> Comment 12: quoted",
        "```\nComment 12: in a block\n```",
        "    Comment 12: indented code",
        "Comments are all in: fine.",
        "Comment 99: to nobody.",
    ],
)
def test_what_is_no_answer_is_none(reply: str) -> None:
    assert answers(reply, BOTH) == {}
    assert besides(reply, BOTH) == reply.strip()


def test_a_list_that_counts_from_one_is_just_a_list() -> None:
    assert answers("1. Renamed it.\n2. Ran the tests.", {1, 2}) == {}
    assert answers("12. Renamed.\n13. Who?", BOTH) == {}
    assert answers("12. Renamed.\n\nThen:\n\n12. Tested.", BOTH) == {}
    assert answers("#1: Renamed.\n#2: Tested.", {1, 2}) == {1: "Renamed.", 2: "Tested."}


def test_what_answers_nothing_is_told_apart() -> None:
    assert besides("# Findings\n\nThree.\n\n---\n\nComment 12: Added.", BOTH) == "# Findings\n\nThree.\n\n---"
    assert besides("Comment 12: Added.\n\nComment 14: Why?", BOTH) == ""


@pytest.mark.parametrize(
    "reply",
    [
        "Comment 12 on" + " " * LONGEST,
        "Comment 12" + "*" * LONGEST + "x",
        "[" * LONGEST,
        "> " * LONGEST,
        "Comment 12, " * 20_000,
    ],
)
def test_a_reply_made_to_take_long_does_not(reply: str) -> None:
    began = process_time()
    answers(reply, BOTH)
    assert process_time() - began < 3
