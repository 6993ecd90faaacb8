"""An ACP agent's updates in the words of every transcript."""

from __future__ import annotations

from acp.schema import (
    AgentMessageChunk,
    AgentPlanUpdate,
    AgentThoughtChunk,
    ContentToolCallContent,
    FileEditToolCallContent,
    TextContentBlock,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
)

from server.agents.transcripts import Transcript

TOOLS = frozenset({"read", "edit", "delete", "move", "search", "execute", "think", "fetch"})


def narrate(update: object, transcript: Transcript) -> None:
    """Write one session update down; those that say nothing to a person are passed over."""
    match update:
        case AgentMessageChunk(content=TextContentBlock(text=text)):
            transcript.message(text)
        case AgentMessageChunk(content=content):
            transcript.message(f"[{content.type}]")
        case AgentThoughtChunk(content=TextContentBlock(text=text)):
            transcript.thought(text)
        case ToolCallStart() | ToolCallProgress():
            _tool(update, transcript)
        case AgentPlanUpdate(entries=entries):
            transcript.plan((entry.status, entry.content) for entry in entries)
        case _:
            pass


def tool_kind(kind: str | None) -> str:
    """The kind of a tool in our words."""
    return kind if kind in TOOLS else "other" if kind else ""


def paths(call: ToolCallUpdate | ToolCallStart | ToolCallProgress) -> list[str]:
    """The files that a tool call says it is about."""
    located = [location.path for location in call.locations or ()]
    return located + [item.path for item in call.content or () if isinstance(item, FileEditToolCallContent)]


def _tool(update: ToolCallStart | ToolCallProgress, transcript: Transcript) -> None:
    transcript.tool(
        update.tool_call_id,
        title=update.title or "",
        tool=tool_kind(update.kind),
        state=update.status or "",
        output=_output(update),
        path=next(iter(paths(update)), ""),
    )


def _output(update: ToolCallStart | ToolCallProgress) -> str:
    texts = [
        item.content.text
        for item in update.content or ()
        if isinstance(item, ContentToolCallContent) and isinstance(item.content, TextContentBlock)
    ]
    return "\n".join(texts)
