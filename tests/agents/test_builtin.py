"""The agents that come with Narrows, made, found and at work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.agents.acp import AcpAgent
from server.agents.builtin import BUILT_IN, Found, find, make
from server.agents.command import CommandAgent
from server.agents.protocol import AgentSpec
from tests.agents.conftest import Place

MESSY = "import sys, os\nimport abc\nx=1\nprint( os, missing )\n"


def built_in(name: str) -> AgentSpec:
    return next(spec for spec in BUILT_IN if spec.name == name)


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_all_are_there_and_tell_their_version(spec: AgentSpec) -> None:
    found = find(spec)
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


def program(folder: Path, script: str) -> dict[str, str]:
    path = folder / "tool"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}:{os.defpath}"}


TOOL = AgentSpec("tool", "command", ("tool", "--work"))


def test_a_program_is_found_with_its_version(tmp_path: Path) -> None:
    env = program(tmp_path, 'echo "tool 1.2 ($1)"; echo more')
    assert find(TOOL, env) == Found(str(tmp_path / "tool"), "tool 1.2 (--version)")


def test_a_program_without_a_version_is_found_all_the_same(tmp_path: Path) -> None:
    assert find(TOOL, program(tmp_path, "echo usage; exit 2")) == Found(str(tmp_path / "tool"), None)


def test_a_program_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.agents.builtin.VERSION_PATIENCE", 0.2)
    assert find(TOOL, program(tmp_path, "sleep 600 & sleep 600")).version is None


def test_a_program_that_is_not_there() -> None:
    assert find(AgentSpec("x", "acp", ("no-such-agent",))) == Found(None, None)
