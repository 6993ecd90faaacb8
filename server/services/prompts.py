"""What an agent is told, as markdown.

Nothing that was typed is left out, and nothing that is quoted reaches beyond its own part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from server.domain.base import shown
from server.domain.check import Check
from server.domain.diff import FileDiff
from server.domain.project import Project
from server.domain.review import Comment, Side
from server.domain.task import Kind, Task
from server.reading import order
from server.reading.sections import closed, code, fenced, section

REPORT = "the file that the environment variable `NARROWS_REPORT` names"
PATCH_LIMIT = 60_000  # characters of a diff that an agent is told at once

HOW = {
    Kind.DIRECTED: "Make this change in the current folder, a checkout of the project. Keep it small and to the point.",
    Kind.MAINTENANCE: (
        "This is upkeep. Gather the evidence first, then mend what it shows, and nothing else. "
        "Say in your last message what you found and how you know."
    ),
    Kind.RESEARCH: (
        f"This is research: change no file of the project. Write the answer as a report in markdown to {REPORT}; "
        "if you can't write there, give the whole report as your last message."
    ),
    Kind.REFACTORING: (
        "This is a refactoring: the behaviour stays exactly the same; its shape gets better. Tests stay as they are."
    ),
}

WHEN_DONE = (
    "Do not commit and do not push; your working tree is collected when you end. The project's checks are run "
    "after you, and a red one comes back to you. End with a short message that says what you did and why."
)
EARLIER = (
    "An earlier conversation worked on this and can't be continued. What it did is in the working tree; against the "
    "commit that it started from, it is this:"
)
WHEN_REPORTED = (
    "Do not commit and do not push: only the report is read. End with a short message that says what it comes to."
)


def first(task: Task, project: Project) -> str:
    """The first turn of a task: what is asked, the project's rules and checks, how to end."""
    parts = [
        f"# {task.title}",
        closed(task.brief),
        section("Examples", task.examples),
        section("Done when", task.done_when),
        *_of_project(task, project),
        f"---\n\n{HOW[task.kind]} {_when_done(task.kind)}",
    ]
    return _joined(parts)


def _of_project(task: Task, project: Project) -> tuple[str, str, str]:
    commands = project.checks if task.kind is not Kind.RESEARCH else []
    return (
        section("The project's rules", project.rules),
        _listed(
            "Leave alone",
            "Change none of these, and nothing in them. If the task can't be done without, end and say so.",
            [shown(path) for path in project.hands_off],
        ),
        _listed("Checks", "These commands will be run on your work, each in the top folder:", commands),
    )


def _listed(heading: str, sentence: str, items: Iterable[str]) -> str:
    items = [f"- {code(item)}" for item in items]
    return section(heading, "\n".join([sentence, "", *items])) if items else ""


def _when_done(kind: Kind) -> str:
    return WHEN_REPORTED if kind is Kind.RESEARCH else WHEN_DONE


def placed(prompt: str, *, report: Path) -> str:
    """The prompt with the place of its report by its path, for agents that see no environment.

    To be called once the run's folder is known, on a prompt as it is kept.
    """
    return prompt.replace(REPORT, f"{REPORT}, {code(str(report))}")


def review(message: str, comments: Iterable[Comment], kind: Kind = Kind.DIRECTED) -> str:
    """A change that was sent back: the message, then each comment by its number, its place and the lines it is about.

    The agent is asked to reply to each one in the way that `server.reading.answers` reads.
    """
    comments = list(comments)
    parts = ["# Changes requested", closed(message), *map(_comment, comments)]
    if kind is Kind.RESEARCH:
        parts.append(f"---\n\nWrite the report anew, as a whole, to {REPORT}. {WHEN_REPORTED}")
    else:
        parts.append(f"---\n\nMend what is asked, in the same working tree. {WHEN_DONE}")
    if comments:
        parts.append(_how_to_reply([comment.id for comment in comments]))
    return _joined(parts)


def _how_to_reply(numbers: Sequence[int]) -> str:
    return (
        "Close that message with a reply to each comment, in a paragraph of its own that begins with its number: what "
        "you did, or why not, or what you need to know first.\n\n"
        + "\n\n".join(f"Comment {number}: …" for number in numbers)
    )


