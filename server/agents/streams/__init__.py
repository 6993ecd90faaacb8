"""The streams of programs that are run once a turn, read into one vocabulary."""

from __future__ import annotations

from server.agents.protocol import Format
from server.agents.streams.claude import ClaudeReader
from server.agents.streams.codex import CodexReader
from server.agents.streams.cursor import CursorReader
from server.agents.streams.pi import PiReader
from server.agents.streams.reader import NotedTries, Reader, Tries
from server.agents.streams.text import TextReader
from server.agents.transcripts import Transcript

__all__ = ["Reader", "Tries", "make_reader"]


def make_reader(format: Format, transcript: Transcript, tries: Tries | None = None) -> Reader:
    """A reader for a program's output in `format`, which writes to `transcript`.

    `tries` hears of requests to the model that failed and are tried again, and is otherwise noted in the transcript.
    """
    if tries is None:
        tries = NotedTries(transcript)
    match format:
        case "text":
            return TextReader(transcript, tries)
        case "claude":
            return ClaudeReader(transcript, tries)
        case "codex":
            return CodexReader(transcript, tries)
        case "cursor":
            return CursorReader(transcript, tries)
        case "pi":
            return PiReader(transcript, tries)
