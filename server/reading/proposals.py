"""What a repository's root files say about how to set it up and check it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from server.domain.errors import Invalid
from server.domain.project import Author, LandingMethod

CONFIG = "narrows.toml"
KINDS: Mapping[type, str] = {
    str: "a text",
    list: "a list of texts",
    int: "a whole number",
    bool: "true or false",
}


@dataclass
class Proposal:
    """Commands and settings; empty or None where nothing was seen."""

    name: str = ""
    target_branch: str = ""
    setup: str = ""
    checks: list[str] = field(default_factory=list)
    include: list[str] = field(default_factory=list)
    landing_method: LandingMethod | None = None
    check_each: bool = False
    message_template: str = ""
    author: Author | None = None
    co_author: bool = False
    sign_off: bool = False
    agents_limit: int | None = None
    rules: str = ""
    hands_off: list[str] = field(default_factory=list)


def propose(files: Mapping[str, bytes]) -> Proposal:
    """What fits a repository with these root files (name → content).

    The repository's own `narrows.toml` wins; otherwise the first that is seen of: a Makefile's `test` target,
    Python, Node, Rust, Go.

    Raises:
        Invalid: `narrows.toml` is there and can't be read.
    """
    found = _guessed({name: content.decode("utf-8", "replace") for name, content in files.items()})
    if CONFIG in files:
        _configured(found, files[CONFIG])
    return found


def _configured(found: Proposal, content: bytes) -> None:
    try:
        said: dict[str, Any] = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            "path", f"Its {CONFIG} can't be read: {error}.", "Mend it, commit, and register again."
        ) from error
    for name, kind in (
        ("name", str),
        ("target_branch", str),
        ("setup", str),
        ("checks", list),
        ("include", list),
        ("check_each", bool),
        ("message_template", str),
        ("co_author", bool),
        ("sign_off", bool),
        ("agents_limit", int),
        ("rules", str),
        ("hands_off", list),
    ):
        if name not in said:
            continue
        if not _is(said[name], kind):
            raise Invalid(
                "path", f"In its {CONFIG}, {name} must be {KINDS[kind]}.", "Mend it, commit, and register again."
            )
        setattr(found, name, said[name])
    if "landing_method" in said:
        found.landing_method = LandingMethod(_one_of(LandingMethod, "landing_method", said))
    if "author" in said:
        found.author = Author(_one_of(Author, "author", said))


def _one_of(words: type[StrEnum], name: str, said: Mapping[str, Any]) -> str:
    if said[name] not in set(words):
        raise Invalid("path", f"In its {CONFIG}, {name} must be one of: {', '.join(words)}.")
    return str(said[name])


def _is(value: object, kind: type) -> bool:
    if isinstance(value, list):
        return kind is list and all(isinstance(each, str) for each in value)
    return isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


def _guessed(files: Mapping[str, str]) -> Proposal:
    found = Proposal()
    for guess in (_python, _node, _rust, _go):
        if guess(files, found):
            break
    makefile = next((files[name] for name in ("GNUmakefile", "makefile", "Makefile") if name in files), "")
    if target := next((t for t in ("check", "test") if re.search(rf"^{t}\s*:", makefile, re.MULTILINE)), None):
        found.checks = [f"make {target}"]
    return found


def _python(files: Mapping[str, str], found: Proposal) -> bool:
    if not {"pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "tox.ini"} & files.keys():
        return False
    text = files.get("pyproject.toml", "") + files.get("setup.cfg", "") + files.get("tox.ini", "")
    if "uv.lock" in files:
        found.setup, python = "uv sync --all-groups --all-extras", "uv run "
    elif "poetry.lock" in files:
        found.setup, python = "poetry install", "poetry run "
    else:
        python = ""
    found.checks = [
        f"{python}python -m pytest -q"
        if "pytest" in text + files.get("requirements.txt", "")
        else f"{python}python -m unittest"
    ]
    if "[tool.ruff" in text or "ruff.toml" in files:
        found.checks.insert(0, f"{python}ruff check .")
    return True


def _node(files: Mapping[str, str], found: Proposal) -> bool:
    if "package.json" not in files:
        return False
    try:
        package = json.loads(files["package.json"])
    except ValueError:
        return False
    runner = next(
        (
            tool
            for lock, tool in (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"))
            if lock in files
        ),
        "npm",
    )
    install = {"npm": "npm ci" if "package-lock.json" in files else "npm install"}.get(
        runner, f"{runner} install --frozen-lockfile"
    )
    scripts = package.get("scripts") if isinstance(package, dict) else None
    scripts = scripts if isinstance(scripts, dict) else {}
    found.setup = install
    found.checks = [f"{runner} run {name}" for name in ("lint", "typecheck", "test") if scripts.get(name)]
    found.checks = [check for check in found.checks if "no test specified" not in str(scripts.get(check.split()[-1]))]
    return True


def _rust(files: Mapping[str, str], found: Proposal) -> bool:
    if "Cargo.toml" not in files:
        return False
    found.checks = ["cargo test --quiet"]
    return True


def _go(files: Mapping[str, str], found: Proposal) -> bool:
    if "go.mod" not in files:
        return False
    found.checks = ["go vet ./...", "go test ./..."]
    return True
