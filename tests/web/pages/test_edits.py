"""Editing by hand, without JavaScript."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from server.services import changes, checkouts, drafts, edits, revisions
from server.services.narrows import Narrows
from tests.web.pages.conftest import Desk, Person


@pytest.fixture
def change(on_desk: Desk, narrows: Narrows) -> int:
    made = on_desk.holds("Add adds", {"src/app.py": "\n<b>\n", "data.bin": b"\0"})
    checkouts.tenant_file(narrows.tree(1, 1)).write_text(str(made))
    return made


@pytest.fixture
def place(change: int, narrows: Narrows) -> str:
    rows = revisions.outline(narrows, revisions.get(narrows, change, 1))
    position = next(row.position for row in rows if row.path == "src/app.py")
    return f"/changes/{change}/revisions/1/files/{position}/edit"


def test_a_small_edit_in_the_page(person: Person, narrows: Narrows, change: int, place: str) -> None:
    assert f'href="{place}' in person.reads(f"/changes/{change}")
    page = person.reads(f"{place}?line=2")
    assert ">\n\n<b>\n</textarea>" in page, "the first line feed is the element's own"
    assert person.sends(place, text="\r\nby hand\r\n").startswith(f"/changes/{change}?done=edited-{change}")
    made = revisions.get(narrows, change, 2)
    assert revisions.whole_file(narrows, made, "src/app.py", old=False) == b"\nby hand\n"
    assert "has your edit" in person.reads(f"/changes/{change}?done=edited-{change}")
    assert "you, by hand" in person.reads(f"/changes/{change}")


def test_what_was_typed_is_there_again(person: Person, narrows: Narrows, change: int, place: str) -> None:
    key = edits.read(narrows, change, 1, "src/app.py").key
    drafts.keep(narrows, key, "half a w")
    page = person.reads(place)
    assert "With what you typed here before." in page
    assert "half a w</textarea>" in page
    assert f'data-draft="{key}"' in page


def test_a_newer_revision_keeps_the_words(person: Person, narrows: Narrows, change: int, place: str) -> None:
    person.sends(place, text="first\n")
    page = person.sends(place, 409, text="second\r\n")
    assert "You read revision 1; the newest is 2." in page
    assert "second\n</textarea>" in page


def test_nothing_changed_is_said(person: Person, place: str) -> None:
    assert "Nothing differs" in person.sends(place, 409, text="\r\n<b>\r\n")


def test_what_is_no_text_leads_to_the_editor(person: Person, narrows: Narrows, change: int) -> None:
    rows = revisions.outline(narrows, revisions.get(narrows, change, 1))
    position = next(row.position for row in rows if row.path == "data.bin")
    page = person.reads(f"/changes/{change}/revisions/1/files/{position}/edit")
    assert "data.bin is binary." in page
    assert "<textarea" not in page
    assert f"/changes/{change}/edits/new" in page


def test_what_was_edited_in_the_worktree_is_taken(person: Person, narrows: Narrows, change: int) -> None:
    page = person.reads(f"/changes/{change}/edits/new")
    tree = narrows.tree(1, 1)
    assert str(tree) in page
    assert "Nothing differs there from revision 1" in page
    assert "Nothing differs" in person.sends(f"/changes/{change}/revisions", 409, revision=1)
    (tree / "src/app.py").write_text("in my editor\n")
    assert "Edited there, and in no revision: src/app.py" in page_text(person.reads(f"/changes/{change}/edits/new"))
    assert person.sends(f"/changes/{change}/revisions", revision=1) == f"/changes/{change}?done=took-{change}"
    assert revisions.get(narrows, change, 2).summary == "Edited by hand: src/app.py."


def page_text(html: str) -> str:
    return html.replace("<code>", "").replace("</code>", "")


def test_links_for_an_editor_that_has_an_address(person: Person, app: FastAPI, narrows: Narrows, change: int) -> None:
    app.state.narrows = replace(narrows, settings=replace(narrows.settings, editor="vscode"))
    page = person.reads(f"/changes/{change}/edits/new?line=2")
    assert f'href="vscode://file{narrows.tree(1, 1)}/src/app.py:2"' in page


def test_an_editor_for_the_terminal_is_told_as_a_command(
    person: Person, app: FastAPI, narrows: Narrows, change: int
) -> None:
    app.state.narrows = replace(narrows, settings=replace(narrows.settings, editor="vim"))
    assert f"vim +1 {narrows.tree(1, 1)}/src/app.py" in person.reads(f"/changes/{change}/edits/new")
    page = person.sends(f"/changes/{change}/editor", 409, revision=1, position=1)
    assert "vim needs a terminal." in page


def test_the_editor_is_started_by_a_form_alone(
    person: Person, app: FastAPI, narrows: Narrows, change: int, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    script = tmp_path / "editor"
    script.write_text(f'#!/bin/sh\necho "$1" > {told}\n')
    script.chmod(0o755)
    app.state.narrows = replace(narrows, settings=replace(narrows.settings, editor=str(script)))
    where = person.sends(f"/changes/{change}/editor", revision=1, position=1, line=2)
    assert told.read_text() == f"{narrows.tree(1, 1)}/src/app.py\n"
    assert "is open in your editor" in person.reads(where)


def test_a_worktree_that_is_gone_is_made_ready(person: Person, narrows: Narrows, change: int) -> None:
    shutil.rmtree(narrows.tree(1, 1))
    assert "It is made ready again" in person.reads(f"/changes/{change}/edits/new")
    where = person.sends(f"/changes/{change}/editor", revision=1)
    assert str(narrows.tree(1, 1)) in person.reads(where)
    assert "Open in your editor" not in person.reads(where)
    assert "No editor is named." in person.sends(f"/changes/{change}/editor", 409, revision=1, position=1)
    assert (narrows.tree(1, 1) / "src/app.py").read_text() == "\n<b>\n"
    assert changes.get(narrows, change).slot == 1


def test_what_was_edited_and_not_taken_is_said_where_the_change_is_decided(
    person: Person, narrows: Narrows, change: int
) -> None:
    unsaid = ["in no revision: ", "Its next revision takes along"]
    forms = [f"/changes/{change}/landing/new", f"/changes/{change}/reviews/new"]
    for form, words in zip(forms, unsaid, strict=True):
        assert words not in person.peeks(form)
    (narrows.tree(1, 1) / "src/app.py").write_text("mine\n")
    for form, words in zip(forms, unsaid, strict=True):
        page = person.peeks(form)
        assert words in page
        assert "<code>src/app.py</code>" in page
    assert f'href="/changes/{change}/edits/new"' in person.peeks(forms[0])
    edits.take(narrows, change, revision=1)
    for form, words in zip(forms, unsaid, strict=True):
        assert words not in person.peeks(form)
