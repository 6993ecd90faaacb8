"""Upkeep in the browser: an edit is shown once, its places lead to their lines, and nothing is against it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from server.domain.task import Kind
from server.services import renderings, tasks
from tests.browser.conftest import Site
from tests.browser.test_axe import violations

Enter = Callable[[str], Page]
FILES = {f"m{n}.py": f"def f{n}(a):\n    return fetch(a, {n})\n" for n in range(4)}


def upkeep(site: Site, kind: Kind) -> int:
    """A change of that kind: three files with one edit, and one with another."""
    site.repository.commit(files=FILES)
    tasks.file(site.narrows, project_id=site.project.id, title="Load it", kind=kind)
    edited = {name: text.replace("fetch", "load") for name, text in FILES.items()}
    (change,) = site.worker.answer({**edited, "m3.py": "def g(a):\n    return fetched(fetch(a))\n"})
    return change


def test_the_places_of_an_edit_lead_to_their_lines(site: Site, enter: Enter) -> None:
    change = upkeep(site, Kind.MAINTENANCE)
    page = enter(f"/changes/{change}")
    expect(page.locator(".pattern h3")).to_have_text("The same edit 3 times, in 3 files")  # looked for since
    expect(page.locator("#file-1")).to_have_attribute("open", "")
    page.reload()
    expect(page.locator("#file-1")).not_to_have_attribute("open", "")
    page.get_by_text("Its 3 places").click()
    page.get_by_role("link", name="m1.py:2").first.click()
    expect(page.locator("#file-1 .r.a:focus")).to_have_text("    return load(a, 1)")
    expect(page.locator("#file-1 .r.a:focus")).to_be_in_viewport()


@pytest.mark.parametrize("kind", [Kind.MAINTENANCE, Kind.REFACTORING])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_they_are_for_everybody(site: Site, enter: Enter, kind: Kind, scheme: str) -> None:
    change = upkeep(site, kind)
    renderings.prepare_change(site.narrows, change)
    enter("/projects").emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    page = enter(f"/changes/{change}")
    expect(page.locator(".patterns, .shape")).to_have_count(1)
    assert violations(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
