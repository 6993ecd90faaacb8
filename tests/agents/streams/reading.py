"""Reads a stream as a turn would, and tells what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.agents.protocol import Format, Update
from server.agents.streams import Reader, Tries, make_reader
from server.agents.transcripts import Transcript
from server.domain.transcript import Entry, EntryKind, folded


@dataclass
class Reading:
    """What a stream said."""

    reader: Reader
    summary: str
    written: list[Entry]
    heard: list[Update]

    @property
    def entries(self) -> list[Entry]:
        """As they are shown."""
        return folded(self.written)

    def texts(self, kind: EntryKind) -> list[str]:
        return [entry.text for entry in self.entries if entry.kind is kind]

    def tools(self) -> list[tuple[str, str, str]]:
        """Title, kind and state of each tool call."""
        return [(entry.title, entry.tool, entry.state) for entry in self.entries if entry.kind is EntryKind.TOOL]

    @property
    def files(self) -> list[str]:
        return [entry.path for entry in self.entries if entry.kind is EntryKind.FILE]

    @property
    def refused(self) -> list[tuple[str, str, str]]:
        """Title, kind and reason of each refused wish."""
        return [
            (entry.title, entry.tool, entry.text)
            for entry in self.entries
            if entry.kind is EntryKind.QUESTION and entry.state == "refused"
        ]

    @property
    def plans(self) -> list[tuple[tuple[str, str], ...]]:
        return [entry.plan for entry in self.entries if entry.kind is EntryKind.PLAN]

    @property
    def result(self) -> dict[str, Any]:
        """What the reader found beside the entries."""
        reader = self.reader
        return {
            "session": reader.session,
            "usage": reader.usage,
            "failed": reader.failed,
            "error": reader.error,
            "summary": self.summary,
        }


def read(format: Format, lines: Iterable[str], path: Path, tries: Tries | None = None) -> Reading:
    """Reads `lines` into a transcript at `path`."""
    heard: list[Update] = []

    async def listen() -> tuple[Reader, str]:
        transcript = Transcript(path, heard.append)
        reader = make_reader(format, transcript, tries)
        try:
            for line in lines:
                reader.line(line)
            reader.end()
        finally:
            transcript.close()
        return reader, transcript.summary

    reader, summary = asyncio.run(listen())
    entries = map(Entry.read, path.read_text().splitlines())
    return Reading(reader, summary, [entry for entry in entries if entry], heard)


def events(*values: Any) -> list[str]:
    """Each value as a line of JSON."""
    return [json.dumps(value) for value in values]
