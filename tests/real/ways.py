"""The ways in which Narrows drives the real agents, and a Narrows of its own for any of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from server.agents.known import KNOWN
from server.agents.protocol import AgentSpec
from server.agents.retries import TRIES_AGAIN
from server.git import keeper
from tests.real import homes
from tests.real.model import ScriptedModel
from tests.real.programs import Programs, cache
from tests.real.scripts import BLOCKING, FOREVER
from tests.support.processes import carrying, wait_until
from tests.support.repositories import Repository
from tests.support.server import Server

T = TypeVar("T")
Answer = dict[str, Any]

SAMPLE = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "test_calc.py": "from calc import add\n\nassert add(2, 3) == 5\nprint('1 passed')\n",
    ".gitignore": "__pycache__/\n",
}
CHECK = "python3 test_calc.py"
COMPILED = cache() / "compiled"  # what node makes of the agents' scripts, once
GONE_WITHIN = 5.0  # seconds
STARTS_AT_ONCE = 3  # more of them would only be slower, and what the agents do meanwhile, too


@dataclass(frozen=True, slots=True)
class Way:
    """One entry of Narrows' table of agents, and the programs that it takes."""

    name: str
    agent: str
    way: str
    programs: tuple[str, ...]

    def __str__(self) -> str:
        return self.name

    @property
    def spec(self) -> AgentSpec:
        return next(spec for spec in KNOWN if (spec.name, spec.way) == (self.agent, self.way))


WAYS = (
    Way("claude-adapter", "claude", "adapter", ("claude", "claude-agent-acp")),
    Way("claude-native", "claude", "native", ("claude",)),
    Way("codex-adapter", "codex", "adapter", ("codex", "codex-acp")),
    Way("codex-native", "codex", "native", ("codex",)),
    Way("gemini-acp", "gemini", "acp", ("gemini",)),
    Way("qwen-acp", "qwen", "acp", ("qwen",)),
    Way("opencode-acp", "opencode", "acp", ("opencode",)),
)


