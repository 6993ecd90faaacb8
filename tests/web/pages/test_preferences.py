"""The page of preferences, and what every other page makes of them."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.testclient import TestClient

from server.domain.diff import View
from server.reading import keys
from server.services import preferences
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


def sent(**other: str) -> dict[str, Any]:
    """The form's fields as they stand at first, but for some."""
    usual = {f"keys.{name}": ", ".join(chosen) for name, chosen in keys.DEFAULTS.items()}
    return {"view": "unified", "theme": "system", "whitespace": "on", "letters": "on"} | usual | other


def keymap(page: str) -> dict[str, list[str]]:
    found = re.search("data-keys='([^']*)'", page)
    assert found
    told: dict[str, list[str]] = json.loads(found[1])
    return told


def test_what_is_kept_holds_on_every_page(person: Person, on_desk: Desk, narrows: Narrows) -> None:
    on_desk.holds()
    wishes = sent(view="split", theme="dark", **{"keys.next_file": "n, F8", "keys.next_hunk": "j"})
    del wishes["whitespace"]
    assert person.sends("/preferences", **wishes) == "/preferences?done=preferred-1"
    form = person.reads("/preferences?done=preferred-1")
    assert "Your preferences are kept." in form
    assert 'value="split" checked' in form
    assert 'name="whitespace">' in form
    assert 'value="n, F8"' in form
    held = preferences.get(narrows)
    assert (held.view, held.theme, held.whitespace) == (View.SPLIT, "dark", False)
    page = person.reads("/")
    assert 'data-theme="dark"' in page
    assert 'data-view="split"' in page
    assert (keymap(page)["next_file"], keymap(page)["next_hunk"]) == (["n", "F8"], ["j"])
    assert "<kbd>n</kbd> or <kbd>F8</kbd>" in page.split('id="help"')[1]
    assert person.sends("/preferences/defaults") == "/preferences?done=preferred-0"
    assert 'data-theme="system"' in person.reads("/")


def test_keys_that_clash_come_back_beside_their_field(person: Person, narrows: Narrows) -> None:
    form = person.sends("/preferences", 422, **sent(theme="light", **{"keys.land": "j"}))
    assert 'id="against-keys.land"' in form
    assert "j is taken: next file." in form
    assert 'value="light" checked' in form
    assert re.search(r'id="keys.land"[^>]*value="j"', form)
    assert preferences.get(narrows).theme == "system"


def test_without_letters_nothing_is_promised_that_no_key_does(person: Person, on_desk: Desk) -> None:
    on_desk.holds()
    assert "<kbd>l</kbd>" in person.reads("/")
    wishes = sent(**{"keys.send_back": "F4"})
    del wishes["letters"]
    person.sends("/preferences", **wishes)
    page = person.reads("/")
    assert 'data-letters="off"' in page
    assert {action: chosen for action, chosen in keymap(page).items() if chosen} == {"send_back": ["F4"]}
    bar = page.split('id="bar"')[1].split("</section>")[0]
    assert "<kbd>F4</kbd>" in bar
    assert 'aria-keyshortcuts="F4"' in bar
    assert bar.count("<kbd>") == 1
    assert "Single characters do nothing, as you prefer." in page


def test_a_key_of_any_kind_does_not_break_the_page(person: Person) -> None:
    person.sends("/preferences", **sent(**{"keys.land": "'", "keys.edit": '"', "keys.later": "<", "keys.find": "&"}))
    page = person.client.get("/preferences").text
    assert keymap(page)["land"] == ["'"]
    assert [keymap(page)[name] for name in ("edit", "later", "find")] == [['"'], ["<"], ["&"]]


def test_scripts_know_and_set_them(script: TestClient) -> None:
    first = script.get("/api/preferences").json()
    assert (first["view"], first["keys"]["land"]) == ("unified", ["l"])
    put = script.put("/api/preferences", json={"view": "split", "keys": {"land": ["F2"]}})
    assert (put.json()["view"], put.json()["keys"]["land"], put.json()["keys"]["edit"]) == ("split", ["F2"], ["e"])
    refused = script.put("/api/preferences", json={"keys": {"edit": ["F2"]}})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "keys.edit")
    assert script.put("/api/preferences", json={"letters": "no"}).status_code == 422
    assert script.put("/api/preferences", json={"vew": "split"}).status_code == 422
    assert script.delete("/api/preferences").json() == first
