"""What an agent is told, as markdown.

Nothing that was typed is left out, and nothing that is quoted reaches beyond its own part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.domain.base import shown
from server.domain.check import Check
from server.domain.diff import FileDiff
from server.domain.project import Project
from server.domain.review import Comment, Fit, Side
from server.domain.task import Kind, Task
from server.reading import order, suggestions
from server.reading.sections import closed, code, fenced, section
from server.services.anchors import Placed, here

REPORT = "the file that the environment variable `NARROWS_REPORT` names"
PATCH_LIMIT = 60_000  # characters of a diff that an agent is told at once
CONFLICT_LIMIT = 20_000  # characters of what the sides of a conflict have

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
WHERE_CHECKED = "each in the top folder of a clean checkout of it, set up anew, without the files that git ignores"
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
        _listed("Checks", f"These commands will be run on your work, {WHERE_CHECKED}:", commands),
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


@dataclass(frozen=True)
class Told:
    """A comment as the agent meets it: where its lines are now, and their file's text where it suggests a change."""

    placed: Placed
    content: str | None = None


def review(
    message: str, comments: Iterable[Comment], kind: Kind = Kind.DIRECTED, told: Mapping[int, Told] | None = None
) -> str:
    """A change that was sent back: the message, then each comment by its number, its place and the lines it is about.

    The agent is asked to reply to each one in the way that `server.reading.answers` reads.

    Args:
        told: More about comments, by their numbers; one that is not there stands where it was made.
    """
    comments = list(comments)
    told = told or {}
    parts = ["# Changes requested", closed(message), *(_comment(each, told.get(each.id)) for each in comments)]
    if kind is Kind.RESEARCH:
        parts.append(f"---\n\nWrite the report anew, as a whole, to {REPORT}. {WHEN_REPORTED}")
    else:
        parts.append(f"---\n\nMend what is asked, in the same working tree. {WHEN_DONE}")
    if comments:
        parts.append(_how_to_reply([comment.id for comment in comments]))
    return _joined(parts)


def _how_to_reply(numbers: Sequence[int]) -> str:
    return (
        "Close that message with a reply to each comment, in a paragraph of its own that begins with its number, and "
        "then with one of the words fixed, declined or question: what you did, or why not, or what you need to know "
        "first.\n\n" + "\n\n".join(f"Comment {number}: …" for number in numbers)
    )


def _comment(comment: Comment, told: Told | None) -> str:
    told = told or Told(here(comment, comment.revision))
    quoted = "".join(f"\n> {line}" for line in comment.quoted.splitlines())
    said = [_said(part, told) for part in suggestions.parts(comment.body)]
    return f"{_heading(comment)}{_place(told.placed)}\n{quoted}\n\n" + "\n\n".join(said)


def _said(part: suggestions.Part, told: Told) -> str:
    placed = told.placed
    if part.instead is None:
        return closed(part.text)
    if told.content is None or placed.path is None or placed.line is None:
        return f"Suggested in the place of these lines:\n\n{fenced(chr(10).join(part.instead), suggestions.WORD)}"
    patch = suggestions.patch(placed.path, told.content, placed.line, placed.end_line or placed.line, part.instead)
    return f"Suggested, as a patch for `git apply`:\n\n{fenced(patch, 'diff')}"


def _heading(comment: Comment) -> str:
    return f"## Comment {comment.id} "


def holds(prompt: str, comment: Comment) -> bool:
    """Whether the prompt tells the agent of this comment."""
    return _heading(comment) in prompt


def _place(placed: Placed) -> str:
    """Where a comment belongs, as compilers and editors write it: `path:line` or `path:first-last`."""
    if placed.path is None and placed.line is None:
        return "on the change as a whole"
    if placed.line is None:
        return f"on {code(shown(placed.path or ''))}"
    last = placed.end_line or placed.line
    lines = f"{placed.line}" if last == placed.line else f"{placed.line}-{last}"
    where = f"on {code(f'{shown(placed.path)}:{lines}')}" if placed.path else f"on the report, line {lines}"
    side = " (lines of the old file)" if placed.side is Side.OLD else ""
    return f"{where}{side}{_since(placed)}"


def _since(placed: Placed) -> str:
    """What became of the lines since the comment was made."""
    match placed.fit:
        case Fit.GONE:
            return f" (these lines of revision {placed.comment.revision} are gone)"
        case Fit.EDITED | Fit.MOVED:
            return f" (quoted as in revision {placed.comment.revision})"
        case _:
            return ""


def checks(red: Iterable[Check]) -> str:
    """A revision whose checks were red: each with its command, its exit and the end of its log."""
    parts = ["# The project's checks are red"]
    parts += [f"## {code(check.command)} ({_ending(check)})\n\n{_log(check)}" for check in red]
    parts.append(
        f"---\n\nThese were run {WHERE_CHECKED}. "
        "Run such a command yourself, in the top folder, to see all that it says and whether it passes. "
        f"Mend the cause; never loosen or skip a check. {WHEN_DONE}"
    )
    return _joined(parts)


