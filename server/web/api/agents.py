"""Agents: which there are, and adding one."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from server.services import agents
from server.web.api.answers import AgentAnswer
from server.web.api.asked import Asked, Text
from server.web.context import NarrowsDep

router = APIRouter(prefix="/agents", tags=["agents"])


class NewAgent(Asked):
    """How to start an agent."""

    name: Text = Field(description="Small letters, digits, '.', '-' and '_'.")
    family: Text = Field(description="How it is spoken to: `command` or `acp`.")
    argv: list[Text] = Field(description="The program and its arguments.")
    env: dict[Text, Text] = Field(default_factory=dict, description='Its environment; "$NAME" takes the server\'s own.')
    mode: Text = Field(default="", description="An ACP session mode; empty: the agent's default.")


@router.get("", summary="List agents", description="Looks for each one's program, which may take seconds.")
def every(narrows: NarrowsDep) -> list[AgentAnswer]:
    return [AgentAnswer.of(agent, found) for agent, found in agents.found(narrows)]


@router.post("", status_code=201, summary="Add an agent", description="An agent of the same name is changed.")
def add(narrows: NarrowsDep, asked: NewAgent) -> AgentAnswer:
    agent = agents.add(narrows, asked.name, asked.family, asked.argv, asked.env, asked.mode)
    return AgentAnswer.of(agent, narrows.probe(agent))
