"""Where changes land, on the pages: a project's settings, the land form, the landings."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from server.services import landings, projects, undos
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.remotes import Remote
from tests.support.repositories import Repository
from tests.web.pages.conftest import Person

SETTINGS: dict[str, Any] = {"name": "mine", "target_branch": "main"}


@pytest.fixture
def remote(repository: Repository) -> Remote:
    return Remote.of(repository)


def test_a_remote_is_chosen_among_those_that_are_there(
    person: Person, narrows: Narrows, repository: Repository, remote: Remote
) -> None:
    page = person.reads(f"/projects/examination?path={repository.path}")
    assert '<option value="origin">origin’s, by a push</option>' in page
    assert 'name="follows" checked' in page
    person.sends("/projects", path=str(repository.path), **SETTINGS, remote="origin", follows="on")
    project = projects.get(narrows, 1)
    assert (project.remote, project.follows, project.pull_requests) == ("origin", True, False)
    assert '<option value="origin" selected>' in person.reads("/projects/1")
    person.sends("/projects/1", **SETTINGS, remote="origin", pull_requests="on")
    project = projects.get(narrows, 1)
    assert (project.remote, project.follows, project.pull_requests) == ("origin", False, True)
    assert "lands on main of origin by pull requests" in person.reads("/projects")

    repository.git("remote", "remove", "origin")
    assert '<option value="origin" selected>origin’s, which is not there any more</option>' in person.reads(
        "/projects/1"
    )
    person.sends("/projects/1", **SETTINGS)
    assert projects.get(narrows, 1).remote == ""


def test_without_a_remote_nothing_is_asked_about_one(person: Person, narrows: Narrows, repository: Repository) -> None:
    page = person.reads(f"/projects/examination?path={repository.path}")
    assert "by a push" not in page
    assert "pull request" not in page
    person.sends("/projects", path=str(repository.path), **SETTINGS, follows="on")
    assert 'type="hidden" name="follows" value="on"' in person.reads("/projects/1")
    assert projects.get(narrows, 1).follows, "as a remote that is added later finds it"


def test_every_mistake_is_a_sentence_beside_what_was_chosen(
    person: Person, narrows: Narrows, repository: Repository, remote: Remote
) -> None:
    projects.register(narrows, str(repository.path))
    page = person.sends("/projects/1", 422, **SETTINGS, pull_requests="on")
    assert "A pull request is opened on a remote. Choose the remote as well." in page
    repository.branch("only-here")
    page = person.sends("/projects/1", 422, name="mine", target_branch="only-here", remote="origin")
    assert "origin has no branch 'only-here'. Push it there first" in page
    shutil.rmtree(remote.path)
    page = person.sends("/projects/1", 503, **SETTINGS, remote="origin")
    assert "origin can't be reached: " in page
    assert '<option value="origin" selected>' in page
    assert projects.get(narrows, 1).remote == ""


def test_a_landing_says_where_it_went_and_what_did_not_go_along(
    person: Person, narrows: Narrows, repository: Repository, remote: Remote
) -> None:
    project = projects.register(narrows, str(repository.path), remote="origin")
    workshop = Workshop(narrows, project)
    change = workshop.change({"said.txt": "said\n"})
    assert "Land revision 1 on main of origin</h2>" in person.reads(f"/changes/{change.id}/landing/new")
    repository.commit("mine, not pushed", {"mine.txt": "mine\n"})
    workshop.land(change)
    said = "Your own main has other commits than origin's, so it stays where it is."
    for address in ("/landings", f"/changes/{change.id}"):
        page = person.reads(address)
        assert said in page
        assert "main of origin" in page


def test_a_landing_leads_to_its_pull_request(
    person: Person, narrows: Narrows, repository: Repository, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # without gh
    repository.git("remote", "set-url", "--push", "origin", str(remote.path))
    project = projects.register(narrows, str(repository.path), remote="origin", pull_requests=True)
    workshop = Workshop(narrows, project)
    change = workshop.change({"said.txt": "said\n"}, title="Say it")
    assert "on main of origin, by a pull request</h2>" in person.reads(f"/changes/{change.id}/landing/new")
    landing = workshop.land(change)
    with narrows.transaction() as db:  # what a host that is known would have answered
        landing.pull_request, landing.note = "https://example.org/ada/engine/pull/7", ""
        db.add(landing)
    link = '<a href="https://example.org/ada/engine/pull/7" rel="noreferrer">Its pull request</a>'
    for address in ("/landings", f"/changes/{change.id}"):
        page = person.reads(address)
        assert link in page
        assert f"narrows/{change.id}-say-it" in page
    undos.ask(narrows, landing.id)
    undos.take_back(narrows, landing.id, undos.plan(narrows, landing.id))
    assert "Its pull request is still there; landing the change again updates it." in person.reads("/landings")
    assert landings.get(narrows, landing.id).pull_request
