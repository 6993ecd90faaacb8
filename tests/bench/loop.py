"""What the loop costs, against the same work done by hand in the same run. `make bench` prints it.

Everything is real: the server as its own process, a repository of 4,500 files, git. Figures are ratios wherever a
machine's speed would decide, medians of several goes, and each stands beside the limit that it must keep.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from server.domain.change import Change, Revision
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import ChangeState, RunState, TaskState
from server.domain.task import Task
from server.store.database import Database
from tests.support.repositories import Repository
from tests.support.server import Server

FILES = 4_500
GOES = 7
IDLE_SECONDS = 60

# Says the moment of its start through a pipe, makes a change, and stays until it is told to end.
AGENT = """
import os, sys, time
started = time.monotonic()
with open(sys.argv[1], "w") as pipe:
    pipe.write(f"{started}\\n")
open("made.txt", "a").write("a line\\n")
if len(sys.argv) > 2:
    open(sys.argv[2]).read()
print("Made a line.")
"""

failures: list[str] = []


def report(name: str, value: float, limit: float, unit: str, detail: str) -> None:
    """One line of the result."""
    verdict = "ok" if value <= limit else "MISSED"
    if value > limit:
        failures.append(name)
    print(f"{name:<44} {value:8.2f} {unit:<10} limit {limit:7.2f}  {verdict:<7} {detail}", flush=True)


def make_repository(folder: Path) -> Repository:
    files = {f"part{n % 90:02}/module_{n:04}.py": f"def f_{n}():\n    return {n}\n" * 20 for n in range(FILES)}
    return Repository.make(folder, files={"README.md": "# Large\n", **files})


def started_at(pipe: Path) -> float:
    with pipe.open() as reading:
        return float(reading.readline())


def by_hand(repository: Repository, folder: Path, argv: list[str], pipe: Path, number: int) -> float:
    """Seconds from `git worktree add` to the same program's start, with nothing else around."""
    tree = folder / f"hand-{number}"
    began = time.monotonic()
    subprocess.run(
        ["git", "-C", str(repository.path), "worktree", "add", "--quiet", "--detach", str(tree), "HEAD"], check=True
    )
    process = subprocess.Popen(argv, cwd=tree, stdout=subprocess.DEVNULL)
    took = started_at(pipe) - began
    process.wait()
    subprocess.run(["git", "-C", str(repository.path), "worktree", "remove", "--force", str(tree)], check=True)
    return took


def start_latency(server: Server, repository: Repository, folder: Path) -> None:
    """Submit to agent started, cold (a worktree that was never there) and warm (one used before)."""
    pipe, hold = folder / "started", folder / "hold"
    os.mkfifo(pipe)
    os.mkfifo(hold)
    script = folder / "agent.py"
    script.write_text(AGENT)
    argv = [sys.executable, str(script), str(pipe)]
    server.post("/api/agents", {"name": "held", "family": "command", "argv": [*argv, str(hold)]})
    server.post("/api/agents", {"name": "quick", "family": "command", "argv": argv})
    project = server.post("/api/projects", {"path": str(repository.path), "checks": []})["id"]

    def submit(agent: str) -> tuple[int, float]:
        began = time.monotonic()
        task = server.post("/api/tasks", {"project_id": project, "title": "Go", "agent": agent})["id"]
        return task, started_at(pipe) - began

    hand, cold, warm = [], [], []
    for number in range(GOES):
        hand.append(by_hand(repository, folder, argv, pipe, number))
        cold.append(submit("held")[1])  # held ones keep their worktrees, so each next one is new
        if number == 3:
            _release(server, hold, 4)
    _release(server, hold, GOES - 4)
    for change in server.get("/api/changes"):
        server.post(f"/api/changes/{change['id']}/abandonment")
    for _ in range(GOES):
        task, took = submit("quick")
        warm.append(took)
        change = server.until(lambda task=task: waiting(server, task))  # type: ignore[misc]
        server.post(f"/api/changes/{change}/abandonment")
    base = statistics.median(hand)
    _latency("submit → agent started, cold", cold, base, 1.2)
    _latency("submit → agent started, warm", warm, base, 0.3)


