"""Writing a transcript: what an agent says and does, as it comes, and the line of the moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from server.agents.logs import BoundedLog
from server.agents.protocol import Hear, Update
from server.agents.turns import one_line, plain
from server.domain.transcript import Entry, EntryKind

KEPT_TEXT = 32 * 1024  # characters of the last message
KEPT_OUTPUT = 64 * 1024  # characters of what one tool answered
KNOWN_TOOLS = 4096  # tool calls that are remembered
FLUSH_AFTER = 0.2  # seconds that a piece of a message waits for its next
PIECE = 1024  # characters of a message that wait at most
ONGOING = ("pending", "in_progress", "running")


class Transcript:
    """Writes the file at `path` and calls `hear`, entry by entry. `close` it at the end.

    Paths are told as they are named in `worktree`, as far as they are in it.
    `summary` is what the agent said last; `busy` says whether it said or did anything, `deeds` counts its tool calls.
    """

    def __init__(self, path: Path, hear: Hear, worktree: Path | None = None) -> None:
        self._log = BoundedLog(path)
        self._hear = hear
        self._root = f"{worktree}/" if worktree else ""
        self._voice: EntryKind | None = None
        self._piece = ""
        self._line = ""
        self._message = ""
        self._earlier = ""
        self._tools: dict[str, Entry] = {}
        self._plan: tuple[tuple[str, str], ...] = ()
        self._timer: asyncio.TimerHandle | None = None
        self.busy = False
        self.deeds = 0

    @property
    def summary(self) -> str:
        """The text since the last tool call, or what came before it when the agent ended on a tool."""
        return plain(self._message).strip() or plain(self._earlier).strip()

    @property
    def full(self) -> bool:
        """Whether it is so long that of what comes only the end will be kept."""
        return self._log.full

    def message(self, text: str) -> None:
        """A piece of what the agent says."""
        self._say(EntryKind.MESSAGE, text)
        self._message = (self._message + text)[-KEPT_TEXT:]

    def thought(self, text: str) -> None:
        """A piece of what it thinks aloud."""
        self._say(EntryKind.THOUGHT, text)

    def paragraph(self, text: str) -> None:
        """A message that is whole, apart from the one before it."""
        if self._message and not self._message.endswith("\n\n"):
            text = ("\n" if self._message.endswith("\n") else "\n\n") + text
        self.message(text)

    def plan(self, steps: Iterable[tuple[str, str]]) -> None:
        """Its list of steps: (pending | in_progress | completed, words)."""
        self.busy = True
        new = tuple((state, one_line(step)) for state, step in steps)
        fresh = [step for state, step in new if state == "in_progress" and (state, step) not in self._plan]
        if new == self._plan:
            return
        self._plan = new
        self._write(Entry(EntryKind.PLAN, time.time(), plan=new))
        if fresh:
            self._hear(Update("plan", fresh[0]))

    def tool(
        self, key: str, *, title: str = "", tool: str = "", state: str = "", output: str = "", path: str = ""
    ) -> None:
        """A tool call, or more of one that is known by `key`; what is left out is as before."""
        self.busy = True
        before = self._tools.get(key)
        known = Entry(
            EntryKind.TOOL,
            time.time(),
            text=_bounded(plain(output)) or (before.text if before else ""),
            id=key,
            title=one_line(title) or (before.title if before else "") or "tool",
            tool=tool or (before.tool if before else "") or "other",
            state=_tool_state(state) or (before.state if before else "pending"),
            path=path.removeprefix(self._root) or (before.path if before else ""),
        )
        if before is None:
            self.deeds += 1
            self._part()
        elif _same(before, known):
            return
        self._remember(known)
        self._write(known)
        if before is None or (before.state != known.state and known.state not in ONGOING):
            self._hear(Update("tool", f"{known.title} ({known.tool}, {known.state})"))

    def file(self, path: str) -> None:
        """A file that it wrote, where it says so beside its tools."""
        self.busy = True
        self._write(Entry(EntryKind.FILE, time.time(), path=path.removeprefix(self._root)))

    def question(self, key: str, *, title: str, tool: str, state: str, text: str = "") -> None:
        """What it asked to be allowed: open, allowed or refused, and why."""
        self._part()
        self._write(
            Entry(EntryKind.QUESTION, time.time(), id=key, title=one_line(title), tool=tool, state=state, text=text)
        )
        said = {"open": "asks you", "allowed": "allowed", "refused": f"refused{': ' if text else ''}{text}"}
        self._hear(Update("permission", f"{one_line(title)}: {said.get(state, state)}"))

    def usage(self, usage: Mapping[str, Any]) -> None:
        """Tokens and cost, as far as they are told."""
        if usage:
            self._write(Entry(EntryKind.USAGE, time.time(), usage=dict(usage)))

    def notice(self, text: str) -> None:
        """Something that Narrows itself has to say."""
        self._write(Entry(EntryKind.NOTICE, time.time(), text=text))
        self._hear(Update("notice", text))

    def known(self, key: str) -> Entry | None:
        """The tool call of that key."""
        return self._tools.get(key)

    def close(self) -> None:
        """Writes what was held back."""
        self._flush()
        self._hear_text(self._line)
        self._line = ""
        self._log.close()

    def _say(self, voice: EntryKind, text: str) -> None:
        if not text:
            return
        self.busy = True
        if voice is not self._voice:
            self._flush()
            self._hear_text(self._line)
            self._voice, self._line = voice, ""
        self._piece += text
        if "\n" in text or len(self._piece) > PIECE:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_AFTER, self._flush)
        *whole, self._line = (self._line + text)[-KEPT_TEXT:].split("\n")
        self._hear_text(next((line for line in reversed(whole) if line.strip()), ""))

    def _part(self) -> None:
        """What is said from here on is another message."""
        if self._message.strip():
            self._earlier = self._message
        self._message = ""

    def _flush(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._piece and self._voice:
            self._log.say(Entry(self._voice, time.time(), text=plain(self._piece)).line() + "\n")
        self._piece = ""

    def _write(self, entry: Entry) -> None:
        self._flush()
        self._hear_text(self._line)
        self._voice, self._line = None, ""
        self._log.say(entry.line() + "\n")

    def _remember(self, entry: Entry) -> None:
        if len(self._tools) >= KNOWN_TOOLS and entry.id not in self._tools:
            self._tools.pop(next(iter(self._tools)))
        self._tools[entry.id] = entry

    def _hear_text(self, line: str) -> None:
        if text := one_line(line):
            self._hear(Update("text", text))


def _tool_state(state: str) -> str:
    return "running" if state == "in_progress" else state


def _same(before: Entry, known: Entry) -> bool:
    return (before.text, before.title, before.tool, before.state, before.path) == (
        known.text,
        known.title,
        known.tool,
        known.state,
        known.path,
    )


def _bounded(text: str) -> str:
    if len(text) <= KEPT_OUTPUT:
        return text
    half = KEPT_OUTPUT // 2
    return f"{text[:half]}\n[… {len(text) - KEPT_OUTPUT} characters left out here …]\n{text[-half:]}"
