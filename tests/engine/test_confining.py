"""What a run's agent is started in: nothing, a sandbox, or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.agents import sandbox
from server.agents.protocol import AgentSpec, Launch
from server.domain.errors import NarrowsError
from server.domain.run import Run
from server.engine import confining, preparation, processes
from server.engine.preparation import Room
from server.engine.workplace import Workplace
from server.services import projects
from tests.services.workshop import Workshop

ACME = AgentSpec("acme", "command", ("/bin/sh",), title="Acme", loads_anyway=(".acme/plugin", ".acme.toml"))


@pytest.fixture
def run(workshop: Workshop) -> Run:
    workshop.file()
    [run] = workshop.admit()
    return run


def room(place: Workplace, run: Run, *files: str, **wishes: bool) -> Room:
    """The run's room in a project with these wishes, and with these files in its tree."""
    projects.configure(place.narrows, run.project_id, **wishes)
    made = asyncio.run(preparation.prepare(place, run, ACME))
    for name in files:
        (made.tree / name).parent.mkdir(parents=True, exist_ok=True)
        (made.tree / name).write_text("evil\n")
    return made


def output(launch: Launch, room: Room, script: str) -> str:
    async def start() -> bytes:
        process = await launch(
            argv=("/bin/sh", "-c", script), cwd=room.tree, env=room.env, run_folder=room.folder, timeout=30
        )
        try:
            return await process.stdout.read()
        finally:
            await process.wait()
            process.close()

    return asyncio.run(start()).decode()


def test_without_a_wish_nothing_confines_an_agent(place: Workplace, run: Run) -> None:
    made = room(place, run, ".acme/plugin/x.js", repository_config=True)
    assert confining.launcher(place, made, ACME) == (processes.launch, "")


def test_an_agents_own_sandbox_is_named(place: Workplace, run: Run) -> None:
    spec = replace(ACME, confines_itself="Acme's own sandbox")
    assert confining.launcher(place, room(place, run), spec) == (processes.launch, "Acme's own sandbox")


@pytest.mark.parametrize("name", [".acme/plugin/x.js", ".acme.toml"])
def test_what_an_agent_loads_whatever_it_is_told_keeps_it_from_starting(place: Workplace, run: Run, name: str) -> None:
    loaded = ".acme/plugin" if "plugin" in name else name
    with pytest.raises(NarrowsError) as refused:
        confining.launcher(place, room(place, run, name, repository_config=False), ACME)
    assert refused.value.message == (
        f"Acme would run what this repository configures in {loaded}, and can't be told not to."
    )
    assert "the sandbox, which hides it" in refused.value.hint


def test_a_link_to_nowhere_counts_as_well(place: Workplace, run: Run) -> None:
    made = room(place, run, repository_config=False)
    (made.tree / ".acme.toml").symlink_to("/nowhere")
    with pytest.raises(NarrowsError, match=r"in \.acme\.toml"):
        confining.launcher(place, made, ACME)


def test_where_there_is_nothing_to_load_it_starts(place: Workplace, run: Run) -> None:
    made = room(place, run, ".acme/rules.md", repository_config=False)
    assert confining.launcher(place, made, ACME) == (processes.launch, "")


LOOK = "cat .acme/plugin/x.js .acme.toml 2>/dev/null; ls .acme/plugin; cat notes.txt .acme/rules.md"


@pytest.mark.parametrize("trusted", [False, True])
def test_in_the_sandbox_it_is_hidden_and_stays_in_the_tree(place: Workplace, run: Run, trusted: bool) -> None:
    files = (".acme/plugin/x.js", ".acme.toml", ".acme/rules.md")
    made = room(place, run, *files, repository_config=trusted, sandbox=True)
    launch, confined_by = confining.launcher(place, made, ACME)
    assert confined_by == "bubblewrap"
    seen = output(launch, made, LOOK)
    assert seen == ("evil\nevil\nx.js\none\nevil\n" if trusted else "one\nevil\n")
    assert [(made.tree / name).read_text() for name in files] == ["evil\n"] * 3


def test_nothing_starts_unconfined_where_a_sandbox_is_wanted_and_there_is_none(
    place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = room(place, run, sandbox=True)
    monkeypatch.setattr(sandbox, "available", lambda: None)
    monkeypatch.setattr(sandbox, "why_not", lambda: "There is none.")
    with pytest.raises(NarrowsError) as refused:
        confining.launcher(place, made, ACME)
    assert refused.value.message == "This project's agents are to be confined. There is none."
