"""The sample project of `narrows demo`."""

from __future__ import annotations

from pathlib import Path

from server.domain.agent import Agent
from server.services import sample, tasks
from server.services.narrows import Narrows


def test_the_sample_is_made_once_with_a_task_for_each_built_in_agent(narrows: Narrows) -> None:
    everyone = tuple(
        Agent(name=name, family="command", argv=["true"], built_in=True)
        for name in ("demo", "ruff-fix", "ruff-imports")
    )
    furnished = Narrows(narrows.settings, narrows.database, narrows.bus, built_in=everyone)
    project = sample.prepare(furnished)
    assert Path(project.path).is_relative_to(narrows.settings.data)
    assert {standing.task.agent for standing in tasks.every(furnished)} == {agent.name for agent in everyone}
    before = len(tasks.every(furnished))
    assert sample.prepare(furnished).id == project.id
    assert len(tasks.every(furnished)) == before
