"""At 400 % zoom, on a phone, and with reduced motion: nothing is out of reach, and nothing moves by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.everything import fill
from tests.browser.test_axe import PAGES

Enter = Callable[[str], Page]
ZOOMED = {"width": 320, "height": 256}  # 1280 by 1024 at 400 %
PHONE = {"width": 390, "height": 844}

# What is beyond the right edge, in words; what scrolls by itself may be wide inside.
WIDE = """() => {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const scrolls = (element) => getComputedStyle(element).overflowX !== "visible";
  const inside = (element) => element && (scrolls(element) || inside(element.parentElement));
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !inside(element.parentElement))
    .map((element) => `${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 30)}`)
    .slice(0, 5).concat(`${document.documentElement.scrollWidth} pixels`);
}"""

# Gives the focus to everything that can have it, as Tab would; tells what can't be seen then.
HIDDEN = """() => {
  const at = (element) => {
    const box = element.getClientRects()[0];
    const [x, y] = [box.left + Math.min(box.width, innerWidth) / 2, box.top + Math.min(box.height / 2, 12)];
    const found = document.elementFromPoint(x, y);
    return found && (element.contains(found) || found.contains(element) || found.closest("label")?.control === element);
  };
  const hidden = [];
  const reached = "a[href], button:enabled, input:enabled, select, textarea, summary, [tabindex='0']";
  for (const element of document.querySelectorAll(reached)) {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.type === "hidden") continue;
    if (!element.getClientRects().length || element.matches(".skip")) continue;
    element.focus();
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!at(element)) hidden.push(`${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 40)}`);
  }
  return hidden;
}"""
MOVING = """() => [...document.querySelectorAll("*")].filter((element) => {
  const style = getComputedStyle(element);
  const lasts = (durations) => durations.split(", ").some((duration) => parseFloat(duration) > 0.01);
  return lasts(style.transitionDuration) || (style.animationName !== "none" && lasts(style.animationDuration))
    || style.scrollBehavior === "smooth";
}).map((element) => `${element.tagName}.${element.className}`)"""


@pytest.mark.parametrize("size", [ZOOMED, PHONE], ids=["zoomed", "phone"])
@pytest.mark.tolerates("missing")
def test_no_page_scrolls_sideways(site: Site, enter: Enter, size: dict[str, int]) -> None:
    fill(site)
    enter("/projects").set_viewport_size(size)  # type: ignore[arg-type]
    paths = [path for paths in PAGES.values() for path in paths] + ["/changes/1?view=split&since=0"]
    wide = {path: found for path in paths if (found := enter(path).evaluate(WIDE))}
    assert not wide


@pytest.mark.parametrize("size", [ZOOMED, PHONE], ids=["zoomed", "phone"])
@pytest.mark.parametrize("path", ["/changes/1", "/changes/1/reviews/new", "/changes/3", "/tasks/new"])
def test_whatever_has_the_focus_is_seen(site: Site, enter: Enter, path: str, size: dict[str, int]) -> None:
    fill(site)
    enter("/projects").set_viewport_size(size)  # type: ignore[arg-type]
    page = enter(path)
    expect(page.locator("main")).to_be_visible()
    assert page.evaluate(HIDDEN) == []


def test_with_reduced_motion_nothing_moves(site: Site, enter: Enter) -> None:
    fill(site)
    page = enter("/projects")
    page.emulate_media(reduced_motion="reduce")
    for path in ("/changes/1", "/runs/6", "/tasks/new"):
        assert enter(path).evaluate(MOVING) == [], path
