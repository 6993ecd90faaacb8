"""What a person says of a change: comments on lines, and the verdict that sends them."""

from __future__ import annotations

from sqlmodel import Session

from server.domain.change import Change, Revision
from server.domain.errors import Invalid, WrongState
from server.domain.event import Actor
from server.domain.review import Comment, CommentState, Review, Side, Verdict
from server.domain.run import Reason, Run
from server.domain.states import ChangeState
from server.domain.task import Kind
from server.reading import answers, lines
from server.services import admission, changes, events, prompts, questions, revisions
from server.services.narrows import Narrows
from server.store import queries


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
) -> Comment:
    """Comment on lines, on a file, or on the change as a whole. It stays a draft until a review sends it.

    Args:
        revision: The revision's number.
        path: As in the diff; None: the change as a whole.
        side: "old" or "new": which file the line numbers count in.
        line: First line, from 1; None: the file as a whole.
        end_line: Last line; None: one line.

    Raises:
        Invalid: The place is not in this revision, or the comment is empty.
    """
    body = body.strip()
    if not body:
        raise Invalid("body", "The comment is empty.", "Type what should be different, or cancel.")
    if side not in set(Side):
        raise Invalid("side", f"{side!r} is no side of a diff.", "It is old or new.")
    seen = revisions.get(narrows, change_id, revision)
    path, quoted = _quote(narrows, seen, path, Side(side), line, end_line)
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


def _quote(
    narrows: Narrows, seen: Revision, path: str | None, side: Side, line: int | None, end_line: int | None
) -> tuple[str | None, str]:
    """The file's name as git has it, and the lines that the comment is about."""
    if end_line is not None and line is None:
        raise Invalid("line", "A last line was named, but no first.", "Name both, or the first alone.")
    if path is None:
        if line is not None:
            raise Invalid("path", "A line was named, but no file.", "Name the file, too.")
        return None, ""
    row = revisions.outline(narrows, seen)[revisions.find_position(narrows, seen, path)]
    if line is None:
        return row.path, ""
    end = end_line or line
    if line < 1 or end < line:
        raise Invalid("line", f"Lines {line} to {end} are no range.", "Count from 1, the smaller number first.")
    name = (row.old_path or row.path) if side is Side.OLD else row.path
    whole = revisions.whole_file(narrows, seen, name, old=side is Side.OLD)
    if whole is None:
        raise Invalid("side", f"The file has no {side} side in this revision.", "Comment on its other side.")
    quoted = lines.split(whole.decode("utf-8", "replace"))
    if end > len(quoted):
        raise Invalid("line", f"The file has {len(quoted)} lines there.", f"Line {end} does not exist.")
    return row.path, "\n".join(quoted[line - 1 : end])


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


def get_comment(narrows: Narrows, comment_id: int) -> Comment:
    """Raises: NotFound."""
    with narrows.reading() as db:
        return queries.comment(db, comment_id)


def comments(narrows: Narrows, change_id: int) -> list[Comment]:
    """A change's comments, oldest first."""
    with narrows.reading() as db:
        return queries.comments(db, change_id)


def request_changes(narrows: Narrows, change_id: int, *, revision: int, message: str = "") -> Run:
    """Send the change back to its agent with the message and every drafted comment.

    Raises:
        Invalid: Nothing was said.
        WrongState: It is not in review, or a newer revision came.
    """
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
        return admission.follow(db, change, Reason.REVIEW, prompts.review(message, drafts, kind))


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
        task.finish()
        events.record(db, Actor.YOU, "done", task)
        _judge(db, change, seen, Verdict.ACCEPT, "")
        changes.give_back_tree(db, change)
        events.record(db, Actor.YOU, "accepted", change)
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
        if queries.unfinished_runs(db, change_id):
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
