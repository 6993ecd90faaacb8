"""Before anything starts: ending what an earlier server left behind."""

from __future__ import annotations

import logging
from pathlib import Path

from server.engine import clean_trees, processes
from server.engine.workplace import Workplace
from server.services import checks, runs

log = logging.getLogger(__name__)


def before_launch(place: Workplace) -> None:
    """Kill what still runs for this worker's unfinished runs and checks, so that nothing runs twice; and remove the
    clean worktrees of removed projects.
    """
    for folder in _folders(place):
        if folder.is_dir() and (killed := processes.reap(folder)):
            log.warning("%d processes of an earlier server were still in %s; ended", killed, folder)
    clean_trees.clear_out(place.narrows)


def _folders(place: Workplace) -> list[Path]:
    narrows = place.narrows
    found = []
    for run in runs.mine(narrows, place.executor):
        folder = narrows.run_folder(run.id)
        found += [folder, folder / "setup"]
    found += [(narrows.settings.data / check.log).with_suffix("") for check in checks.running(narrows) if check.log]
    found += [path.parent for path in narrows.settings.logs.glob("*/*/lock")]
    return list(dict.fromkeys(found))
