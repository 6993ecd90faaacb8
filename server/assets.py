"""Where the files that aren't Python are: beside `server/` in a checkout, inside it in the wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from server.domain.errors import NarrowsError

_PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """The folder that page templates are named from."""
    return _folder("templates")


def static() -> Path:
    """The folder served as `/static`."""
    return _folder("static")


def migrations() -> Path:
    """Alembic's script location: `env.py` and `versions/`."""
    return _folder("alembic")


@cache
def _folder(name: str) -> Path:
    for home in (_PACKAGE / "_assets", _PACKAGE.parent):
        folder = home / name
        if folder.is_dir():
            return folder
    raise NarrowsError(
        f"Narrows is installed without its {name} folder.",
        "Install it again from a wheel, or run it from a whole checkout.",
        code="broken_installation",
    )
