"""Part of a change: the form in which files and hunks are chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from markupsafe import Markup

from server.domain.change import Revision
from server.domain.diff import FileDiff
from server.domain.errors import Invalid, NarrowsError
from server.reading import order, rows
from server.reading.rows import Row, RowKind
from server.services import desk, drafts, parts, revisions
from server.services.assessments import Objected, Objection
from server.services.narrows import Narrows
from server.services.parts import Rest
from server.web import rendering
from server.web.context import NarrowsDep
from server.web.files import File

router = APIRouter()

AT_ONCE = 20_000  # changed lines of a change whose hunks are shown on the page


@dataclass(frozen=True)
class Hunk:
    """A hunk as it is offered: `name` is its place in the form, `lines` says where it is."""

    name: str
    lines: str
    html: Markup


@dataclass(frozen=True)
class Offer:
    """A file with the hunks that can be chosen one by one, if there are any."""

    file: File
    hunks: list[Hunk]


@dataclass(frozen=True)
class Typed:
    """What stands in the form."""

    chosen: Sequence[str] = ()
    rest: Rest = "send_back"
    message: str = ""
    commit_message: str = ""
    acknowledge: Sequence[str] = ()


@dataclass(frozen=True)
class Refusal:
    """Why it came back."""

    error: NarrowsError | None = None
    blockers: list[Objection] = field(default_factory=list)
    warnings: list[Objection] = field(default_factory=list)

    @classmethod
    def of(cls, error: NarrowsError) -> Refusal:
        if isinstance(error, Objected):
            return cls(error, error.assessment.blockers[1:], error.assessment.warnings)
        return cls(error)


@router.get("/changes/{change_id}/parts/new")
def ask(request: Request, narrows: NarrowsDep, change_id: int, revision: int | None = None) -> Response:
    """Every file and hunk of the newest revision, or of the one that was read, to choose from."""
    kept = drafts.find(narrows, f"change/{change_id}/part-")
    typed = Typed(
        message=kept.get(_key(change_id, "message"), ""), commit_message=kept.get(_key(change_id, "commit"), "")
    )
    return _page(request, narrows, change_id, revision, typed, Refusal())


@router.post("/changes/{change_id}/parts")
def split(
    request: Request,
    narrows: NarrowsDep,
    change_id: int,
    revision: Annotated[int, Form()],
    chosen: Annotated[list[str] | None, Form()] = None,
    rest: Annotated[Literal["send_back", "keep"], Form()] = "send_back",
    message: Annotated[str, Form()] = "",
    commit_message: Annotated[str, Form()] = "",
    acknowledge: Annotated[list[str] | None, Form()] = None,
    do: Annotated[Literal["land", "split"], Form()] = "land",
) -> Response:
    """Land what was chosen, or make it a change of its own; the rest goes back, or stays."""
    typed = Typed(chosen or (), rest, _lines(message), _lines(commit_message), acknowledge or ())
    try:
        where = _do(narrows, change_id, revision, typed, land=do == "land")
    except NarrowsError as error:
        return _page(request, narrows, change_id, revision, typed, Refusal.of(error))
    for name in ("message", "commit"):
        drafts.forget(narrows, _key(change_id, name))
    return rendering.go(request, where)


def _do(narrows: Narrows, change_id: int, revision: int, typed: Typed, *, land: bool) -> str:
    """Where it leads to: on, or to the part where that waits for something."""
    chosen = _chosen(typed.chosen)
    if not land:
        done = parts.split(narrows, change_id, revision=revision, chosen=chosen, rest=typed.rest, message=typed.message)
        return f"/changes/{done.part.id}?done=split-{done.part.id}"
    done = parts.land(
        narrows,
        change_id,
        revision=revision,
        chosen=chosen,
        rest=typed.rest,
        message=typed.message,
        commit_message=typed.commit_message,
        acknowledge=typed.acknowledge,
    )
    if done.landing is None:
        return f"/changes/{done.part.id}/landing/new"
    return f"/?done=landing-{done.landing.id}"


def _chosen(names: Iterable[str]) -> dict[int | str, set[int] | None]:
    """Files as `3`, hunks as `3:0`; a file that is chosen as a whole needs no hunks."""
    found: dict[int | str, set[int] | None] = {}
    try:
        for name in names:
            file, _, hunk = name.partition(":")
            if not hunk:
                found[int(file)] = None
            elif (hunks := found.setdefault(int(file), set())) is not None:
                hunks.add(int(hunk))
    except ValueError:
        raise Invalid("chosen", "That is no file of this revision.", "Reload the page.") from None
    return found


def _page(
    request: Request, narrows: Narrows, change_id: int, number: int | None, typed: Typed, refusal: Refusal
) -> Response:
    seen = desk.sheet(narrows, change_id)
    revision = seen.revision if number is None else revisions.get(narrows, change_id, number)
    return rendering.page(
        request,
        narrows,
        "parts/new.html",
        status=refusal.error.status if refusal.error else 200,
        block="form",
        seen=seen,
        revision=revision,
        offers=_offers(narrows, revision) if revision else [],
        typed=typed,
        refusal=refusal,
        keys={name: _key(change_id, name) for name in ("message", "commit")},
    )


def _offers(narrows: Narrows, revision: Revision) -> list[Offer]:
    """In reading order."""
    outline = revisions.outline(narrows, revision)
    shown = revision.additions + revision.deletions <= AT_ONCE
    files = revisions.files(narrows, revision)
    return [
        Offer(File.of(outline[place]), _hunks(place, files[place], shown=shown))
        for place in order.reading_order(outline)
    ]


def _hunks(place: int, file: FileDiff, *, shown: bool) -> list[Hunk]:
    """None where only the whole file can be chosen, or where it is a single one."""
    if not parts.divisible(file) or parts.count_hunks(file) < 2:
        return []
    found: list[list[Row]] = []
    for heading, group in groupby(rows.parse(file.text), key=lambda row: row.kind is RowKind.HUNK):
        if not heading:
            found.append(list(group))
    return [
        Hunk(f"{place}:{number}", _where(hunk), Markup("".join(rows.html(hunk))) if shown else Markup(""))  # escaped
        for number, hunk in enumerate(found)
    ]


def _where(hunk: Sequence[Row]) -> str:
    numbers = [cast(int, row.new or row.old) for row in hunk if row.kind is not RowKind.SAME]
    first, last = min(numbers), max(numbers)
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _key(change_id: int, name: str) -> str:
    return f"change/{change_id}/part-{name}"


def _lines(text: str) -> str:
    """Forms send line ends as a carriage return and a line feed."""
    return text.replace("\r\n", "\n")