class Shop:
    """A server in a clean HOME, a project with a bug, and a model for the agents of `ways`."""

    def __init__(self, folder: Path, programs: Programs, ways: tuple[Way, ...], model: ScriptedModel, url: str) -> None:
        self.model = model
        self.programs = programs
        self.home = folder / "home"
        self.repository = Repository.make(folder, files=SAMPLE)
        self.server = Server(folder / "data")
        self.server.data.mkdir()
        self.server.env = {
            **homes.make(self.home, url, *{way.agent for way in ways}),
            "PATH": programs.path(*{name: None for way in ways for name in way.programs}),
            "NARROWS_AGENTS": "12",
            "NARROWS_BUDGET": "0",
        }
        env = f'env = {{ NODE_COMPILE_CACHE = "{COMPILED}" }}'
        sections = [f'[agents.{way}]\nbased_on = "{way.agent}"\nway = "{way.way}"\n{env}\n' for way in ways]
        (self.server.data / "config.toml").write_text("\n".join(sections))
        self.server.start()
        self.project: int = self.server.post(
            "/api/projects", {"path": str(self.repository.path), "checks": [CHECK], "agents_limit": 12}
        )["id"]

    def file(self, way: Way, script: str, title: str = "Mend add", **marks: str) -> int:
        """A task whose brief tells the model what to play; its number."""
        told = " ".join(f"[[{name}:{value}]]" for name, value in {"script": script, **marks}.items())
        task = {"project_id": self.project, "title": title, "brief": f"As agreed: {told}", "agent": way.name}
        number: int = self.server.post("/api/tasks", task)["id"]
        return number

    def runs(self, task: int) -> list[Answer]:
        """The task's runs with all their fields, oldest first."""
        briefs = self.server.get(f"/api/tasks/{task}")["runs"]
        return [self.server.get(f"/api/runs/{brief['id']}") for brief in briefs]

    def failing(self, run: Answer) -> tuple[float, float]:
        """Seconds of an ended run until its model was first heard to fail, and from then to its end."""
        lines = (self.server.data / "runs" / str(run["id"]) / "transcript.jsonl").read_text().splitlines()
        heard = [entry["at"] for entry in map(json.loads, lines) if entry.get("text", "").startswith(TRIES_AGAIN)]
        started, ended = (datetime.fromisoformat(run[name]).timestamp() for name in ("started_at", "ended_at"))
        silent = (heard[0] if heard else ended) - started
        return silent, ended - started - silent

    def change(self, task: int) -> Answer | None:
        changes = self.server.get(f"/api/tasks/{task}")["changes"]
        found: Answer | None = self.server.get(f"/api/changes/{changes[-1]['id']}") if changes else None
        return found

    def rests(self, task: int, revision: int = 1, seconds: float = 120) -> Answer:
        """The task's change once it is in review with that revision; fails when it needs attention instead."""

        def look() -> Answer | None:
            change = self.change(task)
            if change and change["state"] == "needs_attention":
                raise AssertionError(f"{change['note']}\n{self.story(task)}")
            ready = change and change["state"] == "in_review" and change["revisions"][-1]["number"] == revision
            return change if ready else None

        return self.until(look, seconds, lambda: self.story(task))

    def needs_attention(self, task: int, seconds: float = 120) -> Answer:
        """The task's change once it needs attention."""

        def look() -> Answer | None:
            change = self.change(task)
            return change if change and change["state"] == "needs_attention" else None

        return self.until(look, seconds, lambda: self.story(task))

    def until(self, look: Callable[[], T | None], seconds: float, otherwise: Callable[[], str]) -> T:
        """What `look` answers once that is something; asked again after each event, and now and then."""
        assert self.server.http is not None
        deadline = time.monotonic() + seconds
        with self.server.http.stream("GET", "/api/events", timeout=httpx2.Timeout(seconds)) as events:
            for line in events.iter_lines():
                if (line.startswith(("data:", ":")) or not line) and (answer := look()) is not None:
                    return answer
                assert time.monotonic() < deadline, f"not within {seconds:g} s: {otherwise()}"
        raise AssertionError("the events ended")

    def story(self, task: int) -> str:
        """All that is known of a task, for the message of a failed test."""
        told = [f"the model was asked {self.model.told()}"]
        for run in self.runs(task):
            said = self.server.get(f"/api/runs/{run['id']}/transcript")["text"]
            errors = self.server.data / "runs" / str(run["id"]) / "stderr.log"
            told += [str({**run, "prompt": "…"}), said[-4000:], errors.read_text()[-2000:] if errors.exists() else ""]
        return "\n".join(told)

    def processes(self) -> list[int]:
        """All that runs with this shop's HOME, but for the server itself, and while it runs its keeper."""
        server = self.server.process
        found = [pid for pid in carrying(f"HOME={self.home}") if not server or pid != server.pid]
        if server and server.poll() is None:
            return [pid for pid in found if keeper.__file__ not in _command_line(pid)]
        return found

    def tools(self) -> list[int]:
        """The tools of "block" and "resume" that wait for ever."""
        return [pid for pid in self.processes() if any(line in _command_line(pid) for line in FOREVER)]

    def blocked(self) -> list[int]:
        """The tools of a run, once the model has asked for them and both of them wait."""
        self.model.wait_for(lambda requests: any(request.play.step == BLOCKING for request in requests))
        return wait_until(
            lambda: tools if len(tools := self.tools()) >= len(FOREVER) else None, "no tool was started", 60
        )

    def gone(self) -> float:
        """Seconds until nothing runs any more; fails when that takes too long."""
        began = time.monotonic()
        wait_until(lambda: not self.processes(), f"left: {self.processes()}", GONE_WITHIN)
        return time.monotonic() - began


class Stage:
    """Where shops are opened: programs, and a folder for each."""

    def __init__(self, programs: Programs, new_folder: Callable[[str], Path]) -> None:
        self.programs = programs
        self._new_folder = new_folder
        self._starting = threading.Semaphore(STARTS_AT_ONCE)

    @contextmanager
    def open(self, *ways: Way, url: str | None = None) -> Iterator[Shop]:
        """A shop for some ways, with a model of its own, or an address where there is none."""
        folder = self._new_folder("-".join(way.name for way in ways)[:40])
        with ExitStack() as closing:
            model = closing.enter_context(ScriptedModel())
            with self._starting:
                shop = Shop(folder, self.programs, ways, model, url or model.url())
            closing.callback(shop.server.stop)
            yield shop


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:  # gone meanwhile
        return ""
