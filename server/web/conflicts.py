"""A change that does not merge with its target: its page, and the ways on from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from markupsafe import Markup

from server.domain.base import shown
from server.domain.errors import NarrowsError, NotFound
from server.domain.states import ChangeState
from server.services import conflicts, desk, drafts, rebases, reviews
from server.services.conflicts import Conflict
from server.services.narrows import Narrows
from server.services.rebases import Conflicting
from server.web import looks, rendering, sheet
from server.web.context import NarrowsDep
from server.web.sheet import Bar

router = APIRouter()
Number = Annotated[int | None, Query(ge=0, le=2**31)]


@dataclass(frozen=True)
class Column:
    """A place as one side has it: whose it is, which lines, and these as safe HTML."""

    title: str
    where: str
    html: Markup


@dataclass(frozen=True)
class Clash:
    """A file that does not merge, for the page."""

    position: int
    name: str
    kind: str
    how: str
    why: str
    left_out: bool
    places: list[list[Column]]


@router.get("/changes/{change_id}/conflict")
def show(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    before: Annotated[int | None, Query(alias="with", ge=0, le=2**63 - 1)] = None,
    file: Number = None,
) -> Response:
    """What does not merge, or would not once another change has landed.

    Args:
        before: The change that lands before it.
        file: The position of the one file whose lines are wanted, however many.
    """
    try:
        found = conflicts.of_change(narrows, change_id, before=before, only=file)
    except NotFound:
        raise
    except NarrowsError as error:
        return _change(request, narrows, change_id, error)
    return _page(request, narrows, found, file)


@router.post("/changes/{change_id}/conflict")
def send(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    revision: Annotated[int, Form()],
    message: Annotated[str, Form()] = "",
) -> Response:
    """To its agent, with the drafted comments; its worktree is brought onto the target before its turn."""
    said = message.replace("\r\n", "\n")
    try:
        reviews.request_changes(narrows, change_id, revision=revision, message=said, onto_target=True)
    except NarrowsError as error:
        return _again(request, narrows, change_id, said, error)
    for key in drafts.find(narrows, _keys(change_id)):
        drafts.forget(narrows, key)
    return rendering.go(request, f"/?done=sent-{change_id}")


@router.post("/changes/{change_id}/rebase")
def bring_up(request: Request, narrows: NarrowsDep, change_id: int, revision: Annotated[int, Form()]) -> Response:
    """Onto the target as it is now, as the next revision; where it conflicts, on to the conflict."""
    try:
        rebases.bring_up(narrows, change_id, revision=revision)
    except Conflicting:
        return rendering.go(request, f"/changes/{change_id}/conflict")
    except NarrowsError as error:
        return _change(request, narrows, change_id, error)
    return rendering.go(request, f"/changes/{change_id}?done=rebased-{change_id}")


def _change(request: Request, narrows: Narrows, change_id: int, error: NarrowsError) -> Response:
    """The change itself, and what went wrong."""
    made = sheet.build(narrows, change_id, looks.liked(narrows))
    return sheet.response(request, narrows, made, Bar(error=error), status=error.status)


def _again(request: Request, narrows: Narrows, change_id: int, typed: str, error: NarrowsError) -> Response:
    """The conflict with what was typed and why it was refused; where it can't be looked at any more, the form that
    sends back.
    """
    try:
        found = conflicts.of_change(narrows, change_id)
    except NarrowsError:
        made = sheet.build(narrows, change_id, looks.liked(narrows))
        bar = Bar("send back", typed, error=error, onto_target=True)
        return sheet.response(request, narrows, made, bar, status=error.status)
    return _page(request, narrows, found, typed=typed, error=error)


def _page(
    request: Request,
    narrows: Narrows,
    found: Conflict,
    only: int | None = None,
    *,
    typed: str = "",
    error: NarrowsError | None = None,
) -> Response:
    key = f"{_keys(found.change.id)}{found.target[:12]}"
    waits = found.change.state is ChangeState.IN_REVIEW and found.before is None
    return rendering.page(
        request,
        narrows,
        "conflicts/show.html",
        status=error.status if error else 200,
        found=found,
        files=list(_files(found)),
        ahead=conflicts.in_line(narrows, found.change.id) if found.clean and not found.before else [],
        only=only,
        seen=desk.sheet(narrows, found.change.id),
        sends=waits and not found.clean,
        brings=waits and found.clean and found.moved > 0 and found.revision.report is None,
        key=key,
        message=typed or drafts.find(narrows, key).get(key, "") or (conflicts.told(found) if waits else ""),
        error=error,
    )


def _keys(change_id: int) -> str:
    """What is typed belongs to the conflict that it is about: another target gives another text."""
    return f"change/{change_id}/conflict/"


def _called(file: conflicts.File, side: str) -> str:
    """What a side calls the file, where that is not what it would be called."""
    there = getattr(file.found, side)
    return f", as {shown(there.path)}" if there and there.path != file.found.path else ""


def _files(found: Conflict) -> Iterable[Clash]:
    branch = found.project.target_branch
    titles = {"base": "Before", "target": f"On {branch}", "change": "In this change"}
    if found.before:
        titles["target"] = f"On {branch}, once #{found.before.id} has landed"
    for file in found.files:
        yield Clash(
            position=file.position,
            name=shown(file.found.path),
            kind=file.found.kind.value,
            how=conflicts.how(file.found, branch),
            why=file.why,
            left_out=file.left_out,
            places=[
                [
                    Column(
                        titles[each.side] + _called(file, each.side),
                        conflicts.where(each.lines) if each.lines is not None else "",
                        Markup(each.html),  # made safe when it was made
                    )
                    for each in place.columns
                ]
                for place in file.places
            ],
        )
