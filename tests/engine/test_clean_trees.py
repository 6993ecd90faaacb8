"""A verdict is about the files of a tree: nothing that an agent, a check or a setup left beside them has a say."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.errors import NarrowsError
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.states import ChangeState, CheckState, LandingState
from server.domain.task import Task
from server.engine import checker, clean_trees, recovery
from server.engine.clean_trees import clean_tree
from server.engine.lines import Stopped
from server.engine.workplace import Workplace
from server.services import agents, assessments, checks, landings, projects, revisions, runs, tasks
from tests.services.workshop import Workshop
from tests.support.house import House
from tests.support.repositories import Repository

PYTHON = shlex.quote(sys.executable)
IGNORED = "ignored/\n.venv/\nconftest.py\n*.pyc\n"
HONEST = {
    ".gitignore": IGNORED,
    "said.py": "WORD = 'right'\n",
    "judge.py": "import said\nassert said.WORD == 'right'\n",
    "test_said.py": "import said\n\ndef test_said():\n    assert said.WORD == 'right'\n",
}
SETUP = "mkdir .venv && printf 'import said\\nassert said.WORD == \"right\"\\n' > .venv/judge.py"
WRONG = "echo \"WORD = 'wrong'\" > said.py; "
JUDGE = f"{PYTHON} -B judge.py"

HIDDEN = {
    "a patched virtual environment": (WRONG + "echo pass > .venv/judge.py", f"PYTHONPATH=. {PYTHON} -B .venv/judge.py"),
    "a module that shadows": (
        WRONG + "mkdir ignored; echo 'WORD = \"right\"' > ignored/said.py",
        f'{PYTHON} -B -c \'import sys; sys.path.insert(0, "ignored"); import said; assert said.WORD == "right"\'',
    ),
    "sitecustomize": (
        WRONG + "mkdir ignored; echo 'import os; os._exit(0)' > ignored/sitecustomize.py",
        f"PYTHONPATH=ignored {JUDGE}",
    ),
    "a conftest": (
        WRONG + "echo 'import said; said.WORD = \"right\"' > conftest.py",
        f"{PYTHON} -B -m pytest -q -p no:cacheprovider test_said.py",
    ),
    "a result that is kept": (
        WRONG + "mkdir ignored; touch ignored/passed",
        f"test -f ignored/passed || {JUDGE}",
    ),
}


class Shop:
    """A project whose agent does what a test says, with one check."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.narrows, self.folder = house, house.narrows, folder
        self.repository = Repository.make(folder, files=HONEST)
        self.name = f"worker-{len(projects.every(self.narrows))}"
        self.project: Project = projects.register(self.narrows, str(self.repository.path), name=self.name)

    def change(self, work: str, *commands: str, setup: str = "", rounds: int = 0) -> Change:
        """What became of a task whose agent ran `work` in a shell."""
        projects.configure(
            self.narrows, self.project.id, checks=list(commands), setup=setup, check_rounds=rounds, agents_limit=8
        )
        return self.house.waits(self.file(work))

    def file(self, work: str) -> Task:
        agent = f"{self.name}-{len(agents.everyone(self.narrows))}"
        agents.add(self.narrows, agent, "command", ["/bin/sh", "-c", f"{work}; echo I did it."])
        return tasks.file(self.narrows, project_id=self.project.id, title="Work", agent=agent)

    def verdicts(self, change: Change, number: int = 1) -> list[CheckState]:
        revision = revisions.get(self.narrows, change.id, number)
        return [each.state for each in checks.of_revision(self.narrows, revision.id)]

    def checks(self, change: Change, *states: CheckState) -> list[Check] | None:
        """Those of the first revision that count, once they are in these states."""
        found = checks.of_revision(self.narrows, revisions.get(self.narrows, change.id, 1).id)
        counting = [each for each in found if not each.superseded]
        return counting if tuple(each.state for each in counting) == states else None

    def worktree(self, change: Change) -> Path:
        assert change.slot is not None
        return self.narrows.tree(self.project.id, change.slot)

    def over(self, landing: Landing) -> Landing:
        return self.house.until(lambda: None if (found := landings.get(self.narrows, landing.id)).under_way else found)


@pytest.fixture
def shop(house: House, tmp_path: Path) -> Shop:
    return Shop(house, tmp_path)


