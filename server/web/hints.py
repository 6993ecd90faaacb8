"""What a template knows of the person's preferences: which key does what, and how pages look."""

from __future__ import annotations

from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from server.reading import keys
from server.services import preferences
from server.services.preferences import Preferences


@pass_context
def liked(context: Context) -> Preferences:
    """The preferences, asked for once a request; a piece that is made without one has the defaults."""
    request = context.get("request")
    if request is None:
        return Preferences()
    if not hasattr(request.state, "preferences"):
        request.state.preferences = preferences.get(request.app.state.narrows)
    found: Preferences = request.state.preferences
    return found


@pass_context
def key(context: Context, action: str) -> str:
    """The key that does something, for a button to show; empty where none does.

    Raises:
        KeyError: No such action.
    """
    return next(iter(liked(context).keymap[action]), "")


@pass_context
def keyshortcuts(context: Context, action: str) -> str:
    """The keys that do something, for `aria-keyshortcuts`; empty where none does that one can say there."""
    return " ".join(filter(None, map(keys.shortcut, liked(context).keymap[action])))


GLOBALS: dict[str, Any] = {
    "liked": liked,
    "key": key,
    "keyshortcuts": keyshortcuts,
    "key_actions": keys.ACTIONS,
    "fixed_keys": keys.FIXED,
}
