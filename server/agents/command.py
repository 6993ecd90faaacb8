"""Any program as an agent: it works in the worktree, reads the prompt, and speaks to its standard output."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from dataclasses import replace
from datetime import datetime

from server.agents.logs import BoundedLog
from server.agents.protocol import AgentSpec, ExitLike, Format, Hear, Launch, Meet, Outcome, ProcessLike, Stdin, Turn
from server.agents.retries import Retries
from server.agents.starting import command_line, manners, variables
from server.agents.streams import Reader, make_reader
from server.agents.transcripts import Transcript
from server.agents.troubles import classify, resets_at
from server.agents.turns import how_it_ended, last_line, last_paragraph, one_line, prepare, read_report
from server.domain.base import now
from server.domain.errors import NarrowsError
from server.domain.trouble import Trouble

LAST_WORDS = 2.0  # seconds for output that is still on its way when the program has ended
LINE_LIMIT = 16 * 1024 * 1024  # bytes of one line of output; a longer one is read in pieces
LAST_LINES = 50  # of an endless text


class CommandAgent:
    """Runs `spec.argv` in the worktree, or `spec.resume` where there is a session to continue."""

    def __init__(self, spec: AgentSpec) -> None:
        self.spec = spec

    async def turn(self, turn: Turn, launch: Launch, hear: Hear, stop: asyncio.Event) -> Outcome:
        """One run of the program; a second, told the whole story, where the session can't be continued."""
        transcript = Transcript(turn.transcript_file, hear, turn.worktree)
        try:
            outcome = await self._turn(turn, launch, transcript, stop)
            if outcome.error:
                transcript.notice(outcome.error)
            transcript.usage(outcome.usage)
        finally:
            transcript.close()
        said = transcript.summary
        summary = last_paragraph(said) if self.spec.format == "text" else said
        return replace(outcome, summary=summary, report=read_report(turn))

    async def _turn(self, turn: Turn, launch: Launch, transcript: Transcript, stop: asyncio.Event) -> Outcome:
        anew = replace(turn, prompt=turn.fallback_prompt or turn.prompt) if turn.session else turn
        if turn.session and self.spec.resume:
            outcome = await self._run(self.spec.resume, turn, launch, transcript, stop)
            if outcome.state != "failed" or transcript.busy:
                return replace(outcome, session=outcome.session or turn.session, continued=True)
            transcript.notice(
                f"The earlier conversation could not be continued ({outcome.error}): a new one is told the story."
            )
        outcome = await self._run(self.spec.argv, anew, launch, transcript, stop)
        return replace(outcome, continued=False if turn.session else None)

    async def _run(
        self, argv: tuple[str, ...], turn: Turn, launch: Launch, transcript: Transcript, stop: asyncio.Event
    ) -> Outcome:
        manner = manners(self.spec, turn)
        env = prepare(turn, manner.files)
        retries = Retries(self.spec.retrying, transcript)
        texts = {"prompt": turn.prompt, "prompt_file": str(turn.prompt_file), "session": turn.session or ""}
        try:
            process = await launch(
                argv=command_line(argv, manner, **texts),
                cwd=turn.worktree,
                env=variables(env, manner),
                run_folder=turn.folder,
                timeout=turn.timeout,
                stdin=_stdin(argv, turn),
                on_error=retries.hear_error,
            )
        except NarrowsError as trouble:
            return Outcome("failed", error=str(trouble), trouble=Trouble.MISSING)
        reader = make_reader(self.spec.format, transcript, retries)
        try:
            with BoundedLog(turn.stream_file) as stream:
                listening = asyncio.ensure_future(
                    _Listening(reader, transcript, stream, turn.meet, self.spec.format).to(process)
                )
                end = await _end_or_stop(process, stop, retries.hopeless)
                await asyncio.wait([listening], timeout=LAST_WORDS)
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        finally:
            retries.close()
            process.close()
            await asyncio.shield(process.stop())
        reader.end()
        outcome = self._hopeless(retries) if retries.hopeless.is_set() else self._judge(turn, end, reader, transcript)
        return replace(outcome, session=reader.session, usage=reader.usage)

    def _judge(self, turn: Turn, end: ExitLike, reader: Reader, transcript: Transcript) -> Outcome:
        name = self.spec.title or self.spec.name
        if end.timed_out:
            return Outcome("timed_out", error=f"{name} was still at work after {turn.timeout:g} seconds.")
        if end.stopped:
            return Outcome("stopped", error=f"{name} was stopped.")
        if reader.failed or (end.code != 0 and reader.error):
            return self._model_failed(
                reader.error or one_line(transcript.summary) or "it says that it failed", reader.resets_at
            )
        if end.code == 0 and self.spec.failing and re.search(self.spec.failing, transcript.summary):
            return self._model_failed(transcript.summary)
        if end.code == 0:
            return Outcome("succeeded")
        reason = last_line(turn.errors_file)
        error = f"{name} ended {how_it_ended(end)}" + (f": {reason}" if reason else ".")
        return Outcome("failed", error=error, trouble=classify(reason, otherwise=Trouble.CRASHED))

    def _hopeless(self, retries: Retries) -> Outcome:
        return self._model_failed(retries.last)

    def _model_failed(self, said: str, told: datetime | None = None) -> Outcome:
        said = one_line(said)
        trouble = classify(said)
        resets = (told or resets_at(said, now())) if trouble is Trouble.RATE_LIMIT else None
        return Outcome(
            "failed", error=f"{self.spec.title or self.spec.name}: {said}", trouble=trouble, resets_at=resets
        )


def _stdin(argv: tuple[str, ...], turn: Turn) -> Stdin:
    """The prompt, unless the arguments carry it. Never an open pipe, at which some agents wait for ever."""
    return None if "{prompt}" in argv or "{prompt_file}" in argv else turn.prompt_file


async def _end_or_stop(process: ProcessLike, *events: asyncio.Event) -> ExitLike:
    stopping = [asyncio.ensure_future(event.wait()) for event in events]
    ending = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait([*stopping, ending], return_when=asyncio.FIRST_COMPLETED)
        return ending.result() if ending.done() else await process.stop()
    finally:
        for task in (*stopping, ending):
            task.cancel()


class _Listening:
    """A program's output on its way to its reader: every line, or of an endless text one a second and the last few."""

    def __init__(self, reader: Reader, transcript: Transcript, stream: BoundedLog, meet: Meet, format: Format) -> None:
        self._reader = reader
        self._transcript = transcript
        self._stream = stream
        self._meet: Meet | None = meet
        self._text = format == "text"
        self._held: deque[bytes] = deque(maxlen=LAST_LINES)
        self._read_at = 0.0

    async def to(self, process: ProcessLike) -> None:
        """Listens until there is no more."""
        partial = b""
        try:
            while data := await process.stdout.read(64 * 1024):
                self._stream.write(data)
                *lines, partial = (partial + data).split(b"\n")
                if len(partial) > LINE_LIMIT:
                    lines.append(partial)
                    partial = b""
                self._take(lines)
        finally:
            self._read([*self._held, *([partial] if partial else [])])

    def _take(self, lines: list[bytes]) -> None:
        if not (self._text and self._transcript.full):
            self._read(lines)
            return
        self._held.extend(lines)
        if self._held and time.monotonic() - self._read_at > 1:
            self._read_at = time.monotonic()
            self._read([self._held.pop()])

    def _read(self, lines: list[bytes]) -> None:
        for line in lines:
            self._reader.line(line.decode("utf-8", "replace"))
        if self._reader.session and self._meet:
            self._meet(self._reader.session)
            self._meet = None
