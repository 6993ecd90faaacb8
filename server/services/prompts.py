"""What an agent is told, as markdown."""

from __future__ import annotations

from collections.abc import Iterable

from server.domain.base import shown
from server.domain.check import Check
from server.domain.review import Comment, Side
from server.domain.task import Kind, Task

HOW = {
    Kind.DIRECTED: "Make this change in the current folder, a checkout of the project. Keep it small and to the point.",
    Kind.MAINTENANCE: (
        "This is upkeep. Gather the evidence first, then mend what it shows, and nothing else. "
        "Say in your last message what you found and how you know."
    ),
    Kind.RESEARCH: (
        "This is research: change no file. Answer with a report in markdown as your last message, "
        "or write it to the file that the environment variable NARROWS_REPORT names."
    ),
    Kind.REFACTORING: (
        "This is a refactoring: the behaviour stays exactly the same; its shape gets better. Tests stay as they are."
    ),
}

WHEN_DONE = (
    "Do not commit and do not push; your working tree is collected when you end. The project's checks are run "
    "after you, and a red one comes back to you. End with a short message that says what you did and why."
)


def first(task: Task) -> str:
    """The first turn of a task."""
    return f"# {task.title}\n\n{task.brief.strip()}\n\n---\n\n{HOW[task.kind]} {WHEN_DONE}\n"


def review(message: str, comments: Iterable[Comment]) -> str:
    """A change that was sent back: the message, then each comment with its place and the lines it is about."""
    parts = ["# Changes requested", message.strip()]
    parts += [_comment(comment) for comment in comments]
    parts.append("---\n\nMend what is asked, in the same working tree. " + WHEN_DONE)
    return "\n\n".join(part for part in parts if part) + "\n"


def _comment(comment: Comment) -> str:
    quoted = "".join(f"\n> {line}" for line in comment.quoted.splitlines())
    return f"## Comment {comment.id} {_place(comment)}\n{quoted}\n\n{comment.body.strip()}"


def _place(comment: Comment) -> str:
    """Where a comment belongs, as compilers and editors write it: `path:line` or `path:first-last`."""
    if comment.path is None:
        return "on the change as a whole"
    if comment.line is None:
        return f"on `{shown(comment.path)}`"
    last = comment.end_line or comment.line
    lines = f"{comment.line}" if last == comment.line else f"{comment.line}-{last}"
    return f"on `{shown(comment.path)}:{lines}`" + (" (lines of the old file)" if comment.side is Side.OLD else "")


def checks(red: Iterable[Check]) -> str:
    """A revision whose checks were red: each with its command, its exit and the end of its log."""
    parts = ["# The project's checks are red"]
    for check in red:
        fence = _fence(check.tail)
        said = f"exit {check.exit_code}" if check.exit_code is not None else "could not be started"
        parts.append(f"## `{check.command}` ({said})\n\n{fence}\n{check.tail.strip()}\n{fence}")
    parts.append("---\n\nMend the cause; never loosen or skip a check. " + WHEN_DONE)
    return "\n\n".join(parts) + "\n"


def again(prompt: str, error: str) -> str:
    """Another try after a run that came to nothing."""
    return f"The last try came to nothing: {error or 'no reason is known.'}\n\n{prompt}"


def conflict(target: str, commit: str, files: Iterable[str]) -> str:
    """A landing met a conflict: what moved, and what to do about it."""
    listed = "\n".join(f"- `{shown(path)}`" for path in files)
    return (
        f"`{target}` has moved and this change no longer merges. These files conflict:\n\n{listed}\n\n"
        f"The target's commit is {commit}; run `git merge {commit}` in the working tree "
        "(or make the same change on top of it), and resolve the conflicts so that both sides' intent is kept."
    )


def _fence(text: str) -> str:
    longest = max((len(run) for run in text.split("\n") if set(run.strip()) == {"`"}), default=2)
    return "`" * max(3, longest + 1)
