"""Projects: register, look at, configure."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Response
from pydantic import Field, StrictBool

from server.domain.errors import Invalid
from server.services import projects
from server.web.api.answers import ProjectAnswer
from server.web.api.asked import Asked, Id, Number, Text
from server.web.context import NarrowsDep

router = APIRouter(prefix="/projects", tags=["projects"])


class Settings(Asked):
    """A project's settings; what is left out stays, or is proposed from what is in the repository."""

    name: Text | None = None
    target_branch: Text | None = None
    remote: Text | None = Field(
        default=None, description="The git remote whose branch is the target; empty: a branch of the repository itself."
    )
    follows: StrictBool | None = Field(
        default=None, description="Whether the local branch of that name is brought along once the remote's has moved."
    )
    pull_requests: StrictBool | None = Field(
        default=None, description="Whether a landing opens a pull request on the remote instead of moving the target."
    )
    setup: Text | None = None
    checks: list[Text] | None = None
    include: list[Text] | None = None
    landing_method: Text | None = None
    check_each: StrictBool | None = Field(default=None, description="Of a rebase: whether each commit is checked.")
    message_template: Text | None = Field(
        default=None, description="Of commits that land, with `$title`, `$summary`, `$task`, `$change`."
    )
    author: Text | None = Field(default=None, description="Of commits that land: `you` or `agent`.")
    co_author: StrictBool | None = Field(default=None, description="Whether the other one is named as a co-author.")
    sign_off: StrictBool | None = Field(default=None, description="Whether your Signed-off-by ends the message.")
    hooks: StrictBool | None = Field(default=None, description="Whether landings run the repository's own hooks.")
    agents_limit: Id | None = None
    check_rounds: int | None = None
    turn_minutes: Id | None = None
    check_minutes: Id | None = None
    rules: Text | None = Field(default=None, description="Markdown, told to every agent.")
    hands_off: list[Text] | None = Field(default=None, description="Paths that agents are told not to touch.")
    refactor_every: int | None = Field(
        default=None, description="How many landed changes come before a refactoring is drafted; 0: none is."
    )
    risky: list[Text] | None = Field(default=None, description="Patterns of paths where errors cost most.")
    permissions: dict[Text, Text] | None = Field(
        default=None, description="By kind of tool: `allow` (within the worktree), `ask` or `deny`; others: `allow`."
    )
    ask_minutes: int | None = Field(default=None, description="How long a run waits for the answer to a question.")
    review_size: int | None = Field(
        default=None, description="Lines to read above which a first revision is sent back to be split; 0: never."
    )
    repository_config: StrictBool | None = Field(
        default=None, description="Whether agents load what the repository configures for them: that runs its code."
    )
    sandbox: StrictBool | None = Field(default=None, description="Whether agents are confined.")
    sandbox_network: StrictBool | None = Field(default=None, description="Whether confined agents have the network.")


class Moved(Settings):
    """Settings, and where the repository is now."""

    path: Text | None = None


class Registration(Moved):
    """Where the repository is: `path`, or `url` of a local one."""

    url: Text | None = None


@router.post(
    "",
    status_code=201,
    summary="Register a repository",
    description="Any folder in the repository will do. The same repository twice answers the first project with 200.",
)
def register(narrows: NarrowsDep, asked: Registration, response: Response) -> ProjectAnswer:
    path = _place(asked)
    known = {project.id for project in projects.every(narrows)}
    project = projects.register(narrows, path, **asked.model_dump(exclude={"path", "url"}))
    if project.id in known:
        response.status_code = 200
    return ProjectAnswer.model_validate(project)


def _place(asked: Registration) -> str:
    if (asked.path is None) == (asked.url is None):
        raise Invalid("path", "Give either a path or a URL.", "The path is that of a git repository on this machine.")
    if asked.path is not None:
        return asked.path
    parts = urlsplit(asked.url or "")
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise Invalid("url", "Narrows works on repositories of this machine.", "Clone it, and give the clone's path.")
    return unquote(parts.path)


@router.get("", summary="List projects")
def every(narrows: NarrowsDep) -> list[ProjectAnswer]:
    return [ProjectAnswer.model_validate(project) for project in projects.every(narrows)]


@router.get("/{project_id}", summary="One project")
def one(narrows: NarrowsDep, project_id: Number) -> ProjectAnswer:
    return ProjectAnswer.model_validate(projects.get(narrows, project_id))


@router.patch("/{project_id}", summary="Change a project's settings")
def configure(narrows: NarrowsDep, project_id: Number, asked: Moved) -> ProjectAnswer:
    return ProjectAnswer.model_validate(projects.configure(narrows, project_id, **asked.model_dump()))


@router.delete(
    "/{project_id}",
    summary="Remove a project",
    description="Its tasks are dropped, its changes abandoned; what they had is in the trash. Register it to undo it.",
)
def remove(narrows: NarrowsDep, project_id: Number) -> ProjectAnswer:
    return ProjectAnswer.model_validate(projects.remove(narrows, project_id))
