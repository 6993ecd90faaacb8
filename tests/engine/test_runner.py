"""The runner's promise: whatever a program does, nothing of it outlives its run."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.engine import processes, runner
from server.engine.processes import Command, Process
from tests.support.processes import alive, carrying, wait_for, wait_gone, wait_until
from tests.support.speed import here

REPOSITORY = Path(__file__).parents[2]

DAEMONISE_TWICE = """
import os, time
def detach():
    if os.fork(): os._exit(0)
    os.setsid()
if os.fork() == 0:
    detach(); detach()
    os.closerange(0, 64)
    with open("daemon.new", "w") as file: print(os.getpid(), file=file)
    os.rename("daemon.new", "daemon")
    time.sleep(600)
time.sleep(600)
"""

# Each process lives for 0.3 s, and starts another whenever one of 150 tokens is free: hundreds of forks a second,
# some of them in sessions of their own.
STORM = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
tokens, returned = os.pipe()
os.set_blocking(tokens, False)
os.write(returned, b"x" * 150)
def rage(end):
    while time.monotonic() < end:
        time.sleep(0.02)
        try: os.read(tokens, 1)
        except BlockingIOError: continue
        if os.fork() == 0:
            os.setsid() if os.getpid() % 3 == 0 else os.setpgid(0, 0)
            rage(time.monotonic() + 0.3)
            os.write(returned, b"x")
            os._exit(0)
rage(time.monotonic() + 600)
"""

RELAY = """
import os, time, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    if os.fork(): os._exit(0)
    os.setsid()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A run folder; the test fails if anything that carries its mark is still there at the end."""
    yield tmp_path
    wait_gone(carrying(f"NARROWS_RUN={processes.mark(tmp_path)}"), seconds=1)


def python(folder: Path, program: str, **options: Any) -> Command:
    return Command(
        (sys.executable, "-I", "-c", textwrap.dedent(program)), folder, {"PATH": os.defpath}, folder, **options
    )


def shell(folder: Path, script: str, **options: Any) -> Command:
    return Command(("/bin/sh", "-c", script), folder, {"PATH": os.defpath}, folder, **options)


def story(command: Command, tell: Callable[[Process], Awaitable[None]]) -> None:
    async def run() -> None:
        process = await processes.start(command)
        try:
            await tell(process)
        finally:
            await process.stop(grace=0)
            process.close()

    asyncio.run(run())


def test_the_exit_code_is_the_programs_own(folder: Path) -> None:
    async def tell(process: Process) -> None:
        end = await process.wait()
        assert (end.code, end.timed_out, end.stopped, end.lost) == (7, False, False, False)

    story(shell(folder, "exit 7"), tell)


def test_a_program_that_a_signal_ended_reports_it_as_a_negative_number(folder: Path) -> None:
    async def tell(process: Process) -> None:
        assert (await process.wait()).code == -signal.SIGSEGV

    story(shell(folder, "kill -SEGV $$"), tell)


def test_a_program_may_tidy_up_when_it_is_stopped(folder: Path) -> None:
    async def tell(process: Process) -> None:
        await process.stdout.readline()
        end = await process.stop()
        assert (end.code, end.stopped) == (5, True)
        assert await process.stdout.read() == b"bye\n"

    story(shell(folder, "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done"), tell)


def test_a_program_that_ignores_term_is_gone_after_its_grace(folder: Path) -> None:
    async def tell(process: Process) -> None:
        await process.stdout.readline()
        began = time.monotonic()
        end = await process.stop()
        assert 0.3 <= time.monotonic() - began < here(2)
        assert (end.code, end.stopped) == (-signal.SIGKILL, True)
        assert not alive(process.pid)

    story(shell(folder, "trap '' TERM; echo ready; while :; do sleep 0.1; done", grace=0.3), tell)


def test_a_second_stop_can_shorten_the_grace(folder: Path) -> None:
    async def tell(process: Process) -> None:
        await process.stdout.readline()
        process.ask_to_stop(grace=60)
        began = time.monotonic()
        await process.stop(grace=0.1)
        assert time.monotonic() - began < here(2)

    story(shell(folder, "trap '' TERM; echo ready; while :; do sleep 0.1; done"), tell)


def test_time_runs_out(folder: Path) -> None:
    async def tell(process: Process) -> None:
        end = await process.wait()
        assert (end.code, end.timed_out, end.stopped) == (-signal.SIGTERM, True, False)
        assert 0.2 <= end.seconds < here(2)

    story(shell(folder, "sleep 600", timeout=0.2), tell)


def test_time_runs_out_for_a_program_that_ignores_term(folder: Path) -> None:
    async def tell(process: Process) -> None:
        end = await process.wait()
        assert (end.code, end.timed_out) == (-signal.SIGKILL, True)

    story(shell(folder, "trap '' TERM; while :; do sleep 0.05; done", timeout=0.2, grace=0.2), tell)


def test_a_daemon_that_left_twice_is_gone_with_the_program(folder: Path) -> None:
    async def tell(process: Process) -> None:
        daemon = int(await asyncio.to_thread(wait_for, folder / "daemon"))
        assert alive(daemon)
        await process.stop()
        assert not alive(daemon)

    story(python(folder, DAEMONISE_TWICE), tell)


