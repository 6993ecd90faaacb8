"""Projects: registering a repository, and its settings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from server.domain.errors import Invalid, NarrowsError
from server.domain.project import Author, LandingMethod, Permission, Project
from server.services import hooks, messages, projects
from server.services.narrows import Narrows
from server.web import rendering
from server.web.context import NarrowsDep
from server.web.methods import AUTHORS, METHODS

router = APIRouter()

PERMISSIONS = {
    Permission.ALLOW: "allow",
    Permission.ASK: "ask me",
    Permission.DENY: "refuse",
}
KINDS_OF_TOOL = {
    "read": "Read files",
    "search": "Search",
    "edit": "Edit files",
    "delete": "Delete files",
    "move": "Move files",
    "execute": "Run commands",
    "fetch": "Fetch from the network",
    "other": "Anything else",
}
LISTS = ("checks", "include", "hands_off", "risky")


class Typed(BaseModel):
    """The settings' form as typed; lists are lines, a switch is "on" or missing."""

    model_config = ConfigDict(frozen=True)

    path: str = ""
    name: str = ""
    target_branch: str = ""
    remote: str = ""
    follows: str = ""
    pull_requests: str = ""
    setup: str = ""
    checks: str = ""
    include: str = ""
    landing_method: str = LandingMethod.SQUASH.value
    check_each: str = ""
    message_template: str = ""
    author: str = Author.YOU.value
    co_author: str = ""
    sign_off: str = ""
    hooks: str = ""
    agents_limit: str = "4"
    check_rounds: str = "2"
    turn_minutes: str = "60"
    check_minutes: str = "20"
    rules: str = ""
    hands_off: str = ""
    refactor_every: str = "4"
    risky: str = ""
    may_read: str = "allow"
    may_search: str = "allow"
    may_edit: str = "allow"
    may_delete: str = "allow"
    may_move: str = "allow"
    may_execute: str = "allow"
    may_fetch: str = "allow"
    may_other: str = "allow"
    ask_minutes: str = "10"
    review_size: str = "400"
    repository_config: str = ""
    sandbox: str = ""
    sandbox_network: str = ""

    @classmethod
    def of(cls, known: Project | projects.Proposal) -> Typed:
        """What a project has; what a proposal says nothing of as a new project has it."""
        fields: dict[str, str] = {}
        for name in projects.CONFIGURABLE:
            default = Project.model_fields[name].get_default(call_default_factory=True)
            value = getattr(known, name, default)
            if name == "permissions":
                fields |= {f"may_{tool}": value.get(tool, Permission.ALLOW.value) for tool in KINDS_OF_TOOL}
            elif name in projects.SWITCHES:
                fields[name] = "on" if value else ""
            else:
                fields[name] = "\n".join(value) if isinstance(value, list) else str(value)
        return cls(**fields)

    def may(self, tool: str) -> str:
        """What becomes of a wish to use that kind of tool."""
        return str(getattr(self, f"may_{tool}"))

    def wishes(self) -> dict[str, Any]:
        """As the services take them.

        Raises:
            Invalid: A number is none.
        """
        said: dict[str, Any] = {name: getattr(self, name) for name in projects.CONFIGURABLE if hasattr(self, name)}
        del said["path"]
        said["permissions"] = {tool: self.may(tool) for tool in KINDS_OF_TOOL}
        for name in LISTS:
            said[name] = said[name].splitlines()
        said["rules"] = said["rules"].replace("\r\n", "\n")
        for name in projects.SWITCHES:
            said[name] = said[name] != ""
        for name in projects.LOWEST_HIGHEST:
            if not said[name].strip().isdecimal() or len(said[name]) > 9:
                raise Invalid(name, f"{said[name]!r} is no whole number.")
            said[name] = int(said[name])
        return said


TypedSettings = Annotated[Typed, Form()]


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
def register(request: Request, narrows: NarrowsDep, typed: TypedSettings) -> Response:
    """Register a repository as confirmed."""
    path = typed.path
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


@router.post("/projects/{project_id}/removal")
def remove(request: Request, narrows: NarrowsDep, project_id: int) -> Response:
    """Forget it; what its changes had is in the trash."""
    projects.remove(narrows, project_id)
    return rendering.go(request, f"/projects?done=forgotten-{project_id}")


@router.post("/projects/{project_id}")
def configure(request: Request, narrows: NarrowsDep, project_id: int, typed: TypedSettings) -> Response:
    """Change a project's settings, or say where its repository was moved to."""
    path = typed.path
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
        remotes=projects.remotes_of(path),
        methods=METHODS,
        authors=AUTHORS,
        found_hooks=hooks.find(path),
        signed_by=messages.signed_by(path),
        tools=KINDS_OF_TOOL,
        permissions=PERMISSIONS,
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
        trouble=None if error else projects.trouble(narrows, project),
        path=path,
        typed=typed,
        branches=[],
        remotes=projects.remotes_of(project.path),
        methods=METHODS,
        authors=AUTHORS,
        found_hooks=hooks.find(project.path),
        signed_by=messages.signed_by(project.path),
        tools=KINDS_OF_TOOL,
        permissions=PERMISSIONS,
        error=error,
        section="projects",
    )
