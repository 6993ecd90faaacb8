"""Agents: those found on this machine, trying one, and adding another by its command."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from jinja2 import Environment

from server.bus import Signal
from server.domain.agent_facts import section_text
from server.domain.errors import Invalid, NarrowsError, NotFound
from server.reading import terminal, visible
from server.services import agents, pauses, trials
from server.services.narrows import Narrows
from server.settings import CONFIG_NAME
from server.web import rendering
from server.web.context import NarrowsDep
from server.web.watched_run import put

router = APIRouter()
LIVE = "/live?watch=agents"


@dataclass(frozen=True)
class Typed:
    """The form as typed; `env` is lines of NAME=value."""

    name: str = ""
    family: str = "command"
    command: str = ""
    env: str = ""
    mode: str = ""

    @property
    def section(self) -> str:
        """The same for `config.toml`, with an example in the place of what is not typed, or can't be used."""
        try:
            words, variables = _words(self.command), _variables(self.env)
        except Invalid:
            words, variables = [], {}
        return section_text(
            self.name or "my-agent", self.family, words or ["my-agent", "--quiet"], variables, self.mode
        )


@router.get("/agents")
def index(request: Request, narrows: NarrowsDep, ask: str = "") -> Response:
    """Every agent, and the form for another. Programs are asked for their versions only if the address says so."""
    return _index(request, narrows, Typed(), ask=ask == "yes")


@router.get("/agents/found")
def found(request: Request, narrows: NarrowsDep) -> Response:
    """What the page lacks when it is opened: what the programs themselves say. Takes some seconds."""
    return rendering.fragment(request, "agents/_found.html", seen=agents.seen(narrows, ask=True), asked=True)


@router.post("/agents")
def add(
    request: Request,
    narrows: NarrowsDep,
    name: Annotated[str, Form()] = "",
    family: Annotated[str, Form()] = "command",
    command: Annotated[str, Form()] = "",
    env: Annotated[str, Form()] = "",
    mode: Annotated[str, Form()] = "",
) -> Response:
    """Configure an agent, or change the one of that name."""
    typed = Typed(name, family, command, env, mode)
    try:
        agents.add(narrows, name, family, _words(command), _variables(env), mode.strip())
    except NarrowsError as error:
        return _index(request, narrows, typed, error)
    return rendering.go(request, _place(name))


@router.post("/agents/{name}/trials")
def try_it(request: Request, narrows: NarrowsDep, name: str) -> Response:
    """Have an agent tried on a tiny task."""
    trials.ask(narrows, name)
    return rendering.go(request, _place(name))


@router.post("/agents/{name}/resumption")
def resume(request: Request, narrows: NarrowsDep, name: str) -> Response:
    """Use an agent although its model's limit may not be lifted."""
    pauses.end(narrows, name)
    return rendering.go(request, _place(name))


@router.get("/trials/{trial_id}")
def show_trial(request: Request, narrows: NarrowsDep, trial_id: int) -> Response:
    """A trial with what the agent said and did in it."""
    trial = trials.get(narrows, trial_id)
    return rendering.page(
        request,
        narrows,
        "agents/trial.html",
        trial=trial,
        one=agents.see(narrows, trial.agent),
        text=trials.transcript(narrows, trial_id),
        live=f"{LIVE}&number={trial_id}",
        section="agents",
    )


@router.post("/trials/{trial_id}/stop")
def stop_trial(request: Request, narrows: NarrowsDep, trial_id: int) -> Response:
    """Ask for a trial's end."""
    return rendering.go(request, _place(trials.stop(narrows, trial_id).agent))


def of_trials(narrows: Narrows, templates: Environment, batch: Iterable[Signal], number: int) -> Iterator[str]:
    """For an open page: where trials stand, and what an agent in a trial says right now; all of it for `number`."""
    told = [signal for signal in batch if signal.topic == "trial"]
    lines = {signal.data["agent"]: signal.data["line"] for signal in told if signal.verb == "heard"}
    template = templates.get_template("agents/_trial.html")
    for name in dict.fromkeys(signal.data["agent"] for signal in told if signal.event_id is not None):
        with suppress(NotFound):  # its section is gone
            html = template.render(one=agents.see(narrows, name), line=lines.pop(name, ""))
            yield put(f"[id='trial-{name}']", html)
    for name, line in lines.items():
        yield put(f"[id='trial-{name}'] .last-line", visible.html(line))
    if number in {signal.id for signal in told} and (text := trials.transcript(narrows, number)):
        yield put(f"#said-{number}", visible.html(terminal.plain(text)))


def _index(
    request: Request, narrows: Narrows, typed: Typed, error: NarrowsError | None = None, *, ask: bool = False
) -> Response:
    return rendering.page(
        request,
        narrows,
        "agents/index.html",
        status=error.status if error else 200,
        seen=agents.seen(narrows, ask=ask),
        asked=ask,
        families=agents.FAMILIES,
        typed=typed,
        section_text=typed.section,
        config=str(narrows.settings.data / CONFIG_NAME),
        error=error,
        live=LIVE,
        section="agents",
    )


def _place(name: str) -> str:
    return f"/agents#agent-{name}"


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise Invalid("argv", f"The command can't be split into words: {error}.", "Close every quote.") from error


def _variables(text: str) -> dict[str, str]:
    variables = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, sign, value = line.partition("=")
        if not sign or not name.isidentifier():
            raise Invalid("env", f"{line!r} is no variable.", "Write one NAME=value a line.")
        variables[name] = value
    return variables
