"""What a person says of a change: comments on lines, and the verdict that sends them."""

from __future__ import annotations

from sqlmodel import Session

from server.domain.change import Change, Revision
from server.domain.errors import Invalid, NotFound, WrongState
from server.domain.event import Actor
from server.domain.review import Comment, CommentState, Review, Side, Verdict
from server.domain.run import Reason, Run
from server.domain.states import ChangeState, TaskState
from server.domain.task import Kind
from server.reading import answers, lines, suggestions
from server.services import admission, anchors, attempts, changes, events, prompts, questions, revisions
from server.services.narrows import Narrows
from server.services.targets import Target
from server.store import queries, run_queries


def comment(
    narrows: Narrows,
    change_id: int,
    *,
    revision: int,
    body: str,
    path: str | None = None,
    side: str = Side.NEW,
    line: int | None = None,
    end_line: int | None = None,
    suggestion: str | None = None,
) -> Comment:
    """Comment on lines, on a file, on lines of the report, or on the change as a whole. It stays a draft until a review
    sends it.

    Args:
        revision: The revision's number.
        path: As in the diff; None: the change as a whole, or its report.
        side: "old" or "new": which file the line numbers count in.
        line: First line, from 1; None: the file as a whole.
        end_line: Last line; None: one line.
        suggestion: What the lines should be instead; None: nothing is suggested. It becomes a part of the body.

    Raises:
        Invalid: The place is not in this revision, or the comment is empty.
    """
    body = body.strip()
    if suggestion is not None:
        if line is None:
            raise Invalid("suggestion", "A suggestion stands on lines, and none were named.", "Name the lines, too.")
        body = f"{body}\n\n{suggestions.fence(suggestion)}".strip()
    if not body:
        raise Invalid("body", "The comment is empty.", "Type what should be different, or cancel.")
    path, quoted = quote(narrows, change_id, revision=revision, path=path, side=side, line=line, end_line=end_line)
    with narrows.transaction() as db:
        made = Comment(
            change_id=change_id,
            revision=revision,
            path=path,
            side=Side(side),
            line=line,
            end_line=end_line or line,
            quoted=quoted,
            body=body,
        )
        events.record(db, Actor.YOU, "commented", made)
    return made


def quote(
    narrows: Narrows,
    change_id: int,
    *,
    revision: int,
    path: str | None = None,
    side: str = Side.NEW,
    line: int | None = None,
    end_line: int | None = None,
) -> tuple[str | None, str]:
    """The file's name as git has it, and the lines that a comment there is about; the place as `comment` takes it.

    Raises:
        Invalid: The place is not in this revision.
    """
    if side not in set(Side):
        raise Invalid("side", f"{side!r} is no side of a diff.", "It is old or new.")
    if end_line is not None and line is None:
        raise Invalid("line", "A last line was named, but no first.", "Name both, or the first alone.")
    seen = revisions.get(narrows, change_id, revision)
    if path is None and line is None:
        return None, ""
    if path is None:
        if not seen.report:
            raise Invalid("path", "A line was named, but no file.", "Name the file, too.")
        return None, _cut(lines.split(seen.report), "report", line or 1, end_line)
    path, name = _names(narrows, seen, path, Side(side))
    if line is None:
        return path, ""
    whole = revisions.whole_file(narrows, seen, name, old=side == Side.OLD)
    if whole is None:
        raise Invalid("side", f"The file has no {side} side in this revision.", "Comment on its other side.")
    return path, _cut(lines.split(whole.decode("utf-8", "replace")), "file", line, end_line)


def _names(narrows: Narrows, seen: Revision, path: str, side: Side) -> tuple[str, str]:
    """A file as comments call it, and as it is called on a side of the diff.

    It may be one that is not in the diff: what this revision took back is seen against an earlier one.
    """
    try:
        row = revisions.outline(narrows, seen)[revisions.find_position(narrows, seen, path)]
    except NotFound:
        if revisions.whole_file(narrows, seen, path, old=side is Side.OLD) is None:
            raise
        return path, path
    return row.path, (row.old_path or row.path) if side is Side.OLD else row.path