def test_what_a_program_leaves_behind_at_its_own_end_is_gone_too(folder: Path) -> None:
    async def tell(process: Process) -> None:
        left = int(await process.stdout.readline())
        end = await process.wait()
        assert end.code == 0
        assert end.seconds < here(5)
        assert not alive(left)

    story(shell(folder, "setsid sleep 600 & echo $!"), tell)


def test_nobody_waits_for_a_grandchild_that_holds_the_output_open(folder: Path) -> None:
    async def tell(process: Process) -> None:
        assert (await process.wait()).seconds < here(2)
        assert await process.stdout.read() == b"said\n"

    story(shell(folder, "sleep 600 & echo said"), tell)


def test_a_storm_of_forks_is_over_within_five_seconds(folder: Path) -> None:
    async def tell(process: Process) -> None:
        mark = f"NARROWS_RUN={processes.mark(folder)}"
        await asyncio.to_thread(wait_until, lambda: len(carrying(mark)) > 100, "the storm did not start")
        began = time.monotonic()
        await process.stop(grace=1)
        assert time.monotonic() - began < here(5)
        assert not carrying(mark)

    story(python(folder, STORM), tell)


def test_a_process_that_is_always_somebody_else_is_caught(folder: Path) -> None:
    async def tell(process: Process) -> None:
        end = await process.wait()
        assert end.code == 0
        assert not carrying(f"NARROWS_RUN={processes.mark(folder)}")

    story(python(folder, RELAY), tell)


def test_a_crowd_of_zombies_is_collected_while_the_program_runs(folder: Path) -> None:
    async def tell(process: Process) -> None:
        await process.stdout.readline()
        supervisor = runner.parent(process.pid)
        assert supervisor
        await asyncio.to_thread(
            wait_until, lambda: runner.children(supervisor) == [process.pid], "orphans were not collected"
        )

    story(shell(folder, "for i in 1 2 3 4 5; do (sleep 0 &) ; done; echo ready; exec sleep 600"), tell)


def test_a_signal_to_the_runner_ends_the_program_properly(folder: Path) -> None:
    async def tell(process: Process) -> None:
        supervisor = runner.parent(process.pid)
        assert supervisor
        os.kill(supervisor, signal.SIGTERM)
        end = await process.wait()
        assert (end.code, end.stopped) == (-signal.SIGTERM, True)

    story(shell(folder, "exec sleep 600"), tell)


def test_a_program_dies_with_its_runner_and_the_rest_is_reaped(folder: Path) -> None:
    async def tell(process: Process) -> None:
        daemon = int(await asyncio.to_thread(wait_for, folder / "daemon"))
        supervisor = runner.parent(process.pid)
        assert supervisor
        os.kill(supervisor, signal.SIGKILL)
        end = await process.wait()
        assert end.lost
        assert not alive(process.pid)
        assert not alive(daemon)

    story(python(folder, DAEMONISE_TWICE), tell)


def test_a_server_that_is_killed_leaves_nothing(folder: Path) -> None:
    server = f"""
        import asyncio, sys
        from pathlib import Path
        from server.engine.processes import Command, start
        async def main():
            folder = Path({str(folder)!r})
            program = {DAEMONISE_TWICE!r}
            command = Command((sys.executable, "-I", "-c", program), folder, {{"PATH": "/bin"}}, folder)
            process = await start(command)
            print(process.pid, flush=True)
            await process.wait()
        asyncio.run(main())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(server)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout
        program = int(started.stdout.readline())
        daemon = int(wait_for(folder / "daemon"))
        supervisor = runner.parent(program)
        assert supervisor
        started.kill()
    wait_gone([program, daemon, supervisor], seconds=5)
    assert not processes.held(folder)


def test_the_terminals_interrupt_does_not_reach_a_program(folder: Path) -> None:
    async def tell(process: Process) -> None:
        supervisor = runner.parent(process.pid)
        assert supervisor
        sessions = {os.getsid(pid) for pid in (os.getpid(), supervisor, process.pid)}
        assert len(sessions) == 3

    story(shell(folder, "exec sleep 600"), tell)


def test_a_runner_is_light(folder: Path) -> None:
    async def tell(process: Process) -> None:
        status = Path(f"/proc/{runner.parent(process.pid)}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        assert peak < 15 * 1024

    story(shell(folder, "exec sleep 600"), tell)


def test_a_program_gets_its_environment_and_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")

    async def tell(process: Process) -> None:
        names = {line.split(b"=")[0] for line in (await process.stdout.read()).splitlines()}
        assert names - {b"PWD", b"SHLVL", b"_", b"OLDPWD"} == {b"PATH", b"NARROWS_RUN"}

    story(shell(folder, "exec env"), tell)


def test_a_program_gets_no_descriptor_but_its_three_and_the_lock(folder: Path) -> None:
    other = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(other, True)

    async def tell(process: Process) -> None:
        targets = set((await process.stdout.read()).decode().split())
        assert {target for target in targets if not target.startswith(("pipe:", "/dev/null", "/proc/"))} == {
            str(folder / "lock")
        }

    try:
        story(shell(folder, 'for f in /proc/self/fd/*; do readlink "$f"; done; exit 0'), tell)
    finally:
        os.close(other)


def test_a_broken_pipe_ends_a_program_as_usual(folder: Path) -> None:
    async def tell(process: Process) -> None:
        assert (await process.wait()).code == 0

    story(shell(folder, "yes | head -n 1"), tell)
