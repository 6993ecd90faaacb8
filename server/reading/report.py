"""A report as its reader meets it: block by block, each with the lines of the markdown that it comes from."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token
from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from server.reading import markdown, visible

LONGEST_TITLE = 120  # characters
ALIKE = 60  # percent of their text that two blocks have in common if one became the other
LOOKED_AT = 2000  # characters of a block that are compared
FAR = 20  # blocks further down are not what this one was
_MARKER = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
_BOX = re.compile(r"\[([ xX])\][ \t]+")
_SENTENCE = re.compile(r"(?<=[.!?])\s|\n")
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True)
class Item:
    """A list item, as something that could be done. `title`: its first sentence, as plain text; `text`: markdown."""

    title: str
    text: str
    section: str  # the heading above it, as plain text; may be empty
    done: bool = False  # the report itself says so: "- [x]"


@dataclass(frozen=True)
class Block:
    """A paragraph, a heading, a table, one item of a list, … `html` is safe; lines count from 1, both are in it."""

    html: str
    line: int
    end_line: int
    source: str
    item: Item | None = None


@dataclass(frozen=True)
class Passage:
    """A block, and what became of it since an earlier report. A block without a change has no `before`."""

    block: Block
    fresh: bool = False
    before: Block | None = None


@dataclass(frozen=True)
class Gone:
    """A block that the earlier report had here."""

    block: Block


def blocks(text: str) -> list[Block]:
    """A markdown text's blocks, in order. What makes no block (a link's definition, blank lines) belongs to none."""
    plain = visible.plain(text)
    lines = _LINE_END.split(plain)
    section = ""
    found = []
    for tokens, start in _pieces(markdown.parse(plain)):
        line, end = tokens[0].map or (0, 1)
        while end > line + 1 and not lines[end - 1].strip():
            end -= 1
        source = "\n".join(lines[line:end])
        if tokens[0].type == "heading_open":
            section = _words(tokens)
        item = _item(tokens, source, section) if tokens[0].type == "list_item_open" else None
        found.append(Block(_html(tokens, start), line + 1, end, source, item))
    return found


def compare(now: Sequence[Block], before: Sequence[Block]) -> list[Passage | Gone]:
    """The blocks of now, each told apart from those of before; what is gone stands where it was."""
    told: list[Passage | Gone] = []
    fresh: list[Block] = []
    gone: list[Block] = []
    for step in Indel.opcodes([b.source for b in before], [b.source for b in now]):
        if step.tag == "equal":
            told += _replaced(fresh, gone)
            fresh, gone = [], []
            told += [Passage(block) for block in now[step.dest_start : step.dest_end]]
        else:
            gone += before[step.src_start : step.src_end]
            fresh += now[step.dest_start : step.dest_end]
    return [*told, *_replaced(fresh, gone)]


def _replaced(now: Sequence[Block], before: Sequence[Block]) -> list[Passage | Gone]:
    """In order: each block of now is what became of the next one of before that is like it, or is new."""
    told: list[Passage | Gone] = []
    left = list(before)
    for block in now:
        like = next((n for n, old in enumerate(left[:FAR]) if _alike(old.source, block.source)), None)
        if like is None:
            told.append(Passage(block, fresh=True))
        else:
            told += [*map(Gone, left[:like]), Passage(block, before=left[like])]
            del left[: like + 1]
    return [*told, *map(Gone, left)]


def _alike(one: str, other: str) -> bool:
    return fuzz.ratio(one[:LOOKED_AT], other[:LOOKED_AT], score_cutoff=ALIKE) > 0


def _pieces(tokens: Sequence[Token]) -> Iterator[tuple[Sequence[Token], int]]:
    """The tokens block by block, each item of an outermost list for itself, with its number; 0: it has none."""
    at = 0
    while at < len(tokens):
        end = _end(tokens, at)
        if tokens[at].type in ("bullet_list_open", "ordered_list_open"):
            number = int(tokens[at].attrGet("start") or 1) if tokens[at].type == "ordered_list_open" else 0
            inner = at + 1
            while inner < end - 1:
                after = _end(tokens, inner)
                yield tokens[inner:after], number
                number += bool(number)
                inner = after
        else:
            yield tokens[at:end], 0
        at = end


def _end(tokens: Sequence[Token], at: int) -> int:
    """Where what opens at `at` is closed again, and the next begins."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += tokens[place].nesting
        if depth == 0:
            return place + 1
    return len(tokens)


def _html(tokens: Sequence[Token], number: int) -> str:
    if tokens[0].type != "list_item_open":
        return markdown.clean(tokens)
    _unbox(tokens)
    item = markdown.clean(tokens)
    return f'<ol start="{number}">\n{item}</ol>\n' if number else f"<ul>\n{item}</ul>\n"


def _unbox(tokens: Sequence[Token]) -> None:
    """A box that is part of the text goes: a real one stands beside it. That it was ticked is kept."""
    inline = next((token for token in tokens if token.type == "inline"), None)
    if inline is not None and inline.children and (box := _BOX.match(inline.children[0].content)):
        words = inline.children[0].content[box.end() :]
        inline.children[0].content = words if box[1] == " " else f"✓ {words}"


def _item(tokens: Sequence[Token], source: str, section: str) -> Item | None:
    words = _words(tokens)
    box = _BOX.match(words)
    first = _SENTENCE.split(words[box.end() :] if box else words, maxsplit=1)[0].strip().rstrip(".:;,")
    if not first:
        return None
    return Item(_short(first), _item_text(source), section, done=box is not None and box[1] != " ")


def _words(tokens: Sequence[Token]) -> str:
    """The first words in it, a paragraph's or a heading's, as plain text; of code its first line."""
    inline = next((token for token in tokens if token.type == "inline"), None)
    if inline is None:
        content = next((token.content for token in tokens if token.content.strip()), "")
        return content.strip().partition("\n")[0]
    return "".join(_plain(child) for child in inline.children or []).strip()


def _plain(token: Token) -> str:
    match token.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case _:
            return token.content


def _item_text(source: str) -> str:
    """An item's markdown without what makes it an item."""
    marker = _MARKER.match(source)
    first, _, rest = source[marker.end() if marker else 0 :].partition("\n")
    return f"{_BOX.sub('', first) if _BOX.match(first) else first}\n{textwrap.dedent(rest)}".strip()


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1].rstrip()}…"