def _ending(check: Check) -> str:
    return f"exit {check.exit_code}" if check.exit_code is not None else "could not be started"


def _log(check: Check) -> str:
    return fenced(check.tail.strip()) if check.tail.strip() else "It printed nothing."


def split(lines: int, files: int, limit: int, commit: str) -> str:
    """A change that is more than one reading can judge: a part of it stays, and the rest is listed.

    Args:
        lines, files: Its changed lines that need reading, in so many files.
        limit: Lines that one reading can judge.
        commit: Where all of it is kept.
    """
    return _joined(
        [
            "# Is this more than one change?",
            f"What you did is {lines} changed lines to read in {files} files. One reading can judge about {limit}.",
            (
                "If a first part of it can stand by itself, keep exactly that part in the working tree: it has to make "
                "sense alone and to pass the checks. Take the rest out of the tree again; nothing is lost, since "
                f"{code(commit)} has all of it. List the rest in your last message as a checklist in markdown, an item "
                "for each further task, in the order in which they are to be done:"
            ),
            "- [ ] What is to be done, in one line. Then where, and what it needs.",
            "If it is one piece, leave everything as it is, and say in one sentence why it can't be split.",
            f"---\n\n{WHEN_DONE}",
        ]
    )


def again(prompt: str, error: str) -> str:
    """Another try after a run that came to nothing."""
    return f"The last try came to nothing: {error or 'no reason is known.'}\n\n{prompt}"


def interrupted(prompt: str) -> str:
    """The same turn again, after it was broken off in the middle and its working tree was left as it stood."""
    return (
        "This turn was broken off in the middle, since the machine or Narrows stopped. The working tree is as you left "
        f"it, half-done work included: look at it first, then go on from there. This was asked:\n\n{prompt}"
    )


def settled(part: str, message: str) -> str:
    """What is left of a change whose part was taken: what is not to be touched, and then the person's own words."""
    told = (
        f"{part} That part is settled and lands by itself. It stands in the working tree already: leave it as it is, "
        "and go on with what is left of the change."
    )
    return _joined([told, closed(message)])


def by_hand(prompt: str, summary: str) -> str:
    """A prompt for an agent whose working tree a person changed since its last turn."""
    return f"The working tree was changed by hand since your last turn, and stays so. {summary}\n\n{prompt}"


@dataclass(frozen=True)
class Cause:
    """A commit that moved the target, and the change that it came from, where Narrows landed it."""

    commit: str
    subject: str
    landed: str = ""


@dataclass(frozen=True)
class Clash:
    """A file that does not merge: how that is, and each place in it, of each side whose it is, and the lines."""

    path: str
    how: str
    meetings: Sequence[Sequence[tuple[str, str]]] = ()


def conflict(target: str, commit: str, causes: Iterable[Cause], clashes: Iterable[Clash]) -> str:
    """A change that no longer merges: what moved, and each place that is to be brought together.

    Args:
        target: The target branch, which is at `commit`.
    """
    asked = (
        f"{code(target)} has moved, to {commit}, and this change no longer merges with it. Bring the two together so "
        "that what both are for is kept."
    )
    moved = [f"- {each.commit[:12]} {code(each.subject)}{_landed(each)}" for each in causes]
    parts = [asked, "The target was moved by:\n\n" + "\n".join(moved) if moved else "", *_clashes(clashes)]
    return _joined(parts)


def _landed(cause: Cause) -> str:
    return f", which landed as {code(cause.landed)}" if cause.landed else ""


def _clashes(clashes: Iterable[Clash]) -> Iterator[str]:
    """Every file, and its places as far as there is room; what was left out is said."""
    room, left_out = CONFLICT_LIMIT, 0
    for clash in clashes:
        yield f"## {code(shown(clash.path))}\n\n{clash.how}"
        for meeting in clash.meetings:
            sides = "\n\n".join(_side(whose, text) for whose, text in meeting)
            if len(sides) > room:
                left_out += 1
                continue
            room -= len(sides)
            yield sides
    if left_out:
        places = "One more place is" if left_out == 1 else f"{left_out} more places are"
        yield f"{places} left out here, since this is limited to {CONFLICT_LIMIT} characters: see the files themselves."


def _side(whose: str, text: str) -> str:
    return f"{whose}:\n\n{fenced(text)}" if text else f"{whose}."


def brought_onto(prompt: str, target: str, commit: str, marked: Sequence[str] = ()) -> str:
    """A prompt for an agent whose working tree was merged with the target since its last turn.

    Args:
        marked: The files in it that did not merge; none where all did.
    """
    told = (
        f"Your working tree was brought onto {code(target)} as it is now: HEAD is at {commit}, and what you had done "
        "is merged with it, so there is nothing to fetch, merge or rebase."
    )
    if marked:
        listed = "\n".join(f"- {code(shown(path))}" for path in marked)
        told += (
            " These files did not merge. Where both sides have lines, they stand between conflict markers, with what "
            "was there before in the middle; the target's come first. Settle each one, and leave no marker behind:"
            f"\n\n{listed}"
        )
    return f"{told}\n\n{prompt}"


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
