"""Sections of `config.toml` as agents."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from server.agents.builtin import BUILT_IN
from server.agents.configured import KEYS, configured
from server.agents.known import KNOWN
from server.agents.protocol import AgentSpec, Manner, Quirk
from server.domain.agent_facts import section_text
from server.domain.errors import Invalid

EVERYTHING = """
[helper]
family = "acp"
argv = ["helper", "--acp", "{flags}"]
resume = ["helper", "--continue", "{session}"]
title = "Helper"
description = "Helps."
way = "native"
env = { REGION = "$REGION", MODE = "quick" }
defaults = { HELPER_COLOUR = "no" }
passes = ["HELPER_*", "TOKEN"]
needs = { HELPER_CORE = "helper-core" }
format = "pi"
mode = "auto"
asking_mode = "ask"
usage_argv = ["helper", "used", "{session}"]
tokens = "session"
cost = "none"
quirks = ["young_sessions_break"]
kinds = ["maintenance"]
version_argv = ["helper", "version"]
oldest = "1.2"
install = "Install it."
login_env = ["HELPER_KEY"]
login_files = ["~/.helper/auth.json"]
keeps = ["~/.helper"]
confines_itself = "its own cage"
gives_up = 120
retrying = 'try \\d+'
failing = '^Error'
errors_to = "HELPER_LOG"
greeting = { verbose = true }
loads_anyway = [".helper/hooks"]
users_settings = { flags = ["--mine"], env = { ONLY = "mine" }, files = { HELPER_SETTINGS = "{}" } }

