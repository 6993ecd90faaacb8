"""Moving about by keys: from file to file and hunk to hunk, wherever the eyes are, and nothing jumps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

Enter = Callable[[str], Page]

LINES = [f"value_{n} = {n}\n" for n in range(200)]
BASE = "".join(LINES)
HEAD = "".join("changed\n" if n in (40, 100, 160) else line for n, line in enumerate(LINES))


@pytest.fixture
def long(site: Site) -> Site:
    """A change with three hunks in each of two files."""
    site.repository.commit(files={"one.py": BASE, "two.py": BASE})
    site.change("Long", "b", **{"one.py": HEAD, "two.py": HEAD})
    return site


def test_hunks_follow_each_other_across_files(long: Site, enter: Enter) -> None:
    page = enter("/")
    seen = []
    for _ in range(6):
        page.keyboard.press("n")
        focused = page.locator(".r.h:focus")
        expect(focused).to_be_in_viewport()
        seen.append(focused.evaluate("row => [row.closest('.file').id, row.dataset.n]"))
    assert seen == [[f"file-{file}", line] for file in (0, 1) for line in ("38", "98", "158")]
    page.keyboard.press("n")
    expect(page.locator("#file-1 .r.h:focus")).to_have_attribute("data-n", "158")
    page.keyboard.press("p")
    expect(page.locator("#file-1 .r.h:focus")).to_have_attribute("data-n", "98")


def test_where_the_eyes_are_counts_when_nothing_has_the_focus(long: Site, enter: Enter) -> None:
    page = enter("/")
    page.evaluate("document.querySelectorAll('#file-0 .r.h')[1].scrollIntoView({ block: 'start' })")
    page.keyboard.press("n")
    expect(page.locator("#file-0 .r.h:focus")).to_have_attribute("data-n", "158")
    page.evaluate("document.activeElement.blur(); document.querySelector('#file-1').scrollIntoView()")
    page.keyboard.press("k")
    expect(page.locator("#file-0 > summary")).to_be_focused()


def test_a_shut_file_is_passed_by(long: Site, enter: Enter) -> None:
    page = enter("/")
    page.locator("#file-0 > summary").click()
    page.keyboard.press("n")
    expect(page.locator("#file-1 .r.h:focus")).to_have_attribute("data-n", "38")


def test_hunks_of_a_file_that_is_not_loaded_are_fetched(site: Site, enter: Enter) -> None:
    lines = "".join(f"row {n}\n" for n in range(9000))
    site.change("Large", "b", **{"a.txt": lines, "b.txt": lines, "c.txt": lines})
    page = enter("/")
    expect(page.locator(".file .skeleton").first).to_be_attached()
    for file in range(3):
        page.keyboard.press("n")
        expect(page.locator(f"#file-{file} .r.h:focus")).to_be_in_viewport(timeout=30_000)


def test_the_next_file_is_painted_in_a_blink(site: Site, enter: Enter) -> None:
    """19k lines: from the key to the frame that shows the next file."""
    body = "".join(f"    value_{n} = compute({n}, 'some words', more=True)\n" for n in range(480))
    site.change("Huge", "b", **{f"part{n:02}.py": body for n in range(40)})
    page = enter("/")
    expect(page.locator(".file")).to_have_count(40)
    page.wait_for_load_state("load")
    page.evaluate(
        """() => {
          window.took = [];
          addEventListener("keydown", (event) => requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => took.push(performance.now() - event.timeStamp);
            channel.port2.postMessage(null);
          }), true);
        }"""
    )
    for count in range(1, 16):
        page.keyboard.press("j")
        page.wait_for_function("count => took.length === count", arg=count)
    took = sorted(page.evaluate("took"))
    print(f"key to next file painted: median {took[7]:.1f} ms, worst {took[-1]:.1f} ms")
    assert took[7] < 200, "asked are 32 ms on an idle machine"
