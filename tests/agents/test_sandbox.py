"""What a confined agent can't do, and what it still can: with the real sandbox, real processes and a real git."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.agents import confinement, sandbox, seatbelt
from server.agents.bubblewrap import Bubblewrap
from server.agents.confinement import Confinement, GitFolders, Shown, of_run
from server.domain.errors import NarrowsError
from server.engine import processes
from server.git import mirrors, worktrees
from server.git.places import place
from tests.support.processes import carrying, wait_gone
from tests.support.repositories import Repository

# Tries everything that it is told to, and prints what became of each: "" or the error.
UNRULY = """
import json, os, socket, subprocess, sys
wanted = json.loads(sys.argv[1])
results = {}
def attempt(name, act):
    try:
        act()
        results[name] = ""
    except Exception as error:
        results[name] = str(error) or type(error).__name__
def write(path):
    with open(path, "a") as file:
        file.write("the agent was here\\n")
def read(path):
    with open(path, "rb") as file:
        assert file.read(), "nothing in it"
def run(argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr}")
acts = {
    "write": write,
    "read": read,
    "connect": lambda port: socket.create_connection(("127.0.0.1", port), 5).close(),
    "call": lambda path: socket.socket(socket.AF_UNIX).connect(path),
    "signal": lambda pid: os.kill(pid, 0),
    "run": run,
}
for name, (act, what) in wanted.items():
    attempt(name, lambda: acts[act](what))
