"""Transcripts as services read them: for a script that asks again and again, and for a page that stays open."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.errors import NotFound
from server.domain.run import Run
from server.domain.transcript import Entry, EntryKind, folded
from server.services import runs, transcripts
from tests.services.workshop import Workshop

MESSAGE = Entry(EntryKind.MESSAGE, 1.0, text="Grüße\n")


@pytest.fixture
def run(workshop: Workshop) -> Run:
    """A run at work."""
    workshop.file()
    (run,) = workshop.admit()
    return run


def write(workshop: Workshop, run: Run, *entries: Entry, name: str = "transcript.jsonl") -> Path:
    path = runs.folder(workshop.narrows, run.id) / name
    with path.open("a") as file:
        file.writelines(f"{entry.line()}\n" for entry in entries)
    return path


def tool(key: str, state: str, output: str = "") -> Entry:
    return Entry(EntryKind.TOOL, 1.0, id=key, title=key, tool="execute", state=state, text=output)


def test_a_script_gets_the_same_whatever_the_size_of_its_pieces(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    assert transcripts.tell(narrows, run.id) == transcripts.Told("", [], 0)
    entries = [MESSAGE, tool("a", "running"), tool("a", "completed", "ok"), MESSAGE, MESSAGE]
    path = write(workshop, run, *entries)
    whole = transcripts.tell(narrows, run.id)
    assert whole.next_offset == path.stat().st_size
    assert [entry.kind for entry in whole.entries] == [EntryKind.MESSAGE, EntryKind.TOOL, EntryKind.MESSAGE]
    told: list[transcripts.Told] = []
    offset = 0
    while (piece := transcripts.tell(narrows, run.id, offset, limit=1)).next_offset > offset:
        told.append(piece)
        offset = piece.next_offset
    assert len(told) == len(entries)
    assert folded(entry for piece in told for entry in piece.entries) == whole.entries
    assert whole.text == "Grüße\n• a (execute, running)\n• a (execute, completed)\n    ok\nGrüße\nGrüße\n"
    assert b"".join(transcripts.whole(narrows, run.id)).decode() == whole.text


def test_half_a_line_is_told_when_it_is_whole(workshop: Workshop, run: Run) -> None:
    path = write(workshop, run, MESSAGE)
    size = path.stat().st_size
    line = tool("a", "running").line()
    with path.open("a") as file:
        file.write(line[:9])
    assert transcripts.tell(workshop.narrows, run.id, size) == transcripts.Told("", [], size)
    with path.open("a") as file:
        file.write(line[9:] + "\n")
    assert [entry.id for entry in transcripts.tell(workshop.narrows, run.id, size).entries] == ["a"]


def test_old_runs_have_text(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    assert not transcripts.is_old(narrows, run.id)
    (runs.folder(narrows, run.id) / "transcript.log").write_bytes("Grüße\n".encode() * 3)
    assert transcripts.is_old(narrows, run.id)
    first = transcripts.tell(narrows, run.id, limit=3)
    rest = transcripts.tell(narrows, run.id, first.next_offset)
    assert (first.text, rest.text) == ("Gr", "üße\nGrüße\nGrüße\n")
    assert [entry.text for entry in rest.entries] == [rest.text]
    assert transcripts.tell(narrows, run.id, rest.next_offset) == transcripts.Told("", [], 24)
    assert transcripts.old_end(narrows, run.id) == ("Grüße\n" * 3, False)
    write(workshop, run, MESSAGE)
    assert not transcripts.is_old(narrows, run.id)


def test_what_an_agent_put_in_the_place_of_its_transcript_is_not_followed(workshop: Workshop, run: Run) -> None:
    narrows, folder = workshop.narrows, runs.folder(workshop.narrows, run.id)
    secret = folder.parent / "secret"
    secret.write_text(MESSAGE.line() + "\n")
    for name in ("transcript.jsonl", "stream.jsonl"):
        (folder / name).symlink_to(secret)
    assert transcripts.tell(narrows, run.id).text == ""
    assert transcripts.page(narrows, run) == transcripts.Page()
    assert b"".join(transcripts.whole(narrows, run.id)) == b""
    with pytest.raises(NotFound):
        transcripts.stream(narrows, run.id)


def test_an_open_page_gets_what_is_new_and_what_is_told_anew(workshop: Workshop, run: Run) -> None:
    narrows = workshop.narrows
    shown = write(workshop, run, MESSAGE, tool("a", "running")).stat().st_size
    follower = transcripts.Follower(narrows, run.id, 0, shown)
    assert not follower.news(ended=False)
    size = write(workshop, run, tool("b", "running"), tool("a", "failed"), tool("b", "completed")).stat().st_size
    news = follower.news(ended=False)
    assert [(item.entry.id, item.entry.state) for item in news.added] == [("b", "completed")]
    assert [(item.entry.id, item.entry.state) for item in news.changed] == [("a", "failed")]
    assert (follower.offset, news.added[0].offset) == (size, shown)
    after_a_restart = transcripts.Follower(narrows, run.id, 0, size)
    write(workshop, run, tool("b", "failed"))
    assert [item.offset for item in after_a_restart.news(ended=False).changed] == [shown]


def test_a_page_shows_the_newest_and_knows_the_plan_from_before(workshop: Workshop, run: Run) -> None:
    plan = Entry(EntryKind.PLAN, 1.0, plan=(("completed", "look"),))
    path = write(workshop, run, plan, *(tool(str(n), "completed") for n in range(600)))
    page = transcripts.page(workshop.narrows, run)
    assert (len(page.window.items), page.earlier, page.later) == (500, 0, None)
    assert page.window.end == path.stat().st_size
    assert page.plan is not None
    assert page.plan.entry == plan
    first = transcripts.page(workshop.narrows, run, 0)
    assert (len(first.window.items), first.earlier) == (500, None)
    assert first.later == first.window.end


def test_one_entry_is_told_whole(workshop: Workshop, run: Run) -> None:
    place = write(workshop, run, MESSAGE).stat().st_size
    write(workshop, run, tool("a", "completed", "line\n" * 1000))
    assert transcripts.entry(workshop.narrows, run.id, place).text == "line\n" * 1000
    with pytest.raises(NotFound):
        transcripts.entry(workshop.narrows, run.id, place + 1)
