"""The hooks of the user's repository at a landing: they run where the project says so, and nothing runs otherwise.

commit-msg is given each message, and what it leaves is the message; post-merge runs in the checkout that a landing
moved; pre-push is git's own affair. Those that look at a commit before it is made (pre-commit, pre-merge-commit) don't
run: they read the user's index, which holds nothing of what lands, and the checks prove that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from server.domain.errors import NarrowsError
from server.domain.event import Actor
from server.domain.landing import Landing
from server.domain.project import Project
from server.git import hooks, moves, repositories
from server.services import events
from server.services.narrows import Narrows
from server.store import landing_queries

MESSAGE_SECONDS = 60  # a person waits for it
AFTER_SECONDS = 600
MOST_WORDS = 4000  # characters that are kept of what hooks say


# At the top of a repository: what tools that manage hooks, or a hook itself, are told by. As patterns.
TELLING = (
    *(".husky", ".huskyrc*", "husky.config.*", ".pre-commit-config.yaml", ".pre-commit-config.yml"),
    *("lefthook*", ".lefthook*", ".overcommit.yml", ".githooks", ".commitlintrc*", "commitlint.config.*"),
)


class HookRefused(NarrowsError):
    """A hook of the user's repository does not let the commit be."""

    status = 409
    code = "hook_refused"

    def __init__(self, words: str) -> None:
        super().__init__(
            f"The commit-msg hook refused the message: {words.rstrip('.')}.",
            "Nothing moved. Edit the message, then try again.",
        )


def find(project_path: str) -> hooks.Found | None:
    """The hooks of a repository, for the page that offers to run them; None where it can't be read."""
    try:
        return hooks.find(Path(project_path))
    except NarrowsError:
        return None


def changed(project: Project, names: Iterable[str]) -> list[str]:
    """Which of these files a hook that the project runs consists of, or is told by: landing them changes what runs."""
    found = find(project.path) if project.hooks else None
    if found is None:
        return []

    def tells(name: str) -> bool:
        top = name.lower().partition("/")[0]
        return any(fnmatchcase(top, pattern) for pattern in TELLING)

    return [name for name in names if tells(name) or (found.within and f"{name}/".startswith(f"{found.within}/"))]


def commit_msg(project: Project, message: str) -> tuple[str, str]:
    """The message as the commit-msg hook leaves it, and what the hook said; as it is where none is to run.

    Raises:
        HookRefused: in the hook's words.
        GitError: It took too long.
    """
    if not project.hooks:
        return message, ""
    with tempfile.TemporaryDirectory(prefix="narrows-message-") as folder:
        file = Path(folder) / "COMMIT_EDITMSG"
        file.write_text(message, "utf-8", "replace")
        ran = hooks.run(Path(project.path), "commit-msg", str(file), seconds=MESSAGE_SECONDS)
        left = file.read_text("utf-8", "replace").strip() if file.is_file() else ""
    if ran.code:
        raise HookRefused(ran.output[-MOST_WORDS:] or f"it ended with exit code {ran.code}, without a word.")
    if not left:
        raise HookRefused("it left nothing of it.")
    return f"{left}\n", f"commit-msg: {ran.output}"[:MOST_WORDS] if ran.output else ""


def after_move(narrows: Narrows, project: Project, landing: Landing) -> None:
    """The post-merge hook, once a checkout of the user's has moved to what landed. Its end changes nothing, as in git:
    the landing has its words.
    """
    if not project.hooks:
        return
    try:
        source = Path(project.path)
        checkout = moves.checkout_of(source, landing.target_branch)
        if checkout is None or repositories.tip(source, landing.target_branch) != landing.commit:
            return
        ran = hooks.run(checkout, "post-merge", "0", seconds=AFTER_SECONDS)
        said = f"{f'exit code {ran.code}: ' if ran.code else ''}{ran.output}".strip()
    except NarrowsError as error:
        said = str(error)
    if said:
        _keep(narrows, landing.id, f"post-merge: {said}")


def _keep(narrows: Narrows, landing_id: int, said: str) -> None:
    with narrows.transaction() as db:
        landing = landing_queries.one(db, landing_id)
        landing.heard = f"{landing.heard}\n{said}".strip()[-MOST_WORDS:]
        events.record(db, Actor.ENGINE, "heard", landing)