print(json.dumps(results))
"""
Attempts = dict[str, tuple[str, object]]


@dataclass
class House:
    """A user's machine in small: a home with secrets, a repository, and Narrows' data with two worktrees."""

    top: Path
    home: Path
    repository: Repository
    data: Path
    mirror: Path
    tree: Path
    neighbour: Path
    run: Path

    @classmethod
    def build(cls, top: Path) -> House:
        repository = Repository.make(top, "my project", {"README.md": "# Project\n", "app.py": "print()\n"})
        data, home = top / "data", top / "home"
        mirror, tree, neighbour = data / "mirrors/1.git", data / "worktrees/1/1", data / "worktrees/1/2"
        mirrors.create(repository.path, mirror)
        for folder in (tree, neighbour):
            folder.parent.mkdir(parents=True, exist_ok=True)
            worktrees.prepare(mirror, folder, repository.head)
        house = cls(top, home, repository, data, mirror, tree, neighbour, data / "runs/7")
        for folder in (house.run, data / "runs/8", home / ".ssh", home / ".codex", home / ".config/gh"):
            folder.mkdir(parents=True)
        for secret in house.secrets:
            secret.write_text("secret\n")
        (home / "notes.txt").write_text("mine\n")
        return house

    @property
    def secrets(self) -> list[Path]:
        at_home = [".ssh/id", ".git-credentials", ".config/gh/hosts.yml"]
        return [*(self.home / name for name in at_home), *(self.data / name for name in ("token", "narrows.db"))]

    @property
    def git(self) -> GitFolders:
        where = place(self.mirror, self.tree)
        return GitFolders(self.mirror, where.admin, where.private)

    def confinement(self, *, network: bool = False) -> Confinement:
        # Everything is below /tmp here, so that the repository has to be let through; elsewhere it is just there.
        return of_run(
            worktree=self.tree,
            git=self.git,
            run_folder=self.run,
            data=self.data,
            home=self.home,
            keeps=("~/.codex",),
            readable=(self.repository.path,),
            network=network,
        )

    @property
    def env(self) -> dict[str, str]:
        names = ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")
        identity = {name: value for group, value in zip(names, ("Ada", "a@b.c"), strict=True) for name in group}
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", **identity}

    def act(self, attempts: Attempts, confined: Confinement | None) -> dict[str, str]:
        """What became of the attempts of an agent that runs as the engine runs it."""
        argv = (sys.executable, "-I", "-c", UNRULY, json.dumps(attempts))
        out, end = self.output(argv, confined)
        assert end.code == 0, (self.run / "stderr.log").read_text()
        results: dict[str, str] = json.loads(out)
        return results

    def output(self, argv: tuple[str, ...], confined: Confinement | None) -> tuple[str, processes.Exit]:
        async def run() -> tuple[str, processes.Exit]:
            process = await self.launch(argv, confined)
            out = await process.stdout.read()
            end = await process.wait()
            process.close()
            return out.decode(), end

        return asyncio.run(run())

    async def launch(self, argv: tuple[str, ...], confined: Confinement | None, **more: Any) -> processes.Process:
        wrapped = argv if confined is None else the_sandbox().wrap(argv, confined)
        return await processes.launch(
            argv=wrapped, cwd=self.tree, env=self.env, run_folder=self.run, timeout=60, **more
        )


def the_sandbox() -> sandbox.Sandbox:
    found = sandbox.available()
    assert found is not None, sandbox.why_not()
    return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server on this machine that would be talked to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def trespasses(house: House, port: int) -> Attempts:
    """What a confined agent must not do."""
    written = {
        "the home": house.home / "planted",
        "a file of the user": house.home / "notes.txt",
        "the repository": house.repository.path / "app.py",
        "its hooks": house.repository.path / ".git/planted",
        "another worktree": house.neighbour / "app.py",
        "another run": house.data / "runs/8/report.md",
        "the mirror's configuration": house.mirror / "config",
        "a ref of the mirror": house.mirror / "refs/heads/planted",
    }
    return {
        **{f"write {name}": ("write", str(path)) for name, path in written.items()},
        **{f"read {path.name}": ("read", str(path)) for path in house.secrets},
        "read another worktree": ("read", str(house.neighbour / "app.py")),
        "connect": ("connect", port),
        "reach the server": ("signal", os.getpid()),
    }


def own_business(house: House) -> Attempts:
    """What every agent needs."""
    return {
        "the worktree": ("write", str(house.tree / "new.py")),
        "a tracked file": ("write", str(house.tree / "app.py")),
        "its configuration": ("write", str(house.home / ".codex/config.toml")),
        "its run": ("write", str(house.run / "report.md")),
        "the temporary folder": ("write", "/tmp/narrows-test-of-an-agent"),
        "the user's files": ("read", str(house.home / "notes.txt")),
        "the repository": ("read", str(house.repository.path / "app.py")),
    }


def test_a_confined_agent_is_refused_what_is_not_its_own(house: House, port: int) -> None:
    results = house.act(trespasses(house, port), house.confinement())
    assert [name for name, error in results.items() if not error] == []
    assert not (house.home / "planted").exists()
    assert house.repository.status() == []
    assert (house.neighbour / "app.py").read_text() == "print()\n"


def test_a_confined_agent_does_its_own_work(house: House) -> None:
    outside = Path("/tmp/narrows-test-of-an-agent")
    assert set(house.act(own_business(house), house.confinement()).values()) == {""}
    assert (house.tree / "new.py").read_text() == "the agent was here\n"
    assert (house.home / ".codex/config.toml").exists()
    assert not outside.exists(), "the temporary folder is the agent's own"


def test_without_a_sandbox_nothing_is_refused(house: House, port: int) -> None:
    everything = trespasses(house, port)
    assert set(house.act(everything, None).values()) == {""}


def test_the_network_is_a_choice(house: House, port: int) -> None:
    assert house.act({"connect": ("connect", port)}, house.confinement(network=True)) == {"connect": ""}
    assert "refused" in house.act({"connect": ("connect", port)}, house.confinement(network=False))["connect"]


def test_an_agent_that_holds_keys_can_not_be_called(house: House) -> None:
    places = {"hidden": house.home / ".ssh/agent", "fresh": Path(tempfile.gettempdir()) / f"narrows-{os.getpid()}"}
    calls: Attempts = {name: ("call", str(path)) for name, path in places.items()}
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
        try:
            for server, path in zip((one, other), places.values(), strict=True):
                server.bind(os.path.relpath(path))  # an address is short
                server.listen()
            calls = {name: ("call", os.path.relpath(path, house.tree)) for name, path in places.items()}
            assert set(house.act(calls, None).values()) == {""}
            assert all(house.act(calls, house.confinement()).values())
        finally:
            places["fresh"].unlink(missing_ok=True)


def contents(folder: Path, *, without: tuple[Path, ...]) -> dict[Path, tuple[int, bytes]]:
    """Every file below `folder` with its mode, but for those below one of `without`."""
    files = (path for path in folder.rglob("*") if path.is_file() and not any(map(path.is_relative_to, without)))
    return {path: (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) for path in files}


def test_git_works_in_a_confined_worktree_and_the_mirror_stays_as_it_is(house: House) -> None:
    confined = house.confinement()
    before = contents(house.mirror, without=(house.git.admin, house.git.objects))
    works: Attempts = {
        "edit": ("write", str(house.tree / "app.py")),
        "status": ("run", ["git", "status", "--porcelain"]),
        "diff": ("run", ["git", "diff"]),
        "log": ("run", ["git", "log"]),
        "add": ("run", ["git", "add", "-A"]),
        "commit": ("run", ["git", "commit", "-m", "by the agent"]),
        "amend": ("run", ["git", "commit", "--amend", "-m", "by the agent, again"]),
        "reset": ("run", ["git", "reset", "--soft", "HEAD~1"]),
        "recommit": ("run", ["git", "commit", "-m", "once more"]),
        "fsck": ("run", ["git", "fsck", "--full"]),
    }
    assert {name: error for name, error in house.act(works, confined).items() if error} == {}
    refused: Attempts = {
        "stash": ("run", ["sh", "-c", "echo >> app.py; git stash"]),
        "branch": ("run", ["git", "branch", "planted"]),
        "config": ("run", ["git", "config", "core.fsmonitor", "/bin/evil"]),
        "pack refs": ("run", ["git", "pack-refs", "--all"]),
        "alternates": ("write", str(house.mirror / "objects/info/alternates")),
        "unhide": ("run", ["rm", "-rf", str(house.mirror / "objects/info/alternates")]),
    }
    assert [name for name, error in house.act(refused, confined).items() if not error] == []
    assert contents(house.mirror, without=(house.git.admin, house.git.objects)) == before


def test_a_follow_up_finds_the_commits_of_the_turn_before(house: House) -> None:
    first: Attempts = {"commit": ("run", ["git", "commit", "--allow-empty", "-m", "first turn"])}
    assert house.act(first, house.confinement()) == {"commit": ""}
    out, _ = house.output(("git", "log", "-1", "--format=%s"), house.confinement())
    assert out == "first turn\n"


def test_what_a_confined_agent_committed_can_be_brought_into_the_mirror(house: House) -> None:
    house.act({"commit": ("run", ["git", "commit", "--allow-empty", "-m", "kept"])}, house.confinement())
    head = (house.git.admin / "HEAD").read_text().strip()
    assert mirrors.resolve(house.mirror, head) is None
    borrowing = {**house.env, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(house.git.objects)}
    git = ["git", f"--git-dir={house.mirror}"]
    wanted = f"{head}\n^{house.repository.head}\n".encode()
    pack = subprocess.run(
        [*git, "pack-objects", "--revs", "--stdout", "-q"], input=wanted, env=borrowing, capture_output=True, check=True
    )
    subprocess.run([*git, "index-pack", "--stdin", "--strict"], input=pack.stdout, env=house.env, check=True)
    assert mirrors.resolve(house.mirror, head) == head


def test_the_users_objects_can_not_be_written_through_hard_links(house: House) -> None:
    linked = [path for path in (house.mirror / "objects").rglob("*") if path.is_file() and path.stat().st_nlink > 1]
    assert linked, "a mirror shares its objects with the user's repository"
    before = contents(house.repository.path / ".git/objects", without=())
    ruin: Attempts = {path.name: ("run", ["sh", "-c", f"chmod u+w {path} && echo x > {path}"]) for path in linked}
    ruin |= {f"inside {path.name}": ("write", str(house.mirror / "narrows/objects" / path.name)) for path in linked}
    assert [name for name, error in house.act(ruin, house.confinement()).items() if not error] == []
    assert contents(house.repository.path / ".git/objects", without=()) == before


def test_secrets_that_are_links_missing_or_made_later_stay_hidden(house: House) -> None:
    elsewhere = house.home / "dotfiles"
    (elsewhere / "aws").mkdir(parents=True)
    (elsewhere / "aws/credentials").write_text("secret\n")
    (elsewhere / "netrc").write_text("secret\n")
    (house.home / ".aws").symlink_to("dotfiles/aws")
    (house.home / ".netrc").symlink_to(elsewhere / "netrc")
    (house.home / ".pypirc").symlink_to("dotfiles/gone")
    (house.home / ".gnupg").symlink_to(".gnupg")  # a link to itself leads nowhere
    later = [house.home / name for name in (".npmrc", ".git-credentials", ".kube/config", "dotfiles/gone")]
    now = [house.home / name for name in (".aws/credentials", ".netrc", "dotfiles/netrc", "dotfiles/aws/credentials")]
    attempts: Attempts = {str(path): ("read", str(path)) for path in (*now, *later)}

    async def meanwhile() -> dict[str, str]:
        waiting = "import sys; sys.stdin.readline()\n" + UNRULY
        argv = (sys.executable, "-I", "-c", "print(flush=True)\n" + waiting, json.dumps(attempts))
        process = await house.launch(argv, house.confinement(), stdin=processes.PIPE)
        await process.stdout.readline()
        for path in later:
            path.parent.mkdir(exist_ok=True)
            fresh = path.with_name("fresh")
            fresh.write_text("secret\n")
            fresh.replace(path)
        assert process.stdin
        process.stdin.write(b"go\n")
        results: dict[str, str] = json.loads(await process.stdout.read())
        await process.wait()
        process.close()
        return results

    assert [name for name, error in asyncio.run(meanwhile()).items() if not error] == []
    assert (house.home / ".kube/config").read_text() == "secret\n"


@pytest.mark.parametrize("name", ["tree", "run", "admin"])
def test_a_link_in_narrows_own_folder_is_not_followed(house: House, name: str) -> None:
    victim = {"tree": house.tree, "run": house.run, "admin": house.git.admin}[name]
    confined = house.confinement()
    victim.rename(victim.with_name("moved"))
    victim.symlink_to(house.home)
    with pytest.raises(NarrowsError, match="is a link"):
        the_sandbox().wrap(("true",), confined)


TENACIOUS = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.close(1)
        time.sleep(600)
    os._exit(0)
os.wait()
def farewell(*_):
    os.write(1, b"cleaned up\\n")  # the signal may come while "ready" is still being printed
    os._exit(7)
signal.signal(signal.SIGTERM, farewell)
print("ready", flush=True)
time.sleep(600)
"""


