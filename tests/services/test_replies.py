"""What an agent replies to comments stands with them."""

from __future__ import annotations

import pytest

from server.domain.change import Change
from server.domain.review import Comment
from server.domain.run import Run
from server.domain.states import RunState
from server.services import agents, assessments, events, reviews, runs
from tests.services.workshop import ME, Workshop


@pytest.fixture
def change(workshop: Workshop) -> Change:
    return workshop.change({"said.txt": "said\n"})


def sent(workshop: Workshop, change: Change, *bodies: str) -> tuple[Run, list[Comment]]:
    """Comments that went to the agent, and the run that got them."""
    made = [reviews.comment(workshop.narrows, change.id, revision=1, body=body) for body in bodies]
    reviews.request_changes(workshop.narrows, change.id, revision=1)
    [run] = workshop.admit()
    return run, made


def says(workshop: Workshop, run: Run, words: str, state: RunState = RunState.SUCCEEDED) -> None:
    """The agent ends without a change."""
    workshop.take(run, words)
    runs.end(workshop.narrows, run.id, ME, runs.Ending(state, summary=words))
    runs.decide(workshop.narrows, run.id)


def answer(workshop: Workshop, comment: Comment) -> str:
    return reviews.get_comment(workshop.narrows, comment.id).answer


def test_each_reply_stands_with_its_comment_though_nothing_was_changed(workshop: Workshop, change: Change) -> None:
    run, (first, second) = sent(workshop, change, "Louder?", "Why a file?")
    draft = reviews.comment(workshop.narrows, change.id, revision=1, body="Not sent")
    says(
        workshop,
        run,
        f"No change.\n\n**Comment {second.id}:** As asked.\n\nComment {first.id}: It *is* loud.\n"
        f"\nComment {draft.id}: guessed\n\nComment 99: whose?",
    )
    assert (answer(workshop, first), answer(workshop, second)) == ("It *is* loud.", "As asked.")
    assert answer(workshop, draft) == ""
    told = [event for event in events.of_change(workshop.narrows, change.id) if event.verb == "answered"]
    assert {event.noun_id for event in told} == {first.id, second.id}


def test_another_try_may_answer_better_and_another_turn_may_not(workshop: Workshop, change: Change) -> None:
    run, (first, second) = sent(workshop, change, "Louder?", "Why a file?")
    says(workshop, run, f"Comment {first.id}: I will.", RunState.FAILED)
    runs.retry(workshop.narrows, change.id)
    [again] = workshop.admit()
    says(workshop, again, f"Comment {first.id}: I did.")
    assert answer(workshop, first) == "I did."

    reviews.keep(workshop.narrows, change.id)
    reviews.request_changes(workshop.narrows, change.id, revision=1, message="And the other?")
    [third] = workshop.admit()
    says(workshop, third, f"Comment {first.id}: As before.\n\nComment {second.id}: As asked.")
    assert (answer(workshop, first), answer(workshop, second)) == ("I did.", "As asked.")


def test_silence_on_a_comment_blocks_a_landing_unless_the_agent_holds_no_conversation(workshop: Workshop) -> None:
    agents.add(workshop.narrows, name="mine", family="command", argv=["true"])
    for agent, blockers in (("demo", ["unanswered"]), ("mine", [])):
        change = workshop.change({f"{agent}.txt": "said\n"}, agent=agent)
        run, _ = sent(workshop, change, "Louder?")
        workshop.finish(run, {f"{agent}.txt": "SAID\n"})
        found = assessments.assess(workshop.narrows, change.id)
        assert [blocker.code for blocker in found.blockers] == blockers
