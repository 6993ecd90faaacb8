"""Agents that speak the Agent Client Protocol over their standard streams.

Taken from the protocol: the stream, permissions, cancelling and resuming. Not taken from it: success. Some agents
end a turn normally when their model has failed, so the diff and the project's checks decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import acp
from acp.client.connection import ClientSideConnection
from acp.schema import (
    AllowedOutcome,
    ClientCapabilities,
    DeniedOutcome,
    Implementation,
    InitializeResponse,
    PermissionOption,
    PromptResponse,
    RequestPermissionResponse,
    TextContentBlock,
    ToolCallUpdate,
)
from pydantic import ValidationError

from server.agents import accounts
from server.agents.acp_errors import quieten_library, reason
from server.agents.logs import BoundedLog
from server.agents.narration import narrate, paths, tool_kind
from server.agents.policy import Question, decide
from server.agents.protocol import AgentSpec, Hear, Launch, Manner, Outcome, ProcessLike, Quirk, Turn, Unanswered, Wish
from server.agents.retries import Retries, failure_in
from server.agents.side_door import SideDoor
from server.agents.starting import command_line, manners, variables
from server.agents.transcripts import Transcript
from server.agents.troubles import classify, resets_at
from server.agents.turns import how_it_ended, last_line, one_line, prepare, read_report
from server.agents.wire import Wire
from server.domain.base import now
from server.domain.errors import NarrowsError
from server.domain.trouble import Trouble

PATIENCE = 60.0  # seconds for an answer to anything but the prompt: a mismatched adapter can be silent for ever
FAREWELL = 2.0  # seconds between a wish (cancel, end of input) and the next, harder one
PAUSE = 0.3  # seconds in which nothing more of an old conversation is told
YOUNG = 62.0  # seconds from the start of the minute in which a session began (see Quirk.YOUNG_SESSIONS_BREAK)
EXPORT = 60.0  # seconds for the program that tells what a session used: it starts slowly where many do
EXPORT_LIMIT = 64 * 1024 * 1024  # bytes of what it says
BACKSTOP = 30.0  # seconds after which the runner ends what our own clock should have ended

# How adapters that are asked for it (`AgentSpec.greeting`) sort their models' failures.
CATEGORIES = {
    "limit": Trouble.RATE_LIMIT,
    "service": Trouble.MODEL,
    "connection": Trouble.UNREACHABLE,
    "access": Trouble.LOGIN,
    "request": Trouble.LIMIT,
}

T = TypeVar("T")


class AcpAgent:
    """Speaks to `spec.argv`; one process for each turn, the conversation is loaded again for a follow-up."""

    def __init__(self, spec: AgentSpec, *, patience: float = PATIENCE, farewell: float = FAREWELL) -> None:
        self.spec = spec
        self.patience = patience
        self.farewell = farewell
        quieten_library()

    async def turn(self, turn: Turn, launch: Launch, hear: Hear, stop: asyncio.Event) -> Outcome:
        """One prompt, to its answer."""
        transcript = Transcript(turn.transcript_file, hear, turn.worktree)
        retries = Retries(self.spec.retrying, transcript)
        manner = manners(self.spec, turn)
        env = variables(prepare(turn, manner.files), manner)
        with ExitStack() as opened:
            if self.spec.errors_to:
                side_door = opened.enter_context(closing(SideDoor(turn.folder / "errors", retries.hear_error)))
                env[self.spec.errors_to] = str(side_door.path)
            try:
                process = await launch(
                    argv=command_line(self.spec.argv, manner),
                    cwd=turn.worktree,
                    env=env,
                    run_folder=turn.folder,
                    timeout=turn.timeout + BACKSTOP,
                    stdin="pipe",
                    on_error=retries.hear_error,
                )
            except NarrowsError as trouble:
                transcript.close()
                return Outcome("failed", error=str(trouble), trouble=Trouble.MISSING)
            stream = opened.enter_context(BoundedLog(turn.stream_file))
            conversation = _Conversation(self, turn, manner, process, transcript, retries, stream)
            try:
                outcome = await conversation.hold(stop)
            finally:
                await asyncio.shield(conversation.part())
        if self.spec.usage_argv and outcome.session and outcome.state == "succeeded":
            outcome = replace(outcome, usage=await self._exported(turn, manner, outcome, launch))
        return outcome

    async def _exported(self, turn: Turn, manner: Manner, outcome: Outcome, launch: Launch) -> Mapping[str, Any]:
        """What the session used, as another program tells it; without that, the cost alone."""
        known = accounts.cost_in(outcome.usage)
        try:
            process = await launch(
                argv=command_line(self.spec.usage_argv, Manner(), session=outcome.session or ""),
                cwd=turn.worktree,
                env=variables(turn.env, manner),
                run_folder=turn.folder,
                timeout=EXPORT,
            )
        except NarrowsError:
            return known
        said = bytearray()
        try:
            async with asyncio.timeout(EXPORT):
                while len(said) < EXPORT_LIMIT and (piece := await process.stdout.read(64 * 1024)):
                    said += piece
        except TimeoutError:
            said.clear()
        finally:
            process.close()
            await asyncio.shield(process.stop())
        return accounts.of_export(said.decode("utf-8", "replace")) or known


class _Conversation:
    """One turn with one process: our side of the protocol, and the clock."""

    def __init__(
        self,
        agent: AcpAgent,
        turn: Turn,
        manner: Manner,
        process: ProcessLike,
        transcript: Transcript,
        retries: Retries,
        stream: BoundedLog,
    ) -> None:
        assert process.stdin is not None
        self.agent = agent
        self.turn = turn
        self.manner = manner
        self.process = process
        self.transcript = transcript
        self.retries = retries
        self.session: str | None = None
        self.continued: bool | None = None
        self.usage: dict[str, Any] = {}
        self._prompted = False
        self._updated = asyncio.Event()  # set by each update
        self._updated.set()
        self._refused = ""  # the last wish that was not granted, and why
        self._unanswered = asyncio.Event()
        self._wire = Wire(process.stdout, process.stdin, stream)
        self._connection = ClientSideConnection(self, self._wire)  # type: ignore[arg-type]

    async def hold(self, stop: asyncio.Event) -> Outcome:
        """Talks until there is an answer, the agent is gone, its time or our patience is up, or `stop` is set."""
        talking = asyncio.ensure_future(self._talk())
        ending = asyncio.ensure_future(self.process.wait())
        ends = {stop: self._stopped, self.retries.hopeless: self._hopeless, self._unanswered: self._without_answer}
        waits = {asyncio.ensure_future(event.wait()): outcome for event, outcome in ends.items()}
        everything = (talking, ending, *waits)
        try:
            await asyncio.wait(everything, timeout=self.turn.timeout, return_when=asyncio.FIRST_COMPLETED)
            if ending.done() and not talking.done():
                await asyncio.wait([talking], timeout=self.agent.farewell)  # its last words are still on the way
            if talking.done():
                return self._complete(await self._judged(talking))
            if ending.done():
                return self._complete(await self._gone())
            outcome = next((outcome for wait, outcome in waits.items() if wait.done()), self._late)
            await self._cancel(talking)
            return self._complete(outcome())
        finally:
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)

    async def part(self) -> None:
        """Ends the conversation and the process: the end of its input first, which lets it save its session."""
        self.retries.close()
        with suppress(Exception):
            await self._connection.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), self.agent.farewell / 2)
        await self.process.stop(self.agent.farewell / 2)
        self.process.close()
        self.transcript.close()

    @property
    def name(self) -> str:
        return self.agent.spec.title or self.agent.spec.name

    # What we say

    async def _talk(self) -> PromptResponse:
        info = Implementation(name="narrows", title="Narrows", version="1")
        able = await self._answer(
            self._connection.initialize(acp.PROTOCOL_VERSION, self._abilities(), info), "to the first greeting"
        )
        prompt = await self._open_session(able)
        if self.manner.mode:
            await self._set_mode(self.manner.mode)
        assert self.session is not None
        self._prompted = True
        block = TextContentBlock(type="text", text=prompt)
        return await self._connection.prompt(session_id=self.session, prompt=[block])

    def _abilities(self) -> ClientCapabilities:
        greeting = self.agent.spec.greeting
        return ClientCapabilities(field_meta=dict(greeting)) if greeting else ClientCapabilities()

    async def _open_session(self, able: InitializeResponse) -> str:
        """Continues the session of the turn, or starts one; answers the prompt that fits it."""
        turn = self.turn
        if turn.session:
            self.continued = await self._load(able, turn.session)
            if self.continued:
                return turn.prompt
        opened = await self._answer(
            self._connection.new_session(cwd=str(turn.worktree), mcp_servers=[], **self.manner.meta),
            "when asked for a session",
        )
        self._meet(opened.session_id)
        return turn.fallback_prompt or turn.prompt if turn.session else turn.prompt

    async def _load(self, able: InitializeResponse, session: str) -> bool:
        if not (able.agent_capabilities and able.agent_capabilities.load_session):
            self.transcript.notice("This agent can't continue a conversation: a new one is told the whole story.")
            return False
        await self._let_it_age()
        try:
            await self._answer(
                self._connection.load_session(
                    cwd=str(self.turn.worktree), session_id=session, mcp_servers=[], **self.manner.meta
                ),
                "when asked to continue",
            )
        except (acp.RequestError, ValidationError, _Silent) as trouble:
            self.transcript.notice(
                f"The earlier conversation could not be continued ({reason(trouble)}): a new one is told the story."
            )
            return False
        await self._hear_it_out()
        self._meet(session)
        return True

    async def _hear_it_out(self) -> None:
        """Some answer first, and tell the old conversation afterwards: it is over when nothing more comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.agent.patience):
                while self._updated.is_set():
                    self._updated.clear()
                    await asyncio.sleep(PAUSE)

    def _meet(self, session: str) -> None:
        self.session = session
        self.turn.meet(session)

    async def _let_it_age(self) -> None:
        began = self.turn.session_began
        if Quirk.YOUNG_SESSIONS_BREAK not in self.agent.spec.quirks or began is None:
            return
        # Sessions are found by the minute in which they began, once that is over.
        remaining = (began.replace(second=0, microsecond=0) + timedelta(seconds=YOUNG) - now()).total_seconds()
        if remaining > 0:
            self.transcript.notice(f"{self.name} loses a conversation that is loaded within its first minute: waiting.")
            await asyncio.sleep(min(remaining, YOUNG))

    async def _set_mode(self, mode: str) -> None:
        assert self.session is not None
        try:
            await self._answer(
                self._connection.set_session_mode(session_id=self.session, mode_id=mode), f"to the mode {mode}"
            )
        except (acp.RequestError, ValidationError) as trouble:
            self.transcript.notice(f"The mode {mode} was not accepted: {reason(trouble)}")

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
        except acp.RequestError as refusal:
            return self._refused_by_model(refusal)
        except _Silent as silence:
            return Outcome("failed", error=f"{self.name} gave {silence}.", trouble=Trouble.SILENT)
        except ValidationError:
            error = f"{self.name} sent an answer that does not fit the protocol."
            return Outcome("failed", error=error, trouble=Trouble.CRASHED)
        except (ConnectionError, OSError):
            return await self._gone()
        self.usage |= accounts.of_answer(answer)
        return self._ended(answer)

    def _ended(self, answer: PromptResponse) -> Outcome:
        said, category = failure_in(answer.field_meta, "error")
        if said:
            return self._model_failed(said, hint=CATEGORIES.get(category))
        match answer.stop_reason:
            case "end_turn" if self._unanswered.is_set():
                return self._without_answer()
            case "end_turn":
                return self._at_its_end()
            case "max_tokens":
                return Outcome("failed", error=f"{self.name} ran into its limit of tokens.", trouble=Trouble.LIMIT)
            case "max_turn_requests":
                return Outcome("failed", error=f"{self.name} ran into its limit of requests.", trouble=Trouble.LIMIT)
            case "refusal":
                return Outcome("failed", error=f"{self.name} refused.", trouble=Trouble.REFUSED)
            case "cancelled" if self._refused:
                error = f"{self.name} gave up when it was refused: {self._refused}."
                return Outcome("failed", error=error, trouble=Trouble.REFUSED)
            case "cancelled":
                return Outcome("failed", error=f"{self.name} broke off by itself.", trouble=Trouble.CRASHED)

    def _at_its_end(self) -> Outcome:
        """A normal end, unless what the agent said, or that it said nothing, tells of a failed model."""
        used = any(self.usage.get(name) for name in ("input", "output"))
        if not self.transcript.busy and not used:
            error = f"{self.name} ended its turn without a word or a deed: its model may not have answered."
            return Outcome("failed", error=error, trouble=Trouble.SUSPECT)
        if not used and (said := self.retries.last or self._gave_up()):
            return self._model_failed(said)
        return Outcome("succeeded")

    def _gave_up(self) -> str:
        """Its last words, where nothing else followed tries that failed: they are the error, told as an answer."""
        only_words = self.agent.spec.tokens is not None and not self.transcript.deeds
        return one_line(self.transcript.summary) if self.retries.any and only_words else ""

    def _refused_by_model(self, refusal: acp.RequestError) -> Outcome:
        """Some answer with the status of HTTP as their code, and with details that the words for a person leave out."""
        http = refusal.code if 400 <= refusal.code < 600 else None
        login = Trouble.LOGIN if refusal.code == -32000 else None
        return self._model_failed(reason(refusal), hint=login, http=http, details=f"{refusal} {refusal.data}")

    def _model_failed(
        self, said: str, *, hint: Trouble | None = None, http: int | None = None, details: str = ""
    ) -> Outcome:
        trouble = classify(said, hint=hint, http=http)
        resets = resets_at(said, now()) or resets_at(details, now()) if trouble is Trouble.RATE_LIMIT else None
        return Outcome("failed", error=f"{self.name}: {said}", trouble=trouble, resets_at=resets)

    async def _gone(self) -> Outcome:
        if self._wire.trouble:
            error = f"The conversation was ended: {self._wire.trouble}."
            return Outcome("failed", error=error, trouble=Trouble.CRASHED)
        try:
            end = await asyncio.wait_for(self.process.wait(), self.agent.farewell)
        except TimeoutError:
            error = f"{self.name} closed its output in the middle of the turn."
            return Outcome("failed", error=error, trouble=Trouble.CRASHED)
        if end.timed_out:
            return self._late()
        if end.stopped:
            return self._stopped()
        reason = last_line(self.turn.errors_file)
        error = f"{self.name} ended {how_it_ended(end)} in the middle of the turn"
        error += f": {reason}" if reason else "."
        return Outcome("failed", error=error, trouble=classify(reason, otherwise=Trouble.CRASHED))

    def _hopeless(self) -> Outcome:
        return self._model_failed(self.retries.last)

    def _without_answer(self) -> Outcome:
        return Outcome("failed", error=f"{self.name} asked, and nobody answered.", trouble=Trouble.UNANSWERED)

    def _stopped(self) -> Outcome:
        return Outcome("stopped", error=f"{self.name} was stopped.")

    def _late(self) -> Outcome:
        return Outcome("timed_out", error=f"{self.name} was still at work after {self.turn.timeout:g} seconds.")

    def _complete(self, outcome: Outcome) -> Outcome:
        if outcome.error:
            self.transcript.notice(outcome.error)
        if Quirk.INPUT_HOLDS_CACHE in self.agent.spec.quirks and "input" in self.usage:
            self.usage["input"] -= self.usage.get("cache_read", 0)
        if self.agent.spec.usage_argv:
            self.usage = accounts.cost_in(self.usage)  # the tokens are told elsewhere
        self.transcript.usage(self.usage)
        return replace(
            outcome,
            summary=self.transcript.summary,
            session=self.session,
            report=read_report(self.turn),
            usage=self.usage,
            continued=self.continued,
        )

    # What the agent says and asks (called by the library)

    async def session_update(self, update: object, **_: Any) -> None:
        """Hears an update; those before the prompt are an old conversation being told again."""
        self._updated.set()
        if self._prompted:
            self.usage |= accounts.of_update(update, self.usage)
        if self._prompted and not self.retries.hear_update(update):
            narrate(update, self.transcript)

    async def request_permission(
        self, tool_call: ToolCallUpdate, options: list[PermissionOption], **_: Any
    ) -> RequestPermissionResponse:
        """Answers by the project's permissions, or the person's word: once, or not at all."""
        known = self.transcript.known(tool_call.tool_call_id)
        tool = tool_kind(tool_call.kind) or (known.tool if known else "") or "other"
        title = one_line(tool_call.title or "") or (known.title if known else "") or "something"
        try:
            allowed, why = await self._decide(tool_call, tool, title)
        except Unanswered:
            self._unanswered.set()
            allowed, why = False, "nobody answered"
        wanted = "allow_once" if allowed else "reject_once"
        option = next((option for option in options if option.kind == wanted), None)
        if allowed and option is None:
            why = "it can't be allowed once only"
        state = "allowed" if allowed and option else "refused"
        self._refused = "" if state == "allowed" else f"{title} ({why or 'by you'})"
        self.transcript.question(tool_call.tool_call_id, title=title, tool=tool, state=state, text=why)
        if option is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=option.option_id))

    async def _decide(self, call: ToolCallUpdate, tool: str, title: str) -> tuple[bool, str]:
        """Whether the agent may, and why (not)."""
        wanted = Question.about(tool, title, paths(call), call.raw_input)
        permission = self.turn.permissions.get(tool, "allow")
        if permission == "deny":
            return False, f"this project allows no {tool}"
        if permission == "ask":
            self.transcript.question(call.tool_call_id, title=title, tool=tool, state="open")
            return await self.turn.ask(
                Wish(tool, self._near(title), wanted.command or self._near("\n".join(wanted.paths)))
            ), "by you"
        decision = decide(wanted, self.turn.worktree, also=self._files())
        return decision.allowed, decision.why

    def _near(self, text: str) -> str:
        """Files of the worktree by their names in it."""
        return text.replace(f"{self.turn.worktree}/", "")

    def _files(self) -> tuple[Path, ...]:
        return (self.turn.report_file, self.turn.prompt_file)


class _Silent(Exception):
    """The agent did not answer in time."""
