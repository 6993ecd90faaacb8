"""What an agent's reply says to each of the comments that it was sent.

It was asked to write `Comment 12: …`. What comes is a paragraph, a list item or a heading of that kind, in bold or
not, with or without the comment's place; a bare `12.` counts where it can mean nothing else.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST = 200_000  # characters of a reply, from its end, that are looked through

_parser = MarkdownIt("commonmark", {"html": False}).disable(["inline", "reference"])
_ITEM = r"^\s*(?:[-*+]\s+|\d{1,9}[.)]\s+)*(?:\[[ xX]\]\s+)?(?:#{1,6}\s+)?"
_OPEN = r"(?P<open>[*_`\[(]{0,8})"
_CLOSE = r"[*_`\])]{0,8}"
_COUNT = r"(?:\s*[,&+/]\s*|\s*,?\s+and\s+)(?:comment\s+)?#?\d{1,9}"
_PLACE = r"(?:\s*(?:\([^()]*\)|(?:,|on|in|at|about|regarding|re)\s(?:`[^`]*`|[^`:—–]){0,300}?))?"
_SAID = r"(?:\s*(?:[:—–]+|-+(?=\s|$)|\.(?=\s|$))\s*|\s*$)(?P<said>.*)$"
_NAMED = re.compile(
    rf"{_ITEM}{_OPEN}(?:(?:re|answer to|reply to|response to):?\s+)?comments?\s+(?P<numbers>#?\d{{1,9}}(?:{_COUNT})*)"
    rf"(?P<close>{_CLOSE}{_PLACE}{_CLOSE}){_SAID}",
    re.IGNORECASE,
)
_HEADING = re.compile(rf"{_ITEM}{_OPEN}comments?\s+#?(?P<numbers>\d{{1,9}})\b", re.IGNORECASE)
_BARE = re.compile(
    rf"^\s*(?:[-*+]\s+)?{_OPEN}(?P<mark>#?)(?P<numbers>\d{{1,9}})(?P<close>{_CLOSE}[.):]+[*_]{{0,8}})\s+(?P<said>.*)$"
)
_DIGITS = re.compile(r"\d+")


_KIND = re.compile(r"[\s*_`\[(]*(fixed|done|declined|question)\b", re.IGNORECASE)


def kind(answer: str) -> str:
    """What an answer is, where it begins with its word: fixed, declined or question; else empty."""
    match = _KIND.match(answer)
    word = match[1].lower() if match else ""
    return "fixed" if word == "done" else word


@dataclass(frozen=True)
class _Start:
    """Where an answer begins: the line, the comments that it is for, what the line itself says."""

    line: int
    numbers: tuple[int, ...]
    said: str


@dataclass(frozen=True)
class _Line:
    """A line of the reply's own prose. `end`: where the list item that it opens ends, or else the reply."""

    number: int
    end: int
    level: int  # of the heading that it is; 0: none


def answers(reply: str, numbers: Collection[int]) -> dict[int, str]:
    """The reply's words to each comment that it answers, as markdown.

    Args:
        reply: Markdown.
        numbers: The comments that can be meant. What is said to others is nobody's answer.
    """
    return _read(reply, numbers)[0]


def besides(reply: str, numbers: Collection[int]) -> str:
    """What of the reply answers no comment."""
    return _read(reply, numbers)[1]


def _read(reply: str, numbers: Collection[int]) -> tuple[dict[int, str], str]:
    lines = reply[-LONGEST:].replace("\r\n", "\n").split("\n")
    own, ends = _own_lines(lines)
    starts = _named(lines, own) or _bare(lines, own, numbers)
    limits = [start.line for start in starts[1:]] + [len(lines)] * bool(starts)
    found: dict[int, str] = {}
    rest = [True] * len(lines)
    for start, limit in zip(starts, limits, strict=True):
        end = _end(own[start.line], ends, limit)
        said = _said(start.said, lines[start.line + 1 : end])
        for number in set(start.numbers) & set(numbers):
            if said:
                found[number] = f"{found[number]}\n\n{said}" if number in found else said
                rest[start.line : end] = [False] * (end - start.line)
    return found, "\n".join(line for line, kept in zip(lines, rest, strict=True) if kept).strip()


def _own_lines(lines: list[str]) -> tuple[dict[int, _Line], list[_Line]]:
    """The lines that are the agent's own prose, no quotation and no code; and those that end what stands above them."""
    own: dict[int, _Line] = {}
    ends: list[_Line] = []
    quotes, items = 0, [(0, len(lines))]
    for token in _parser.parse("\n".join(lines)):
        first, last = token.map or (0, 0)
        if token.type in ("blockquote_open", "blockquote_close"):
            quotes += token.nesting
        elif token.type == "list_item_open":
            items.append((first, last))
        elif token.type == "list_item_close":
            items.pop()
        elif token.type in ("heading_open", "hr") and token.level == 0:
            ends.append(_Line(first, last, _level(token)))
        if token.type == "inline" and not quotes:
            for number in range(first, last):
                item, end = items[-1]
                own[number] = _Line(number, end if item == number else items[0][1], 0)
    for heading in ends:
        if heading.number in own:
            own[heading.number] = heading
    return own, ends


def _level(token: Token) -> int:
    return int(token.tag[1:]) if token.type == "heading_open" else 0


def _named(lines: list[str], own: dict[int, _Line]) -> list[_Start]:
    """Those that say "Comment 12"."""
    starts = []
    for place in sorted(own):
        if match := _NAMED.match(lines[place]):
            starts.append(_Start(place, _numbers(match), _first_words(match)))
        elif own[place].level and (match := _HEADING.match(lines[place])):
            starts.append(_Start(place, _numbers(match), ""))
    return starts


def _bare(lines: list[str], own: dict[int, _Line], numbers: Collection[int]) -> list[_Start]:
    """Those that only say "12.", if all of them can be meant. A list that counts from 1 is just a list."""
    matches = [(place, match) for place in sorted(own) if (match := _BARE.match(lines[place]))]
    meant = [_numbers(match) for _, match in matches]
    counting = (1,) in meant and not all(match["mark"] for _, match in matches)
    if counting or len(set(meant)) < len(meant) or not {number for found in meant for number in found} <= set(numbers):
        return []
    return [_Start(place, _numbers(match), _first_words(match)) for place, match in matches]


def _numbers(match: re.Match[str]) -> tuple[int, ...]:
    return tuple(map(int, _DIGITS.findall(match["numbers"])))


def _first_words(match: re.Match[str]) -> str:
    """The rest of the first line, with the emphasis that began before the comment's name ended or taken up again."""
    said, opened = match["said"], match["open"].strip("[(`")
    if opened and said.startswith(opened):
        return said.removeprefix(opened).lstrip()
    return said if not opened or opened in match["close"] else f"{opened}{said}"


def _end(start: _Line, ends: list[_Line], following: int) -> int:
    """Where the answer that begins with a line ends, at the latest where the one after it begins."""
    heading = start.level or 6
    limits = [end.number for end in ends if end.number > start.number and end.level <= heading]
    return min([following, *limits] if start.level else [following, start.end, *limits])


def _said(first: str, others: list[str]) -> str:
    return f"{first.strip()}\n{textwrap.dedent(chr(10).join(others))}".strip()
