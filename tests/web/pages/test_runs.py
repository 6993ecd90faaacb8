"""What runs, its transcript, and the stream that keeps pages true."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import RunState
from server.services import changes, landings, runs, tasks
from server.services.narrows import Narrows
from server.web import rendering
from server.web.live_page import Teller, Watch
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person


def begun(narrows: Narrows, project: Project, worker: Worker, title: str = "At it") -> Run:
    tasks.file(narrows, project_id=project.id, title=title)
    return worker.admit()[-1]


def test_runs_at_work_and_stopping_one(person: Person, narrows: Narrows, project: Project, worker: Worker) -> None:
    assert "No agent is at work." in person.reads("/runs")
    run = begun(narrows, project, worker)
    runs.remember_line(narrows, run.id, "reading <src>")
    (runs.folder(narrows, run.id) / "touched").write_text("src/app.py\n")
    page = person.reads("/runs")
    for words in ("At it", "reading <src>", "src/app.py", "data-since", "/live?watch=runs&since="):
        assert words in page
    assert person.sends(f"/runs/{run.id}/stop") == f"/?done=stopped-{run.change_id}"
    assert runs.get(narrows, run.id).stop_asked


def test_checks_after_a_run_can_be_stopped_from_the_page(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    runs.end(narrows, run.id, str(run.executor), RunState.SUCCEEDED)
    assert f'action="/runs/{run.id}/stop"' in person.client.get(f"/changes/{run.change_id}").text
    assert person.sends(f"/runs/{run.id}/stop") == f"/?done=stopped-{run.change_id}"


def test_a_transcript_is_escaped_and_its_start_cut_at_a_line(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    log = runs.folder(narrows, run.id) / "transcript.log"
    log.write_text("<b>bold</b>\n\x1b[31mred\n")
    raw = person.client.get(f"/runs/{run.id}").text
    assert "&lt;b&gt;bold&lt;/b&gt;" in raw
    assert "\nred\n" in raw
    assert f"/live?watch=run&amp;number={run.id}&amp;offset={log.stat().st_size}" in raw
    log.write_text("".join(f"line {n}\n" for n in range(40_000)))
    raw = person.client.get(f"/runs/{run.id}").text
    assert ">line " in raw
    assert "line 39999\n" in raw
    assert f'<a href="/runs/{run.id}/transcript">The whole transcript</a>' in raw
    assert person.client.get(f"/runs/{run.id}/transcript").text.startswith("line 0\nline 1\n")


def told(
    narrows: Narrows,
    happens: Callable[[], object],
    until: str,
    *,
    watch: Watch = "",
    number: int = 0,
    last: str | None = None,
) -> str:
    """What a page hears of what happens, up to the words `until`."""

    async def listen() -> str:
        heard = ""
        async for message in Teller(rendering.environment(), narrows, watch, number).stream(last):
            heard += message
            if until in heard:
                return heard
        raise AssertionError(f"the stream ended after {heard!r}")

    async def act() -> None:
        while not narrows.bus._subscriptions:
            await asyncio.sleep(0)
        await asyncio.to_thread(happens)

    async def both() -> str:
        heard, _ = await asyncio.gather(listen(), act())
        return heard

    return asyncio.run(asyncio.wait_for(both(), 10))


def test_a_page_hears_that_a_change_came(narrows: Narrows, on_desk: Desk) -> None:
    heard = told(narrows, lambda: on_desk.holds(), "event: arrived")
    assert "1 new change came to the desk." in heard
    assert '<hx-partial hx-target="#count-desk" hx-swap="innerHTML">1</hx-partial>' in heard


def test_the_live_page_hears_lines_and_a_sleeping_page_catches_up(
    narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    heard = told(narrows, lambda: runs.hear(narrows, run.id, "a <line>", run.change_id), "a &lt;line&gt;", watch="runs")
    assert f"#run-{run.id} .last-line" in heard
    names = ["src/app.py", "caf\udce9.txt"]
    heard = told(narrows, lambda: runs.touch(narrows, run.id, names, run.change_id), "src/app.py", watch="runs")
    assert f"#run-{run.id} .touched" in heard
    missed = told(narrows, lambda: None, "#runs", watch="runs", last="1")
    assert "At it" in missed


def test_a_transcript_grows_and_goes_on_where_the_page_left(narrows: Narrows, project: Project, worker: Worker) -> None:
    run = begun(narrows, project, worker)
    log = runs.folder(narrows, run.id) / "transcript.log"
    log.write_text("one\n")

    def speak() -> None:
        with log.open("a") as file:
            file.write("two\n")
        runs.hear(narrows, run.id, "two", run.change_id)

    heard = told(narrows, speak, "two", watch="run", number=run.id)
    assert "one" in heard
    last = re.findall(r"^id: (.*)$", heard, re.MULTILINE)[-1]
    assert last.endswith(".8")
    again = told(narrows, speak, "two", watch="run", number=run.id, last=last)
    assert "one" not in again
    assert again.count("two") == 1


def test_a_reader_hears_that_the_change_moved_on(narrows: Narrows, on_desk: Desk) -> None:
    change = on_desk.holds()
    on_desk.holds("Another")
    heard = told(narrows, lambda: changes.abandon(narrows, change), "abandoned", watch="change", number=change)
    assert f"Change #{change} is abandoned now." in heard
    heard = told(narrows, lambda: changes.restore(narrows, change), "#waits", watch="change", number=change + 1)
    assert "Show it as it is" not in heard


def test_the_end_of_a_landing_is_a_toast(narrows: Narrows, on_desk: Desk) -> None:
    change = on_desk.holds("Add adds")
    landings.land(narrows, change, revision=1)

    def fails() -> None:
        (landing,) = landings.claim(narrows, "local")
        landings.fail(narrows, landing.id, "main moved too often.")

    heard = told(narrows, fails, "did not land")
    assert "“Add adds” did not land: main moved too often." in heard
    assert changes.get(narrows, change).note == "main moved too often."


def test_the_stream_is_served_as_one(person: Person, narrows: Narrows) -> None:
    narrows.bus.close()
    answer = person.client.get("/live", headers={"Last-Event-ID": "rubbish"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.startswith(": hello")
