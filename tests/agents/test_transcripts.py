"""Transcripts as they are written: what an agent says and does, in the words of every agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import acp
import pytest

from server.agents import transcripts
from server.agents.logs import BoundedLog
from server.agents.narration import narrate
from server.agents.protocol import Update
from server.agents.transcripts import Transcript
from server.domain.transcript import Entry, EntryKind, folded
from server.reading import transcript_text


@dataclass(frozen=True)
class Written:
    """What became of a transcript."""

    entries: list[Entry]
    heard: list[Update]
    summary: str
    busy: bool

    @property
    def text(self) -> str:
        return "".join(transcript_text.pieces(self.entries))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Written]:
    """Writes a transcript with what is called on it."""

    def write(tell: Callable[[Transcript], object]) -> Written:
        heard: list[Update] = []

        async def run() -> Transcript:
            transcript = Transcript(tmp_path / "transcript.jsonl", heard.append)
            tell(transcript)
            transcript.close()
            return transcript

        transcript = asyncio.run(run())
        lines = (tmp_path / "transcript.jsonl").read_text().splitlines()
        entries = [entry for line in lines if (entry := Entry.read(line))]
        return Written(entries, heard, transcript.summary, transcript.busy)

    return write


Write = Callable[[Callable[[Transcript], object]], Written]


def test_a_plan_is_told_as_it_changes(write: Write) -> None:
    def tell(transcript: Transcript) -> None:
        first = acp.update_plan([acp.plan_entry("one", status="in_progress"), acp.plan_entry("two")])
        second = acp.update_plan(
            [acp.plan_entry("one", status="completed"), acp.plan_entry("two", status="in_progress")]
        )
        for update in (first, first, second):
            narrate(update, transcript)

    written = write(tell)
    assert written.text == "  ▸ one\n  ○ two\n  ✓ one\n  ▸ two\n"
    assert written.heard == [Update("plan", "one"), Update("plan", "two")]


def test_thoughts_and_words_are_told_apart(write: Write) -> None:
    def tell(transcript: Transcript) -> None:
        narrate(acp.update_agent_thought_text("hm"), transcript)
        narrate(acp.update_agent_message_text("Yes"), transcript)
        narrate(acp.update_agent_message_text("."), transcript)

    written = write(tell)
    assert written.text == "(thinking) hm\nYes."
    assert [(entry.kind, entry.text) for entry in written.entries] == [
        (EntryKind.THOUGHT, "hm"),
        (EntryKind.MESSAGE, "Yes."),
    ]
    assert written.summary == "Yes."


def test_what_is_no_text_is_told_by_its_kind_and_what_says_nothing_is_passed_over(write: Write) -> None:
    def tell(transcript: Transcript) -> None:
        narrate(acp.update_agent_message(acp.image_block("aGk=", "image/png")), transcript)
        narrate(acp.update_user_message_text("what you said"), transcript)

    assert write(tell).text == "[image]"


def test_a_tool_call_keeps_what_its_later_tellings_leave_out(write: Write) -> None:
    def tell(transcript: Transcript) -> None:
        narrate(acp.start_tool_call("c", "make test", kind="execute", status="pending"), transcript)
        narrate(acp.update_tool_call("c", status="in_progress"), transcript)
        narrate(acp.update_tool_call("c", status="in_progress"), transcript)
        shown = acp.tool_content(acp.text_block("\x1b[31mred\x1b[0m"))
        narrate(acp.update_tool_call("c", status="failed", content=[shown]), transcript)

    written = write(tell)
    assert [entry.state for entry in written.entries] == ["pending", "running", "failed"], "nothing new is not told"
    [call] = folded(written.entries)
    assert (call.title, call.tool, call.state, call.text) == ("make test", "execute", "failed", "red")
    assert written.heard == [
        Update("tool", "make test (execute, pending)"),
        Update("tool", "make test (execute, failed)"),
    ]


def test_what_a_tool_says_without_end_is_cut_in_the_middle(write: Write) -> None:
    long = "a" * transcripts.KEPT_OUTPUT + "z" * transcripts.KEPT_OUTPUT
    written = write(lambda transcript: transcript.tool("c", title="t", state="completed", output=long))
    [call] = written.entries
    assert len(call.text) < transcripts.KEPT_OUTPUT + 100
    assert f"[… {transcripts.KEPT_OUTPUT} characters left out here …]" in call.text
    assert (call.text[0], call.text[-1]) == ("a", "z")


def test_the_summary_is_what_was_said_after_the_last_tool_or_before_it_at_a_silent_end(write: Write) -> None:
    def work(transcript: Transcript) -> None:
        transcript.message("First I look.")
        transcript.tool("c", title="look")
        transcript.message("All is well.")

    assert write(work).summary == "All is well."

    def end_on_a_tool(transcript: Transcript) -> None:
        transcript.message("Last I write.")
        transcript.tool("d", title="write")

    assert write(end_on_a_tool).summary == "Last I write."


def test_a_question_and_its_answer_are_one_thing(write: Write) -> None:
    def tell(transcript: Transcript) -> None:
        transcript.question("q", title="rm\n-rf x", tool="execute", state="open")
        transcript.question("q", title="rm -rf x", tool="execute", state="refused", text="by you")

    written = write(tell)
    [question] = folded(written.entries)
    assert (question.title, question.state, question.text) == ("rm -rf x", "refused", "by you")
    assert [update.text for update in written.heard] == ["rm -rf x: asks you", "rm -rf x: refused: by you"]


def test_a_message_waits_a_moment_for_its_next_piece_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read live, it comes within the moment, even when nothing follows."""
    monkeypatch.setattr(transcripts, "FLUSH_AFTER", 0.01)
    path = tmp_path / "transcript.jsonl"

    async def run() -> str:
        written = asyncio.Event()

        class Log(BoundedLog):
            def write(self, data: bytes) -> None:
                super().write(data)
                written.set()

        monkeypatch.setattr(transcripts, "BoundedLog", Log)
        transcript = Transcript(path, lambda _: None)
        for piece in ("Look", "ing at"):
            transcript.message(piece)
        assert path.read_text() == ""
        await asyncio.wait_for(written.wait(), 10)
        transcript.close()
        return path.read_text()

    [entry] = [Entry.read(line) for line in asyncio.run(run()).splitlines()]
    assert entry is not None
    assert entry.text == "Looking at"


def test_narrows_own_words_and_an_empty_account_are_no_work_of_the_agent(write: Write) -> None:
    def tell(transcript: Transcript) -> None:
        transcript.notice("Waiting.")
        transcript.usage({})

    written = write(tell)
    assert not written.busy
    assert written.text == "! Waiting.\n"
