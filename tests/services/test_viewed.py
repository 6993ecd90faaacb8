"""A mark on a file belongs to what it holds: a rebase keeps it, another change of the file does not."""

from __future__ import annotations

import pytest

from server.domain.change import Change
from server.domain.diff import Comparison
from server.domain.errors import NotFound
from server.git import mirrors
from server.services import changes, comparisons, reviews, revisions, viewed
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

FILES = {"one.txt": "one\n", "two.txt": "two\n", "notes.txt": "one\ntwo\nthree\nfour\n"}


@pytest.fixture
def change(workshop: Workshop) -> Change:
    return workshop.change(FILES)


def read(workshop: Workshop, change: Change, number: int, since: int | None = None) -> Comparison:
    revision = revisions.get(workshop.narrows, change.id, number)
    return comparisons.of(workshop.narrows, changes.get(workshop.narrows, change.id), revision, since)


def position(workshop: Workshop, comparison: Comparison, path: str) -> int:
    return comparisons.find_position(workshop.narrows, comparison, path)


def mark(workshop: Workshop, comparison: Comparison, *paths: str) -> None:
    for path in paths:
        viewed.mark(workshop.narrows, comparison, position(workshop, comparison, path))


def marked(workshop: Workshop, comparison: Comparison) -> list[str]:
    """The names of the files that bear a mark."""
    positions = viewed.viewed(workshop.narrows, comparison)
    return [row.path for row in comparisons.outline(workshop.narrows, comparison) if row.position in positions]


def again(workshop: Workshop, change: Change, files: dict[str, str | bytes | None]) -> None:
    """Sent back, and the agent writes `files`."""
    newest = revisions.of_change(workshop.narrows, change.id)[-1].number
    reviews.request_changes(workshop.narrows, change.id, revision=newest, message="Again.")
    [run] = workshop.admit()
    workshop.finish(run, files)


def test_a_mark_is_set_once_and_taken_away(workshop: Workshop, change: Change) -> None:
    first = read(workshop, change, 1)
    assert marked(workshop, first) == []
    mark(workshop, first, "two.txt", "two.txt", "one.txt")
    assert marked(workshop, first) == ["one.txt", "two.txt"]
    viewed.unmark(workshop.narrows, first, position(workshop, first, "two.txt"))
    viewed.unmark(workshop.narrows, first, position(workshop, first, "two.txt"))
    assert marked(workshop, first) == ["one.txt"]
    with pytest.raises(NotFound):
        viewed.mark(workshop.narrows, first, 99)


def test_the_next_revision_keeps_the_marks_of_what_it_leaves_alone(workshop: Workshop, change: Change) -> None:
    mark(workshop, read(workshop, change, 1), "one.txt", "two.txt", "notes.txt")
    again(workshop, change, {"two.txt": "two, again\n", "three.txt": "three\n"})
    assert marked(workshop, read(workshop, change, 2)) == ["notes.txt", "one.txt"]
    assert marked(workshop, read(workshop, change, 1)) == ["notes.txt", "one.txt", "two.txt"]


def test_a_rebase_keeps_the_marks_of_files_that_it_does_not_touch(
    workshop: Workshop, change: Change, repository: Repository
) -> None:
    mark(workshop, read(workshop, change, 1), "one.txt", "notes.txt")
    repository.commit("elsewhere", {"README.md": "# Elsewhere\n", "notes.txt": "zero\none\ntwo\nthree\n"})
    target = mirrors.fetch(repository.path, workshop.mirror, "main")
    reviews.request_changes(workshop.narrows, change.id, revision=1, message="Rebase it.")
    [run] = workshop.admit()
    tree = Repository(workshop.tree(run), repository.home)
    for command in (("add", "-A"), ("commit", "-qm", "mine"), ("rebase", "-q", target)):
        tree.git("-c", "user.name=A", "-c", "user.email=a@example.org", *command)
    workshop.finish(run, {"two.txt": "two, rebased\n"})
    second = read(workshop, change, 2)
    assert revisions.get(workshop.narrows, change.id, 2).base == target
    assert [row.path for row in comparisons.outline(workshop.narrows, second)] == ["notes.txt", "one.txt", "two.txt"]
    assert marked(workshop, second) == ["one.txt"], "notes.txt is read against another base now"


def test_what_was_read_since_a_revision_is_a_mark_of_its_own(workshop: Workshop, change: Change) -> None:
    again(workshop, change, {"one.txt": "one, again\n"})
    since = read(workshop, change, 2, since=1)
    assert [row.path for row in comparisons.outline(workshop.narrows, since)] == ["one.txt"]
    mark(workshop, since, "one.txt")
    assert marked(workshop, since) == ["one.txt"]
    assert marked(workshop, read(workshop, change, 2)) == [], "the whole file was not read"


def test_a_new_mode_is_seen_again(workshop: Workshop, change: Change) -> None:
    mark(workshop, read(workshop, change, 1), "one.txt", "two.txt")
    reviews.request_changes(workshop.narrows, change.id, revision=1, message="Make it run.")
    [run] = workshop.admit()
    (workshop.tree(run) / "one.txt").chmod(0o755)
    workshop.finish(run, {})
    assert marked(workshop, read(workshop, change, 2)) == ["two.txt"]


def test_marks_of_one_project_say_nothing_in_another(workshop: Workshop, change: Change) -> None:
    first = read(workshop, change, 1)
    mark(workshop, first, "one.txt")
    elsewhere = Comparison(first.project_id + 1, 7, 1, first.base_tree, first.tree)
    assert viewed.viewed(workshop.narrows, elsewhere) == set()
