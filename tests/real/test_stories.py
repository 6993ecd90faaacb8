"""What Narrows promises of the agents that people have, with the real programs and a scripted model."""

from __future__ import annotations

import pytest

from server.domain.trouble import Trouble
from tests.real.model import closed_port
from tests.real.recording import keep
from tests.real.ways import WAYS, Answer, Shop, Stage, Way

pytestmark = [pytest.mark.together, pytest.mark.usefixtures("together"), pytest.mark.timeout(600)]
CONFINED = [way for way in WAYS if way.name in ("claude-adapter", "codex-native", "gemini-acp", "opencode-acp")]
every_way = pytest.mark.parametrize("way", WAYS, ids=str)

TROUBLES = {
    "http500": Trouble.MODEL,
    "cut": Trouble.CUT,
    "http401": Trouble.LOGIN,
    "http429": Trouble.RATE_LIMIT,  # the last: its agent starts nothing afterwards
}
RECORDED_TROUBLES = ("http401", "http500")
STEPS = 4  # requests of "fix" and of "followup"
STARTING = 120  # seconds, at most, that an agent needs to start while others do on the same two cores


@every_way
def test_a_model_that_cannot_be_reached_is_named_in_time(stage: Stage, way: Way) -> None:
    with closed_port() as url, stage.open(way, url=url) as shop:
        task = shop.file(way, "hello")
        assert how_it_failed(shop, way, task) == ("failed", Trouble.UNREACHABLE), shop.story(task)


@every_way
def test_each_failure_of_the_model_is_named_in_time(stage: Stage, way: Way) -> None:
    with stage.open(way) as shop:
        tasks = {}
        for script in TROUBLES:
            tasks[script] = shop.file(way, script, title=script)
            shop.model.wait_for_script(script)

        found = {script: how_it_failed(shop, way, task) for script, task in tasks.items()}

        wrong = {script: got for script, got in found.items() if got != ("failed", TROUBLES[script])}
        assert not wrong, "\n".join(f"{script}: {got}\n{shop.story(tasks[script])}" for script, got in wrong.items())
        for script in RECORDED_TROUBLES:
            keep(shop, way, shop.runs(tasks[script])[0], script)


@every_way
def test_a_task_and_its_followup_become_a_landed_commit_and_the_model_remembers(stage: Stage, way: Way) -> None:
    with stage.open(way) as shop:
        task = shop.file(way, "fix")
        change = shop.rests(task)
        assert [check["state"] for check in change["checks"]] == ["passed"]

        asked = {"revision": 1, "verdict": "request_changes", "message": "Say what it does. [[script:followup]]"}
        shop.server.post(f"/api/changes/{change['id']}/reviews", asked)
        mended = shop.rests(task, revision=2)

        first, second = shop.runs(task)
        remembered = shop.model.of("followup")
        assert len(remembered) == STEPS, shop.story(task)
        assert all(request.play.earlier == ("fix",) and request.play.turns for request in remembered), shop.story(task)
        assert second["continued"] is True
        assert "Earlier scripts: fix." in mended["revisions"][-1]["summary"]
        for run, script in ((first, "fix"), (second, "followup")):
            assert used(run) == sent(shop, script), shop.story(task)
            keep(shop, way, run, script)

        landing = shop.server.post(f"/api/changes/{change['id']}/landing", {"revision": 2, "message": "add: mend"})
        shop.until(lambda: landed(shop, landing["id"]), 60, lambda: shop.story(task))
        assert shop.repository.log()[0] == "add: mend"
        assert shop.repository.show("HEAD:calc.py") == (
            'def add(a, b):\n    """Return the sum of a and b."""\n    return a + b\n'
        )
        assert shop.gone() < 5


@every_way
def test_a_stop_leaves_no_process(stage: Stage, way: Way) -> None:
    with stage.open(way) as shop:
        task = shop.file(way, "block")
        tools = shop.blocked()
        [run] = shop.runs(task)

        shop.server.call("DELETE", f"/api/runs/{run['id']}")
        seconds = shop.gone()

        print(f"{way}: {len(tools)} tools and their agent gone {seconds:.2f} s after the stop")
        shop.needs_attention(task)
        assert shop.runs(task)[0]["state"] == "stopped"