[helper.all_settings]
mode = "trusting"
meta = { options = { sources = ["user", "project"] } }
[helper.confined]
mode = "unlocked"
"""


def specs(text: str) -> tuple[AgentSpec, ...]:
    return configured(tomllib.loads(text), (*BUILT_IN, *KNOWN))


def test_a_section_says_everything_that_a_table_entry_can() -> None:
    (spec,) = specs(EVERYTHING)
    assert spec == AgentSpec(
        name="helper",
        family="acp",
        argv=("helper", "--acp", "{flags}"),
        resume=("helper", "--continue", "{session}"),
        title="Helper",
        description="Helps.",
        way="native",
        env={"REGION": "$REGION", "MODE": "quick"},
        defaults={"HELPER_COLOUR": "no"},
        passes=("HELPER_*", "TOKEN"),
        needs={"HELPER_CORE": "helper-core"},
        format="pi",
        free=Manner(mode="auto"),
        asking=Manner(mode="ask"),
        confined=Manner(mode="unlocked"),
        usage_argv=("helper", "used", "{session}"),
        tokens="session",
        quirks=frozenset({Quirk.YOUNG_SESSIONS_BREAK}),
        kinds=("maintenance",),
        version_argv=("helper", "version"),
        oldest="1.2",
        install="Install it.",
        login_env=("HELPER_KEY",),
        login_files=("~/.helper/auth.json",),
        keeps=("~/.helper",),
        confines_itself="its own cage",
        gives_up=120.0,
        retrying=r"try \d+",
        failing="^Error",
        errors_to="HELPER_LOG",
        greeting={"verbose": True},
        loads_anyway=(".helper/hooks",),
        users_settings=Manner(argv=("--mine",), env={"ONLY": "mine"}, files={"HELPER_SETTINGS": "{}"}),
        all_settings=Manner(mode="trusting", meta={"options": {"sources": ["user", "project"]}}),
    )
    unsaid = {"name", "proven", "built_in"}
    default = AgentSpec("helper", "command", ())
    said = {one.name for one in fields(AgentSpec) if getattr(spec, one.name) != getattr(default, one.name)}
    assert said | {"cost"} == {one.name for one in fields(AgentSpec)} - unsaid, "a key is missing for a new field"


def test_a_section_may_be_based_on_a_known_agent() -> None:
    ways = [spec for spec in KNOWN if spec.name == "claude"]
    copies = specs('[mine]\nbased_on = "claude"\nenv = { ANTHROPIC_MODEL = "opus" }\nmode = "plan"\n')
    assert [(spec.name, spec.way, spec.argv) for spec in copies] == [("mine", way.way, way.argv) for way in ways]
    assert all(copy.env == {**way.env, "ANTHROPIC_MODEL": "opus"} for copy, way in zip(copies, ways, strict=True))
    assert {spec.free.mode for spec in copies} == {"plan"}
    (native,) = specs('[claude-native]\nbased_on = "claude"\nway = "native"\nargv = ["/opt/claude", "-p"]\n')
    assert (native.way, native.argv, native.format) == ("native", ("/opt/claude", "-p"), "claude")
    (demo,) = specs('[again]\nbased_on = "demo"\n')
    assert not demo.built_in


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("mine = 1", "agents.mine", r"\[agents.mine\] of config.toml can't be used: it must be a table"),
        ("[Mine]\nargv = ['x']", "agents.Mine", "its name must be small letters"),
        ("[demo]\nargv = ['x']", "agents.demo", "that name is taken"),
        ("[claude]\nbased_on = 'claude'", "agents.claude", "that name is taken"),
        ("[mine]", "agents.mine.argv", "`argv` in .* it is missing"),
        ("[mine]\nargv = []", "agents.mine.argv", "it must be the program and its arguments"),
        ("[mine]\nargv = 'x y'", "agents.mine.argv", "it must be a list of texts"),
        ("[mine]\nargv = ['x', 1]", "agents.mine.argv", "it must be a list of texts"),
        ("[mine]\nargv = ['x']\ncolour = 'red'", "agents.mine.colour", "no such key is known"),
        ("[mine]\nargv = ['x']\nproven = true", "agents.mine.proven", "no such key is known"),
        ("[mine]\nargv = ['x']\nfamily = 'grpc'", "agents.mine.family", "it must be one of command, acp"),
        ("[mine]\nargv = ['x']\nformat = 'xml'", "agents.mine.format", "it must be one of text, claude"),
        ("[mine]\nargv = ['x']\ntokens = 1", "agents.mine.tokens", "it must be one of turn, session, none"),
        ("[mine]\nargv = ['x']\nquirks = ['odd']", "agents.mine.quirks", "it must be a list of "),
        ("[mine]\nargv = ['x']\nenv = { 'a b' = 'c' }", "agents.mine.env", "names with texts"),
        ("[mine]\nargv = ['x']\nenv = { A = '$NARROWS_TOKEN' }", "agents.mine.env", "no agent is given"),
        ("[mine]\nargv = ['x']\npasses = ['*']", "agents.mine.passes", "names of variables"),
        ("[mine]\nargv = ['x']\npasses = ['NARROWS_TOKEN']", "agents.mine.passes", "names of variables"),
        ("[mine]\nargv = ['x']\nretrying = '('", "agents.mine.retrying", "it must be a regular expression"),
        ("[mine]\nargv = ['x']\nerrors_to = 'a b'", "agents.mine.errors_to", "it must be the name of a variable"),
        ("[mine]\nargv = ['x']\ngives_up = 0", "agents.mine.gives_up", "it must be seconds"),
        ("[mine]\nargv = ['x']\noldest = 2.0", "agents.mine.oldest", 'it must be a version such as "2.0"'),
        (
            "[mine]\nargv = ['x']\nfree = { flag = 'x' }",
            "agents.mine.free",
            "it must be a table with any of flags, env",
        ),
        ("[mine]\nargv = ['x']\nfree = { flags = 'x' }", "agents.mine.free", "`flags` is a list of texts"),
        (
            "[mine]\nargv = ['x']\nfree = { meta = { at = 1979-05-27 } }",
            "agents.mine.free",
            "`meta` is a table of texts",
        ),
        ("[mine]\nbased_on = 'clod'", "agents.mine.based_on", "'clod' is not known. One of: demo, ruff-fix"),
        ("[mine]\nbased_on = 'claude'\nway = 'odd'", "agents.mine.way", "no way 'odd'. Its ways: adapter, native"),
        ("[mine]\nbased_on = 'demo'\nway = 'odd'", "agents.mine.way", "Its ways: none; leave it out"),
        ("[mine]\nbased_on = 'claude'\nargv = ['x']", "agents.mine.way", "`argv` fits one way only. One of: adapter"),
    ],
)
def test_a_section_that_cant_be_used_says_why(text: str, field: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        specs(text)
    assert refused.value.field == field


def test_a_section_is_written_as_it_is_read() -> None:
    argv = ["my agent", 'quo"ted\\', "\x7f\u202e\t", "{prompt}"]
    text = section_text("my.agent", "acp", argv, {"A": "$B", "C": 'd"'}, "plan")
    (spec,) = configured(tomllib.loads(text)["agents"], KNOWN)
    assert (spec.name, spec.family, list(spec.argv), spec.env) == ("my.agent", "acp", argv, {"A": "$B", "C": 'd"'})
    assert spec.free.mode == "plan"
    assert section_text("plain", "command", ["x"], {}) == '[agents.plain]\nfamily = "command"\nargv = ["x"]\n'


def test_the_example_of_the_docs_is_read_and_every_key_is_explained() -> None:
    page = (Path(__file__).parents[2] / "docs/agents.md").read_text("utf-8")
    sections = tomllib.loads(page.partition("```toml\n")[2].partition("```")[0])["agents"]
    assert sections.pop("at_once") == 6
    assert {spec.name for spec in configured(sections, KNOWN)} == {"claude-opus", "helper"}
    table = page.partition("| key | says |")[2]
    assert [key for key in KEYS if f"`{key}`" not in table] == []
