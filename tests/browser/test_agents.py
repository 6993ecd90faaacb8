"""The agents' page in a browser: versions come by themselves, a trial is followed live, everything can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import Page, expect

from server.domain.agent import Agent, Found, TrialState
from server.domain.agent_facts import Facts
from server.domain.trouble import Trouble
from server.services import agents, runs, trials
from server.services.narrows import Narrows
from tests.browser.conftest import Site
from tests.browser.test_look import CONTRAST, WIDTHS

Enter = Callable[[str], Page]
LISTENS = "() => document.getElementById('live')?._htmx?.sse?.reader"
NATIVE = Facts(
    "Claude Code",
    "known",
    description="Claude Code by its own stream of events.",
    driven="by its own command line",
    others=("Better by the protocol: `npm install --global claude-agent-acp`.",),
    asking="never",
    tokens=True,
    gives_up=90,
    section='[agents.my-claude]\nbased_on = "claude"\n',
)


@pytest.fixture
def narrows(narrows: Narrows) -> Narrows:
    """On a machine with an agent whose program takes its time to tell how old it is, and one that is missing."""
    asked = Event()

    def probe(agent: Agent) -> Found:
        asked.set()
        return describe(agent)[1]

    def describe(agent: Agent) -> tuple[Facts, Found]:
        if agent.name != "claude.old":
            return Facts(agent.name, "known", programs=(agent.name,)), Found(None, None, step="Run `get it`.")
        found = Found("/usr/local/bin/claude", None, "native", False)
        too_old = replace(found, version="1.0.2 (Claude Code)", problem="It is too old.", step="Run `npm update`.")
        return NATIVE, too_old if asked.is_set() else found

    rows = (Agent(name="claude.old", family="command", argv=["claude"], built_in=True), *narrows.built_in)
    return replace(narrows, built_in=rows, probe=probe, describe=describe)


def test_versions_come_by_themselves(enter: Enter) -> None:
    page = enter("/agents")
    card = page.locator("[id='agent-claude.old']")
    expect(card).to_contain_text("1.0.2 (Claude Code)")
    expect(card.locator(".pill.too_old")).to_have_text("too old")
    expect(card.locator(".problem")).to_contain_text("It is too old.")
    expect(card.locator(".problem code")).to_have_text("npm update")


def test_a_trial_is_followed_where_it_was_asked_for(site: Site, enter: Enter) -> None:
    runs.heartbeat(site.narrows, "tests", "here", 1)
    page = enter("/agents")
    page.get_by_role("button", name="Try it: Claude Code").click()
    card = page.locator("[id='agent-claude.old']")
    expect(card.get_by_role("button", name="Stop")).to_be_visible()
    page.wait_for_function(LISTENS)
    trial = agents.see(site.narrows, "claude.old").trial
    assert trial
    assert trials.begin(site.narrows, trial.id, "Claude Code 1.0.2, by a test", "")
    trials.hear(site.narrows, trial, "reading <add.py>")
    expect(card.locator(".last-line")).to_have_text("reading <add.py>")
    card.get_by_role("link", name="What it says").click()
    page.wait_for_function(LISTENS)
    log = trials.folder(site.narrows, trial.id) / "transcript.jsonl"
    log.write_text('{"kind":"message","at":1,"text":"<b>I did it."}\n')
    trials.hear(site.narrows, trial, "I did it.")
    expect(page.locator(".transcript")).to_have_text("<b>I did it.")
    trials.end(site.narrows, trial.id, TrialState.FAILS, "401 refused.", Trouble.LOGIN, {"input": 1200})
    expect(page.locator(".pill.fails")).to_be_visible()
    expect(page.locator(".trial")).to_contain_text("Log in with the agent's own program")
    expect(page.get_by_role("button", name="Try it again")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_fits_and_can_be_read(site: Site, enter: Enter, scheme: str, tmp_path: Path) -> None:
    runs.heartbeat(site.narrows, "tests", "here", 1)
    trial = trials.ask(site.narrows, "claude.old")
    trials.end(site.narrows, trial.id, TrialState.WORKS, "It changed the file as asked in 4.2 s.")
    enter("/projects").emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page = enter("/agents")
    expect(page.locator(".pill.too_old")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for name, (width, height) in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.screenshot(path=tmp_path / f"{scheme}-{name}.png", full_page=True)
    assert not page.evaluate(CONTRAST)
