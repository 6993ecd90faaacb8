"""Finding words in a change without JavaScript, as htmx gets it, and as scripts do."""

from __future__ import annotations

from starlette.testclient import TestClient

from tests.web.pages.conftest import Desk, Person

FILES = {"a.py": "def greet():\n    return '<Hello>'\n", "b.md": "hello " + "word " * 100 + "HELLO\n"}


def test_a_page_lists_the_lines_and_leads_to_them(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds(files=FILES)
    page = person.reads(f"/changes/{change}/revisions/1/search?q=hello")
    assert "2 lines in 2 files" in page
    assert f'href="/changes/{change}/revisions/1/files/0?view=unified&from=0"' in page
    assert "return '<<mark>Hello</mark>>'" in page
    assert "<mark>hello</mark> word word" in page
    assert "word…" in page


def test_nothing_found_and_nothing_asked(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds(files=FILES)
    assert "No line has that." in person.reads(f"/changes/{change}/revisions/1/search?q=nowhere")
    assert "hits" not in person.reads(f"/changes/{change}/revisions/1/search")
    assert "Only up to 200 characters" in person.reads(f"/changes/{change}/revisions/1/search?q={'x' * 201}")


def test_htmx_gets_the_panel_alone(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds(files=FILES)
    panel = person.peeks(f"/changes/{change}/revisions/1/search?q=greet")
    assert panel.lstrip().startswith("<section")
    assert 'data-position="0" data-side="new" data-line="1"' in panel


def test_scripts_ask_for_it(script: TestClient, on_desk: Desk) -> None:
    change = on_desk.holds(files=FILES)
    found = script.get(f"/api/changes/{change}/revisions/1/search", params={"q": "HELLO", "limit": 1}).json()
    assert (found["total"], found["files"]) == (2, 2)
    assert found["hits"] == [{"position": 0, "path": "a.py", "side": "new", "line": 2, "text": "    return '<Hello>'"}]
    assert script.get(f"/api/changes/{change}/revisions/9/search", params={"q": "x"}).status_code == 404


def test_what_was_just_done_is_a_toast_of_its_own(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds(files=FILES)
    toast = person.peeks(f"/toasts/later-{change}")
    assert "behind the others." in toast
    assert "Nothing is known of that." in person.reads("/toasts/nonsense", 404)
