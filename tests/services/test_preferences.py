"""Preferences: what holds unless the person says otherwise, and keys that can be told apart."""

from __future__ import annotations

from typing import Any

import pytest

from server.domain.diff import Look, View
from server.domain.errors import Invalid
from server.domain.preference import Preference
from server.reading import keys
from server.services import preferences
from server.services.narrows import Narrows
from server.services.preferences import Preferences

DEFAULTS = Preferences(budget=0)  # as the tests' settings have it


def test_the_defaults_hold_until_something_is_said(narrows: Narrows) -> None:
    assert preferences.get(narrows) == DEFAULTS
    assert preferences.look(narrows) == Look(View.UNIFIED, whitespace=True)
    keymap = preferences.keymap(narrows)
    assert (keymap["next_file"], keymap["backlog"]) == (["j"], ["g q"])


def test_what_is_said_stays_and_the_rest_too(narrows: Narrows) -> None:
    preferences.put(narrows, view="split", theme="dark")
    preferences.put(narrows, whitespace=False, keys={"next_file": ["n"], "next_hunk": ["j", "F8"]})
    held = preferences.get(narrows)
    assert (held.view, held.theme, held.whitespace, held.letters) == (View.SPLIT, "dark", False, True)
    assert (held.keymap["next_file"], held.keymap["next_hunk"]) == (["n"], ["j", "F8"])
    assert held.keymap["land"] == ["l"]
    assert preferences.reset(narrows) == preferences.get(narrows) == DEFAULTS


def test_without_letters_only_function_keys_are_left(narrows: Narrows) -> None:
    preferences.put(narrows, keys={"next_file": ["j", "F8"], "find": ["F4"]}, letters=False)
    keymap = preferences.keymap(narrows)
    assert {action: chosen for action, chosen in keymap.items() if chosen} == {"next_file": ["F8"], "find": ["F4"]}
    preferences.put(narrows, letters=True)
    assert preferences.keymap(narrows)["next_file"] == ["j", "F8"]


@pytest.mark.parametrize(
    ("wishes", "field", "sentence"),
    [
        ({"view": "upside down"}, "view", "'upside down' is no view."),
        ({"theme": "pink"}, "theme", "'pink' is no theme."),
        ({"letters": "on"}, "letters", "either on or off"),
        ({"budget": -1}, "budget", "-1 is no number of minutes."),
        ({"budget": "a lot"}, "budget", "'a lot' is no number of minutes."),
        ({"colour": "blue"}, "colour", "no preference 'colour'"),
        ({"keys": {"land": ["j"]}}, "keys.land", "j is taken: next file."),
        ({"keys": {"land": ["g"]}}, "keys.desk", "g d and g (land, or accept) begin with the same key"),
        ({"keys": {"land": ["g d x"]}}, "keys.land", "more than two keys"),
        ({"keys": {"land": ["Enter"]}}, "keys.land", "Enter can't be used: it follows links and sends forms."),
        ({"keys": {"land": ["F5"]}}, "keys.land", "it belongs to the browser"),
        ({"keys": {"land": ["ll"]}}, "keys.land", "'ll' is no key"),
        ({"keys": {"land": ["\u0007"]}}, "keys.land", "is no key"),
        ({"keys": {"fly": ["f"]}}, "keys.fly", "There is no action 'fly'."),
    ],
)
def test_what_can_not_be_is_said_in_a_sentence_and_nothing_changes(
    narrows: Narrows, wishes: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        preferences.put(narrows, **{"whitespace": False} | wishes)
    assert refused.value.field == field
    assert sentence in refused.value.message
    assert preferences.get(narrows) == DEFAULTS


def test_two_actions_may_change_places(narrows: Narrows) -> None:
    preferences.put(narrows, keys={"next_file": ["k"], "previous_file": ["j"]})
    assert preferences.keymap(narrows)["previous_file"] == ["j"]


def test_a_new_action_does_not_take_a_key_that_the_person_gave_away(narrows: Narrows) -> None:
    """As if `expand` and its x had come with a later version."""
    with narrows.transaction() as db:
        db.add(Preference(name="keys", value={"land": ["x"], "long_gone": ["q"]}))
    keymap = preferences.keymap(narrows)
    assert (keymap["land"], keymap["expand"], "long_gone" in keymap) == (["x"], [], False)


def test_the_usual_keys_can_be_told_apart() -> None:
    keys.check(keys.DEFAULTS)
    assert all(chosen for chosen in keys.DEFAULTS.values())
