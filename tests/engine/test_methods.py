"""A landing by each of its commits: proven one by one where the project wants that."""

from __future__ import annotations

from pathlib import Path

from server.domain.change import Change
from server.domain.project import LandingMethod
from server.domain.states import LandingState
from server.services import agents, landings, projects, reviews, revisions, tasks
from tests.engine.test_lander import Shop
from tests.support.house import House
from tests.support.repositories import Repository

AGENT = "if test -e bad.txt; then rm bad.txt; echo said > said.txt; else echo > bad.txt; fi; echo I said it."


def mended(shop: Shop) -> Change:
    """A change whose first revision is red, and whose second one is not."""
    agents.add(shop.narrows, "mender", "command", ["/bin/sh", "-c", AGENT])
    task = tasks.file(shop.narrows, project_id=shop.project.id, title="Say it", agent="mender")
    change = shop.house.waits(task)
    reviews.request_changes(shop.narrows, change.id, revision=1, message="Mend it.")

    def second() -> Change | None:
        return shop.house.waits(task) if len(revisions.of_change(shop.narrows, change.id)) == 2 else None

    return shop.house.until(second)


def test_a_red_commit_on_the_way_stops_a_rebase_only_where_each_is_checked(
    house: House, repository: Repository, tmp_path: Path
) -> None:
    shop = Shop(house, repository, tmp_path / "gate")
    shop.checks("test ! -e bad.txt")
    change, before = mended(shop), repository.head
    projects.configure(shop.narrows, shop.project.id, check_each=True, landing_method="rebase")

    failed = shop.over(landings.land(shop.narrows, change.id, revision=2))
    assert failed.state is LandingState.FAILED
    assert "The check `test ! -e bad.txt` is red" in failed.error
    assert repository.head == before

    projects.configure(shop.narrows, shop.project.id, check_each=False)
    landed = shop.over(landings.land(shop.narrows, change.id, revision=2, method=LandingMethod.REBASE))
    assert (landed.state, landed.error) == (LandingState.LANDED, "")
    assert repository.git("rev-list", "--reverse", f"{before}..main").split() == landed.commits
    assert len(landed.commits) == 2

    undone = shop.undone(landed)
    assert undone.state is LandingState.UNDONE
    assert repository.head == before
