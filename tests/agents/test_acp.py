"""Conversations with agents over ACP: recorded ones of real agents, and hostile ones."""

from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path

import pytest

from server.agents.acp import AcpAgent
from server.agents.protocol import AgentSpec, Manner, Update
from server.domain.trouble import Trouble
from server.engine import processes
from tests.agents.conftest import SPEAK, Place, scripted
from tests.support.speed import here

HERE = Path(__file__).parent


def replayed(name: str) -> AcpAgent:
    argv = (sys.executable, "-I", str(HERE / "replay.py"), str(HERE / f"samples/{name}.jsonl"))
    return AcpAgent(AgentSpec(name, "acp", argv), farewell=0.5)


def test_a_turn_of_claude(place: Place) -> None:
    outcome = place.turn(replayed("claude"))
    assert outcome.state == "succeeded"
    assert outcome.summary == "Fixed add() in calc.py: it subtracted instead of adding. test_calc.py passes."
    assert outcome.session == "0a87d524-b0b0-4561-bfdc-6698e9de6f1e"
    assert (outcome.usage["cost"], outcome.usage["currency"]) == (0.03308, "USD")
    assert {name: outcome.usage[name] for name in ("input", "output", "cache_read", "cache_write")} == {
        "input": 4936,
        "output": 224,
        "cache_read": 1200,
        "cache_write": 400,
    }
    assert "• Edit calc.py (edit, completed)\n" in place.transcript


def test_a_turn_of_opencode_that_asks(place: Place) -> None:
    outcome = place.turn(replayed("opencode"))
    assert outcome.state == "succeeded"
    assert place.said("permission") == [f"{place.worktree}/calc.py: allowed"]
    assert outcome.summary == "Step 1: edit calc.py"
    assert "Step 0: read calc.py\n• read (read, pending)\n" in place.transcript


def test_an_agent_that_ends_without_a_word_or_a_deed_is_suspect(place: Place) -> None:
    silence = "tell({'sessionUpdate': 'usage_update', 'used': 0, 'size': 9}); answer(m, {'stopReason': 'end_turn'})"
    outcome = place.turn(scripted(f"{SPEAK}\nm = begin(); {silence}; ask()"))
    assert outcome.state == "failed"
    assert "without a word or a deed" in outcome.error


def test_an_agent_that_hides_its_models_error(place: Place) -> None:
    outcome = place.turn(replayed("pi-model-error"))
    assert outcome.state == "succeeded"  # it says so: the diff and the checks decide, and not the agent
    assert outcome.usage == {}


def test_an_agent_that_reports_its_models_error(place: Place) -> None:
    outcome = place.turn(replayed("gemini-model-error"))
    assert (outcome.state, outcome.error) == (
        "failed",
        "gemini-model-error: scripted 500",
    )
    assert outcome.trouble is Trouble.MODEL


def test_an_agent_that_says_its_models_error_as_if_it_were_an_answer(place: Place) -> None:
    outcome = place.turn(replayed("codex-model-error"))
    assert outcome.state == "succeeded"
    assert "high demand" in outcome.summary


