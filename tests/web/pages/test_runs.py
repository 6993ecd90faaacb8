"""What runs, its transcript, and the stream that keeps pages true."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.domain.base import now
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import RunState
from server.domain.transcript import Entry, EntryKind
from server.domain.trouble import Trouble
from server.services import changes, landings, pauses, runs, tasks
from server.services.narrows import Narrows
from server.store import run_queries
from server.web import rendering
from server.web.live_page import Teller, Watch
from tests.web.conftest import Worker
from tests.web.pages.conftest import HTMX, Desk, Person


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
    runs.end(narrows, run.id, str(run.executor), runs.Ending(RunState.SUCCEEDED))
    assert f'action="/runs/{run.id}/stop"' in person.client.get(f"/changes/{run.change_id}").text
    assert person.sends(f"/runs/{run.id}/stop") == f"/?done=stopped-{run.change_id}"


def write(narrows: Narrows, run: Run, *entries: Entry) -> Path:
    """The agent says and does more; the file that it is in."""
    log = runs.folder(narrows, run.id) / "transcript.jsonl"
    with log.open("a") as file:
        file.writelines(f"{entry.line()}\n" for entry in entries)
    return log


def said(text: str) -> Entry:
    return Entry(EntryKind.MESSAGE, 1.0, text=text)


def tool(key: str, state: str, output: str = "", tool: str = "execute") -> Entry:
    return Entry(EntryKind.TOOL, 1.0, id=key, title=f"make {key}", tool=tool, state=state, text=output)


def ids(html: str) -> list[str]:
    return re.findall(r'<li class="entry kind-\w+" id="(e\d+)"', html)


def test_a_transcript_is_a_column_of_all_kinds(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    write(
        narrows, run, said("I **look**.\n"), Entry(EntryKind.THOUGHT, 1.0, text="Hm, why?\nMore."),
        Entry(EntryKind.PLAN, 1.0, plan=(("completed", "look"), ("in_progress", "fix it"))),
        tool("all", "running"), tool("all", "completed", "fine"), tool("test", "failed", "1 failed"),
        Entry(EntryKind.FILE, 1.0, path="src/app.py"),
        Entry(EntryKind.QUESTION, 1.0, id="q", title="Delete it", tool="delete", state="open"),
        Entry(EntryKind.USAGE, 1.0, usage={"input": 1200}), Entry(EntryKind.NOTICE, 1.0, text="It was asked to stop."),
    )  # fmt: skip
    page = person.reads(f"/runs/{run.id}")
    for words in (
        "<strong>look</strong>", "Thought <span class=\"gist\">Hm, why?</span>", "Plan: 1 of 2 done", "fix it",
        "make all", "make test", "Wrote <code>src/app.py</code>", "Delete it", "waits for you",
        "Used so far: 1,200 in; cost unknown", "<strong>Narrows:</strong> It was asked to stop.",
    ):  # fmt: skip
        assert words in page
    assert len(ids(page)) == 9
    opened = re.findall(r"<details id=\"d\d+\"( open)?><summary class=\"tool-line\">", page)
    assert opened == ["", " open"]  # only what failed shows its output by itself


def test_what_an_agent_says_can_do_nothing_on_the_page(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    evil = '<b onclick="x" hx-get="/">evil</b>\u202e\x1b[31m'
    write(
        narrows, run, said(evil), Entry(EntryKind.THOUGHT, 1.0, text=evil),
        Entry(EntryKind.PLAN, 1.0, plan=((evil, evil),)), Entry(EntryKind.NOTICE, 1.0, text=evil),
        Entry(EntryKind.TOOL, 1.0, id=evil, title=evil, tool=evil, state=evil, path="p" + evil, text=evil),
        Entry(EntryKind.QUESTION, 1.0, id="q", title=evil, tool=evil, state=evil, text=evil),
        Entry(EntryKind.FILE, 1.0, path=evil),
    )  # fmt: skip
    for path in (f"/runs/{run.id}", f"/runs/{run.id}?q=evil"):
        raw = person.client.get(path).text
        assert "<b " not in raw
        assert "\u202e" not in raw
        assert "\x1b" not in raw


def test_long_output_is_shortened_and_whole_on_demand(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    log = write(narrows, run, tool("a", "running"))
    told = log.stat().st_size
    write(narrows, run, tool("a", "completed", "".join(f"line {n} <x>\n" for n in range(500))))
    page = person.reads(f"/runs/{run.id}")
    assert "line 11 <x>" in page
    assert "line 250" not in page
    assert "line 499 <x>" in page
    assert "Show all 500 lines" in page
    assert f'href="/runs/{run.id}/entries/{told}"' in page
    assert person.reads(f"/runs/{run.id}/entries/{told}").count("\n") == 500
    assert "line 250 &lt;x&gt;" in person.client.get(f"/runs/{run.id}/entries/{told}", headers=HTMX).text
    for nowhere in (told + 1, 10**9):
        assert "Nothing is told at" in person.reads(f"/runs/{run.id}/entries/{nowhere}", status=404)


def test_a_long_run_is_read_in_pieces(person: Person, narrows: Narrows, project: Project, worker: Worker) -> None:
    run = begun(narrows, project, worker)
    log = write(narrows, run, *(tool(str(n), "completed", "out") for n in range(1200)))
    newest = person.reads(f"/runs/{run.id}")
    assert len(ids(newest)) == 500
    assert "make 1199" in newest
    start = int(ids(newest)[0][1:])
    assert f"/live?watch=run&number={run.id}&from={start}&offset={log.stat().st_size}&since=" in newest
    earlier = re.findall(r'href="(/runs/\d+\?from=\d+)">Earlier', newest)
    middle = person.reads(earlier[0])
    assert (len(ids(middle)), "make 699" in middle, "make 700" in middle) == (500, True, False)
    assert f'href="/runs/{run.id}?from={start}">Later entries' in middle
    assert f"/live?watch=run&number={run.id}&since=" in middle  # it hears how the run stands, and no words
    assert len(ids(person.reads(f"/runs/{run.id}?from={10**9}"))) == 0


def test_words_are_looked_for(person: Person, narrows: Narrows, project: Project, worker: Worker) -> None:
    run = begun(narrows, project, worker)
    write(
        narrows, run, said("The parser is <slow>.\n"), tool("a", "completed", "no\nParser: 3 ms\n"), tool("b", "failed")
    )
    hits = person.peeks(f"/runs/{run.id}?q=parser")
    assert "2 entries have “parser” in them" in hits
    assert hits.count("<mark>") == 2
    assert len(ids(hits)) == 2
    assert "<html" not in hits
    whole = person.reads(f"/runs/{run.id}?q=parser")
    assert 'value="parser"' in whole
    assert len(ids(whole)) == 5  # what was found, and below it everything, which the style hides
    assert (
        "<mark>&lt;slow&gt;</mark>" in person.client.get(f"/runs/{run.id}", params={"q": "<slow>"}, headers=HTMX).text
    )
    assert "0 entries have “nowhere” in them" in person.peeks(f"/runs/{run.id}?q=nowhere")
    assert not person.peeks(f"/runs/{run.id}?q=%20").strip()


def test_a_transcript_from_before_entries_is_text(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    log = runs.folder(narrows, run.id) / "transcript.log"
    log.write_text("<b>bold</b>\n\x1b[31mred\n")
    raw = person.client.get(f"/runs/{run.id}").text
    assert "&lt;b&gt;bold&lt;/b&gt;\nred\n" in raw
    log.write_text("".join(f"line {n}\n" for n in range(40_000)))
    raw = person.client.get(f"/runs/{run.id}").text
    assert ">line " in raw
    assert "line 39999\n" in raw
    assert "The whole transcript" in raw
    whole = person.client.get(f"/runs/{run.id}/transcript")
    assert whole.text.startswith("line 0\nline 1\n")
    assert whole.text.endswith("line 39999\n")


def test_the_transcript_as_text_and_the_raw_stream(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    write(narrows, run, said("Done."), tool("a", "completed", "fine"))
    whole = person.client.get(f"/runs/{run.id}/transcript")
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.text == "Done.\n• make a (execute, completed)\n    fine\n"
    assert "Raw stream" not in person.reads(f"/runs/{run.id}")
    assert "has no raw stream" in person.reads(f"/runs/{run.id}/stream", status=404)
    (runs.folder(narrows, run.id) / "stream.jsonl").write_text("<script>\n")
    assert "Raw stream" in person.reads(f"/runs/{run.id}")
    stream = person.client.get(f"/runs/{run.id}/stream")
    assert stream.headers["content-disposition"].startswith("attachment; ")
    assert (stream.headers["content-type"], stream.text) == ("text/plain; charset=utf-8", "<script>\n")


def test_a_run_that_waits_for_its_agents_limit_says_so(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    first = begun(narrows, project, worker)
    limit = runs.Ending(RunState.FAILED, "Too many.", Trouble.RATE_LIMIT, now() + timedelta(hours=1))
    runs.end(narrows, first.id, str(first.executor), limit)
    runs.decide(narrows, first.id)
    second = runs.retry(narrows, first.change_id)
    pages = (f"/runs/{second.id}", f"/changes/{first.change_id}")
    assert all("starts nothing until" in person.reads(page) for page in pages)
    assert f'"/agents#agent-{second.agent}"' in person.reads(pages[0])
    pauses.end(narrows, second.agent)
    assert not any("starts nothing until" in person.reads(page) for page in pages)


def test_the_head_says_how_the_run_stands(person: Person, narrows: Narrows, project: Project, worker: Worker) -> None:
    run = begun(narrows, project, worker)
    head = person.reads(f"/runs/{run.id}")
    for words in ("not confined", "Used</dt><dd>unknown", "data-since", f'action="/runs/{run.id}/stop"'):
        assert words in head
    with narrows.transaction() as db:
        run = run_queries.one(db, run.id)
        run.driven_by, run.confined_by, run.continued = "claude 2.1 <x>", "bubblewrap", False
        run.quiet_since = now() - timedelta(minutes=6)
        run.usage = {"input": 12, "output": 3, "cost": 0.5}
        db.add(run)
    head = person.reads(f"/runs/{run.id}")
    for words in (
        "claude 2.1 <x>", "by bubblewrap", "Its earlier conversation could not be continued", "Not a word for",
        "6 min", "It is left alone: stop it if you like.", "12 in, 3 out; cost 0.5000 USD",
    ):  # fmt: skip
        assert words in head
    ended = runs.Ending(
        RunState.FAILED, "It broke.", Trouble.RATE_LIMIT, datetime(2026, 1, 2, 3, 4, tzinfo=UTC), continued=True
    )
    runs.end(narrows, run.id, str(run.executor), ended)
    head = person.reads(f"/runs/{run.id}")
    for words in (
        "The run failed: its model's limit is reached.", "The limit is lifted at", "2026-01-02 03:04 UTC",
        Trouble.RATE_LIMIT.step, "It broke.", "It went on with the conversation", "It said nothing.",
    ):  # fmt: skip
        assert words in head
    assert "Not a word" not in head
    assert f'action="/runs/{run.id}/stop"' not in head


def test_a_task_page_follows_its_runs(person: Person, narrows: Narrows, project: Project, worker: Worker) -> None:
    run = begun(narrows, project, worker)
    runs.remember_line(narrows, run.id, "reading <src>")
    page = person.reads(f"/tasks/{run.task_id}")
    for words in (
        "reading <src>",
        f'href="/runs/{run.id}"',
        f'action="/runs/{run.id}/stop"',
        "/live?watch=task&number=",
    ):
        assert words in page
    other = begun(narrows, project, worker, "Another")

    def speak() -> None:
        runs.hear(narrows, other.id, "not here", other.change_id)
        runs.hear(narrows, run.id, "a <line>", run.change_id)

    heard = told(narrows, speak, "a &lt;line&gt;", watch="task", number=run.task_id)
    assert f"#run-{run.id} .last-line" in heard
    assert "not here" not in heard
    heard = told(narrows, lambda: runs.stop(narrows, run.id), "#came", watch="task", number=run.task_id)
    assert f"Run #{run.id}" in heard


def test_evidence_says_what_each_run_used_and_all_together(
    person: Person, narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    evidence = f"/changes/{run.change_id}"
    assert "<dt>Used</dt><dd>unknown" in person.reads(evidence)
    runs.end(narrows, run.id, str(run.executor), runs.Ending(RunState.FAILED, usage={"output": 7, "cost": 0.25}))
    runs.decide(narrows, run.id)
    runs.retry(narrows, run.change_id)
    worker.admit()
    page = person.reads(evidence)
    for words in ("7 out (unknown for 1 of 2 runs); cost 0.2500 USD (unknown for 1 of 2 runs)", "2 runs"):
        assert words in page


def told(
    narrows: Narrows,
    happens: Callable[[], object],
    until: str,
    *,
    watch: Watch = "",
    number: int = 0,
    start: int = 0,
    offset: int | None = None,
    last: str | None = None,
) -> str:
    """What a page hears of what happens, up to the words `until`."""

    async def listen() -> str:
        heard = ""
        async for message in Teller(rendering.environment(), narrows, watch, number, start, offset).stream(last):
            heard += message
            if until in heard:
                return heard
        raise AssertionError(f"the stream ended after {heard!r}")

    async def act() -> None:
        while not narrows.bus._subscriptions:
            await asyncio.sleep(0)
        await asyncio.to_thread(happens)

    async def both() -> str:
        acting = asyncio.create_task(act())
        heard = await listen()
        acting.cancel()  # all was told before anything could happen
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


def last_id(heard: str) -> str:
    return str(re.findall(r"^id: (.*)$", heard, re.MULTILINE)[-1])


def test_a_transcript_grows_and_goes_on_where_the_page_left(narrows: Narrows, project: Project, worker: Worker) -> None:
    run = begun(narrows, project, worker)
    shown = write(narrows, run, said("on"), tool("a", "running")).stat().st_size
    write(narrows, run, tool("b", "running"))

    def speak() -> None:
        write(narrows, run, tool("a", "completed", "well"), said("two"), said("three"))
        runs.hear(narrows, run.id, "three", run.change_id)

    heard = told(narrows, speak, "twothree", watch="run", number=run.id, offset=shown)
    place = len(said("on").line()) + 1
    assert f'hx-target="#e{place}" hx-swap="outerMorph"><li class="entry kind-tool" id="e{place}">' in heard
    added = re.findall(r'hx-target="#transcript" hx-swap="beforeend">', heard)
    assert len(added) == 2
    assert "make b" in heard
    last = last_id(heard)
    size = (runs.folder(narrows, run.id) / "transcript.jsonl").stat().st_size
    assert last.endswith(f".{size}")

    def go_on() -> None:
        write(narrows, run, said("four"), tool("b", "failed"))
        runs.hear(narrows, run.id, "four", run.change_id)

    # Another server, another connection: all that is known of the page is where it starts and what it has been told.
    again = told(narrows, go_on, "failed", watch="run", number=run.id, offset=shown, last=last)
    assert "twothreefour" in again
    assert "#transcript" not in again
    assert "make a" not in again


def test_the_last_words_before_a_silence_are_told_without_a_signal(
    narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    heard = told(narrows, lambda: write(narrows, run, said("so long")), "so long", watch="run", number=run.id, offset=0)
    assert "#transcript" in heard


def test_a_page_that_slept_is_told_all_in_messages_of_some_entries(
    narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    write(narrows, run, *(tool(str(n), "completed", "x" * 100) for n in range(1000)))
    heard = told(narrows, lambda: None, "make 999", watch="run", number=run.id, offset=0, last="0.0")
    messages = [message for message in heard.split("\n\n") if "#transcript" in message]
    assert len(messages) == 5
    assert ids("".join(messages)) == sorted(set(ids(heard)), key=lambda name: int(name[1:]))


def test_an_older_piece_hears_how_the_run_stands_and_no_words(
    narrows: Narrows, project: Project, worker: Worker
) -> None:
    run = begun(narrows, project, worker)
    write(narrows, run, said("words"))
    names = ["src/app.py"]
    heard = told(
        narrows, lambda: runs.touch(narrows, run.id, names, run.change_id), "#touched", watch="run", number=run.id
    )
    assert "#run-state" in heard
    assert "words" not in heard
    assert "." not in last_id(heard)


def test_a_new_plan_takes_the_place_of_the_one_before(narrows: Narrows, project: Project, worker: Worker) -> None:
    run = begun(narrows, project, worker)
    plans = [Entry(EntryKind.PLAN, 1.0, plan=(("completed", f"step {n}"),)) for n in range(2)]
    heard = told(narrows, lambda: write(narrows, run, *plans), "#plan", watch="run", number=run.id, offset=0)
    newest = heard[heard.index('hx-target="#plan"') :]
    assert "step 1" in newest
    assert "step 0" not in newest


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
