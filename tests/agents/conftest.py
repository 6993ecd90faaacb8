"""A desk's corner for one agent: a worktree, a run folder, a home, and a way to give it a turn."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from server.agents import demo
from server.agents.acp import AcpAgent
from server.agents.environment import environment
from server.agents.protocol import Agent, AgentSpec, Outcome, Turn, Update
from server.domain.transcript import Entry, EntryKind
from server.engine import processes
from server.reading import transcript_text
from tests.support.processes import carrying, wait_gone

# What every scripted agent needs: `ask()` reads the next message, `answer(message, result)` and `tell(update)` speak.
SPEAK = """
import json, os, sys, time, signal
def ask():
    line = sys.stdin.readline()
    if not line: sys.exit(0)
    return json.loads(line)
def send(message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def answer(message, result): send({"id": message["id"], "result": result})
def tell(update): send({"method": "session/update", "params": {"sessionId": "s1", "update": update}})
def text(words): tell({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": words}})
def greet(load=False): answer(ask(), {"protocolVersion": 1, "agentCapabilities": {"loadSession": load}})
def begin():
    greet(); answer(ask(), {"sessionId": "s1"}); return ask()
"""


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
    def entries(self) -> list[Entry]:
        """The transcript as it was written."""
        lines = (self.folder / "transcript.jsonl").read_text().splitlines()
        entries = [entry for line in lines if (entry := Entry.read(line))]
        assert len(entries) == len(lines)
        return entries

    @property
    def transcript(self) -> str:
        """The transcript as a person reads it."""
        return "".join(transcript_text.pieces(self.entries))

    def told(self, kind: EntryKind) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind is kind]

    @property
    def stream(self) -> list[str]:
        """What was exchanged with the agent, line by line."""
        return (self.folder / "stream.jsonl").read_text().splitlines()

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
        **wishes: Any,
    ) -> Outcome:
        """Gives `agent` one turn; it is stopped as soon as an update satisfies `stop_when`.

        `wishes` are other fields of the turn.
        """

        async def run() -> Outcome:
            stop = asyncio.Event()

            def hear(update: Update) -> None:
                self.heard.append(update)
                if stop_when and stop_when(update):
                    stop.set()

            turn = Turn(prompt, self.worktree, self.folder, environment(home=self.home), timeout, session, fallback)
            return await agent.turn(replace(turn, **wishes), processes.launch, hear, stop)

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


def scripted(program: str, *, patience: float = 10, farewell: float = 0.3, **spec: Any) -> AcpAgent:
    """An agent for ACP that is a Python program given as text; quick to lose patience. `spec`: more of its spec."""
    argv = (sys.executable, "-I", "-c", program)
    return AcpAgent(
        AgentSpec(**{"name": "scripted", "family": "acp", "argv": argv, **spec}), patience=patience, farewell=farewell
    )


@pytest.fixture
def demo_agent() -> AcpAgent:
    return AcpAgent(AgentSpec("demo", "acp", (sys.executable, "-I", demo.__file__)), farewell=0.5)
