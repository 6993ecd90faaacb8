"""What was done since a revision that the person knows, whatever became of the base in between."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from server.domain.change import Change, Revision
from server.domain.diff import Comparison
from server.domain.errors import NotFound
from server.domain.event import Actor
from server.domain.review import Review, Verdict
from server.git import commands, mirrors
from server.services import changes, clocks, comparisons, events, reviews, revisions
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.repositories import Repository, environment

NOTES = "".join(f"line {n}\n" for n in range(1, 21))
MINE = NOTES.replace("line 15\n", "line 15, said\n")
BETTER = NOTES.replace("line 15\n", "line 15, well said\n")
THEIRS = NOTES.replace("line 2\n", "line 2, from the base\n")


@pytest.fixture
def change(workshop: Workshop, repository: Repository) -> Change:
    """In review, with one revision of one line in the middle of a file."""
    repository.commit("notes", {"notes.txt": NOTES})
    return workshop.change({"notes.txt": MINE})


def move_base(workshop: Workshop, repository: Repository, text: str) -> None:
    """The target branch moves on, in the same file and in one of its own."""
    repository.commit("moved on", {"notes.txt": text, "elsewhere.txt": "from the base\n"})
    mirrors.fetch(repository.path, workshop.mirror, "main")


def answer(workshop: Workshop, change: Change, files: Mapping[str, str | None], *, rebase: bool = False) -> Revision:
    """The change is sent back, and the agent answers; before it does, it goes to the target branch's newest commit."""
    newest = revisions.of_change(workshop.narrows, change.id)[-1]
    reviews.request_changes(workshop.narrows, change.id, revision=newest.number, message="Better.")
    [run] = workshop.admit()
    if rebase:
        go_to_main(workshop.tree(run), workshop.narrows.settings.data)
    workshop.finish(run, files)
    return revisions.of_change(workshop.narrows, change.id)[-1]


def go_to_main(tree: Path, home: Path) -> None:
    command = ("git", "-C", tree, "reset", "--quiet", "--hard", "main")
    subprocess.run(command, check=True, env=environment(home))


def since(narrows: Narrows, change: Change, earlier: int) -> Comparison:
    newest = revisions.of_change(narrows, change.id)[-1]
    return comparisons.of(narrows, changes.get(narrows, change.id), newest, earlier)


def test_on_the_same_base_it_is_what_differs_between_the_two(workshop: Workshop, change: Change) -> None:
    answer(workshop, change, {"notes.txt": BETTER})
    compared = since(workshop.narrows, change, 1)
    assert compared.since == 1
    (file,) = comparisons.files(workshop.narrows, compared)
    assert b"\n-line 15, said\n+line 15, well said\n" in file.text
    whole = comparisons.of(workshop.narrows, change, revisions.get(workshop.narrows, change.id, 2))
    assert b"\n-line 15\n+line 15, well said\n" in comparisons.patch(workshop.narrows, whole)


def test_what_only_the_base_changed_is_left_out(workshop: Workshop, change: Change, repository: Repository) -> None:
    """In the agent's own file the base changed a line as well; only the agent's line is told."""
    move_base(workshop, repository, THEIRS)
    both = BETTER.replace("line 2\n", "line 2, from the base\n")
    answer(workshop, change, {"notes.txt": both}, rebase=True)
    compared = since(workshop.narrows, change, 1)
    assert compared.blurred == frozenset()
    (file,) = comparisons.files(workshop.narrows, compared)
    assert (file.path, file.additions, file.deletions) == ("notes.txt", 1, 1)
    assert b"\n-line 15, said\n+line 15, well said\n" in file.text
    assert b"from the base" not in file.text


def test_a_revision_that_only_went_to_the_new_base_differs_in_nothing(
    workshop: Workshop, change: Change, repository: Repository
) -> None:
    move_base(workshop, repository, THEIRS)
    answer(workshop, change, {"notes.txt": MINE.replace("line 2\n", "line 2, from the base\n")}, rebase=True)
    assert comparisons.outline(workshop.narrows, since(workshop.narrows, change, 1)) == []


def test_where_both_changed_the_same_line_the_file_says_so(
    workshop: Workshop, change: Change, repository: Repository
) -> None:
    move_base(workshop, repository, NOTES.replace("line 15\n", "line 15, from the base\n"))
    answer(workshop, change, {"notes.txt": BETTER}, rebase=True)
    compared = since(workshop.narrows, change, 1)
    assert compared.blurred == {"notes.txt"}
    (file,) = comparisons.files(workshop.narrows, compared)
    assert b"\n-line 15, said\n+line 15, well said\n" in file.text


