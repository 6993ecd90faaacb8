"""Reports: how each part stands to the report before, and what is to be done by them."""

from __future__ import annotations

from collections.abc import Collection

from server.domain.change import Revision
from server.domain.errors import Invalid, NotFound
from server.domain.task import Kind
from server.reading import report, sections
from server.reading.report import Block, Gone, Passage
from server.services import changes, revisions, task_drafts
from server.services.narrows import Narrows
from server.services.task_drafts import TaskDraft


def earlier(narrows: Narrows, revision: Revision) -> Revision | None:
    """The revision with the report before this one's."""
    before = [each for each in revisions.of_change(narrows, revision.change_id) if each.number < revision.number]
    return next((each for each in reversed(before) if each.report), None)


def passages(revision: Revision, before: Revision | None) -> list[Passage | Gone]:
    """A report's blocks; each told apart from those of the one before, where there is one."""
    blocks = report.blocks(revision.report or "")
    if before is None:
        return [Passage(block) for block in blocks]
    return report.compare(blocks, report.blocks(before.report or ""))


def draft_tasks(narrows: Narrows, change_id: int, number: int, lines: Collection[int], address: str) -> list[TaskDraft]:
    """Make a draft of a task of each item of a report that begins on one of `lines`, in the report's order.

    Args:
        address: Of the report's page, for a link to it.

    Raises:
        NotFound: No such revision, or it has no report, or an item is not there.
        Invalid: Nothing is chosen.
    """
    if not lines:
        raise Invalid("line", "Nothing is chosen.", "Tick the items that should become tasks.")
    change, revision = changes.get(narrows, change_id), revisions.get(narrows, change_id, number)
    items = [block for block in report.blocks(revision.report or "") if block.item and block.line in lines]
    if missing := set(lines) - {block.line for block in items}:
        raise NotFound(f"The report has no item on line {min(missing)}.", "Reload the page, and choose again.")
    came = f"From [the report of change #{change_id}, revision {number}]({address})."
    return task_drafts.keep(narrows, [_fields(change.project_id, block, came) for block in items])


def _fields(project_id: int, block: Block, came: str) -> dict[str, str]:
    assert block.item is not None
    section, text = block.item.section, block.item.text
    said = sections.section(section, text) if section else sections.closed(text)
    return {
        "project": str(project_id),
        "title": block.item.title,
        "brief": f"{said}\n\n{came}",
        "kind": Kind.DIRECTED.value,
    }
