"""Remarks in the code that tell a checker to look away, as far as a change adds them."""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

from server.domain.base import few
from server.domain.flag import FlagKind
from server.reading import order
from server.reading.evidence.material import ChangedFile, Finding, Material
from server.reading.row import Row

_PYTHON = re.compile(
    r"#.*?\b(noqa|type:\s*ignore|pylint:\s*disable|pyright:\s*ignore|mypy:\s*(?:ignore-errors|disable-error-code)|nosec"
    r"|pragma:\s*no ?cover)\b",
    re.IGNORECASE,
)
_SLASHES = r"(?://|/\*|^\s*\*|\{/\*)[^\n]*?"
_SCRIPT = re.compile(
    _SLASHES + r"(eslint-disable|@ts-ignore|@ts-nocheck|@ts-expect-error|istanbul ignore|[cv]8 ignore|biome-ignore"
    r"|oxlint-disable|tslint:disable)"
)
_GO = re.compile(_SLASHES + r"(nolint|#nosec|lint:ignore)\b")
_RUST = re.compile(r"^\s*#!?\[(?:cfg_attr\([^\n]*\b)?(allow)\(")
_JAVA = re.compile(r"^\s*(@SuppressWarnings|@Suppress\b|@SuppressFBWarnings)|//.*?\b(NOSONAR)\b")
_OTHERS = re.compile(
    r"#\s*(rubocop:disable|shellcheck disable)|//\s*(phpcs:ignore|@phpstan-ignore)|(#pragma warning disable)"
)
_BY_SUFFIX = {
    **dict.fromkeys(("py", "pyi"), _PYTHON),
    **dict.fromkeys(("js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte"), _SCRIPT),
    "go": _GO,
    "rs": _RUST,
    **dict.fromkeys(("java", "kt", "kts"), _JAVA),
    **dict.fromkeys(("rb", "sh", "bash", "php", "cs"), _OTHERS),
}
_LENGTH = re.compile(r"noqa:\s*(E501|W505)\s*(#|$)", re.IGNORECASE)  # a long line hides nothing
LONGEST = 1_000  # characters of a line that is looked at


def find(material: Material) -> Iterator[Finding]:
    removed = Counter(row.text.strip() for file in material.files for row in file.removed)
    for file in material.files:
        marks = _BY_SUFFIX.get(file.path.rpartition(".")[2].lower())
        if marks and not order.folded(file.path) and not order.is_test(file.path):  # tests hand over what is wrong
            yield from _of_file(file, marks, removed)


def _of_file(file: ChangedFile, marks: re.Pattern[str], removed: Counter[str]) -> Iterator[Finding]:
    """One finding: the first of those that are more than before. Lines that only moved are none."""
    found: list[tuple[Row, str]] = []
    for row in file.added:
        if word := _mark(marks, row.text):
            if removed[row.text.strip()]:
                removed[row.text.strip()] -= 1
            else:
                found.append((row, word))
    left = Counter(word for row in file.removed if (word := _mark(marks, row.text)))
    remarks = _remarks(file) if found else None
    more = []
    for row, word in found:
        if left[word]:
            left[word] -= 1
        elif remarks is None or row.new in remarks:
            more.append((row, word))
    if more:
        words = Counter(word for _, word in more)
        said = few([f"`{word}`{f' {count} times' if count > 1 else ''}" for word, count in words.most_common()], 4)
        yield Finding(FlagKind.WEAKENED, file.path, f"It tells a checker to look away: {said}.", more[0][0].new)


def _mark(marks: re.Pattern[str], line: str) -> str:
    if len(line) > LONGEST or _LENGTH.search(line):
        return ""
    found = marks.search(line)
    word = " ".join(next(filter(None, found.groups()), "").split()) if found else ""
    return word.replace("nocover", "no cover")


def _remarks(file: ChangedFile) -> set[int] | None:
    """The lines with a remark, where that can be told: within a string a mark means nothing."""
    if not file.path.endswith((".py", ".pyi")) or file.new is None:
        return None
    try:
        tokens = tokenize.generate_tokens(io.StringIO(file.new).readline)
        return {token.start[0] for token in tokens if token.type == tokenize.COMMENT}
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
