"""Installing the real agents: whole or not at all, once more after a failure, and then by name what is missing."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import programs
from tests.real.programs import Node, NoProgramError, Pin, install

# An npm that notes each call, fails while its folder holds `broken-PACKAGE`, and installs a program of that version.
NPM = """\
import os, pathlib, sys
here = pathlib.Path(__file__).parent
package, _, version = sys.argv[-1].rpartition("@")
name = package.rpartition("/")[2]
with (here / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:3]) + f" {name}\\n")
folder = pathlib.Path(sys.argv[sys.argv.index("--prefix") + 1], "node_modules", ".bin")
folder.mkdir(parents=True)
if (here / f"broken-{name}").exists():
    if (here / f"broken-{name}").read_text() == "once":
        (here / f"broken-{name}").unlink()
    sys.exit("npm error 503 Service Unavailable")
(folder / name).write_text(f"#!/bin/sh\\necho {version}\\n")
(folder / name).chmod(0o755)
"""
PINS = (Pin("left", "@some/left", "1.2.3"), Pin("right", "right", "4.5.6"))


@pytest.fixture
def npm(tmp_path: Path) -> Path:
    """The folder of a machine's npm."""
    folder = tmp_path / "npm"
    folder.mkdir()
    (folder / "npm.py").write_text(NPM)
    (folder / "calls").touch()
    return folder


@pytest.fixture
def node(npm: Path) -> Callable[[Path], Node]:
    return lambda root: Node(npm, (sys.executable, str(npm / "npm.py")))


def calls(npm: Path) -> list[str]:
    return sorted(line.split()[-1] for line in (npm / "calls").read_text().splitlines())


def test_what_is_there_is_not_installed_again(tmp_path: Path, npm: Path, node: Callable[[Path], Node]) -> None:
    first = install(tmp_path / "cache", PINS, node)
    second = install(tmp_path / "cache", PINS, node)

    assert first == second
    assert calls(npm) == ["left", "right"]
    assert (first.folders["left"] / "left").exists()
    assert first.path("right").split(os.pathsep)[:2] == [str(first.folders["right"]), str(npm)]


def test_another_version_is_another_program(tmp_path: Path, npm: Path, node: Callable[[Path], Node]) -> None:
    old = install(tmp_path / "cache", PINS, node)
    new = install(tmp_path / "cache", (PINS[0], Pin("right", "right", "5.0.0")), node)

    assert old.folders["left"] == new.folders["left"]
    assert old.folders["right"] != new.folders["right"]
    assert calls(npm) == ["left", "right", "right"]


def test_one_more_try_is_made(tmp_path: Path, npm: Path, node: Callable[[Path], Node]) -> None:
    (npm / "broken-left").write_text("once")

    install(tmp_path / "cache", PINS, node)

    assert calls(npm) == ["left", "left", "right"]


def test_what_cannot_be_installed_is_named_with_the_last_words(
    tmp_path: Path, npm: Path, node: Callable[[Path], Node]
) -> None:
    (npm / "broken-left").write_text("for good")

    with pytest.raises(NoProgramError, match=r"left \(@some/left 1.2.3\) could not be installed") as failed:
        install(tmp_path / "cache", PINS, node)

    assert "503 Service Unavailable" in str(failed.value)
    assert "right" not in str(failed.value)
    kept = [path.name for path in (tmp_path / "cache").iterdir()]
    assert sorted(kept) == sorted([".lock", PINS[1].folder])


def test_a_program_of_another_version_is_refused(tmp_path: Path, npm: Path, node: Callable[[Path], Node]) -> None:
    (npm / "npm.py").write_text(NPM.replace("echo {version}", "echo 9.9.9"))

    with pytest.raises(NoProgramError, match=r"9\.9\.9"):
        install(tmp_path / "cache", PINS, node)


def test_two_at_once_install_once(tmp_path: Path, npm: Path, node: Callable[[Path], Node]) -> None:
    both = [threading.Thread(target=install, args=(tmp_path / "cache", PINS, node)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()

    assert calls(npm) == ["left", "right"]


def test_a_new_enough_node_of_the_machine_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, says in (("node", "v22.1.0"), ("npm", "10")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {says}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert programs.find_node(tmp_path / "cache") == Node(tmp_path, (str(tmp_path / "npm"),))


def test_the_cache_is_where_caches_are() -> None:
    assert programs.cache({"HOME": "/home/ada"}) == Path("/home/ada/.cache/narrows-agents")
    assert programs.cache({"HOME": "/home/ada", "XDG_CACHE_HOME": "/caches"}) == Path("/caches/narrows-agents")
    assert programs.cache({"NARROWS_AGENTS_CACHE": "/here", "XDG_CACHE_HOME": "/caches"}) == Path("/here")
