from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from server.domain.errors import GitError, NarrowsError
from server.git import children, commands
from server.git.commands import Person, as_user, run, started, version
from server.git.configuration import identity
from tests.support.processes import wait_gone
from tests.support.repositories import Repository


def test_a_failure_is_a_sentence_with_gits_words_kept(repository: Repository) -> None:
    with pytest.raises(GitError, match=r"git cat-file failed \(exit code 128\)") as caught:
        run(repository.path / ".git", "cat-file", "blob", "nothing")
    assert "nothing" in caught.value.stderr
    assert run(repository.path / ".git", "cat-file", "blob", "nothing", ok=(0, 128)).code == 128


def test_output_keeps_every_byte(repository: Repository) -> None:
    data = bytes(range(256)) * 1000 + b"\n"
    oid = run(repository.path / ".git", "hash-object", "-w", "--stdin", input=data).text
    assert run(repository.path / ".git", "cat-file", "blob", oid).out == data


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE"])
def test_an_inherited_variable_does_not_lead_git_astray(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    head = repository.head
    monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    assert run(repository.path / ".git", "rev-parse", "HEAD").text == head
    assert run(repository.path / ".git", "ls-files", work_tree=repository.path).text


def test_inherited_configuration_does_not_count(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Mallory")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'user.email=mallory@example.org'")
    assert identity(repository.path) == Person("Ada Lovelace", "ada@example.org")


def test_a_command_that_hangs_is_stopped_with_its_children(repository: Repository, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(GitError, match="longer than"):
        run(
            repository.path / ".git",
            *("-c", f"alias.wait=!echo $$ >{pid_file}; sleep 60", "wait"),
            timeout=2,
        )
    wait_gone([int(pid_file.read_text())])


def test_what_waits_for_others_ends_with_the_server(repository: Repository, tmp_path: Path) -> None:
    """With what it started, although that would rather stay."""
    gate, ended = tmp_path / "gate", []
    os.mkfifo(gate)
    script = f"trap '' TERM; echo $$ > {gate}; sleep 600"

    def wait() -> None:
        ended.append(as_user(repository.path, "-c", f"alias.wait=!{script}", "wait", ok=tuple(range(-64, 256))).code)

    thread = threading.Thread(target=wait)
    thread.start()
    pid = int(gate.read_text())
    children.stop()
    thread.join()
    wait_gone([pid])
    assert ended[0] != 0


def test_only_so_many_run_at_once(repository: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "running"
    folder.mkdir()
    seen: list[int] = []

    def one(number: int) -> None:
        script = f"touch {folder}/{number}; ls {folder} | wc -l; sleep 0.05; rm {folder}/{number}"
        seen.append(int(run(repository.path / ".git", "-c", f"alias.hold=!{script}", "hold").text))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3 * commands.AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(seen) <= commands.AT_ONCE


def test_processes_are_counted(repository: Repository) -> None:
    before = started()
    run(repository.path / ".git", "rev-parse", "HEAD")
    assert started() == before + 1


def test_the_version_is_new_enough() -> None:
    assert version() >= commands.OLDEST
    assert commands._new_enough("git version 2.50.1 (Apple Git-155)") == (2, 50, 1)


def test_an_old_git_is_named() -> None:
    with pytest.raises(NarrowsError, match="too old") as caught:
        commands._new_enough("git version 2.34.1")
    assert caught.value.code == "git_too_old"


def test_a_missing_git_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    version.cache_clear()
    with pytest.raises(NarrowsError, match="not installed") as caught:
        version()
    assert caught.value.code == "git_missing"
    version.cache_clear()


def test_a_question_costs_a_few_milliseconds(repository: Repository) -> None:
    run(repository.path / ".git", "rev-parse", "HEAD")
    begin = time.perf_counter()
    for _ in range(10):
        run(repository.path / ".git", "rev-parse", "HEAD")
    assert (time.perf_counter() - begin) / 10 < 0.5  # 0.002 s on a machine that does nothing else


def test_git_runs_in_a_session_of_its_own(repository: Repository) -> None:
    session = run(repository.path / ".git", "-c", "alias.sid=!ps -o sid= -p $$", "sid").text
    ours = subprocess.run(["ps", "-o", "sid=", "-p", str(os.getpid())], capture_output=True, text=True, check=True)
    assert session != ours.stdout.strip()
