"""Watching an agent at work in a browser: live, searched, and without anything that moves what is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from server.domain.run import Run
from server.domain.states import RunState
from server.domain.transcript import Entry, EntryKind
from server.domain.trouble import Trouble
from server.services import runs, tasks
from tests.browser.conftest import Site
from tests.browser.test_look import CONTRAST, WIDTHS

Enter = Callable[[str], Page]
K = EntryKind
MARKDOWN = "I found it: `show` drops minutes.\n\n1. a test\n2. the fix\n\n```python\ndef show(seconds):\n    ...\n```\n"


def tool(key: str, state: str, output: str = "", kind: str = "execute", path: str = "") -> Entry:
    return Entry(K.TOOL, 1.0, id=key, title=f"Run {key}", tool=kind, state=state, text=output, path=path)


LISTENS = "() => document.getElementById('live')?._htmx?.sse?.reader"


class Agent:
    """Says and does things in a run, as the engine would write them down."""

    def __init__(self, site: Site, title: str = "Watched") -> None:
        tasks.file(site.narrows, project_id=site.project.id, title=title)
        self._site = site
        self.run: Run = site.worker.admit()[-1]

    @property
    def path(self) -> str:
        return f"/runs/{self.run.id}"

    def does(self, *entries: Entry) -> None:
        folder = runs.folder(self._site.narrows, self.run.id)
        with (folder / "transcript.jsonl").open("a") as file:
            file.writelines(f"{entry.line()}\n" for entry in entries)
        runs.hear(self._site.narrows, self.run.id, entries[-1].text or entries[-1].title, self.run.change_id)

    def says(self, text: str) -> None:
        self.does(Entry(K.MESSAGE, 1.0, text=text))

    def ends(self, ending: runs.Ending) -> None:
        runs.end(self._site.narrows, self.run.id, self._site.worker.name, ending)


@pytest.fixture
def agent(site: Site) -> Agent:
    return Agent(site)


def test_watching_a_run(agent: Agent, site: Site, enter: Enter) -> None:
    agent.says("I look.\n")
    page = enter("/runs")
    expect(page.locator(".ticking")).to_have_text(re.compile(r"^\d+ s$"))
    runs.hear(site.narrows, agent.run.id, "reading <durations.py>", agent.run.change_id)
    expect(page.locator(".last-line")).to_have_text("reading <durations.py>")
    page.get_by_role("link", name="Watched").click()
    transcript = page.locator("#transcript")
    expect(transcript).to_contain_text("I look.")
    agent.says("<b>And</b> **see**.")
    expect(transcript.locator("strong")).to_have_text("see")
    expect(transcript).to_contain_text("<b>And</b>")
    expect(transcript.locator("li")).to_have_count(1)
    agent.does(tool("tests", "running"))
    line = transcript.locator(".entry.kind-tool")
    expect(line).to_contain_text("running")
    agent.does(tool("tests", "failed", "1 failed\n"))
    expect(line).to_contain_text("failed")
    expect(line.locator("pre")).to_be_visible()
    plan = page.locator("#plan")
    agent.does(Entry(K.PLAN, 1.0, plan=(("in_progress", "fix it"),)))
    expect(plan).to_contain_text("0 of 1 done")
    agent.does(Entry(K.PLAN, 1.0, plan=(("completed", "fix it"),)))
    expect(plan).to_contain_text("1 of 1 done")
    runs.touch(site.narrows, agent.run.id, ["durations.py"], agent.run.change_id)
    expect(page.locator("#touched")).to_contain_text("durations.py")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".toast")).to_contain_text("Stopping “Watched”.")
    assert runs.get(site.narrows, agent.run.id).stop_asked


def test_the_end_of_a_run_shows_why_and_takes_the_button_away(agent: Agent, enter: Enter) -> None:
    agent.says("half a li")
    page = enter(agent.path)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    agent.ends(runs.Ending(RunState.FAILED, "It answered 429.", Trouble.RATE_LIMIT, usage={"output": 3}))
    head = page.locator("#run-state")
    expect(head).to_contain_text("The run failed: its model's limit is reached.")
    expect(head).to_contain_text("3 out; cost unknown")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_nothing_moves_what_is_read_and_the_end_is_followed(agent: Agent, enter: Enter) -> None:
    agent.does(*(tool(str(n), "completed", f"out {n}") for n in range(120)), tool("slow", "running"))
    page = enter(agent.path)
    page.set_viewport_size({"width": 1000, "height": 600})
    expect(page.locator("#transcript li")).to_have_count(121)
    place = "document.scrollingElement.scrollTop"
    end = "() => document.scrollingElement.scrollHeight - innerHeight - document.scrollingElement.scrollTop < 60"
    read = page.locator("#transcript li").nth(40)
    read.scroll_into_view_if_needed()
    box = read.bounding_box()
    agent.does(tool("slow", "completed", "line\n" * 20), tool("new", "running"))
    expect(page.locator("#transcript li")).to_have_count(122)
    assert read.bounding_box() == box
    page.get_by_role("link", name="To the newest").click()
    page.wait_for_function(end)
    before = page.evaluate(place)
    agent.says("The end.\n\n" + "More.\n\n" * 30)
    expect(page.locator("#transcript")).to_contain_text("The end.")
    page.wait_for_function(f"() => {place} > {before}")
    page.wait_for_function(end)


def test_what_a_person_opened_stays_open_when_it_is_told_anew(agent: Agent, enter: Enter) -> None:
    agent.does(tool("tests", "running", "first"))
    page = enter(agent.path)
    output = page.locator("#transcript .output")
    expect(output).to_be_hidden()
    page.locator("#transcript summary").click()
    expect(output).to_contain_text("first")
    agent.does(tool("tests", "completed", "first\nsecond"))
    expect(output).to_contain_text("second")
    expect(output).to_be_visible()


def test_long_output_is_shown_whole_when_asked(agent: Agent, enter: Enter) -> None:
    agent.does(tool("tests", "failed", "".join(f"line {n}\n" for n in range(300))))
    page = enter(agent.path)
    output = page.locator("#transcript .output")
    expect(output).not_to_contain_text("line 150")
    page.get_by_role("link", name="Show all 300 lines").click()
    expect(output).to_contain_text("line 150")


def test_searching_while_the_agent_goes_on(agent: Agent, enter: Enter) -> None:
    agent.does(
        tool("lint", "completed", "parser.py: fine"), Entry(K.MESSAGE, 1.0, text="The parser.\n"), tool("b", "running")
    )
    page = enter(agent.path)
    page.get_by_label("Find in it").press_sequentially("PARSER")
    found = page.locator("#found")
    expect(found.locator("li.entry")).to_have_count(2)
    expect(found.locator("mark")).to_have_count(2)
    expect(page.locator("#transcript")).to_be_hidden()
    agent.says("Meanwhile.")
    expect(page.locator("#transcript")).to_contain_text("Meanwhile.")
    page.get_by_label("Find in it").fill("")
    expect(found.locator("li")).to_have_count(0)
    expect(page.locator("#transcript li")).to_have_count(4)
    expect(page.get_by_text("Meanwhile.")).to_be_visible()


def test_a_page_that_lost_the_server_goes_on_where_it_was(agent: Agent, site: Site, enter: Enter) -> None:
    agent.says("one ")
    page = enter(agent.path)
    expect(page.locator("#transcript")).to_contain_text("one")
    agent.says("two ")
    expect(page.locator("#transcript")).to_contain_text("one two")
    page.context.set_offline(True)
    page.evaluate("document.getElementById('live')._htmx.sse.reader.cancel()")
    agent.says("three")
    agent.does(tool("after", "running"))
    page.context.set_offline(False)
    expect(page.locator("#transcript")).to_contain_text("one two three")
    expect(page.locator("#transcript li")).to_have_count(2)


def test_a_task_is_followed_and_stopped_on_its_page(agent: Agent, site: Site, enter: Enter) -> None:
    page = enter(f"/tasks/{agent.run.task_id}")
    page.wait_for_function(LISTENS)
    runs.hear(site.narrows, agent.run.id, "reading <x>", agent.run.change_id)
    expect(page.locator(".last-line")).to_have_text("reading <x>")
    page.get_by_role("link", name="Follow what it does").click()
    expect(page.get_by_role("heading", name="Transcript")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".toast")).to_contain_text("Stopping “Watched”.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_transcript_looks_well_at_every_width(agent: Agent, enter: Enter, tmp_path: Path, scheme: str) -> None:
    agent.does(
        Entry(K.NOTICE, 1.0, text="Its model could not be reached; it tries again."),
        Entry(K.THOUGHT, 1.0, text="The user wants minutes. " * 9), Entry(K.MESSAGE, 1.0, text=MARKDOWN),
        Entry(K.PLAN, 1.0, plan=(("completed", "read"), ("in_progress", "fix `show`"), ("pending", "test it"))),
        tool("read", "completed", "def show", "read", "/a/very/long/path" * 12), tool("w" * 200, "running"),
        tool("tests", "failed", "".join(f"line {n} {'x' * 3 * n}\n" for n in range(80))),
        Entry(K.QUESTION, 1.0, id="q", title="rm -rf build", tool="delete", state="open"),
        Entry(K.QUESTION, 1.0, id="p", title="curl", tool="fetch", state="refused", text="You said no."),
        Entry(K.FILE, 1.0, path="durations.py"), Entry(K.USAGE, 1.0, usage={"input": 1234, "cost": 0.01}),
    )  # fmt: skip
    enter("/projects").emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in (agent.path, f"{agent.path}?q=show", f"/tasks/{agent.run.task_id}"):
        page = enter(path)
        for name, (width, height) in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} pixels wide at {width}"
            page.screenshot(path=tmp_path / f"{scheme}-{name}{path.replace('/', '-')}.png", full_page=True)
        assert not page.evaluate(CONTRAST)
