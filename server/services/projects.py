"""Registering repositories, and how their changes are set up, proven and landed."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.domain.base import now
from server.domain.errors import Invalid, NarrowsError, NotFound, WrongState
from server.domain.event import Actor
from server.domain.project import DEFAULT_INCLUDE, Author, LandingMethod, Permission, Project
from server.domain.question import TOOLS
from server.domain.states import ChangeState
from server.git import mirrors, remotes
from server.reading import proposals
from server.services import changes, events, messages, removals
from server.services.narrows import Narrows
from server.services.targets import Target
from server.store import queries, trash_queries


@dataclass(frozen=True)
class Proposal:
    """What registering a folder would take, before anything is written."""

    path: str
    name: str
    target_branch: str
    branches: list[str]
    remotes: list[str] = field(default_factory=list)
    setup: str = ""
    checks: list[str] = field(default_factory=list)
    include: list[str] = field(default_factory=lambda: list(DEFAULT_INCLUDE))
    landing_method: LandingMethod = LandingMethod.SQUASH
    check_each: bool = False
    message_template: str = ""
    author: Author = Author.YOU
    co_author: bool = False
    sign_off: bool = False
    agents_limit: int = 4
    rules: str = ""
    hands_off: list[str] = field(default_factory=list)


def examine(path: str) -> Proposal:
    """What Narrows sees in a folder: the repository around it, its target branch, its likely commands.

    Raises:
        NarrowsError: It can't be registered; the sentence says why and what to do.
    """
    if not path.strip():
        raise Invalid("path", "No path was given.", "Type the folder of a git repository.")
    seen = mirrors.inspect(_folder(path.strip()))
    files = mirrors.root_files(seen.git_dir, seen.head)
    found = proposals.propose(files)
    return Proposal(
        path=str(seen.root),
        name=found.name or seen.root.name,
        target_branch=found.target_branch or mirrors.default_branch(seen),
        branches=list(seen.branches),
        remotes=remotes.names(seen.root),
        setup=found.setup,
        checks=found.checks,
        include=found.include or list(DEFAULT_INCLUDE),
        landing_method=found.landing_method or LandingMethod.SQUASH,
        check_each=found.check_each,
        message_template=found.message_template,
        author=found.author or Author.YOU,
        co_author=found.co_author,
        sign_off=found.sign_off,
        agents_limit=found.agents_limit or 4,
        rules=found.rules,
        hands_off=found.hands_off,
    )


def _folder(path: str) -> Path:
    """The whole path of a folder: the server's own folder is nobody's idea of where to look for it."""
    folder = Path(path).expanduser()
    if not folder.is_absolute():
        raise Invalid("path", f"{path} is not the whole path.", "Begin it with / or ~/.")
    return folder


def register(narrows: Narrows, path: str, **wishes: Any) -> Project:
    """Register the repository at `path` and make its mirror. The same path twice answers the first.

    Args:
        path: Any folder in the repository; `~` is the home folder.
        wishes: Settings of the project by name; those not given or None are proposed from what is seen.

    Raises:
        NarrowsError: It can't be registered; the sentence says why and what to do.
    """
    proposal = examine(path)
    with narrows.reading() as db:
        if known := queries.project_at(db, proposal.path):
            return known if known.removed_at is None else _take_back(narrows, known.id)
    seen = {name: getattr(proposal, name) for name in CONFIGURABLE if hasattr(proposal, name)}
    fields = checked(seen | {name: value for name, value in wishes.items() if value is not None})
    remote = fields.get("remote", "")
    _expect_target(Path(proposal.path), fields["target_branch"], remote, fields.get("pull_requests", False))
    with _mirrored(narrows, proposal.path, fields["target_branch"], remote) as fresh, narrows.transaction() as db:
        if known := queries.project_at(db, proposal.path):
            return known
        project = Project(**fields)
        events.record(db, Actor.YOU, "registered", project)
        mirror = narrows.mirror(project.id)
        if mirror.exists():  # left by a registration that died before its commit
            shutil.rmtree(mirror)
        fresh.rename(mirror)
    return project


def remove(narrows: Narrows, project_id: int) -> Project:
    """Forget a project, until its repository is registered again; the repository is not touched.

    Its open tasks are dropped, its changes abandoned, and all that they had is in the trash.

    Raises:
        NotFound: No such project.
        WrongState: Something of it is landing.
    """
    with narrows.transaction() as db:
        project = queries.project(db, project_id)
        under_way = trash_queries.under_way(db, project_id)
        if landing := [change.id for change in under_way if change.state is ChangeState.LANDING]:
            raise WrongState(
                f"Change {landing[0]} is landing.", "Wait for its end, or take it out of the landing line first."
            )
        for change in under_way:
            changes.abandon_in(db, change)
        for task in trash_queries.open_tasks(db, project_id):
            task.drop()
            events.record(db, Actor.YOU, "dropped", task)
        project.removed_at = now()
        events.record(db, Actor.YOU, "removed", project)
        removals.put(db, project)
    return project


def _take_back(narrows: Narrows, project_id: int) -> Project:
    """The repository of a project that was removed is registered again: with its settings, and what is in its trash.

    Raises:
        NarrowsError: The repository can't be used.
    """
    with narrows.transaction() as db:
        project = queries.project(db, project_id)
        project.removed_at = None
        events.record(db, Actor.YOU, "registered", project)
        removals.take_back(db, project)
    mirrors.create(Path(project.path), narrows.mirror(project.id))
    return project


def at(narrows: Narrows, path: str) -> Project | None:
    """The project whose repository has its root at `path`, if it is registered."""
    with narrows.reading() as db:
        return queries.project_at(db, path)


@contextlib.contextmanager
def _mirrored(narrows: Narrows, path: str, branch: str, remote: str) -> Iterator[Path]:
    """A mirror under a passing name, made before the database is locked; away again unless it was taken."""
    fresh = narrows.settings.mirrors / f".new-{secrets.token_hex(8)}"
    try:
        mirrors.create(Path(path), fresh)
        if remote:
            remotes.fetch(Path(path), fresh, remote, branch)
        else:
            mirrors.fetch(Path(path), fresh, branch)
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


CONFIGURABLE = (
    "name",
    "path",
    "target_branch",
    "remote",
    "follows",
    "pull_requests",
    "setup",
    "checks",
    "include",
    "landing_method",
    "check_each",
    "message_template",
    "author",
    "co_author",
    "sign_off",
    "hooks",
    "agents_limit",
    "check_rounds",
    "turn_minutes",
    "check_minutes",
    "rules",
    "hands_off",
    "refactor_every",
    "risky",
    "permissions",
    "ask_minutes",
    "review_size",
    "repository_config",
    "sandbox",
    "sandbox_network",
)


def configure(narrows: Narrows, project_id: int, **wishes: Any) -> Project:
    """Change a project's settings; those not given or None stay.

    Raises:
        NotFound: No such project.
        Invalid: A setting can't be used; nothing was changed.
    """
    wanted = checked({name: value for name, value in wishes.items() if value is not None})
    if "path" in wanted:
        wanted["path"] = str(mirrors.inspect(_folder(wanted["path"])).root)
    was = get(narrows, project_id)
    will = {name: wanted.get(name, getattr(was, name)) for name in ("target_branch", "remote", "pull_requests")}
    if any(value != getattr(was, name) for name, value in will.items()):
        source = Path(wanted.get("path", was.path))
        _expect_target(source, *will.values())
        if will["remote"]:
            remotes.fetch(source, narrows.mirror(project_id), will["remote"], will["target_branch"])
    with narrows.transaction() as db:
        project = queries.project(db, project_id)
        if "path" in wanted and (other := queries.project_at(db, wanted["path"])) and other.id != project_id:
            raise Invalid("path", f"{other.path} is registered already, as {other.name}.", "Use that project.")
        for name, value in wanted.items():
            setattr(project, name, value)
        events.record(db, Actor.YOU, "configured", project, fields=sorted(wanted))
    return project


def every(narrows: Narrows) -> list[Project]:
    """Every registered project, by name."""
    with narrows.reading() as db:
        return queries.projects(db)


def get(narrows: Narrows, project_id: int) -> Project:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return queries.project(db, project_id)


def trouble(narrows: Narrows, project: Project) -> NarrowsError | None:
    """Why nothing can land there now, as far as that is known without a network: its page says so."""
    try:
        Target.of(narrows, project).known()
    except NarrowsError as error:
        return error
    return None


def named(narrows: Narrows, word: str) -> Project:
    """The project with that number, name or path.

    Raises:
        NotFound: There is none, or the name fits several.
    """
    fitting = [p for p in every(narrows) if word in (str(p.id), p.name, p.path)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise NotFound(f"Several projects are called {word!r}.", "Name it by its number or path.")
    raise NotFound(f"No project is called {word!r}.", "`narrows` inside its repository registers it.")


SWITCHES = (
    *("follows", "pull_requests"),
    *("check_each", "co_author", "sign_off", "hooks"),
    *("repository_config", "sandbox", "sandbox_network"),
)
LOWEST_HIGHEST = {
    "agents_limit": (1, 64),
    "check_rounds": (0, 20),
    "turn_minutes": (1, 1440),
    "check_minutes": (1, 1440),
    "refactor_every": (0, 100),
    "ask_minutes": (0, 1440),
    "review_size": (0, 100_000),
}


def checked(wishes: dict[str, Any]) -> dict[str, Any]:
    """The wishes as the table takes them.

    Raises:
        Invalid: One can't be used.
    """
    result: dict[str, Any] = {}
    for name, value in wishes.items():
        match name:
            case "landing_method":
                if value not in set(LandingMethod):
                    raise Invalid(name, f"{value!r} is no landing method.", f"One of: {', '.join(LandingMethod)}.")
                result[name] = LandingMethod(value)
            case "author":
                if value not in set(Author):
                    raise Invalid(name, f"{value!r} is no author.", f"One of: {', '.join(Author)}.")
                result[name] = Author(value)
            case "message_template":
                result[name] = messages.checked_template(value)
            case "checks" | "include" | "hands_off" | "risky":
                result[name] = [line.strip() for line in value if line.strip()]
            case "name" | "path" | "target_branch":
                if not str(value).strip():
                    raise Invalid(name, "It can't be empty.", "Type one.")
                result[name] = str(value).strip()
            case "remote" | "setup" | "rules":
                result[name] = str(value).strip()
            case "permissions":
                result[name] = _permissions(value)
            case _ if name in SWITCHES:
                result[name] = bool(value)
            case _ if name in LOWEST_HIGHEST:
                low, high = LOWEST_HIGHEST[name]
                if not low <= value <= high:
                    raise Invalid(name, f"It must be from {low} to {high}.")
                result[name] = value
            case _:
                raise Invalid(name, "A project has no such setting.", f"It has: {', '.join(CONFIGURABLE)}.")
    return result


def _permissions(wishes: dict[str, str]) -> dict[str, str]:
    """What is not simply allowed, by kind of tool."""
    for tool, permission in wishes.items():
        if tool not in TOOLS:
            raise Invalid("permissions", f"{tool!r} is no kind of tool.", f"One of: {', '.join(TOOLS)}.")
        if permission not in set(Permission):
            raise Invalid("permissions", f"{permission!r} is no permission.", f"One of: {', '.join(Permission)}.")
    return {tool: str(permission) for tool, permission in wishes.items() if permission != Permission.ALLOW}


def remotes_of(path: str) -> list[str]:
    """The remotes of the repository in that folder, for its page; none where it can't be read."""
    with contextlib.suppress(NarrowsError):
        return remotes.names(Path(path))
    return []


def _expect_target(source: Path, branch: str, remote: str, pull_requests: bool) -> None:
    """See that changes can land there.

    Raises:
        Invalid: They can't.
        Unreachable: The remote can't be asked.
    """
    if not remote:
        if pull_requests:
            raise Invalid("pull_requests", "A pull request is opened on a remote.", "Choose the remote as well.")
        _expect(branch, list(mirrors.inspect(source).branches), "target_branch", "branch")
        return
    _expect(remote, remotes.names(source), "remote", "remote")
    remotes.address(source, remote)
    if remotes.tip(source, remote, branch) is None:
        raise Invalid("target_branch", f"{remote} has no branch {branch!r}.", "Push it there first, or choose another.")


def _expect(wanted: str, there: list[str], setting: str, noun: str) -> None:
    if wanted not in there:
        listed = ", ".join(sorted(there)[:10]) or "none"
        raise Invalid(setting, f"The repository has no {noun} {wanted!r}.", f"It has: {listed}.")
