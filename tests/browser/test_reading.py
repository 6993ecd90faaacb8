"""Reading a change in a browser: keys, comments, drafts, decisions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from server.domain.review import CommentState
from server.domain.states import ChangeState
from server.services import changes, drafts, landings, reviews
from server.web import sheet
from tests.browser import rows
from tests.browser.conftest import Site
from tests.web.conftest import TOKEN

Enter = Callable[[str], Page]

# Where the diff is seen; news above it may scroll the page so that it stays there.
PLACE = "Math.round(document.querySelector('.file').getBoundingClientRect().top)"


def test_a_comment_by_mouse_is_kept_as_typed_and_saved(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter("/")
    rows.point_at_number(rows.added(page, "import re"))
    form = page.locator("form.comment-form")
    expect(form.get_by_label("Comment on line 3")).to_be_focused()
    with page.expect_response(lambda answer: "/drafts/" in answer.url):
        page.keyboard.type("Why not by hand?")
    page.reload()
    expect(page.locator("form.comment-form textarea")).to_have_value("Why not by hand?")
    page.locator("form.comment-form textarea").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("article.comment")).to_contain_text("Why not by hand?")
    expect(page.locator("#bar")).to_contain_text("with 1 comment")
    (comment,) = reviews.comments(site.narrows, change)
    assert (comment.line, comment.end_line, comment.quoted) == (3, 3, "import re")
    assert not drafts.find(site.narrows, "change/")


def test_what_is_typed_just_before_leaving_is_kept(site: Site, enter: Enter) -> None:
    site.change()
    page = enter("/")
    page.get_by_role("link", name="Send back").click()
    expect(page.get_by_label("Message")).to_be_focused()
    page.keyboard.type("Quick words")
    page.reload()
    page.get_by_role("link", name="Send back").click()
    expect(page.get_by_label("Message")).to_have_value("Quick words")


def test_a_range_by_shift_and_by_dragging(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter("/")
    added = page.locator("#file-0 .r.a")
    rows.point_at_number(added.nth(0))
    page.get_by_role("link", name="Cancel").click()
    expect(page.locator("form.comment-form")).to_have_count(0)
    rows.point_at_number(added.nth(2), "Shift")
    expect(page.get_by_label("Comment on lines 3 to 5")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("form.comment-form")).to_have_count(0)
    rows.drag(page, added.nth(3), added.nth(1))
    expect(page.get_by_label("Comment on lines 4 to 6")).to_be_focused()
    page.keyboard.type("All of it")
    page.get_by_role("button", name="Comment", exact=False).last.click()
    expect(page.locator("article.comment")).to_contain_text("lines 4 to 6")
    assert reviews.comments(site.narrows, change)[0].quoted.count("\n") == 2


def test_the_whole_loop_by_keys_alone(site: Site, enter: Enter) -> None:
    first, second = site.change(), site.change("Second thing", "Do it.", **{"README.md": "# Durations\n\nMore.\n"})
    page = enter("/")
    page.keyboard.press("j")
    expect(page.locator("#file-0 > summary")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#file-1 > summary")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("n")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("c")
    expect(page.locator("form.comment-form textarea")).to_be_focused()
    page.keyboard.type("j is a letter here")
    page.keyboard.press("Control+Enter")
    expect(page.locator("article.comment")).to_contain_text("j is a letter here")
    page.keyboard.press("b")
    expect(page.get_by_label("Message")).to_be_focused()
    page.keyboard.type("Please.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Second thing")
    expect(page.locator(".toast")).to_contain_text("back to its agent")
    assert changes.get(site.narrows, first).state is ChangeState.WORKING
    assert reviews.comments(site.narrows, first)[0].state is CommentState.SENT
    page.evaluate("window.scrollTo(0, 0)")
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Land")).to_be_focused()
    assert page.evaluate("window.scrollY") == 0
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing to read")
    expect(page.locator(".toast")).to_contain_text("Landing “Second thing” on main.")
    assert changes.get(site.narrows, second).state is ChangeState.LANDING
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page.get_by_role("heading", level=1)).to_have_text("Backlog")


def test_going_back_to_a_long_file_shows_its_start(site: Site, enter: Enter) -> None:
    lines = "".join(f"value_{n} = {n}\n" for n in range(150))
    site.change("Long", "b", **{"one.py": lines + lines, "two.py": lines})
    page = enter("/")
    for key, file in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        expect(page.locator(f"#file-{file} > summary")).to_be_focused()
    assert abs(page.locator("#file-0").evaluate("element => element.getBoundingClientRect().top")) < 20


def test_later_and_abandon_bring_the_next_and_undo(site: Site, enter: Enter) -> None:
    site.change("One"), site.change("Two")
    page = enter("/")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Two")
    page.get_by_role("button", name="Abandon").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("One")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Two")
    expect(page.locator(".toast")).to_contain_text("“Two” is back.")


def test_a_refused_decision_keeps_its_words_and_the_place(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter("/")
    page.get_by_role("link", name="Send back").click()
    page.get_by_label("Message").fill("My words")
    reviews.request_changes(site.narrows, change, revision=1, message="From elsewhere.")
    site.worker.answer({"durations.py": "x = 1\n"})
    page.evaluate("window.scrollTo(0, 300)")
    place = page.evaluate(PLACE)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("You read revision 1; the newest is 2.")
    expect(page.get_by_label("Message")).to_have_value("My words")
    assert abs(page.evaluate(PLACE) - place) <= 1


def test_an_error_without_a_form_is_a_toast(site: Site, enter: Enter) -> None:
    change = site.change()
    comment = reviews.comment(site.narrows, change, revision=1, path="durations.py", line=1, body="Gone soon")
    page = enter("/")
    reviews.delete_comment(site.narrows, comment.id)
    page.locator("article.comment").get_by_role("button", name="Delete").click()
    expect(page.locator("#toasts")).to_contain_text("There is no comment")
    expect(page.locator("article.comment")).to_be_visible()


def test_files_of_a_very_large_change_load_as_they_come_into_view(site: Site, enter: Enter) -> None:
    lines = "".join(f"value_{n} = {n}\n" for n in range(2600))
    site.change("Many", "b", **{f"part{n}.py": lines for n in range(8)})
    page = enter("/")
    last = page.locator(".files > .file").last
    expect(last.locator(".chunk")).to_have_count(0)
    last.evaluate("file => file.scrollIntoView()")
    expect(last.locator(".r.a")).to_have_count(2600, timeout=20_000)
    expect(last.locator(".r.a").first).to_be_in_viewport()


def test_a_large_file_goes_on_when_its_end_is_reached(site: Site, enter: Enter) -> None:
    body = "".join(f"row {n}\n" for n in range(7000))
    site.change("Large", "b", **{f"part{n}.txt": body for n in range(3)})
    page = enter("/")
    rows = page.locator("#file-0 .r.a")
    expect(rows).to_have_count(2999, timeout=20_000)
    for count in (5999, 7000):
        page.locator("#file-0 .skeleton").scroll_into_view_if_needed()
        expect(rows).to_have_count(count, timeout=20_000)
    expect(page.locator("#file-0 .skeleton")).to_have_count(0)


def test_a_change_comes_to_an_empty_desk_at_once_and_to_a_reader_quietly(site: Site, enter: Enter) -> None:
    page = enter("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing to read")
    site.change("First")
    expect(page.get_by_role("heading", level=1)).to_have_text("First")
    page.evaluate("document.body.dataset.mine = 'untouched'")
    site.change("Second")
    expect(page.locator("#news")).to_have_text("1 new change came to the desk. Go there")
    expect(page.locator("#count-desk")).to_have_text("2")
    expect(page.get_by_role("heading", level=1)).to_have_text("First")
    expect(page.locator("body")).to_have_attribute("data-mine", "untouched")


def test_the_outcome_of_a_landing_is_a_toast(site: Site, enter: Enter) -> None:
    change = site.change()
    site.change("Second")
    landing = landings.land(site.narrows, change, revision=1)
    page = enter(f"/?done=landing-{landing.id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Second")
    expect(page.locator(".toast")).to_contain_text("Landing “Parse durations of several units” on main.")
    landings.claim(site.narrows, "local")
    landings.move(site.narrows, landing.id)
    toast = page.locator(".toast")
    expect(toast).to_contain_text("Landed “Parse durations of several units” on main.")
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator("#main")).to_contain_text("Being taken back")


def test_without_javascript_the_whole_loop_works(site: Site, browser: Browser) -> None:
    site.change("First")
    site.change("Second", "Do it.", **{"README.md": "# Durations\n\nMore.\n"})
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/?token={TOKEN}")
    page.locator("#file-0").get_by_role("link", name="Comment").click()
    page.get_by_label("Comment on the file").fill("Hm.")
    page.get_by_role("button", name="Comment").click()
    expect(page.locator("article.comment")).to_contain_text("Hm.")
    page.get_by_role("link", name="Send back").click()
    page.get_by_label("Message").fill("Again, please.")
    page.get_by_role("button", name="Send back").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Second")
    page.locator("#bar [data-action=land]").click()
    page.get_by_role("button", name="Land").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing to read")
    page.get_by_role("link", name="New task").first.click()
    page.get_by_label("Title").fill("Third")
    page.get_by_role("button", name="File task").click()
    expect(page.locator(".toast")).to_contain_text("Filed #3 “Third”.")
    context.close()


@pytest.mark.parametrize("form", ["land", "send back"])
def test_drafts_of_decisions_have_a_key_each(form: str) -> None:
    assert sheet.draft_key(7, form) in ("change/7/land", "change/7/send-back")
