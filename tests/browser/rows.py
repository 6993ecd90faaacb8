"""Lines of a diff in a browser, as a person points at them."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import FloatRect, Locator, Page

NUMBER = {"x": 12, "y": 10}  # pixels from a row's corner: on its number


def added(page: Page, text: str = "") -> Locator:
    """Rows of added lines."""
    return page.locator(".r.a", has_text=text) if text else page.locator(".r.a")


def point_at_number(row: Locator, *modifiers: Literal["Shift"]) -> None:
    """Click on a row's number."""
    row.click(position=NUMBER, modifiers=list(modifiers))  # type: ignore[arg-type]


def drag(page: Page, first: Locator, last: Locator) -> None:
    """From the number of one row to that of another with the mouse held down."""
    first.hover(position=NUMBER)  # type: ignore[arg-type]
    page.mouse.down()
    last.hover(position=NUMBER)  # type: ignore[arg-type]
    page.mouse.up()


def box(locator: Locator) -> FloatRect:
    """Where it is drawn, in pixels of the window."""
    found = locator.bounding_box()
    assert found is not None
    return found
