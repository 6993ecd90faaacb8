"""What went wrong in background work, as a sentence for the person."""

from __future__ import annotations

import errno
import logging

from sqlalchemy.exc import OperationalError

from server.domain.errors import NarrowsError

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
log = logging.getLogger(__name__)


def explain(error: Exception, what: str) -> str:
    """The sentence for an error that ended `what` ("run 7"). Anything but a refusal is written to the log as well."""
    if isinstance(error, NarrowsError):
        return str(error)
    log.error("%s failed", what, exc_info=error)
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        hint = "Make room on the disk" if error.errno in DISK else "See to it"
        return f"The system refused: {error.strerror}{where}. {hint}, then try again."
    if isinstance(error, OperationalError):
        return f"The database can't be written: {error.orig}. Make room on the disk if it is full, then try again."
    return "Narrows itself failed; its log says how."
