"""Help with a small task: hints while it is typed, templates, and splitting what is typed into drafts."""

from __future__ import annotations

from typing import Any

from server.services import agents, task_drafts, tasks
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person

CLEAR = {
    "title": "Add weeks",
    "brief": "`parse` in `durations.py`.",
    "examples": "`1w` gives 604800",
    "done_when": "The examples are tests.",
}
SEVERAL = "For the parser:\n\n1. Add weeks to `parse`\n2. Remove the old parser\n3. Say what is wrong\n"


def typed(desk: Desk, **fields: object) -> dict[str, Any]:
    return {"project": desk.project.id, "kind": "directed", "agent": "demo", "priority": "0", **fields}


def drafted(narrows: Narrows) -> list[task_drafts.TaskDraft]:
    return task_drafts.every(narrows)


# Hints


def test_hints_come_while_a_task_is_typed(person: Person, on_desk: Desk) -> None:
    assert "<li" not in person.posts("/tasks/hints", **typed(on_desk, **CLEAR))
    said = person.posts("/tasks/hints", **typed(on_desk, **CLEAR | {"brief": SEVERAL}))
    assert 'data-hint="several"' in said
    assert "This looks like 2 tasks" in said
    assert 'hx-post="/tasks/hints"' in person.reads("/tasks/new")


def test_without_javascript_they_stand_on_the_tasks_page_and_refuse_nothing(person: Person, on_desk: Desk) -> None:
    person.sends("/tasks", **typed(on_desk, title="Improve the parser and rename the old module"))
    page = person.reads("/tasks/1")
    assert page.count("data-hint=") == 3
    on_desk.worker.answer({"a.txt": "a\n"})
    assert "data-hint" not in person.reads("/tasks/1")


def test_the_api_tells_them_as_well(person: Person, on_desk: Desk) -> None:
    filed = person.client.post("/api/tasks", json={"project_id": on_desk.project.id, "title": "Read weeks too"}).json()
    assert len(filed["hints"]) == 3


# Templates


def test_a_template_fills_what_is_empty(person: Person, on_desk: Desk) -> None:
    person.client.put("/drafts/task/new/title", data={"text": "Mine"})
    page = person.reads("/tasks/new?template=upkeep")
    assert 'value="Mine"' in page
    assert "How it shows: the output of …" in page
    assert 'value="maintenance" checked' in page
    person.client.put("/drafts/task/new/kind", data={"text": "research"})
    assert 'value="research" checked' in person.reads("/tasks/new?template=bug")
    assert "…" not in person.reads("/tasks/new?template=none").partition('id="task-form"')[2].partition("</form>")[0]


# Splitting


def test_what_is_typed_is_split_into_drafts_that_start_after_each_other(
    person: Person, on_desk: Desk, narrows: Narrows
) -> None:
    person.client.put("/drafts/task/new/brief", data={"text": SEVERAL})
    fields = typed(on_desk, title="Durations", brief=SEVERAL, examples="`1w`", chained="true")
    assert person.sends("/tasks/split", **fields) == "/tasks?done=drafted-3"
    first, second, third = drafted(narrows)
    assert [each.title for each in (first, second, third)] == [
        "Add weeks to parse",
        "Remove the old parser",
        "Say what is wrong",
    ]
    assert first.fields["brief"] == "Add weeks to `parse`\n\n---\n\nFor the parser:"
    assert second.fields["examples"] == "`1w`"
    assert (second.fields["follows"], third.fields["follows"]) == (first.name, second.name)
    assert "Durations" not in person.reads("/tasks/new")
    listed = person.reads("/tasks")
    assert "after Add weeks to parse" in listed


def test_a_draft_that_follows_another_is_filed_after_it(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    person.sends("/tasks/split", **typed(on_desk, title="D", brief=SEVERAL, chained="true"))
    first, second, third = drafted(narrows)
    refused = person.sends(f"/tasks/drafts/{second.name}/filing", 422)
    assert "It starts after “Add weeks to parse”, which is a draft yet." in refused
    assert person.sends(f"/tasks/drafts/{first.name}/filing") == "/tasks?done=filed-1"
    assert person.sends(f"/tasks/drafts/{second.name}/filing") == "/tasks?done=filed-2"
    assert [task.id for task in tasks.standing(narrows, 2).after] == [1]
    assert person.sends(f"/tasks?draft={third.name}", **typed(on_desk, title="Third", follows=third.fields["follows"]))
    assert [task.id for task in tasks.standing(narrows, 3).after] == [2]


def test_what_a_draft_follows_can_be_unticked(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    person.sends("/tasks/split", **typed(on_desk, title="D", brief=SEVERAL, chained="true"))
    _, second, _ = drafted(narrows)
    form = person.reads(f"/tasks/new?draft={second.name}")
    assert f'name="follows" value="{second.fields["follows"]}" checked' in form
    assert "filed-1" in person.sends(f"/tasks?draft={second.name}", **typed(on_desk, title="Second"))
    assert tasks.standing(narrows, 1).after == []


def test_a_discarded_draft_leaves_its_place_to_the_one_before(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    person.sends("/tasks/split", **typed(on_desk, title="D", brief=SEVERAL, chained="true"))
    first, second, third = drafted(narrows)
    person.sends(f"/tasks/drafts/{second.name}/discard")
    assert drafted(narrows)[1].fields["follows"] == first.name
    person.sends(f"/tasks/split?draft={first.name}", **typed(on_desk, title="D", brief="- one\n- two\n"))
    one, two, last = sorted(drafted(narrows), key=lambda each: each.title == "Say what is wrong")
    assert (last.name, last.fields["follows"]) == (third.name, two.name)
    assert "follows" not in one.fields
    assert "follows" not in two.fields


def test_what_has_one_part_is_not_split_and_nothing_is_lost(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    page = person.sends("/tasks/split", 422, **typed(on_desk, title="Add weeks", brief="Only this <b>."))
    assert "There is nothing to split here." in page
    assert "Only this <b>." in page
    many = "".join(f"- thing {number}\n" for number in range(30))
    assert "30 tasks" in person.sends("/tasks/split", 422, **typed(on_desk, title="D", brief=many))
    assert drafted(narrows) == []


# Several agents


def test_further_agents_are_chosen_on_the_form_and_stay_chosen(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    agents.add(narrows, "mine", "command", ["true"])
    person.client.put("/drafts/task/new/rivals", data={"text": "mine"})
    assert 'name="rivals" value="mine" checked' in person.reads("/tasks/new")
    person.sends("/tasks", **typed(on_desk, title="Try it", rivals="mine"))
    assert tasks.get(narrows, 1).agents == ["demo", "mine"]
    assert "by demo, mine" in person.reads("/tasks/1")
    assert 'name="rivals" value="mine" checked' in person.reads("/tasks/1/edit")
    person.sends("/tasks/1", title="Try it", kind="directed", agent="demo", priority="0")
    assert tasks.get(narrows, 1).rivals == []
