"""The demo agent: a program of its own that speaks ACP, with no model behind it, and says so.

It takes exactly the path of real agents, so that Narrows can be tried, and tested, without a key or a network. What
it does is plain and the same each time: it obeys the directives in the prompt (see `parse`), applies suggestions in
comments, or writes the docstrings that public Python functions and classes lack.

Started by file path as `python -I demo.py`; imports the standard library and `acp` only.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import acp
from acp.schema import (
    AgentCapabilities,
    Implementation,
    InitializeResponse,
    LoadSessionResponse,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    ToolCallLocation,
    ToolCallUpdate,
)

GREETING = "Demo agent: no model is behind this, only fixed rules."
VERSION = "1"
AGAIN = "This turn was broken off in the middle"  # how Narrows begins when it asks for the same turn once more
MOST_FILES = 20  # files that one turn of docstrings touches
OUTPUT_KEPT = 8 * 1024  # bytes of a command's output that are shown
CHUNK = 64  # characters of a message sent at once, as a model would


# Reading the prompt


@dataclass(frozen=True, slots=True)
class Directive:
    """One line `word: argument` of a prompt, with the fenced blocks that belong to it by their labels."""

    word: str
    argument: str
    blocks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remark:
    """A review comment: the place, and the text that is suggested for it (None: none is)."""

    path: str
    first: int
    last: int
    suggestion: str | None


BLOCKS = {"write": ("",), "append": ("",), "replace": ("old", "new")}
WORDS = ("run", "write", "append", "replace", "delete", "say", "wait", "ask", "fail", "crash")
_DIRECTIVE = re.compile(rf"^\s*({'|'.join(WORDS)})(?::\s*(.*?)\s*|\s*)$")
_COMMENT = re.compile(r"^## Comment (\d+) ", re.MULTILINE)
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([^`]*?)\s*$")
_PLACE = re.compile(r"(?<![\w/.])([\w@+.-][\w@+./-]*\.\w+|\w+\.\w+):(\d+)(?:\s*[-–]\s*(\d+))?")


def parse(prompt: str) -> list[Directive]:
    """The directives in `prompt`, in order.

    `run: CMD`, `write: PATH` and `append: PATH` with a fenced block of content, `replace: PATH` with the blocks `old`
    and `new` (the words after the fence), `delete: PATH`, `say: TEXT`, `wait: SECONDS`, `ask: TITLE`, `fail: MESSAGE`
    and `crash`. Fenced blocks that belong to none of them are not looked into.
    """
    found: list[Directive] = []
    lines = iter(prompt.splitlines())
    for line in lines:
        fence = _FENCE.match(line)
        match = _DIRECTIVE.match(line)
        if fence:
            _block(lines, fence[1])
        elif match and (match[2] or match[1] == "crash"):
            labels = BLOCKS.get(match[1], ())
            found.append(Directive(match[1], match[2] or "", _blocks(lines, labels)))
    return found


def remarks(prompt: str) -> list[Remark]:
    """The places `path:line` or `path:first-last` in `prompt`, with what is suggested below each, if anything.

    That is a ```suggestion block with the new lines, or a ```diff block that replaces the old ones by them.
    """
    found: list[Remark] = []
    lines = iter(prompt.splitlines())
    for line in lines:
        fence = _FENCE.match(line)
        if fence:
            text = _block(lines, fence[1])
            kind = fence[2].split(" ")[0]
            if kind in ("suggestion", "diff") and found and found[-1].suggestion is None:
                last = found.pop()
                found.append(Remark(last.path, last.first, last.last, _added(text) if kind == "diff" else text))
            continue
        for place in _PLACE.finditer(line):
            first = int(place[2])
            found.append(Remark(place[1], first, max(first, int(place[3] or first)), None))
    return found


def numbered(prompt: str) -> list[tuple[int, str]]:
    """The comments of a review, each as its number and its section of the prompt."""
    headings = [*_COMMENT.finditer(prompt)]
    ends = [*(heading.start() for heading in headings[1:]), len(prompt)]
    return [(int(each[1]), prompt[each.start() : end]) for each, end in zip(headings, ends, strict=False)]


def _added(patch: str) -> str:
    """The lines that a patch of one hunk adds."""
    _, _, rows = patch.partition("\n@@ ")
    return "".join(f"{row[1:]}\n" for row in rows.splitlines()[1:] if row.startswith("+"))


def _blocks(lines: Iterator[str], labels: tuple[str, ...]) -> dict[str, str]:
    blocks: dict[str, str] = {}
    for label in labels:
        for line in lines:
            fence = _FENCE.match(line)
            if fence:
                blocks[label] = _block(lines, fence[1])
                break
            if line.strip():
                break
    return blocks


def _block(lines: Iterator[str], fence: str) -> str:
    content: list[str] = []
    for line in lines:
        if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            break
        content.append(f"{line}\n")
    return "".join(content)


# Writing docstrings


def documented(source: str, wanted: Callable[[int, int], bool] | None = None) -> str:
    """`source` with a docstring for each public function and class that has none.

    `wanted(first, last)` limits it to definitions on those lines. Raises SyntaxError (or ValueError) when `source` is
    no Python.
    """
    lines = _lines(source)
    for node in sorted(_undocumented(ast.parse(source)), key=lambda node: -node.lineno):
        first = node.body[0]
        if first.lineno == node.lineno or (wanted and not wanted(node.lineno, node.end_lineno or node.lineno)):
            continue
        start = min([first.lineno, *(item.lineno for item in getattr(first, "decorator_list", []))])
        indent = re.match(r"\s*", lines[start - 1])
        ending = "\r\n" if lines[start - 1].endswith("\r\n") else "\n"
        spacing = ending if isinstance(node, ast.ClassDef) and not isinstance(first, ast.Pass) else ""
        lines.insert(start - 1, f'{indent[0] if indent else ""}"""{describe(node)}"""{ending}{spacing}')
    return "".join(lines)


def describe(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    """A sentence from the name and the signature, as far as they tell anything."""
    words = " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", node.name)).lower() or node.name
    if isinstance(node, ast.ClassDef):
        bases = [ast.unparse(base) for base in node.bases]
        return f"{words.capitalize()}{', a kind of ' + bases[0] if bases else ''}."
    arguments = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    names = [f"`{name}`" for name in arguments if name not in ("self", "cls")]
    sentence = words.capitalize()
    if names:
        sentence += " of " + (" and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0])
    returns = ast.unparse(node.returns) if node.returns else ""
    return f"{sentence}; returns {returns}." if returns and returns != "None" else f"{sentence}."


def _lines(source: str) -> list[str]:
    """The lines as Python's parser counts them: a form feed, for one, ends none."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", source)


