"""pi: `pi -p --mode json`."""

from __future__ import annotations

from server.agents.streams.node import Node, spoken
from server.agents.streams.reader import EventReader, Growing, Tries, error_words, path_of, retry, tokens
from server.agents.transcripts import Transcript
from server.agents.turns import one_line

KINDS = {
    "read": "read",
    "ls": "read",
    "edit": "edit",
    "write": "edit",
    "bash": "execute",
    "grep": "search",
    "find": "search",
}
COST_DIGITS = 9  # after the point, so that a sum shows no error of its addition
TELLING = ("command", "path", "pattern", "query", "url")


class PiReader(EventReader):
    """Tokens and cost are those of the turn: the sum over its messages."""

    def __init__(self, transcript: Transcript, tries: Tries) -> None:
        super().__init__(transcript, tries)
        self._growing = Growing()
        self._said = False
        self._thought = False

    def take(self, kind: str, event: Node) -> bool:
        match kind:
            case "session":
                self.begin(event["id"])
            case "message_start":
                self._said = self._thought = False
            case "message_update":
                self._update(event["assistantMessageEvent"])
            case "message_end":
                self._message(event["message"])
            case "tool_execution_start" | "tool_execution_update" | "tool_execution_end":
                self._tool(kind.removeprefix("tool_execution_"), event)
            case "auto_retry_start":
                reason = error_words(event["errorMessage"])
                self.tries.failed(retry(reason, event["attempt"], event["maxAttempts"]))
            case "auto_retry_end":
                if event["success"].value is False:
                    self.fail(error_words(event["finalError"]))
            case "compaction_start" | "auto_compaction_start":
                self.transcript.notice("Its conversation became too long; it goes on with a summary of it.")
            case "extension_error":
                self.transcript.notice(f"One of its extensions failed: {one_line(error_words(event['error']))}")
            case "agent_start" | "agent_end" | "turn_start" | "turn_end":
                pass
            case _:
                return False
        return True

    def _update(self, update: Node) -> None:
        match update["type"].text:
            case "text_start" if self._said:
                self.transcript.message("\n\n")
            case "text_delta":
                self._say(update["delta"].text)
            case "thinking_delta":
                self.tries.answered()
                self.transcript.thought(update["delta"].text)
                self._thought = True
            case "thinking_end" if self._thought:
                self.transcript.thought("\n\n")
                self._thought = False
            case _:
                pass

    def _say(self, piece: str) -> None:
        if self._said:
            self.transcript.message(piece)
        elif piece.strip():
            self.say(piece)
            self._said = True

    def _message(self, message: Node) -> None:
        if message["role"].text != "assistant":
            return
        if not self._said:
            self.say(spoken(message["content"]))
        self._said = False
        self._add(message["usage"])
        match message["stopReason"].text:
            case "error":
                self.fail(error_words(message["errorMessage"]) or "Its model failed.")
            case "aborted":
                self.fail(error_words(message["errorMessage"]) or "It was stopped.")
            case _:
                self.recover()

    def _add(self, used: Node) -> None:
        counted = tokens(
            input=used["input"],
            output=used["output"],
            cache_read=used["cacheRead"],
            cache_write=used["cacheWrite"],
            reasoning=used["reasoning"],
        )
        # Zero is also what it says of a model whose price it doesn't know.
        if cost := used["cost"]["total"].number:
            counted["cost"] = cost
            self.usage["currency"] = "USD"
        for name, amount in counted.items():
            self.usage[name] = round(self.usage.get(name, 0) + amount, COST_DIGITS)

    def _tool(self, moment: str, event: Node) -> None:
        key, name, given = self.key(event["toolCallId"]), event["toolName"].text, event["args"]
        tool, path = KINDS.get(name, "other"), path_of(given["path"])
        match moment:
            case "start":
                self.call(key, title=_title(name, given), tool=tool, state="running", path=path)
            case "update":
                output = spoken(event["partialResult"]["content"])
                if self._growing.worth(key, output):
                    self.call(key, title=_title(name, given), tool=tool, state="running", output=output)
            case _:
                self._growing.forget(key)
                failed = event["isError"].true
                state, output = "failed" if failed else "completed", spoken(event["result"]["content"])
                self.call(key, tool=tool, state=state, output=output)
                call = self.transcript.known(key)
                if call and tool == "edit" and not failed:
                    self.file(call.path)


def _title(name: str, given: Node) -> str:
    about = next((text for word in TELLING if (text := given[word].text)), "")
    return about if KINDS.get(name) == "execute" and about else f"{name} {about}".strip()
