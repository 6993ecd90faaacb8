"""A fast typist does not wait for a form: the letters go into it, and never to the keys that decide."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from server.domain.states import ChangeState
from server.services import changes
from tests.browser.conftest import Site

Enter = Callable[[str], Page]


@pytest.mark.parametrize(("key", "path"), [("b", "**/reviews/new"), ("c", "**/comments/new?*")])
def test_what_is_typed_before_the_form_is_there_goes_into_it(site: Site, enter: Enter, key: str, path: str) -> None:
    change = site.change()
    page = enter(f"/changes/{change}")
    typed = "so slow, but bold"
    held: list[Route] = []
    page.route(path, lambda route: held.append(route))
    with page.expect_request(path):
        page.keyboard.press(key)
    page.keyboard.type(typed[:8])
    held[0].continue_()
    expect(page.locator("textarea:focus")).to_have_value(typed[:8])
    page.keyboard.type(typed[8:])
    expect(page.locator("textarea:focus")).to_have_value(typed)
    assert changes.get(site.narrows, change).later_at is None
    assert changes.get(site.narrows, change).state is ChangeState.IN_REVIEW


def test_a_form_that_never_comes_gives_the_keys_back(site: Site, enter: Enter) -> None:
    change = site.change()
    page = enter(f"/changes/{change}")
    page.route("**/reviews/new", lambda route: route.fulfill(status=409, body="<p>Not now.</p>"))
    with page.expect_response("**/reviews/new"):
        page.keyboard.press("b")
    expect(page.locator("#toasts")).to_contain_text("Not now.")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
