"""A Narrows with something of everything, for tests that look at every page."""

from __future__ import annotations

import time
from pathlib import Path

from server.domain.agent import TrialState
from server.domain.change import Change
from server.domain.errors import NarrowsError
from server.domain.event import Actor
from server.domain.run import Reason
from server.domain.states import RunState
from server.domain.transcript import Entry, EntryKind
from server.domain.trouble import Trouble
from server.git import mirrors, objects, worktrees
from server.git.commands import NOBODY, run
from server.services import (
    admission,
    changes,
    checkouts,
    cleaning,
    events,
    forecasts,
    landings,
    questions,
    reviews,
    revisions,
    runs,
    tasks,
    trash,
    trials,
)
from tests.browser.conftest import AFTER, TEST, Site

REPORT = """# Which parser?

The **new** one.

- [ ] Take `durations` out of the old one
- it is [slower](https://example.org)

| parser | ms |
|---|---:|
| old | 12 |
| new | 3 |

```py
parse("1h30m")
```
"""
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c636064f8ff1f0003030200efa2a75b0000000049454e44ae426082"
)
ODD: dict[str, str | bytes] = {
    "uv.lock": "a\n" * 30,
    "docs/with\u202eodd name.md": "long " + "word" * 200 + "\ttab\r\n\u202e",
    "docs/icon.png": PNG,
    "data.bin": b"\0\1\2",
}


def fill(site: Site) -> Site:
    """Something of everything: change 1 with two revisions and comments, 2 landed, 3 a report, 4 without a result,
    5 asks, 6 conflicts with the target; a task that waits for its turn; a trial that failed."""
    read_twice(site)
    landed(site, site.change("Say more", "", **{"README.md": "# Durations\n\nMore.\n"}))
    report(site)
    came_to_nothing(site)
    asks(site)
    tasks.file(site.narrows, project_id=site.project.id, title="Waits", after=[1])
    conflicts_with_main(site)
    trial = trials.ask(site.narrows, "demo")
    trials.end(site.narrows, trial.id, TrialState.FAILS, "401 refused.", Trouble.LOGIN, {"input": 1200})
    while forecasts.advance(site.narrows, site.project.id):
        pass
    given_up(site)
    tried_twice(site)
    return site


def tried_twice(site: Site) -> None:
    """Two attempts at task 9, changes 8 and 9, by different agents."""
    begun = changes.get(site.narrows, site.change("Say it well", "", **{"well.md": "Well.\n"}))
    with site.narrows.transaction() as db:
        other = Change(task_id=begun.task_id, project_id=begun.project_id, agent="other")
        events.record(db, Actor.ENGINE, "began", other)
        admission.follow(db, other, Reason.FIRST, "Say it well.")
    site.worker.answer({"well.md": "Very well.\n"})


def given_up(site: Site) -> None:
    """An abandoned change, a file that stood in its worktree in no revision, what its agent left on a branch, and a
    worktree that can't be saved.
    """
    change = site.change("Say less", "", **{"less.md": "Less.\n"})
    tree = site.narrows.tree(site.project.id, changes.get(site.narrows, change).slot or 0)
    (tree / "more.md").write_text("More.\n")
    checkouts.tenant_file(tree).write_text(str(change))
    changes.abandon(site.narrows, change)
    mirror = site.narrows.mirror(site.project.id)
    commit = objects.commit(mirror, objects.tree_of(mirror, "main"), [], "On the side.", NOBODY, NOBODY)
    run(mirror, "update-ref", "refs/heads/side", commit)
    trash.gather(site.narrows, site.project)
    checkouts.leave(tree.with_name("9"), NarrowsError("'pipe' can't be read.", "Remove it, then try again."))
    cleaning.tidy(site.narrows, site.project, {change})
    trash.weigh(site.narrows, site.project.id)


def read_twice(site: Site) -> int:
    """A change that was sent back with comments: its second revision answers one, and has drafts of its own."""
    change = site.change(**{"durations.py": "x = 1\n"})
    asked = reviews.comment(site.narrows, change, revision=1, path="durations.py", line=1, body="Why drop **all**?")
    reviews.comment(site.narrows, change, revision=1, body="And where are the tests?")
    reviews.request_changes(site.narrows, change, revision=1)
    site.worker.answer({"durations.py": AFTER, "tests/test_durations.py": TEST} | ODD, answering(asked.id))
    body = "`sum` of what?\n\n```suggestion\n    return total(parts)\n```"
    reviews.comment(site.narrows, change, revision=2, path="durations.py", line=19, body=body)
    return change


def answering(comment: int) -> str:
    return f"It is all there.\n\n**Comment {comment}:** Fixed: it was a slip."


def landed(site: Site, change: int) -> None:
    landing = landings.land(site.narrows, change, revision=1)
    landings.claim(site.narrows, "local")
    landings.move(site.narrows, landing.id)


def report(site: Site) -> None:
    tasks.file(site.narrows, project_id=site.project.id, title="Which parser?", kind="research")
    [run] = site.worker.admit()
    runs.end(site.narrows, run.id, site.worker.name, runs.Ending(RunState.SUCCEEDED))
    tree = site.narrows.tree(site.project.id, changes.get(site.narrows, run.change_id).slot or 0)
    mirror, path = site.narrows.mirror(site.project.id), Path(site.project.path)
    worktrees.prepare(mirror, tree, mirrors.fetch(path, mirror, "main"))
    revisions.take(site.narrows, run.id, summary="Done.", report=REPORT)
    runs.decide(site.narrows, run.id)


def came_to_nothing(site: Site) -> None:
    tasks.file(site.narrows, project_id=site.project.id, title="Mend the parser")
    [run] = site.worker.admit()
    ending = runs.Ending(RunState.FAILED, error="The model answered 401.", trouble=Trouble.LOGIN, summary="I can't.")
    runs.end(site.narrows, run.id, site.worker.name, ending)
    runs.decide(site.narrows, run.id)


def conflicts_with_main(site: Site) -> int:
    """A change that somebody else's commit on the target is in the way of."""
    change = site.change("Say even more", "", **{"README.md": "# Durations\n\nMuch more.\n"})
    site.repository.commit("Say it in other words", {"README.md": "# Durations\n\nIn other words.\n"})
    return change


def asks(site: Site) -> None:
    tasks.file(site.narrows, project_id=site.project.id, title="Install it, with a title that is quite a bit longer")
    [run] = site.worker.admit()
    entries = (
        Entry(EntryKind.MESSAGE, time.time(), text="I will *install* it."),
        Entry(EntryKind.THOUGHT, time.time(), text="Is there a Makefile?"),
        Entry(EntryKind.PLAN, time.time(), plan=(("completed", "look"), ("in_progress", "install"), ("", "test"))),
    )
    folder = runs.folder(site.narrows, run.id)
    (folder / "transcript.jsonl").write_text("".join(f"{entry.line()}\n" for entry in entries))
    command = "make install"
    questions.ask(site.narrows, run.id, site.worker.name, tool="execute", title=f"Run {command}", detail=command)