def test_a_stopped_agent_has_its_time_and_leaves_nothing(house: House) -> None:
    async def stopped() -> tuple[bytes, processes.Exit]:
        process = await house.launch((sys.executable, "-I", "-c", TENACIOUS), house.confinement())
        assert await process.stdout.readline() == b"ready\n"
        end = await process.stop(grace=20)
        out = await process.stdout.read()
        process.close()
        return out, end

    out, end = asyncio.run(stopped())
    assert (out, end.code, end.stopped) == (b"cleaned up\n", 7, True)
    assert end.seconds < 15
    wait_gone(carrying(f"NARROWS_RUN={processes.mark(house.run)}"), seconds=1)
    assert not processes.held(house.run)


def test_an_agent_that_ends_by_itself_leaves_nothing_either(house: House) -> None:
    leaving = TENACIOUS.replace("time.sleep(600)\n", "sys.exit(3)\n").replace("sys.exit(3)\n", "time.sleep(600)\n", 1)
    _, end = house.output((sys.executable, "-I", "-c", leaving), house.confinement())
    assert end.code == 3
    wait_gone(carrying(f"NARROWS_RUN={processes.mark(house.run)}"), seconds=1)
    assert not processes.held(house.run)


def test_a_signal_that_ends_an_agent_is_told_as_a_shell_tells_it(house: House) -> None:
    _, end = house.output(("/bin/sh", "-c", "kill -SEGV $$"), house.confinement())
    assert end.code == 128 + 11


