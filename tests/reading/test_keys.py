"""Keys as a person types them."""

from __future__ import annotations

import pytest

from server.reading import keys


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("j", ("j",)),
        (" j , F8 ", ("j", "F8")),
        ("g  q", ("g q",)),
        ("", ()),
        (" , ", (",",)),
        ("j,j", ("j",)),
        ("J", ("J",)),
    ],
)
def test_what_is_typed_and_what_it_means(typed: str, meant: tuple[str, ...]) -> None:
    assert keys.bindings(typed) == meant


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("j", "j", True), ("g", "g q", True), ("g q", "g", True), ("g q", "g d", False), ("j", "J", False)],
)
def test_which_can_not_be_told_apart(one: str, other: str, alike: bool) -> None:
    assert keys.clash(one, other) is alike


def test_a_sequence_is_nothing_that_aria_can_say() -> None:
    assert [keys.shortcut(binding) for binding in ("l", "F8", "g q")] == ["l", "F8", ""]
