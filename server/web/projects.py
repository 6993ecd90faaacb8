"""Projects: registering a repository, and its settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from server.domain.errors import Invalid, NarrowsError
from server.domain.project import LandingMethod, Project
from server.services import projects
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep

router = APIRouter()

METHODS = {
    LandingMethod.SQUASH: "one commit on the target branch",
    LandingMethod.MERGE: "a merge commit",
    LandingMethod.REBASE: "the revision's commit, replayed on the target branch",
}


@dataclass(frozen=True)
class Typed:
    """The settings' form as typed; lists are lines."""

    name: str = ""
    target_branch: str = ""
    setup: str = ""
    checks: str = ""
    include: str = ""
    landing_method: str = LandingMethod.SQUASH.value
    agents_limit: str = "4"
    check_rounds: str = "2"
    turn_minutes: str = "60"
    check_minutes: str = "20"

    @classmethod
    def of(cls, known: Project | projects.Proposal) -> Typed:
        fields: dict[str, str] = {}
        for name, default in cls().__dict__.items():
            value = getattr(known, name, default)
            fields[name] = "\n".join(value) if isinstance(value, list) else str(value)
        return cls(**fields)

    def wishes(self) -> dict[str, Any]:
        """As the services take them.

        Raises:
            Invalid: A number is none.
        """
        said: dict[str, Any] = asdict(self)
        for name in ("checks", "include"):
            said[name] = said[name].splitlines()
        for name in projects.LOWEST_HIGHEST:
            if not said[name].strip().isdecimal() or len(said[name]) > 9:
                raise Invalid(name, f"{said[name]!r} is no whole number.")
            said[name] = int(said[name])
        return said


def typed_settings(
    name: Annotated[str, Form()] = "",
    target_branch: Annotated[str, Form()] = "",
    setup: Annotated[str, Form()] = "",
    checks: Annotated[str, Form()] = "",
    include: Annotated[str, Form()] = "",
    landing_method: Annotated[str, Form()] = LandingMethod.SQUASH.value,
    agents_limit: Annotated[str, Form()] = "4",
    check_rounds: Annotated[str, Form()] = "2",
    turn_minutes: Annotated[str, Form()] = "60",
    check_minutes: Annotated[str, Form()] = "20",
) -> Typed:
    """The settings in a form."""
    numbers = (agents_limit, check_rounds, turn_minutes, check_minutes)
    return Typed(name, target_branch, setup, checks, include, landing_method, *numbers)


TypedSettings = Annotated[Typed, Depends(typed_settings)]


@router.get("/projects")
def index(request: Request, narrows: NarrowsDep) -> Response:
    """Every project, and the form for another."""
    return _index(request, narrows, "")


@router.get("/projects/examination")
def examine(request: Request, narrows: NarrowsDep, path: str = "") -> Response:
    """What registering a folder would take, to be confirmed. It only looks, so it can be reloaded and gone back to."""
    try:
        proposal = projects.examine(path)
    except NarrowsError as error:
        return _index(request, narrows, path, error)
    if known := projects.at(narrows, proposal.path):
        return _known(request, known)
    return _confirm(request, narrows, proposal.path, Typed.of(proposal), proposal.branches)


@router.post("/projects")
def register(
    request: Request, narrows: NarrowsDep, typed: TypedSettings, path: Annotated[str, Form()] = ""
) -> Response:
    """Register a repository as confirmed."""
    try:
        if known := projects.at(narrows, projects.examine(path).path):
            return _known(request, known)
        project = projects.register(narrows, path, **typed.wishes())
    except NarrowsError as error:
        return _confirm(request, narrows, path, typed, [], error)
    return rendering.go(request, f"/?done=registered-{project.id}")


@router.get("/projects/{project_id}")
def show(request: Request, narrows: NarrowsDep, project_id: int) -> Response:
    """A project's settings."""
    project = projects.get(narrows, project_id)
    return _settings(request, narrows, project, Typed.of(project), project.path)


@router.post("/projects/{project_id}")
def configure(
    request: Request, narrows: NarrowsDep, project_id: int, typed: TypedSettings, path: Annotated[str, Form()] = ""
) -> Response:
    """Change a project's settings, or say where its repository was moved to."""
    project = projects.get(narrows, project_id)
    moved = {"path": path} if path.strip() not in ("", project.path) else {}
    try:
        projects.configure(narrows, project_id, **moved, **typed.wishes())
    except NarrowsError as error:
        return _settings(request, narrows, project, typed, path or project.path, error)
    return rendering.go(request, f"/projects/{project_id}?done=configured-{project_id}")


def _known(request: Request, project: Project) -> Response:
    """Where the settings of a project that is there already can be seen and changed."""
    return rendering.go(request, f"/projects/{project.id}?done=known-{project.id}")


def _index(request: Request, narrows: Narrows, path: str, error: NarrowsError | None = None) -> Response:
    return rendering.page(
        request,
        narrows,
        "projects/index.html",
        status=error.status if error else 200,
        projects=projects.every(narrows),
        path=path,
        error=error,
        section="projects",
    )


def _confirm(
    request: Request,
    narrows: Narrows,
    path: str,
    typed: Typed,
    branches: list[str],
    error: NarrowsError | None = None,
) -> Response:
    return rendering.page(
        request,
        narrows,
        "projects/new.html",
        status=error.status if error else 200,
        path=path,
        typed=typed,
        branches=branches,
        methods=METHODS,
        error=error,
        section="projects",
    )


def _settings(
    request: Request,
    narrows: Narrows,
    project: Project,
    typed: Typed,
    path: str,
    error: NarrowsError | None = None,
) -> Response:
    return rendering.page(
        request,
        narrows,
        "projects/show.html",
        status=error.status if error else 200,
        project=project,
        path=path,
        typed=typed,
        branches=[],
        methods=METHODS,
        error=error,
        section="projects",
    )
