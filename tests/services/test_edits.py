"""Editing by hand: a revision by the person, to the byte, in a worktree that follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.change import Change
from server.domain.errors import NotFound, WrongState
from server.domain.event import Actor
from server.domain.states import ChangeState, CheckState
from server.git import mirrors
from server.git.commands import run
from server.services import changes, checkouts, checks, drafts, edits, events, landings, reviews, revisions
from server.services.assessments import Objected
from server.services.edits import NoText, with_line_ends_of
from server.services.narrows import Narrows
from server.services.revisions import Unchanged
from tests.services.workshop import Workshop


@pytest.fixture
def change(workshop: Workshop) -> Change:
    return workshop.change({"src/a.txt": "one\ntwo\n", "dos.txt": "one\r\ntwo\r\n", "no-end.txt": "one"})


def tree_of(narrows: Narrows, change: Change) -> Path:
    found = checkouts.find(narrows, changes.get(narrows, change.id))
    assert found is not None
    return found


def content(workshop: Workshop, change: Change, path: str) -> bytes | None:
    newest = revisions.of_change(workshop.narrows, change.id)[-1]
    return mirrors.read_file(workshop.mirror, newest.commit, path)


def test_a_small_edit_is_the_next_revision(narrows: Narrows, workshop: Workshop, change: Change) -> None:
    text = edits.read(narrows, change.id, 1, "src/a.txt")
    drafts.keep(narrows, text.key, "one\nTW")
    made = edits.edit(narrows, change.id, revision=1, path="src/a.txt", text="one\r\nTWO\r\n")
    first = revisions.get(narrows, change.id, 1)
    assert (made.number, made.base, made.made_by, made.run_id) == (2, first.base, Actor.YOU, None)
    assert made.summary == "Edited by hand: src/a.txt."
    assert content(workshop, change, "src/a.txt") == b"one\nTWO\n"
    assert content(workshop, change, "dos.txt") == b"one\r\ntwo\r\n"
    assert mirrors.resolve(workshop.mirror, made.ref) == made.commit
    assert (tree_of(narrows, change) / "src/a.txt").read_text() == "one\nTWO\n"
    assert changes.get(narrows, change.id).state is ChangeState.IN_REVIEW
    assert [check.state for check in checks.of_revision(narrows, made.id)] == [CheckState.QUEUED]
    assert drafts.find(narrows, f"change/{change.id}/edit") == {}
    last = events.of_change(narrows, change.id)[-1]
    assert (last.actor, last.verb, last.noun_id) == (Actor.YOU, "revised", made.id)


def test_the_agent_goes_on_from_it(narrows: Narrows, workshop: Workshop, change: Change) -> None:
    edits.edit(narrows, change.id, revision=1, path="src/a.txt", text="by hand\n")
    reviews.request_changes(narrows, change.id, revision=2, message="And this.")
    (run,) = workshop.admit()
    workshop.finish(run, {"more.txt": "more\n"})
    assert content(workshop, change, "src/a.txt") == b"by hand\n"


def test_a_verdict_on_what_was_edited_since_is_void(narrows: Narrows, change: Change) -> None:
    edits.edit(narrows, change.id, revision=1, path="src/a.txt", text="by hand\n")
    with pytest.raises(WrongState, match="You read revision 1; the newest is 2"):
        landings.land(narrows, change.id, revision=1)
    with pytest.raises(WrongState, match="You read revision 1"):
        edits.edit(narrows, change.id, revision=1, path="src/a.txt", text="twice\n")


def test_a_red_check_of_it_blocks_landing(narrows: Narrows, workshop: Workshop, change: Change) -> None:
    made = edits.edit(narrows, change.id, revision=1, path="src/a.txt", text="by hand\n")
    workshop.judge(made, red=["make test"])
    assert checks.unjudged(narrows) == []
    with pytest.raises(Objected, match="is red"):
        landings.land(narrows, change.id, revision=2)


@pytest.mark.parametrize(
    ("path", "typed", "stored"),
    [
        ("dos.txt", "one\nand\ntwo\n", b"one\r\nand\r\ntwo\r\n"),
        ("dos.txt", "one\nmore", b"one\r\nmore\r\n"),
        ("no-end.txt", "two", b"two"),
        ("no-end.txt", "two\n", b"two\n"),
        ("src/a.txt", "", b""),
    ],
)
def test_line_ends_stay_as_the_file_has_them(
    narrows: Narrows, workshop: Workshop, change: Change, path: str, typed: str, stored: bytes
) -> None:
    edits.edit(narrows, change.id, revision=1, path=path, text=typed)
    assert content(workshop, change, path) == stored


def test_mixed_line_ends_stay_line_by_line() -> None:
    assert with_line_ends_of("a\r\nb\nc\r\nd\r\n", "a\nb\nnew\nc\nd\n") == "a\r\nb\nnew\r\nc\r\nd\r\n"
    assert with_line_ends_of("a\nb\nc\r\nd", "b\nc\nd\ne") == "b\nc\r\nd\ne"
    for text in ("a\r\nb\nc\r\n\r\n\nd", "\n\r\n", "\r\na"):
        assert with_line_ends_of(text, text.replace("\r\n", "\n")) == text


def test_what_a_page_can_not_edit_says_why(narrows: Narrows, workshop: Workshop) -> None:
    odd = {"latin": b"caf\xe9\n", "nul": b"a\0b\n", "mac": b"a\rb\n", "large": b"x" * 300_001}
    change = workshop.change(odd)
    for path, why in {"latin": "not UTF-8", "nul": "binary", "mac": "line ends", "large": "larger than 300 kB"}.items():
        with pytest.raises(NoText, match=why):
            edits.read(narrows, change.id, 1, path)
    with pytest.raises(NotFound):
        edits.read(narrows, change.id, 1, "nowhere")


def test_nothing_changed_is_said(narrows: Narrows, change: Change) -> None:
    with pytest.raises(Unchanged, match="Nothing differs"):
        edits.edit(narrows, change.id, revision=1, path="dos.txt", text="one\r\ntwo\r\n")
    with pytest.raises(Unchanged, match="Nothing differs"):
        edits.take(narrows, change.id, revision=1)
    assert len(revisions.of_change(narrows, change.id)) == 1


def test_what_was_edited_in_the_worktree_is_taken(narrows: Narrows, workshop: Workshop, change: Change) -> None:
    tree = tree_of(narrows, change)
    (tree / "src/a.txt").write_text("in my editor\n")
    (tree / "dos.txt").unlink()
    assert checkouts.edited(narrows, change, workshop.project, revisions.get(narrows, change.id, 1)) == [
        "dos.txt",
        "src/a.txt",
    ]
    made = edits.take(narrows, change.id, revision=1)
    assert (made.number, made.made_by, made.summary) == (2, Actor.YOU, "Edited by hand: dos.txt, src/a.txt.")
    assert content(workshop, change, "src/a.txt") == b"in my editor\n"
    assert content(workshop, change, "dos.txt") is None


def test_an_edit_on_the_page_keeps_what_stood_in_the_worktree(
    narrows: Narrows, workshop: Workshop, change: Change
) -> None:
    tree = tree_of(narrows, change)
    (tree / "src/a.txt").write_text("dear to me\n")
    edits.edit(narrows, change.id, revision=1, path="src/a.txt", text="on the page\n")
    assert (tree / "src/a.txt").read_text() == "on the page\n"
    kept = run(workshop.mirror, "for-each-ref", "--format=%(refname)", "refs/narrows/trash").text.split()
    assert [mirrors.read_file(workshop.mirror, ref, "src/a.txt") for ref in kept] == [b"dear to me\n"]


def test_a_worktree_that_a_crash_left_behind_catches_up(narrows: Narrows, workshop: Workshop, change: Change) -> None:
    edits.edit(narrows, change.id, revision=1, path="src/a.txt", text="by hand\n")
    tree = tree_of(narrows, change)
    (tree / "src/a.txt").write_text("one\ntwo\n")  # as if it had not been brought there
    made = revisions.of_change(narrows, change.id)
    checkouts.catch_up(narrows, changes.get(narrows, change.id), workshop.project, made)
    assert (tree / "src/a.txt").read_text() == "by hand\n"
    (tree / "src/a.txt").write_text("the person's own\n")
    checkouts.catch_up(narrows, changes.get(narrows, change.id), workshop.project, made)
    assert (tree / "src/a.txt").read_text() == "the person's own\n"


def test_no_edit_while_an_agent_works(narrows: Narrows, change: Change) -> None:
    reviews.request_changes(narrows, change.id, revision=1, message="More.")
    with pytest.raises(WrongState, match="is working"):
        edits.edit(narrows, change.id, revision=1, path="src/a.txt", text="x\n")
    with pytest.raises(WrongState, match="is working"):
        edits.take(narrows, change.id, revision=1)


def test_an_edit_that_leaves_nothing_of_the_change(narrows: Narrows, workshop: Workshop) -> None:
    change = workshop.change({"notes.txt": "mine\n"})
    with pytest.raises(Unchanged, match="nothing of the change is left"):
        edits.edit(narrows, change.id, revision=1, path="notes.txt", text="one\ntwo\nthree\n")
