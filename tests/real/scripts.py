"""What the scripted model does, told by marks in the prompt.

The last user message with `[[script:NAME]]` chooses the script, and the number of tool results after it the step. So
a conversation always gets the same answer, however often a client asks again, and agents can run side by side. Other
marks give a script its words: `[[file:a.txt]]`, `[[content:…]]`, `[[command:…]]`. Narrows' prompts hold them amid
much else, and an agent that continues a conversation shows the marks of its earlier turns too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.real.wire import Message, Question

MARK = re.compile(r"\[\[(\w+):([^\]]*)\]\]")
FOLDER = re.compile(
    r"(?:[Ww]orking directory: |working in the directory: |Workspace Directories:\*\*\n +- |<cwd>)(/[^\n<]*)"
)
SIDE_ANSWER = "Fix add in calc"

BUG, FIX = "    return a - b\n", "    return a + b\n"
DOCUMENTED = 'def add(a, b):\n    """Return the sum of a and b."""\n'
FOREVER = "import os, time; os.setsid(); time.sleep(1801)", "import time; time.sleep(1802)"


@dataclass(frozen=True, slots=True)
class Read:
    path: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Puts whole lines in place of whole lines."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Write:
    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Shell:
    command: str


@dataclass(frozen=True, slots=True)
class Say:
    """The last message; `seconds` pass between its words."""

    text: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Fail:
    """An HTTP error instead of an answer."""

    status: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks amid the answer."""

    text: str


Step = Read | Edit | Write | Shell | Say | Fail | Cut

_FIX = (Read("calc.py"), Edit("calc.py", BUG, FIX), Shell("python3 test_calc.py"))
_DOCUMENT = (Read("calc.py"), Edit("calc.py", "def add(a, b):\n", DOCUMENTED), Shell("python3 test_calc.py"))
# One tool in the foreground and one that leaves its process group. `sleep` itself is refused by one of the agents.
BLOCKING = Shell(f"python3 -c '{FOREVER[0]}' & python3 -c '{FOREVER[1]}'")
# Into the home folder without a path that anybody's manners could object to.
STRAYING = Shell("(cd; echo mine > outside.txt; cat .ssh/id; echo strayed) 2>&1")

SCRIPTS: dict[str, tuple[Step, ...]] = {
    "fix": (*_FIX, Say("Fixed add() in calc.py: it subtracted instead of adding. test_calc.py passes.")),
    "followup": (*_DOCUMENT, Say("Added the docstring. Earlier scripts: {earlier}.")),
    "write": (Write("{file}", "{content}\n"), Say("Wrote {file}.")),
    "run": (Shell("{command}"), Say("Ran it.")),
    "report": (Shell("echo '# Report\n\n{content}' > \"$NARROWS_REPORT\""), Say("The report is written.")),
    "hello": (Say("Hello. Earlier scripts: {earlier}."),),
    "block": (BLOCKING, Say("Blocked.")),
    "stray": (STRAYING, *_FIX, Say("Fixed add() in calc.py. There is nothing to see elsewhere.")),
    "resume": (BLOCKING, *_FIX, Say("Carried on. Earlier scripts: {earlier}.")),  # blocks once: see `play`
    "slow": (Say("tick " * 600, seconds=0.5),),
    "http400": (Fail(400, "scripted 400"),),
    "http401": (Fail(401, "scripted 401"),),
    "http429": (Fail(429, "scripted 429"),),
    "http500": (Fail(500, "scripted 500"),),
    "http529": (Fail(529, "scripted 529"),),
    "cut": (Cut("This answer will be cut in the middle of "),),
}


@dataclass(frozen=True, slots=True)
class Play:
    """Where a conversation stands: its script (None: no mark, or a request beside the conversation) and step."""

    script: str | None
    number: int
    step: Step
    marks: dict[str, str]
    earlier: tuple[str, ...]  # the scripts of earlier turns that the agent still shows
    turns: int  # how often the model had spoken before the script's turn
    folder: str  # where the agent works, as it told the model; empty when it did not
    aside: bool  # a title, a suggestion, a choice of model: not the conversation itself


def play(question: Question, forced: str | None = None, blocked: bool = False) -> Play:
    """The step that answers `question`.

    Args:
        question: What the agent asks.
        forced: A script that is played whatever the marks say.
        blocked: "resume" has blocked already, so that it goes on when it is asked for again.

    Raises:
        KeyError: There is no script of that name.
    """
    before, told, after = _split(question.messages)
    marks = dict(MARK.findall(told.text))
    name = forced or marks.get("script")
    earlier = _scripts([*before, told])[: -1 if "script" in marks else None]
    number = sum(message.role == "tool" for message in after)
    aside = not question.tools or question.answer_schema is not None or _another_turn(after)
    step: Step = Say(SIDE_ANSWER)
    if name and (not aside or isinstance(SCRIPTS[name][0], Fail | Cut)):
        steps = SCRIPTS[name][1:] if name == "resume" and blocked else SCRIPTS[name]
        step = _filled(steps[min(number, len(steps) - 1)], {**marks, "earlier": ", ".join(earlier) or "none"})
    return Play(
        script=name,
        number=number,
        step=step,
        marks=marks,
        earlier=earlier,
        turns=sum(message.role == "assistant" for message in before),
        folder=_folder(question),
        aside=aside,
    )


def _split(messages: list[Message]) -> tuple[list[Message], Message, list[Message]]:
    """The messages before the last one with a script, that message (empty where there is none), and those after it."""
    for index in reversed(range(len(messages))):
        if _scripts([messages[index]]):
            return messages[:index], messages[index], messages[index + 1 :]
    return [], Message("user", ""), messages


def _scripts(messages: Sequence[Message]) -> tuple[str, ...]:
    """The scripts that the user's messages name, in order; one message may tell of earlier ones before its own."""
    told = "\n".join(message.text for message in messages if message.role == "user")
    return tuple(value for name, value in MARK.findall(told) if name == "script")


def _folder(question: Question) -> str:
    told = [question.system, *(message.text for message in question.messages if message.role != "tool")]
    found = FOLDER.search("\n".join(told))
    return found[1].strip() if found else ""


def _another_turn(after: Sequence[Message]) -> bool:
    """Whether something else was asked once the script's turn was over; notes beside a tool's result are no turn."""
    return any(before.role == "assistant" and message.role == "user" for before, message in pairwise(after))


def _filled(step: Step, words: dict[str, str]) -> Step:
    """The step with `{name}` replaced by what the marks say."""

    def fill(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), text)

    match step:
        case Write():
            return Write(fill(step.path), fill(step.content))
        case Shell():
            return Shell(fill(step.command))
        case Say():
            return Say(fill(step.text), step.seconds)
        case _:
            return step
