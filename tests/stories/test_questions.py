"""An agent that asks before it acts: from its wish to what comes of the answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.domain.change import Change
from server.domain.project import Project
from server.domain.question import Question
from server.domain.run import Run
from server.domain.states import ChangeState, QuestionState, RunState
from server.domain.task import Task
from server.domain.trouble import Trouble
from server.services import agents, changes, projects, questions, revisions, runs, tasks
from tests.support.house import House, house_in
from tests.support.processes import carrying, wait_gone
from tests.support.repositories import Repository
from tests.support.server import Server

# Asks to run each of its arguments in turn, all at once, and writes down what it was told. Speaks ACP in its own words.
ASKER = r"""
import json, pathlib, sys
commands = sys.argv[1:]
def send(message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def tell(update): send({"method": "session/update", "params": {"sessionId": "s1", "update": update}})
def say(words): tell({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": words}})
def ask(number, command):
    kinds = {"yes": "allow_once", "no": "reject_once"}
    options = [{"optionId": name, "name": name, "kind": kind} for name, kind in kinds.items()]
    call = {"toolCallId": f"c{number}", "title": f"Run {command}", "kind": "execute", "rawInput": {"command": command}}
    wish = {"sessionId": "s1", "toolCall": call, "options": options}
    send({"id": f"q{number}", "method": "session/request_permission", "params": wish})
prompt, told = None, {}
for line in sys.stdin:
    message = json.loads(line)
    match message.get("method"):
        case "initialize":
            send({"id": message["id"], "result": {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}})
        case "session/new":
            send({"id": message["id"], "result": {"sessionId": "s1"}})
        case "session/load":
            pathlib.Path("loaded.txt").write_text(message["params"]["sessionId"])
            send({"id": message["id"], "result": {}})
        case "session/prompt":
            prompt = message["id"]
            for number, command in enumerate(commands): ask(number, command)
        case "session/cancel":
            send({"id": prompt, "result": {"stopReason": "cancelled"}})
        case None if str(message.get("id")).startswith("q"):
            command = commands[int(message["id"][1:])]
            told[command] = message["result"]["outcome"].get("optionId", "cancelled")
            if len(told) == len(commands):
                pathlib.Path("told.txt").write_text("".join(f"{c}: {told[c]}\n" for c in commands))
                say("I asked and was told.")
                send({"id": prompt, "result": {"stopReason": "end_turn"}})
"""


class Asking:
    """A project whose agent asks before it runs anything."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.narrows, self.folder = house, house.narrows, folder
        self.repository = Repository.make(folder)

        self.project: Project = projects.register(
            self.narrows, str(self.repository.path), permissions={"execute": "ask"}
        )

    def begin(self, *commands: str) -> Task:
        """A task whose agent asks to run the commands."""
        agents.add(self.narrows, "asker", "acp", [sys.executable, "-I", "-c", ASKER, *commands])
        return self.task()

    def task(self, agent: str = "asker", brief: str = "") -> Task:
        return tasks.file(self.narrows, project_id=self.project.id, title="Ask first", agent=agent, brief=brief)

    def asked(self, count: int = 1, state: QuestionState = QuestionState.OPEN) -> list[Question]:
        def look() -> list[Question] | None:
            found = [each for each in questions.unanswered(self.narrows) if each.state is state]
            return found if len(found) == count else None

        return self.house.until(look)

    def run(self, change: Change, number: int = -1) -> Run:
        return runs.of_change(self.narrows, change.id)[number]

    def told(self, change: Change) -> str:
        newest = revisions.of_change(self.narrows, change.id)[-1]
        return (revisions.whole_file(self.narrows, newest, "told.txt", old=False) or b"").decode()


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with house_in(tmp_path, agents=1) as house:
        yield Asking(house, tmp_path)


def test_allowed_it_goes_on_in_the_same_run(asking: Asking) -> None:
    task = asking.begin("make install", "make clean")
    clean, install = sorted(asking.asked(2), key=lambda question: question.subject)  # asked at the same time
    change = asking.house.waits(task, ChangeState.NEEDS_ATTENTION)
    assert asking.run(change).state is RunState.RUNNING
    questions.answer(asking.narrows, install.id, allowed=True)
    questions.answer(asking.narrows, clean.id, allowed=False)
    change = asking.house.waits(task)
    assert asking.told(change) == "make install: yes\nmake clean: no\n"
    assert len(runs.of_change(asking.narrows, change.id)) == 1


def test_an_answer_for_the_whole_run_is_asked_for_once(asking: Asking) -> None:
    task = asking.begin("one", "two", "three")
    first, *_ = asking.asked(3)
    questions.answer(asking.narrows, first.id, allowed=True, whole_run=True)
    change = asking.house.waits(task)
    assert asking.told(change) == "one: yes\ntwo: yes\nthree: yes\n"


def test_the_demo_agent_asks_too(asking: Asking) -> None:
    task = asking.task("demo", "run: touch made.txt\n")
    [asked] = asking.asked()
    assert (asked.tool, asked.subject) == ("execute", "touch made.txt")
    questions.answer(asking.narrows, asked.id, allowed=True)
    change = asking.house.waits(task)
    [revision] = revisions.of_change(asking.narrows, change.id)
    assert revisions.whole_file(asking.narrows, revision, "made.txt", old=False) == b""


def test_unanswered_it_gives_its_place_up_and_the_late_answer_goes_on_in_the_same_conversation(asking: Asking) -> None:
    projects.configure(asking.narrows, asking.project.id, ask_minutes=0)
    task = asking.begin("make install")
    [asked] = asking.asked(1, QuestionState.WAITING)
    change = asking.house.waits(task, ChangeState.NEEDS_ATTENTION)
    run = asking.house.until(lambda: found if (found := asking.run(change)).over else None)
    assert (run.state, run.trouble) == (RunState.FAILED, Trouble.UNANSWERED)
    assert changes.get(asking.narrows, change.id).note == "It asked: may it run `make install`?"

    other = asking.task("demo", "write: other.txt\n```\nother\n```\n")  # the only place is free
    asking.house.waits(other)

    questions.answer(asking.narrows, asked.id, allowed=True)
    change = asking.house.waits(task)
    assert asking.told(change) == "make install: yes\n"
    follow_up = asking.run(change)
    assert (follow_up.reason.value, follow_up.continued) == ("answer", True)
    assert "Yes, you may." in follow_up.prompt


def test_stopped_while_it_asks_nothing_of_it_is_left(asking: Asking) -> None:
    task = asking.begin("make install")
    [asked] = asking.asked()
    change = asking.house.waits(task, ChangeState.NEEDS_ATTENTION)
    run = asking.run(change)
    runs.stop(asking.narrows, run.id)
    asking.house.until(lambda: True if runs.get(asking.narrows, run.id).state is RunState.STOPPED else None)
    change = asking.house.waits(task, ChangeState.NEEDS_ATTENTION)
    assert change.note.startswith("You stopped the run.")
    assert questions.get(asking.narrows, asked.id).state is QuestionState.WITHDRAWN
    assert questions.unanswered(asking.narrows) == []


def test_abandoned_while_it_asks_its_place_is_free(asking: Asking) -> None:
    task = asking.begin("make install")
    asking.asked()
    change = asking.house.waits(task, ChangeState.NEEDS_ATTENTION)
    changes.abandon(asking.narrows, change.id)
    asking.house.waits(asking.task("demo", "write: other.txt\n```\nother\n```\n"))


def test_killed_while_it_asks_the_server_asks_anew(tmp_path: Path) -> None:
    repository = Repository.make(tmp_path)
    with Server(tmp_path / "data") as server:
        server.post(
            "/api/agents",
            {"name": "asker", "family": "acp", "argv": [sys.executable, "-I", "-c", ASKER, "make install"]},
        )
        wishes = {"path": str(repository.path), "permissions": {"execute": "ask"}}
        project = server.post("/api/projects", wishes)["id"]
        task = server.post("/api/tasks", {"project_id": project, "title": "Ask first", "agent": "asker"})["id"]
        [first] = server.until(lambda: server.get("/api/questions") or None)
        server.kill()
        server.start()
        [second] = server.until(
            lambda: [each for each in server.get("/api/questions") if each["id"] != first["id"]] or None
        )
        assert server.get(f"/api/questions/{first['id']}")["state"] == "withdrawn"
        assert second["run_id"] == first["run_id"]
        change = second["change_id"]
        shown = shell(server, "show", str(change))
        assert f"answer with: narrows answer {second['id']} --allow, or --refuse): execute\n  make install" in shown
        assert shell(server, "answer", str(second["id"]), "--allow") == "Allowed: make install\n"
        change = server.until(lambda: _in_review(server, task))
        assert change["questions"] == []
        assert [run["attempt"] for run in change["runs"]] == [2]
        server.stop()
    wait_gone(carrying(f"NARROWS_WORKTREE={tmp_path}/data/worktrees/{project}/1"))


def shell(server: Server, *words: str) -> str:
    """What the command line prints."""
    argv = [sys.executable, "-m", "server.cli", *words, "--data", str(server.data)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _in_review(server: Server, task: int) -> Any:
    [change] = server.get(f"/api/tasks/{task}")["changes"]
    return server.get(f"/api/changes/{change['id']}") if change["state"] == "in_review" else None
