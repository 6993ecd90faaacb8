"""The real agents: their stories are told only when asked for, as `make test-agents` does, and all at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from tests.real import offline, programs
from tests.real.ways import Stage

HERE = Path(__file__).parent
STORIES = "test_stories"
AT_ONCE = 6  # keeps two cores busy: more take as long in all, and start so slowly that what is timed is the machine
SECONDS = pytest.StashKey[dict[str, float]]()  # how long each story took, as pytest can't know
CACHE = programs.cache()  # looked for before the tests get a HOME of their own


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SECONDS] = {}
    config.addinivalue_line("markers", "together: runs at the same time as the others of its kind, in a thread")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The stories take minutes and programs from the network: they have to be asked for by name."""
    asked = any(Path(argument.partition("::")[0]).resolve().is_relative_to(HERE) for argument in config.args)
    return True if collection_path.name.startswith(STORIES) and not asked else None


def pytest_report_header() -> str:
    if offline.only_loopback():
        return "network: loopback only, the real agents have no way out"
    return "network: the machine's own, real agents could reach out (see tests/real/offline.py)"


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(programs.install(CACHE), tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def together(request: pytest.FixtureRequest, stage: Stage) -> Iterator[dict[str, Future[None]]]:
    """All tests of that mark, begun in the order in which they stand; by their node ids."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and _marked(item)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {item.nodeid: pool.submit(_tell, item, stage, request.config.stash[SECONDS]) for item in items}
        pool.shutdown(cancel_futures=True)


def _tell(item: pytest.Function, stage: Stage, seconds: dict[str, float]) -> None:
    began = time.monotonic()
    try:
        item.function(stage, **_parameters(item))
    finally:
        seconds[item.name] = time.monotonic() - began


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Waits for the test instead of starting it, where it was begun already."""
    if not _marked(pyfuncitem):
        return None
    together = cast(dict[str, Future[None]], pyfuncitem.funcargs["together"])
    together[pyfuncitem.nodeid].result()
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, seconds in sorted(config.stash[SECONDS].items(), key=lambda story: -story[1])[:10]:
        terminalreporter.write_line(f"{seconds:5.0f} s {name}")


def _marked(item: pytest.Item) -> bool:
    return item.get_closest_marker("together") is not None


def _parameters(item: pytest.Function) -> dict[str, object]:
    return dict(item.callspec.params) if hasattr(item, "callspec") else {}
