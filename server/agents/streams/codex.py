"""Codex: `codex exec --json`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from server.agents.streams.node import Node, spoken
from server.agents.streams.reader import EventReader, Growing, Tries, error_words, path_of, tokens
from server.agents.transcripts import Transcript
from server.agents.turns import one_line

STATES = {"in_progress": "running", "completed": "completed", "failed": "failed", "declined": "failed"}
KINDS = {
    "command_execution": "execute",
    "file_change": "edit",
    "mcp_tool_call": "other",
    "collab_tool_call": "think",
    "web_search": "fetch",
}
TRIES_AGAIN = "Reconnecting"
SHELL = ("-c", "-lc")
TITLE_FROM = 4096  # characters of a command that its title is made from


class CodexReader(EventReader):
    """Tokens are those of the whole session; it tells no cost."""

    def __init__(self, transcript: Transcript, tries: Tries) -> None:
        super().__init__(transcript, tries)
        self._growing = Growing()
        self._unfinished: tuple[str, str] | None = None

    def take(self, kind: str, event: Node) -> bool:
        match kind:
            case "thread.started":
                self.begin(event["thread_id"])
            case "turn.started":
                pass
            case "item.started" | "item.updated" | "item.completed":
                self._item(event["item"], ended=kind == "item.completed")
            case "turn.completed":
                self.recover()
                self.usage = _usage(event["usage"])
            case "turn.failed":
                self.fail(error_words(event["error"]) or self.error)
            case "error":
                self._error(error_words(event))
            case _:
                return False
        return True

    def end(self) -> None:
        """What it was about to say when it was cut short is said."""
        if self._unfinished:
            self.say(self._unfinished[1])
        super().end()

    def _item(self, item: Node, *, ended: bool) -> None:
        match item["type"].text:
            case "agent_message" | "assistant_message":
                self._message(item, ended=ended)
            case "reasoning":
                if ended:
                    self.think(item["text"].text)
            case "todo_list":
                self.plan(_step(each) for each in item["items"].items)
            case "error":
                if ended:
                    self.transcript.notice(one_line(error_words(item["message"])))
            case "":
                pass
            case kind:
                self._tool(kind, item, ended=ended)

    def _message(self, item: Node, *, ended: bool) -> None:
        key, text = item["id"].text, item["text"].text
        if not ended:
            self._unfinished = (key, text)
            return
        self.say(text)
        if self._unfinished and self._unfinished[0] == key:
            self._unfinished = None

    def _tool(self, kind: str, item: Node, *, ended: bool) -> None:
        key = self.key(item["id"])
        declined = item["status"].text == "declined"
        state = STATES.get(item["status"].text, "completed" if ended else "running")
        title, tool, path = _described(kind, item)
        output = _output(item)
        if not ended and not self._growing.worth(key, output):
            output = ""
        self.call(key, title=title, tool=tool, state=state, output=output, path=path)
        if not ended:
            return
        self._growing.forget(key)
        if declined:
            self.transcript.question(key, title=title, tool=tool, state="refused")
        elif kind == "file_change" and state == "completed":
            for change in item["changes"].items:
                if change["kind"].text != "delete":
                    self.file(path_of(change["path"]))

    def _error(self, words: str) -> None:
        if words.startswith(TRIES_AGAIN):
            self.tries.failed(words)
        else:
            self.fail(words)


def _described(kind: str, item: Node) -> tuple[str, str, str]:
    """The title, the kind and the path of a tool call."""
    describe = _DESCRIBED.get(kind)
    tool = KINDS.get(kind, "other")
    if kind == "file_change":
        changes = item["changes"].items
        if changes and all(change["kind"].text == "delete" for change in changes):
            tool = "delete"
        return f"{tool.capitalize()} {_paths(item)}".strip(), tool, path_of(changes[0]["path"]) if changes else ""
    return (describe(item) if describe else kind.replace("_", " ")), tool, ""


def _paths(item: Node) -> str:
    return ", ".join(filter(None, (path_of(change["path"]) for change in item["changes"].items)))


def _command(item: Node) -> str:
    """The command without the shell around it."""
    command = item["command"].text
    try:
        words = shlex.split(command[:TITLE_FROM])
    except ValueError:
        return command
    return words[2] if len(words) == 3 and words[1] in SHELL else command


def _mcp(item: Node) -> str:
    return f"{item['server'].text}: {item['tool'].text}"


def _search(item: Node) -> str:
    return f"Search {item['query'].text}".strip()


_DESCRIBED: Mapping[str, Callable[[Node], str]] = {
    "command_execution": _command,
    "mcp_tool_call": _mcp,
    "web_search": _search,
}


def _output(item: Node) -> str:
    if item["error"]:
        return error_words(item["error"])
    return item["aggregated_output"].text or spoken(item["result"]["content"])


def _step(item: Node) -> tuple[str, str]:
    return "completed" if item["completed"].true else "pending", item["text"].text


def _usage(used: Node) -> dict[str, Any]:
    """Its input counts what came from the cache, and what went there, once more."""
    counted = tokens(
        input=used["input_tokens"],
        output=used["output_tokens"],
        cache_read=used["cached_input_tokens"],
        cache_write=used["cache_write_input_tokens"],
        reasoning=used["reasoning_output_tokens"],
    )
    if "input" in counted:
        cached = counted.get("cache_read", 0) + counted.get("cache_write", 0)
        counted["input"] = max(0, counted["input"] - cached)
    return counted
