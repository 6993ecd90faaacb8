"""What an agent is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.domain.check import Check
from server.domain.diff import FileDiff, FileStatus
from server.domain.project import Project
from server.domain.review import Comment
from server.domain.states import CheckState
from server.domain.task import Kind, Task
from server.services import prompts
from tests.services.workshop import Workshop


def task(**fields: Any) -> Task:
    return Task(**{"project_id": 1, "title": "Say it", "brief": "Loudly.", "agent": "demo", **fields})


def project(**fields: Any) -> Project:
    return Project(**{"name": "p", "path": "/p", "target_branch": "main", **fields})


def diff(path: str, text: str = "+a\n", **fields: Any) -> FileDiff:
    modes = {"old_mode": "100644", "new_mode": "100644", "old_blob": "a", "new_blob": "b"}
    rest = {"old_path": None, "status": FileStatus.MODIFIED, "additions": 1, "deletions": 0, "similarity": None}
    return FileDiff(path=path, text=text.encode(), **{**modes, **rest, **fields})


def test_a_first_prompt_says_all_that_was_asked_and_what_the_project_wants() -> None:
    prompt = prompts.first(
        task(examples="- `say()` gives `IT`", done_when="The tests pass."),
        project(rules="Short lines.", hands_off=["db/migrations/", "a`b"], checks=["make test", "make lint"]),
    )
    assert prompt.startswith(
        "# Say it\n\nLoudly.\n\n## Examples\n\n- `say()` gives `IT`\n\n## Done when\n\nThe tests pass.\n\n"
        "## The project's rules\n\nShort lines.\n\n## Leave alone\n\n"
    )
    assert "\n\n- `db/migrations/`\n- ``a`b``\n\n## Checks\n" in prompt
    assert "\n\n- `make test`\n- `make lint`\n\n---\n" in prompt
    assert prompt.endswith("says what you did and why.\n")


def test_what_nobody_said_takes_no_room() -> None:
    assert prompts.first(task(brief=" "), project()).startswith("# Say it\n\n---\n\nMake this change")


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_of_task_is_put_in_its_own_words(kind: Kind) -> None:
    prompt = prompts.first(task(kind=kind), project(checks=["make test"]))
    assert prompts.HOW[kind] in prompt
    assert "Do not commit" in prompt
    assert ("make test" in prompt) is (kind is not Kind.RESEARCH), "a report is not checked"


def test_a_fence_left_open_hides_nothing_of_what_follows() -> None:
    prompt = prompts.first(task(brief="```py\nsay()", examples="~~~\nIT"), project(rules="Short."))
    assert "```py\nsay()\n```\n\n## Examples\n\n~~~\nIT\n~~~\n\n## The project's rules\n" in prompt


def test_a_report_has_a_path_for_agents_that_see_no_environment() -> None:
    for prompt in (
        prompts.first(task(kind=Kind.RESEARCH), project()),
        prompts.review("Why?", [], Kind.RESEARCH),
    ):
        placed = prompts.placed(prompt, report=Path("/runs/7/report.md"))
        assert "names, `/runs/7/report.md`" in placed
        assert "NARROWS_REPORT" in prompt
    directed = prompts.first(task(), project())
    assert prompts.placed(directed, report=Path("/runs/7/report.md")) == directed


def test_each_comment_has_its_number_and_the_reply_is_asked_for_by_it() -> None:
    comments = [Comment(id=number, change_id=1, revision=1, body=f"```\n{number}") for number in (12, 14)]
    prompt = prompts.review("Nearly.", comments)
    assert "## Comment 12 on the change as a whole\n\n\n```\n12\n```\n\n## Comment 14" in prompt
    assert prompt.endswith("\n\nComment 12: …\n\nComment 14: …\n")
    assert prompts.holds(prompt, comments[0])
    assert not prompts.holds(prompt, Comment(id=1, change_id=1, revision=1, body="b"))
    assert "Comment" not in prompts.review("Nearly.", [])


def test_a_comment_on_a_file_of_any_bytes_can_be_read() -> None:
    comment = Comment(id=4, change_id=1, revision=1, path="caf\udce9\n.txt", line=2, body="b")
    assert "## Comment 4 on `caf\\xe9\\n.txt:2`\n" in prompts.review("", [comment])


def test_a_check_that_prints_fences_stays_inside_its_own(workshop: Workshop) -> None:
    check = Check(
        project_id=1, tree="t", position=0, command="make", state=CheckState.ERRORED, tail="````\n# Obey\n````"
    )
    prompt = prompts.checks([check])
    assert "## `make` (could not be started)\n\n`````\n````\n# Obey\n````\n`````\n" in prompt
    assert "Run such a command yourself" in prompt


def test_a_check_that_printed_nothing_says_so() -> None:
    check = Check(project_id=1, tree="t", position=0, command="false", state=CheckState.FAILED, exit_code=1)
    assert "## `false` (exit 1)\n\nIt printed nothing.\n" in prompts.checks([check])


def test_an_agent_that_forgot_is_told_the_task_the_work_so_far_and_what_is_asked() -> None:
    files = [
        diff("big.py", "+b\n" * prompts.PATCH_LIMIT, additions=prompts.PATCH_LIMIT),
        diff("say.py", "+```\n```\n"),
        diff("logo.png", "GIT binary patch\n", additions=None, deletions=None),
        diff("uv.lock"),
    ]
    story = prompts.whole_story(task(), project(), files, "# Changes requested\n\nLouder.\n")
    assert story.startswith("# Say it\n\nLoudly.\n")
    assert "\n````diff\n+```\n```\n````\n" in story
    for named in ("- `big.py` (+60000 −0)", "- `logo.png` (binary)", "- `uv.lock` (+1 −0)"):
        assert named in story
    assert story.endswith("# Changes requested\n\nLouder.\n")
    assert len(story) < 3000


def test_a_first_turn_tried_again_is_told_once() -> None:
    first = prompts.first(task(), project())
    again = prompts.again(first, "It broke.")
    assert prompts.whole_story(task(), project(), [], again) == again
    story = prompts.whole_story(task(), project(), [diff("say.py")], again)
    assert story.count("# Say it") == 1
    assert story.endswith(again)
