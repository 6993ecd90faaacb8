"""What a person is told when background work fails."""

from __future__ import annotations

import errno

import pytest
from sqlalchemy.exc import OperationalError

from server.domain.errors import GitError
from server.engine.trouble import explain


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (GitError("git said no.", "Ask it nicely."), "git said no. Ask it nicely."),
        (
            OSError(errno.ENOSPC, "No space left on device", "/data/x"),
            "The disk is full. Free some space, or empty the trash, then try again.",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "The system refused: Permission denied. See to it, then try again.",
        ),
        (
            OperationalError("UPDATE", None, Exception("disk I/O error")),
            "The database can't be written: disk I/O error. See to it, then try again.",
        ),
        (
            OperationalError("UPDATE", None, Exception("database or disk is full")),
            "The disk is full. Free some space, or empty the trash, then try again.",
        ),
        (RuntimeError("a mistake"), "Narrows itself failed; its log says how."),
    ],
)
def test_an_error_becomes_a_sentence_with_a_next_step(error: Exception, sentence: str) -> None:
    assert explain(error, "run 1") == sentence
