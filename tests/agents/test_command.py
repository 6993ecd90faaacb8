"""Agents that are any program."""

from __future__ import annotations

import time

import pytest

from server.agents.command import CommandAgent
from server.agents.protocol import AgentSpec, Update
from server.engine import processes
from tests.agents.conftest import Place
from tests.support.speed import here


def shell(script: str) -> CommandAgent:
    return CommandAgent(AgentSpec("script", "command", ("/bin/sh", "-c", script)))


def test_the_prompt_comes_on_standard_input_and_in_a_file(place: Place) -> None:
    outcome = place.turn(shell('cat; cat "$NARROWS_PROMPT"; pwd'), "Grüße")
    assert outcome.state == "succeeded"
    assert place.transcript == f"GrüßeGrüße{place.worktree}\n"


def test_the_last_paragraph_is_the_summary_and_the_report_a_file(place: Place) -> None:
    script = 'printf "Looking.\\n\\n\\033[1mFixed\\033[0m it.\\nAll is well.\\n"; echo "# Why" > "$NARROWS_REPORT"'
    outcome = place.turn(shell(script))
    assert outcome.summary == "Fixed it.\nAll is well."
    assert outcome.report == "# Why"
    assert (outcome.session, outcome.error) == (None, "")


def test_each_burst_of_output_is_heard_as_its_last_line(place: Place) -> None:
    place.turn(shell("echo one; printf two"))
    assert place.heard[-1] == Update("text", "two")


def test_a_failure_names_the_exit_code_and_the_last_error(place: Place) -> None:
    outcome = place.turn(shell("echo work > done.txt; echo bad >&2; echo 'No key found.' >&2; exit 3"))
    assert (outcome.state, outcome.error) == ("failed", "script ended with exit code 3: No key found.")
    assert place.read("done.txt") == "work\n"


def test_a_crash_names_the_signal(place: Place) -> None:
    assert place.turn(shell("kill -SEGV $$")).error == "script ended by SIGSEGV."


def test_time_runs_out(place: Place) -> None:
    outcome = place.turn(shell("echo begun; sleep 600"), timeout=0.3)
    assert (outcome.state, outcome.error) == ("timed_out", "script was still at work after 0.3 seconds.")
    assert outcome.summary == "begun"


def test_it_is_stopped(place: Place) -> None:
    began = time.monotonic()
    outcome = place.turn(shell("echo ready; sleep 600 & wait"), stop_when=lambda update: update.text == "ready")
    assert (outcome.state, outcome.error) == ("stopped", "script was stopped.")
    assert time.monotonic() - began < here(5)


def test_a_second_turn_appends_to_the_transcript(place: Place) -> None:
    place.turn(shell("echo one"))
    place.turn(shell("echo two"))
    assert place.transcript == "one\ntwo\n"


def test_a_report_that_is_a_link_is_not_followed(place: Place) -> None:
    secret = place.home / "secret"
    secret.write_text("secret")
    outcome = place.turn(shell(f'ln -s {secret} "$NARROWS_REPORT"'))
    assert (outcome.state, outcome.report) == ("succeeded", None)


@pytest.mark.parametrize("command", ["mkfifo", "mkdir"])
def test_a_report_that_is_no_file_holds_nobody_up(place: Place, command: str) -> None:
    assert place.turn(shell(f'{command} "$NARROWS_REPORT"')).report is None


def test_a_prompt_file_that_an_earlier_attempt_made_a_link_is_not_written_through(place: Place) -> None:
    precious = place.home / "precious"
    precious.write_text("precious")
    (place.folder / "prompt.md").symlink_to(precious)
    place.turn(shell("true"), "overwrite")
    assert precious.read_text() == "precious"


def test_a_program_that_is_not_there(place: Place) -> None:
    outcome = place.turn(CommandAgent(AgentSpec("missing", "command", ("no-such-agent",))))
    assert outcome.state == "failed"
    assert "no-such-agent could not be started" in outcome.error


@pytest.mark.parametrize("name", ["prompt.md", "transcript.jsonl", "stderr.log", "process.json", "report.md"])
@pytest.mark.parametrize("command", ["mkfifo", "mkdir"])
def test_whatever_an_agent_puts_in_the_place_of_our_files_the_next_turn_ends(
    place: Place, command: str, name: str
) -> None:
    place.turn(shell(f"rm -f {place.folder}/{name}; {command} {place.folder}/{name}; echo; echo >&2; exit 1"))
    outcome = place.turn(shell("cat; echo; echo second"), "again", timeout=5)
    if (name, command) == ("process.json", "mkdir"):
        assert "could not be started: Is a directory" in outcome.error
    else:
        assert (outcome.state, outcome.summary) == ("succeeded", "again\nsecond")
    assert processes.reap(place.folder) == 0


def test_of_an_endless_text_the_end_is_told_and_nobody_waits_for_the_rest(place: Place) -> None:
    line = "x" * 2000
    outcome = place.turn(shell(f"yes {line} | head -n 40000; printf '\\nAt last.\\n'"))
    assert (outcome.state, outcome.summary) == ("succeeded", "At last.")
    assert (place.folder / "transcript.jsonl").stat().st_size < 12_000_000
