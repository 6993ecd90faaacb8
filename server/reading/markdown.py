"""Markdown of any origin as HTML that can do nothing."""

from __future__ import annotations

from collections.abc import Sequence

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from server.reading import visible

_TEXT = {"a", "em", "strong", "s", "del", "code", "br"}
_BLOCKS = {"p", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre"}
_TABLES = {"table", "thead", "tbody", "tr", "th", "td"}
_SCHEMES = {"http", "https", "mailto"}
_LEFT_OUT = {"script", "style", "template", "iframe", "object", "svg", "math", "form"}

_parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


def html(text: str) -> str:
    """Safe HTML of a markdown text.

    Only text-level and block tags survive, with no attribute but an absolute link's `href`: nothing that a script,
    a style or htmx would act on, nothing that loads from the network.
    """
    return clean(parse(visible.plain(text)))


def parse(text: str) -> list[Token]:
    """The text's tokens; each that opens or is a block knows its lines. Unseen characters are the caller's to mark."""
    return _parser.parse(text)


def clean(tokens: Sequence[Token]) -> str:
    """Safe HTML of whole blocks among the tokens."""
    return nh3.clean(
        _parser.renderer.render(tokens, _parser.options, {}),
        tags=_TEXT | _BLOCKS | _TABLES,
        clean_content_tags=_LEFT_OUT,
        attributes={"a": {"href"}},
        attribute_filter=_absolute,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


def _absolute(_tag: str, attribute: str, value: str) -> str | None:
    """A link within Narrows could be a button in disguise."""
    return value if attribute != "href" or value.partition(":")[0].lower() in _SCHEMES else None
