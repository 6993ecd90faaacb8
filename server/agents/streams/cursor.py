"""Cursor: `cursor-agent -p --output-format stream-json`.

Unproven: written from its public documentation and from streams that others describe, as the program needs an account
to be installed and run. What it may name in several ways is looked for under each of its names.
"""

from __future__ import annotations

from server.agents.streams.node import Node, read_object, spoken
from server.agents.streams.reader import EventReader, Tries, dollars, error_words, path_of, tokens
from server.agents.transcripts import Transcript
from server.agents.turns import one_line

KINDS = {
    "read": "read",
    "ls": "read",
    "readLints": "read",
    "write": "edit",
    "edit": "edit",
    "editNotebook": "edit",
    "applyPatch": "edit",
    "strReplace": "edit",
    "delete": "delete",
    "grep": "search",
    "glob": "search",
    "semSearch": "search",
    "codebaseSearch": "search",
    "shell": "execute",
    "webFetch": "fetch",
    "fetch": "fetch",
    "webSearch": "fetch",
    "task": "think",
    "createPlan": "think",
}
TODOS = ("updateTodos", "todoWrite")
TELLING = ("command", "path", "filePath", "pattern", "globPattern", "query", "searchTerm", "url", "description")
PATHS = ("path", "filePath", "targetFile")
OUTPUTS = ("content", "output", "message", "diffString")
FAILURES = ("error", "failure", "rejected", "permissionDenied", "timeout")
REFUSALS = ("rejected", "permissionDenied")
SUFFIX = "ToolCall"


class CursorReader(EventReader):
    """Tokens, where its version tells them, are those of the turn."""

    def __init__(self, transcript: Transcript, tries: Tries) -> None:
        super().__init__(transcript, tries)
        self._pieces = ""
        self._thought = False

    def take(self, kind: str, event: Node) -> bool:
        match kind:
            case "system":
                self.begin(event["session_id"])
            case "user":
                pass
            case "assistant":
                self._assistant(event)
            case "thinking":
                self._think(event)
            case "tool_call":
                self._tool(event)
            case "result":
                self._result(event)
            case "error":
                self.fail(error_words(event))
            case _:
                return False
        return True

    def _think(self, event: Node) -> None:
        if event["text"].text:
            self.transcript.thought(event["text"].text)
            self._thought = True
        elif self._thought and event["subtype"].text == "completed":
            self.transcript.thought("\n\n")
            self._thought = False

    def _assistant(self, event: Node) -> None:
        """A whole message; or, when asked for, its pieces, with the whole once more behind them."""
        text = spoken(event["message"]["content"])
        if event["timestamp_ms"].number is not None and not event["model_call_id"].text:
            if self._pieces:
                self.transcript.message(text)
            else:
                self.say(text)
            self._pieces += text
            return
        if not (self._pieces and self._pieces.strip().endswith(text.strip())):
            self.say(text)
        self._pieces = ""

    def _tool(self, event: Node) -> None:
        name, call = _call(event["tool_call"])
        given, result = call["args"], call["result"]
        if name in TODOS:
            steps = result["success"]["todos"].items or given["todos"].items
            self.plan((step["status"].text, step["content"].text) for step in steps)
            return
        key, tool = self.key(event["call_id"]), KINDS.get(name, "other")
        path = next((found for word in PATHS if (found := path_of(given[word]))), "")
        title = _title(name, given)
        if event["subtype"].text != "completed":
            self.call(key, title=title, tool=tool, state="running", path=path)
            return
        self._pieces = ""
        failed = _failed(result)
        state = "failed" if failed else "completed"
        self.call(key, title=title, tool=tool, state=state, output=_output(result), path=path)
        if refusal := next((result[word] for word in REFUSALS if result[word].value is not None), None):
            self.transcript.question(key, title=title, tool=tool, state="refused", text=one_line(_why(refusal)))
        elif tool == "edit" and not failed:
            self.file(path)

    def _result(self, event: Node) -> None:
        self.begin(event["session_id"])
        words = event["result"].text
        if event["is_error"].true or event["subtype"].text not in ("success", ""):
            self.fail(words or error_words(event["error"]) or event["subtype"].text)
        else:
            self.recover()
            # The result joins all that was said in the turn: it's news only where nothing was.
            if not self.transcript.summary:
                self.say(words)
        used = event["usage"]
        counted = tokens(
            input=used["inputTokens"],
            output=used["outputTokens"],
            cache_read=used["cacheReadTokens"],
            cache_write=used["cacheWriteTokens"],
        )
        self.usage = {**counted, **dollars(event["total_cost_usd"])}


def _call(union: Node) -> tuple[str, Node]:
    """The name of the tool that was called, and the call: an object whose only member is named after its tool."""
    for member, call in union.members:
        if member == "function":
            given = call["arguments"]
            parsed = read_object(given.text) or given
            return call["name"].text, Node({"args": parsed.value, "result": call["result"].value})
        if member.endswith(SUFFIX):
            return Node(member.removesuffix(SUFFIX)).text, call
    return "", Node(None)


def _title(name: str, given: Node) -> str:
    if name == "mcp":
        server = given["providerIdentifier"].text or given["server"].text
        return f"{server}: {given['toolName'].text or given['tool'].text or given['name'].text}"
    about = next((text for word in TELLING if (text := given[word].text)), "")
    return about if KINDS.get(name) == "execute" and about else f"{name} {about}".strip()


def _failed(result: Node) -> bool:
    if any(result[word].value is not None for word in FAILURES):
        return True
    return bool(result["success"]["exitCode"].value)


def _output(result: Node) -> str:
    told = next((result[word] for word in ("success", *FAILURES) if result[word].value is not None), result)
    streams = "\n".join(filter(None, (told["stdout"].text, told["stderr"].text)))
    found = next((text for word in OUTPUTS if (text := spoken(told[word]))), "")
    return streams or found or _why(told)


def _why(told: Node) -> str:
    return told["reason"].text or told["errorMessage"].text or error_words(told)
