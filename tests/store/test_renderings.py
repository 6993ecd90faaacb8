"""Texts that are kept as long as there is room, in a file that nobody misses."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import threading
from pathlib import Path

import pytest

from server.store import renderings
from server.store.renderings import Renderings


def key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def noise(size: int, seed: int) -> str:
    """A text that doesn't get smaller."""
    return random.Random(seed).randbytes(size // 2).hex()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "renderings.db"


def test_what_is_kept_is_found_again(file: Path) -> None:
    Renderings(file).put({key("a"): "<p>ä</p>", key("b"): ""})
    found = Renderings(file).get([key("a"), key("b"), key("c")])
    assert found == {key("a"): "<p>ä</p>", key("b"): ""}
    assert Renderings(file).known([key("a"), key("c")]) == {key("a")}


def test_nothing_is_made_by_looking(file: Path) -> None:
    assert Renderings(file).get([key("a")]) == {}
    assert Renderings(file).known([key("a")]) == set()
    assert not file.exists()


def test_more_keys_than_one_question_takes(file: Path) -> None:
    many = {key(str(n)): str(n) for n in range(1200)}
    Renderings(file).put(many)
    assert Renderings(file).get(list(many)) == many


def test_the_least_recently_used_go_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Renderings(file, limit=100_000)
    clock = [0]
    monkeypatch.setattr(renderings, "_now", lambda: clock[0])
    for n in range(6):
        clock[0] += 10_000
        kept.put({key(str(n)): noise(30_000, n)})  # about 15 kB once packed
        kept.get([key("0")])
    for n in range(6, 8):
        kept.put({key(str(n)): noise(30_000, n)})
    there = kept.known([key(str(n)) for n in range(8)])
    assert key("0") in there
    assert key("7") in there
    assert key("1") not in there
    with sqlite3.connect(file) as connection:
        (size,) = connection.execute("SELECT sum(size) FROM kept").fetchone()
    connection.close()
    assert size <= 100_000


def test_what_takes_up_most_of_the_room_is_not_kept(file: Path) -> None:
    kept = Renderings(file, limit=10_000)
    kept.put({key("small"): "x", key("large"): noise(50_000, 1)})
    assert kept.get([key("small"), key("large")]) == {key("small"): "x"}


@pytest.mark.parametrize("spoilt", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_broken_file_is_made_anew(file: Path, spoilt: bytes) -> None:
    file.write_bytes(spoilt)
    assert Renderings(file).get([key("a")]) == {}
    file.write_bytes(spoilt)
    Renderings(file).put({key("a"): "again"})
    assert Renderings(file).get([key("a")]) == {key("a"): "again"}


def test_a_spoilt_value_is_no_value(file: Path) -> None:
    Renderings(file).put({key("a"): "text"})
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE kept SET value = ?", (b"spoilt",))
    connection.close()
    assert Renderings(file).get([key("a")]) == {}
    assert not file.exists()


def test_a_file_of_another_version_is_made_anew(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderings, "VERSION", 99)
    Renderings(file).put({key("a"): "of the future"})
    monkeypatch.undo()
    assert Renderings(file).get([key("a")]) == {}
    Renderings(file).put({key("b"): "of now"})
    assert Renderings(file).get([key("a"), key("b")]) == {key("b"): "of now"}


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    nowhere = Renderings(tmp_path / "no such folder" / "renderings.db")
    nowhere.put({key("a"): "text"})
    assert nowhere.get([key("a")]) == {}


def test_many_write_at_once(file: Path) -> None:
    def write(first: int) -> None:
        for n in range(first, first + 20):
            Renderings(file).put({key(str(n)): str(n)})

    threads = [threading.Thread(target=write, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [str(100 * thread + n) for thread in range(4) for n in range(20)]
    assert len(Renderings(file).get([key(name) for name in names])) == 80
