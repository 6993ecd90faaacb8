"""Every page in light and dark, on a screen and on a phone, at 400 % zoom; pictures go to the test's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from server.services import landings, reviews, tasks
from tests.browser.conftest import AFTER, TEST, Site

Enter = Callable[[str], Page]
PAGES = (
    "/",
    "/tasks",
    "/tasks/1",
    "/tasks/new",
    "/runs",
    "/landings",
    "/projects",
    "/projects/1",
    "/agents",
    "/nowhere",
)
WIDTHS = {"screen": (1360, 900), "phone": (390, 844), "zoomed": (320, 256)}  # 1280 pixels at 400 % are 320


@pytest.fixture
def filled(site: Site) -> Site:
    """Something of everything."""
    change = site.change(**{"durations.py": "x = 1\n"})
    reviews.comment(site.narrows, change, revision=1, path="durations.py", line=1, body="Why drop **all** of it?")
    reviews.request_changes(site.narrows, change, revision=1)
    odd = {"uv.lock": "a\n" * 30, "docs/with\u202eodd name.md": "long " + "word" * 200 + "\ttab\r\n\u202e"}
    site.worker.answer({"durations.py": AFTER, "tests/test_durations.py": TEST, **odd})
    reviews.comment(site.narrows, change, revision=2, path="durations.py", line=19, body="`sum` of what?")
    second = site.change("Second", "", **{"README.md": "# Durations\n\nMore.\n"})
    landing = landings.land(site.narrows, second, revision=1)
    landings.claim(site.narrows, "local")
    landings.move(site.narrows, landing.id)
    tasks.file(site.narrows, project_id=site.project.id, title="At work, with a title that is quite a bit longer")
    site.worker.admit()
    tasks.file(site.narrows, project_id=site.project.id, title="Waits", after=[1])
    return site


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_its_width(filled: Site, enter: Enter, tmp_path: Path, scheme: str) -> None:
    enter("/projects").emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in PAGES:
        page = enter(path)
        for name, (width, height) in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} pixels wide at {width}"
            page.screenshot(path=tmp_path / f"{scheme}-{name}{path.replace('/', '-')}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(filled: Site, enter: Enter, scheme: str) -> None:
    """Contrast of at least 4.5 to 1 for what is read, as WCAG's level AA asks."""
    enter("/projects").emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page = enter("/")
    expect(page.locator(".r.a").first).to_be_visible()
    poor = page.evaluate(CONTRAST)
    assert not poor


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (colours) => {
    canvas.fillStyle = "white";
    canvas.fillRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const poor = new Set();
  for (const element of document.querySelectorAll("main *, header *")) {
    const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!says || !element.checkVisibility() || element.closest(".no")) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const [a, b] = [over([...behind, getComputedStyle(element).color]), over(behind)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return [...poor];
}"""


def test_on_a_phone_the_tab_of_the_page_is_seen(site: Site, enter: Enter) -> None:
    page = enter("/")
    page.set_viewport_size({"width": 390, "height": 844})
    for path, name in (("/agents", "Agents"), ("/projects", "Projects"), ("/", "Desk")):
        page.goto(f"{site.url}{path}")
        expect(page.locator(".top nav").get_by_role("link", name=name)).to_be_in_viewport(ratio=0.95)


def test_a_long_form_opens_where_it_is_wrong(site: Site, enter: Enter) -> None:
    page = enter("/projects/1")
    page.get_by_label("Minutes that a run waits").fill("1000000000")
    page.get_by_role("button", name="Save").click()
    field = page.get_by_label("Minutes that a run waits")
    expect(field).to_be_focused()
    expect(field).to_be_in_viewport()
    expect(page.locator("#against-ask_minutes")).to_contain_text("is no whole number")
