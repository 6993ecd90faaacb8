"""Agents: which there are, trying one, and adding one."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from server.services import agents, pauses, trials
from server.web.api.answers import AgentAnswer, TrialAnswer
from server.web.api.asked import Asked, Number, Text
from server.web.context import NarrowsDep

router = APIRouter(tags=["agents"])


class NewAgent(Asked):
    """How to start an agent."""

    name: Text = Field(description="Small letters, digits, '.', '-' and '_'.")
    family: Text = Field(description="How it is spoken to: `command` or `acp`.")
    argv: list[Text] = Field(description="The program and its arguments.")
    env: dict[Text, Text] = Field(default_factory=dict, description='Its environment; "$NAME" takes the server\'s own.')
    mode: Text = Field(default="", description="An ACP session mode; empty: the agent's default.")


@router.get("/agents", summary="List agents", description="Asks each one's program for its version: may take seconds.")
def every(narrows: NarrowsDep) -> list[AgentAnswer]:
    return [AgentAnswer.of(seen) for seen in agents.seen(narrows, ask=True)]


@router.post("/agents", status_code=201, summary="Add an agent", description="An agent of the same name is changed.")
def add(narrows: NarrowsDep, asked: NewAgent) -> AgentAnswer:
    agent = agents.add(narrows, asked.name, asked.family, asked.argv, asked.env, asked.mode)
    return AgentAnswer.of(agents.see(narrows, agent.name, ask=True))


@router.delete("/agents/{name}/pause", summary="Use an agent although its model's limit is reached")
def resume(narrows: NarrowsDep, name: str) -> AgentAnswer:
    pauses.end(narrows, agents.get(narrows, name).name)
    return AgentAnswer.of(agents.see(narrows, name))


@router.post("/agents/{name}/trials", status_code=202, summary="Try an agent on a tiny task in a scratch repository")
def try_it(narrows: NarrowsDep, name: str) -> TrialAnswer:
    return TrialAnswer.model_validate(trials.ask(narrows, name))


@router.get("/trials/{trial_id}", summary="A trial")
def trial(narrows: NarrowsDep, trial_id: Number) -> TrialAnswer:
    return TrialAnswer.model_validate(trials.get(narrows, trial_id))


@router.delete("/trials/{trial_id}", status_code=202, summary="Stop a trial")
def stop(narrows: NarrowsDep, trial_id: Number) -> TrialAnswer:
    return TrialAnswer.model_validate(trials.stop(narrows, trial_id))