def _undocumented(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node, clean=False) is None:
            yield node
        if isinstance(node, ast.ClassDef):
            waiting += node.body


def python_files(root: Path) -> Iterator[Path]:
    """The Python files of a project, in order; tests, hidden folders and installed packages left out."""
    skipped = {"node_modules", "venv", "build", "dist", "tests", "test", "site-packages"}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in skipped and not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if name.endswith(".py") and not name.startswith(("test_", "conftest")) and not path.is_symlink():
                yield path


# The agent


class Failure(Exception):
    """The prompt asked for a failure."""


@dataclass
class Session:
    """One conversation: where it works, and what was asked so far. Kept as JSON, so that it can be loaded again.

    `task` tells the newest turn from others, `over` whether it came to its end; `steps` are its edits: by their number
    in the turn, the file and its text after it (None: deleted), written down before they are made.
    """

    id: str
    cwd: Path
    prompts: list[str] = field(default_factory=list)
    task: str = ""
    over: bool = True
    steps: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    working: asyncio.Task[Any] | None = None

    def save(self) -> None:
        folder = sessions_folder()
        folder.mkdir(parents=True, exist_ok=True)
        turn = {"task": self.task, "over": self.over, "steps": list(self.steps.items())}
        text = json.dumps({"cwd": str(self.cwd), "prompts": self.prompts, **turn})
        (folder / f"{self.id}.new").write_text(text, encoding="utf-8")
        (folder / f"{self.id}.new").replace(folder / f"{self.id}.json")

    @classmethod
    def load(cls, id: str, cwd: Path) -> Session:
        """Raises OSError, ValueError, KeyError or TypeError where there is none."""
        if not id.isalnum():
            raise ValueError(id)
        kept = json.loads((sessions_folder() / f"{id}.json").read_text(encoding="utf-8"))
        steps = {int(number): (str(name), text) for number, (name, text) in kept.get("steps", ())}
        prompts = [str(prompt) for prompt in kept["prompts"]]
        return cls(id, cwd, prompts, str(kept.get("task", "")), bool(kept.get("over", True)), steps)

    def begin(self, task: str, *, again: bool) -> None:
        """A turn begins. It is the last one if that is about the same and was broken off, as far as we know or as we
        are told `again`; what was asked before and done is otherwise to be done once more.
        """
        if task != self.task or (self.over and not again):
            self.task, self.steps = task, {}
        self.over = False

    def did(self, number: int, name: str, text: str | None) -> bool:
        """Whether the file, with this text, has seen that step before the turn was broken off."""
        return (name, text) in (step for each, step in self.steps.items() if each >= number)


