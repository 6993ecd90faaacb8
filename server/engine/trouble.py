"""What went wrong in background work, as a sentence for the person."""

from __future__ import annotations

import logging

from sqlalchemy.exc import OperationalError

from server.domain.errors import NarrowsError
from server.services import room

log = logging.getLogger(__name__)


def explain(error: Exception, what: str) -> str:
    """The sentence for an error that ended `what` ("run 7"). Anything but a refusal is written to the log as well."""
    if isinstance(error, NarrowsError):
        return str(error)
    log.error("%s failed", what, exc_info=error)
    if told := room.full(error):
        return str(told)
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"The system refused: {error.strerror}{where}. See to it, then try again."
    if isinstance(error, OperationalError):
        return f"The database can't be written: {error.orig}. See to it, then try again."
    return "Narrows itself failed; its log says how."
