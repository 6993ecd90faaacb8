"""Agents that are any program: the prompt on standard input, the transcript on standard output."""

from __future__ import annotations

import asyncio

from server.agents.logs import BoundedLog
from server.agents.protocol import AgentSpec, ExitLike, Hear, Launch, Outcome, ProcessLike, State, Turn, Update
from server.agents.turns import how_it_ended, last_line, last_paragraph, one_line, prepare, read_report
from server.domain.errors import NarrowsError

LAST_WORDS = 2.0  # seconds for output that is still on its way when the program has ended
SUMMARY_FROM = 64 * 1024  # bytes at the transcript's end among which its last paragraph is looked for


class CommandAgent:
    """Runs `spec.argv` in the worktree; exit code 0 is success."""

    def __init__(self, spec: AgentSpec) -> None:
        self.spec = spec

    async def turn(self, turn: Turn, launch: Launch, hear: Hear, stop: asyncio.Event) -> Outcome:
        """One run of the program. Each turn stands alone: there is no session to continue."""
        try:
            process = await launch(
                argv=self.spec.argv,
                cwd=turn.worktree,
                env=prepare(turn),
                run_folder=turn.folder,
                timeout=turn.timeout,
                stdin=turn.prompt_file,
            )
        except NarrowsError as trouble:
            return Outcome("failed", error=str(trouble))
        words = _Words(turn, hear)
        try:
            listening = asyncio.ensure_future(words.listen(process))
            end = await _end_or_stop(process, stop)
            await asyncio.wait([listening], timeout=LAST_WORDS)
            listening.cancel()
        finally:
            words.close()
            process.close()
            await asyncio.shield(process.stop())
        return self._outcome(turn, end, words.summary())

    def _outcome(self, turn: Turn, end: ExitLike, summary: str) -> Outcome:
        state, error = self._judge(turn, end)
        return Outcome(state, summary=summary, error=error, report=read_report(turn))

    def _judge(self, turn: Turn, end: ExitLike) -> tuple[State, str]:
        if end.timed_out:
            return "timed_out", f"{self.spec.name} was still at work after {turn.timeout:g} seconds."
        if end.stopped:
            return "stopped", f"{self.spec.name} was stopped."
        if end.code == 0:
            return "succeeded", ""
        reason = last_line(turn.errors_file)
        return "failed", f"{self.spec.name} ended {how_it_ended(end)}" + (f": {reason}" if reason else ".")


async def _end_or_stop(process: ProcessLike, stop: asyncio.Event) -> ExitLike:
    stopping = asyncio.ensure_future(stop.wait())
    ending = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait([stopping, ending], return_when=asyncio.FIRST_COMPLETED)
        return ending.result() if ending.done() else await process.stop()
    finally:
        stopping.cancel()
        ending.cancel()


class _Words:
    """The program's output, on its way to the transcript, the listener and the summary."""

    def __init__(self, turn: Turn, hear: Hear) -> None:
        self._log = BoundedLog(turn.transcript_file)
        self._hear = hear
        self._tail = b""

    async def listen(self, process: ProcessLike) -> None:
        partial = b""
        while data := await process.stdout.read(64 * 1024):
            self._log.write(data)
            self._tail = (self._tail + data)[-SUMMARY_FROM:]
            *lines, partial = (partial[-SUMMARY_FROM:] + data).split(b"\n")
            self._say(next((line for line in reversed(lines) if line.strip()), b""))
        self._say(partial)

    def summary(self) -> str:
        return last_paragraph(self._tail.decode("utf-8", "replace"))

    def close(self) -> None:
        self._log.close()

    def _say(self, line: bytes) -> None:
        text = one_line(line.decode("utf-8", "replace"))
        if text:
            self._hear(Update("text", text))