def standing(tree: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of a worktree, with when it was last written and what it says."""
    files = [path for path in tree.rglob("*") if path.is_file()]
    return {str(path.relative_to(tree)): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.mark.parametrize(("work", "check"), HIDDEN.values(), ids=HIDDEN)
def test_what_git_ignores_makes_no_check_green(shop: Shop, work: str, check: str) -> None:
    change = shop.change(work, check, setup=SETUP)
    hidden = subprocess.run(["/bin/sh", "-c", check], cwd=shop.worktree(change))
    assert hidden.returncode == 0, "it would be green there"
    assert (shop.verdicts(change), change.note) == ([CheckState.FAILED], "Its checks are red.")
    with pytest.raises(assessments.Objected, match="red"):
        landings.land(shop.narrows, change.id, revision=1)
    changed = revisions.outline(shop.narrows, revisions.get(shop.narrows, change.id, 1))
    assert [each.path for each in changed] == ["said.py"], "there was nothing else to read"


@pytest.mark.parametrize(("work", "check"), HIDDEN.values(), ids=HIDDEN)
def test_honest_work_is_green_by_the_same_checks(shop: Shop, work: str, check: str) -> None:
    change = shop.change("echo more > more.txt", check, setup=SETUP)
    assert shop.verdicts(change) == [CheckState.PASSED]


def test_checks_touch_nothing_in_the_agents_worktree(shop: Shop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    waits = f"cat {shlex.quote(str(gate))}"
    litter = "mkdir ignored; echo litter > ignored/litter; echo litter > litter.txt"
    projects.configure(shop.narrows, shop.project.id, checks=[waits, litter], setup=SETUP)
    task = shop.file("mkdir ignored; echo cache > ignored/cache; echo more > more.txt")
    with gate.open("w"):  # the agent is done, and the first check has begun
        tree = shop.worktree(shop.house.waits(task, ChangeState.WORKING))
        before = standing(tree)
    change = shop.house.waits(task)
    assert shop.verdicts(change) == [CheckState.PASSED, CheckState.PASSED]
    assert standing(tree) == before
    assert "ignored/cache" in before
    assert "litter.txt" not in before


def test_what_an_earlier_check_or_setup_left_is_not_there_for_the_next_tree(shop: Shop) -> None:
    alone = 'test ! -e ignored && test -z "$(ls -A "$TMPDIR")" && mkdir ignored && touch "$TMPDIR/left"'
    tests = 'test -f ignored/left || touch ignored/left "$TMPDIR/left"'
    for number in range(2):
        change = shop.change(f"echo {number} > more.txt", tests, "test -f ignored/left", setup=alone)
        assert shop.verdicts(change) == [CheckState.PASSED, CheckState.PASSED]
    left = list((shop.narrows.settings.logs / "checks").rglob("left"))
    assert left == [], "a check's temporary files go with it"


def test_what_two_changes_have_the_same_is_checked_once(shop: Shop, tmp_path: Path) -> None:
    gate, count = tmp_path / "gate", tmp_path / "count"
    os.mkfifo(gate)
    check = f"echo ran >> {shlex.quote(str(count))}; if test -p {gate}; then cat {gate}; fi"
    projects.configure(shop.narrows, shop.project.id, checks=[check])
    filed = [shop.file("echo same > same.txt") for _ in range(2)]

    def made() -> list[Revision] | None:
        found = [
            revisions.of_change(shop.narrows, change.id) for task in filed if (change := shop.house.change_of(task))
        ]
        return [each for each, *_ in found] if len(found) == 2 and all(found) else None

    with gate.open("w"):  # the check of one of them has begun; the other waits for its verdict
        first, second = shop.house.until(made)
        gate.unlink()
    done = [shop.house.waits(task) for task in filed]
    assert first.tree == second.tree
    assert [shop.verdicts(change) for change in done] == [[CheckState.PASSED]] * 2
    assert shop.over(landings.land(shop.narrows, done[0].id, revision=1)).state is LandingState.LANDED
    assert count.read_text() == "ran\n"


def test_a_setup_that_the_change_broke_goes_back_to_its_agent(shop: Shop) -> None:
    shop.repository.commit("a setup", {"setup.sh": "true\n"})
    first = "touch more.txt; echo 'echo oh no; exit 4' > setup.sh"
    work = f"if test -f more.txt; then echo true > setup.sh; else {first}; fi"
    change = shop.change(work, "true", setup="sh setup.sh", rounds=1)
    assert shop.verdicts(change) == [CheckState.ERRORED]
    [_, second] = runs.of_change(shop.narrows, change.id)
    assert "The setup command `sh setup.sh` ended with exit code 4: oh no" in second.prompt
    assert shop.verdicts(change, 2) == [CheckState.PASSED]


def test_what_lies_above_is_named_and_no_check_counts_until_it_is_gone(shop: Shop) -> None:
    change = shop.change("echo '[pytest]' > ../pytest.ini; echo more > more.txt", "true")
    stranger = shop.worktree(change).with_name("pytest.ini")
    assert change.note == "Not all of its checks were run; a landing runs them."
    [check] = shop.house.until(lambda: shop.checks(change, CheckState.ERRORED))
    assert check.tail.startswith(f"{stranger} is not Narrows' own")
    landing = shop.over(landings.land(shop.narrows, change.id, revision=1, insist="I know."))
    assert landing.state is LandingState.FAILED
    assert landing.error.startswith(f"{stranger} is not Narrows' own")
    stranger.unlink()
    checks.ask_again(shop.narrows, check.id)
    shop.house.until(lambda: shop.checks(change, CheckState.PASSED))
    assert shop.over(landings.land(shop.narrows, change.id, revision=1)).state is LandingState.LANDED


def test_checks_have_ports_of_their_own(shop: Shop) -> None:
    change = shop.change(
        "echo more > more.txt", 'test "$NARROWS_PORT" -ge 20000', setup='test "$NARROWS_PORT" -ge 20000'
    )
    assert shop.verdicts(change) == [CheckState.PASSED]


# Without an engine


def test_each_has_a_tree_of_its_own_and_the_first_free_one_is_used_again(
    place: Workplace, project: Project, revision: Revision
) -> None:
    async def use() -> list[str]:
        async with clean_tree(place, project, revision.commit) as first:
            async with clean_tree(place, project, revision.commit) as second:
                names = [first.name, second.name]
            async with clean_tree(place, project, revision.commit) as third:
                return [*names, third.name]

    assert asyncio.run(use()) == ["clean-1", "clean-2", "clean-2"]


def test_as_many_revisions_are_checked_at_once_as_agents_work(
    place: Workplace, workshop: Workshop, revision: Revision
) -> None:
    project = projects.configure(place.narrows, workshop.project.id, checks=["true"])

    async def judge() -> list[Check]:
        for _ in range(place.narrows.settings.agents):
            await place.judges.acquire()
        judging = asyncio.ensure_future(checker.judge(place, project, revision, asyncio.Event()))
        async with clean_trees.judging(place, project, revision.tree):  # a landing does not stand behind them
            assert not judging.done()
        assert checks.of_revision(place.narrows, revision.id)[0].state is CheckState.QUEUED
        place.judges.release()
        await judging
        return checks.of_revision(place.narrows, revision.id)

    checks.plan(place.narrows, project, revision)
    assert [each.state for each in asyncio.run(judge())] == [CheckState.PASSED]


def test_what_waits_to_be_checked_is_stopped_at_once(place: Workplace, workshop: Workshop, revision: Revision) -> None:
    project = projects.configure(place.narrows, workshop.project.id, checks=["true"])
    checks.plan(place.narrows, project, revision)

    async def stop() -> None:
        stopping = asyncio.Event()
        async with clean_trees.judging(place, project, revision.tree):
            judging = asyncio.ensure_future(checker.judge(place, project, revision, stopping))
            stopping.set()
            await asyncio.wait_for(judging, 20)
        async with clean_trees.judging(place, project, revision.tree):
            pass  # it is free: who waited in vain holds nothing

    asyncio.run(stop())
    assert [each.state for each in checks.of_revision(place.narrows, revision.id)] == [CheckState.SKIPPED]


def test_a_lock_that_is_not_wanted_any_more_is_not_taken() -> None:
    async def wait() -> None:
        lock, stop = asyncio.Lock(), asyncio.Event()
        async with clean_trees.held(lock):
            stop.set()
            with pytest.raises(Stopped):
                async with clean_trees.held(lock, stop):
                    raise AssertionError("it is held by another")
            assert lock.locked()
        assert not lock.locked()

    asyncio.run(wait())


def test_what_a_landing_found_out_meanwhile_is_the_revisions_verdict_too(
    workshop: Workshop, place: Workplace, revision: Revision
) -> None:
    narrows = place.narrows
    workshop.project = project = projects.configure(narrows, workshop.project.id, checks=["true"])
    [mine] = checks.plan(narrows, project, revision)
    checks.start(narrows, mine.id)  # and its server died
    other = workshop.change({"said.txt": "said\n"})
    [theirs] = checks.of_revision(narrows, revisions.get(narrows, other.id, 1).id)
    asyncio.run(checker.judge(place, project, revision, asyncio.Event()))
    [found] = checks.of_revision(narrows, revision.id)
    assert (found.id, found.state, found.log) == (mine.id, CheckState.PASSED, theirs.log)
    assert not (narrows.settings.worktrees / str(project.id) / "clean-1").exists()


@pytest.mark.parametrize("name", ["pytest.ini", "node_modules", "clean", "1clean", ".git"])
def test_only_worktrees_and_their_files_lie_above(
    place: Workplace, project: Project, revision: Revision, name: str
) -> None:
    async def use() -> None:
        async with clean_tree(place, project, revision.commit):
            pass

    folder = place.narrows.settings.worktrees / str(project.id)
    for own in ("7.tenant", "7.lock", ".DS_Store"):
        (folder / own).touch()
    asyncio.run(use())
    for stranger in (folder / name, folder.parent / name):
        stranger.mkdir()
        with pytest.raises(NarrowsError, match="is not Narrows' own") as said:
            asyncio.run(use())
        assert said.value.message.startswith(str(stranger))
        stranger.rmdir()
    asyncio.run(use())


def test_those_of_a_removed_project_go_at_the_start(place: Workplace, project: Project, revision: Revision) -> None:
    async def use() -> Path:
        async with clean_tree(place, project, revision.commit) as tree:
            return tree

    tree = asyncio.run(use())
    recovery.before_launch(place)
    assert tree.exists()
    projects.remove(place.narrows, project.id)
    recovery.before_launch(place)
    assert not tree.exists()