@pytest.mark.parametrize("name", ["a b", 'quote"d (1)', "grüße", "two\nlines", "x=y", "-dash", "$HOME;*"])
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    tree = tmp_path / name
    tree.mkdir()
    program = tree / name
    program.write_text('#!/bin/sh\nprintf "%s|" "$PWD" "$@" > written\n')
    program.chmod(0o755)
    wrapped = the_sandbox().wrap((str(program), "", name), Confinement(tree))
    subprocess.run(wrapped, check=True, env={"PATH": os.environ["PATH"]})
    assert (tree / "written").read_text() == f"{tree}||{name}|"


# Each of these reads the key, or writes to the home, where the mounts can be undone.
ESCAPES = (
    "umount {0}; cat {0}/id",
    "mount -o remount,rw,bind {1} && touch {1}/planted",
    "unshare --user --map-root-user --mount sh -c 'umount {0}; cat {0}/id'",
    "unshare --user --map-root-user --mount sh -c 'mount -o remount,rw,bind {1}; touch {1}/planted'",
    "cat /proc/1/root/{0}/id",
)


def test_neither_root_nor_anybody_else_undoes_the_sandbox() -> None:
    for uid in {os.geteuid(), 65534} if os.geteuid() == 0 else {os.geteuid()}:
        with tempfile.TemporaryDirectory() as folder:
            home, tree = Path(folder) / "home", Path(folder) / "tree"
            for path in (home / ".ssh", tree):
                path.mkdir(parents=True)
            (home / ".ssh/id").write_text("the key\n")
            for path in (Path(folder), home, home / ".ssh", home / ".ssh/id", tree):
                os.chown(path, uid, -1)
            escape = "; ".join(ESCAPES).format(home / ".ssh", home)
            argv = ("/bin/sh", "-c", f"{escape}; echo over > done")
            confined = Confinement(tree, hidden=(home / ".ssh",), readable=(home,))
            done = subprocess.run(
                the_sandbox().wrap(argv, confined),
                capture_output=True,
                text=True,
                user=uid,
                check=True,
                cwd="/",
            )
            assert done.stdout == ""
            assert (tree / "done").read_text() == "over\n"
            assert not (home / "planted").exists()


