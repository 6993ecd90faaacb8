"""Agents that speak the Agent Client Protocol over their standard streams.

Taken from the protocol: the stream, permissions, cancelling and resuming. Not taken from it: success. Some agents
end a turn normally when their model has failed, so the diff and the project's checks decide.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import acp
from acp.client.connection import ClientSideConnection
from acp.schema import (
    AllowedOutcome,
    ClientCapabilities,
    DeniedOutcome,
    FileEditToolCallContent,
    Implementation,
    InitializeResponse,
    PermissionOption,
    PromptResponse,
    RequestPermissionResponse,
    TextContentBlock,
    ToolCallUpdate,
    UsageUpdate,
)
from pydantic import ValidationError

from server.agents.logs import BoundedLog
from server.agents.narration import Narration
from server.agents.policy import Question, decide
from server.agents.protocol import AgentSpec, Hear, Launch, Outcome, ProcessLike, Turn
from server.agents.turns import how_it_ended, last_line, one_line, prepare, read_report
from server.agents.wire import Wire
from server.domain.errors import NarrowsError

PATIENCE = 60.0  # seconds for an answer to anything but the prompt: a mismatched adapter can be silent for ever
FAREWELL = 2.0  # seconds between a wish (cancel, end of input) and the next, harder one
BACKSTOP = 30.0  # seconds after which the runner ends what our own clock should have ended

T = TypeVar("T")


class AcpAgent:
    """Speaks to `spec.argv`; one process for each turn, the conversation is loaded again for a follow-up."""

    def __init__(self, spec: AgentSpec, *, patience: float = PATIENCE, farewell: float = FAREWELL) -> None:
        self.spec = spec
        self.patience = patience
        self.farewell = farewell
        _quieten_library()

    async def turn(self, turn: Turn, launch: Launch, hear: Hear, stop: asyncio.Event) -> Outcome:
        """One prompt, to its answer."""
        try:
            process = await launch(
                argv=self.spec.argv,
                cwd=turn.worktree,
                env=prepare(turn),
                run_folder=turn.folder,
                timeout=turn.timeout + BACKSTOP,
                stdin="pipe",
            )
        except NarrowsError as trouble:
            return Outcome("failed", error=str(trouble))
        with BoundedLog(turn.transcript_file) as log:
            conversation = _Conversation(self, turn, process, Narration(log, hear))
            try:
                return await conversation.hold(stop)
            finally:
                await asyncio.shield(conversation.part())


class _Conversation:
    """One turn with one process: our side of the protocol, and the clock."""

    def __init__(self, agent: AcpAgent, turn: Turn, process: ProcessLike, narration: Narration) -> None:
        assert process.stdin is not None
        self.agent = agent
        self.turn = turn
        self.process = process
        self.narration = narration
        self.session: str | None = None
        self.usage: dict[str, Any] = {}
        self._prompted = False
        self._wire = Wire(process.stdout, process.stdin)
        self._connection = ClientSideConnection(self, self._wire)  # type: ignore[arg-type]

    async def hold(self, stop: asyncio.Event) -> Outcome:
        """Talks until there is an answer, the agent is gone, its time is up, or `stop` is set."""
        talking = asyncio.ensure_future(self._talk())
        stopping = asyncio.ensure_future(stop.wait())
        ending = asyncio.ensure_future(self.process.wait())
        everything = (talking, stopping, ending)
        try:
            await asyncio.wait(everything, timeout=self.turn.timeout, return_when=asyncio.FIRST_COMPLETED)
            if ending.done() and not talking.done():
                await asyncio.wait([talking], timeout=self.agent.farewell)  # its last words are still on the way
            if talking.done():
                return self._complete(await self._judged(talking))
            if ending.done():
                return self._complete(await self._gone())
            await self._cancel(talking)
            return self._complete(self._stopped() if stop.is_set() else self._late())
        finally:
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)

    async def part(self) -> None:
        """Ends the conversation and the process: the end of its input first, which lets it save its session."""
        self.narration.end()
        with suppress(Exception):
            await self._connection.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), self.agent.farewell / 2)
        await self.process.stop(self.agent.farewell / 2)
        self.process.close()

    @property
    def name(self) -> str:
        return self.agent.spec.name

    # What we say

    async def _talk(self) -> PromptResponse:
        info = Implementation(name="narrows", title="Narrows", version="1")
        able = await self._answer(
            self._connection.initialize(acp.PROTOCOL_VERSION, ClientCapabilities(), info), "to the first greeting"
        )
        prompt = await self._open_session(able)
        if self.agent.spec.mode:
            await self._set_mode(self.agent.spec.mode)
        assert self.session is not None
        self._prompted = True
        block = TextContentBlock(type="text", text=prompt)
        return await self._connection.prompt(session_id=self.session, prompt=[block])

    async def _open_session(self, able: InitializeResponse) -> str:
        """Continues the session of the turn, or starts one; answers the prompt that fits it."""
        turn = self.turn
        if turn.session and await self._load(able, turn.session):
            return turn.prompt
        opened = await self._answer(
            self._connection.new_session(cwd=str(turn.worktree), mcp_servers=[]), "when asked for a session"
        )
        self.session = opened.session_id
        return turn.fallback_prompt or turn.prompt if turn.session else turn.prompt

    async def _load(self, able: InitializeResponse, session: str) -> bool:
        if not (able.agent_capabilities and able.agent_capabilities.load_session):
            self.narration.notice("This agent can't continue a conversation: a new one is told the whole story.")
            return False
        try:
            await self._answer(
                self._connection.load_session(cwd=str(self.turn.worktree), session_id=session, mcp_servers=[]),
                "when asked to continue",
            )
        except (acp.RequestError, ValidationError, _Silent) as trouble:
            self.narration.notice(
                f"The earlier conversation could not be continued ({_reason(trouble)}): a new one is told the story."
            )
            return False
        self.session = session
        return True

    async def _set_mode(self, mode: str) -> None:
        assert self.session is not None
        try:
            await self._answer(
                self._connection.set_session_mode(session_id=self.session, mode_id=mode), f"to the mode {mode}"
            )
        except (acp.RequestError, ValidationError) as trouble:
            self.narration.notice(f"The mode {mode} was not accepted: {_reason(trouble)}")

    async def _answer(self, request: Coroutine[Any, Any, T], moment: str) -> T:
        try:
            return await asyncio.wait_for(request, self.agent.patience)
        except TimeoutError:
            raise _Silent(f"no answer {moment} within {self.agent.patience:g} seconds") from None

    async def _cancel(self, talking: asyncio.Future[PromptResponse]) -> None:
        if self.session is None:
            return
        with suppress(Exception):
            async with asyncio.timeout(self.agent.farewell):
                await self._connection.cancel(session_id=self.session)
                await asyncio.wait([talking])

    # What came of it

    async def _judged(self, talking: asyncio.Future[PromptResponse]) -> Outcome:
        try:
            answer = talking.result()
        except acp.RequestError as trouble:
            asks = f"{self.name} asks for a login: " if trouble.code == -32000 else f"{self.name} reported an error: "
            return Outcome("failed", error=asks + _reason(trouble))
        except _Silent as trouble:
            return Outcome("failed", error=f"{self.name} gave {trouble}.")
        except ValidationError:
            return Outcome("failed", error=f"{self.name} sent an answer that does not fit the protocol.")
        except (ConnectionError, OSError):
            return await self._gone()
        if answer.usage:
            self.usage |= answer.usage.model_dump(exclude_none=True, exclude={"field_meta"})
        return self._ended(answer)

    def _ended(self, answer: PromptResponse) -> Outcome:
        match answer.stop_reason:
            case "end_turn" if self.narration.busy:
                return Outcome("succeeded")
            case "end_turn":
                error = f"{self.name} ended its turn without a word or a deed: its model may not have answered."
            case "max_tokens":
                error = f"{self.name} ran into its limit of tokens."
            case "max_turn_requests":
                error = f"{self.name} ran into its limit of requests."
            case "refusal":
                error = f"{self.name} refused."
            case "cancelled":
                error = f"{self.name} broke off by itself."
        return Outcome("failed", error=error)

    async def _gone(self) -> Outcome:
        if self._wire.trouble:
            return Outcome("failed", error=f"The conversation was ended: {self._wire.trouble}.")
        try:
            end = await asyncio.wait_for(self.process.wait(), self.agent.farewell)
        except TimeoutError:
            return Outcome("failed", error=f"{self.name} closed its output in the middle of the turn.")
        if end.timed_out:
            return self._late()
        if end.stopped:
            return self._stopped()
        reason = last_line(self.turn.errors_file)
        error = f"{self.name} ended {how_it_ended(end)} in the middle of the turn"
        return Outcome("failed", error=error + (f": {reason}" if reason else "."))

    def _stopped(self) -> Outcome:
        return Outcome("stopped", error=f"{self.name} was stopped.")

    def _late(self) -> Outcome:
        return Outcome("timed_out", error=f"{self.name} was still at work after {self.turn.timeout:g} seconds.")

    def _complete(self, outcome: Outcome) -> Outcome:
        if outcome.error:
            self.narration.notice(outcome.error)
        return Outcome(
            outcome.state,
            summary=self.narration.summary,
            session=self.session,
            error=outcome.error,
            report=read_report(self.turn),
            usage=self.usage,
        )

    # What the agent says and asks (called by the library)

    async def session_update(self, update: object, **_: Any) -> None:
        """Hears an update; those before the prompt are an old conversation being told again."""
        if isinstance(update, UsageUpdate) and update.cost:
            self.usage |= {"cost": update.cost.amount, "currency": update.cost.currency}
        if self._prompted:
            self.narration.hear(update)

    async def request_permission(
        self, tool_call: ToolCallUpdate, options: list[PermissionOption], **_: Any
    ) -> RequestPermissionResponse:
        """Answers by the policy: once, or not at all."""
        kind = tool_call.kind or self.narration.kind(tool_call.tool_call_id)
        title = tool_call.title or self.narration.title(tool_call.tool_call_id)
        question = Question.about(kind, title, _paths(tool_call), tool_call.raw_input)
        decision = decide(question, self.turn.worktree, also=self._files())
        wanted = "allow_once" if decision.allowed else "reject_once"
        option = next((option for option in options if option.kind == wanted), None)
        allowed = decision.allowed and option is not None
        self.narration.permission(title or "something", allowed, decision.why or "it can't be allowed once only")
        if option is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=option.option_id))

    def _files(self) -> tuple[Path, ...]:
        return (self.turn.report_file, self.turn.prompt_file)


class _Silent(Exception):
    """The agent did not answer in time."""


def _paths(call: ToolCallUpdate) -> list[str]:
    located = [location.path for location in call.locations or ()]
    edited = [item.path for item in call.content or () if isinstance(item, FileEditToolCallContent)]
    return located + edited


def _reason(trouble: Exception) -> str:
    """The most telling words of an error: agents put them into the message, into the data, or into JSON in either."""
    candidates = [getattr(trouble, "data", None), str(trouble)]
    for candidate in candidates:
        text = _message_in(candidate)
        if text:
            return one_line(text)
    return type(trouble).__name__


def _message_in(value: object) -> str:
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return _message_in(inner) if isinstance(inner, dict) else value
    if isinstance(value, dict):
        named = (_message_in(value[key]) for key in ("message", "details", "error", "detail") if key in value)
        return next((text for text in named if text), "")
    return ""


class _NotTheLibrary(logging.Filter):
    """The library reports what it does not know as an error, to the root logger and with a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        known = record.exc_info and isinstance(record.exc_info[1], acp.RequestError | ValidationError | ConnectionError)
        return not (known and Path(record.pathname).is_relative_to(Path(acp.__file__).parent))


def _quieten_library() -> None:
    root = logging.getLogger()
    if not any(isinstance(known, _NotTheLibrary) for known in root.filters):
        root.addFilter(_NotTheLibrary())
