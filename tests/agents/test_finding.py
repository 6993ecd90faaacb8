"""Agents looked for on a machine that holds what the test puts there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from server.agents.finding import ask_version, choose
from server.agents.known import KNOWN
from server.agents.protocol import AgentSpec
from server.domain.agent import Found

TOOL = AgentSpec("tool", "command", ("tool", "--work"))
ADAPTER = AgentSpec(
    "claude",
    "acp",
    ("claude-adapter",),
    title="Claude",
    way="adapter",
    needs={"CLAUDE_PATH": "claude"},
    oldest="2.0",
    install="Install both.",
    login_env=("CLAUDE_KEY",),
    login_files=("~/.claude/key",),
)
NATIVE = AgentSpec("claude", "command", ("claude", "-p"), title="Claude", way="native", oldest="2.0", install="Get it.")
WAYS = (ADAPTER, NATIVE)


@dataclass
class Machine:
    """A PATH of its own, and a home."""

    bin: Path
    home: Path

    def has(self, name: str, script: str = "echo 2.1.331") -> str:
        """Put a program there; its path."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def server(self, **more: str) -> dict[str, str]:
        """The environment of a server there."""
        return {"PATH": str(self.bin), "HOME": str(self.home), **more}

    def chosen(self, *specs: AgentSpec, **more: str) -> tuple[AgentSpec, Found]:
        return choose(specs, self.server(**more), self.home)

    def found(self, *specs: AgentSpec, **more: str) -> Found:
        return ask_version(*self.chosen(*specs, **more), self.server(**more))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "bin", tmp_path / "home")
    made.bin.mkdir()
    made.home.mkdir()
    return made


def test_a_program_is_found_with_its_version(machine: Machine) -> None:
    path = machine.has("tool", 'echo "tool 1.2 ($1)"; echo more')
    assert machine.found(TOOL) == Found(path, "tool 1.2 (--version)")


def test_a_version_is_asked_for_once_until_the_program_changes(machine: Machine) -> None:
    path = machine.has("tool", f"echo asked >> {machine.home}/log; echo 1.2")
    assert machine.chosen(TOOL)[1].version is None, "nothing is started to choose"
    assert machine.found(TOOL).version == machine.found(TOOL).version == "1.2"
    assert machine.chosen(TOOL)[1].version == "1.2", "and what was told is remembered"
    assert (machine.home / "log").read_text() == "asked\n"
    Path(path).write_text("#!/bin/sh\necho 1.3\n")
    assert machine.chosen(TOOL)[1].version is None
    assert machine.found(TOOL).version == "1.3"


@pytest.mark.parametrize("script", ["echo usage; exit 2", "true", "echo ' '"])
def test_a_program_without_a_version_is_found_all_the_same(machine: Machine, script: str) -> None:
    path = machine.has("tool", script)
    assert machine.found(TOOL) == Found(path, None)


def test_a_version_may_be_told_on_standard_error(machine: Machine) -> None:
    machine.has("tool", "echo 0.73 >&2")
    assert machine.found(TOOL).version == "0.73"
    machine.has("tool", "echo 'a warning' >&2; echo 0.74 # changed")
    assert machine.found(replace(TOOL, version_argv=("tool", "-V"))).version == "0.74"


def test_whatever_is_run_of_an_agent_has_its_path(machine: Machine) -> None:
    tool, other = machine.has("tool"), machine.has("other")
    spec, _ = machine.chosen(replace(TOOL, resume=("tool", "--on"), usage_argv=("other", "used")))
    assert (spec.argv, spec.resume, spec.usage_argv) == ((tool, "--work"), (tool, "--on"), (other, "used"))
    assert machine.chosen(TOOL)[0].resume == ()