# Finding a sandbox


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are looked for; there is none in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sandbox, "SYSCTL", tmp_path / "sys")
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_missing_program_is_named_with_the_way_to_get_it(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sandbox.available() is None
    assert "bubblewrap is not installed: `apt install bubblewrap`" in sandbox.why_not()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "/usr/bin" in sandbox.why_not()
    monkeypatch.setattr(sys, "platform", "win32")
    assert "no sandbox for this system" in sandbox.why_not()


@pytest.mark.parametrize(
    ("switch", "value", "allowed"),
    [
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ],
)
def test_a_sandbox_that_is_forbidden_is_no_sandbox(only: Path, switch: str, value: str, allowed: str) -> None:
    script(only / "bwrap", 'echo "bwrap: setting up uid map: Permission denied" >&2; exit 1')
    (only / "env").symlink_to("/usr/bin/env")
    (sandbox.SYSCTL / switch).parent.mkdir(parents=True)
    (sandbox.SYSCTL / switch).write_text(f"{value}\n")
    assert sandbox.available() is None
    assert "setting up uid map: Permission denied" in sandbox.why_not()
    assert f"`sudo sysctl -w {allowed}`" in sandbox.why_not()


def test_other_reasons_are_told_in_the_tools_own_words(only: Path) -> None:
    script(only / "bwrap", 'echo "bwrap: Can\'t mount proc on /newroot/proc" >&2; exit 1')
    (only / "env").symlink_to("/usr/bin/env")
    assert "Can't mount proc on /newroot/proc" in sandbox.why_not()
    assert "In a container" in sandbox.why_not()


def test_an_env_that_can_not_hold_signals_back_is_named(only: Path) -> None:
    script(only / "bwrap", "exit 0")
    script(only / "env", 'echo "env: unrecognized option: ignore-signal=TERM" >&2; exit 125')
    assert "GNU coreutils" in sandbox.why_not()


def test_it_is_tried_once_and_again_when_it_was_replaced(only: Path, tmp_path: Path) -> None:
    (only / "env").symlink_to("/usr/bin/env")
    tries = tmp_path / "tries"
    script(only / "bwrap", f"echo >> '{tries}'; exit 1")
    assert sandbox.available() is None
    assert sandbox.available() is None
    assert tries.read_text() == "\n"
    script(only / "bwrap", "exit 0")
    os.utime(only / "bwrap", (1, 1))
    assert sandbox.available() == Bubblewrap(str(only / "bwrap"), str(only / "env"))
    assert sandbox.why_not() == ""


# What a run may reach


def test_what_an_agent_keeps_is_writable_and_its_folders_are_made(house: House) -> None:
    (house.home / ".helperrc").write_text("a file without an ending\n")
    confined = of_run(
        worktree=house.tree,
        git=house.git,
        run_folder=house.run,
        data=house.data,
        home=house.home,
        keeps=("~/.claude", "~/.claude.json", "~/.cache/claude", "~/.helperrc", "/opt/helper.db"),
    )
    at_home = {str(path.relative_to(house.home)) for path in confined.writable if path.is_relative_to(house.home)}
    assert at_home == {".claude", ".claude.json", ".cache/claude", ".helperrc"}
    assert Path("/opt/helper.db") in confined.writable
    assert (house.home / ".claude").is_dir()
    assert (house.home / ".cache" / "claude").is_dir()
    assert not (house.home / ".claude.json").exists()


def test_a_place_that_can_not_be_made_is_a_sentence(house: House) -> None:
    (house.home / ".cache").write_text("a file\n")
    with pytest.raises(NarrowsError, match="can't be made ready"):
        of_run(
            worktree=house.tree,
            git=house.git,
            run_folder=house.run,
            data=house.data,
            home=house.home,
            keeps=("~/.cache/gemini",),
        )


# macOS


def test_the_profile_of_macos_quotes_whatever_a_path_holds() -> None:
    tree = Path('/w/it "is" (mine)\\here\nnow grüße')
    text = seatbelt.profile(Confinement(tree, network=False))
    assert '(allow file-read* file-write* (subpath "/w/it \\"is\\" (mine)\\\\here\\nnow grüße"))' in text
    assert text.rstrip().endswith("(deny network*)")
    assert text.count("\n(") == len(text.splitlines()) - 1, "no path breaks a line"


def test_the_deepest_rule_of_the_profile_comes_last() -> None:
    confined = Confinement(
        Path("/h/data/trees/1"), hidden=(Path("/h/data"), Path("/h/.ssh")), readable=(Path("/h"), Path("/h/.ssh"))
    )
    rules = seatbelt.profile(confined).splitlines()
    order = [
        '(allow file-read* (subpath "/h"))',
        '(deny file-read* file-write* network-outbound (subpath "/h/data"))',
        '(allow file-read* file-write* (subpath "/h/data/trees/1"))',
    ]
    assert sorted(order, key=rules.index) == order
    assert '(allow file-read* (subpath "/h/.ssh"))' not in rules
    assert "(deny network*)" not in rules


def test_on_macos_the_command_line_is_sandbox_execs() -> None:
    confined = Confinement(Path("/w"), shown=(Shown(Path("/a"), Path("/b")),))
    wrapped = seatbelt.SandboxExec("/usr/bin/sandbox-exec").wrap(("agent", "--x"), confined)
    assert wrapped == ("/usr/bin/sandbox-exec", "-p", seatbelt.profile(confined), "agent", "--x")


def test_every_secret_is_below_the_home() -> None:
    assert [name for name in confinement.SECRETS if Path(name).is_absolute() or ".." in Path(name).parts] == []
