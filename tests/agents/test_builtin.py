"""The agents that come with Narrows, made, found and at work."""

from __future__ import annotations

import pytest

from server.agents.acp import AcpAgent
from server.agents.builtin import BUILT_IN, make
from server.agents.command import CommandAgent
from server.agents.finding import ask_version, choose
from server.agents.protocol import AgentSpec
from tests.agents.conftest import Place

MESSY = "import sys, os\nimport abc\nx=1\nprint( os, missing )\n"


def built_in(name: str) -> AgentSpec:
    return next(spec for spec in BUILT_IN if spec.name == name)


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_all_are_there_and_tell_their_version(spec: AgentSpec) -> None:
    found = ask_version(*choose([spec]))
    assert found.path
    assert found.version
    assert spec.built_in
    assert spec.description.startswith("No model")


def test_families_make_their_agents() -> None:
    assert isinstance(make(built_in("demo")), AcpAgent)
    assert isinstance(make(built_in("ruff-fix")), CommandAgent)


def test_ruff_fixes_what_it_can_and_lists_the_rest(place: Place) -> None:
    place.write("a.py", MESSY)
    outcome = place.turn(make(built_in("ruff-fix")))
    assert outcome.state == "succeeded"
    assert place.read("a.py") == "import os\n\nx=1\nprint( os, missing )\n"
    assert "fixed 2 × F401 unused-import\n" in place.transcript
    assert "left  a.py:" in place.transcript
    assert outcome.summary == "Fixed 3 findings; 1 finding left for a person."


def test_ruff_sorts_imports_and_nothing_else(place: Place) -> None:
    place.write("a.py", "import sys\nimport abc\nx=1\n")
    outcome = place.turn(make(built_in("ruff-imports")))
    assert outcome.summary == "Fixed 1 finding; 0 findings left for a person."
    assert place.read("a.py") == "import abc\nimport sys\n\nx=1\n"


def test_ruff_formats_what_can_be_parsed(place: Place) -> None:
    place.write("a.py", "x=1\n")
    place.write("good.py", "x = 1\n")
    place.write("broken.py", "def (:\n")
    outcome = place.turn(make(built_in("ruff-format")))
    assert outcome.summary == "Formatted 1 file."
    assert "formatted a.py\n" in place.transcript
    assert "left  broken.py:1: " in place.transcript
    assert place.read("a.py") == "x = 1\n"


@pytest.mark.parametrize("name", ["ruff-fix", "ruff-imports", "ruff-format"])
def test_ruff_has_nothing_to_do_or_can_not_work(place: Place, name: str) -> None:
    agent = make(built_in(name))
    outcome = place.turn(agent)
    assert outcome.state == "succeeded"
    assert outcome.summary in ("Nothing to fix.", "Everything is formatted already.")
    place.write("ruff.toml", "[lint]\nselect = ['NOPE1']\n")
    outcome = place.turn(agent)
    assert outcome.state == "failed"
    assert "NOPE1" in outcome.error


def test_ruff_leaves_no_cache_behind(place: Place) -> None:
    place.write("a.py", MESSY)
    for name in ("ruff-fix", "ruff-imports", "ruff-format"):
        place.turn(make(built_in(name)))
    assert [path.name for path in place.worktree.iterdir()] == ["a.py"]
