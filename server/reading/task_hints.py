"""What would make a task smaller or clearer, told while it is written; rather silent than wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from server.domain.task import Kind
from server.reading import report

MOST = 3  # hints at once: more are not read
LOOKED_AT = 20_000  # characters of a text
LONGEST_TITLE = 400  # characters of it
LONG = 600  # words of a task that is hardly one
# How a task begins. "Open", "click", "run" are steps of somebody who describes something.
MAKING = re.compile(
    r"(?:add|allow|build|change|cache|clean|convert|correct|create|delete|deprecate|disable|document|drop|enable|expose"
    r"|extend|extract|fix|handle|implement|improve|introduce|log|make|mend|merge|migrate|move|optimi[sz]e|port|print"
    r"|publish|reduce|refactor|remove|rename|reorgani[sz]e|replace|rewrite|show|simplify|sort|speed|split|stop|support"
    r"|switch|translate|turn|update|upgrade|use|validate|wrap|write)\b",
    re.I,
)
VAGUE = re.compile(
    r"(?:improve|enhance|optimi[sz]e|clean up|tidy up|polish|moderni[sz]e|rework|make (?:\S+ ){1,6}better)\b", re.I
)
_SAME = re.compile(
    r"\b(?:it|its|them|their|this|that|these|those|tests?|docs?|documentation|changelog|readme|callers?)\b", re.I
)  # what else is done belongs to it: "and document it", "and add a test"
_AND = re.compile(r"(?:\s*[,;]\s*|\s+)(?:and also|and then|and|also|then|plus|as well as)\s+|\s*;\s+", re.I)
_APART = re.compile(r"[,;]|also|then", re.I)
_OBJECT = re.compile(r"\w+\s+(?:(?:the|an?|all|any|each|every|old|new)\b|[`\"“A-Z])")  # not as in "search and replace"
_ALSO = re.compile(
    r"(?:^|[.!?]\s+)(?:also|in addition|besides|while (?:you are|you're) at it),?\s+([^.!?\n]+)", re.I | re.M
)
_ITEM = re.compile(r"^ {0,3}([-*+]|\d{1,9}[.)]) +(?:\[ \] +)?(\S.*)$", re.M)  # of an outermost list
_CODE = re.compile(r"^```.*?^```", re.M | re.S)
_LEFT = re.compile(r"(?:^|\s)…(?:\s|$)", re.M)
_MEASURE = re.compile(r"\d|`")
_PLACE = re.compile(
    r"`|\w/[\w.]|\w[\w-]\.[a-z]{1,5}\b|[a-z0-9]_\w|[a-z][A-Z]"
    r"|\w\(\)|(?<!\w)--?[a-z]|[\"“„«][^\"”“»\n]{1,200}[\"”“»]|#\d|\b[A-Z]{3,20}\b"
)
_EXAMPLE = re.compile(
    r"\b(?:for example|for instance|e\.g\.|such as|gives|returns|prints|instead of)|->|=>|→|```", re.I
)
_DONE = re.compile(r"\b(?:done when|so that|should|must|pass(?:es)?|expected|no longer|until)\b", re.I)


@dataclass(frozen=True)
class Hint:
    """One sentence that says what to do; `name` is the rule's."""

    name: str
    sentence: str


def hints(
    title: str,
    brief: str = "",
    examples: str = "",
    done_when: str = "",
    kind: str = Kind.DIRECTED,
    *,
    typing: bool = False,
) -> list[Hint]:
    """What to do about a task before it is given to an agent, most worth it first, and `MOST` at most.

    Args:
        typing: Somebody is at it: what only a title lacks is no news.
    """
    title, brief, examples, done_when = (text[:LOOKED_AT] for text in (title, brief, examples, done_when))
    title = " ".join(title.split())[:LONGEST_TITLE]
    if not title:
        return []
    found = [*_of_what_is_there(title, brief, examples, done_when)]
    if not typing or any(text.strip() for text in (brief, examples, done_when)):
        found += _of_what_is_missing(f"{title}\n{brief}", examples, done_when, kind)
    return found[:MOST]


