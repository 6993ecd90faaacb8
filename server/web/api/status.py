"""How it stands: what waits, what works, and whether anything keeps new work from starting."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from server.services import cleaning, desk, room, trash, workers
from server.web.api.answers import Answer, BudgetAnswer
from server.web.context import NarrowsDep

router = APIRouter(prefix="/status", tags=["status"])


class StatusAnswer(Answer):
    waiting: int
    working: int
    queued: int
    budget: BudgetAnswer
    engine: str = Field(description="Why nothing is worked on; empty where an engine is at work.")
    shortage: str = Field(description="Why nothing new starts for want of room on the disk; empty where there is room.")
    free: int = Field(description="Megabytes that are free where the data is.")
    trash: int = Field(description="How many things are in the trash.")
    trash_size: int = Field(description="Bytes that only the trash holds, about.")
    unsaved: list[str] = Field(description="Worktrees that can't be saved, and so are not touched.")


@router.get("", summary="How it stands")
def show(narrows: NarrowsDep) -> StatusAnswer:
    seen, items = desk.desk(narrows, limit=1), trash.every(narrows)
    return StatusAnswer(
        waiting=seen.waiting_count,
        working=seen.working,
        queued=seen.queued,
        budget=BudgetAnswer.model_validate(seen.budget),
        engine=workers.missing(narrows),
        shortage=seen.shortage,
        free=room.free(narrows),
        trash=len(items),
        trash_size=sum(item.row.size for item in items),
        unsaved=[f"{one.tree}: {one.why}" for one in cleaning.unsaved(narrows)],
    )
