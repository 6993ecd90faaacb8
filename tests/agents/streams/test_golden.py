"""Recorded streams of real programs, read into the one vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from server.agents.protocol import Format
from server.domain.transcript import Entry, EntryKind
from tests.agents.streams.golden import check, golden
from tests.agents.streams.reading import read

SAMPLES = Path(__file__).parent / "samples"
RECORDED = sorted(path for path in SAMPLES.iterdir() if path.is_file() and ".golden" not in path.suffixes)
PROGRAMS: dict[str, Format] = {"aider": "text", "mini": "text", **{name: name for name in get_args(Format)}}


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.stem)
def test_what_a_recorded_stream_says(recorded: Path, tmp_path: Path) -> None:
    program = recorded.stem.split("-")[0]
    lines = recorded.read_text().split("\n")
    reading = read(PROGRAMS[program], lines, tmp_path / "transcript.jsonl")
    check(golden(reading.written, result=reading.result), recorded.with_suffix(".golden.jsonl"))


def test_a_golden_file_knows_no_run_from_another() -> None:
    def run(number: int) -> list[Entry]:
        call = f"toolu_{number}"
        return [
            Entry(EntryKind.MESSAGE, number, text=f"In /runs/{number}/tree: "),
            Entry(EntryKind.MESSAGE, number, text="reading."),
            Entry(EntryKind.TOOL, number, id=call, title="Read"),
            Entry(EntryKind.TOOL, number, id=call, text=f"took 0.{number} s", path=f"/runs/{number}/tree/calc.py"),
            Entry(EntryKind.QUESTION, number, id=call, state="allowed"),
            Entry(EntryKind.NOTICE, number, text=f"127.0.0.1:{9000 + number} failed at 2026-11-24T11:2{number}:30Z"),
        ]

    one, two = (golden(run(number), {f"/runs/{number}/tree": "{worktree}"}) for number in (1, 2))
    assert one == two
    assert one.splitlines()[:2] == [
        '{"kind": "message", "text": "In {worktree}: reading."}',
        '{"kind": "tool", "text": "took {duration}", "id": "#1", "title": "Read", "path": "{worktree}/calc.py"}',
    ]
