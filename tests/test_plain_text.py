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


@pytest.mark.parametrize(("count", "words"), [(1, "1 file,"), (2, "2 files,")])
def test_one_file_is_one(count: int, words: str) -> None:
    newest = {"number": 1, "files": count, "additions": 1, "deletions": 0, "minutes": 1.0, "report": "", "summary": ""}
    told: dict[str, Any] = {"id": 1, "title": "Say it", "state": "in_review", "note": "", "revisions": [newest]}
    told |= {name: [] for name in ("checks", "comments", "questions", "blockers", "warnings")}
    told |= {"forecast": {"merges": None}}
    assert f"Revision 1: {words} +1 -0" in plain_text.change(told)
