"""Comments follow their lines from revision to revision, and none is ever lost."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from server.domain.change import Change
from server.domain.review import Comment, Fit, Side
from server.services import anchors, reviews, revisions
from server.services.anchors import Placed
from server.store import queries
from tests.services.workshop import Workshop

CODE = """\
import re

UNITS = {"s": 1, "m": 60, "h": 3600}


def parse(text):
    match = re.fullmatch(r"([0-9]+)([smh])", text)
    if match is None:
        raise ValueError(text)
    return int(match[1]) * UNITS[match[2]]


def show(seconds):
    return f"{seconds} s"
"""
FILES: dict[str, str | bytes | None] = {"code.py": CODE, "notes.txt": "one\nTWO\nthree\n"}


@pytest.fixture
def change(workshop: Workshop) -> Change:
    return workshop.change(FILES)


def comment(workshop: Workshop, change: Change, revision: int = 1, **place: Any) -> Comment:
    return reviews.comment(workshop.narrows, change.id, revision=revision, body="Why?", **place)


def revise(
    workshop: Workshop, change: Change, files: Mapping[str, str | bytes | None], report: str | None = None
) -> None:
    """Another turn of the agent, which leaves another revision."""
    newest = revisions.of_change(workshop.narrows, change.id)[-1].number
    reviews.request_changes(workshop.narrows, change.id, revision=newest, message="Go on.")
    [run] = workshop.admit()
    workshop.finish(run, files, report=report)


def standing(workshop: Workshop, change: Change, number: int, since: int | None = None) -> dict[int, Placed]:
    return {each.comment.id: each for each in anchors.placed(workshop.narrows, change.id, number, since)}


def where(placed: Placed) -> tuple[str | None, int | None, int | None, Fit | None]:
    return placed.path, placed.line, placed.end_line, placed.fit


def test_each_comment_is_where_its_lines_went(workshop: Workshop, change: Change) -> None:
    head = comment(workshop, change, path="code.py", line=1)
    pattern = comment(workshop, change, path="code.py", line=7)
    body = comment(workshop, change, path="code.py", line=8, end_line=9)
    show = comment(workshop, change, path="code.py", line=14)
    note = comment(workshop, change, path="notes.txt", line=2)
    whole_file = comment(workshop, change, path="code.py")
    general = comment(workshop, change)
    revised = CODE.replace('r"([0-9]+)([smh])", text', 'r"([0-9]+)([smhd])", text.strip()')
    revised = revised.replace("def parse", "# Durations\ndef parse").replace('    return f"{seconds} s"\n', "")
    revise(workshop, change, {"code.py": revised})
    placed = standing(workshop, change, 2)
    assert where(placed[head.id]) == ("code.py", 1, 1, Fit.EXACT)
    assert where(placed[pattern.id]) == ("code.py", 8, 8, Fit.EDITED)
    assert where(placed[body.id]) == ("code.py", 9, 10, Fit.SHIFTED)
    assert placed[show.id].fit is Fit.GONE
    assert where(placed[note.id]) == ("notes.txt", 2, 2, Fit.EXACT)
    assert where(placed[whole_file.id]) == ("code.py", None, None, Fit.EXACT)
    assert where(placed[general.id]) == (None, None, None, Fit.EXACT)
    assert [each.comment.id for each in placed.values() if each.outdated] == [pattern.id, show.id]
    assert {each.fit for each in standing(workshop, change, 1).values()} == {None}, "they were made there"


def test_what_was_gone_is_found_when_it_comes_back(workshop: Workshop, change: Change) -> None:
    note = comment(workshop, change, path="notes.txt", line=2)
    revise(workshop, change, {"notes.txt": "one\nthree\n"})
    revise(workshop, change, {"notes.txt": "zero\none\nTWO\nthree\n"})
    assert standing(workshop, change, 2)[note.id].fit is Fit.GONE
    assert where(standing(workshop, change, 3)[note.id]) == ("notes.txt", 3, 3, Fit.SHIFTED)


def test_over_several_revisions_the_fit_is_to_the_first_lines(workshop: Workshop, change: Change) -> None:
    pattern = comment(workshop, change, path="code.py", line=7)
    edited = CODE.replace("([smh])", "([smhd])")
    revise(workshop, change, {"code.py": edited})
    revise(workshop, change, {"code.py": "# Durations\n" + edited})
    revise(workshop, change, {"code.py": CODE + "\n"})
    later = standing(workshop, change, 3)[pattern.id]
    assert where(later) == ("code.py", 8, 8, Fit.EDITED)
    assert standing(workshop, change, 4)[pattern.id].line == 7


def test_lines_go_along_with_a_renamed_file_and_into_another(workshop: Workshop, change: Change) -> None:
    pattern = comment(workshop, change, path="code.py", line=7)
    whole_file = comment(workshop, change, path="code.py")
    show = comment(workshop, change, path="code.py", line=13, end_line=14)
    head, _, tail = CODE.partition("\n\ndef show")
    revise(workshop, change, {"code.py": None, "durations.py": head, "words.py": f'"""Words."""\n\n\ndef show{tail}'})
    placed = standing(workshop, change, 2)
    assert where(placed[pattern.id]) == ("durations.py", 7, 7, Fit.MOVED)
    assert where(placed[whole_file.id]) == ("durations.py", None, None, Fit.MOVED)
    assert where(placed[show.id]) == ("words.py", 4, 5, Fit.MOVED)


def test_the_bases_lines_keep_their_comments(workshop: Workshop, change: Change) -> None:
    old = comment(workshop, change, path="notes.txt", line=2, side="old")
    revise(workshop, change, {"notes.txt": "one\n"})
    assert where(standing(workshop, change, 2)[old.id]) == ("notes.txt", 2, 2, Fit.EXACT)
    assert standing(workshop, change, 2)[old.id].side is Side.OLD


def test_against_an_earlier_revision_what_is_gone_stands_with_the_old_lines(workshop: Workshop, change: Change) -> None:
    gone = comment(workshop, change, path="code.py", line=14)
    old = comment(workshop, change, path="notes.txt", line=2, side="old")
    revise(workshop, change, {"code.py": CODE.replace('    return f"{seconds} s"\n', "")})
    placed = standing(workshop, change, 2, since=1)
    assert (placed[gone.id].side, *where(placed[gone.id])) == (Side.OLD, "code.py", 14, 14, Fit.GONE)
    assert where(placed[old.id]) == ("notes.txt", None, None, Fit.EXACT)


def test_a_report_keeps_the_comments_on_its_lines(workshop: Workshop) -> None:
    workshop.file(kind="research")
    [run] = workshop.admit()
    change = workshop.finish(run, {}, report="# Findings\n\nIt is slow.\n\nIt is large.\n")
    slow = comment(workshop, change, line=3)
    assert slow.quoted == "It is slow."
    revise(workshop, change, {}, report="# Findings\n\nA word before.\n\nIt is slow.\n")
    assert where(standing(workshop, change, 2)[slow.id]) == (None, 5, 5, Fit.SHIFTED)


def test_a_repository_that_can_not_be_read_loses_no_comment(workshop: Workshop, change: Change) -> None:
    note = comment(workshop, change, path="notes.txt", line=2)
    revise(workshop, change, {"notes.txt": "none\none\nTWO\n"})
    with workshop.narrows.transaction() as db:
        for anchor in list(queries.anchors(db, change.id).values()):
            db.delete(anchor)
    hidden = workshop.mirror.rename(workshop.mirror.with_suffix(".hidden"))
    assert where(standing(workshop, change, 2)[note.id]) == ("notes.txt", 2, 2, Fit.GONE)
    hidden.rename(workshop.mirror)
    assert where(standing(workshop, change, 2)[note.id]) == ("notes.txt", 3, 3, Fit.SHIFTED)


def test_a_draft_that_was_carried_can_be_taken_back(workshop: Workshop, change: Change) -> None:
    revise(workshop, change, {"notes.txt": "none\none\nTWO\n"})
    draft = comment(workshop, change, path="notes.txt", line=2)
    assert standing(workshop, change, 2)[draft.id].line == 3
    reviews.delete_comment(workshop.narrows, draft.id)
    assert standing(workshop, change, 2) == {}


def test_a_suggestion_reaches_the_agent_as_a_patch_that_applies(workshop: Workshop, change: Change) -> None:
    comment(workshop, change, path="notes.txt", line=2)
    stale = reviews.comment(
        workshop.narrows, change.id, revision=1, body="Rather:", path="code.py", line=14, suggestion="    return 1"
    )
    assert stale.body == "Rather:\n\n```suggestion\n    return 1\n```"
    # a comment on the first revision, sent with a verdict on the second one
    newest = revisions.of_change(workshop.narrows, change.id)[-1].number
    run = reviews.request_changes(workshop.narrows, change.id, revision=newest, message="Go on.")
    assert " on `code.py:14`\n" in run.prompt
    [run] = workshop.admit()
    patch = run.prompt.partition("```diff\n")[2].partition("```")[0]
    tree = workshop.tree(run)
    subprocess.run(["git", "-C", str(tree), "apply", "-"], input=patch.encode(), check=True)
    assert (Path(tree) / "code.py").read_text().endswith("def show(seconds):\n    return 1\n")


def test_a_suggestion_on_lines_that_changed_is_told_in_words(workshop: Workshop, change: Change) -> None:
    revise(workshop, change, {"code.py": CODE.replace("{seconds} s", "{seconds} seconds")})
    reviews.comment(
        workshop.narrows, change.id, revision=1, body="", path="code.py", line=14, suggestion="    return 1"
    )
    run = reviews.request_changes(workshop.narrows, change.id, revision=2)
    assert " on `code.py:14` (quoted as in revision 1)\n" in run.prompt
    assert "```suggestion\n    return 1\n```" in run.prompt
    assert "```diff" not in run.prompt
