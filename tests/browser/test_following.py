"""Comments from one revision to the next, in a browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from server.services import reviews
from tests.browser import rows
from tests.browser.conftest import AFTER, Site

Enter = Callable[[str], Page]


def test_lines_are_suggested_and_shown_as_a_small_diff(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter(f"/changes/{change}")
    rows.point_at_number(rows.added(page, "import re"))
    field = page.locator(".comment-form textarea")
    expect(field).to_be_focused()
    page.keyboard.type("Rather:")
    page.get_by_role("button", name="Suggest").click()
    expect(field).to_have_value("Rather:\n\n```suggestion\nimport re\n```\n")
    expect(field).to_be_focused()
    field.fill("Rather:\n\n```suggestion\nimport regex\n```")
    field.press("Control+Enter")
    card = page.locator("#comment-1")
    expect(card.locator("del")).to_have_text("import re")
    expect(card.locator("ins")).to_have_text("import regex")
    expect(card).not_to_contain_text("```")
    assert reviews.get_comment(site.narrows, 1).body == "Rather:\n\n```suggestion\nimport regex\n```"


def test_what_became_of_a_comment_is_read_and_settled_beside_its_lines(site: Site, enter: Enter) -> None:
    change = site.change()
    line = AFTER.splitlines().index('        raise ValueError(f"{text!r} is no duration")') + 1
    reviews.comment(site.narrows, change, revision=1, path="durations.py", line=line, body="Say what is one.")
    reviews.request_changes(site.narrows, change, revision=1)
    edited = AFTER.replace("is no duration", "is no duration, as 1h30m is").replace("import re", "import re  # once")
    site.worker.answer({"durations.py": edited}, "Comment 1: **fixed**: it names one.")
    page = enter(f"/changes/{change}")
    card = page.locator("#comment-1")
    expect(card).to_contain_text(f"line {line}, edited since line {line} of revision 1")
    expect(card.locator(".answer-fixed")).to_have_text("fixed")
    below = page.locator(".talk:has(#comment-1)")
    assert "as 1h30m is" in below.evaluate("talk => talk.previousElementSibling.textContent")
    expect(card.locator(".quoted")).to_have_text('        raise ValueError(f"{text!r} is no duration")')
    card.get_by_role("link", name="The lines around").click()
    expect(card.locator(".quoted")).to_contain_text("return sum(")
    card.get_by_role("button", name="Resolve").click()
    expect(card.get_by_role("button", name="Reopen")).to_be_visible()
    expect(card).to_contain_text("edited since")
    card.get_by_role("button", name="Reopen").click()
    expect(card.get_by_role("button", name="Resolve")).to_be_visible()
    card.get_by_role("link", name="Reply").click()
    expect(page.get_by_label(f"Comment on line {line}")).to_be_focused()
