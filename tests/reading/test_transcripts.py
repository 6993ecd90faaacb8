"""Transcripts as they are read: from files that grow, are cut, are long, and are another's to write."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

from server.domain.transcript import Entry, EntryKind
from server.reading import transcript_text, transcripts
from server.reading.transcripts import Excerpt, Fold, Item

K = EntryKind


def written(*entries: Entry) -> io.BytesIO:
    return io.BytesIO("".join(f"{entry.line()}\n" for entry in entries).encode())


def said(*texts: str) -> list[Entry]:
    return [Entry(K.MESSAGE, 1.0, text=text) for text in texts]


def tool(key: str, state: str, output: str = "", **more: str) -> Entry:
    return Entry(K.TOOL, 2.0, text=output, id=key, title=more.pop("title", f"call {key}"), tool="execute", state=state)


def shown(items: Iterable[Item]) -> list[tuple[str, str]]:
    return [(item.entry.text or item.entry.title, item.entry.state) for item in items]


def test_pieces_of_a_message_are_one_and_a_tool_is_told_once_where_it_began() -> None:
    file = written(
        *said("I ", "look.\n"), tool("a", "running"), *said("Meanwhile"), tool("a", "completed", "all is well")
    )
    window = transcripts.window(file, 0, ended=True)
    assert shown(window.items) == [("I look.\n", ""), ("call a", "completed"), ("Meanwhile", "")]
    assert window.items[1].output == Excerpt("all is well", lines=1)
    assert window.items[1].told > window.items[1].offset
    assert (window.start, window.end, window.more) == (0, len(file.getvalue()), False)


def test_what_a_later_telling_leaves_out_stays() -> None:
    window = transcripts.window(written(tool("a", "running", "so far"), tool("a", "failed")), 0, ended=True)
    (item,) = window.items
    assert (item.entry.state, item.output, item.told) == ("failed", Excerpt("so far", lines=1), 0)


def test_a_long_message_goes_on_as_another_so_that_growing_stays_cheap() -> None:
    file = written(*said(*["x" * 1000] * 30))
    items = transcripts.window(file, 0, ended=True).items
    assert [len(item.entry.text) for item in items] == [12_000, 12_000, 6_000]


def test_a_line_that_is_still_being_written_is_waited_for_until_the_run_has_ended() -> None:
    file = io.BytesIO(written(*said("whole")).getvalue() + said(" half")[0].line().encode())
    growing = transcripts.window(file, 0, ended=False)
    assert (shown(growing.items), growing.end) == ([("whole", "")], len(written(*said("whole")).getvalue()))
    assert shown(transcripts.window(file, 0, ended=True).items) == [("whole half", "")]


def test_a_file_cut_in_the_middle_says_how_much_is_missing() -> None:
    before, after = said("before")[0].line()[:-9], said("after")[0].line()
    text = f'{before}\n[… 1234567 bytes left out here …]\nge","text":"rest"}}\n{after}\n'
    items = transcripts.window(io.BytesIO(text.encode()), 0, ended=True).items
    assert [(item.entry.kind, item.entry.text) for item in items] == [
        (K.NOTICE, "1,234,567 bytes of a long transcript are left out here."),
        (K.MESSAGE, "after"),
    ]


def test_what_a_second_attempt_writes_behind_half_a_line_is_read() -> None:
    file = io.BytesIO(said("lost {}")[0].line()[:-4].encode() + written(*said("Once more")).getvalue())
    assert shown(transcripts.window(file, 0, ended=True).items) == [("Once more", "")]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "plain words",
        "[" * 100_000,
        '{"kind":"unknown","at":1}',
        '{"kind":"message","at":"soon","text":"x"}',
        '{"kind":"message","at":1e400,"text":"x"}',
        '{"kind":"message","at":-1,"text":"x"}',
        '{"kind":"message","at":1,"text":7}',
        '{"kind":"tool","at":1,"id":["a"]}',
        '{"kind":"plan","at":1,"plan":[1]}',
        "[1,2]",
    ],
)
def test_a_line_that_is_no_entry_is_none(line: str) -> None:
    assert transcripts.read(line.encode()) is None


def test_halves_of_characters_and_odd_usage_are_made_harmless() -> None:
    odd = transcripts.read(b'{"kind":"usage","at":1,"text":"\\ud800","usage":{"input":"many","output":3,"x":[1]}}')
    assert odd is not None
    assert (odd.text, odd.usage) == ("?", {"output": 3})


def test_a_long_output_shows_its_ends() -> None:
    cut = transcripts.excerpt("\n".join(f"line {n}" for n in range(100)) + "\n")
    assert cut.first.startswith("line 0\n")
    assert cut.first.endswith("line 11")
    assert cut.last.endswith("line 99")
    assert (cut.lines, cut.hidden, cut.cut) == (100, 76, True)
    assert transcripts.excerpt("y" * 500) == Excerpt("y" * 400 + "…", lines=1, cut=True)
    assert transcripts.excerpt("a\nb\n") == Excerpt("a\nb", lines=2)


def test_a_window_ends_after_its_entries_and_still_knows_what_became_of_its_tools() -> None:
    file = written(*(tool(str(n), "running") for n in range(10)), *said("next"), tool("2", "completed", "ok"))
    window = transcripts.window(file, 0, ended=True, most=4)
    assert [item.entry.id for item in window.items] == ["0", "1", "2", "3"]
    assert window.items[2].entry.state == "completed"
    assert window.more
    rest = transcripts.window(file, window.end, ended=True)
    assert rest.items[0].entry.id == "4"


def test_the_newest_entries_of_a_long_file() -> None:
    file = written(*(tool(str(n), "completed", "out") for n in range(2000)))
    start = transcripts.latest(file, len(file.getvalue()))
    items = transcripts.window(file, start, ended=True, most=10_000).items
    assert [items[0].entry.id, items[-1].entry.id, len(items)] == ["1500", "1999", 500]
    earlier = transcripts.latest(file, start)
    assert transcripts.window(file, earlier, ended=True).end == start


def test_an_offset_within_a_line_is_moved_to_the_next() -> None:
    file = written(*said("one"), tool("a", "running"))
    second = len(written(*said("one")).getvalue())
    assert [transcripts.aligned(file, offset) for offset in (-5, 0, 3, second)] == [0, 0, second, second]


def test_words_are_found_in_messages_titles_outputs_and_plans() -> None:
    plan = Entry(K.PLAN, 1.0, plan=(("pending", "fix the Parser"),))
    file = written(
        *said("the pars", "er is slow\n"), tool("a", "running"), plan, *said("nothing"),
        tool("b", "completed", "one\ntwo parser\nthree"), tool("a", "failed", "x" * 900 + "PARSER" + "y" * 900),
    )  # fmt: skip
    found = transcripts.search(file, "parser", ended=True)
    assert [item.entry.kind for item in found.items] == [K.MESSAGE, K.TOOL, K.PLAN, K.TOOL]
    long, short = found.items[1].output, found.items[3].output
    assert long is not None
    assert short is not None
    assert "PARSER" in long.first
    assert len(long.first) < 500
    assert (short.first, short.hidden) == ("two parser", 2)


def test_a_search_ends_at_some_hits() -> None:
    file = written(*(tool(str(n), "completed", "hit") for n in range(300)))
    found = transcripts.search(file, "HIT", ended=True)
    assert (len(found.items), found.more) == (200, True)


@pytest.mark.parametrize("filler", [0, 10, 5000])
def test_the_newest_plan_is_found_however_far_up_it_is(filler: int) -> None:
    plans = [Entry(K.PLAN, 1.0, plan=(("completed", f"step {n}"),)) for n in range(2)]
    file = written(*plans, *(tool(str(n), "completed", "out") for n in range(filler)))
    plan = transcripts.last_plan(file, len(file.getvalue()))
    assert plan is not None
    assert (plan.entry.plan, plan.done) == ((("completed", "step 1"),), 1)
    first = transcripts.last_plan(file, plan.offset)
    assert first is not None
    assert first.offset == 0
    assert transcripts.last_plan(file, 0) is None


def test_a_page_of_ten_megabytes_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    with path.open("w") as out:
        for n in range(400):
            out.write(tool(str(n), "completed", f"{n} " + "word\n" * 5000).line() + "\n")
    size = path.stat().st_size
    tracemalloc.start()
    with path.open("rb") as file:
        window = transcripts.window(file, transcripts.latest(file, size), ended=True)
        found = transcripts.search(file, "399 word", ended=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 9_000_000
    assert peak < 3_000_000
    assert window.items[-1].entry.id == "399"
    assert [item.entry.id for item in found.items] == ["399"]


def test_a_fold_says_what_begins() -> None:
    fold = Fold()
    lines = list(transcripts.lines(written(*said("a", "b"), tool("t", "running"), tool("t", "completed"))))
    begun = []
    for line in lines:
        begun.append(fold.begins(line.entry))
        fold.add(line)
    assert begun == [True, False, True, False]


def text(*entries: Entry, before: Entry | None = None) -> str:
    return "".join(transcript_text.pieces(entries, before))


def test_as_text() -> None:
    question = Entry(
        K.QUESTION, 1.0, id="q", title="Delete x", tool="delete", state="refused", text="Not in the worktree."
    )
    told = text(
        *said("I ", "look"), tool("a", "pending"), tool("a", "running"), tool("a", "completed", "\x1b[31mred\nblue\n"),
        Entry(K.PLAN, 1.0, plan=(("completed", "look"), ("in_progress", "fix"), ("pending", "test"))),
        Entry(K.FILE, 1.0, path="a.py"), question, Entry(K.USAGE, 1.0, usage={"output": 5}),
        Entry(K.THOUGHT, 1.0, text="Hm."), Entry(K.NOTICE, 1.0, text="It is quiet."), *said("Done.\n"),
    )  # fmt: skip
    assert told == (
        "I look\n"
        "• call a (execute, pending)\n"
        "• call a (execute, completed)\n    red\n    blue\n"
        "  ✓ look\n  ▸ fix\n  ○ test\n"
        "wrote a.py\n"
        "? Delete x (delete): refused. Not in the worktree.\n"
        "used 5 out; cost unknown\n"
        "(thinking) Hm.\n"
        "! It is quiet.\n"
        "Done.\n"
    )


def test_text_in_two_parts_is_the_text_of_both() -> None:
    entries = [*said("I ", "look"), tool("a", "completed"), Entry(K.THOUGHT, 1.0, text="Hm"), *said("so", "\n")]
    for cut in range(1, len(entries)):
        assert text(*entries[:cut]) + text(*entries[cut:], before=entries[cut - 1]) == text(*entries)


def test_lines_of_json_are_what_entries_write() -> None:
    entry = tool("a", "completed", "out")
    assert transcripts.read(entry.line().encode()) == entry
    assert next(iter(json.loads(entry.line()))) == "kind"  # what half a line before it and the newest plan are told by
