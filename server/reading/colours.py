"""Syntax colours of a whole file, line by line: hunks alone are coloured wrongly wherever a string spans lines."""

from __future__ import annotations

import time
from functools import cache

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.token import Token, _TokenType
from pygments.util import ClassNotFound

from server.reading import visible
from server.reading.lines import text_of

LARGEST = 1_000_000  # bytes; beyond, a file is shown plain
LONGEST = 2000  # characters of a line; a file most of which is in longer ones was not written by hand, and stays plain
SECONDS = 0.5  # after which the rest of a file is left plain


def lines(name: str, content: bytes, seconds: float = SECONDS) -> list[str] | None:
    """Each line of a file as HTML with `<i class=…>` for its tokens, without its line feed.

    Args:
        name: The file's name, which tells the language.
        content: The whole file.
        seconds: After so long the rest is left out; the reader of the list shows those lines plain.

    Returns None where there is no language or the file is too large.
    """
    if len(content) > LARGEST or b"\0" in content[:8000] or (lexer := _lexer(name)) is None:
        return None
    text = text_of(content)
    if 2 * sum(len(line) for line in text.split("\n") if len(line) > LONGEST) > len(text):
        return None
    return _lines(lexer, text, time.monotonic() + seconds)


def language(name: str) -> str:
    """The language that a file's name tells, by which its colours are made; empty: none."""
    lexer = _lexer(name)
    return lexer.name if lexer else ""


def _lexer(name: str) -> Lexer | None:
    """Only by the name: guessing from hostile content takes long and errs."""
    try:
        lexer = get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    return None if lexer.name == "Text only" else lexer


def _lines(lexer: Lexer, text: str, deadline: float) -> list[str]:
    """All is written at once and split at the end: a file has many more tokens than runs of one style."""
    written: list[str] = []
    run: list[str] = []
    style = ""
    # Pygments folds \r\n into \n; line feeds alone count, as for git, so the carriage returns are put by.
    for count, (_, token, piece) in enumerate(lexer.get_tokens_unprocessed(text)):
        if not count % 1000 and time.monotonic() > deadline:
            return "".join(written).split("\n")[:-1]
        wanted = _style(token)
        if wanted != style and (not piece.isspace() or "\n" in piece):
            written.append(_written(style, "".join(run)))
            style = wanted
            run.clear()
        run.append(piece)
    written.append(_written(style, "".join(run)))
    return "".join(written).split("\n")


def _written(style: str, text: str) -> str:
    """A run of one style; one that spans lines begins anew on each."""
    html = visible.html(text)
    if not style or not text:
        return html
    start = f"<i class={style}>"
    whole = f"{start}{html}</i>"
    return whole.replace("\n", f"</i>\n{start}").replace(f"{start}</i>", "") if "\n" in html else whole


@cache
def _style(token: _TokenType) -> str:
    """The class of the token's family: the palette knows a dozen families, not a hundred types."""
    return next((style for family, style in _FAMILIES if _within(token, family)), "")


def _within(token: _TokenType, family: _TokenType) -> bool:
    return token[: len(family)] == family


_FAMILIES: tuple[tuple[_TokenType, str], ...] = (
    (Token.Comment, "tc"),
    (Token.Literal.String.Doc, "tc"),
    (Token.Keyword.Constant, "tn"),
    (Token.Keyword.Type, "tt"),
    (Token.Keyword, "tk"),
    (Token.Operator.Word, "tk"),
    (Token.Literal.String, "ts"),
    (Token.Literal.Number, "tn"),
    (Token.Literal, "ts"),
    (Token.Name.Function, "tf"),
    (Token.Name.Class, "tt"),
    (Token.Name.Namespace, "tt"),
    (Token.Name.Exception, "tt"),
    (Token.Name.Decorator, "td"),
    (Token.Name.Tag, "tk"),
    (Token.Name.Attribute, "tf"),
    (Token.Name.Builtin.Pseudo, ""),  # self, in every second line: a colour would say nothing
    (Token.Name.Builtin, "tb"),
    (Token.Name.Constant, "tn"),
    (Token.Generic.Heading, "tk"),
    (Token.Generic.Subheading, "tk"),
)