def _of_what_is_there(title: str, brief: str, examples: str, done_when: str) -> Iterator[Hint]:
    if len(several := tasks_in(title, brief)) > 1:
        yield Hint("several", f"This looks like {len(several)} tasks: split it, and each is read and landed by itself.")
    whole = f"{title}\n{brief}\n{examples}\n{done_when}"
    if _LEFT.search(whole):
        yield Hint("left", "Put words where the template left its “…”.")
    if (vague := VAGUE.match(title)) and not _MEASURE.search(whole):
        yield Hint("vague", f"“{vague[0]}” can mean anything: say what you want to see or measure afterwards.")
    if (words := len(whole.split())) > LONG:
        yield Hint("long", f"It has {words} words: small tasks come back sooner. What of it can be a task of its own?")


def _of_what_is_missing(text: str, examples: str, done_when: str, kind: str) -> Iterator[Hint]:
    if kind == Kind.RESEARCH:
        return
    if not _PLACE.search(f"{text}\n{examples}\n{done_when}"):
        yield Hint("place", "It names no place: a file, a function or the exact message saves the agent a search.")
    if kind == Kind.DIRECTED and not examples.strip() and not _EXAMPLE.search(text):
        yield Hint("example", "Give an example: what goes in, and what should come out.")
    if not done_when.strip() and not _DONE.search(text):
        yield Hint("done", "Say how you will see that it is done.")


def tasks_in(title: str, brief: str) -> list[str]:
    """What a task asks for that seems to be a task of its own, each in the words that ask for it; one: it is one.

    Lists count where their items begin as tasks do: examples and steps of a report don't.
    """
    listed = [item for item in _ITEM.finditer(_CODE.sub("", brief)) if _asks(item[2])]
    if sum(item[1][0].isdigit() for item in listed) > 1 or len(listed) > 2:  # two bullets are often two sides of one
        return [item[2].strip() for item in listed]
    return [*_joined(title), *(also[1].strip() for also in _ALSO.finditer(brief) if _asks(also[1]))]


def parts(title: str, brief: str) -> list[report.Item]:
    """What a task that is to be split is split into: its brief's list, else what is joined by "and"; one: nothing."""
    blocks = report.blocks(brief[:LOOKED_AT])
    if len(items := [block.item for block in blocks if block.item and not block.item.done]) > 1:
        return items
    return [report.Item(f"{each[:1].upper()}{each[1:]}", "", "") for each in tasks_in(title, brief)]


def context(brief: str) -> str:
    """What a brief says besides its list: markdown, for each of the parts."""
    return "\n\n".join(block.source for block in report.blocks(brief[:LOOKED_AT]) if block.item is None)


def _joined(title: str) -> list[str]:
    """The title's tasks: "Add weeks and rename `parse`" has two, "Add and remove tags" one."""
    found = [""]
    end = 0
    for joint in _AND.finditer(title):
        left, right = title[end : joint.start()].strip(), _AND.split(title[joint.end() :], maxsplit=1)[0]
        apart = _APART.search(joint[0]) is not None or _OBJECT.match(right) is not None
        if apart and len(left.split()) > 1 and _asks(left) and _asks(right):
            found[-1] = left
            found.append("")
            end = joint.end()
    found[-1] = title[end:].strip()
    return found


def _asks(text: str) -> bool:
    """Whether it begins as a task does, and is about something of its own."""
    return MAKING.match(text.strip()) is not None and len(text.split()) > 1 and not _SAME.search(text)


def of_fields(fields: Mapping[str, str], *, typing: bool = False) -> list[Hint]:
    """`hints` of a form's fields, by their names; others are left aside."""
    title, brief, examples, done_when = (fields.get(name, "") for name in ("title", "brief", "examples", "done_when"))
    return hints(title, brief, examples, done_when, fields.get("kind", Kind.DIRECTED), typing=typing)
