"""The line to an ACP agent: JSON-RPC messages, one a line, from a program that may say anything."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from server.agents.logs import BoundedLog

LINE_LIMIT = 64 * 1024 * 1024  # bytes of one line, after which the agent is taken for broken
OPEN_REQUESTS = 64  # the agent's own requests that may wait for an answer before it is no longer read


class Wire:
    """An `acp` transport over a program's standard streams that no line can break.

    What is no message is passed over and counted in `garbage`; `stream` keeps every line. `trouble` says why the line
    ended early, if it did.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: BoundedLog | None = None
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._stream = stream
        self._room = asyncio.Semaphore(OPEN_REQUESTS)
        self.garbage = 0
        self.trouble = ""

    async def send(self, message: dict[str, Any]) -> None:
        """Writes one message.

        Raises:
            ConnectionError: the agent no longer reads.
        """
        if "method" not in message:
            self._room.release()
        if self._writer.is_closing():
            raise ConnectionError("The agent's input is closed.")
        line = json.dumps(message, separators=(",", ":")).encode()
        self._keep(">", line)
        self._writer.write(line + b"\n")
        await self._writer.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        while True:
            line = await self._line()
            if line is None:
                return None
            self._keep("<", line.strip())
            # Lines that are there already are read without a pause: let what they start take its turn.
            await asyncio.sleep(0)
            message = _message(line)
            if message is None:
                self.garbage += bool(line.strip())
                continue
            if "method" in message and "id" in message:
                await self._room.acquire()
            return message

    async def close(self) -> None:
        """Ends our side; the agent sees the end of its input."""
        self._writer.close()

    def _keep(self, direction: str, line: bytes) -> None:
        """Every line as it was: `>` from us, `<` from the agent."""
        if self._stream and line:
            self._stream.write(direction.encode() + b" " + line + b"\n")

    async def _line(self) -> bytes | None:
        pieces: list[bytes] = []
        length = 0
        while length < LINE_LIMIT:
            try:
                pieces.append(await self._reader.readuntil(b"\n"))
                return b"".join(pieces)
            except asyncio.IncompleteReadError as end:
                pieces.append(end.partial)
                return b"".join(pieces) or None
            except asyncio.LimitOverrunError as overrun:
                pieces.append(await self._reader.readexactly(overrun.consumed))
                length += len(pieces[-1])
            except ConnectionError:
                return None
        self.trouble = f"it sent a line of more than {LINE_LIMIT // 2**20} MB"
        return None


def _message(line: bytes) -> dict[str, Any] | None:
    """The JSON-RPC message in `line`, or None: the library relies on these shapes without looking."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not isinstance(message.get("id", 0), int | str):
        return None
    if "method" in message:
        return message if isinstance(message["method"], str) else None
    answers = "result" in message or isinstance(message.get("error"), dict)
    return message if answers and "id" in message else None