def sessions_folder() -> Path:
    """Where sessions are kept."""
    named = os.environ.get("NARROWS_SESSIONS")
    return Path(named) if named else Path.home() / ".local/share/narrows-demo"


class Demo:
    """The agent's side of the protocol."""

    def __init__(self) -> None:
        self.client: Any = None
        self.sessions: dict[str, Session] = {}

    def on_connect(self, conn: Any) -> None:
        self.client = conn

    async def initialize(self, **_: Any) -> InitializeResponse:
        return InitializeResponse(
            protocol_version=acp.PROTOCOL_VERSION,
            agent_capabilities=AgentCapabilities(load_session=True),
            agent_info=Implementation(name="demo", title="Demo agent (no model)", version=VERSION),
        )

    async def new_session(self, cwd: str, **_: Any) -> NewSessionResponse:
        session = Session(uuid.uuid4().hex, Path(cwd))
        self.sessions[session.id] = session
        session.save()
        return NewSessionResponse(session_id=session.id)

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> LoadSessionResponse:
        """Loads a session, and tells it again as the protocol wants."""
        try:
            session = Session.load(session_id, Path(cwd))
        except (OSError, ValueError, KeyError, TypeError):
            raise acp.RequestError(-32002, f"There is no session {session_id}.") from None
        self.sessions[session_id] = session
        for prompt in session.prompts:
            await self.client.session_update(session_id, acp.update_user_message_text(prompt))
        return LoadSessionResponse()

    async def cancel(self, session_id: str, **_: Any) -> None:
        session = self.sessions.get(session_id)
        if session and session.working:
            session.working.cancel()

    async def prompt(self, prompt: list[Any], session_id: str, **_: Any) -> PromptResponse:
        session = self.sessions.get(session_id)
        if session is None:
            raise acp.RequestError(-32002, f"There is no session {session_id}.")
        text = "\n".join(block.text for block in prompt if getattr(block, "text", None))
        session.working = asyncio.ensure_future(Worker(self.client, session).work(text))
        try:
            await session.working
            session.over = True
        except asyncio.CancelledError:
            return PromptResponse(stop_reason="cancelled")
        except Failure as failure:
            raise acp.RequestError(-32603, str(failure)) from None
        finally:
            session.working = None
            session.prompts.append(text)
            session.save()
        return PromptResponse(stop_reason="end_turn")


