"""Files of settings as values, read with limits: whoever wrote them may mean harm. None: they can't be read so."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]

LARGEST = 200_000  # characters of a file that is read: YAML takes a second for so many
MOST = 20_000  # values of a file that are looked at: with aliases a small one has as many as it likes
DEEPEST = 100  # brackets within each other
_TEXTS = getattr(
    yaml, "CBaseLoader", yaml.BaseLoader
)  # it makes texts, lists and mappings alone; in C ten times faster
_BRACKETS = re.compile(r"[][{}]")
_TROUBLE = (ValueError, RecursionError, OverflowError, TypeError, KeyError, yaml.YAMLError, configparser.Error)
# A comment that nothing ends goes to the end of the file.
_COMMENTS = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/)?')
_LAST_COMMAS = re.compile(r'("(?:\\.|[^"\\\n])*")|,(?=\s{0,200}[}\]])')


def toml(text: str) -> dict[str, Any] | None:
    if len(text) > LARGEST:
        return None
    try:
        return tomllib.loads(text)
    except _TROUBLE:
        return None


def json_with_comments(text: str) -> Any:
    """JSON, as compilers read it: with comments, and commas after the last of a list."""
    if len(text) > LARGEST:
        return None
    try:
        return json.loads(text)
    except _TROUBLE:
        pass
    try:
        return json.loads(_LAST_COMMAS.sub(_kept, _COMMENTS.sub(_kept, text)))
    except _TROUBLE:
        return None


def yaml_of_texts(text: str) -> Any:
    """YAML with every scalar as its text ("on" is no truth), merged keys as they stand, and no types of Python's."""
    if len(text) > LARGEST or _deep(text):
        return None
    try:
        return yaml.load(text, Loader=_TEXTS)
    except _TROUBLE:
        return None


def ini(text: str) -> dict[str, Any] | None:
    """By section, then by key in lower case."""
    if len(text) > LARGEST:
        return None
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="\0")
    try:
        parser.read_string(text)
    except _TROUBLE:
        return None
    return {section: {key: value or "" for key, value in parser.items(section)} for section in parser.sections()}


def table(value: Any, *names: str) -> dict[str, Any]:
    """The mapping that stands in a value under these names; an empty one where something else does, or nothing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def leaves(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that holds no mapping, with the keys that lead to it; a list of anything but mappings is one."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), value)]
    seen = 0
    while waiting and seen < MOST:
        way, each = waiting.pop()
        seen += 1
        if isinstance(each, Mapping):
            waiting += [((*way, str(key)), below) for key, below in reversed(list(each.items()))]
        elif isinstance(each, list) and any(isinstance(below, Mapping | list) for below in each):
            waiting += [((*way, _label(below, place)), below) for place, below in reversed(list(enumerate(each)))]
        else:
            yield way, each


def _deep(text: str) -> bool:
    """Whether brackets are nested so far that reading them takes long."""
    depth = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            return True
    return False


def _label(value: Any, place: int) -> str:
    """What one of a list is called: as it calls itself, so that others before it may come and go."""
    names = [value.get(key) for key in ("module", "name", "id")] if isinstance(value, Mapping) else []
    return str(next(filter(None, names), place))


def _kept(found: re.Match[str]) -> str:
    return found[1] or " "
