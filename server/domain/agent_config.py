"""Files by which a repository configures the agents that work in it.

Hooks, plugins, extensions and tool servers named in them are started with the agent, before its model says a word. Each
agent looks for its own at the top, and many of them in every folder, so the place does not matter here.
"""

from __future__ import annotations

import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache

# Of any of these names, as a file, a folder or a link: it and all that lies in it.
CONFIGURING = (
    ".claude",
    ".gemini",
    ".qwen",
    ".opencode",
    ".pi",
    ".codex",
    ".cursor",
    ".agents",
    ".goose",
    ".roo",
    ".kiro",
    ".windsurf",
    ".continue",
    ".factory",
    ".aider*",
    ".mcp.json",
    "mcp.json",
    "opencode.json",
    "opencode.jsonc",
    "crush.json",
    ".crush.json",
)
# What agents read as if it had been said to them: words, and no code.
INSTRUCTING = (
    "claude.md",
    "claude.local.md",
    "agents.md",
    "agents.override.md",
    "gemini.md",
    "qwen.md",
    "crush.md",
    "convention.md",
    "conventions.md",
    "copilot-instructions.md",
    ".cursorrules",
    ".clinerules",
    ".windsurfrules",
    ".goosehints",
)


@lru_cache(maxsize=4096)  # a page asks it of every file, more than once
def configures_agents(path: str) -> bool:
    """Whether a file of this name can run code when an agent starts in its repository.

    Args:
        path: Inside the repository, with `/` between its parts.
    """
    return any(_fits(name, CONFIGURING) for name in _names(path))


@lru_cache(maxsize=4096)
def instructs_agents(path: str) -> bool:
    """Whether agents take what a file of this name says for instructions."""
    return any(_fits(name, INSTRUCTING) for name in _names(path))


def _names(path: str) -> list[str]:
    """The parts of a path as a file system sees them that knows no case and skips characters without a shape."""
    folded = "".join(letter for letter in path if unicodedata.category(letter) != "Cf").casefold()
    return unicodedata.normalize("NFKC", folded).casefold().split("/")


@lru_cache(maxsize=4096)
def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
