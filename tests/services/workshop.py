"""The engine's part in tests of services, by hand: real worktrees, real revisions, results as the test wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import CheckState, RunState
from server.domain.task import Task
from server.git import mirrors, worktrees
from server.services import admission, changes, checkouts, checks, landings, revisions, runs, tasks, undos
from server.services.narrows import Narrows

ME = "tests"


class Workshop:
    """Carries out what was filed for one project."""

    def __init__(self, narrows: Narrows, project: Project) -> None:
        self.narrows, self.project = narrows, project
        self.mirror = narrows.mirror(project.id)

    def file(self, title: str = "Say it", **fields: Any) -> Task:
        return tasks.file(self.narrows, project_id=self.project.id, title=title, **fields)

    def admit(self, executor: str = ME) -> list[Run]:
        """What starts now; each run begins."""
        runs.heartbeat(self.narrows, executor, "here", 1)
        admitted = admission.admit(self.narrows, executor)
        for run in admitted:
            assert runs.begin(self.narrows, run.id, executor) is not None
        return admitted

    def tree(self, run: Run) -> Path:
        """The run's worktree, made ready if it is its change's first."""
        change = changes.get(self.narrows, run.change_id)
        assert change.slot is not None
        tree = self.narrows.tree(self.project.id, change.slot)
        if not revisions.of_change(self.narrows, change.id) and not tree.exists():
            tree.parent.mkdir(parents=True, exist_ok=True)
            target = mirrors.fetch(Path(self.project.path), self.mirror, self.project.target_branch)
            worktrees.prepare(self.mirror, tree, target)
            checkouts.tenant_file(tree).write_text(str(change.id))
        return tree

    def write(self, run: Run, files: Mapping[str, str | bytes | None]) -> None:
        """What the agent writes; None deletes."""
        tree = self.tree(run)
        for name, content in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)

    def take(self, run: Run, summary: str = "I said it.", report: str | None = None) -> Revision | None:
        self.tree(run)
        return revisions.take(self.narrows, run.id, summary=summary, report=report)

    def end(self, run: Run, state: RunState = RunState.SUCCEEDED, error: str = "") -> Run | None:
        assert run.executor is not None
        return runs.end(self.narrows, run.id, run.executor, runs.Ending(state, error=error))

    def judge(self, revision: Revision, red: Sequence[str] = ()) -> list[Check]:
        """The project's checks run, but for those whose verdict on the tree is known; those named fail."""
        planned = checks.plan(self.narrows, self.project, revision)
        return [
            self.check(check, check.command not in red) if check.state is CheckState.QUEUED else check
            for check in planned
        ]

    def check(self, check: Check, passes: bool) -> Check:
        _, log = checks.start(self.narrows, check.id)
        log.write_text(f"looking at {check.command}\n")
        state = CheckState.PASSED if passes else CheckState.FAILED
        return checks.end(self.narrows, check.id, state, 0 if passes else 1, 0.1)

    def finish(
        self,
        run: Run,
        files: Mapping[str, str | bytes | None],
        *,
        state: RunState = RunState.SUCCEEDED,
        error: str = "",
        red: Sequence[str] = (),
        summary: str = "I said it.",
        report: str | None = None,
    ) -> Change:
        """The agent writes `files` and ends; checks and the decision follow."""
        self.write(run, files)
        revision = self.take(run, summary, report)
        self.end(run, state, error)
        if revision and revision.tree != revision.base_tree:
            self.judge(revision, red)
        return runs.decide(self.narrows, run.id)

    def change(self, files: Mapping[str, str | bytes | None] | None = None, **fields: Any) -> Change:
        """A change in review for a new task."""
        task = self.file(**fields)
        run = next(run for run in self.admit() if run.task_id == task.id)
        return self.finish(run, files if files is not None else {f"said-{task.id}.txt": "said\n"})

    def land(self, change: Change, **wishes: Any) -> Landing:
        """Landed at once, as the engine would: its tree had passed, or its checks pass now."""
        newest = revisions.of_change(self.narrows, change.id)[-1].number
        landing = landings.land(self.narrows, change.id, revision=newest, **wishes)
        [claimed] = self.claim()
        assert claimed.id == landing.id
        self.prove(landing)
        assert landings.move(self.narrows, landing.id)
        return landings.get(self.narrows, landing.id)

    def claim(self) -> list[Landing]:
        """What the engine begins to land, or to take back, now."""
        return landings.claim(self.narrows, "local")

    def die(self, owner: object, name: str, landing: Landing) -> None:
        """The server is killed while it moves a landing: when it comes to that function of `owner`."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, lambda *_: (_ for _ in ()).throw(OSError("killed")))
            with pytest.raises(OSError, match="killed"):
                landings.move(self.narrows, landing.id)

    def undo(self, landing: Landing, tries: int = 1) -> tuple[Landing, undos.TakingBack]:
        """Taken back at once, as the engine would; the landing then, and how it was done."""
        undos.ask(self.narrows, landing.id)
        for _ in range(tries):
            plan = undos.plan(self.narrows, landing.id)
            if undos.take_back(self.narrows, landing.id, plan):
                return landings.get(self.narrows, landing.id), plan
        raise AssertionError(f"Landing {landing.id} was not taken back.")

    def prove(self, landing: Landing) -> None:
        assert landing.tree is not None
        if not checks.proven(self.narrows, self.project, landing.tree):
            for check in checks.plan(self.narrows, self.project, landing):
                self.check(check, passes=True)

    def get(self, change: Change) -> Change:
        return changes.get(self.narrows, change.id)

    def task_of(self, change: Change) -> Task:
        return tasks.get(self.narrows, change.task_id)
