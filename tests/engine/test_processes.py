"""Starting, following and ending programs from the server's side."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.engine import processes, runner
from server.engine.processes import PIPE, CannotStart, Command, run_to_file, start
from tests.support.processes import alive, wait_gone
from tests.support.speed import here


def shell(folder: Path, script: str, **options: Any) -> Command:
    return Command(("/bin/sh", "-c", script), folder, {"PATH": os.defpath}, folder, **options)


def test_output_errors_and_input(tmp_path: Path) -> None:
    async def tell() -> None:
        process = await start(shell(tmp_path, "cat; echo trouble >&2", stdin="grüße\n".encode()))
        assert await process.stdout.read() == "grüße\n".encode()
        assert (await process.wait()).code == 0
        assert (tmp_path / "stderr.log").read_text() == "trouble\n"

    asyncio.run(tell())


def test_input_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("do it")

    async def tell() -> None:
        process = await start(shell(tmp_path, "cat", stdin=tmp_path / "prompt.md"))
        assert await process.stdout.read() == b"do it"
        await process.wait()

    asyncio.run(tell())


def test_a_conversation(tmp_path: Path) -> None:
    async def tell() -> None:
        process = await start(shell(tmp_path, 'while read line; do echo "got $line"; done', stdin=PIPE))
        assert process.stdin
        for word in (b"one", b"two"):
            process.stdin.write(word + b"\n")
            await process.stdin.drain()
            assert await process.stdout.readline() == b"got " + word + b"\n"
        process.stdin.close()
        assert (await process.wait()).code == 0

    asyncio.run(tell())


def test_a_large_input_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    async def tell() -> None:
        process = await start(shell(tmp_path, "exit 0", stdin=b"x" * 4_000_000))
        assert (await process.wait()).code == 0
        process.close()

    asyncio.run(tell())


def test_without_input_a_program_reads_the_end_at_once(tmp_path: Path) -> None:
    async def tell() -> None:
        process = await start(shell(tmp_path, "cat; echo over"))
        assert await process.stdout.read() == b"over\n"
        await process.wait()

    asyncio.run(tell())


@pytest.mark.parametrize(
    ("argv", "cwd", "message"),
    [
        (("no-such-program",), ".", "no-such-program could not be started: No such file or directory"),
        (("/etc/passwd",), ".", "/etc/passwd could not be started: Permission denied"),
        (("true",), "missing", "true could not be started: No such file or directory"),
    ],
)
def test_what_can_not_be_started_is_said_in_a_sentence(
    tmp_path: Path, argv: tuple[str, ...], cwd: str, message: str
) -> None:
    command = Command(argv, tmp_path / cwd, {"PATH": os.defpath}, tmp_path)
    with pytest.raises(CannotStart) as refusal:
        asyncio.run(_started(command))
    assert message in str(refusal.value)
    assert not processes.held(tmp_path)


def test_a_missing_run_folder_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(CannotStart):
        asyncio.run(_started(replace(shell(tmp_path, "true"), run_folder=tmp_path / "missing")))


def test_two_programs_never_share_a_run_folder(tmp_path: Path) -> None:
    async def tell() -> None:
        first = await start(shell(tmp_path, "exec sleep 600"))
        assert processes.held(tmp_path)
        with pytest.raises(CannotStart, match="Another program"):
            await start(shell(tmp_path, "true"))
        await first.stop()
        first.close()
        assert not processes.held(tmp_path)
        second = await start(shell(tmp_path, "true"))
        await second.wait()
        second.close()

    asyncio.run(tell())


def test_eight_at_once_and_all_ended_at_once(tmp_path: Path) -> None:
    async def tell() -> list[int]:
        folders = [tmp_path / str(number) for number in range(8)]
        for folder in folders:
            folder.mkdir()
        started = await asyncio.gather(
            *(start(shell(folder, "trap '' TERM; echo; sleep 600; sleep 600")) for folder in folders)
        )
        await asyncio.gather(*(process.stdout.readline() for process in started))
        began = time.monotonic()
        await asyncio.to_thread(processes.stop_all)
        assert time.monotonic() - began < here(3)
        for process in started:
            await process.wait()
            process.close()
        return [process.pid for process in started]

    assert not any(alive(pid) for pid in asyncio.run(tell()))


def test_everything_is_ended_even_when_the_loop_that_started_it_hangs(tmp_path: Path) -> None:
    pids: list[int] = []
    started, release = threading.Event(), threading.Event()

    async def tell() -> None:
        process = await start(shell(tmp_path, "exec sleep 600"))
        pids.append(process.pid)
        started.set()
        release.wait(20)
        await process.wait()
        process.close()

    loop = threading.Thread(target=asyncio.run, args=(tell(),))
    loop.start()
    assert started.wait(10)
    processes.stop_all()
    wait_gone(pids, seconds=1)
    release.set()
    loop.join(10)
    assert not loop.is_alive()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    async def round_trip() -> None:
        process = await start(shell(tmp_path, "echo; echo >&2", stdin=PIPE))
        await process.wait()
        process.close()
        with pytest.raises(CannotStart):
            await start(Command(("no-such-program",), tmp_path, {}, tmp_path))
        await run_to_file(shell(tmp_path, "echo"), tmp_path / "log")

    async def tell() -> None:
        await round_trip()
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            await round_trip()
        await asyncio.sleep(0)
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    asyncio.run(tell())


def test_starting_is_quick(tmp_path: Path) -> None:
    async def tell() -> list[float]:
        seconds = []
        for _ in range(5):
            began = time.monotonic()
            process = await start(shell(tmp_path, "echo up"))
            await process.stdout.readline()
            seconds.append(time.monotonic() - began)
            await process.wait()
            process.close()
        return seconds

    assert min(asyncio.run(tell())) < here(0.1)  # asked are 50 ms


def test_a_start_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    async def tell() -> None:
        starting = asyncio.ensure_future(start(shell(tmp_path, "exec sleep 600")))
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(tell())
    deadline = time.monotonic() + 5
    while processes.held(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_what_is_started_in_a_loop_ends_with_it(tmp_path: Path) -> None:
    async def tell() -> int:
        return (await start(shell(tmp_path, "trap '' TERM; sleep 600; sleep 600", grace=0.1))).pid

    wait_gone([asyncio.run(tell())])


def test_a_log_holds_both_outputs_and_the_last_line_is_heard(tmp_path: Path) -> None:
    heard: list[str] = []

    async def tell() -> None:
        command = shell(tmp_path, "echo one; echo two >&2; printf 'three'; exit 4")
        end = await run_to_file(command, tmp_path / "check.log", heard.append)
        assert end.code == 4

    asyncio.run(tell())
    assert sorted((tmp_path / "check.log").read_text().split()) == ["one", "three", "two"]
    assert heard[-1] == "three"


def test_each_line_of_standard_error_is_heard(tmp_path: Path) -> None:
    """Also of those that come at once: any of them may tell that a model fails."""
    heard: list[str] = []

    async def tell() -> None:
        process = await start(shell(tmp_path, "printf 'one\n\ntwo\nthree' >&2"), heard.append)
        await process.wait()
        process.close()

    asyncio.run(tell())
    assert heard == ["one", "two", "three"]


def test_a_log_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    log = tmp_path / "check.log"
    asyncio.run(run_to_file(shell(tmp_path, "seq 1 100000"), log, limit=10_000))
    lines = log.read_text().splitlines()
    assert lines[0] == "1"
    assert lines[-1] == "100000"
    assert log.stat().st_size < 10_100
    notice = next(line for line in lines if "left out" in line)
    kept = log.stat().st_size - len(f"\n{notice}\n".encode())
    assert int(notice.split()[1]) + kept == len("".join(f"{n}\n" for n in range(1, 100001)))


def test_a_check_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    end = asyncio.run(run_to_file(shell(tmp_path, "echo begun; sleep 600", timeout=0.3), tmp_path / "log"))
    assert end.timed_out
    assert (tmp_path / "log").read_text() == "begun\n"


def test_cancelling_a_check_ends_it(tmp_path: Path) -> None:
    async def tell() -> int:
        begun = asyncio.Event()
        check = asyncio.ensure_future(
            run_to_file(shell(tmp_path, "echo $$; exec sleep 600"), tmp_path / "log", lambda _: begun.set())
        )
        await begun.wait()
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
        return int((tmp_path / "log").read_text())

    assert not alive(asyncio.run(tell()))


def test_programs_run_from_a_loop_in_a_background_thread(tmp_path: Path) -> None:
    ends: list[processes.Exit] = []

    async def tell() -> None:
        ends.append(await run_to_file(shell(tmp_path, "exit 3"), tmp_path / "log"))

    thread = threading.Thread(target=asyncio.run, args=(tell(),))
    thread.start()
    thread.join(20)
    assert [end.code for end in ends] == [3]


def test_the_next_server_kills_what_carries_the_mark_of_a_run(tmp_path: Path) -> None:
    marked = _sleeper({"NARROWS_RUN": processes.mark(tmp_path)})
    other = _sleeper({"NARROWS_RUN": processes.mark(tmp_path / "other")})
    try:
        assert processes.reap(tmp_path) == 1
        assert marked.wait(5) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        _end(marked, other)


def test_the_next_server_kills_who_holds_the_lock_with_its_children(tmp_path: Path) -> None:
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    script = "sleep 600 < /dev/null & echo $!; wait"
    holder = subprocess.Popen(
        ["/bin/sh", "-c", script], stdin=lock, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    os.close(lock)
    try:
        assert holder.stdout
        child = int(holder.stdout.readline())
        assert processes.reap(tmp_path) == 2
        assert holder.wait(5) == -signal.SIGKILL
        wait_gone([child])
    finally:
        _end(holder)


def test_the_next_server_kills_the_process_that_was_recorded(tmp_path: Path) -> None:
    recorded = _sleeper({})
    try:
        _record(tmp_path, recorded.pid, runner.start_time(recorded.pid), runner.boot_id())
        assert processes.reap(tmp_path) == 1
        assert recorded.wait(5) == -signal.SIGKILL
    finally:
        _end(recorded)


@pytest.mark.parametrize("difference", ["start", "boot"])
def test_a_stranger_with_a_reused_number_is_left_alone(tmp_path: Path, difference: str) -> None:
    stranger = _sleeper({})
    try:
        start_time = runner.start_time(stranger.pid)
        assert start_time
        if difference == "start":
            _record(tmp_path, stranger.pid, start_time - 1, runner.boot_id())
        else:
            _record(tmp_path, stranger.pid, start_time, "another-boot")
        assert processes.reap(tmp_path) == 0
        assert stranger.poll() is None
    finally:
        _end(stranger)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"boot": null}', "\x00\xff"])
def test_a_spoilt_record_is_no_reason_to_fail(tmp_path: Path, text: str) -> None:
    (tmp_path / "process.json").write_text(text)
    assert processes.reap(tmp_path) == 0


def test_reaping_a_folder_that_never_ran_is_nothing(tmp_path: Path) -> None:
    assert processes.reap(tmp_path / "missing") == 0
    assert not processes.held(tmp_path / "missing")


def _sleeper(env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], env={"PATH": os.defpath, **env}, start_new_session=True)


def _end(*started: subprocess.Popen[Any]) -> None:
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _record(folder: Path, pid: int, start_time: int | None, boot: str) -> None:
    record = {"pid": pid, "start": start_time, "runner": pid, "runner_start": start_time, "boot": boot}
    (folder / "process.json").write_text(json.dumps(record))


async def _started(command: Command) -> None:
    await start(command)
