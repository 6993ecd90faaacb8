"""How rows stand on a page: numbers and signs are drawn, and only the code is copied."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from server import assets
from server.domain.diff import View
from server.reading import moves, rows, words

DIFF = b"""@@ -9,3 +9,6 @@ def total(values):
 first
-old = line(a)
+new = line(a, b)
+def moved(values):
+    found = sum(values)
+    return found
 %s
@@ -40,4 +43 @@
-def moved(values):
-    found = sum(values)
-    return found
 last
\\ No newline at end of file
""" % (b"a-very-long-line-" * 300)


@pytest.fixture(params=View)
def shown(request: pytest.FixtureRequest, page: Page) -> Page:
    parsed = rows.parse(DIFF)
    found = moves.labels(moves.find([parsed])[0], ["a.py"])
    chunks = rows.html(parsed, view=request.param, changed=words.changed(parsed), moved=found, length=90)
    css = "".join((assets.static() / name).read_text() for name in ("app.css", "diff.css"))
    page.set_content(
        f'<!doctype html><meta name="viewport" content="width=device-width"><style>{css}</style>'
        f'<div class="file"><div class="rows {request.param}">{"".join(chunks)}</div></div>'
    )
    return page


def test_what_is_copied_is_code(shown: Page) -> None:
    shown.evaluate("getSelection().selectAllChildren(document.querySelector('.rows'))")
    copied = shown.evaluate("getSelection().toString()").split("\n")
    assert "new = line(a, b)" in copied
    assert "    found = sum(values)" in copied
    assert not any(line.startswith(("+", "−", "1", "moved from")) for line in copied)


def test_who_listens_hears_the_sign_and_the_number(shown: Page) -> None:
    heard = shown.locator("body").aria_snapshot()
    for words_heard in (
        "added line 10: new = line(a, b)",
        "removed line 10: old = line(a)",
        "moved here, line 11: def moved(values): moved from a.py:40",
        "moved away, line 40: def moved(values): moved to a.py:11",
        "last, without line end",
        "47 lines not shown to the end",
    ):
        assert words_heard in heard


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(shown: Page, width: int) -> None:
    shown.set_viewport_size({"width": width, "height": 600})
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_a_chunk_is_as_high_before_it_is_laid_out_as_after(page: Page) -> None:
    many = [rows.Row(rows.RowKind.ADDED, None, n, f"line {n}") for n in range(1, 768)]
    css = "".join((assets.static() / name).read_text() for name in ("app.css", "diff.css"))
    page.set_content(f'<!doctype html><style>{css}</style><div class="rows unified">{"".join(rows.html(many))}</div>')
    before = page.evaluate("document.querySelector('.rows').offsetHeight")
    page.add_style_tag(content=".chunk { content-visibility: visible !important }")
    assert page.evaluate("document.querySelector('.rows').offsetHeight") == before == 767 * 20