def test_it_is_compared_once_and_survives_gits_housekeeping(
    workshop: Workshop, change: Change, repository: Repository
) -> None:
    move_base(workshop, repository, THEIRS)
    answer(workshop, change, {"notes.txt": BETTER}, rebase=True)
    first, whole = comparisons.prepare(workshop.narrows, change.id)
    assert (first.since, whole.since) == (1, None), "the page opens on what is new since the judged one"
    before = commands.started()
    assert since(workshop.narrows, change, 1) == first
    assert comparisons.files(workshop.narrows, first) != []
    assert commands.started() == before

    commands.run(workshop.mirror, "gc", "--quiet", "--prune=now")
    held = f"refs/narrows/compared/{change.id}/1-2^{{tree}}"
    assert commands.run(workshop.mirror, "rev-parse", "--verify", held).text == first.base_tree


def test_without_its_mirror_a_page_opens_on_what_is_stored(
    workshop: Workshop, change: Change, repository: Repository
) -> None:
    move_base(workshop, repository, THEIRS)
    answer(workshop, change, {"notes.txt": BETTER}, rebase=True)
    newest = revisions.get(workshop.narrows, change.id, 2)
    (workshop.mirror / "objects").rename(workshop.mirror / "gone")
    (workshop.mirror / "config").unlink()
    opened = comparisons.opening(workshop.narrows, change, newest)
    assert opened.since is None
    assert [row.path for row in comparisons.outline(workshop.narrows, opened)] == ["notes.txt"]


def test_the_earlier_one_must_be_earlier_and_be(workshop: Workshop, change: Change) -> None:
    answer(workshop, change, {"notes.txt": BETTER})
    for number in (0, 2, 3):
        with pytest.raises(NotFound):
            since(workshop.narrows, change, number)


def test_a_files_place_is_found_by_either_name(workshop: Workshop, change: Change) -> None:
    answer(workshop, change, {"notes.txt": None, "kept.txt": MINE, "a.txt": "a\n"})
    compared = since(workshop.narrows, change, 1)
    assert [row.path for row in comparisons.outline(workshop.narrows, compared)] == ["a.txt", "kept.txt"]
    assert {comparisons.find_position(workshop.narrows, compared, name) for name in ("notes.txt", "kept.txt")} == {1}
    assert comparisons.file(workshop.narrows, compared, 1).old_path == "notes.txt"
    with pytest.raises(NotFound):
        comparisons.find_position(workshop.narrows, compared, "README.md")


class TestWhereTheReaderBegins:
    def test_a_first_revision_is_all_new(self, workshop: Workshop, change: Change) -> None:
        assert read_against(workshop, change) is None

    def test_with_the_last_one_that_was_judged(self, workshop: Workshop, change: Change) -> None:
        answer(workshop, change, {"notes.txt": BETTER})
        assert read_against(workshop, change) == 1
        second = revisions.get(workshop.narrows, change.id, 2)
        assert comparisons.opening(workshop.narrows, change, second).since == 1
        answer(workshop, change, {"notes.txt": NOTES + "more\n"})
        assert read_against(workshop, change) == 2
        assert comparisons.opening(workshop.narrows, change, second).since is None, "not the newest any more"

    def test_with_one_that_was_only_read(self, workshop: Workshop, change: Change) -> None:
        unjudged(workshop, change)
        assert read_against(workshop, change) is None
        read(workshop, change, comparisons.READ + 1)
        assert read_against(workshop, change) == 1

    def test_not_with_one_that_was_only_glanced_at_or_put_off(self, workshop: Workshop, change: Change) -> None:
        reviews.later(workshop.narrows, change.id)
        unjudged(workshop, change)
        read(workshop, change, comparisons.READ - 1)
        assert read_against(workshop, change) is None


def read_against(workshop: Workshop, change: Change) -> int | None:
    return comparisons.default_since(workshop.narrows, revisions.of_change(workshop.narrows, change.id)[-1])


def unjudged(workshop: Workshop, change: Change) -> None:
    """A second revision comes without the person having sent the first one back."""
    answer(workshop, change, {"notes.txt": BETTER})
    with workshop.narrows.transaction() as db:
        for review in db.exec(select(Review).where(Review.verdict == Verdict.REQUEST_CHANGES)):
            db.delete(review)
        events.record(db, Actor.YOU, "forgot", change)


def read(workshop: Workshop, change: Change, seconds: float) -> None:
    first = revisions.get(workshop.narrows, change.id, 1)
    clocks.tick(workshop.narrows, first.id, seconds, first.created_at + timedelta(hours=1))


def test_of_reports_their_lines_are_compared(workshop: Workshop) -> None:
    workshop.file("Which parser?", kind="research")
    [run] = workshop.admit()
    change = workshop.finish(run, {}, report="# Parsers\nThe old one.\n")
    reviews.request_changes(workshop.narrows, change.id, revision=1, message="Why?")
    [again] = workshop.admit()
    workshop.finish(again, {}, report="# Parsers\nThe new one.\n")
    second = revisions.get(workshop.narrows, change.id, 2)
    text = comparisons.report(workshop.narrows, change, second, since=1)
    assert text.endswith(b"@@ -1,2 +1,2 @@\n # Parsers\n-The old one.\n+The new one.\n")
    assert comparisons.outline(workshop.narrows, since(workshop.narrows, change, 1)) == []
