"""What every test stands on: an environment of its own, a browser, and no process left behind."""

from __future__ import annotations

import gc
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from tests.support import browser as browsers
from tests.support.processes import PATIENCE
from tests.support.speed import here

GIT_CONFIG = """\
[user]
    name = Uma User
    email = uma@example.org
[init]
    defaultBranch = main
"""
PRIVATE = ("GIT_", "NARROWS_", "XDG_")
MARK = "TEST_SESSION"
GRACE_SECONDS = 5.0
PARTS_OF_A_PAGE = {"script", "stylesheet", "image", "font"}

hypothesis.settings.register_profile("narrows", deadline=None)
hypothesis.settings.load_profile("narrows")


def pytest_configure(config: pytest.Config) -> None:
    expect.set_options(timeout=PATIENCE * 1000)
    gc.disable()  # until all is collected
    config.addinivalue_line(
        "markers", "tolerates(*kinds): browser trouble that the test provokes: console, script, missing, 5xx"
    )
    config.addinivalue_line("markers", "alone: has the machine to itself, as its figures are promises to a person")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests go last: once Playwright has started, `asyncio.run` can't be used in its thread.

    Side by side, pytest-xdist keeps that order in each worker with its `--dist load`, the default, and with no other.
    """
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was imported and collected is never garbage; looking through it again and again took a fifth of the time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail when a process of this session outlives it, even one that left its parent."""
    base = tmp_path_factory.getbasetemp()
    yield
    _, left = psutil.wait_procs(_processes_of_session(base), timeout=here(GRACE_SECONDS))
    stories = [f"{process.pid} {_command_line(process)}" for process in left]
    for process in left:
        process.kill()
    assert not left, "processes left behind by tests:\n" + "\n".join(stories)


def _processes_of_session(base: Path) -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    strays = [process for process in psutil.process_iter() if _strayed(process, base)]
    found = {process.pid: process for process in children + strays if process.pid != os.getpid()}
    return [process for process in found.values() if _alive(process)]


def _strayed(process: psutil.Process, base: Path) -> bool:
    """Whether it works in a folder of this session or has inherited its environment, whoever its parent is."""
    try:
        return Path(process.cwd()).is_relative_to(base) or process.environ().get(MARK) == str(base)
    except (psutil.Error, OSError):
        return False


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return process.name()


_homes = itertools.count(1)


def _seal(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Leave nothing of the developer's own set-up in the environment.

    git finds its configuration by HOME: Narrows starts it without any `GIT_*` that it inherits, by one more program.
    """
    for name in [name for name in os.environ if name.startswith(PRIVATE)]:
        patch.delenv(name)
    home.mkdir(parents=True)
    (home / ".gitconfig").write_text(GIT_CONFIG)
    patch.setenv("HOME", str(home))
    patch.setenv("LC_ALL", "C.UTF-8")
    patch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture(scope="session", autouse=True)
def _session_environment(_nothing_left_behind: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The environment of whatever outlives one test, the browser first of all."""
    homes = tmp_path_factory.mktemp("homes")
    with pytest.MonkeyPatch.context() as patch:
        _seal(patch, homes / "session")
        patch.setenv(MARK, str(tmp_path_factory.getbasetemp()))
        yield homes
    time.tzset()


@pytest.fixture(autouse=True)
def home(_session_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, with a git identity; no `NARROWS_*`, no `GIT_*`, UTC."""
    folder = _session_environment / str(next(_homes))
    _seal(monkeypatch, folder)
    return folder


@pytest.fixture(scope="session")
def browser(_session_environment: Path) -> Iterator[Browser]:
    """One Chromium for all tests."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browsers.chromium(), args=browsers.flags())
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a fresh context, which fails its test by errors that a person would meet.

    These are errors on the console (a violated content security policy among them), uncaught exceptions,
    parts of the page that are missing, and answers of 500 and up. The marker
    `@pytest.mark.tolerates("console", "script", "missing", "5xx")` names the kinds that a test provokes.
    """
    trouble: list[tuple[str, str]] = []
    context = browser.new_context(locale="en-GB", timezone_id="UTC")
    page = context.new_page()
    context.on("console", lambda message: trouble.extend(_console(message)))
    context.on("weberror", lambda error: trouble.append(("script", str(error.error))))
    context.on("response", lambda response: trouble.extend(_response(response)))
    yield page
    context.close()
    tolerated = {kind for mark in request.node.iter_markers("tolerates") for kind in mark.args}
    met = [f"{kind}: {text}" for kind, text in trouble if kind not in tolerated]
    assert not met, "the page met trouble:\n" + "\n".join(met)


def _console(message: ConsoleMessage) -> Iterator[tuple[str, str]]:
    # Chromium repeats every 4xx and 5xx answer on the console; `_response` judges those.
    if message.type == "error" and "the server responded with a status of" not in message.text:
        yield "console", message.text


def _response(response: Response) -> Iterator[tuple[str, str]]:
    if response.status >= 500:
        yield "5xx", f"{response.status} {response.url}"
    elif response.status >= 400 and response.request.resource_type in PARTS_OF_A_PAGE:
        yield "missing", f"{response.status} {response.url}"
