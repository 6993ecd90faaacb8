"""Which files of a repository set its agents up."""

from __future__ import annotations

import pytest

from server.domain.agent_config import configures_agents, instructs_agents


@pytest.mark.parametrize(
    "path",
    [
        ".claude/settings.json",
        ".claude/hooks/start.sh",
        ".claude",
        "packages/site/.claude/settings.json",
        ".mcp.json",
        ".vscode/mcp.json",
        ".gemini/settings.json",
        ".qwen/settings.json",
        ".opencode/plugin/start.js",
        "opencode.json",
        "opencode.jsonc",
        ".pi/extensions/start.ts",
        ".codex/config.toml",
        ".cursor/mcp.json",
        ".aider.conf.yml",
        ".aider.model.settings.yml",
        ".Claude/Settings.json",
        ".cl\u200caude/settings.json",
        ".\u212airo/hooks.json",  # a Kelvin sign, which folds to k
    ],
)
def test_what_can_run_code_when_an_agent_starts(path: str) -> None:
    assert configures_agents(path)


@pytest.mark.parametrize("path", ["CLAUDE.md", "AGENTS.md", "docs/agents.md", "GEMINI.md", "QWEN.md", ".cursorrules"])
def test_what_agents_take_for_instructions_runs_nothing(path: str) -> None:
    assert instructs_agents(path)
    assert not configures_agents(path)


@pytest.mark.parametrize("path", ["README.md", "claude/settings.json", "src/opencode.py", "caf\udce9.txt", ""])
def test_other_files_do_neither(path: str) -> None:
    assert not configures_agents(path)
    assert not instructs_agents(path)
