"""How pages say times, counts and deeds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.domain.base import now
from server.services import landings, reviews, tasks
from server.services.narrows import Narrows
from server.web import done, rendering
from tests.web.pages.conftest import Desk


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "0 min"), (0.2, "1 min"), (74.4, "74 min"), (119, "119 min"), (125, "2 h 5 min")]
)
def test_minutes(minutes: float, said: str) -> None:
    assert rendering.minutes(minutes) == said


@pytest.mark.parametrize(("seconds", "said"), [(None, ""), (0.84, "0.8 s"), (61, "61 s"), (150, "2 min 30 s")])
def test_seconds(seconds: float | None, said: str) -> None:
    assert rendering.seconds(seconds) == said


@pytest.mark.parametrize(
    ("ago", "said"), [(5, "just now"), (200, "3 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")]
)
def test_moments(ago: float, said: str) -> None:
    html = rendering.ago(now() - timedelta(seconds=ago))
    assert f">{said}</time>" in html
    assert 'datetime="' in html
    assert rendering.ago(None) == ""


def test_counts() -> None:
    assert [rendering.plural(n, "file") for n in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert rendering.plural(2, "entry", "entries") == "2 entries"


def test_the_head_says_why_new_tasks_pause() -> None:
    stopped = "3 waiting (about 74 min): over your budget of 60 min. New tasks start once about 14 min are read."
    assert rendering.Nav(3, 74, working=1, queued=9, limit=stopped, paused=True, since=0).sentence == stopped
    full = "All 4 agents are at work; the next task starts when one ends."
    assert rendering.Nav(3, 14, 4, 9, full, False, 0).sentence == f"3 waiting, about 14 min. {full}"
    assert rendering.Nav(0, 0, 0, 0, "", False, 0).sentence == "nothing waits"


def test_each_deed_is_said_from_the_database(narrows: Narrows, on_desk: Desk) -> None:
    change = on_desk.holds("Add adds")
    said = {
        "later": "Put “Add adds” behind the others.",
        "sent": "Sent “Add adds” back to its agent.",
        "accepted": "Accepted “Add adds”.",
        "retried": "Trying “Add adds” again.",
        "stopped": "Stopping “Add adds”.",
        "restored": "“Add adds” is back.",
    }
    for deed, sentence in said.items():
        assert done.find(narrows, f"{deed}-{change}") == done.Done(sentence, "", f"/changes/{change}")
    reviews.later(narrows, change)
    landing = landings.land(narrows, change, revision=1)
    about = (f"/changes/{change}", f"landing-{landing.id}")
    told = done.find(narrows, f"landing-{landing.id}")
    assert told == done.Done("Landing “Add adds” on main.", f"/landings/{landing.id}/undo", *about)
    assert done.find(narrows, f"undo-{landing.id}") == told
    task = tasks.file(narrows, project_id=on_desk.project.id, title="Next")
    assert done.find(narrows, f"filed-{task.id}") == done.Done("Filed #2 “Next”.", "/tasks/2/drop", "/tasks/2")
    assert done.find(narrows, f"configured-{on_desk.project.id}") is not None
    assert done.find(narrows, f"unheard-{change}") is None
