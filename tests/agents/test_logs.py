"""Logs that stay small, and words that are made presentable."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.agents.logs import BoundedLog
from server.agents.turns import last_line, last_paragraph, one_line


def test_a_small_log_is_what_was_written_at_once(tmp_path: Path) -> None:
    with BoundedLog(tmp_path / "log") as log:
        log.say("grüße\n")
        assert (tmp_path / "log").read_text() == "grüße\n"


@pytest.mark.parametrize("piece", [1, 7, 30, 400])
def test_a_large_log_keeps_head_and_tail(tmp_path: Path, piece: int) -> None:
    data = bytes(range(48, 122)) * 6
    with BoundedLog(tmp_path / "log", head=20, tail=10) as log:
        for start in range(0, len(data), piece):
            log.write(data[start : start + piece])
    notice = f"\n[… {len(data) - 30} bytes left out here …]\n".encode()
    assert (tmp_path / "log").read_bytes() == data[:20] + notice + data[-10:]


def test_a_log_that_goes_on_counts_what_is_there(tmp_path: Path) -> None:
    for _ in range(3):
        with BoundedLog(tmp_path / "log", head=10, tail=4) as log:
            log.write(b"12345678")
    assert (tmp_path / "log").read_bytes().startswith(b"1234567812")
    assert (tmp_path / "log").stat().st_size < 110


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "log")
    log.close()
    log.close()
    log.write(b"late")
    assert (tmp_path / "log").read_bytes() == b""


def test_words_lose_their_escapes_and_their_tricks() -> None:
    assert one_line("\x1b[31mred\x1b[0m \x1b]0;title\x07\nand\u202e more\x00") == "red and more"
    assert one_line("x" * 500) == "x" * 299 + "…"
    assert last_paragraph("a\n\n \nb\nc\n\n") == "b\nc"
    assert last_paragraph("") == ""


def test_the_last_line_that_says_something(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * 9000 + "\nlast\n\n  \n")
    assert last_line(tmp_path / "log") == "last"
    assert last_line(tmp_path / "missing") == ""
