"""A model on 127.0.0.1 that does what a script says, for real agents: it speaks four providers' wire formats."""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

from tests.real import tools
from tests.real.scripts import BLOCKING, Cut, Fail, Play, Say, Step, play
from tests.real.wire import Answer, Call, Event, Json, Question, Usage, Wire, anthropic, chat, gemini, responses

T = TypeVar("T")

WIRES: dict[str, tuple[re.Pattern[str], Wire]] = {
    "anthropic": (re.compile(r"/messages$"), anthropic),
    "chat": (re.compile(r"/chat/completions$"), chat),
    "responses": (re.compile(r"/responses$"), responses),
    "gemini": (re.compile(r":(streamG|g)enerateContent$"), gemini),
}
COUNTS = re.compile(r"/messages/count_tokens$|:countTokens$")
MODELS = {"object": "list", "data": [{"id": "scripted", "type": "model", "object": "model"}], "models": []}
FORCED = re.compile(r"/s/([\w.-]+)(/.*)")
CUT_AFTER = 4  # pieces of an answer
WORDS = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the model and what it was answered with; `usage` is None where no answer was."""

    wire: str  # "anthropic", "chat", "responses" or "gemini"
    play: Play
    calls: tuple[Call, ...]
    usage: Usage | None
    headers: dict[str, str]  # names in small letters
    last_result: str  # the last tool result that the agent showed

    @property
    def script(self) -> str | None:
        return self.play.script

    @property
    def number(self) -> int:
        """How many steps of the script came before."""
        return self.play.number


class ScriptedModel:
    """The model, from `with ScriptedModel() as model:` to its end; `usage` is what each answer says it took."""

    def __init__(self, usage: Usage | None = None) -> None:
        self.usage = usage or Usage()
        self.requests: list[Request] = []
        self.troubles: list[str] = []  # what it could not answer, an error of the test
        self.blocked = False  # whether "resume" has blocked
        self._asked = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> ScriptedModel:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert kind or not self.troubles, f"the model was asked for what it can't do: {self.troubles}"

    def url(self, script: str | None = None) -> str:
        """Where it listens, without a slash at the end; every prompt there gets `script` when one is given."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}" + (f"/s/{script}" if script else "")

    def wait_for(self, look: Callable[[list[Request]], T | None], seconds: float = 120) -> T:
        """What `look` answers once that is something; it is shown the requests so far, again after each one."""
        found: list[T] = []

        def seen() -> bool:
            answer = look(self.requests)
            if answer:
                found.append(answer)
            return bool(found)

        with self._asked:
            assert self._asked.wait_for(seen, seconds), f"not asked for within {seconds:g} s: {self.told()}"
        return found[0]

    def wait_for_script(self, script: str) -> None:
        """Waits until an agent has come that has this script in its prompt, whatever it asks first."""
        self.wait_for(lambda requests: any(request.script == script for request in requests))

    def of(self, script: str) -> list[Request]:
        """The requests of one script, without those beside the conversation."""
        return [each for each in list(self.requests) if each.script == script and not each.play.aside]

    def told(self) -> str:
        """The requests in a line, for the message of a failed test."""
        return ", ".join(f"{each.wire} {each.script}/{each.number}" for each in list(self.requests)) or "nothing"

    def hear(self, request: Request) -> None:
        with self._asked:
            self.requests.append(request)
            self._asked.notify_all()

    def plays(self, question: Question, forced: str | None) -> Play:
        """The next step of a conversation; "resume" blocks once in the life of this model."""
        with self._asked:
            played = play(question, forced, self.blocked)
            self.blocked |= played.script == "resume" and played.step == BLOCKING
            return played


@contextmanager
def closed_port() -> Iterator[str]:
    """An address where every connection is refused, and which nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, model: ScriptedModel) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model
        self.closing = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Agents are killed amid an answer: that is no error of the model."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the model keeps its own list."""

    def do_GET(self) -> None:
        self._json(MODELS if self._path().endswith("/models") else {"ok": True})

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self._body()
        path = self._path()
        name = next((name for name, (pattern, _) in WIRES.items() if pattern.search(path)), None)
        if COUNTS.search(path):
            self._json({"input_tokens": 1234, "totalTokens": 1234})
        elif name and body is not None:
            self._converse(name, WIRES[name][1].question(body, path), body.get("model") or "scripted")
        else:
            self._json({"error": {"type": "not_found_error", "message": "not here"}}, 404)

    def _path(self) -> str:
        forced = FORCED.fullmatch(self.path)
        return (forced[2] if forced else self.path).partition("?")[0].rstrip("/")

    def _converse(self, name: str, question: Question, called: str) -> None:
        model, wire = self.server.model, WIRES[name][1]
        forced = FORCED.fullmatch(self.path)
        try:
            played = model.plays(question, forced[1] if forced else None)
            answer = replace(_answer(played, question), model=called, usage=model.usage)
        except LookupError as trouble:
            model.troubles.append(repr(trouble))
            return self._json(wire.error(400, repr(trouble)), 400)
        self._heard(name, question, played, answer)
        if isinstance(played.step, Fail):
            return self._json(wire.error(played.step.status, played.step.sentence), played.step.status)
        if question.stream:
            return self._stream(wire.events(answer), played.step)
        if isinstance(played.step, Cut):
            return self._break()
        return self._json(wire.whole(answer))

    def _heard(self, name: str, question: Question, played: Play, answer: Answer) -> None:
        failed = isinstance(played.step, Fail | Cut)
        self.server.model.hear(
            Request(
                wire=name,
                play=played,
                calls=tuple(answer.calls),
                usage=None if failed else answer.usage,
                headers={name.lower(): value for name, value in self.headers.items()},
                last_result=next((each.text for each in reversed(question.messages) if each.role == "tool"), ""),
            )
        )

    def _stream(self, events: Iterator[Event], step: Step) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        pieces = 0
        for event in events:
            pieces += event.piece
            if isinstance(step, Cut) and pieces == CUT_AFTER:
                return self._break()
            if isinstance(step, Say) and step.seconds and event.piece and self.server.closing.wait(step.seconds):
                return self._break()
            self._send(event)
        self._chunk(b"")
        return None

    def _send(self, event: Event) -> None:
        name = f"event: {event.name}\n" if event.name else ""
        data = event.data if isinstance(event.data, str) else json.dumps(event.data)
        self._chunk(f"{name}data: {data}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _break(self) -> None:
        """Resets the connection: what was sent stays half an answer."""
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True

    def _json(self, content: Json, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _body(self) -> Json | None:
        """The request's JSON; None when it is no JSON object."""
        chunked = "chunked" in self.headers.get("transfer-encoding", "")
        data = b"".join(self._chunks()) if chunked else self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        with suppress(ValueError):
            body = json.loads(data)
            return body if isinstance(body, dict) else None
        return None

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()


def _answer(played: Play, question: Question) -> Answer:
    if question.answer_schema is not None:
        return Answer([json.dumps(_shaped(question.answer_schema))])
    match played.step:
        case Say(text) | Cut(text):
            return Answer(WORDS.findall(text))
        case Fail():
            return Answer()
        case step:
            named = f"Step {played.number}: {type(step).__name__.lower()}"
            return Answer([named], [tools.call(step, question.tools, played.folder)])


def _shaped(schema: Json) -> Json:
    """An object of a schema: the model asks itself which model should answer, or who speaks next."""
    required = schema.get("required") or []
    made = {name: part.get("enum", [None])[0] for name, part in (schema.get("properties") or {}).items()}
    return {name: value if value is not None else "scripted" for name, value in made.items() if name in required}
