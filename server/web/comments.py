"""Comments on lines, on files and on a change."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from server.domain.errors import Invalid, NarrowsError
from server.domain.review import Comment, CommentState
from server.reading import suggestions
from server.services import anchors, drafts, reviews, spots
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
    since: int | None = None,
    report: bool = False,
    suggest: bool = False,
) -> Response:
    """The form for a comment, filled with what was typed there before."""
    place = Place(change_id, revision, position, side, line, end_line, since, report)
    body = drafts.find(narrows, place.key).get(place.key, "")
    if suggest and not any(part.instead is not None for part in suggestions.parts(body)):
        body = _suggesting(narrows, place, body)
    return _form(request, narrows, place, body)


def _suggesting(narrows: Narrows, place: Place, body: str) -> str:
    """What was typed, and a block with the lines to be changed in it."""
    if place.line is None:
        raise Invalid("line", "A suggestion stands on lines, and none were named.", "Name the lines, too.")
    lines = suggestions.fence(reviews.quote(narrows, place.change_id, **_spot(narrows, place))[1])
    return f"{body.rstrip()}\n\n{lines}\n" if body.strip() else f"{lines}\n"


def _spot(narrows: Narrows, place: Place) -> dict[str, Any]:
    """The place as `reviews` takes it."""
    return spots.find(
        narrows,
        place.change_id,
        place.revision,
        since=place.since,
        position=place.position,
        side=place.side,
        line=place.line,
        end_line=place.end_line,
    )._asdict()


class Fields:
    """A comment as it comes from the form."""

    def __init__(
        self,
        revision: Annotated[int, Form()],
        position: Annotated[str, Form()] = "",
        side: Annotated[str, Form()] = "new",
        line: Annotated[str, Form()] = "",
        end_line: Annotated[str, Form()] = "",
        since: Annotated[str, Form()] = "",
        report: Annotated[bool, Form()] = False,
        body: Annotated[str, Form()] = "",
        suggest: Annotated[bool, Form()] = False,
    ) -> None:
        self.revision, self.side, self.report, self.suggest = revision, side, report, suggest
        self.body = body.replace("\r\n", "\n")
        self._numbers = {"position": position, "line": line, "end_line": end_line, "since": since}

    def place(self, change_id: int) -> Place:
        """Raises: Invalid: What should be a number is none."""
        numbers = {field: _number(field, text) for field, text in self._numbers.items()}
        return Place(change_id, self.revision, side=self.side, report=self.report, **numbers)


@router.post("/changes/{change_id}/comments")
def write(request: Request, narrows: NarrowsDep, change_id: int, fields: Annotated[Fields, Depends()]) -> Response:
    """A drafted comment; or its form again, with the lines in it that a suggestion changes."""
    place = Place(change_id, fields.revision, side=fields.side)
    try:
        place = fields.place(change_id)
        if fields.suggest:
            body = _suggesting(narrows, place, fields.body)
            drafts.keep(narrows, place.key, body)
            return _form(request, narrows, place, body)
        made = reviews.comment(narrows, change_id, body=fields.body, **_spot(narrows, place))
    except NarrowsError as error:
        return _form(request, narrows, place, fields.body, error)
    drafts.forget(narrows, place.key)
    if place.since and not rendering.partial(request):
        return rendering.go(request, f"{_sheet(made, place.revision)}&since={place.since}#comment-{made.id}")
    return _shown(request, narrows, made, fields.revision)


@router.get("/comments/{comment_id}")
def show(request: Request, narrows: NarrowsDep, comment_id: int, at: int | None = None) -> Response:
    """A comment as it stands; `at`: the number of the revision that is read."""
    return _shown(request, narrows, reviews.get_comment(narrows, comment_id), at)


@router.get("/comments/{comment_id}/then")
def then(request: Request, narrows: NarrowsDep, comment_id: int) -> Response:
    """The lines that a comment was made on, with those around them, as they were."""
    comment = reviews.get_comment(narrows, comment_id)
    rows = spots.around(narrows, comment)
    if rendering.partial(request):
        return rendering.fragment(request, "comments/_then.html", comment=comment, rows=rows)
    return rendering.page(request, narrows, "comments/then.html", comment=comment, rows=rows)


@router.get("/comments/{comment_id}/reply")
def reply(request: Request, narrows: NarrowsDep, comment_id: int, at: int | None = None) -> Response:
    """The form for another comment on the same lines, as they are now."""
    comment = reviews.get_comment(narrows, comment_id)
    here = _here(narrows, comment, at) or anchors.here(comment, comment.revision)
    position = spots.position(narrows, here)
    place = Place(comment.change_id, here.number)
    if here.path is None or position is not None:
        report = here.path is None and here.line is not None
        place = Place(comment.change_id, here.number, position, here.side, here.line, here.end_line, report=report)
    body = drafts.find(narrows, place.key).get(place.key, "")
    return _form(request, narrows, place, body)


@router.get("/comments/{comment_id}/edit")
def ask_edit(request: Request, narrows: NarrowsDep, comment_id: int, at: int | None = None) -> Response:
    """The form that changes a draft."""
    comment = reviews.get_comment(narrows, comment_id)
    return _edit(request, narrows, comment, comment.body, at)


@router.post("/comments/{comment_id}")
def edit(
    request: Request,
    narrows: NarrowsDep,
    comment_id: int,
    body: Annotated[str, Form()] = "",
    at: int | None = None,
) -> Response:
    """Say a draft differently."""
    try:
        return _shown(request, narrows, reviews.edit_comment(narrows, comment_id, body.replace("\r\n", "\n")), at)
    except NarrowsError as error:
        return _edit(request, narrows, reviews.get_comment(narrows, comment_id), body, at, error)


@router.post("/comments/{comment_id}/deletion")
def delete(request: Request, narrows: NarrowsDep, comment_id: int, at: int | None = None) -> Response:
    """Take a draft back."""
    comment = reviews.delete_comment(narrows, comment_id)
    if rendering.partial(request):
        return rendering.fragment(request, "comments/_gone.html", drafted=_drafted(narrows, comment.change_id))
    return rendering.go(request, _sheet(comment, at))


@router.post("/comments/{comment_id}/resolution")
def resolve(request: Request, narrows: NarrowsDep, comment_id: int, at: int | None = None) -> Response:
    """The person is content."""
    return _shown(request, narrows, reviews.resolve_comment(narrows, comment_id), at)


@router.post("/comments/{comment_id}/reopening")
def reopen(request: Request, narrows: NarrowsDep, comment_id: int, at: int | None = None) -> Response:
    """The person is not content after all."""
    return _shown(request, narrows, reviews.reopen_comment(narrows, comment_id), at)


def _shown(request: Request, narrows: Narrows, comment: Comment, at: int | None) -> Response:
    if rendering.partial(request):
        drafted = _drafted(narrows, comment.change_id)
        here = _here(narrows, comment, at)
        return rendering.fragment(request, "comments/_answer.html", comment=comment, here=here, drafted=drafted)
    return rendering.go(request, f"{_sheet(comment, at)}#comment-{comment.id}")


def _here(narrows: Narrows, comment: Comment, at: int | None) -> anchors.Placed | None:
    """Where it stands in the revision that is read; None where that is not said, or is an earlier one."""
    if at is None or at < comment.revision:
        return None
    placed = anchors.placed(narrows, comment.change_id, at)
    return next((each for each in placed if each.comment.id == comment.id), None)


def _form(request: Request, narrows: Narrows, place: Place, body: str, error: NarrowsError | None = None) -> Response:
    status = error.status if error else 200
    here: dict[str, Any] = {"place": place, "body": body, "error": error}
    if rendering.partial(request):
        return rendering.fragment(request, "comments/_form.html", status=status, **here)
    return rendering.page(request, narrows, "comments/new.html", status=status, **here)


def _edit(
    request: Request, narrows: Narrows, comment: Comment, body: str, at: int | None, error: NarrowsError | None = None
) -> Response:
    status = error.status if error else 200
    here: dict[str, Any] = {"comment": comment, "body": body, "error": error, "at": at}
    if rendering.partial(request):
        return rendering.fragment(request, "comments/_edit.html", status=status, **here)
    return rendering.page(request, narrows, "comments/edit.html", status=status, **here)


def _drafted(narrows: Narrows, change_id: int) -> int:
    return sum(c.state is CommentState.DRAFT for c in reviews.comments(narrows, change_id))


def _sheet(comment: Comment, at: int | None) -> str:
    return f"/changes/{comment.change_id}?revision={at or comment.revision}"


def _number(field: str, text: str) -> int | None:
    """A field that may be empty, as a number."""
    if not text.strip():
        return None
    if not text.strip().isdecimal():
        raise Invalid(field, f"{text!r} is no number.", "Type digits, or leave it empty.")
    return int(text)
