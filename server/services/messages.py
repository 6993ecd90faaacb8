"""What the commits of a landing say, and by whom they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from sqlmodel import Session

from server.domain.change import Change, Revision
from server.domain.errors import Invalid, NarrowsError
from server.domain.landing import Landing
from server.domain.project import Author, LandingMethod, Project
from server.domain.task import Task
from server.git import commands, objects
from server.git.commands import Person
from server.git.configuration import Configuration, identity
from server.git.merges import Step
from server.services import hooks
from server.services.narrows import Narrows
from server.store import queries, run_queries

PLACEHOLDERS = ("title", "summary", "task", "change")
STANDARD = "$title\n\n$summary"  # what a project without a template has
AGENTS_HOST = "agents.narrows.invalid"  # a name that can never be anybody's (RFC 2606)


@dataclass(frozen=True)
class Byline:
    """By whom a change's commits are, and the lines that end their messages."""

    author: Person
    committer: Person
    trailers: tuple[str, ...]

    def complete(self, message: str) -> str:
        """The message with those of the trailers that it lacks; nothing else of it changes."""
        return objects.with_trailers(f"{message.strip()}\n", self.trailers)


@dataclass(frozen=True)
class Wording:
    """What a landing's commits say, by method: `message` ends them; `earlier` and `aside` are what comes before it.

    `sign_as` is the repository by whose configuration they are signed, None where they aren't; `heard` what hooks said.
    """

    byline: Byline
    message: str
    earlier: list[Step]
    aside: str
    sign_as: Path | None
    heard: str


def proposed(narrows: Narrows, change_id: int) -> str:
    """The message that a landing gets unless the person edits it: by the project's template, with its trailers."""
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        task = queries.task(db, change.task_id)
        project = queries.project(db, change.project_id)
        revision = queries.last_revision(db, change_id)
        byline = _byline(narrows, db, project, change)
    return byline.complete(_filled(project, change, task, revision))


def completed(narrows: Narrows, change_id: int, message: str) -> str:
    """What a person typed, with the trailers that it lacks; where they typed nothing, what is proposed."""
    if not message.strip():
        return proposed(narrows, change_id)
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        project = queries.project(db, change.project_id)
        return _byline(narrows, db, project, change).complete(message)


def earlier(narrows: Narrows, change_id: int) -> list[str]:
    """What the commits say that a rebase lands before the newest revision's, oldest first, as far as that is known."""
    with narrows.reading() as db:
        change = queries.change(db, change_id)
        task = queries.task(db, change.task_id)
        project = queries.project(db, change.project_id)
        replayed = _replayed(queries.revisions_of_change(db, change_id)[:-1])
        byline = _byline(narrows, db, project, change)
    return [byline.complete(_filled(project, change, task, each)) for each in replayed]


def reverting(project: Project, landing: Landing) -> str:
    """What the commit says that takes a landing back, with the person's sign-off where the project wants it."""
    said = "\n".join(f"This reverts commit {commit}." for commit in reversed(landing.commits))
    message = f'Revert "{landing.message.splitlines()[0]}"\n\n{said}\n'
    return objects.with_trailers(message, _sign_off(project, identity(Path(project.path))))


def worded(narrows: Narrows, project: Project, revision: Revision, landing: Landing) -> Wording:
    """All that a landing of that revision needs to be written, the hook's edits included.

    The landing's own message is completed and passes the hook when it is first built, and is what it is from then on.

    Raises:
        HookRefused: by the commit-msg hook, where the project runs it.
        GitError: The user's repository can't be asked how it signs.
    """
    source = Path(project.path)
    theirs = Configuration.of(source)
    with narrows.reading() as db:
        change = queries.change(db, landing.change_id)
        task = queries.task(db, change.task_id)
        known = queries.revisions_of_change(db, revision.change_id)
        before = _replayed([each for each in known if each.number < revision.number])
        byline = _byline(narrows, db, project, change, theirs.person)
    heard: list[str] = []

    def of(each: Revision, typed: str = "") -> str:
        left, said = hooks.commit_msg(
            project, byline.complete(typed if typed.strip() else _filled(project, change, task, each))
        )
        heard.append(said)
        return left

    return Wording(
        byline,
        landing.message if landing.commits else of(revision, landing.message),
        [Step(each.commit, each.base, of(each)) for each in before if landing.method is LandingMethod.REBASE],
        of(revision) if landing.method is LandingMethod.MERGE else "",
        source if theirs.signing else None,
        "\n".join(said for said in heard if said),
    )


def signed_by(project_path: str) -> str:
    """How the user's git signs commits there: openpgp, ssh or x509; empty where it doesn't, or can't be asked."""
    try:
        return Configuration.of(Path(project_path)).signing
    except NarrowsError:
        return ""


def checked_template(template: str) -> str:
    """A project's template as it is kept.

    Raises:
        Invalid: It has a placeholder that nothing fills.
    """
    template = template.replace("\r\n", "\n").strip()
    wanted = Template(template)
    hint = "There are $title, $summary, $task and $change; write $$ for a dollar sign."
    if not wanted.is_valid():
        raise Invalid("message_template", "A $ in it begins no placeholder.", hint)
    if unknown := [name for name in wanted.get_identifiers() if name not in PLACEHOLDERS]:
        raise Invalid("message_template", f"Nothing fills ${unknown[0]}.", hint)
    return template


def _filled(project: Project, change: Change, task: Task, revision: Revision | None) -> str:
    """The template, filled for one revision; what it leaves empty leaves no gap."""
    summary = revision.summary.strip() if revision else ""
    values = {"title": task.title, "summary": summary, "task": str(task.id), "change": str(change.id)}
    text = Template(project.message_template or STANDARD).safe_substitute(values)
    if not summary:
        text = re.sub(r"\n{3,}", "\n\n", text)
    return text.strip() or task.title


def _replayed(before: Sequence[Revision]) -> list[Revision]:
    """Of a change's earlier revisions those that change something."""
    return [each for each in before if each.tree != each.base_tree]


def _byline(narrows: Narrows, db: Session, project: Project, change: Change, you: Person | None = None) -> Byline:
    you = you or identity(Path(project.path))
    agent = _agent(narrows, db, change)
    author, other = (agent, you) if project.author is Author.AGENT else (you, agent)
    named = [f"Co-authored-by: {other.name} <{other.email}>"] if project.co_author else []
    return Byline(author, you, (*named, *_sign_off(project, you)))


def _sign_off(project: Project, you: Person) -> list[str]:
    return [f"Signed-off-by: {you.name} <{you.email}>"] if project.sign_off else []


def _agent(narrows: Narrows, db: Session, change: Change) -> Person:
    """The agent that worked on it last, under an address that is nobody's."""
    runs = run_queries.of_change(db, change.id)
    name = runs[-1].agent if runs else change.agent
    agent = queries.find_agent(db, name) or next((each for each in narrows.built_in if each.name == name), None)
    title = narrows.describe(agent)[0].title if agent else name  # None: it was removed since
    return Person(commands.printable(title) or name, f"{name}@{AGENTS_HOST}")
