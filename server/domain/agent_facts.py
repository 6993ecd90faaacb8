"""What is known of an agent beside its name: how it would be driven on this machine, and what it can do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.domain.agent import Found

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class Readiness(StrEnum):
    """Whether an agent can be given a task, as far as that can be known without asking its model."""

    READY = "ready"
    UNPROVEN = "unproven"  # there, but never tried by those who make Narrows
    LOGGED_OUT = "not_logged_in"
    TOO_OLD = "too_old"
    MISSING = "not_found"


@dataclass(frozen=True, slots=True)
class Facts:
    """An agent as it would be driven here.

    `origin` says where it comes from, `driven` in words how it is spoken to, `programs` which are looked for, `others`
    how it could be driven better, each as a sentence. `confines_itself` names its own sandbox. `asks`: whether it can
    be told to ask before it acts; `asking` says it in words. `continues`: whether a follow-up goes on in the same
    conversation. `tokens` and `cost`: whether it reports them. `gives_up`: seconds after which a failing model is
    reported at the latest. `section` is the text that would configure it in `config.toml`.
    """

    title: str
    origin: str = "added here"
    description: str = ""
    driven: str = ""
    programs: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    confines_itself: str = ""
    asks: bool = False
    asking: str = ""
    continues: bool = False
    tokens: bool = False
    cost: bool = False
    gives_up: float | None = None
    proven: bool = True
    oldest: str = ""
    install: str = ""
    section: str = ""


def readiness(facts: Facts, found: Found) -> Readiness:
    """The one word for it; the first that applies of what would stop it."""
    if found.path is None:
        return Readiness.MISSING
    if found.problem:
        return Readiness.TOO_OLD
    if found.login is False:
        return Readiness.LOGGED_OUT
    return Readiness.READY if facts.proven else Readiness.UNPROVEN


def section_text(name: str, family: str, argv: Iterable[str], env: Mapping[str, str], mode: str = "") -> str:
    """The section of `config.toml` that configures such an agent."""
    lines = [f"[agents.{_key(name)}]", f"family = {_quoted(family)}", f"argv = [{', '.join(map(_quoted, argv))}]"]
    if env:
        lines.append(f"env = {{ {', '.join(f'{_key(one)} = {_quoted(value)}' for one, value in env.items())} }}")
    if mode:
        lines.append(f"mode = {_quoted(mode)}")
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    """As a basic string of TOML, which is one of JSON, but for the one control character that JSON lets through."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
