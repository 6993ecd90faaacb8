"""The page of a conflict, and bringing a change up to date, by plain forms."""

from __future__ import annotations

from server.domain.event import Actor
from server.services import changes, drafts, forecasts, landings, revisions, runs
from server.services.narrows import Narrows
from tests.support.repositories import Repository
from tests.web.pages.conftest import Desk, Person

OTHER = "def add(a, b):\n    return sum((a, b))\n"


def foresee(narrows: Narrows, project_id: int) -> None:
    while forecasts.advance(narrows, project_id):
        pass


def test_the_three_sides_and_who_moved_the_target(person: Person, on_desk: Desk, repository: Repository) -> None:
    change = on_desk.holds()
    repository.commit("Add by sum\u202e", {"src/app.py": OTHER})
    page = person.reads(f"/changes/{change}/conflict")
    assert "Where “Add adds” does not merge" in page
    assert "which moved by 1 commit since" in page
    assert "src/app.py" in page
    assert "Both changed the same lines." in page
    for title in ("Before, line 2", "On main, line 2", "In this change, line 2"):
        assert f"<h3>{title}</h3>" in page
    assert "U+202E" in page
    assert "\u202e" not in page
    assert "by Ada Lovelace" in page


def test_it_is_sent_as_edited(person: Person, on_desk: Desk, repository: Repository, narrows: Narrows) -> None:
    change = on_desk.holds()
    repository.commit("Add by sum", {"src/app.py": OTHER})
    page = person.reads(f"/changes/{change}/conflict")
    assert f"`main` has moved, to {repository.head}, and this change no longer merges with it." in page
    key = f"change/{change}/conflict/{repository.head[:12]}"
    assert f'data-draft="{key}"' in page
    drafts.keep(narrows, key, "Typed so far.")
    assert "Typed so far.</textarea>" in person.reads(f"/changes/{change}/conflict")
    assert person.sends(f"/changes/{change}/conflict", revision=1, message="Take ours.") == f"/?done=sent-{change}"
    [_, run] = runs.of_change(narrows, change)
    assert run.onto == repository.head
    assert "Take ours." in run.prompt
    assert drafts.find(narrows, "change/") == {}


def test_what_is_refused_comes_back_with_what_was_typed(person: Person, on_desk: Desk, repository: Repository) -> None:
    change = on_desk.holds()
    repository.commit("Add by sum", {"src/app.py": OTHER})
    page = person.sends(f"/changes/{change}/conflict", status=409, revision=7, message="Take ours.")
    assert "You read revision 7; the newest is 1." in page
    assert "Take ours.</textarea>" in page


def test_with_another_change_that_lands_before(person: Person, on_desk: Desk) -> None:
    change, other = on_desk.holds(), on_desk.holds("Add by sum", {"src/app.py": OTHER})
    page = person.reads(f"/changes/{change}/conflict?with={other}")
    assert f"On main, once #{other} has landed, line 2" in page
    assert "lands before" in page
    assert "Send to its agent" not in page
    assert f"Change {change} is of another" not in page
    assert "There is no change 99" in person.reads(f"/changes/{change}/conflict?with=99", status=404)


def test_a_change_that_merges_is_brought_up_to_date_in_one_click(
    person: Person, on_desk: Desk, repository: Repository, narrows: Narrows
) -> None:
    change = on_desk.holds()
    assert "Bring up to date" not in person.reads(f"/changes/{change}")
    repository.commit("elsewhere", {"README.md": "# Other\n"})
    foresee(narrows, on_desk.project.id)
    page = person.reads(f"/changes/{change}")
    assert "main moved by 1 commit since" in page
    assert "Lands cleanly on main" in page
    assert f'action="/changes/{change}/rebase"' in page
    assert "lands cleanly" in person.reads(f"/changes/{change}/conflict")
    gone = person.sends(f"/changes/{change}/rebase", revision=1)
    assert gone == f"/changes/{change}?done=rebased-{change}"
    page = person.reads(gone)
    assert "is up to date: its newest revision stands on its target." in page
    assert "Narrows: brought up to date" in page
    assert revisions.of_change(narrows, change)[-1].made_by is Actor.ENGINE
    assert "What the agent says" in page, "in the agent's words"
    assert "It is on main as it is now." in person.sends(f"/changes/{change}/rebase", status=409, revision=2)


def test_where_it_conflicts_the_way_leads_to_the_conflict(
    person: Person, on_desk: Desk, repository: Repository, narrows: Narrows
) -> None:
    change = on_desk.holds()
    repository.commit("Add by sum", {"src/app.py": OTHER})
    foresee(narrows, on_desk.project.id)
    page = person.reads(f"/changes/{change}")
    assert "main moved by 1 commit since" in page
    assert page.count("onflicts with main in src/app.py") == 2, "in the line that says it, and in that line's title"
    assert f'href="/changes/{change}/conflict">See the conflict' in page
    assert person.sends(f"/changes/{change}/rebase", revision=1) == f"/changes/{change}/conflict"
    form = person.reads(f"/changes/{change}/reviews/new")
    assert 'name="onto_target" value="true" checked' in form
    person.sends(f"/changes/{change}/reviews", revision=1, message="Merge it.", onto_target="true")
    assert runs.of_change(narrows, change)[-1].onto == repository.head
    assert changes.get(narrows, change).state == "working"


def test_what_lands_before_is_offered(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    change, other = on_desk.holds(), on_desk.holds("Add by sum", {"src/app.py": OTHER})
    assert "In the landing line before it" not in person.reads(f"/changes/{change}/conflict")
    landings.land(narrows, other, revision=1)
    page = person.reads(f"/changes/{change}/conflict")
    assert "In the landing line before it" in page
    assert f'href="/changes/{change}/conflict?with={other}"' in page


def test_the_land_form_says_that_it_conflicts(person: Person, on_desk: Desk, repository: Repository) -> None:
    change = on_desk.holds()
    assert "Conflicts with main" not in person.peeks(f"/changes/{change}/landing/new")
    repository.commit("Add by sum", {"src/app.py": OTHER})
    foresee(on_desk.narrows, on_desk.project.id)
    form = person.peeks(f"/changes/{change}/landing/new")
    assert "Conflicts with main in src/app.py." in form
    assert f'href="/changes/{change}/conflict"' in form


def test_a_target_that_is_gone_is_said_on_the_change_and_on_its_project(
    person: Person, on_desk: Desk, repository: Repository, narrows: Narrows
) -> None:
    change = on_desk.holds()
    repository.git("branch", "-m", "main", "other")
    gone = "The branch main is not in the repository any more. Create it again"
    page = person.reads(f"/changes/{change}/conflict", status=409)
    assert gone in unmarked(page)
    assert "What was asked" in page
    page = person.sends(f"/changes/{change}/conflict", status=409, revision=7, message="Take ours.")
    assert "Take ours.</textarea>" in page
    assert gone in unmarked(person.reads(f"/projects/{on_desk.project.id}"))
    repository.git("branch", "-m", "other", "main")
    assert gone not in unmarked(person.reads(f"/projects/{on_desk.project.id}"))


def unmarked(page: str) -> str:
    """A page's words, without the emphasis of some."""
    return page.replace("<strong>", "").replace("</strong>", "")