def _cut(whole: list[str], what: str, line: int, end_line: int | None) -> str:
    end = end_line or line
    if line < 1 or end < line:
        raise Invalid("line", f"Lines {line} to {end} are no range.", "Count from 1, the smaller number first.")
    if end > len(whole):
        raise Invalid("line", f"The {what} has {len(whole)} lines there.", f"Line {end} does not exist.")
    return "\n".join(whole[line - 1 : end])


def edit_comment(narrows: Narrows, comment_id: int, body: str) -> Comment:
    """Say a draft differently.

    Raises:
        WrongState: It was sent.
    """
    if not body.strip():
        raise Invalid("body", "The comment is empty.", "Type something, or delete the comment.")
    with narrows.transaction() as db:
        found = queries.comment(db, comment_id)
        found.edit(body.strip())
        events.record(db, Actor.YOU, "edited", found)
    return found


def delete_comment(narrows: Narrows, comment_id: int) -> Comment:
    """Take a draft back.

    Raises:
        WrongState: It was sent.
    """
    with narrows.transaction() as db:
        found = queries.comment(db, comment_id)
        if found.state is not CommentState.DRAFT:
            raise WrongState("This comment was sent to the agent.", "Resolve it instead.")
        events.record(db, Actor.YOU, "deleted", found, body=found.body)
        for anchor in queries.anchors(db, found.change_id).values():
            if anchor.comment_id == found.id:
                db.delete(anchor)
        db.flush()
        db.delete(found)
    return found


def resolve_comment(narrows: Narrows, comment_id: int) -> Comment:
    """The person is content with what came of it."""
    with narrows.transaction() as db:
        found = queries.comment(db, comment_id)
        if found.state is CommentState.DRAFT:
            raise WrongState("This comment is a draft.", "Send it with a review, or delete it.")
        found.resolve()
        events.record(db, Actor.YOU, "resolved", found)
    return found


def reopen_comment(narrows: Narrows, comment_id: int) -> Comment:
    """The person is not content after all.

    Raises:
        WrongState: It is not resolved.
    """
    with narrows.transaction() as db:
        found = queries.comment(db, comment_id)
        if found.state is CommentState.DRAFT:
            raise WrongState("This comment is a draft.", "Edit it, or send it with a review.")
        found.reopen()
        events.record(db, Actor.YOU, "reopened", found)
    return found


def get_comment(narrows: Narrows, comment_id: int) -> Comment:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return queries.comment(db, comment_id)


def comments(narrows: Narrows, change_id: int) -> list[Comment]:
    """A change's comments, oldest first."""
    with narrows.reading() as db:
        return queries.comments(db, change_id)


def request_changes(
    narrows: Narrows, change_id: int, *, revision: int, message: str = "", onto_target: bool = False
) -> Run:
    """Send the change back to its agent with the message and every drafted comment.

    Args:
        onto_target: Its worktree is brought onto the target as that is now, before the agent's turn.

    Raises:
        Invalid: Nothing was said.
        WrongState: It is not in review, or a newer revision came.
        NarrowsError: With `onto_target`, where the target can't be asked.
    """
    told = _told(narrows, change_id, revision)
    onto = _target(narrows, change_id) if onto_target else ""
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        seen = changes.reviewed(db, change, revision)
        drafts = queries.drafted_comments(db, change_id)
        if not message.strip() and not drafts:
            raise Invalid("message", "Nothing was said.", "Comment on a line, or type what should be different.")
        change.resume()
        change.check_rounds = 0
        for draft in drafts:
            draft.send()
            db.add(draft)
        _judge(db, change, seen, Verdict.REQUEST_CHANGES, message)
        events.record(db, Actor.YOU, "sent_back", change, comments=len(drafts))
        kind = queries.task(db, change.task_id).kind
        return admission.follow(db, change, Reason.REVIEW, prompts.review(message, drafts, kind, told), onto)


def _target(narrows: Narrows, change_id: int) -> str:
    """The commit that the change's target is at."""
    with narrows.reading() as db:
        project = queries.project(db, queries.change(db, change_id).project_id)
    return Target.of(narrows, project).tip()


