"""What a terminal shows, in the words that the pages use."""

from __future__ import annotations

from typing import Any

import pytest

from server import plain_text


@pytest.mark.parametrize(
    ("shown", "words"),
    [("yours", "on the desk"), ("agent's", "an agent is at it"), ("engine's", "landing"), ("blocked", "blocked")],
)
def test_a_task_says_where_it_stands(shown: str, words: str) -> None:
    told = {"id": 7, "shown": shown, "title": "Say it", "why": ""}
    assert plain_text.tasks([told]) == f"#7  {words}  Say it"


def test_a_receipt_says_what_was_read_tested_and_landed() -> None:
    told: dict[str, Any] = {
        "landing": 3,
        "change": 7,
        "state": "landed",
        "read": {"revision": 2, "diff_sha256": "f" * 64},
        "tested": {"tree": "e" * 40, "checks": [{"command": "make\x1b[31m", "state": "failed"}], "insisted": "It is."},
        "landed": {"branch": "main", "from": "a" * 40, "to": "b" * 40, "tree": "e" * 40},
        "verified": {"branch": {"at": "b" * 40}},
    }
    assert plain_text.receipt(told).splitlines() == [
        "Landing 3: landed",
        "",
        "read      revision 2 of change 7, diff ffffffffffff",
        "tested    tree eeeeeeeeeeee",
        "          make\\x1b[31m: failed",
        "landed    main aaaaaaaaaaaa -> bbbbbbbbbbbb, tree eeeeeeeeeeee",
        "insisted  It is.",
        "verified  main read back at bbbbbbbbbbbb",
    ]


@pytest.mark.parametrize(("count", "words"), [(1, "1 file,"), (2, "2 files,")])
def test_one_file_is_one(count: int, words: str) -> None:
    newest = {"number": 1, "files": count, "additions": 1, "deletions": 0, "minutes": 1.0, "report": "", "summary": ""}
    told: dict[str, Any] = {"id": 1, "title": "Say it", "state": "in_review", "note": "", "revisions": [newest]}
    told |= {name: [] for name in ("checks", "comments", "questions", "blockers", "warnings")}
    told |= {"outlook": None}
    assert f"Revision 1: {words} +1 -0" in plain_text.change(told)


def test_what_is_in_a_changes_way_is_said_on_the_desk_and_of_the_change() -> None:
    outlook = {"said": "conflicts with another", "sentence": "Lands cleanly on main now; conflicts with #2"}
    waiting = {"change": {"id": 1}, "minutes": 3.0, "title": "Say it", "why_here": "waits longest", "outlook": outlook}
    counts = {"waiting_count": 1, "working": 0, "queued": 0}
    budget = {"waiting_minutes": 3.0, "minutes": 60, "sentence": ""}
    told = plain_text.desk({"waiting": [waiting], "budget": budget, **counts})
    assert "#1  3 min  Say it  waits longest; conflicts with another" in told
    change: dict[str, Any] = {"id": 1, "title": "Say it", "state": "in_review", "note": "", "revisions": []}
    change |= {name: [] for name in ("checks", "comments", "questions", "blockers", "warnings")}
    change |= {"outlook": outlook}
    assert "Lands cleanly on main now; conflicts with #2." in plain_text.change(change)


def test_an_amount_is_said_in_its_unit() -> None:
    assert [plain_text.amount(size) for size in (0, 999, 1_500, 25_000, 3_400_000, 12_000_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "25 kB",
        "3.4 MB",
        "12 GB",
    ]