class Worker:
    """The work of one turn."""

    def __init__(self, client: Any, session: Session) -> None:
        self.client = client
        self.session = session
        self.root = session.cwd
        self.done: list[str] = []
        self.edits = 0

    async def work(self, prompt: str) -> None:
        """Does what `prompt` says, and closes with what was done."""
        await self.say(f"{GREETING} Turn {len(self.session.prompts) + 1} of this conversation.\n\n")
        directives, comments = parse(prompt), remarks(prompt)
        self.session.begin(repr((directives, comments)), again=AGAIN in prompt)
        if directives:
            await self.obey(directives)
        elif self.session.prompts or comments:
            await self.answer(comments)
        else:
            await self.document()
        if self.done:
            await self.say(f"Done: {'; '.join(self.done)}.")
        for number, section in numbered(prompt):
            await self.say(f"\n\nComment {number}: {self.reply(section)}")

    def reply(self, section: str) -> str:
        """What became of the comment in that section of the prompt."""
        edited = {name for told in self.done for name in [told.partition("edited ")[2]] if name}
        if parse(section) or any(remark.path in edited for remark in remarks(section)):
            return "fixed: as told."
        return "declined: I have no model, and there is no suggestion or directive that I could follow."

    async def obey(self, directives: list[Directive]) -> None:
        """Follows the directives one after the other, with a plan if there are several."""
        steps = [f"{directive.word} {directive.argument}".strip() for directive in directives]
        for number, directive in enumerate(directives):
            await self.plan(steps, number)
            await self.follow(directive)
        await self.plan(steps, len(steps))

    async def follow(self, directive: Directive) -> None:
        argument, block = directive.argument, directive.blocks.get("", "")
        match directive.word:
            case "run":
                await self.run(argument)
            case "write":
                await self.edit(argument, lambda _: block)
            case "append":
                await self.edit(argument, lambda old: (old or "") + block)
            case "replace":
                await self.replace(directive)
            case "delete":
                await self.edit(argument, lambda _: None)
            case "say":
                await self.say(f"{argument}\n")
            case "wait":
                await asyncio.sleep(float(argument))
            case "ask":
                allowed = await self.ask(uuid.uuid4().hex[:8], argument, "other")
                self.done.append(f"{argument}: {'allowed' if allowed else 'refused'}")
            case "fail":
                raise Failure(argument)
            case _:  # crash
                os.kill(os.getpid(), signal.SIGKILL)

    async def replace(self, directive: Directive) -> None:
        old, new = directive.blocks.get("old", ""), directive.blocks.get("new", "")

        def change(text: str | None) -> str:
            if not old or old not in (text or ""):
                raise LookupError
            return (text or "").replace(old, new, 1)

        try:
            await self.edit(directive.argument, change)
        except (LookupError, UnicodeDecodeError):
            await self.say(f"{directive.argument} does not hold the text to replace.\n")

    async def answer(self, comments: list[Remark]) -> None:
        """Applies what comments suggest; where they suggest nothing, a docstring is all that it can offer."""
        by_path: dict[str, list[Remark]] = {}
        for remark in comments:
            by_path.setdefault(remark.path, []).append(remark)
        for path, of_file in by_path.items():
            with suppress(SyntaxError, ValueError):
                await self.edit(path, partial(_reviewed, comments=of_file))
        if not self.done:
            await self.say("I have no model, so I can't do this: give me suggestions or directives to follow.")

    async def document(self) -> None:
        for path in python_files(self.root):
            if len(self.done) >= MOST_FILES:
                break
            with suppress(SyntaxError, ValueError, OSError):
                await self.edit(str(path.relative_to(self.root)), lambda old: documented(old or ""))
            await asyncio.sleep(0)
        if not self.done:
            await self.say("Every public function and class here has its docstring already: nothing to do.")

    async def edit(self, name: str, change: Callable[[str | None], str | None]) -> None:
        """Puts `change` of the file's text in its place, with the diff shown; None deletes it. Never twice in one turn,
        however often that is begun.
        """
        path = self.root / name
        number, self.edits = self.edits, self.edits + 1
        if not path.resolve().is_relative_to(self.root.resolve()):
            await self.say(f"{name} is outside the worktree: I leave it alone.\n")
            return
        old = path.read_bytes().decode("utf-8") if path.is_file() else None
        if self.session.did(number, name, old):
            self.done.append(f"had changed {name}")
            return
        new = change(old)
        if new == old:
            return
        self.session.steps[number] = (name, new)
        self.session.save()
        call = uuid.uuid4().hex[:8]
        verb = "Write" if old is None else "Delete" if new is None else "Edit"
        await self.update(
            acp.start_tool_call(
                call,
                f"{verb} {name}",
                kind="delete" if new is None else "edit",
                status="in_progress",
                locations=[ToolCallLocation(path=str(path))],
                content=[acp.tool_diff_content(str(path), new or "", old)],
            )
        )
        if new is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(new.encode("utf-8"))
        await self.update(acp.update_tool_call(call, status="completed"))
        self.done.append(f"{'wrote' if old is None else 'deleted' if new is None else 'edited'} {name}")

    async def run(self, command: str) -> None:
        """Runs a command in the worktree, when it may."""
        call = uuid.uuid4().hex[:8]
        await self.update(acp.start_tool_call(call, command, kind="execute", status="pending"))
        if not await self.ask(call, command, "execute"):
            await self.update(acp.update_tool_call(call, status="failed"))
            self.done.append(f"was not allowed to run {command}")
            return
        output = b""
        async with _Shell(command, self.root) as process:
            assert process.stdout
            while data := await process.stdout.read(4096):
                output = (output + data)[-OUTPUT_KEPT:]
            code = await process.wait()
        shown = acp.tool_content(acp.text_block(output.decode("utf-8", "replace")))
        await self.update(acp.update_tool_call(call, status="failed" if code else "completed", content=[shown]))
        self.done.append(f"ran {command}" + (f", which ended with exit code {code}" if code else ""))

    async def ask(self, call: str, title: str, kind: Any) -> bool:
        options = [
            PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
            PermissionOption(option_id="no", name="Reject", kind="reject_once"),
        ]
        raw = {"command": title} if kind == "execute" else None
        question = ToolCallUpdate(tool_call_id=call, title=title, kind=kind, raw_input=raw)
        answer = await self.client.request_permission(self.session.id, question, options)
        return getattr(answer.outcome, "option_id", None) == "yes"

    async def plan(self, steps: list[str], current: int) -> None:
        if len(steps) < 2:
            return
        entries = [acp.plan_entry(step, status=_status(n, current)) for n, step in enumerate(steps)]
        await self.update(acp.update_plan(entries))

    async def say(self, text: str) -> None:
        for start in range(0, len(text), CHUNK):
            await self.update(acp.update_agent_message_text(text[start : start + CHUNK]))

    async def update(self, update: Any) -> None:
        await self.client.session_update(self.session.id, update)


