"""What each agent needs to reach the scripted model: variables for the server, and files in a HOME of its own.

Nothing but the model's address is chosen here, so that whatever else happens is Narrows' doing: how often an agent
asks again, what it may run, which of its settings count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

KEY = "sk-scripted"
GIT_CONFIG = "[user]\n    name = Uma User\n    email = uma@example.org\n[init]\n    defaultBranch = main\n"

Write = Callable[[Path, str], Mapping[str, str]]


def claude(home: Path, url: str) -> Mapping[str, str]:
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": KEY}


def codex(home: Path, url: str) -> Mapping[str, str]:
    """Its built-in provider can't be told another address by a variable."""
    config = f"""\
model = "gpt-5.5"
model_provider = "scripted"

[model_providers.scripted]
name = "Scripted"
base_url = "{url}/v1"
env_key = "CODEX_API_KEY"
wire_api = "responses"
"""
    _write(home / ".codex" / "config.toml", config)
    return {"CODEX_API_KEY": KEY}


def gemini(home: Path, url: str) -> Mapping[str, str]:
    return {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url}


def qwen(home: Path, url: str) -> Mapping[str, str]:
    return {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": KEY, "OPENAI_MODEL": "scripted"}


def opencode(home: Path, url: str) -> Mapping[str, str]:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Scripted",
        "options": {"baseURL": f"{url}/v1", "apiKey": KEY},
        "models": {"scripted": {"name": "Scripted"}},
    }
    model = "scripted/scripted"
    config = {"provider": {"scripted": provider}, "model": model, "small_model": model, "autoupdate": False}
    _write(home / ".config" / "opencode" / "opencode.json", json.dumps(config))
    return {}


WRITERS: dict[str, Write] = {"claude": claude, "codex": codex, "gemini": gemini, "qwen": qwen, "opencode": opencode}


def make(home: Path, url: str, *agents: str) -> dict[str, str]:
    """Fills `home` for `agents`, all of which reach the model at `url`.

    Returns:
        The variables that the server is started with besides PATH, HOME among them: nothing of the machine's own.
    """
    _write(home / ".gitconfig", GIT_CONFIG)
    # A HOME below the folder for temporary files, as in a test, makes one of them refuse to set up its sandbox.
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    variables = {"HOME": str(home), "TMPDIR": str(temporary), "SHELL": "/bin/bash", "LANG": "C.UTF-8", "TZ": "UTC"}
    for agent in agents:
        variables |= WRITERS[agent](home, url)
    return variables


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
