"""What a repository's root files say about setting it up and checking it."""

from __future__ import annotations

import json

import pytest

from server.domain.errors import Invalid
from server.domain.project import Author, LandingMethod
from server.reading.proposals import Proposal, propose


def seen(**files: str) -> Proposal:
    return propose({name.replace("__", "."): content.encode() for name, content in files.items()})


@pytest.mark.parametrize(
    ("files", "setup", "checks"),
    [
        ({}, "", []),
        ({"README.md": "# Nothing to run"}, "", []),
        ({"pyproject.toml": "[project]"}, "", ["python -m unittest"]),
        ({"pyproject.toml": "[tool.pytest.ini_options]"}, "", ["python -m pytest -q"]),
        ({"requirements.txt": "pytest==9\n"}, "", ["python -m pytest -q"]),
        ({"tox.ini": "[pytest]\n"}, "", ["python -m pytest -q"]),
        (
            {"pyproject.toml": "[tool.ruff]\n[tool.pytest]", "uv.lock": ""},
            "uv sync --all-groups --all-extras",
            ["uv run ruff check .", "uv run python -m pytest -q"],
        ),
        ({"setup.py": "", "poetry.lock": ""}, "poetry install", ["poetry run python -m unittest"]),
        ({"setup.cfg": "", "ruff.toml": ""}, "", ["ruff check .", "python -m unittest"]),
        ({"Cargo.toml": "[package]"}, "", ["cargo test --quiet"]),
        ({"go.mod": "module m"}, "", ["go vet ./...", "go test ./..."]),
        ({"Makefile": "all:\n\ntest: all\n\ttrue\n"}, "", ["make test"]),
        ({"GNUmakefile": "check:\n", "Makefile": "test:\n"}, "", ["make check"]),
        ({"Makefile": "check:\ntest:\n"}, "", ["make check"]),
        ({"Makefile": "tests:\n\techo test:\n"}, "", []),
        ({"Makefile": "test:\n", "go.mod": "module m"}, "", ["make test"]),
        ({"pyproject.toml": "[tool.pytest]", "Makefile": "docs:\n"}, "", ["python -m pytest -q"]),
    ],
)
def test_commands_are_guessed_from_what_lies_there(files: dict[str, str], setup: str, checks: list[str]) -> None:
    found = propose({name: content.encode() for name, content in files.items()})
    assert (found.setup, found.checks) == (setup, checks)


@pytest.mark.parametrize(
    ("lock", "setup", "check"),
    [
        ("", "npm install", "npm run test"),
        ("package-lock.json", "npm ci", "npm run test"),
        ("yarn.lock", "yarn install --frozen-lockfile", "yarn run test"),
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile", "pnpm run test"),
        ("bun.lock", "bun install --frozen-lockfile", "bun run test"),
    ],
)
def test_a_node_package_is_run_by_whoever_locked_it(lock: str, setup: str, check: str) -> None:
    package = json.dumps({"scripts": {"test": "vitest"}}).encode()
    found = propose({"package.json": package, **({lock: b""} if lock else {})})
    assert (found.setup, found.checks) == (setup, [check])


@pytest.mark.parametrize(
    ("scripts", "checks"),
    [
        ({"lint": "eslint", "test": "vitest", "build": "vite"}, ["npm run lint", "npm run test"]),
        ({"typecheck": "tsc", "test": 'echo "Error: no test specified" && exit 1'}, ["npm run typecheck"]),
        ({"test": ""}, []),
        (None, []),
        (["test"], []),
    ],
)
def test_only_scripts_that_are_there_are_checks(scripts: object, checks: list[str]) -> None:
    assert seen(package__json=json.dumps({"scripts": scripts})).checks == checks


@pytest.mark.parametrize("text", ["{", "[]", "null", '"scripts"'])
def test_a_broken_package_proposes_no_check(text: str) -> None:
    assert seen(package__json=text).checks == []


def test_a_file_in_another_encoding_is_no_obstacle() -> None:
    assert propose({"pyproject.toml": b"[tool.pytest]\n# \xff"}).checks == ["python -m pytest -q"]


def test_the_repositorys_own_word_wins() -> None:
    found = seen(
        go__mod="module m",
        narrows__toml="""
            name = "Tide"
            target_branch = "next"
            setup = "make deps"
            checks = ["make quick", "make slow"]
            include = [".env"]
            landing_method = "merge"
            check_each = true
            message_template = "$title"
            author = "agent"
            co_author = true
            sign_off = true
            hooks = true
            agents_limit = 3
            something_of_another_version = true
        """,
    )
    assert found == Proposal(
        name="Tide",
        target_branch="next",
        setup="make deps",
        checks=["make quick", "make slow"],
        include=[".env"],
        landing_method=LandingMethod.MERGE,
        check_each=True,
        message_template="$title",
        author=Author.AGENT,
        co_author=True,
        sign_off=True,
        agents_limit=3,
    )


def test_what_it_does_not_say_is_still_guessed() -> None:
    assert seen(go__mod="module m", narrows__toml='name = "Tide"').checks == ["go vet ./...", "go test ./..."]
    assert seen(go__mod="module m", narrows__toml="checks = []").checks == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"name =", "can't be read"),
        (b"name = '\xff'", "can't be read"),
        (b"name = 3", "name must be a text"),
        (b"checks = 'make'", "checks must be a list of texts"),
        (b"checks = ['make', 1]", "checks must be a list of texts"),
        (b"include = {}", "include must be a list of texts"),
        (b"agents_limit = '4'", "agents_limit must be a whole number"),
        (b"agents_limit = false", "agents_limit must be a whole number"),
        (b"landing_method = 'fast'", "landing_method must be one of: squash, merge, rebase"),
        (b"author = 'me'", "author must be one of: you, agent"),
        (b"sign_off = 1", "sign_off must be true or false"),
    ],
)
def test_a_word_that_cant_be_understood_is_said(content: bytes, sentence: str) -> None:
    with pytest.raises(Invalid, match=f"narrows.toml.*{sentence}"):
        propose({"narrows.toml": content})
