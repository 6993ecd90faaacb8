"""What can be done by keys, and by which.

A key is what browsers call it: a character as it is typed, or a function key. One binding is one key, or two that are
pressed one after the other ("g q").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FUNCTION_KEYS = ("F2", "F4", "F8", "F9", "F10")  # browsers keep the others for themselves
KEPT = {
    " ": "the browser scrolls by it",
    "Space": "the browser scrolls by it",
    "Enter": "it follows links and sends forms",
    "Tab": "it leads from one thing to the next",
    "Escape": "it closes what is open",
    "Backspace": "it belongs to the browser",
    **{f"Arrow{way}": "it goes from line to line" for way in ("Up", "Down", "Left", "Right")},
    **dict.fromkeys(("Home", "End", "PageUp", "PageDown"), "it scrolls"),
    **{f"F{n}": "it belongs to the browser" for n in range(1, 13) if f"F{n}" not in FUNCTION_KEYS},
}


@dataclass(frozen=True)
class Action:
    """Something to do. `keys`: the bindings that it has unless the person says otherwise."""

    name: str
    words: str
    group: str
    keys: tuple[str, ...]


ACTIONS = (
    Action("next_file", "next file", "Reading", ("j",)),
    Action("previous_file", "previous file", "Reading", ("k",)),
    Action("next_hunk", "next hunk", "Reading", ("n",)),
    Action("previous_hunk", "previous hunk", "Reading", ("p",)),
    Action("comment", "comment on the line", "Reading", ("c",)),
    Action("viewed", "mark the file as viewed", "Reading", ("v",)),
    Action("view", "unified or split", "Reading", ("u",)),
    Action("expand", "more lines around the hunk", "Reading", ("x",)),
    Action("find", "find in the whole change", "Reading", ("/",)),
    Action("focus", "focus, or news again", "Reading", ("f",)),
    Action("land", "land, or accept", "Deciding", ("l",)),
    Action("send_back", "send back", "Deciding", ("b",)),
    Action("edit", "edit by hand", "Deciding", ("e",)),
    Action("later", "later", "Deciding", ("s",)),
    Action("allow", "allow what an agent asks", "Deciding", ("y",)),
    Action("refuse", "refuse what an agent asks", "Deciding", ("r",)),
    Action("desk", "desk", "Going", ("g d",)),
    Action("backlog", "backlog", "Going", ("g q",)),
    Action("new_task", "new task", "Going", ("t",)),
    Action("help", "these keys", "Going", ("?",)),
)
FIXED = (
    ("↑ ↓", "line by line, once in a hunk; with Shift a range"),
    ("← →", "old or new side, once on a line of a split view"),
    ("Ctrl Enter", "send the form"),
    ("Esc", "close"),
)
BY_NAME = {action.name: action for action in ACTIONS}
DEFAULTS = {action.name: action.keys for action in ACTIONS}


class Unfit(ValueError):
    """Keys that can't be used. `action` is whose; the message is a sentence."""

    def __init__(self, action: str, sentence: str) -> None:
        super().__init__(sentence)
        self.action = action


def bindings(text: str) -> tuple[str, ...]:
    """What a person types for an action: "n, F8" are two bindings, "g q" is one of two keys; a comma alone is a key."""
    parts = [","] if text.strip() == "," else text.split(",")
    return tuple(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))


def clash(one: str, other: str) -> bool:
    """Whether two bindings can't be told apart as they are pressed."""
    return one == other or one.startswith(f"{other} ") or other.startswith(f"{one} ")


def check(keymap: Mapping[str, Sequence[str]]) -> None:
    """See that every binding can be told from every other.

    Raises:
        Unfit: It can't, or a browser would not give the key away.
    """
    taken: dict[str, str] = {}
    for action, chosen in keymap.items():
        if action not in BY_NAME:
            raise Unfit(action, f"There is no action {action!r}.")
        for binding in chosen:
            _check_binding(action, binding)
            for other, owner in taken.items():
                if clash(binding, other):
                    raise Unfit(action, _taken(binding, other, BY_NAME[owner]))
            taken[binding] = action


def _taken(binding: str, other: str, owner: Action) -> str:
    if binding == other:
        return f"{binding} is taken: {owner.words}."
    return f"{binding} and {other} ({owner.words}) begin with the same key, and one of them ends there."


def _check_binding(action: str, binding: str) -> None:
    parts = binding.split(" ")
    if len(parts) > 2:
        raise Unfit(action, f"{binding} are more than two keys.")
    for key in parts:
        if key in KEPT:
            raise Unfit(action, f"{key} can't be used: {KEPT[key]}.")
        if key not in FUNCTION_KEYS and (len(key) != 1 or not key.isprintable()):
            raise Unfit(action, f"{key!r} is no key: type one character, or one of {', '.join(FUNCTION_KEYS)}.")


def without_characters(keymap: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """What is left where nothing may be done by a bare letter, digit or sign (WCAG 2.1.4)."""
    return {
        action: tuple(binding for binding in chosen if all(key in FUNCTION_KEYS for key in binding.split(" ")))
        for action, chosen in keymap.items()
    }


def shortcut(binding: str) -> str:
    """A binding for `aria-keyshortcuts`, which knows no two keys one after the other; then it is empty."""
    return "" if " " in binding else binding
