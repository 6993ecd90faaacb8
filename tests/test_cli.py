"""The `narrows` command as a person types it, with a server and without."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server import cli, client, plain_text
from server.domain.errors import Unavailable
from server.services import projects
from server.settings import Settings
from tests.services.workshop import Workshop
from tests.support.house import narrows_in
from tests.support.processes import wait_gone, wait_until
from tests.support.repositories import Repository

HOSTILE = "\x1b]0;owned\x07\u202e"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path, files={"README.md": "# Project\n"})


@pytest.fixture
def narrows(
    data: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Types a command inside the repository."""
    monkeypatch.chdir(repository.path)
    monkeypatch.setenv("NARROWS_DATA", str(data))

    def run(*words: str, typed: str = "") -> Said:
        monkeypatch.setattr(sys, "argv", ["narrows", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        try:
            code = cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Said(code, *capfd.readouterr())

    return run


@pytest.fixture
def server(data: Path, repository: Repository, tmp_path: Path) -> Iterator[Settings]:
    """A real server on a free port, started inside the repository."""
    settings = Settings.load({"data": data}, {"HOME": str(tmp_path)})
    words = [sys.executable, "-m", "server.cli", "--data", str(data), "--port", "0", "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    log = (tmp_path / "server.log").open("w")
    process = subprocess.Popen(words, cwd=repository.path, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until(
            lambda: client.running(settings) and _answers(settings), (tmp_path / "server.log").read_text(), seconds=60
        )
        yield settings
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def _answers(settings: Settings) -> bool:
    try:
        with client.client(settings) as made:
            return bool(made.get("projects"))
    except Unavailable:
        return False


def test_without_a_server_a_task_is_filed_for_the_repository_around(
    narrows: Callable[..., Said], repository: Repository
) -> None:
    filed = narrows("add", "Mend the tides", "--brief", "-", "--priority", "3", typed="Both of them.\n")
    assert (filed.code, filed.err) == (0, "")
    assert filed.out == "Filed #1: Mend the tides\nIt starts when `narrows` runs.\n"
    after = narrows("add", "Then the moon", "--after", "1", "--project", repository.path.name, "--json")
    assert json.loads(after.out)["after"] == [1]
    listed = narrows("tasks", "--json")
    assert [(task["title"], task["brief"], task["priority"]) for task in json.loads(listed.out)] == [
        ("Then the moon", "", 0),
        ("Mend the tides", "Both of them.\n", 3),
    ]
    assert "#2  blocked  Then the moon   It starts after #1." in narrows("tasks").out
    assert "0 waiting, about 0 min to read. 0 at work, 2 in the backlog." in narrows("desk").out
    assert json.loads(narrows("desk", "--json").out)["next"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("--port", "4321", "--host", "localhost", "--no-browser", "--no-worker", "serve"),
        ("serve", "--port", "4321", "--host", "localhost", "--no-browser", "--no-worker"),
        ("--port", "1", "--no-browser", "serve", "--port", "4321", "--host", "localhost", "--no-worker"),
    ],
)
def test_options_count_before_the_commands_name_and_after_it(
    narrows: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    served: list[Settings] = []

    def serve(settings: Settings, **_: Any) -> int:
        served.append(settings)
        return 0

    monkeypatch.setattr("server.app.serve", serve)
    assert narrows(*words).code == 0
    assert [(one.port, one.host, one.open_browser, one.worker) for one in served] == [(4321, "localhost", False, False)]


def test_an_error_is_a_sentence_and_the_next_step(narrows: Callable[..., Said], tmp_path: Path) -> None:
    for words, message in [
        (("show", "7"), "narrows: There is no change 7."),
        (("add", " "), "narrows: A task needs a title."),
        (("add", "x", "--agent", "nobody"), "narrows: No agent is called 'nobody'."),
        (("add", "x", "--also", "nobody"), "narrows: No agent is called 'nobody'."),
        (("add", "x", "--project", "nothing"), "narrows: No project is called 'nothing'."),
        (("add", "x", "--examples", "-", "--done-when", "-"), "narrows: Standard input can be only one of them."),
        (("add", "x", "--done-when", str(tmp_path)), f"narrows: {tmp_path} can't be read: Is a directory."),
        (("add", "x", "--brief", str(tmp_path)), f"narrows: {tmp_path} can't be read: Is a directory."),
        (("send-back", "1"), "narrows: Say what should be different."),
        (("land", "1"), "narrows: Narrows is not running, and only it can do this."),
        (("undo", "1"), "narrows: Narrows is not running, and only it can do this."),
        (("--data", "/dev/null", "desk"), "narrows: /dev/null is not a folder."),
    ]:
        said = narrows(*words)
        assert said.code == 1, words
        assert said.err.startswith(message), said.err
        assert len(said.err.splitlines()) == 2, said.err
        assert said.out == ""


def test_outside_a_repository_it_asks_which_project(
    narrows: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path / "plain")
    assert narrows("add", "x").err.startswith("narrows: Which project?")


def test_a_mistake_of_ours_is_an_apology_with_a_report(
    narrows: Callable[..., Said], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_told: Any) -> str:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(plain_text, "desk", broken)
    said = narrows("desk")
    assert said.code == 1
    assert "Traceback" not in said.err
    [report] = (data / "logs").glob("error-*.log")
    assert str(report) in said.err
    assert "a secret detail" in report.read_text()


def test_the_version_and_the_help_need_nothing_heavy() -> None:
    script = "import sys; from server import cli; sys.argv = ['narrows', '--version']\n"
    script += "try: cli.main()\nexcept SystemExit: pass\n"
    script += "print({'fastapi', 'sqlalchemy', 'git', 'dbos'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert done.stdout == "narrows 0.1.0\nset()\n"


def test_doctor_says_what_is_there(narrows: Callable[..., Said], data: Path) -> None:
    said = narrows("doctor", "--json")
    assert said.code == 0
    told = json.loads(said.out)
    assert told["data"] == str(data)
    assert "demo" in {agent["name"] for agent in told["agents"]}
    assert str(data) in narrows("doctor").out


def test_a_server_left_behind_in_a_file_is_not_spoken_to(data: Path, tmp_path: Path) -> None:
    settings = Settings.load({"data": data}, {"HOME": str(tmp_path)})
    for left in ("", "{", "[]", '{"pid": 0}', f'{{"pid": {os.getpid()}, "host": "127.0.0.1", "port": 9}}'):
        settings.server_file.write_text(left)
        assert client.running(settings) is None


def test_nothing_printed_is_obeyed_by_a_terminal() -> None:
    told = {"id": 1, "shown": "backlog", "title": f"a{HOSTILE}b", "why": "x\ny"}
    assert plain_text.tasks([told]) == "#1  backlog  a\\x1b]0;owned\\x07\\u202eb  x y"


def test_the_whole_loop_from_the_shell(server: Settings, narrows: Callable[..., Said], repository: Repository) -> None:
    with client.client(server) as api:
        assert api.running
        script = "cat >/dev/null; printf 'one\\n' >> new.txt; printf 'Wrote \\033[31mit\\n'"
        api.post("agents", name="scribe", family="command", argv=["sh", "-c", script])
        assert [one["path"] for one in api.get("projects")] == [str(repository.path)]

        filed = narrows("add", "Write a file", "--agent", "scribe")
        assert (filed.code, filed.out.splitlines()[0]) == (0, "Filed #1: Write a file")
        wait_until(lambda: api.get("desk")["next"], "no change came to the desk", seconds=60)
        assert "Write a file" in narrows("desk").out
        shown = narrows("show", "1").out
        assert "in review" in shown
        assert "\x1b" not in shown
        assert b"+one" in narrows("show", "1", "--diff").out.encode()

        sent = narrows("send-back", "1", "-m", "Once more.")
        assert (sent.code, sent.out) == (0, "Sent #1 back to its agent.\n")
        wait_until(lambda: len(api.get("changes/1")["revisions"]) == 2, "no second revision came", seconds=60)
        wait_until(lambda: api.get("desk")["next"], "it did not come back", seconds=60)

        stale = narrows("land", "1", "--revision", "1")
        assert stale.code == 1
        assert "You read revision 1; the newest is 2." in stale.err
        landed = narrows("land", "1", "-m", "new: a file", "--method", "merge")
        assert (landed.code, landed.err) == (0, "")
        assert "Landed on main as " in landed.out
        assert "tested    tree " in narrows("receipt", "1").out
        assert repository.git("log", "--first-parent", "--format=%s").splitlines() == ["new: a file", "first"]
        assert len(repository.git("log", "-1", "--format=%P").split()) == 2
        assert repository.show("HEAD:new.txt") == "one\none\n"

        undone = narrows("undo", "1")
        assert (undone.code, undone.err) == (0, "")
        assert repository.log() == ["first"]
        again = narrows("undo", "1")
        assert again.code == 1


def test_a_change_is_brought_up_to_date_without_a_server(
    narrows: Callable[..., Said], repository: Repository, tmp_path: Path
) -> None:
    with narrows_in(tmp_path) as there:
        Workshop(there, projects.register(there, str(repository.path))).change({"new.txt": "one\n"})
    again = narrows("rebase", "1")
    assert (again.code, again.out) == (1, "")
    assert "It is on main as it is now." in again.err
    head = repository.commit("meanwhile", {"README.md": "# Other\n"})
    assert narrows("rebase", "1").out == f"#1 is up to date: revision 2 stands on {head[:12]}.\n"
    assert "You read revision 1; the newest is 2." in narrows("rebase", "1", "--revision", "1").err


def test_a_second_server_refuses_and_says_where_the_first_can_be_opened(
    server: Settings, narrows: Callable[..., Said]
) -> None:
    said = narrows("--port", "0", "--no-browser")
    assert said.code == 1
    assert f"already runs on {server.data}" in said.err
    assert f"Open it at {client.link(server)}" in said.err


@pytest.mark.alone
def test_a_server_that_is_told_to_stop_ends_while_somebody_listens(server: Settings) -> None:
    address, token = str(client.running(server)), server.token_file.read_text().strip()
    pid = json.loads(server.server_file.read_text())["pid"]
    sent = {"Authorization": f"Bearer {token}", "Last-Event-ID": "0"}
    with httpx2.stream("GET", f"{address}/api/events", headers=sent, timeout=10, trust_env=False) as stream:
        lines = stream.iter_lines()
        assert json.loads(next(lines).removeprefix("data: "))["verb"] == "registered"
        os.kill(pid, signal.SIGINT)
        assert not [line for line in lines if line.startswith("data")]
    wait_gone([pid], seconds=3)


def test_the_trash_and_how_it_stands(narrows: Callable[..., Said], tmp_path: Path) -> None:
    assert narrows("trash").out == "The trash is empty.\n"
    assert json.loads(narrows("trash", "--json").out) == []
    missing = narrows("trash", "restore", "7", "--to", str(tmp_path / "mine"))
    assert (missing.code, missing.err) == (
        1,
        "narrows: There is no number 7 in the trash.\nSee what there is: narrows trash.\n",
    )
    assert narrows("trash", "remove", "7").code == 1
    told = narrows("status").out
    assert "No engine is running" in told
    assert "0 in the trash, 0 bytes." in told