def test_a_program_that_hangs_is_given_up(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.agents.finding.VERSION_PATIENCE", 0.2)
    machine.has("tool", "/bin/sleep 600 & /bin/sleep 600")
    assert machine.found(TOOL).version is None


def test_a_program_is_asked_away_from_any_tree_and_with_chosen_words_only(machine: Machine) -> None:
    machine.has("tool", 'echo "${SECRET:-no secret} in $(pwd)"')
    told = machine.found(TOOL, SECRET="s").version
    assert told
    word, _, folder = told.partition(" in ")
    assert word == "no secret"
    assert folder.startswith("/")
    assert not folder.startswith((str(Path.cwd()), str(machine.home)))


def test_the_folder_of_a_tree_is_no_place_to_look(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has("tool")
    monkeypatch.chdir(machine.bin)
    for path in (".", "", "../bin"):
        assert choose([TOOL], {"PATH": path, "HOME": str(machine.home)})[1].path is None
    inside = AgentSpec("inside", "command", ("./tool",))
    assert machine.found(inside) == Found("./tool", None), "it is another in each worktree, and never run to look"


def test_the_first_way_is_taken_whose_programs_are_all_there(machine: Machine) -> None:
    assert machine.chosen(*WAYS)[1] == Found(
        None, None, "adapter", problem="Claude is not on this machine.", step="Install both."
    )
    machine.has("claude-adapter")
    assert machine.chosen(*WAYS)[1].path is None
    claude = machine.has("claude")
    spec, found = machine.chosen(*WAYS)
    assert (spec.way, spec.env, found.path) == ("adapter", {"CLAUDE_PATH": claude}, str(machine.bin / "claude-adapter"))
    (machine.bin / "claude-adapter").unlink()
    spec, found = machine.chosen(*WAYS)
    assert (spec.way, spec.argv, found.path, found.problem) == ("native", (claude, "-p"), claude, "")


def test_what_the_server_says_of_a_needed_program_wins(machine: Machine) -> None:
    machine.has("claude-adapter")
    machine.has("claude")
    own = machine.has("my-claude", "echo 3.0")
    spec, _ = machine.chosen(*WAYS, CLAUDE_PATH=own)
    assert spec.env == {"CLAUDE_PATH": own}
    assert machine.found(*WAYS, CLAUDE_PATH=own).version == "3.0"
    assert machine.chosen(*WAYS, CLAUDE_PATH=f"{own}-gone")[0].way == "native"


def test_one_that_is_too_old_says_so(machine: Machine) -> None:
    machine.has("claude", "echo '1.0.92 (Claude)'")
    found = machine.found(*WAYS)
    assert found.problem == "Claude 1.0.92 is too old; 2.0 or later is known to work."
    assert (found.step, found.version) == ("Get it.", "1.0.92 (Claude)")
    for version in ("2.0", "2.0.1", "10.0", "unnumbered"):
        machine.has("claude", f"echo {version}; : {version}")
        assert machine.found(replace(NATIVE, version_argv=("claude", "-V", version))).problem == ""


def test_a_login_is_seen_without_a_request(machine: Machine) -> None:
    machine.has("claude-adapter")
    machine.has("claude")
    key = machine.home / ".claude/key"
    key.parent.mkdir()

    def login(**more: str) -> tuple[bool | None, str]:
        found = machine.chosen(*WAYS, **more)[1]
        return found.login, found.clue

    assert login() == (False, "")
    key.touch()
    assert login(CLAUDE_KEY="") == (False, "")
    key.write_text("k")
    assert login() == (True, "~/.claude/key")
    assert login(CLAUDE_KEY="k") == (True, "CLAUDE_KEY")
    assert machine.chosen(NATIVE)[1].login is None


def test_every_way_that_we_know_says_what_to_do_without_it(machine: Machine) -> None:
    for spec in KNOWN:
        chosen, found = choose([spec], {"PATH": str(machine.bin), "HOME": str(machine.home)}, machine.home)
        assert (chosen, found.path) == (spec, None)
        assert found.problem == f"{spec.title} is not on this machine."
        assert found.step.endswith(".")
        assert spec.description.endswith(".")
        assert not spec.built_in


def test_one_that_asks_for_what_no_agent_gets_is_not_used(machine: Machine) -> None:
    machine.has("tool")
    found = machine.found(replace(TOOL, env={"TOKEN": "$NARROWS_TOKEN"}))
    assert (found.path, found.problem) == (None, "NARROWS_TOKEN is never given to an agent.")