@every_way
def test_killed_amid_a_tool_call_the_server_carries_on_with_the_same_session(stage: Stage, way: Way) -> None:
    with stage.open(way) as shop:
        task = shop.file(way, "resume")
        shop.blocked()

        shop.server.kill()
        shop.gone()
        before = len(shop.model.requests)
        shop.server.start()
        change = shop.rests(task, seconds=180)

        again = [request for request in shop.model.requests[before:] if not request.play.aside]
        assert {(request.script, request.play.earlier) for request in again} == {("resume", ("resume",))}, shop.story(
            task
        )
        [run] = shop.runs(task)
        assert (run["attempt"], run["state"]) == (2, "succeeded")
        assert run["continued"] is True, shop.story(task)
        assert shown(shop, change, "calc.py").endswith("return a + b")


@pytest.mark.parametrize("way", CONFINED, ids=str)
def test_a_confined_agent_does_its_task_and_reaches_nothing_else(stage: Stage, way: Way) -> None:
    with stage.open(way) as shop:
        shop.server.call("PATCH", f"/api/projects/{shop.project}", {"sandbox": True})
        secret = shop.home / ".ssh/id"
        secret.parent.mkdir()
        secret.write_text("the person's key")
        task = shop.file(way, "stray")

        change = shop.rests(task)

        [run] = shop.runs(task)
        assert (run["state"], run["confined_by"]) == ("succeeded", "bubblewrap"), shop.story(task)
        strayed = shop.model.of("stray")[1].last_result
        assert "strayed" in strayed, strayed  # it did run
        assert "the person's key" not in strayed
        assert not (shop.home / "outside.txt").exists()
        assert shown(shop, change, "calc.py").endswith("return a + b")
        assert used(run) == sent(shop, "stray"), shop.story(task)
        assert shop.gone() < 5


def test_six_at_once_on_one_project_make_24_right_diffs(stage: Stage) -> None:
    ways = [way for way in WAYS if way.name != "claude-native"]
    with stage.open(*ways) as shop:
        shop.server.call("PATCH", f"/api/projects/{shop.project}", {"agents_limit": len(ways), "checks": []})
        tasks = {}
        for number in range(24):
            way = ways[number % len(ways)]
            words = {"file": f"notes/{number}.txt", "content": f"{way} wrote number {number}"}
            tasks[shop.file(way, "write", f"Write number {number}", **words)] = words

        for task, words in tasks.items():
            change = shop.rests(task, seconds=240)
            [file] = shop.server.get(f"/api/changes/{change['id']}/revisions/1/files")
            assert (file["path"], file["status"]) == (words["file"], "A")
            assert shown(shop, change, words["file"]) == words["content"]
        runs = [run for task in tasks for run in shop.runs(task)]
        assert len(runs) == len(tasks)
        assert most_at_once(runs) == len(ways)
        assert shop.gone() < 5


def how_it_failed(shop: Shop, way: Way, task: int) -> tuple[str, str]:
    """The state of the task's run and its trouble, by when the agents page promises it at the latest."""
    promised = way.spec.gives_up
    assert promised
    shop.needs_attention(task, promised + 2 * STARTING)
    [run] = shop.runs(task)
    silent, failing = shop.failing(run)
    print(f"{way}: {run['trouble']} after {silent:.1f} s and {failing:.1f} s of {promised:g}")
    assert failing <= promised, shop.story(task)
    assert silent <= promised + STARTING, shop.story(task)
    return run["state"], run["trouble"]


def used(run: Answer) -> tuple[int, int]:
    """Tokens into the model, from its cache or not, and out of it, as Narrows says."""
    tokens = run["usage"]
    return sum(tokens.get(name, 0) for name in ("input", "cache_read", "cache_write")), tokens["output"]


def sent(shop: Shop, script: str) -> tuple[int, int]:
    """The same, as the model counted them for a script."""
    answers = [(request.wire, request.usage) for request in shop.model.of(script) if request.usage]
    return sum(usage.read(wire) for wire, usage in answers), sum(usage.output for _, usage in answers)


def shown(shop: Shop, change: Answer, path: str) -> str:
    """A file of the change's last revision, without the end of its last line."""
    [mirror] = (shop.server.data / "mirrors").iterdir()
    return shop.repository.git("--git-dir", mirror, "show", f"{change['revisions'][-1]['commit']}:{path}")


def most_at_once(runs: list[Answer]) -> int:
    """How many of the runs were at work at the same time, at most."""
    moments = [run["started_at"] for run in runs]
    return max(len([run for run in runs if run["started_at"] <= moment < run["ended_at"]]) for moment in moments)


def landed(shop: Shop, landing: int) -> object:
    found = shop.server.get(f"/api/landings/{landing}")
    assert found["state"] in ("queued", "running", "landed"), found
    return found if found["state"] == "landed" else None
