"""How the person likes to read: one form."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from server.domain.diff import View
from server.domain.errors import NarrowsError
from server.reading import keys
from server.services import preferences, rates
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()

VIEWS = {
    View.UNIFIED: "Removed and added lines below each other.",
    View.SPLIT: "The old file on the left, the new one on the right.",
}
GROUPS = {
    group: [a for a in keys.ACTIONS if a.group == group] for group in dict.fromkeys(a.group for a in keys.ACTIONS)
}
THEMES = {"system": "As the system is", "light": "Light", "dark": "Dark"}


@router.get("/preferences")
def ask(request: Request, narrows: NarrowsDep) -> Response:
    """The form, filled with what holds."""
    held = preferences.get(narrows)
    return _form(request, narrows, _values(held), _typed(held))


async def _sent(request: Request) -> FormData:
    return await request.form()


@router.post("/preferences")
def keep(request: Request, narrows: NarrowsDep, form: Annotated[FormData, Depends(_sent)]) -> Response:
    """Like it so."""
    values = _asked(form, preferences.get(narrows))
    typed = {name: str(form.get(f"keys.{name}", "")) for name in keys.BY_NAME}
    try:
        preferences.put(narrows, **values, keys={name: keys.bindings(text) for name, text in typed.items()})
    except NarrowsError as error:
        return _form(request, narrows, values, typed, error)
    return rendering.go(request, "/preferences?done=preferred-1")


@router.post("/preferences/defaults")
def reset(request: Request, narrows: NarrowsDep) -> Response:
    """Back to what holds where nothing was said."""
    preferences.reset(narrows)
    return rendering.go(request, "/preferences?done=preferred-0")


def _asked(form: FormData, held: preferences.Preferences) -> dict[str, Any]:
    return {
        "view": str(form.get("view", View.UNIFIED.value)),
        "theme": str(form.get("theme", "system")),
        "whitespace": "whitespace" in form,
        "letters": "letters" in form,
        "notify": "notify" in form,
        "budget": _whole(str(form.get("budget", held.budget)).strip()),
    }


def _whole(text: str) -> int | str:
    """The number that was typed, or what was typed instead."""
    return int(text) if text.isdecimal() and len(text) < 10 else text


def _values(held: preferences.Preferences) -> dict[str, Any]:
    return {
        "view": held.view.value,
        "theme": held.theme,
        "whitespace": held.whitespace,
        "letters": held.letters,
        "notify": held.notify,
        "budget": held.budget,
    }


def _typed(held: preferences.Preferences) -> dict[str, str]:
    return {action: ", ".join(chosen) for action, chosen in held.keys.items()}


def _form(
    request: Request, narrows: Narrows, values: dict[str, Any], typed: dict[str, str], error: NarrowsError | None = None
) -> Response:
    return rendering.page(
        request,
        narrows,
        "preferences/index.html",
        status=error.status if error else 200,
        block="form",
        values=values,
        typed=typed,
        error=error,
        groups=GROUPS,
        views=VIEWS,
        themes=THEMES,
        paces=rates.measured(narrows),
    )
