"""How the person likes to read, with what holds where nothing was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from sqlmodel import Session

from server.domain.base import now
from server.domain.diff import Look, View
from server.domain.errors import Invalid
from server.domain.event import Actor, Event
from server.domain.preference import Preference
from server.reading import keys
from server.services import events
from server.services.narrows import Narrows
from server.store import queries

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = ("system", "light", "dark")
MOST_MINUTES = 10_000  # of a budget


@dataclass(frozen=True)
class Preferences:
    """All of them.

    `keys` has every action; `letters` False: nothing is done by a bare character; `notify`: the browser says when the
    desk is no longer empty; `budget`: minutes of reading that may wait before no new task starts, 0 for no limit.
    """

    view: View = View.UNIFIED
    whitespace: bool = True
    theme: Theme = "system"
    letters: bool = True
    notify: bool = False
    budget: int = 30
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(keys.DEFAULTS))

    @property
    def look(self) -> Look:
        return Look(self.view, self.whitespace)

    @cached_property
    def keymap(self) -> dict[str, list[str]]:
        """The keys that do something, by action."""
        held = self.keys if self.letters else keys.without_characters(self.keys)
        return {action: list(chosen) for action, chosen in held.items()}


def get(narrows: Narrows) -> Preferences:
    """All of them, as they stand."""
    with narrows.reading() as db:
        kept = {preference.name: preference.value for preference in queries.preferences(db)}
    return _read({"budget": narrows.settings.budget} | kept)


def look(narrows: Narrows) -> Look:
    """How a diff is shown where its address says nothing."""
    return get(narrows).look


def keymap(narrows: Narrows) -> dict[str, list[str]]:
    """By which keys what is done."""
    return get(narrows).keymap


def put(narrows: Narrows, **wishes: Any) -> Preferences:
    """Like it differently; what is not named stays.

    Args:
        wishes: `view`, `whitespace`, `theme`, `letters`, `notify`, `budget`; `keys`: bindings by action,
            for some or for all.

    Raises:
        Invalid: A value can't be used; nothing was changed then.
    """
    if "keys" in wishes:
        held = get(narrows).keys
        wishes["keys"] = {**held, **{action: tuple(chosen) for action, chosen in wishes["keys"].items()}}
    for name, value in wishes.items():
        _check(name, value)
    with narrows.transaction() as db:
        for name, value in wishes.items():
            db.merge(Preference(name=name, value=_stored(name, value), updated_at=now()))
        _tell(db)
    return get(narrows)


def reset(narrows: Narrows) -> Preferences:
    """Back to what holds where nothing was said."""
    with narrows.transaction() as db:
        for preference in queries.preferences(db):
            db.delete(preference)
        _tell(db)
    return get(narrows)


def _tell(db: Session) -> None:
    """The engine starts what another budget leaves room for."""
    events.note(db, Event(actor=Actor.YOU, verb="changed", noun="preferences", noun_id=0))


def _read(kept: Mapping[str, Any]) -> Preferences:
    """What is kept, over the defaults; actions that came later have their own keys unless those are taken by now."""
    plain = {
        name: kept[name] for name in ("view", "whitespace", "theme", "letters", "notify", "budget") if name in kept
    }
    if "view" in plain:
        plain["view"] = View(plain["view"])
    mine = {action: tuple(chosen) for action, chosen in kept.get("keys", {}).items() if action in keys.BY_NAME}
    taken = {binding for chosen in mine.values() for binding in chosen}
    fresh = {
        action: tuple(binding for binding in chosen if not any(keys.clash(binding, other) for other in taken))
        for action, chosen in keys.DEFAULTS.items()
    }
    return Preferences(**plain, keys=fresh | mine)


def _stored(name: str, value: Any) -> Any:
    """Of the keys only those that are the person's own: the others go with the defaults."""
    if name != "keys":
        return value
    return {action: list(chosen) for action, chosen in value.items() if tuple(chosen) != keys.DEFAULTS[action]}


def _check(name: str, value: Any) -> None:
    match name:
        case "view":
            if value not in set(View):
                raise Invalid(name, f"{value!r} is no view.", f"One of: {', '.join(View)}.")
        case "theme":
            if value not in THEMES:
                raise Invalid(name, f"{value!r} is no theme.", f"One of: {', '.join(THEMES)}.")
        case "whitespace" | "letters" | "notify":
            if not isinstance(value, bool):
                raise Invalid(name, f"{name.capitalize()} is either on or off.")
        case "budget":
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_MINUTES:
                raise Invalid(name, f"{value!r} is no number of minutes.", f"0 to {MOST_MINUTES:,}; 0 is no limit.")
        case "keys":
            try:
                keys.check(value)
            except keys.Unfit as unfit:
                raise Invalid(f"keys.{unfit.action}", str(unfit), "Choose another key, or none.") from unfit
        case _:
            raise Invalid(name, f"There is no preference {name!r}.")
