"""An ACP agent's updates as a text that a person can read: the transcript, and the line of the moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from acp.schema import (
    AgentMessageChunk,
    AgentPlanUpdate,
    AgentThoughtChunk,
    ContentToolCallContent,
    TextContentBlock,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
)

from server.agents.logs import BoundedLog
from server.agents.protocol import Hear, Update
from server.agents.turns import one_line, plain

KEPT_TEXT = 32 * 1024  # characters of the last message
KEPT_OUTPUT = 20  # lines of what a tool answered
KNOWN_TOOLS = 4096  # tool calls whose titles are remembered
MARKS = {"completed": "✓", "in_progress": "▸"}
Voice = Literal["", "text", "thought"]


class Narration:
    """Writes `log` and calls `hear`, update by update.

    `summary` is what the agent said last; `busy` says whether it said or did anything at all.
    """

    def __init__(self, log: BoundedLog, hear: Hear) -> None:
        self._log = log
        self._hear = hear
        self._voice: Voice = ""
        self._line = ""
        self._fresh = True
        self._message = ""
        self._earlier = ""
        self._tools: dict[str, tuple[str, str, str]] = {}
        self._plan: tuple[str, ...] = ()
        self.busy = False

    @property
    def summary(self) -> str:
        """The text since the last tool call, or what came before it when the agent ended on a tool."""
        return plain(self._message).strip() or plain(self._earlier).strip()

    def hear(self, update: object) -> None:
        """Takes one session update; those that say nothing to a person are passed over."""
        match update:
            case AgentMessageChunk(content=TextContentBlock(text=text)):
                self._say("text", text)
                self._message = (self._message + text)[-KEPT_TEXT:]
            case AgentMessageChunk(content=content):
                self._say("text", f"[{content.type}]")
            case AgentThoughtChunk(content=TextContentBlock(text=text)):
                self._say("thought", text)
            case ToolCallStart() | ToolCallProgress():
                self._tool(update)
            case AgentPlanUpdate(entries=entries):
                self._show_plan([f"{MARKS.get(entry.status, '○')} {one_line(entry.content)}" for entry in entries])
            case _:
                pass

    def permission(self, title: str, allowed: bool, why: str) -> None:
        """Notes what the agent asked for, and the answer."""
        answer = "allowed once" if allowed else f"refused, {why}"
        text = f"{one_line(title)}: {answer}"
        self._write_line(f"? {text}")
        self._hear(Update("permission", text))

    def notice(self, text: str) -> None:
        """Notes something that Narrows itself has to say."""
        self._write_line(f"! {text}")
        self._hear(Update("notice", text))

    def title(self, tool_call_id: str) -> str:
        """What the agent called the tool call; empty when it is unknown."""
        return self._tools.get(tool_call_id, ("", "", ""))[0]

    def kind(self, tool_call_id: str) -> str:
        """The kind of the tool call; empty when it is unknown."""
        return self._tools.get(tool_call_id, ("", "", ""))[1]

    def end(self) -> None:
        """Says what was held back for want of an end of line."""
        self._flush_line()
        if not self._fresh:
            self._write("\n")

    def _say(self, voice: Voice, text: str) -> None:
        if not text:
            return
        self.busy = True
        if voice != self._voice:
            self._flush_line()
            self._write("" if self._fresh else "\n")
            self._write("(thinking) " if voice == "thought" else "")
            self._voice = voice
        self._write(text)
        *whole, self._line = (self._line + text)[-KEPT_TEXT:].split("\n")
        self._hear_text(next((line for line in reversed(whole) if line.strip()), ""))

    def _tool(self, update: ToolCallStart | ToolCallProgress) -> None:
        self.busy = True
        title, kind, status = self._tools.get(update.tool_call_id, ("", "", ""))
        known = (
            one_line(update.title or "") or title or "tool",
            update.kind or kind or "other",
            update.status or status or "pending",
        )
        if len(self._tools) >= KNOWN_TOOLS and update.tool_call_id not in self._tools:
            self._tools.pop(next(iter(self._tools)))
        self._tools[update.tool_call_id] = known
        if known[2] == status or (status and known[2] in ("pending", "in_progress")):
            return
        if self._message.strip():
            self._earlier = self._message
        self._message = ""
        text = f"{known[0]} ({known[1]}, {known[2].replace('_', ' ')})"
        self._write_line(f"• {text}")
        self._hear(Update("tool", text))
        if known[2] in ("completed", "failed") and known[1] == "execute":
            self._show_output(update)

    def _show_output(self, update: ToolCallUpdate | ToolCallStart | ToolCallProgress) -> None:
        for item in update.content or ():
            if isinstance(item, ContentToolCallContent) and isinstance(item.content, TextContentBlock):
                lines = plain(item.content.text).strip().splitlines()
                for line in lines[-KEPT_OUTPUT:]:
                    self._write_line(f"    {line}")

    def _show_plan(self, entries: Sequence[str]) -> None:
        self.busy = True
        changed = [entry for entry in entries if entry not in self._plan]
        self._plan = tuple(entries)
        for entry in changed:
            self._write_line(f"  {entry}")
        current = next((entry for entry in changed if entry.startswith(MARKS["in_progress"])), "")
        if current:
            self._hear(Update("plan", current[2:]))

    def _write_line(self, line: str) -> None:
        self._flush_line()
        self._voice = ""
        self._write(f"{line}\n" if self._fresh else f"\n{line}\n")

    def _flush_line(self) -> None:
        self._hear_text(self._line)
        self._line = ""

    def _hear_text(self, line: str) -> None:
        text = one_line(line)
        if text:
            self._hear(Update("text", text))

    def _write(self, text: str) -> None:
        if text:
            self._log.say(text)
            self._fresh = text.endswith("\n")
