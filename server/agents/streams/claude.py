"""Claude Code: `claude -p --output-format stream-json --verbose`."""

from __future__ import annotations

from datetime import UTC, datetime

from server.agents.streams.node import Node, spoken
from server.agents.streams.reader import EventReader, Tries, dollars, error_words, path_of, remember, retry, tokens
from server.agents.transcripts import Transcript
from server.agents.turns import one_line, plain

KINDS = {
    "Read": "read",
    "NotebookRead": "read",
    "LS": "read",
    "Edit": "edit",
    "MultiEdit": "edit",
    "Write": "edit",
    "NotebookEdit": "edit",
    "Glob": "search",
    "Grep": "search",
    "ToolSearch": "search",
    "Bash": "execute",
    "BashOutput": "execute",
    "KillShell": "execute",
    "Monitor": "execute",
    "WebFetch": "fetch",
    "WebSearch": "fetch",
    "web_fetch": "fetch",
    "web_search": "fetch",
    "Task": "think",
    "Agent": "think",
    "TaskCreate": "think",
    "TaskUpdate": "think",
    "ExitPlanMode": "think",
}
LIMITS = {
    "error_max_turns": "It has reached its largest number of turns.",
    "error_max_budget_usd": "It has reached its largest cost.",
    "error_max_structured_output_retries": "It could not put its answer into the form that was asked for.",
}
TELLING = (
    "command",
    "file_path",
    "notebook_path",
    "path",
    "pattern",
    "query",
    "url",
    "description",
    "subject",
    "skill",
)
CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
COMPARED = 1000  # characters at the end of the result that tell whether it was said before


class ClaudeReader(EventReader):
    """Tokens are those of the turn, the cost is that of the whole session."""

    def __init__(self, transcript: Transcript, tries: Tries) -> None:
        super().__init__(transcript, tries)
        self._refused: dict[str, int] = {}
        self._plans: dict[str, int] = {}

    def take(self, kind: str, event: Node) -> bool:
        match kind:
            case "system":
                self._system(event)
            case "assistant":
                self._assistant(event)
            case "user":
                self._user(event)
            case "rate_limit_event":
                self._limit(event["rate_limit_info"])
            case "result":
                self._result(event)
            case _:
                return False
        return True

    def _system(self, event: Node) -> None:
        match event["subtype"].text:
            case "init":
                self.begin(event["session_id"])
            case "api_retry":
                self.tries.failed(_retry(event))
            case "compact_boundary":
                self.transcript.notice("Its conversation became too long; it goes on with a summary of it.")
            case "permission_denied":
                self._refuse(event, event["message"].text)
            case _:
                pass

    def _assistant(self, event: Node) -> None:
        message = event["message"]
        if event["is_api_error_message"].true or (event["error"] and message["model"].text == "<synthetic>"):
            self._model_error(spoken(message["content"]))
            return
        of_another = bool(event["parent_tool_use_id"].text)
        for block in message["content"].items:
            match block["type"].text:
                case "text" if of_another:
                    self.think(block["text"].text)
                case "text":
                    self.say(block["text"].text)
                case "thinking":
                    self.think(block["thinking"].text)
                case call if call in CALLS:
                    self._call(block)
                case answer if answer.endswith("_tool_result"):
                    self._answer(block)
                case _:
                    pass

    def _user(self, event: Node) -> None:
        for block in event["message"]["content"].items:
            if block["type"].text == "tool_result":
                self._answer(block)

    def _call(self, block: Node) -> None:
        key, name, given = self.key(block["id"]), block["name"].text, block["input"]
        if name == "TodoWrite" and given["todos"].items:
            remember(self._plans, key)
            self.plan((step["status"].text, step["content"].text) for step in given["todos"].items)
            return
        path = path_of(given["file_path"] or given["notebook_path"] or given["path"])
        self.call(key, title=_title(name, given), tool=KINDS.get(name, "other"), state="running", path=path)

    def _answer(self, block: Node) -> None:
        key = self.key(block["tool_use_id"])
        if key in self._plans:
            return
        call = self.transcript.known(key)
        failed = block["is_error"].true
        self.call(key, state="failed" if failed else "completed", output=spoken(block["content"]))
        if call and call.tool == "edit" and not failed:
            self.file(call.path)

    def _refuse(self, event: Node, why: str = "") -> None:
        key = self.key(event["tool_use_id"])
        if key in self._refused:
            return
        remember(self._refused, key)
        name = event["tool_name"].text
        call = self.transcript.known(key)
        title = call.title if call else _title(name, event["tool_input"])
        self.transcript.question(key, title=title, tool=KINDS.get(name, "other"), state="refused", text=one_line(why))

    def _model_error(self, words: str) -> None:
        """What it says in the model's place when the model has failed; whether the turn did, its result tells."""
        self.blame(words)

    def _limit(self, info: Node) -> None:
        if info["status"].text != "rejected":
            return
        self.resets_at = _time(info["resetsAt"])
        until = f" until {self.resets_at:%Y-%m-%d %H:%M} UTC" if self.resets_at else ""
        self.transcript.notice(f"Its limit is reached{until}.")

    def _result(self, event: Node) -> None:
        self.begin(event["session_id"])
        for denial in event["permission_denials"].items:
            self._refuse(denial)
        kind, words = event["subtype"].text, event["result"].text
        if event["is_error"].true or kind.startswith("error"):
            errors = "\n".join(filter(None, map(error_words, event["errors"].items)))
            self.fail(words or LIMITS.get(kind, "") or errors or self.error or kind)
        else:
            self.recover()
            self._conclude(words)
        used = event["usage"]
        counted = tokens(
            input=used["input_tokens"],
            output=used["output_tokens"],
            cache_read=used["cache_read_input_tokens"],
            cache_write=used["cache_creation_input_tokens"],
            reasoning=used["output_tokens_details"]["thinking_tokens"],
        )
        self.usage = {**counted, **dollars(event["total_cost_usd"])}

    def _conclude(self, words: str) -> None:
        """Its result is its last message again, but for the rare turn that shows it nowhere else."""
        last = plain(words).strip()[-COMPARED:]
        if last and last not in self.transcript.summary:
            self.say(words)


def _title(name: str, given: Node) -> str:
    about = next((text for word in TELLING if (text := given[word].text)), "")
    if KINDS.get(name) == "execute" and about:
        return about
    if name.startswith("mcp__"):
        name = ": ".join(name.split("__", 2)[1:])
    return f"{name} {about}".strip()


def _retry(event: Node) -> str:
    reason = " ".join(filter(None, (event["error_status"].compact, event["error"].text.replace("_", " "))))
    return retry(reason, event["attempt"], event["max_retries"])


def _time(seconds: Node) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds.number, UTC) if seconds.number else None
    except (ValueError, OverflowError, OSError):
        return None
