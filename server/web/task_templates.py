"""What a task of a common sort needs to say, as a form begun: "…" stands where words are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.domain.task import Kind


@dataclass(frozen=True)
class Template:
    """Its name, what it is for, and the form's fields by theirs, as they would be typed."""

    name: str
    words: str
    fields: Mapping[str, str]


EVERY = (
    Template(
        "bug",
        "something does what it should not",
        {
            "title": "… no longer …",
            "brief": "What happens now, with the exact message:\n\n…\n\nWhere to look: …\n",
            "examples": "- … gives …, and should give …\n",
            "done_when": "A test that fails today passes, and all others still do.",
            "kind": Kind.DIRECTED.value,
        },
    ),
    Template(
        "feature",
        "something new that somebody can do",
        {
            "title": "… can …",
            "brief": "Who needs it, and for what: …\n\nWhere it belongs: …\n\nNot part of it: …\n",
            "examples": "- … gives …\n- what stays an error: …\n",
            "done_when": "The examples are tests, and … says how it is used.",
            "kind": Kind.DIRECTED.value,
        },
    ),
    Template(
        "test",
        "a behaviour that no test holds yet",
        {
            "title": "Tests for …",
            "brief": "What is not tested yet: …\n\nNothing but tests changes. What fails is reported, not mended.\n",
            "examples": "- … is tested with …\n",
            "done_when": "Each of the new tests fails when … is taken out.",
            "kind": Kind.DIRECTED.value,
        },
    ),
    Template(
        "upkeep",
        "dependencies, warnings, what has rotted",
        {
            "title": "… is up to date",
            "brief": "How it shows: the output of …\n\nWhat may change: …\n",
            "done_when": "… prints no warning any more, and the checks pass.",
            "kind": Kind.MAINTENANCE.value,
        },
    ),
    Template(
        "research",
        "a question whose answer is a report",
        {
            "title": "Which … for …?",
            "brief": "What is to be decided: …\n\nWhat is known so far: …\n",
            "examples": "- an answer compares … by …\n",
            "done_when": "The report names one, says why, and what it would cost: as a list of tasks.",
            "kind": Kind.RESEARCH.value,
        },
    ),
    Template(
        "refactoring",
        "the same behaviour in a better shape",
        {
            "title": "… into …",
            "brief": "What is hard today because of its shape: …\n\nThe shape that is wanted: …\n",
            "done_when": "No test changes, and … is in one place.",
            "kind": Kind.REFACTORING.value,
        },
    ),
)


def find(name: str) -> Template | None:
    """The template of that name."""
    return next((each for each in EVERY if each.name == name), None)