def _latency(name: str, times: list[float], base: float, ratio: float) -> None:
    took = statistics.median(times)
    report(name, took, ratio * base + 0.3, "s", f"{ratio} × by hand ({base:.2f} s) + 0.3 s; ratio {took / base:.2f}")


def _release(server: Server, hold: Path, expected: int) -> None:
    """Let the held agents end: whoever reads the pipe goes on."""
    before = len(server.get("/api/desk")["waiting"])
    while len(server.get("/api/desk")["waiting"]) < before + expected:
        with contextlib.suppress(OSError):  # nobody reads right now
            os.close(os.open(hold, os.O_WRONLY | os.O_NONBLOCK))
        time.sleep(0.02)


def waiting(server: Server, task: int) -> int | None:
    changes = server.get(f"/api/tasks/{task}")["changes"]
    return changes[0]["id"] if changes and changes[0]["state"] == "in_review" else None


def landing_latency(server: Server, repository: Repository, folder: Path) -> None:
    """Click to landed without checks, against the same git commands by hand on a mirror of its own."""
    project = next(p["id"] for p in server.get("/api/projects") if p["path"] == str(repository.path))
    pipe = folder / "started"
    ours = []
    for _ in range(GOES):
        task = server.post("/api/tasks", {"project_id": project, "title": "Line", "agent": "quick"})["id"]
        started_at(pipe)
        change = server.until(lambda task=task: waiting(server, task))  # type: ignore[misc]
        with server.events() as events:
            began = time.monotonic()
            server.post(f"/api/changes/{change}/landing", {"revision": 1})
            next(event for event in events if event["verb"] == "landed")
            ours.append(time.monotonic() - began)
    hand = [_land_by_hand(repository, folder / f"mirror-{n}") for n in range(GOES)]
    base = statistics.median(hand)
    took = statistics.median(ours)
    report(
        "click → landed, no checks",
        took,
        2.5 * base + 0.1,
        "s",
        f"2.5 × by hand ({base:.2f} s) + 0.1 s; ratio {took / base:.2f}",
    )


def _land_by_hand(repository: Repository, mirror: Path) -> float:
    """A one-line change in a mirror, landed by hand; seconds for the landing alone."""
    git(repository.path, "clone", "--quiet", "--bare", "--local", str(repository.path), str(mirror))
    base = git(mirror, "rev-parse", "main")
    blob = git(mirror, "hash-object", "-w", "--stdin", data=f"{mirror.name}\n".encode())
    listing = git(mirror, "ls-tree", base) + f"\n100644 blob {blob}\t{mirror.name}.txt\n"
    revision = git(mirror, "commit-tree", "-p", base, "-m", "rev", git(mirror, "mktree", data=listing.encode()))
    took = land_by_hand(repository.path, mirror, revision)
    shutil.rmtree(mirror)
    return took


def land_by_hand(repository: Path, mirror: Path, revision: str) -> float:
    """Seconds to land a mirror's commit on main with the commands that it takes at least: fetch the target, merge,
    commit, bring the commit over, move the branch and its checkout, and look at what is there.
    """
    began = time.monotonic()
    git(mirror, "fetch", "--quiet", str(repository), "+refs/heads/main:refs/heads/main")
    target = git(mirror, "rev-parse", "refs/heads/main")
    tree = git(mirror, "merge-tree", "--write-tree", target, revision)
    commit = git(mirror, "commit-tree", "-p", target, "-m", "landed", tree)
    git(repository, "fetch", "--quiet", "--no-write-fetch-head", str(mirror), commit)
    git(repository, "merge", "--quiet", "--ff-only", commit)
    git(repository, "rev-parse", "HEAD^{tree}")
    return time.monotonic() - began


def git(where: Path, *args: str, data: bytes | None = None) -> str:
    done = subprocess.run(["git", "-C", str(where), *args], check=True, capture_output=True, input=data)
    return done.stdout.decode().strip()


def desk_latency(folder: Path) -> None:
    """The desk's answer with 2,000 tasks and 200 waiting changes against that with 10."""
    small, large = _answers(folder / "small", 10, 10), _answers(folder / "large", 2_000, 200)
    for name in ("/", "/api/desk"):
        ratio = large[name] / small[name]
        report(
            f"GET {name}: 2,000 tasks against 10",
            ratio,
            1.5,
            "times",
            f"{large[name] * 1000:.1f} ms, {small[name] * 1000:.1f} ms",
        )


