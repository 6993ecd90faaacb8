"""What of the server's environment an agent sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.agents.environment import environment
from server.domain.errors import Invalid

SERVER = {
    "PATH": "/bin",
    "HOME": "/home/server",
    "LC_ALL": "de_DE.UTF-8",
    "LANG": "de_DE.UTF-8",
    "USER": "me",
    "KEY": "k",
    "AWS_SECRET": "s",
    "SSH_AUTH_SOCK": "/s",
    "NARROWS_TOKEN": "t",
}


def test_it_is_chosen_name_by_name() -> None:
    assert environment(home=Path("/home/agent"), server=SERVER) == {
        "PATH": "/bin",
        "HOME": "/home/agent",
        "LANG": "de_DE.UTF-8",
        "LC_ALL": "de_DE.UTF-8",
        "USER": "me",
        "TERM": "dumb",
    }


def test_more_is_added_and_taken_over_by_name() -> None:
    extra = {"A": "1", "B": "$KEY", "C": "$MISSING", "D": "$$KEY"}
    chosen = environment(home=Path("/h"), path="/opt", extra=extra, server=SERVER)
    assert {name: chosen.get(name) for name in ("A", "B", "C", "D", "PATH")} == {
        "A": "1",
        "B": "k",
        "C": None,
        "D": "$KEY",
        "PATH": "/opt",
    }


def test_what_belongs_to_narrows_is_never_given_away() -> None:
    with pytest.raises(Invalid, match="NARROWS_TOKEN is never given"):
        environment(home=Path("/h"), extra={"T": "$NARROWS_TOKEN"}, server=SERVER)


def test_what_an_agent_goes_by_is_passed_on_by_pattern() -> None:
    chosen = environment(home=Path("/h"), passes=("AWS_*", "KE?", "NARROWS_*", "*_SOCK"), server=SERVER)
    assert {name for name in chosen if name in SERVER} == {
        *("PATH", "HOME", "LC_ALL", "LANG", "USER"),
        *("AWS_SECRET", "KEY", "SSH_AUTH_SOCK"),
    }


def test_defaults_yield_to_the_server_and_to_what_is_configured() -> None:
    defaults = {"KEY": "default", "RETRIES": "4", "MODEL": "small"}
    chosen = environment(home=Path("/h"), passes=("KEY",), defaults=defaults, extra={"MODEL": "big"}, server=SERVER)
    assert (chosen["KEY"], chosen["RETRIES"], chosen["MODEL"]) == ("k", "4", "big")


def test_a_bare_server_still_gives_a_path_and_a_language() -> None:
    chosen = environment(home=Path("/h"), server={})
    assert chosen["PATH"]
    assert chosen["LANG"] == "C.UTF-8"
