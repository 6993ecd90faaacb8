"""Agents and their trials, for scripts."""

from __future__ import annotations

from datetime import timedelta

from starlette.testclient import TestClient

from server.domain.base import now
from server.services import pauses, runs
from server.services.narrows import Narrows


def test_an_agent_is_told_of_with_all_that_is_known(script: TestClient) -> None:
    (demo,) = script.get("/api/agents").json()
    assert (demo["name"], demo["state"], demo["found"], demo["login"]) == ("demo", "not_found", False, None)
    assert {"way", "driven", "problem", "step", "asks", "gives_up", "confines_itself", "reports_cost"} <= demo.keys()
    made = script.post("/api/agents", json={"name": "mine", "family": "acp", "argv": ["mine"], "mode": "plan"})
    assert (made.status_code, made.json()["mode"], made.json()["trial"]) == (201, "plan", None)


def test_a_trial_is_asked_for_looked_at_and_stopped(script: TestClient, narrows: Narrows) -> None:
    assert script.post("/api/agents/demo/trials").status_code == 503
    runs.heartbeat(narrows, "tests", "here", 1)
    asked = script.post("/api/agents/demo/trials")
    assert (asked.status_code, asked.json()["state"]) == (202, "running")
    assert script.post("/api/agents/demo/trials").json()["error"]["code"] == "wrong_state"
    path = f"/api/trials/{asked.json()['id']}"
    assert script.get(path).json() == asked.json()
    assert script.delete(path).json()["sentence"] == "You stopped it."
    (demo,) = script.get("/api/agents").json()
    assert demo["trial"]["state"] == "broken_off"
    assert script.get("/api/trials/99").status_code == 404


def test_a_pause_is_told_and_ended(script: TestClient, narrows: Narrows) -> None:
    with narrows.transaction() as db:
        pauses.begin(db, "demo", now() + timedelta(hours=1), "Its limit is reached.")
    (demo,) = script.get("/api/agents").json()
    assert demo["pause"]["why"] == "Its limit is reached."
    assert script.delete("/api/agents/demo/pause").json()["pause"] is None