def test_the_library_stays_quiet_about_what_it_does_not_know(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    unknown = 'send({"method": "qwen/notify/x", "params": {}}); tell({"sessionUpdate": "novelty"}); '
    with caplog.at_level(logging.DEBUG):
        outcome = place.turn(
            scripted(f"{SPEAK}\nm = begin(); {unknown} text('done'); answer(m, {{'stopReason': 'end_turn'}}); ask()")
        )
    assert outcome.state == "succeeded"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_garbage_between_the_messages_is_passed_over(place: Place) -> None:
    garbage = """
        Welcome to AGENT 1.0!
        {"half":
        [1, 2, 3]
        "text"
        null
        {"jsonrpc": "2.0"}
        {"jsonrpc": "2.0", "id": 99, "result": {}}
        {"jsonrpc": "2.0", "id": [1], "result": {}}
        {"jsonrpc": "2.0", "id": 2, "error": "text"}
        {"jsonrpc": "2.0", "id": 3, "method": {}}
        {"jsonrpc": "2.0", "id": 4, "method": "no/such/method", "params": 7}
        {"jsonrpc": "2.0", "method": "session/update", "params": {"update": 5}}
    """
    program = f"""{SPEAK}
m = begin()
print({garbage!r}, flush=True)
sys.stdout.buffer.write(b"\\xff\\xfe\\x00\\n" + b"[" * 100000 + b"\\n"); sys.stdout.flush()
text("through it all")
answer(m, {{"stopReason": "end_turn"}})
ask()
"""
    outcome = place.turn(scripted(program))
    assert (outcome.state, outcome.summary) == ("succeeded", "through it all")


def test_a_line_of_many_megabytes_is_read(place: Place) -> None:
    program = f"""{SPEAK}
m = begin()
tell({{"sessionUpdate": "tool_call", "toolCallId": "1", "title": "t", "rawOutput": "x" * 20_000_000}})
text("done")
answer(m, {{"stopReason": "end_turn"}})
ask()
"""
    outcome = place.turn(scripted(program))
    assert (outcome.state, outcome.summary) == ("succeeded", "done")


def test_a_line_without_end_ends_the_conversation(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.agents.wire.LINE_LIMIT", 2**25)
    outcome = place.turn(scripted(f"{SPEAK}\nbegin()\nwhile True: os.write(1, b'x' * 65536)"))
    assert outcome.state == "failed"
    assert "a line of more than 32 MB" in outcome.error


@pytest.mark.parametrize(
    ("program", "error", "trouble"),
    [
        ("ask(); sys.stderr.write('no key\\n'); sys.exit(41)", "scripted ended with exit code 41", Trouble.CRASHED),
        (
            "begin(); os.kill(os.getpid(), signal.SIGSEGV)",
            "scripted ended by SIGSEGV in the middle of the turn.",
            Trouble.CRASHED,
        ),
        (
            "begin(); os.close(1); time.sleep(600)",
            "scripted closed its output in the middle of the turn.",
            Trouble.CRASHED,
        ),
        ("begin(); answer({'id': 2}, {'stopReason': 'tired'}); ask()", "does not fit the protocol", Trouble.CRASHED),
        (
            "ask(); send({'id': 0, 'error': {'code': -32000, 'message': 'log in'}}); ask()",
            "scripted: log in",
            Trouble.LOGIN,
        ),
        ("m = begin(); answer(m, {'stopReason': 'refusal'}); ask()", "scripted refused.", Trouble.REFUSED),
        ("m = begin(); answer(m, {'stopReason': 'max_tokens'}); ask()", "its limit of tokens", Trouble.LIMIT),
        ("m = begin(); answer(m, {'stopReason': 'cancelled'}); ask()", "broke off by itself", Trouble.CRASHED),
    ],
)
def test_how_conversations_fail(place: Place, program: str, error: str, trouble: Trouble) -> None:
    outcome = place.turn(scripted(f"{SPEAK}\n{program}"))
    assert (outcome.state, outcome.trouble) == ("failed", trouble)
    assert error in outcome.error
    assert f"! {outcome.error}\n" in place.transcript


def test_the_last_words_of_an_agent_that_died_are_in_the_error(place: Place) -> None:
    outcome = place.turn(scripted(f"{SPEAK}\nask(); sys.stderr.write('no key\\n'); sys.exit(41)"))
    assert outcome.error.endswith("with exit code 41 in the middle of the turn: no key")


def test_an_agent_that_never_answers_the_greeting(place: Place) -> None:
    outcome = place.turn(scripted("import time; time.sleep(600)", patience=0.3))
    assert outcome.error == "scripted gave no answer to the first greeting within 0.3 seconds."


def test_an_agent_that_never_opens_a_session(place: Place) -> None:
    outcome = place.turn(scripted(f"{SPEAK}\ngreet(); ask(); time.sleep(600)", patience=0.3))
    assert outcome.error == "scripted gave no answer when asked for a session within 0.3 seconds."


def test_time_runs_out_and_the_agent_is_told_before_it_is_ended(place: Place) -> None:
    program = f"""{SPEAK}
begin()
text("half")
while True:
    m = ask()
    if m["method"] == "session/cancel": text(" way"); answer({{"id": 2}}, {{"stopReason": "cancelled"}})
"""
    outcome = place.turn(scripted(program), timeout=0.6)
    assert (outcome.state, outcome.summary, outcome.session) == ("timed_out", "half way", "s1")


def test_an_agent_that_ignores_every_wish_is_ended(place: Place) -> None:
    program = f"""{SPEAK}
signal.signal(signal.SIGTERM, signal.SIG_IGN)
begin(); text("working\\n")
while True: time.sleep(1)
"""
    began = time.monotonic()
    outcome = place.turn(scripted(program), stop_when=lambda update: update.text == "working")
    assert outcome.state == "stopped"
    assert time.monotonic() - began < here(5)


def test_a_stop_before_the_first_word(place: Place) -> None:
    agent = scripted("import sys; print('up', file=sys.stderr); sys.stdin.read(); import time; time.sleep(600)")
    outcome = place.turn(agent, timeout=0.2)
    assert outcome.state == "timed_out"
    assert outcome.session is None


def test_a_flood_of_updates_and_questions_is_survived(place: Place) -> None:
    program = f"""{SPEAK}
m = begin()
for n in range(3000):
    tell({{"sessionUpdate": "tool_call", "toolCallId": str(n), "title": "x" * 500}})
    send({{"id": 1000 + n, "method": "fs/read_text_file", "params": {{"sessionId": "s1", "path": "/etc/passwd"}}}})
    if n % 50 == 49:
        for _ in range(50): assert "error" in ask()
text("flooded")
answer(m, {{"stopReason": "end_turn"}})
ask()
"""
    outcome = place.turn(scripted(program))
    assert (outcome.state, outcome.summary) == ("succeeded", "flooded")


def test_questions_that_are_never_read_hold_up_the_agent_only(place: Place) -> None:
    program = f"""{SPEAK}
begin(); text("asking\\n")
n = 0
while True:
    n += 1
    send({{"id": n, "method": "fs/read_text_file", "params": {{"sessionId": "s1", "path": "p" * 9999}}}})
"""
    outcome = place.turn(scripted(program), timeout=1)
    assert outcome.state == "timed_out"


def test_a_mode_is_set(place: Place) -> None:
    program = f"""{SPEAK}
greet(); answer(ask(), {{"sessionId": "s1"}})
m = ask(); answer(m, {{}}); p = ask(); text(m["method"] + " " + m["params"]["modeId"])
answer(p, {{"stopReason": "end_turn"}}); ask()
"""
    spec = AgentSpec("moody", "acp", (sys.executable, "-I", "-c", program), free=Manner(mode="yolo"))
    assert place.turn(AcpAgent(spec, farewell=0.3)).summary == "session/set_mode yolo"


def test_a_mode_that_is_not_accepted_is_no_failure(place: Place) -> None:
    program = f"""{SPEAK}
greet(); answer(ask(), {{"sessionId": "s1"}})
error = {{"code": -32602, "message": "Invalid params", "data": {{"details": "no such mode"}}}}
send({{"id": ask()["id"], "error": error}})
p = ask(); text("done"); answer(p, {{"stopReason": "end_turn"}}); ask()
"""
    spec = AgentSpec("moody", "acp", (sys.executable, "-I", "-c", program), free=Manner(mode="yolo"))
    assert place.turn(AcpAgent(spec, farewell=0.3)).state == "succeeded"
    assert place.said("notice") == ["The mode yolo was not accepted: no such mode"]


ECHO = 'p = ask(); text(p["params"]["prompt"][0]["text"]); answer(p, {"stopReason": "end_turn"}); ask()'


def test_a_conversation_goes_on_and_what_is_told_again_is_not_heard_again(place: Place) -> None:
    loading = 'greet(load=True); m = ask(); text("the past"); answer(m, {})'
    outcome = place.turn(scripted(f"{SPEAK}\n{loading}\n{ECHO}"), "more", session="s1", fallback="all")
    assert (outcome.state, outcome.summary, outcome.session) == ("succeeded", "more", "s1")
    assert "the past" not in place.transcript


def test_what_is_told_again_after_the_answer_is_not_heard_again_either(place: Place) -> None:
    loading = 'greet(load=True); m = ask(); answer(m, {}); text("the past"); time.sleep(0.1); text("and more of it")'
    outcome = place.turn(scripted(f"{SPEAK}\n{loading}\n{ECHO}"), "more", session="s1", fallback="all")
    assert (outcome.state, outcome.summary, outcome.session) == ("succeeded", "more", "s1")
    assert "the past" not in place.transcript


@pytest.mark.parametrize(
    "opening",
    [
        "greet(load=False)",
        "greet(load=True); send({'id': ask()['id'], 'error': {'code': -32602, 'message': 'unknown session'}})",
        "greet(load=True); ask()",
    ],
    ids=["can't", "refuses", "is silent"],
)
def test_a_conversation_that_can_not_go_on_starts_again_with_the_whole_story(place: Place, opening: str) -> None:
    program = f"{SPEAK}\n{opening}; answer(ask(), {{'sessionId': 's2'}})\n{ECHO}"
    outcome = place.turn(scripted(program, patience=0.5), "more", session="s1", fallback="the whole story")
    assert (outcome.state, outcome.summary, outcome.session) == ("succeeded", "the whole story", "s2")
    assert len(place.said("notice")) == 1


def test_questions_about_other_places_are_refused(place: Place) -> None:
    program = f"""{SPEAK}
m = begin()
def may(path, kinds=("allow_always", "allow_once", "reject_once")):
    call = {{"toolCallId": path, "title": "Edit " + path, "kind": "edit", "locations": [{{"path": path}}]}}
    options = [{{"optionId": kind, "name": kind, "kind": kind}} for kind in kinds]
    send({{"id": 7, "method": "session/request_permission",
          "params": {{"sessionId": "s1", "toolCall": call, "options": options}}}})
    outcome = ask()["result"]["outcome"]
    text(path + " " + outcome.get("optionId", outcome["outcome"]) + "\\n")
may(os.getcwd() + "/a.py"); may("/etc/passwd"); may("a.py", ["allow_always"]); may("../x", ["allow_once"])
answer(m, {{"stopReason": "end_turn"}}); ask()
"""
    assert place.turn(scripted(program)).state == "succeeded"
    assert place.said("text") == [
        f"{place.worktree}/a.py allow_once",
        "/etc/passwd reject_once",
        "a.py cancelled",
        "../x cancelled",
    ]


def test_a_report_is_handed_over(place: Place) -> None:
    program = f"""{SPEAK}
m = begin(); open(os.environ["NARROWS_REPORT"], "w").write("# Findings"); text("written")
answer(m, {{"stopReason": "end_turn"}}); ask()
"""
    assert place.turn(scripted(program)).report == "# Findings"


def test_a_program_that_is_not_there_is_a_failure_in_words(place: Place) -> None:
    outcome = place.turn(AcpAgent(AgentSpec("missing", "acp", ("no-such-agent",))))
    assert outcome.state == "failed"
    assert "no-such-agent could not be started" in outcome.error


def test_text_is_heard_line_by_line(place: Place) -> None:
    words = 'for w in ("Look", "ing at\\n\\n", "the ", "code"): text(w)'
    outcome = place.turn(scripted(f"{SPEAK}\nm = begin()\n{words}\nanswer(m, {{'stopReason': 'end_turn'}}); ask()"))
    assert place.heard == [Update("text", "Looking at"), Update("text", "the code")]
    assert outcome.summary == "Looking at\n\nthe code"


def test_a_server_that_shuts_down_stops_a_turn(place: Place) -> None:
    def shut_down(update: Update) -> bool:
        if update.text == "working":
            threading.Thread(target=processes.stop_all).start()
        return False

    outcome = place.turn(scripted(f"{SPEAK}\nbegin(); text('working\\n'); time.sleep(600)"), stop_when=shut_down)
    assert (outcome.state, outcome.session) == ("stopped", "s1")