def _answers(data: Path, tasks: int, changes: int) -> dict[str, float]:
    server = Server(data, "--no-worker")
    with server:
        pass
    _fill(data / "narrows.db", tasks, changes)
    with server:
        times = {}
        for path in ("/", "/api/desk"):
            times[path] = _median(lambda path=path: _ask(server, path), 40)  # type: ignore[misc]
    return times


def _ask(server: Server, path: str) -> None:
    assert server.http is not None
    assert server.http.get(path).is_success


def _median(act: Callable[[], None], goes: int) -> float:
    times = []
    for _ in range(goes):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return statistics.median(times[5:])


def _fill(file: Path, tasks: int, changes: int) -> None:
    database = Database(f"sqlite:///{file}")
    with database.writing() as db:
        project = Project(name="filled", path=f"/nowhere/{file.parent.name}", target_branch="main")
        db.add(project)
        db.flush()
        for number in range(tasks):
            waits = number < changes
            task = Task(
                project_id=project.id,
                title=f"Task {number}",
                brief="As said. " * 40,
                agent="demo",
                state=TaskState.OPEN if waits or number % 2 else TaskState.DONE,
            )
            db.add(task)
            db.flush()
            if not waits:
                continue
            change = Change(task_id=task.id, project_id=project.id, agent=task.agent)
            change.present()
            db.add(change)
            db.flush()
            run = Run(
                change_id=change.id,
                task_id=task.id,
                project_id=project.id,
                agent="demo",
                prompt="",
                state=RunState.SUCCEEDED,
            )
            db.add(run)
            db.flush()
            revision = Revision(
                change_id=change.id,
                run_id=run.id,
                number=1,
                commit="c",
                tree=f"t{number}",
                base="b",
                base_tree="bt",
                minutes=3,
            )
            db.add(revision)
            assert change.state is ChangeState.IN_REVIEW
    database.close()


def memory(server: Server, repository: Repository, folder: Path) -> None:
    """Resident memory with eight agents at work: of the server, and of one runner."""
    project = next(p["id"] for p in server.get("/api/projects") if p["path"] == str(repository.path))
    server.call("PATCH", f"/api/projects/{project}", {"agents_limit": 8})
    for _ in range(8):
        server.post("/api/tasks", {"project_id": project, "title": "Stay", "agent": "held"})
        started_at(folder / "started")
    process = psutil.Process(server.pid)
    runners = [child for child in process.children() if "runner.py" in " ".join(child.cmdline())]
    assert len(runners) == 8, runners
    report("server's resident memory, 8 agents", process.memory_info().rss / 1e6, 160, "MB", "")
    largest = max(runner.memory_info().rss for runner in runners)
    report("a runner's resident memory", largest / 1e6, 15, "MB", "the largest of 8")
    _release(server, folder / "hold", 8)


def idle_git(server: Server, log: Path) -> None:
    """git processes started in an idle minute."""
    before = log.read_text().count("\n")
    time.sleep(IDLE_SECONDS)
    report("git processes in an idle minute", log.read_text().count("\n") - before, 0, "processes", "")


def counted_git(folder: Path) -> tuple[dict[str, str], Path]:
    """An environment whose `git` writes a line for each start, and the file of those lines."""
    real, log = shutil.which("git"), folder / "git.log"
    log.touch()
    wrapper = folder / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$*" >> "{log}"\nexec "{real}" "$@"\n')
    wrapper.chmod(0o755)
    return {"PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}, log


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="narrows-bench-") as name:
        folder = Path(name)
        repository = make_repository(folder)
        with Server(folder / "data", env={"NARROWS_AGENTS": "8", "NARROWS_BUDGET": "0"}) as server:
            start_latency(server, repository, folder)
            landing_latency(server, repository, folder)
            memory(server, repository, folder)
        env, log = counted_git(folder)
        with Server(folder / "data", env={**env, "NARROWS_BUDGET": "0"}) as server:
            idle_git(server, log)
        desk_latency(folder)
    print("missed: " + ", ".join(failures) if failures else "every limit kept")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
