"""A report as the page: its parts with their comments, what is new in it, and tasks made of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from server.domain.states import RunState
from server.git import mirrors, worktrees
from server.services import changes, drafts, reviews, revisions, runs, task_drafts, tasks
from server.services.narrows import Narrows
from tests.web.conftest import Worker
from tests.web.pages.conftest import Desk, Person

FIRST = """\
# Which parser?

The old one is slow.

## What to do

- Replace it. It has been slow for years,
  and nobody knows why.
- [ ] Measure twice
"""
SECOND = FIRST.replace("is slow", "is slow, by a factor of three") + "- [ ] Ask Ada\n"


class Researcher:
    """An agent that writes reports."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.narrows, self.worker = desk, desk.narrows, desk.worker

    def asked(self) -> None:
        tasks.file(self.narrows, project_id=self.desk.project.id, title="Which parser?", kind="research")

    def reports(self, text: str) -> int:
        """Whatever it was asked, it answers with this; the change's number."""
        [run] = self.worker.admit()
        change = changes.get(self.narrows, run.change_id)
        tree, mirror = self.narrows.tree(change.project_id, change.slot or 0), self.narrows.mirror(change.project_id)
        if not tree.exists():
            worktrees.prepare(mirror, tree, mirrors.fetch(Path(self.desk.project.path), mirror, "main"))
        runs.end(self.narrows, run.id, self.worker.name, runs.Ending(RunState.SUCCEEDED))
        revisions.take(self.narrows, run.id, summary="Done.", report=text)
        runs.decide(self.narrows, run.id)
        return change.id


@pytest.fixture
def researcher(on_desk: Desk) -> Researcher:
    made = Researcher(on_desk)
    made.asked()
    return made


def blocks(page: str) -> list[tuple[str, str]]:
    """The report's blocks: what is said of each, and its first line."""
    return re.findall(r'<div class="block (\w*)" id="report-(\d+)"', page)


def test_each_part_has_its_lines_and_its_comments(person: Person, researcher: Researcher, narrows: Narrows) -> None:
    change = researcher.reports(FIRST)
    page = person.reads(f"/changes/{change}")
    assert blocks(page) == [("", "1"), ("", "3"), ("", "5"), ("", "7"), ("", "9")]
    assert f'href="/changes/{change}/comments/new?revision=1&report=1&line=7&end_line=8"' in page
    reviews.comment(narrows, change, revision=1, line=7, end_line=8, body="Replace by what?")
    drafts.keep(narrows, f"change/{change}/comment/1/report/new/3-3", "How slow? I am still typ")
    page = person.reads(f"/changes/{change}")
    of_item, rest = page.split('id="report-talk-7"')[1].split('id="report-9"')
    assert "Replace by what?" in of_item
    assert "Replace by what?" not in rest.split("<dialog")[0]
    assert "How slow? I am still typ</textarea>" in page.split('id="report-talk-3"')[1].split('id="report-5"')[0]


def test_what_is_new_since_the_report_before_is_marked(
    person: Person, researcher: Researcher, narrows: Narrows
) -> None:
    change = researcher.reports(FIRST)
    reviews.request_changes(narrows, change, revision=1, message="By how much?")
    researcher.reports(SECOND)
    page = person.reads(f"/changes/{change}")
    assert blocks(page) == [("", "1"), ("changed", "3"), ("", "5"), ("", "7"), ("", "9"), ("new", "10")]
    assert "As it was in revision 1" in page
    first = person.reads(f"/changes/{change}?revision=1")
    assert "changed" not in dict(blocks(first))
    reviews.request_changes(narrows, change, revision=2, message="Shorter.")
    researcher.reports("# Which parser?\n")
    assert "Gone since revision 2: The old one is slow, by a factor of three." in person.reads(f"/changes/{change}")


def test_items_become_drafts_that_are_edited_filed_or_discarded(
    person: Person, researcher: Researcher, narrows: Narrows
) -> None:
    change = researcher.reports(SECOND)
    making = f"/changes/{change}/revisions/1/report/tasks"
    assert "Nothing is chosen." in person.sends(making, 422)
    assert "The report has no item on line 3." in person.sends(making, 404, line="3")
    assert person.sends(making, line=["10", "7", "9"]) == "/tasks?done=drafted-3"
    assert tasks.backlog(narrows) == [], "nothing starts by itself"
    backlog = person.reads("/tasks?done=drafted-3")
    assert "3 tasks are drafted." in backlog
    assert backlog.index(">Replace it<") < backlog.index(">Measure twice<") < backlog.index(">Ask Ada<")

    replace, measure, ask = task_drafts.every(narrows)
    form = person.reads(f"/tasks/new?draft={replace.name}")
    assert 'value="Replace it"' in form
    assert f'data-drafts="{replace.prefix}"' in form
    assert "## What to do\n\nReplace it. It has been slow for years,\nand nobody knows why.\n\nFrom [the report" in form
    assert f"/changes/{change}?revision=1#report)." in form
    person.client.put(f"/drafts/{replace.prefix}title", data={"text": "Replace the parser"})
    assert "Replace the parser" in person.reads("/tasks")

    fields: dict[str, Any] = {"project": researcher.desk.project.id, "brief": "b", "kind": "refactoring"}
    assert 'id="against-title"' in person.sends(f"/tasks?draft={replace.name}", 422, title="", **fields)
    filed = person.sends(f"/tasks?draft={replace.name}", title="Replace the parser", **fields)
    assert filed == "/tasks?done=filed-2"
    assert person.sends(f"/tasks/drafts/{measure.name}/filing") == "/tasks?done=filed-3"
    assert tasks.get(narrows, 3).brief.startswith("## What to do\n\nMeasure twice\n\n")
    assert person.sends(f"/tasks/drafts/{ask.name}/discard") == "/tasks"
    assert task_drafts.every(narrows) == []
    assert ">Drafts<" not in person.reads("/tasks")
    assert "There is no such draft." in person.reads(f"/tasks/new?draft={replace.name}", 404)


def test_a_draft_that_can_not_be_filed_as_it_is_becomes_the_form(
    person: Person, researcher: Researcher, narrows: Narrows
) -> None:
    [draft] = task_drafts.keep(narrows, [{"brief": "All that I typed", "project": str(researcher.desk.project.id)}])
    form = person.sends(f"/tasks/drafts/{draft.name}/filing", 422)
    assert 'id="against-title"' in form
    assert "All that I typed" in form
    assert "(without a title)" in person.reads("/tasks")


def test_drafts_of_tasks_are_not_what_is_typed_into_the_new_task_form(person: Person, narrows: Narrows) -> None:
    task_drafts.keep(narrows, [{"title": "A draft"}])
    assert "A draft" not in person.reads("/tasks/new")


def test_a_hostile_report_does_nothing(person: Person, researcher: Researcher, worker: Worker) -> None:
    change = researcher.reports(
        '- <img src=x onerror=alert(1)> "><script>alert(1)</script>\n- [x](javascript:alert(1))'
    )
    html = person.client.get(f"/changes/{change}").text
    assert "<img" not in html
    assert "<script>alert" not in html
    assert 'href="javascript' not in html
