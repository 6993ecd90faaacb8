"""From what a person asks for to what the agent replies, in a browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from server.services import reviews, runs
from tests.browser import rows
from tests.browser.conftest import AFTER, Site

Enter = Callable[[str], Page]


def test_a_task_with_examples_reaches_the_agent_and_its_replies_stand_with_the_comments(
    site: Site, enter: Enter
) -> None:
    page = enter("/tasks/new")
    page.get_by_label("Title").fill("Parse several units")
    page.get_by_label("Brief").fill("People write `1h30m`.")
    page.get_by_label("Examples").fill('- `parse("1h30m")` gives 5400\n```py\nparse("2d")')
    with page.expect_response(lambda answer: "/drafts/" in answer.url and "done_when" in answer.url):
        page.get_by_label("Done when").fill("The examples are tests.")
    page.reload()
    expect(page.get_by_label("Done when")).to_have_value("The examples are tests.")
    page.get_by_label("Done when").press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("Filed #1")
    expect(page.get_by_label("Examples")).to_have_value("")

    (change,) = site.worker.answer({"durations.py": AFTER}, "Parses several.")
    [first] = runs.of_change(site.narrows, change)
    for told in (
        '## Examples\n\n- `parse("1h30m")` gives 5400\n```py\nparse("2d")\n```\n\n## Done when\n',
        "\n\nThe examples are tests.\n\n",
        "## Checks\n\n",
        "- `make test`\n",
    ):
        assert told in first.prompt

    page.goto(f"{site.url}/")
    page.locator(".fold summary").click()
    expect(page.get_by_role("heading", name="Done when")).to_be_visible()
    rows.point_at_number(rows.added(page, "import re"))
    expect(page.get_by_label("Comment on line")).to_be_focused()
    page.keyboard.type("Why not by hand?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("article.comment")).to_contain_text("Why not by hand?")
    page.get_by_role("link", name="Send back").click()
    expect(page.get_by_label("Message")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("Sent")

    [asked] = reviews.comments(site.narrows, change)
    again = runs.of_change(site.narrows, change)[-1]
    assert again.prompt.endswith(f"\n\nComment {asked.id}: …\n")
    site.worker.answer({"durations.py": AFTER + "\n"}, f"One line more.\n\n**Comment {asked.id}:** It is *shorter*.")
    # The desk was empty, so it shows what arrives by itself.
    reply = page.get_by_role("region", name=f"The agent's reply to comment {asked.id}")
    expect(reply).to_contain_text("It is shorter.")
    expect(page.locator("article.comment", has=reply)).to_contain_text("Why not by hand?")
