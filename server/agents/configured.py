"""Agents of the person's own, as sections `[agents.NAME]` of `config.toml`: whatever an entry of our table can say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from server.agents.environment import WITHHELD
from server.agents.protocol import AgentSpec, Family, Format, Manner, Quirk, Span
from server.domain.agent_facts import NAME
from server.domain.errors import Invalid

KINDS = ("directed", "maintenance", "research", "refactoring")
Parse = Callable[[object], Any]


def configured(sections: Mapping[str, object], known: Sequence[AgentSpec]) -> tuple[AgentSpec, ...]:
    """The sections as specs; several of one name where `based_on` names an agent that can be driven in several ways.

    Args:
        sections: The tables below `[agents]`, by name.
        known: What a section may be based on, and whose names it may not take.

    Raises:
        Invalid: A section can't be used; the sentence names it, its key, and what is allowed there.
    """
    return tuple(spec for name, table in sections.items() for spec in _section(name, table, known))


def _section(name: str, table: object, known: Sequence[AgentSpec]) -> list[AgentSpec]:
    if not NAME.fullmatch(name):
        raise _wrong(name, "", "its name must be small letters, digits, '.', '-' and '_', 40 at most")
    if any(spec.name == name for spec in known):
        raise _wrong(
            name, "", "that name is taken by an agent that Narrows knows", f'Choose another: based_on = "{name}".'
        )
    if not isinstance(table, dict):
        raise _wrong(name, "", "it must be a table", f"Write [agents.{name}] with its keys below.")
    given = {key: _value(name, key, value) for key, value in table.items()}
    bases = _bases(name, given, known)
    if not bases and not given.get("argv"):
        raise _wrong(name, "argv", "it is missing", "Give the program and its arguments, or `based_on` a known agent.")
    if len(bases) > 1 and "argv" in given:
        ways = ", ".join(spec.way for spec in bases)
        raise _wrong(name, "way", "it is missing: `argv` fits one way only", f"One of: {ways}.")
    blank = AgentSpec(name=name, family="command", argv=())
    return [_overridden(replace(base, name=name), given) for base in bases or [blank]]


def _bases(name: str, given: Mapping[str, Any], known: Sequence[AgentSpec]) -> list[AgentSpec]:
    if "based_on" not in given:
        return []
    fitting = [spec for spec in known if spec.name == given["based_on"]]
    if not fitting:
        raise _wrong(
            name, "based_on", f"{given['based_on']!r} is not known", f"One of: {_list(s.name for s in known)}."
        )
    if "way" not in given:
        return fitting
    chosen = [spec for spec in fitting if spec.way == given["way"]]
    if not chosen:
        ways = _list(spec.way for spec in fitting if spec.way) or "none; leave it out"
        raise _wrong(name, "way", f"{given['based_on']} has no way {given['way']!r}", f"Its ways: {ways}.")
    return chosen


def _overridden(base: AgentSpec, given: Mapping[str, Any]) -> AgentSpec:
    changes = {key: value for key, value in given.items() if key not in ("based_on", "mode", "asking_mode")}
    if "env" in changes:
        changes["env"] = {**base.env, **changes["env"]}
    spec = replace(base, built_in=False, **changes)
    if "mode" in given:
        spec = replace(spec, free=replace(spec.free, mode=given["mode"]))
    if "asking_mode" in given:
        spec = replace(spec, asking=replace(spec.asking or Manner(), mode=given["asking_mode"]))
    return spec


def _value(name: str, key: str, value: object) -> Any:
    parse = KEYS.get(key)
    if parse is None:
        raise _wrong(name, key, "no such key is known", f"Known: {', '.join(KEYS)}.")
    try:
        return parse(value)
    except ValueError as error:
        raise _wrong(name, key, f"it must be {error}") from None


def _wrong(name: str, key: str, why: str, hint: str = "") -> Invalid:
    place = f"`{key}` in [agents.{name}]" if key else f"[agents.{name}]"
    return Invalid(f"agents.{name}" + (f".{key}" if key else ""), f"{place} of config.toml can't be used: {why}.", hint)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("a text")
    return value.strip()


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one and "\0" not in one for one in value):
        raise ValueError('a list of texts, such as ["one", "two"]')
    return tuple(value)


def _program(value: object) -> tuple[str, ...]:
    words = _words(value)
    if not words or not words[0].strip():
        raise ValueError('the program and its arguments, such as ["my-agent", "--quiet"]')
    return words


def _variables(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(name.isidentifier() and isinstance(value[name], str) for name in value):
        raise ValueError('names with texts, such as { KEY = "$KEY" }')
    for name, text in value.items():
        if name.startswith(WITHHELD) or text.startswith(f"${WITHHELD}") or "\0" in text:
            raise ValueError(f"without {WITHHELD}* names, which no agent is given")
    return dict(value)


def _names(value: object) -> tuple[str, ...]:
    words = _words(value)
    for word in words:
        if word.startswith((WITHHELD, "*")) or not word.replace("*", "x").isidentifier():
            raise ValueError(f"names of variables, of which `*` may end one; none of {WITHHELD}*")
    return words


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.isidentifier() or value.startswith(WITHHELD):
        raise ValueError("the name of a variable")
    return value


def _one_of(*allowed: str) -> Parse:
    def parse(value: object) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return str(value)

    return parse


def _span(value: object) -> str | None:
    return None if value == "none" else _one_of(*get_args(Span), "none")(value)


def _several_of(*allowed: str) -> Callable[[object], tuple[str, ...]]:
    def parse(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(one in allowed for one in value):
            raise ValueError(f"a list of {', '.join(allowed)}")
        return tuple(value)

    return parse


def _quirks(value: object) -> frozenset[Quirk]:
    return frozenset(map(Quirk, _several_of(*Quirk)(value)))


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86_400:
        raise ValueError("seconds, more than 0 and a day at most")
    return float(value)


def _pattern(value: object) -> str:
    try:
        return re.compile(_text(value)).pattern
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None


def _version(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\d+(\.\d+)*", value):
        raise ValueError('a version such as "2.0"')
    return value


def _manner(value: object) -> Manner:
    parsers: dict[str, Parse] = {"flags": _words, "env": _variables, "files": _variables, "mode": _text, "meta": _table}
    if not isinstance(value, dict) or not parsers.keys() >= value.keys():
        raise ValueError(f"a table with any of {', '.join(parsers)}")
    said = {}
    for key, one in value.items():
        try:
            said[key] = parsers[key](one)
        except ValueError as error:
            raise ValueError(f"a table in which `{key}` is {error}") from None
    return Manner(argv=said.pop("flags", ()), **said)


def _table(value: object) -> dict[str, Any]:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise ValueError("a table of texts, numbers, lists and tables")
    return value


KEYS: dict[str, Parse] = {
    "based_on": _text,
    "way": _text,
    "family": _one_of(*get_args(Family)),
    "argv": _program,
    "resume": _words,
    "title": _text,
    "description": _text,
    "env": _variables,
    "defaults": _variables,
    "passes": _names,
    "needs": _variables,
    "format": _one_of(*get_args(Format)),
    "mode": _text,
    "asking_mode": _text,
    "free": _manner,
    "asking": _manner,
    "confined": _manner,
    "users_settings": _manner,
    "all_settings": _manner,
    "usage_argv": _program,
    "tokens": _span,
    "cost": _span,
    "quirks": _quirks,
    "kinds": _several_of(*KINDS),
    "version_argv": _program,
    "oldest": _version,
    "install": _text,
    "login_env": _words,
    "login_files": _words,
    "keeps": _words,
    "confines_itself": _text,
    "gives_up": _seconds,
    "retrying": _pattern,
    "failing": _pattern,
    "errors_to": _name,
    "greeting": _table,
    "loads_anyway": _words,
}


def _list(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
