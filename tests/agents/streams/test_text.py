"""Programs that speak plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.transcript import EntryKind
from tests.agents.streams.reading import Reading, read


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    return tmp_path / "transcript.jsonl"


def reading(transcript: Path, output: str) -> Reading:
    return read("text", output.split("\n"), transcript)


def test_lines_are_one_message(transcript: Path) -> None:
    found = reading(transcript, "Reading.\r\n\n\n\n  indented\nDone.\n")
    assert found.texts(EntryKind.MESSAGE) == ["Reading.\n\n  indented\nDone.\n\n"]
    assert found.summary == "Reading.\n\n  indented\nDone."
    assert [update.text for update in found.heard] == ["Reading.", "indented", "Done."]


def test_a_progress_bar_is_shown_as_it_stood_last(transcript: Path) -> None:
    found = reading(transcript, "\x1b[2K 10%\r 60%\r\x1b[32m100%\x1b[0m\r\nDone.")
    assert found.summary == "100%\nDone."


def test_the_last_words_of_aider_can_be_an_error(transcript: Path) -> None:
    found = reading(
        transcript,
        "Hello.\nlitellm.RateLimitError: RateLimitError: slow down\nThe API provider has limited you.\n\n",
    )
    assert (found.reader.failed, found.reader.error) == (True, "litellm.RateLimitError: RateLimitError: slow down")


def test_an_error_that_was_overcome_is_none(transcript: Path) -> None:
    failed = "litellm.InternalServerError: overloaded\nRetrying in 0.2 seconds...\n"
    assert not reading(transcript, f"{failed}\nI will edit calc.py.\n").reader.failed


def test_words_about_an_error_are_none(transcript: Path) -> None:
    found = reading(transcript, "I have fixed the litellm.RateLimitError: it is caught now.")
    assert not found.reader.failed


def test_what_aider_used(transcript: Path) -> None:
    found = reading(
        transcript,
        "Tokens: 1.2k sent, 300 cache write, 1M cache hit, 56 received. Cost: $0.0025 message, $0.0025 session.\n"
        "Tokens: 2,100 sent, 44 received. Cost: $0.01 message, $0.0125 session.\n",
    )
    assert found.reader.usage == {
        "input": 3300,
        "output": 100,
        "cache_read": 1_000_000,
        "cache_write": 300,
        "cost": 0.0125,
        "currency": "USD",
    }


def test_what_any_other_program_used_is_not_known(transcript: Path) -> None:
    assert reading(transcript, "Tokens: many. Cost: high.").reader.usage == {}