def _comment(comment: Comment) -> str:
    quoted = "".join(f"\n> {line}" for line in comment.quoted.splitlines())
    return f"{_heading(comment)}{_place(comment)}\n{quoted}\n\n{closed(comment.body)}"


def _heading(comment: Comment) -> str:
    return f"## Comment {comment.id} "


def holds(prompt: str, comment: Comment) -> bool:
    """Whether the prompt tells the agent of this comment."""
    return _heading(comment) in prompt


def _place(comment: Comment) -> str:
    """Where a comment belongs, as compilers and editors write it: `path:line` or `path:first-last`."""
    if comment.path is None:
        return "on the change as a whole"
    if comment.line is None:
        return f"on {code(shown(comment.path))}"
    last = comment.end_line or comment.line
    lines = f"{comment.line}" if last == comment.line else f"{comment.line}-{last}"
    side = " (lines of the old file)" if comment.side is Side.OLD else ""
    return f"on {code(f'{shown(comment.path)}:{lines}')}{side}"


def checks(red: Iterable[Check]) -> str:
    """A revision whose checks were red: each with its command, its exit and the end of its log."""
    parts = ["# The project's checks are red"]
    parts += [f"## {code(check.command)} ({_ending(check)})\n\n{_log(check)}" for check in red]
    parts.append(
        "---\n\nRun such a command yourself, in the top folder, to see all that it says and whether it passes. "
        f"Mend the cause; never loosen or skip a check. {WHEN_DONE}"
    )
    return _joined(parts)


def _ending(check: Check) -> str:
    return f"exit {check.exit_code}" if check.exit_code is not None else "could not be started"


def _log(check: Check) -> str:
    return fenced(check.tail.strip()) if check.tail.strip() else "It printed nothing."


def again(prompt: str, error: str) -> str:
    """Another try after a run that came to nothing."""
    return f"The last try came to nothing: {error or 'no reason is known.'}\n\n{prompt}"


def interrupted(prompt: str) -> str:
    """The same turn again, after it was broken off in the middle and its working tree was left as it stood."""
    return (
        "This turn was broken off in the middle, since the machine or Narrows stopped. The working tree is as you left "
        f"it, half-done work included: look at it first, then go on from there. This was asked:\n\n{prompt}"
    )


def conflict(target: str, commit: str, files: Iterable[str]) -> str:
    """A landing met a conflict: what moved, and what to do about it."""
    listed = "\n".join(f"- {code(shown(path))}" for path in files)
    return (
        f"{code(target)} has moved and this change no longer merges. These files conflict:\n\n{listed}\n\n"
        f"The target's commit is {commit}; run `git merge {commit}` in the working tree "
        "(or make the same change on top of it), and resolve the conflicts so that both sides' intent is kept."
    )


def whole_story(task: Task, project: Project, files: Sequence[FileDiff], prompt: str) -> str:
    """A follow-up for an agent that does not remember: the task, what was done so far, and what is asked now.

    Args:
        files: The newest revision's diff; what of it is beyond `PATCH_LIMIT` is only named.
        prompt: The follow-up as the conversation would have got it.
    """
    story = first(task, project)
    start = "" if story in prompt else f"{story}\n"  # another try of the first turn tells it itself
    return f"{start}{_so_far(files)}{prompt}"


def _so_far(files: Sequence[FileDiff]) -> str:
    """The diff's files in reading order, as many as there is room for, and the names of the others."""
    if not files:
        return ""
    told, left_out, room = [], [], PATCH_LIMIT
    for file in (files[place] for place in order.reading_order(files)):
        text = file.text.decode("utf-8", "replace")
        if file.binary or order.folded(file.path) or len(text) > room:
            left_out.append(file)
        else:
            told.append(text)
            room -= len(text)
    parts = ["# What was done so far", EARLIER]
    if told:
        parts.append(fenced("".join(told), "diff"))
    if left_out:
        parts.append("Also changed, and to be looked at in the working tree:\n\n" + "\n".join(map(_named, left_out)))
    return _joined([*parts, "---\n\nWhat follows is what is asked now.\n"])


def _named(file: FileDiff) -> str:
    size = "binary" if file.binary else f"+{file.additions or 0} −{file.deletions or 0}"
    return f"- {code(shown(file.path))} ({size})"


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
