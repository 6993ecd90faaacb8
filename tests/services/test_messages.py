"""What the commits of a landing say, by whom they are, and by which method they land."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from server.domain.change import Change
from server.domain.errors import Invalid
from server.domain.project import LandingMethod, Project
from server.git import commands
from server.git.merges import SigningFailed
from server.services import landings, messages, parts, projects, reviews, runs, undos
from tests.services.workshop import Workshop
from tests.support.repositories import USER, Repository

ME = f"{USER[0]} <{USER[1]}>"
DEMO = "demo <demo@agents.narrows.invalid>"


def configured(workshop: Workshop, **wishes: Any) -> Project:
    workshop.project = projects.configure(workshop.narrows, workshop.project.id, **wishes)
    return workshop.project


def second_revision(workshop: Workshop, change: Change, files: dict[str, str | bytes | None], summary: str) -> None:
    """Sent back, and answered by the agent."""
    reviews.request_changes(workshop.narrows, change.id, revision=1, message="More.")
    [run] = workshop.admit()
    workshop.finish(run, files, summary=summary)


def written(repository: Repository, name: str = "main") -> tuple[str, str, str]:
    """Author, committer and message of a commit."""
    author, committer, message = repository.git("log", "-1", "--format=%an <%ae>%x00%cn <%ce>%x00%B", name).split("\0")
    return author, committer, message.strip()


# The message


def test_without_a_template_it_is_the_title_and_what_the_agent_says(workshop: Workshop) -> None:
    change = workshop.change(title="Shout")
    assert messages.proposed(workshop.narrows, change.id) == "Shout\n\nI said it.\n"


def test_a_template_is_filled_and_leaves_no_gap(workshop: Workshop) -> None:
    configured(workshop, message_template="feat: $title ($$5)\r\n\r\n$summary\r\n\r\nTask $task, change ${change}.")
    change = workshop.change(title="Pay $title")
    said = messages.proposed(workshop.narrows, change.id)
    assert said == f"feat: Pay $title ($5)\n\nI said it.\n\nTask {change.task_id}, change {change.id}.\n"
    workshop.file(title="Silent")
    [run] = workshop.admit()
    silent = workshop.finish(run, {"x": "x"}, summary="")
    said = messages.proposed(workshop.narrows, silent.id)
    assert said == f"feat: Silent ($5)\n\nTask {silent.task_id}, change {silent.id}.\n"
    configured(workshop, message_template="$summary")
    assert messages.proposed(workshop.narrows, silent.id) == "Silent\n"


@pytest.mark.parametrize(
    ("words", "said"), [("$titel", "Nothing fills $titel."), ("5 $ a day", "A $ in it begins no placeholder.")]
)
def test_a_template_that_nothing_fills_is_refused(workshop: Workshop, words: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        configured(workshop, message_template=words)
    assert (refused.value.field, refused.value.message) == ("message_template", said)
    assert "$title, $summary, $task and $change" in refused.value.hint


# By whom


@pytest.mark.parametrize(
    ("author", "who", "other"), [("you", ME, DEMO), ("agent", DEMO, ME)], ids=["by you", "by the agent"]
)
def test_the_one_is_its_author_and_the_other_is_named(
    workshop: Workshop, repository: Repository, author: str, who: str, other: str
) -> None:
    configured(workshop, author=author, co_author=True, sign_off=True)
    change = workshop.change(title="Shout")
    trailers = f"Co-authored-by: {other}\nSigned-off-by: {ME}"
    assert messages.proposed(workshop.narrows, change.id) == f"Shout\n\nI said it.\n\n{trailers}\n"
    workshop.land(change)
    assert written(repository) == (who, ME, f"Shout\n\nI said it.\n\n{trailers}")
    parsed = repository.git("log", "-1", "--format=%(trailers:only)").strip()
    assert parsed == trailers


def test_what_a_person_wrote_gets_the_trailers_that_it_lacks_and_no_other_edit(
    workshop: Workshop, repository: Repository
) -> None:
    configured(workshop, co_author=True, sign_off=True)
    change = workshop.change()
    typed = f"Mine,  as   typed\n\n\n# not a comment\n\nRefs: #4\nsigned-off-by: {ME}"
    landing = workshop.land(change, message=typed)
    assert written(repository)[2] == f"{typed}\nCo-authored-by: {DEMO}"
    assert landing.message == f"{typed}\nCo-authored-by: {DEMO}\n"


def test_a_trailer_that_is_only_quoted_is_added(workshop: Workshop) -> None:
    configured(workshop, sign_off=True)
    change = workshop.change()
    typed = f"Explain sign-offs\n\nSigned-off-by: {ME}\n\nis what one looks like."
    said = messages.completed(workshop.narrows, change.id, typed)
    assert said == f"{typed}\n\nSigned-off-by: {ME}\n"
    assert messages.completed(workshop.narrows, change.id, said) == said


def test_an_agent_that_was_removed_keeps_its_name(workshop: Workshop) -> None:
    configured(workshop, co_author=True)
    change = workshop.change()
    with workshop.narrows.transaction() as db:
        run = runs.of_change(workshop.narrows, change.id)[-1]
        run.agent = "gone"
        db.add(db.merge(run))
    assert "Co-authored-by: gone <gone@agents.narrows.invalid>" in messages.proposed(workshop.narrows, change.id)


# By which method


def test_a_landing_may_be_by_another_method_and_the_project_keeps_its_own(
    workshop: Workshop, repository: Repository
) -> None:
    before = repository.head
    change = workshop.change(title="Shout")
    landing = workshop.land(change, method=LandingMethod.MERGE)
    assert landing.method is LandingMethod.MERGE
    parents = repository.git("log", "-1", "--format=%P", "main").split()
    assert parents[0] == before
    assert written(repository, parents[1]) == (ME, ME, "Shout\n\nI said it.")
    assert projects.get(workshop.narrows, workshop.project.id).landing_method is LandingMethod.SQUASH


def test_a_rebase_lands_each_revision_and_is_taken_back_by_one_commit(
    workshop: Workshop, repository: Repository
) -> None:
    configured(workshop, landing_method="rebase", sign_off=True)
    before = repository.head
    change = workshop.change({"said.txt": "said\n"}, title="Shout")
    second_revision(workshop, change, {"said.txt": "SAID\n", "more.txt": "m\n"}, "I shouted it.")
    repository.commit("elsewhere", {"other.txt": "other\n"})
    landing = workshop.land(change, message="Shout at last")
    assert repository.log(f"{before}..main") == ["Shout at last", "Shout", "elsewhere"]
    assert landing.commits == repository.git("rev-list", "--reverse", "-2", "main").split()
    assert written(repository, "main^")[2] == f"Shout\n\nI said it.\n\nSigned-off-by: {ME}"
    assert repository.show("main^:said.txt") == "said\n"
    assert landing.receipt is not None
    assert landing.receipt["landed"]["as_read"] is True

    repository.commit("on top", {"top.txt": "t\n"})
    undos.ask(workshop.narrows, landing.id)
    planned = undos.plan(workshop.narrows, landing.id)
    assert planned.revert
    assert undos.take_back(workshop.narrows, landing.id, planned)
    assert repository.git("diff", "--name-only", before, "main").split() == ["other.txt", "top.txt"]
    assert repository.git("rev-list", "--count", f"{landing.commit}..main") == "2"
    reverted = "\n".join(f"This reverts commit {commit}." for commit in reversed(landing.commits))
    assert written(repository) == (ME, ME, f'Revert "Shout at last"\n\n{reverted}\n\nSigned-off-by: {ME}')


def test_a_part_is_replayed_alone(workshop: Workshop, repository: Repository) -> None:
    """What a change's revisions were before it was divided is not the part's."""
    configured(workshop, landing_method="rebase")
    before = repository.head
    change = workshop.change({"a.txt": "a\n", "b.txt": "b\n"})
    done = parts.land(workshop.narrows, change.id, revision=1, chosen={"a.txt": None}, rest="keep")
    assert done.landing is not None
    [claimed] = workshop.claim()
    workshop.prove(claimed)
    assert landings.move(workshop.narrows, claimed.id)
    assert repository.git("diff", "--name-only", before, "main") == "a.txt"
    assert repository.git("rev-list", "--count", f"{before}..main") == "1"


# Signed


def sign(repository: Repository, tmp_path: Path) -> Path:
    """From now on the user signs, by a key that is made for it."""
    key, allowed = tmp_path / "id", tmp_path / "allowed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed.write_text(f"{USER[1]} {key.with_suffix('.pub').read_text()}")
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "gpg.ssh.allowedSignersFile": str(allowed),
        "commit.gpgSign": "true",
    }.items():
        repository.git("config", name, value)
    return key


def test_what_lands_and_what_takes_it_back_is_signed_and_a_revision_is_not(
    workshop: Workshop, repository: Repository, tmp_path: Path
) -> None:
    first = workshop.change({"a.txt": "a\n"})
    sign(repository, tmp_path)
    landing = workshop.land(first)
    repository.git("verify-commit", "main")
    revision = commands.run(workshop.mirror, "cat-file", "commit", f"refs/narrows/changes/{first.id}/1")
    assert "gpgsig" not in revision.text
    repository.commit("on top", {"top.txt": "t\n"})
    undos.ask(workshop.narrows, landing.id)
    planned = undos.plan(workshop.narrows, landing.id)
    assert planned.revert
    assert undos.take_back(workshop.narrows, landing.id, planned)
    repository.git("verify-commit", "main")


def test_a_signature_that_fails_stops_the_landing_with_the_signers_words(
    workshop: Workshop, repository: Repository, tmp_path: Path
) -> None:
    change = workshop.change()
    before = repository.head
    sign(repository, tmp_path).unlink()
    with pytest.raises(SigningFailed, match=r"could not be signed: .*id") as refused:
        landings.land(workshop.narrows, change.id, revision=1)
    assert "Nothing moved" in refused.value.hint
    assert repository.head == before
    assert landings.of_change(workshop.narrows, change.id) == []
