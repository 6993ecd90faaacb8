"""What can go wrong in a way that a person can mend: a sentence, the next step, a status code."""

from __future__ import annotations


class NarrowsError(Exception):
    """An expected failure, shown as it is to the person.

    Args:
        message: One sentence that says what happened.
        hint: What to do next, as one sentence; empty when the message says it.
        code: A stable word for scripts; the class's own by default.
    """

    status = 400
    code = "unusable"

    def __init__(self, message: str, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NotFound(NarrowsError):
    """Nothing has this name or number."""

    status = 404
    code = "unknown"


class WrongState(NarrowsError):
    """The move is not allowed from the state that the thing is in; the message names the state."""

    status = 409
    code = "wrong_state"


class Blocked(NarrowsError):
    """A landing has blockers, or warnings that nobody acknowledged."""

    status = 409
    code = "blocked"


class Invalid(NarrowsError):
    """A field can't be used as typed. `field` names it."""

    status = 422
    code = "invalid"

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.field = field


class Refused(NarrowsError):
    """The caller may not do this."""

    status = 403
    code = "refused"


class Unavailable(NarrowsError):
    """Not now: the server is stopping, or the part that would do it is not running."""

    status = 503
    code = "unavailable"


class GitError(NarrowsError):
    """git ended in a way that nobody expected. `stderr` is its own words, for the log."""

    status = 500
    code = "git"

    def __init__(self, message: str, hint: str = "", stderr: str = "") -> None:
        super().__init__(message, hint)
        self.stderr = stderr


class DiskFull(GitError):
    """There is no room on the disk for what was to be written. Nothing is damaged by it."""

    status = 507
    code = "disk_full"

    def __init__(self, stderr: str = "") -> None:
        super().__init__("The disk is full.", "Free some space, or empty the trash, then try again.", stderr)
