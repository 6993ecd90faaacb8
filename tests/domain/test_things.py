"""What a thing knows of itself, apart from its state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.domain.base import now, shown
from server.domain.change import Change, Revision, reading_minutes
from server.domain.check import Check
from server.domain.diff import FileDiff, FileStatus
from server.domain.errors import Blocked, GitError, Invalid, NarrowsError, NotFound, Refused, Unavailable, WrongState
from server.domain.file_row import FileRow
from server.domain.landing import Landing
from server.domain.project import DEFAULT_INCLUDE, LandingMethod, Project
from server.domain.review import Comment, CommentState
from server.domain.run import Run
from server.domain.states import ChangeState, CheckState, LandingState, RunState


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (NarrowsError, 400, "unusable"),
        (NotFound, 404, "unknown"),
        (WrongState, 409, "wrong_state"),
        (Blocked, 409, "blocked"),
        (Refused, 403, "refused"),
        (Unavailable, 503, "unavailable"),
        (GitError, 500, "git"),
    ],
)
def test_an_error_is_a_sentence_a_next_step_and_a_word_for_scripts(
    kind: type[NarrowsError], status: int, code: str
) -> None:
    error = kind("It went wrong.", "Try again.")
    assert (str(error), error.status, error.code) == ("It went wrong. Try again.", status, code)
    assert str(kind("It went wrong.")) == "It went wrong."


def test_an_error_may_have_a_word_of_its_own_without_giving_it_to_others() -> None:
    assert NarrowsError("No.", code="bare").code == "bare"
    assert NarrowsError("No.").code == "unusable"


def test_an_invalid_field_is_named() -> None:
    error = Invalid("title", "A task needs a title.")
    assert (error.field, error.status) == ("title", 422)


@pytest.mark.parametrize(
    ("files", "lines", "minutes"), [(0, 0, 1.0), (1, 1, 1.0), (1, 20, 3.5), (4, 200, 32.0), (40, 800, 140.0)]
)
def test_reading_takes_an_hour_for_four_hundred_lines_and_half_a_minute_for_a_file(
    files: int, lines: int, minutes: float
) -> None:
    assert reading_minutes(files, lines) == minutes


@pytest.mark.parametrize(
    ("name", "text"),
    [("plain.txt", "plain.txt"), ("ümlaut", "ümlaut"), ("a\nb\x1b[0m", "a\\nb\\x1b[0m"), ("caf\udce9", "caf\\xe9")],
)
def test_any_file_name_can_be_shown_on_one_line(name: str, text: str) -> None:
    assert shown(name) == text


def test_this_moment_is_aware_and_in_utc() -> None:
    assert now().utcoffset() == timedelta(0)


def test_projects_share_no_default_list() -> None:
    first = Project(name="a", path="/a", target_branch="main")
    first.include.append("more")
    assert Project(name="b", path="/b", target_branch="main").include == DEFAULT_INCLUDE


def test_a_revision_names_the_ref_that_holds_it() -> None:
    revision = Revision(change_id=3, run_id=1, number=2, commit="c", tree="t", base="b", base_tree="bt")
    assert revision.ref == "refs/narrows/changes/3/2"


def test_a_change_that_goes_back_to_its_agent_is_no_longer_put_off() -> None:
    change = Change(task_id=1, project_id=1, agent="demo", state=ChangeState.IN_REVIEW, note="Its checks are red.")
    change.put_off()
    change.resume()
    assert (change.later_at, change.note) == (None, "")


def test_a_change_that_was_undone_goes_to_the_end_of_the_desk() -> None:
    change = Change(task_id=1, project_id=1, agent="demo", state=ChangeState.LANDED)
    change.undo()
    assert change.note == "Its landing was undone."
    assert change.later_at is not None


def test_a_run_knows_how_long_it_has_worked() -> None:
    run = Run(change_id=1, task_id=1, project_id=1, agent="demo", prompt="p")
    before = run.seconds
    run.start()
    assert run.started_at is not None
    run.started_at -= timedelta(seconds=90)
    during = run.seconds
    run.end(RunState.FAILED, "It broke.")
    assert run.ended_at is not None
    assert before is None
    assert during is not None
    assert 90 <= during <= (run.ended_at - run.started_at).total_seconds()
    assert run.seconds == (run.ended_at - run.started_at).total_seconds()


@pytest.mark.parametrize("state", list(RunState))
def test_a_run_is_over_once_it_leads_nowhere(state: RunState) -> None:
    run = Run(change_id=1, task_id=1, project_id=1, agent="demo", prompt="p", state=state)
    assert run.over is (state not in (RunState.QUEUED, RunState.RUNNING))


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING])
def test_a_run_handed_over_is_another_attempt_and_nobodys(state: RunState) -> None:
    run = Run(change_id=1, task_id=1, project_id=1, agent="demo", prompt="p", state=state, executor="dead")
    run.hand_over()
    assert (run.state, run.attempt, run.executor, run.started_at) == (RunState.QUEUED, 2, None, None)


def test_a_check_is_red_until_another_result_counts() -> None:
    check = Check(project_id=1, tree="t", position=0, command="false", state=CheckState.RUNNING)
    check.end(CheckState.FAILED, exit_code=3, seconds=0.5)
    assert (check.red, check.exit_code, check.seconds) == (True, 3, 0.5)
    check.superseded = True
    assert not check.red


def test_a_landing_counts_how_often_it_was_built() -> None:
    landing = Landing(
        change_id=1, project_id=1, revision_id=1, target_branch="main", method=LandingMethod.SQUASH, message="m"
    )
    landing.start()
    landing.build("old", ["new"], "tree")
    landing.build("newer", ["between", "newest"], "tree2")
    assert (landing.tries, landing.old, landing.commit, landing.tree) == (2, "newer", "newest", "tree2")
    landing.land({"landed": {}})
    landing.ask_undo()
    landing.stay("Later commits changed the same lines.")
    assert (landing.state, landing.undo_asked) == (LandingState.LANDED, False)
    landing.ask_undo()
    assert (landing.error, landing.executor) == ("", None)
    landing.undo("back")
    assert (landing.undo_asked, landing.undo_commit) == (False, "back")


def test_a_comment_is_edited_until_it_was_sent() -> None:
    comment = Comment(change_id=1, revision=1, body="Louder.")
    comment.edit("Louder, please.")
    comment.send()
    with pytest.raises(WrongState, match="was sent"):
        comment.edit("Softer.")
    comment.resolve()
    assert (comment.body, comment.state) == ("Louder, please.", CommentState.RESOLVED)


def test_a_file_of_a_diff_survives_its_row() -> None:
    file = FileDiff(
        path="caf\udce9",
        old_path=None,
        status=FileStatus.ADDED,
        old_mode="000000",
        new_mode="100644",
        old_blob="0" * 40,
        new_blob="1" * 40,
        additions=None,
        deletions=None,
        similarity=None,
        text=b"GIT binary patch\n\x00",
    )
    assert FileRow.of("base", "head", 0, file).diff == file
    assert file.binary


def test_landings_stand_in_the_order_of_clicks_and_taking_back_behind_them() -> None:
    def landing(number: int, **fields: Any) -> Landing:
        return Landing(
            id=number,
            change_id=1,
            project_id=1,
            revision_id=1,
            target_branch="main",
            method=LandingMethod.SQUASH,
            message="m",
            **fields,
        )

    asked = {"undo_asked": True, "undo_after": 3}
    line = [landing(4), landing(1, **asked), landing(3), landing(2, **asked)]
    assert [each.id for each in sorted(line, key=lambda each: each.place)] == [3, 2, 1, 4]


def test_what_is_being_moved_cant_be_taken_out_of_the_line() -> None:
    landing = Landing(
        id=1, change_id=1, project_id=1, revision_id=1, target_branch="main", method=LandingMethod.SQUASH, message="m"
    )
    landing.start()
    landing.build("old", ["new"], "tree")
    landing.set_out()
    with pytest.raises(WrongState, match="is being moved just now"):
        landing.cancel()
    landing.build("newer", ["newest"], "tree")
    landing.cancel()
    assert landing.state is LandingState.CANCELLED
