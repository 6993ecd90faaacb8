"""Where the tests' Chromium comes from, on machines that have one, can get one, or can't."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import browser
from tests.support.browser import NoBrowserError


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH but what a test puts there; ours is not root."""
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr(browser, "DOWNLOADS", tmp_path / "downloads")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return path


def program(path: Path, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return path


def find() -> Path:
    return browser.chromium.__wrapped__()


def test_the_one_on_path_is_taken(machine: Path) -> None:
    chrome = program(machine / "google-chrome")
    assert find() == chrome
    chromium = program(machine / "chromium")
    assert find() == chromium


def test_a_stub_that_does_not_start_is_passed_over(machine: Path) -> None:
    program(machine / "chromium", code=1)
    (machine / "chromium-browser").write_text("no program at all")
    (machine / "chromium-browser").chmod(0o755)
    chrome = program(machine / "google-chrome")
    assert find() == chrome


def test_root_on_debian_installs_the_package(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program(machine / "apt-get")
    calls: list[tuple[str, ...]] = []

    def run(*argv: str, env: Mapping[str, str]) -> bool:
        calls.append(argv)
        program(machine / "chromium")
        return True

    assert browser.from_debian(run) == machine / "chromium"
    assert [argv[:2] for argv in calls] == [("apt-get", "update"), ("apt-get", "install")]


def test_nobody_else_asks_for_a_package(machine: Path) -> None:
    program(machine / "apt-get")

    def run(*argv: str, env: Mapping[str, str]) -> bool:
        raise AssertionError(argv)

    assert browser.from_debian(run) is None


def test_playwrights_own_download_is_the_last_resort_and_is_kept(machine: Path) -> None:
    def run(*argv: str, env: Mapping[str, str]) -> bool:
        assert argv[1:] == ("-m", "playwright", "install", "chromium")
        program(Path(env["PLAYWRIGHT_BROWSERS_PATH"]) / "chromium-1200" / "chrome-linux64" / "chrome")
        return True

    downloaded = browser.from_playwright(run)
    assert downloaded is not None
    assert downloaded.is_relative_to(browser.DOWNLOADS)
    assert find() == downloaded


def test_without_any_the_tests_fail_with_a_sentence(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "_succeeds", lambda *argv, env: False)
    with pytest.raises(NoBrowserError, match="Install Chromium or Chrome"):
        find()


def test_the_sandbox_is_left_on_for_everyone_but_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--no-sandbox" not in browser.flags()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--no-sandbox" in browser.flags()
