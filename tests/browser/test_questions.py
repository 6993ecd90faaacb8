"""An agent's question in a browser: read, answered by button and by key, and out of the way."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from server.domain.question import Question
from server.domain.states import QuestionState
from server.services import questions, tasks
from tests.browser.conftest import Site
from tests.web.conftest import TOKEN


def asked(site: Site, *commands: str) -> list[Question]:
    """What one run asks."""
    tasks.file(site.narrows, project_id=site.project.id, title="Install it")
    [run] = site.worker.admit()
    return [ask(site, run.id, command) for command in commands]


def ask(site: Site, run_id: int, command: str) -> Question:
    made = questions.ask(site.narrows, run_id, site.worker.name, tool="execute", title=f"Run {command}", detail=command)
    assert made is not None
    return made


def state(site: Site, question: Question) -> QuestionState:
    return questions.get(site.narrows, question.id).state


def test_questions_are_answered_by_button_and_by_key(site: Site, enter: Callable[[str], Page]) -> None:
    first, second, third = asked(site, "make install", "make clean", "rm -r build")
    page = enter("/")
    box = page.locator(f"#question-{first.id}")
    expect(box.locator("h2")).to_have_text("demo asks: may it run this?")
    expect(box.locator(".wish")).to_have_text("make install")
    box.get_by_role("button", name="Allow once").click()
    expect(page.locator("#toasts")).to_contain_text("Allowed to run `make install` once.")
    assert state(site, first) is QuestionState.ALLOWED
    expect(page.locator(".question")).to_have_count(2)
    page.keyboard.press("r")
    expect(page.locator("#toasts")).to_contain_text("Refused to run `make clean`.")
    assert state(site, second) is QuestionState.REFUSED
    page.keyboard.press("y")
    expect(page.locator("h1")).to_have_text("Nothing to read")
    assert state(site, third) is QuestionState.ALLOWED


def test_each_button_can_be_reached_and_pressed_by_keyboard(site: Site, enter: Callable[[str], Page]) -> None:
    [question] = asked(site, "make install")
    page = enter("/")
    page.locator(".wish").focus()
    for words in ("Run #", "Allow once", "Allow to run anything in this run"):
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_contain_text(words)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Allowed to run anything in that run.")
    assert questions.get(site.narrows, question.id).whole_run


def test_a_page_that_is_open_hears_of_a_question(site: Site, enter: Callable[[str], Page]) -> None:
    site.change()
    page = enter("/")
    [question] = asked(site, "make install")
    expect(page.locator("#news")).to_contain_text("1 new change came to the desk")
    page.locator("#news a").click()
    expect(page.locator(f"#question-{question.id}")).to_be_visible()
    expect(page.locator(".behind")).to_contain_text("Parse durations of several units")


def test_without_javascript_it_is_a_plain_form(site: Site, browser: Browser) -> None:
    [question] = asked(site, "make install")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/?token={TOKEN}")
    page.get_by_role("button", name="Refuse").click()
    expect(page.locator("h1")).to_have_text("Nothing to read")
    context.close()
    assert state(site, question) is QuestionState.REFUSED