def _status(number: int, current: int) -> Literal["completed", "in_progress", "pending"]:
    if number == current:
        return "in_progress"
    return "completed" if number < current else "pending"


def _reviewed(old: str | None, comments: list[Remark]) -> str | None:
    """The text after `comments`: suggestions replace their lines, other lines get the docstring that they miss."""
    if old is None:
        return None
    lines = _lines(old)
    for remark in sorted(comments, key=lambda remark: -remark.first):
        if remark.suggestion is not None and remark.last <= len(lines):
            lines[remark.first - 1 : remark.last] = [remark.suggestion]
    text = "".join(lines)
    if text != old or any(remark.suggestion is not None for remark in comments):
        return text
    return documented(
        text, lambda first, last: any(first <= remark.last and remark.first <= last for remark in comments)
    )


class _Shell:
    """A shell command as an asynchronous context, which ends it and its children on the way out."""

    def __init__(self, command: str, cwd: Path) -> None:
        self.command = command
        self.cwd = cwd

    async def __aenter__(self) -> asyncio.subprocess.Process:
        self.process = await asyncio.create_subprocess_shell(
            self.command,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self.process

    async def __aexit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


def main() -> None:
    """Speaks ACP over standard input and output until the input ends; `--version` only says its version."""
    if sys.argv[1:] == ["--version"]:
        print(f"demo {VERSION} (no model)")  # noqa: T201
        return
    asyncio.run(acp.run_agent(Demo()))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
