"""Set-up from lock files, the wheel, and where its assets are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from server import assets
from server.domain.errors import NarrowsError

ROOT = Path(__file__).resolve().parents[1]
RUN_LOCK = ROOT / "requirements.txt"
DEVELOPMENT_LOCK = ROOT / "requirements-dev.txt"
ASSETS = {"templates", "static", "alembic"}


def pins(lock: Path) -> dict[str, Requirement]:
    """The requirements of a lock file by normal name."""
    lines = [line.removesuffix("\\").strip() for line in lock.read_text().splitlines() if line[:1].isalnum()]
    return {normal(one.name): one for one in map(Requirement, lines)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def project() -> dict[str, list[str]]:
    """The dependencies as pyproject.toml wishes them, for running and for development."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"run": table["dependencies"], "dev": table["dependencies"] + table["optional-dependencies"]["dev"]}


@pytest.mark.parametrize("lock", [RUN_LOCK, DEVELOPMENT_LOCK], ids=lambda lock: lock.name)
def test_a_lock_names_exact_versions_with_hashes_and_no_host(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"://|@|index|find-links|trusted-host|^#", text, re.MULTILINE)
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.match(r"[\w.\-\[\]]+==[\w.]+( ;.*)? \\\n", requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement


def test_development_runs_on_what_users_run_on() -> None:
    run, development = pins(RUN_LOCK), pins(DEVELOPMENT_LOCK)
    assert {name: development[name].specifier for name in run} == {name: one.specifier for name, one in run.items()}


def extras(wishes: Iterable[str]) -> set[tuple[str, str]]:
    """What is asked for with an extra: (normal name, extra)."""
    wanted = [one for one in map(Requirement, wishes) if one.marker is None or one.marker.evaluate({"extra": ""})]
    return {(normal(one.name), extra) for one in wanted for extra in one.extras}


def test_what_is_asked_for_with_an_extra_is_locked_with_it() -> None:
    """Else pip, once a newer version is out, takes that one for the extra, and stops since it has no hash."""
    locked = pins(DEVELOPMENT_LOCK)
    installed = [one for name in locked if (one := find(name)) is not None]
    asked = extras([*project()["dev"], *(wish for one in installed for wish in one.requires or ())])
    assert ("coverage", "toml") in asked
    assert asked <= {(name, extra) for name, one in locked.items() for extra in one.extras}


def find(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:  # of another platform
        return None


@pytest.mark.parametrize(("kind", "lock"), [("run", RUN_LOCK), ("dev", DEVELOPMENT_LOCK)])
def test_the_locks_are_up_to_date_with_the_project(kind: str, lock: Path) -> None:
    pinned = pins(lock)
    for wish in map(Requirement, project()[kind]):
        version = str(pinned[normal(wish.name)].specifier).removeprefix("==")
        assert wish.specifier.contains(version, prereleases=True), f"{wish} against {version}: run make lock"


def make(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    # A test under `make test` must not talk to that make.
    outer = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    argv = ["make", "--no-print-directory", "-C", str(ROOT), *arguments]
    return subprocess.run(argv, env={**outer, **environ}, capture_output=True, text=True, check=False)


def test_set_up_is_skipped_once_it_is_done_and_flags_are_passed_on(tmp_path: Path) -> None:
    venv = f"VENV={tmp_path}"
    wanted = make("--dry-run", "setup", venv).stdout
    assert "--require-hashes" in wanted
    (stamp,) = set(re.findall(rf"touch ({re.escape(str(tmp_path))}/\S+)", wanted))
    Path(stamp).touch()
    assert "pip" not in make("--dry-run", "setup", venv).stdout
    demo = make("--dry-run", "demo", venv, "ARGS=--port 0 --no-browser").stdout
    assert demo.splitlines() == [f"{tmp_path}/bin/narrows demo --port 0 --no-browser"]


def test_an_old_python_is_refused_with_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = make("setup", f"VENV={tmp_path / 'venv'}", f"PYTHON={old}")
    assert refused.returncode != 0
    assert "Narrows needs Python 3.11 or later" in refused.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_that_makes_no_environments_is_said(tmp_path: Path) -> None:
    """As Debian ships it, for a user who may not install packages."""
    half = tmp_path / "python3"
    half.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} "$@"\nexit 1\n')
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    for program in (half, tmp_path / "id"):
        program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    refused = make("setup", f"VENV={tmp_path / 'venv'}", f"PYTHON={half}", PATH=path)
    assert refused.returncode != 0
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"install {version}-venv and run make again" in refused.stderr


def test_in_a_checkout_the_assets_lie_beside_the_package() -> None:
    assert assets.templates() == ROOT / "templates"
    assert assets.static() == ROOT / "static"
    assert assets.migrations() == ROOT / "alembic"


def test_an_installation_without_its_assets_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "_folder", assets._folder.__wrapped__)
    monkeypatch.setattr(assets, "_PACKAGE", tmp_path / "server")
    with pytest.raises(NarrowsError, match="installed without its static folder"):
        assets.static()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("narrows-*.whl")
    return built


def tracked(*folders: str) -> set[str]:
    argv = ["git", "-C", str(ROOT), "ls-files", "-z", "--", *folders]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True)
    return set(listed.stdout.split("\0")) - {""}


def test_the_wheel_holds_the_package_and_every_asset_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = {Path(name).name: name for name in archive.namelist() if ".dist-info/" in name}
        assert "narrows = server.cli:main" in archive.read(metadata["entry_points.txt"]).decode()
        assert "LICENSE" in metadata
    assert tracked("server") <= names
    assert {f"server/_assets/{name}" for name in tracked(*ASSETS)} <= names
    assert {name.split("/")[0] for name in names} == {"server"}
    assert {name.split("/")[2] for name in names if name.startswith("server/_assets/")} <= ASSETS
    assert not [name for name in names if name.endswith(".pyc")]


def test_from_the_wheel_the_assets_are_its_own(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    ask = (
        "import sys; sys.path.insert(0, sys.argv[1]); from server import assets; "
        "print(assets.templates(), assets.static(), assets.migrations(), sep='\\n')"
    )
    asked = subprocess.run(
        [sys.executable, "-I", "-c", ask, str(tmp_path)], cwd="/", capture_output=True, text=True, check=True
    )
    inside = tmp_path / "server" / "_assets"
    assert asked.stdout.splitlines() == [str(inside / name) for name in ("templates", "static", "alembic")]
