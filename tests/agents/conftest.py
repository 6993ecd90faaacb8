"""A desk's corner for one agent: a worktree, a run folder, a home, and a way to give it a turn."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from server.agents import demo
from server.agents.acp import AcpAgent
from server.agents.environment import environment
from server.agents.protocol import Agent, AgentSpec, Outcome, Turn, Update
from server.engine import processes
from tests.support.processes import carrying, wait_gone


@dataclass
class Place:
    """Where a test's agent works, and what was heard from it."""

    worktree: Path
    folder: Path
    home: Path
    heard: list[Update] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        path = self.worktree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        return (self.worktree / name).read_text()

    @property
    def transcript(self) -> str:
        return (self.folder / "transcript.jsonl").read_text()

    def said(self, kind: str) -> list[str]:
        return [update.text for update in self.heard if update.kind == kind]

    def turn(
        self,
        agent: Agent,
        prompt: str = "Please do it.",
        *,
        session: str | None = None,
        fallback: str = "",
        timeout: float = 60,
        stop_when: Callable[[Update], bool] | None = None,
    ) -> Outcome:
        """Gives `agent` one turn; it is stopped as soon as an update satisfies `stop_when`."""

        async def run() -> Outcome:
            stop = asyncio.Event()

            def hear(update: Update) -> None:
                self.heard.append(update)
                if stop_when and stop_when(update):
                    stop.set()

            env = environment(home=self.home)
            turn = Turn(prompt, self.worktree, self.folder, env, timeout, session, fallback)
            return await agent.turn(turn, processes.launch, hear, stop)

        return asyncio.run(run())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The corner; at the end, nothing that the agent started may be left."""
    here = Place(tmp_path / "worktree", tmp_path / "run", tmp_path / "home")
    for folder in (here.worktree, here.folder, here.home):
        folder.mkdir()
    yield here
    wait_gone(carrying(f"NARROWS_RUN={processes.mark(here.folder)}"), seconds=1)
    assert not processes.held(here.folder)


def scripted(program: str, **options: float) -> AcpAgent:
    """An agent for ACP that is a Python program given as text; quick to lose patience."""
    options = {"patience": 10, "farewell": 0.3, **options}
    return AcpAgent(AgentSpec("scripted", "acp", (sys.executable, "-I", "-c", program)), **options)


@pytest.fixture
def demo_agent() -> AcpAgent:
    return AcpAgent(AgentSpec("demo", "acp", (sys.executable, "-I", demo.__file__)), farewell=0.5)
