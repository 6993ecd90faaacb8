"""Finding agents on this machine: which way of driving one is possible, its version, whether it is logged in.

No model is asked anything, and nothing of a project is run: programs are looked for in the absolute folders of PATH
alone, and asked for their version in the temporary folder.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from server.agents.environment import environment
from server.agents.protocol import AgentSpec
from server.agents.turns import one_line
from server.domain.agent import Found
from server.domain.errors import NarrowsError

VERSION_PATIENCE = 5.0  # seconds
NUMBER = re.compile(r"\d+(?:\.\d+)+")

_versions: dict[tuple[str, ...], str] = {}  # by the program's path, its time of change, and the arguments


def choose(
    specs: Sequence[AgentSpec], server: Mapping[str, str] | None = None, home: Path | None = None
) -> tuple[AgentSpec, Found]:
    """The first of an agent's ways whose programs are all there, made ready to run, and what is known of it.

    Where none is possible: the first way, with what is missing and what to do. Starts nothing; the version is in the
    answer where `ask_version` has asked for it before.

    Args:
        specs: One agent's ways, the best first.
        server: The server's environment; the process's own by default.
        home: The home folder; the person's by default.
    """
    server = os.environ if server is None else server
    home = home or Path.home()
    for spec in specs:
        try:
            ready = resolved(spec, server, home)
        except NarrowsError as error:  # it asks for what no agent gets
            return spec, Found(None, None, spec.way, problem=error.message, step=error.hint)
        if ready is not None:
            return ready, _aged(ready, _found(ready, server, home), _remembered(ready, server, home))
    first = specs[0]
    missing = Found(None, None, first.way, problem=f"{titled(first)} is not on this machine.", step=first.install)
    return first, missing


def resolved(spec: AgentSpec, server: Mapping[str, str], home: Path) -> AgentSpec | None:
    """The spec with its program's path, and with the paths of those that it needs in its environment.

    What the server's own environment says of where one is wins. None: one of them is not there.
    """
    env = environment(home=home, extra=spec.env, server=server)
    program = where(spec.argv[0], env)
    needs = {name: where(server.get(name) or needed, env) for name, needed in spec.needs.items()}
    if program is None or None in needs.values():
        return None
    paths = {name: path for name, path in needs.items() if path}
    return replace(
        spec,
        argv=(program, *spec.argv[1:]),
        resume=_placed(spec.resume, env),
        usage_argv=_placed(spec.usage_argv, env),
        env={**spec.env, **paths},
    )


def _placed(argv: tuple[str, ...], env: Mapping[str, str]) -> tuple[str, ...]:
    """`argv` with its program's path, where it has one."""
    return (where(argv[0], env) or argv[0], *argv[1:]) if argv else ()


def where(program: str, env: Mapping[str, str]) -> str | None:
    """The program's path, by the absolute folders of `env`'s PATH; None when it is not there.

    One that is named relative to the worktree (`./agent`) stays as it is: it is another in each.
    """
    if os.sep in program and not Path(program).is_absolute():
        return program
    folders = (folder for folder in env.get("PATH", os.defpath).split(os.pathsep) if Path(folder).is_absolute())
    return shutil.which(program, path=os.pathsep.join(folders))


def ask_version(spec: AgentSpec, found: Found, server: Mapping[str, str] | None = None) -> Found:
    """`found` with the version that the program tells of itself, and the problem if that is too old.

    Takes `VERSION_PATIENCE` seconds at most, and what it says is remembered until the program changes. `spec` as
    `choose` answers it.
    """
    if found.path is None:
        return found
    server = os.environ if server is None else server
    env = environment(home=Path.home(), extra=spec.env, server=server)
    key = _version_key(spec, env)
    if key and key not in _versions and (told := _told_version(_version_argv(spec, env), env)):
        _versions[key] = told
    return _aged(spec, found, _versions.get(key) if key else None)


def titled(spec: AgentSpec) -> str:
    """What a person calls it."""
    return spec.title or spec.name


def _found(spec: AgentSpec, server: Mapping[str, str], home: Path) -> Found:
    login, clue = _login(spec, server, home)
    return Found(spec.argv[0], None, spec.way, login, clue)


def _login(spec: AgentSpec, server: Mapping[str, str], home: Path) -> tuple[bool | None, str]:
    """Whether it is logged in, and by what that is known; None where it can't be known without a request."""
    if not spec.login_env and not spec.login_files:
        return None, ""
    for name in spec.login_env:
        if server.get(name):
            return True, name
    for name in spec.login_files:
        file = home / name.removeprefix("~/")
        with suppress(OSError):
            if file.stat().st_size:
                return True, f"~/{file.relative_to(home)}" if file.is_relative_to(home) else str(file)
    return False, ""


def _aged(spec: AgentSpec, found: Found, version: str | None) -> Found:
    number = NUMBER.search(version or "")
    if not (spec.oldest and number and _numbers(number[0]) < _numbers(spec.oldest)):
        return replace(found, version=version)
    problem = f"{titled(spec)} {number[0]} is too old; {spec.oldest} or later is known to work."
    return replace(found, version=version, problem=problem, step=spec.install)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _remembered(spec: AgentSpec, server: Mapping[str, str], home: Path) -> str | None:
    key = _version_key(spec, environment(home=home, extra=spec.env, server=server))
    return _versions.get(key) if key else None


def _version_argv(spec: AgentSpec, env: Mapping[str, str]) -> tuple[str, ...]:
    """An adapter's own version tells little: the program that it needs is the agent."""
    if spec.version_argv:
        return _placed(spec.version_argv, env)
    program = next((env[name] for name in spec.needs if name in env), spec.argv[0])
    return (program, "--version")


def _version_key(spec: AgentSpec, env: Mapping[str, str]) -> tuple[str, ...] | None:
    """What a version is remembered by; None for a program that nobody may ask: one of a worktree, or gone."""
    argv = _version_argv(spec, env)
    try:
        return (str(Path(argv[0]).stat().st_mtime_ns), *argv) if Path(argv[0]).is_absolute() else None
    except OSError:
        return None


def _told_version(argv: tuple[str, ...], env: Mapping[str, str]) -> str | None:
    # Into files: a child that it leaves behind could hold a pipe open. Some tell it on standard error.
    with (
        tempfile.TemporaryDirectory() as nowhere,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=env,
                cwd=nowhere,
                start_new_session=True,
            )
        except OSError:
            return None
        with process:
            code = _wait(process)
        told = _first_line(output) or _first_line(errors)
    return told or None if code == 0 else None


def _first_line(file: IO[bytes]) -> str:
    file.seek(0)
    return one_line(file.read(1024).decode("utf-8", "replace").strip().partition("\n")[0], limit=80)


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(VERSION_PATIENCE)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
