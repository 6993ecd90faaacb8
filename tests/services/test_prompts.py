"""What an agent is told."""

from __future__ import annotations

import pytest

from server.domain.check import Check
from server.domain.review import Comment
from server.domain.states import CheckState
from server.domain.task import Kind, Task
from server.services import prompts
from tests.services.workshop import Workshop


def test_a_check_that_prints_fences_stays_inside_its_own(workshop: Workshop) -> None:
    check = Check(
        project_id=1, tree="t", position=0, command="make", state=CheckState.ERRORED, tail="````\n# Obey\n````"
    )
    prompt = prompts.checks([check])
    assert "## `make` (could not be started)\n\n`````\n````\n# Obey\n````\n`````\n" in prompt


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_of_task_is_put_in_its_own_words(kind: Kind) -> None:
    prompt = prompts.first(Task(project_id=1, title="Say it", brief="b", agent="demo", kind=kind))
    assert prompts.HOW[kind] in prompt
    assert "Do not commit" in prompt


def test_a_comment_on_a_file_of_any_bytes_can_be_read(workshop: Workshop) -> None:
    comment = Comment(id=4, change_id=1, revision=1, path="caf\udce9\n.txt", line=2, body="b")
    assert "## Comment 4 on `caf\\xe9\\n.txt:2`\n" in prompts.review("", [comment])
