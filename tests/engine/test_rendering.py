"""New revisions are prepared in the background: small ones at once, large ones by a process of their own."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import shutil
import signal
from collections.abc import Callable

import pytest

from server.domain.change import Change
from server.domain.diff import Look, View
from server.engine import processes, renderer, rendering
from server.engine.leftovers import MARKER
from server.engine.workplace import Workplace
from server.services import changes, comparisons, preferences, renderings, revisions
from server.services.narrows import Narrows
from tests.engine.alongside import at_work
from tests.services.workshop import Workshop
from tests.support.processes import carrying, wait_gone

SMALL = {"small.py": "x = 1\n"}
LARGE = {"large.py": f"x = [{'12, ' * 150}]\n" * 120}


@pytest.fixture(autouse=True)
def made_by_pages_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what comes out coloured was prepared."""
    monkeypatch.setattr("server.services.colouring.AT_ONCE", 0)
    monkeypatch.setattr("server.services.moved_lines.AT_ONCE", -1)


def prepared(narrows: Narrows, change: Change, look: Look | None = None) -> bool:
    revision = revisions.of_change(narrows, change.id)[-1]
    comparison = comparisons.of(narrows, changes.get(narrows, change.id), revision)
    return renderings.file(narrows, comparison, 0, look or Look()).coloured


async def until(look: Callable[[], bool]) -> None:
    """Look again and again: keeping a rendering is no event."""
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(look):
            await asyncio.sleep(0.01)


def helpers(narrows: Narrows) -> list[int]:
    """The helping process and its runner's children, by the mark that each of them carries."""
    return carrying(f"{MARKER}={processes.mark(narrows.settings.data / 'rendering')}")


def test_a_small_revision_is_prepared_without_another_process(place: Workplace, workshop: Workshop) -> None:
    async def story() -> None:
        change = await asyncio.to_thread(workshop.change, SMALL)
        await until(lambda: prepared(place.narrows, change))

    at_work(rendering.work(place), story)
    assert not (place.narrows.settings.data / "rendering").exists()


def test_a_large_revision_is_prepared_by_a_process_that_ends_with_the_engine(
    place: Workplace, workshop: Workshop
) -> None:
    there: list[int] = []

    async def story() -> None:
        change = await asyncio.to_thread(workshop.change, LARGE)
        await until(lambda: prepared(place.narrows, change))
        there.extend(helpers(place.narrows))
        assert os.getpriority(os.PRIO_PROCESS, there[0]) >= 10

    at_work(rendering.work(place), story)
    assert len(there) == 1
    wait_gone(there, 2)


def test_a_process_that_has_nothing_to_do_ends(
    place: Workplace, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "IDLE", 0.1)

    async def story() -> None:
        change = await asyncio.to_thread(workshop.change, LARGE)
        await until(lambda: prepared(place.narrows, change))
        await until(lambda: not helpers(place.narrows))
        more = await asyncio.to_thread(workshop.change, {"larger.py": LARGE["large.py"] + "y = 1\n"})
        await until(lambda: prepared(place.narrows, more))

    at_work(rendering.work(place), story)


def test_a_process_that_is_killed_is_followed_by_another(
    place: Workplace, workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        helper = rendering.Helper(place, "prepare")
        try:
            change = await asyncio.to_thread(workshop.change, LARGE)
            await helper.order(change.id)
            os.kill(helpers(place.narrows)[0], signal.SIGKILL)
            (place.narrows.settings.data / "renderings.db").unlink()
            await helper.order(change.id)
            assert "the process has ended" in caplog.text
            await helper.order(change.id)
            assert prepared(place.narrows, change)
        finally:
            await helper.stop()

    asyncio.run(story())


def test_what_cannot_be_prepared_stops_nothing(
    place: Workplace, workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    mirror = place.narrows.mirror(workshop.project.id)

    async def story() -> None:
        helper = rendering.Helper(place, "prepare")
        change = await asyncio.to_thread(workshop.change, LARGE)
        mirror.rename(mirror.with_suffix(".away"))
        with caplog.at_level(logging.WARNING):
            await rendering._prepare(place, helper, change.id)
        assert "could not be prepared: The mirror" in caplog.text
        await helper.order(change.id)  # nothing is kept of what can't be read
        shutil.move(mirror.with_suffix(".away"), mirror)
        await helper.order(change.id)
        assert prepared(place.narrows, change)
        await helper.stop()

    asyncio.run(story())


def test_the_process_answers_each_order(narrows: Narrows, workshop: Workshop) -> None:
    preferences.put(narrows, view="split")
    change = workshop.change(LARGE)
    place = {"data": str(narrows.settings.data), "database": narrows.settings.database_url}
    answers = io.StringIO()
    renderer.main(io.StringIO(f"{json.dumps(place)}\nprepare {change.id}\nprepare 999\nexamine {change.id}\n"), answers)
    done, failed, seen = answers.getvalue().splitlines()
    assert done == seen == "done"
    assert failed.startswith("failed: ")
    assert prepared(narrows, change)
    assert prepared(narrows, change, Look(View.SPLIT))
