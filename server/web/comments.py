"""Comments on lines, on files and on a change."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from server.domain.errors import Invalid, NarrowsError
from server.domain.review import Comment, CommentState
from server.services import drafts, reviews, revisions
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep
from server.web.reader import Place

router = APIRouter()


@router.get("/changes/{change_id}/comments/new")
def ask(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    revision: int,
    position: int | None = None,
    side: str = "new",
    line: int | None = None,
    end_line: int | None = None,
) -> Response:
    """The form for a comment, filled with what was typed there before."""
    place = Place(change_id, revision, position, side, line, end_line)
    body = drafts.find(narrows, place.key).get(place.key, "")
    return _form(request, narrows, place, body)


@router.post("/changes/{change_id}/comments")
def write(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    revision: Annotated[int, Form()],
    position: Annotated[str, Form()] = "",
    side: Annotated[str, Form()] = "new",
    line: Annotated[str, Form()] = "",
    end_line: Annotated[str, Form()] = "",
    body: Annotated[str, Form()] = "",
) -> Response:
    """A drafted comment."""
    place = Place(change_id, revision, side=side)
    try:
        place = Place(
            change_id,
            revision,
            _number("position", position),
            side,
            _number("line", line),
            _number("end_line", end_line),
        )
        path = None
        if place.position is not None:
            path = revisions.file(narrows, revisions.get(narrows, change_id, revision), place.position).path
        made = reviews.comment(
            narrows,
            change_id,
            revision=revision,
            body=body.replace("\r\n", "\n"),
            path=path,
            side=side,
            line=place.line,
            end_line=place.end_line,
        )
    except NarrowsError as error:
        return _form(request, narrows, place, body, error)
    drafts.forget(narrows, place.key)
    return _shown(request, narrows, made)


@router.get("/comments/{comment_id}")
def show(request: Request, narrows: NarrowsDep, comment_id: int) -> Response:
    """A comment as it stands."""
    return _shown(request, narrows, reviews.get_comment(narrows, comment_id))


@router.get("/comments/{comment_id}/edit")
def ask_edit(request: Request, narrows: NarrowsDep, comment_id: int) -> Response:
    """The form that changes a draft."""
    comment = reviews.get_comment(narrows, comment_id)
    return _edit(request, narrows, comment, comment.body)


@router.post("/comments/{comment_id}")
def edit(request: Request, narrows: NarrowsDep, comment_id: int, body: Annotated[str, Form()] = "") -> Response:
    """Say a draft differently."""
    try:
        return _shown(request, narrows, reviews.edit_comment(narrows, comment_id, body.replace("\r\n", "\n")))
    except NarrowsError as error:
        return _edit(request, narrows, reviews.get_comment(narrows, comment_id), body, error)


@router.post("/comments/{comment_id}/deletion")
def delete(request: Request, narrows: NarrowsDep, comment_id: int) -> Response:
    """Take a draft back."""
    comment = reviews.delete_comment(narrows, comment_id)
    if rendering.partial(request):
        return rendering.fragment(request, "comments/_gone.html", drafted=_drafted(narrows, comment.change_id))
    return rendering.go(request, _sheet(comment))


@router.post("/comments/{comment_id}/resolution")
def resolve(request: Request, narrows: NarrowsDep, comment_id: int) -> Response:
    """The person is content."""
    return _shown(request, narrows, reviews.resolve_comment(narrows, comment_id))


def _shown(request: Request, narrows: Narrows, comment: Comment) -> Response:
    if rendering.partial(request):
        drafted = _drafted(narrows, comment.change_id)
        return rendering.fragment(request, "comments/_answer.html", comment=comment, drafted=drafted)
    return rendering.go(request, f"{_sheet(comment)}#comment-{comment.id}")


def _form(request: Request, narrows: Narrows, place: Place, body: str, error: NarrowsError | None = None) -> Response:
    status = error.status if error else 200
    here: dict[str, Any] = {"place": place, "body": body, "error": error}
    if rendering.partial(request):
        return rendering.fragment(request, "comments/_form.html", status=status, **here)
    return rendering.page(request, narrows, "comments/new.html", status=status, **here)


def _edit(
    request: Request, narrows: Narrows, comment: Comment, body: str, error: NarrowsError | None = None
) -> Response:
    status = error.status if error else 200
    here: dict[str, Any] = {"comment": comment, "body": body, "error": error}
    if rendering.partial(request):
        return rendering.fragment(request, "comments/_edit.html", status=status, **here)
    return rendering.page(request, narrows, "comments/edit.html", status=status, **here)


def _drafted(narrows: Narrows, change_id: int) -> int:
    return sum(c.state is CommentState.DRAFT for c in reviews.comments(narrows, change_id))


def _sheet(comment: Comment) -> str:
    return f"/changes/{comment.change_id}?revision={comment.revision}"


def _number(field: str, text: str) -> int | None:
    """A field that may be empty, as a number."""
    if not text.strip():
        return None
    if not text.strip().isdecimal():
        raise Invalid(field, f"{text!r} is no number.", "Type digits, or leave it empty.")
    return int(text)
