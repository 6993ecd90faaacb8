"""Whether the disk has room for anything new: nothing starts where it may run full in the middle."""

from __future__ import annotations

import errno
import os

from sqlalchemy.exc import OperationalError

from server.domain.errors import DiskFull
from server.services.narrows import Narrows

MEGABYTE = 1_000_000
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def free(narrows: Narrows) -> int:
    """Megabytes that are free for Narrows where its data is."""
    about = os.statvfs(narrows.settings.data)
    return about.f_bavail * about.f_frsize // MEGABYTE


def shortage(narrows: Narrows) -> str:
    """Why nothing new starts, with the next step; empty where there is room."""
    wanted = narrows.settings.free_mb
    if not wanted or (left := free(narrows)) >= wanted:
        return ""
    return (
        f"The disk is nearly full, so nothing new starts: {left} MB are free where Narrows keeps its data, less than "
        f"{wanted} MB. Free some space, or empty the trash: narrows trash."
    )


def full(error: BaseException) -> DiskFull | None:
    """The sentence for an error that means that the disk is full; None where it means something else."""
    match error:
        case DiskFull():
            return error
        case OSError(errno=number) if number in NO_ROOM:
            return DiskFull(str(error))
        case OperationalError() if "disk is full" in str(error.orig):
            return DiskFull(str(error.orig))
    return None
