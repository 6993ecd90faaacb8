"""The docs say what the code does: printed pages are fresh, words are explained, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from server.domain import states_page, tables
from server.domain.review import CommentState
from server.domain.states import words
from server.domain.task import Kind

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def test_the_page_of_states_is_what_the_code_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "server.domain.states_page"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert read("docs/states.md") == printed.stdout == states_page.page()


def test_every_table_is_in_the_glossary() -> None:
    named = set(re.findall(r"\(`(\w+)`\):", read("docs/glossary.md")))
    kinds = (getattr(tables, name) for name in tables.__all__)
    assert named == {kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, SQLModel)}


def explanation(thing: str) -> str:
    """The glossary's paragraph of a word."""
    found = re.search(
        rf"^\*\*[^*]+\*\* \(`{thing}`\): .*?(?=\n\n|\Z)", read("docs/glossary.md"), re.DOTALL | re.MULTILINE
    )
    assert found, thing
    return " ".join(found[0].split())


@pytest.mark.parametrize("thing", states_page.THINGS)
def test_every_state_is_in_the_glossary_where_its_thing_is(thing: str) -> None:
    text = explanation(thing)
    assert [words(state) for state in states_page.THINGS[thing] if f"*{words(state)}*" not in text] == []


def test_other_words_of_the_pages_are_in_the_glossary() -> None:
    text = read("docs/glossary.md").lower()
    for word in [*(f"*{kind}*" for kind in Kind), *(f"*{state}*" for state in CommentState)]:
        assert word in text
    for word in (
        "desk",
        "turn",
        "budget",
        "mirror",
        "worktree",
        "target branch",
        "base",
        "blocker",
        "warning",
        "attempt",
    ):
        assert f"**{word}**" in text


def test_no_word_is_explained_twice() -> None:
    terms = re.findall(r"^\*\*([^*]+)\*\*", read("docs/glossary.md"), re.MULTILINE)
    assert len(terms) == len(set(terms))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    links = [link for link in LINK.findall(path.read_text("utf-8")) if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in links if not (path.parent / link.partition("#")[0]).exists()] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_a_context_one_sentence_and_consequences(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(f"# {path.name[:4]}: ")
    parts = re.findall(r"^\*\*(Context|Decision|Consequences)\.\*\* (.+?)(?=\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    assert [name for name, _ in parts] == ["Context", "Decision", "Consequences"]
    assert len(re.findall(r"\.(?=\s|$)", parts[1][1])) == 1, "the decision is one sentence"