def _told(narrows: Narrows, change_id: int, number: int) -> dict[int, prompts.Told]:
    """Where each drafted comment stands in the revision that is judged, with the file that it suggests a change of."""
    newest = revisions.of_change(narrows, change_id)
    if not newest or newest[-1].number != number:
        return {}  # the verdict is refused
    return {
        each.comment.id: prompts.Told(each, _content(narrows, newest[-1], each))
        for each in anchors.placed(narrows, change_id, number)
        if each.comment.state is CommentState.DRAFT
    }


def _content(narrows: Narrows, revision: Revision, each: anchors.Placed) -> str | None:
    """The text that a suggestion is a patch of; None where it can't be one."""
    suggests = any(part.instead is not None for part in suggestions.parts(each.comment.body))
    if not suggests or not each.path or not each.line or each.side is Side.OLD or each.outdated:
        return None
    try:
        whole = revisions.whole_file(narrows, revision, each.path, old=False)
        return whole.decode() if whole is not None else None
    except UnicodeDecodeError:
        return None


def hear(db: Session, run: Run) -> None:
    """Keep what the run's last message says to each comment that was sent. Inside the transaction that ends the run.

    A comment that the run was asked about gets this answer; another one only if it has none yet.
    """
    sent = {
        comment.id: comment
        for comment in queries.comments(db, run.change_id)
        if comment.state is not CommentState.DRAFT and (not comment.answer or prompts.holds(run.prompt, comment))
    }
    for number, words in answers.answers(run.summary, sent).items():
        sent[number].answer = words
        events.record(db, Actor.AGENT, "answered", sent[number], run_id=run.id)


def later(narrows: Narrows, change_id: int) -> Change:
    """Put the change behind everything else that waits."""
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        change.put_off()
        _judge(db, change, queries.last_revision(db, change_id), Verdict.LATER, "")
        events.record(db, Actor.YOU, "put_off", change)
    return change


def pin(narrows: Narrows, change_id: int) -> Change:
    """Keep the change first, before everything else that waits; the one that was pinned last comes first of several.

    Raises:
        WrongState: It does not wait for the person.
    """
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        change.pin()
        events.record(db, Actor.YOU, "pinned", change)
    return change


def unpin(narrows: Narrows, change_id: int) -> Change:
    """Back to where its points put it; nothing happens where it is not pinned."""
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        if change.pinned_at is not None:
            change.unpin()
            events.record(db, Actor.YOU, "unpinned", change)
    return change


def accept(narrows: Narrows, change_id: int, *, revision: int) -> Change:
    """A report was read and is good: its task is done.

    Raises:
        WrongState: It is not in review, or its task is no research.
    """
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        seen = changes.reviewed(db, change, revision)
        task = queries.task(db, change.task_id)
        if task.kind is not Kind.RESEARCH:
            raise WrongState("Only a report can be accepted.", "Land this change, send it back, or abandon it.")
        change.accept()
        if task.state is TaskState.OPEN:  # it is done already where another attempt was accepted
            task.finish()
            events.record(db, Actor.YOU, "done", task)
        _judge(db, change, seen, Verdict.ACCEPT, "")
        changes.give_back_tree(db, change)
        events.record(db, Actor.YOU, "accepted", change)
        attempts.give_up_others(db, change)
    return change


def keep(narrows: Narrows, change_id: int) -> Change:
    """Review what a run that came to nothing left behind.

    Raises:
        WrongState: It left nothing, or the change is elsewhere.
    """
    with narrows.transaction() as db:
        change = queries.change(db, change_id)
        if change.state is not ChangeState.NEEDS_ATTENTION or queries.last_revision(db, change_id) is None:
            raise WrongState(f"Change {change_id} left nothing to review.", "Try again, or abandon it.")
        if run_queries.unfinished(db, change_id):
            raise WrongState(
                f"The agent of change {change_id} waits for your answer.", "Answer it, or stop its run first."
            )
        questions.forsake(db, change)
        change.present()
        events.record(db, Actor.YOU, "kept", change)
    return change


def _judge(db: Session, change: Change, seen: Revision | None, verdict: Verdict, message: str) -> None:
    db.add(
        Review(
            change_id=change.id,
            revision_id=seen.id if seen else None,
            commit=seen.commit if seen else "",
            verdict=verdict,
            message=message.strip(),
        )
    )
