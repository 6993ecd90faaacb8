"""Suggestions: a fenced block in a comment that says what the commented lines should be instead.

```suggestion
the new lines
```
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from server.reading import markdown

WORD = "suggestion"
AROUND = 3  # lines of a patch's surroundings
_TICKS = re.compile(r"`+")
_ESCAPES = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a comment's body: markdown, or the lines that a suggestion puts in the place of the commented ones."""

    text: str = ""
    instead: list[str] | None = None


def parts(body: str) -> list[Part]:
    """A comment's body, cut at its suggestions. Only those that stand at the body's top level are any."""
    lines = body.split("\n")
    found: list[Part] = []
    at = 0
    for token in markdown.parse(body):
        if token.type == "fence" and token.level == 0 and token.info.strip() == WORD and token.map:
            _say(found, lines[at : token.map[0]])
            found.append(Part(instead=token.content.removesuffix("\n").split("\n") if token.content else []))
            at = token.map[1]
    _say(found, lines[at:])
    return found


def _say(found: list[Part], lines: Sequence[str]) -> None:
    if text := "\n".join(lines).strip("\n"):
        found.append(Part(text))


def fence(text: str) -> str:
    """The block that suggests `text`."""
    ticks = "`" * max(3, *(len(run) + 1 for run in _TICKS.findall(text)), 0)
    return f"{ticks}{WORD}\n{text}\n{ticks}" if text else f"{ticks}{WORD}\n{ticks}"


def patch(path: str, content: str, line: int, end_line: int, instead: Sequence[str]) -> str:
    """A unified diff that `git apply` takes, with the lines `line` to `end_line` (from 1) of a file replaced.

    Args:
        path: The file's name, of any bytes, as `os.fsdecode` gives it.
        content: All of the file; its line ends are kept, and new lines get the one of the first line replaced.
        instead: The new lines, without their ends.
    """
    lines = content.split("\n")
    ended = lines[-1] == ""
    if ended:
        lines.pop()
    first, last = line - 1, end_line
    end = "\r" if lines[first].endswith("\r") else ""
    start, stop = max(0, first - AROUND), min(len(lines), last + AROUND)
    new = [f"{each}{end}" for each in instead]
    size = stop - start - (last - first) + len(new)
    rows = [f" {each}" for each in lines[start:first]]
    rows += _marked("-", lines[first:last], open_end=not ended and last == len(lines))
    rows += _marked("+", new, open_end=not ended and last == len(lines))
    rows += _marked(" ", lines[last:stop], open_end=not ended and last < stop == len(lines))
    header = [f"--- {_name('a', path)}", f"+++ {_name('b', path)}"]
    return "\n".join([*header, f"@@ -{_span(start, stop - start)} +{_span(start, size)} @@", *rows, ""])


def _marked(mark: str, lines: Sequence[str], *, open_end: bool) -> list[str]:
    marked = [f"{mark}{line}" for line in lines]
    return [*marked, "\\ No newline at end of file"] if open_end and marked else marked


def _span(start: int, size: int) -> str:
    return f"{start + 1 if size else start},{size}"


def _name(side: str, path: str) -> str:
    """A name as git writes it: quoted where it has to be."""
    raw = os.fsencode(f"{side}/{path}")
    plain = raw.decode("ascii", "replace")
    if plain.isascii() and plain.isprintable() and not set(plain) & {'"', "\\"}:
        return plain if " " not in plain else f"{plain}\t"
    return '"' + "".join(_escaped(byte) for byte in raw) + '"'


def _escaped(byte: int) -> str:
    char = chr(byte)
    if char in _ESCAPES:
        return f"\\{_ESCAPES[char]}"
    return char if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
