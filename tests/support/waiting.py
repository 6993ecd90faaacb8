"""Changes that wait for their reader, put there without an agent or a worktree: as many as a bench needs, quickly."""

from __future__ import annotations

from server.domain.change import Change, Revision
from server.domain.project import Project
from server.domain.run import Run
from server.domain.states import CheckState, RunState
from server.domain.task import Task
from server.git import diffs
from server.services import checks, revisions
from server.services.narrows import Narrows
from tests.support.loose import Loose


class Waiting:
    """Puts changes on the desk of one project, each by its tree."""

    def __init__(self, narrows: Narrows, project: Project) -> None:
        self.narrows, self.project = narrows, project
        self.mirror = narrows.mirror(project.id)
        self.objects = Loose(self.mirror / "objects")

    def change(self, base: str, tree: str, title: str = "Made", *, base_tree: str) -> Change:
        """A change in review, whose revision is `tree` on the commit `base`. The project's checks passed on it."""
        with self.narrows.transaction() as db:
            task = Task(project_id=self.project.id, title=title, agent="demo")
            db.add(task)
            db.flush()
            change = Change(task_id=task.id, project_id=self.project.id, agent=task.agent)
            change.present()
            db.add(change)
        self.revise(change, base, tree, base_tree=base_tree)
        return change

    def revise(self, change: Change, base: str, tree: str, *, base_tree: str, number: int = 1) -> Revision:
        """The change's next revision, as a run leaves it that has ended well."""
        revision = Revision(
            change_id=change.id,
            number=number,
            commit=self.objects.commit(tree, [base], f"Change {change.id}\n"),
            tree=tree,
            base=base,
            base_tree=base_tree,
            summary="I made it.",
        )
        held = self.mirror / revision.ref
        held.parent.mkdir(parents=True, exist_ok=True)
        held.write_text(f"{revision.commit}\n")
        compared = diffs.compare(self.mirror, base_tree, tree)
        with self.narrows.transaction() as db:
            run = Run(
                change_id=change.id,
                task_id=change.task_id,
                project_id=self.project.id,
                agent="demo",
                prompt="",
                state=RunState.SUCCEEDED,
            )
            db.add(run)
            db.flush()
            revision.run_id = run.id
            revisions.add(db, revision, compared)
            for check in checks.plan_in(db, self.project, revision):
                check.start()
                check.end(CheckState.PASSED, 0, 0.1)
        return revision
