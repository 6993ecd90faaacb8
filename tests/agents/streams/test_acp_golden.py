"""Recorded conversations over the Agent Client Protocol, held again by the real client, in the one vocabulary."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from server.agents.acp import AcpAgent
from server.agents.environment import environment
from server.agents.known import KNOWN
from server.agents.protocol import AgentSpec, Manner, Outcome, Turn
from server.domain.transcript import Entry
from server.engine import processes
from tests.agents.conftest import Place
from tests.agents.streams.golden import check, golden

SAMPLES = Path(__file__).parent / "samples/acp"
REPLAY = Path(__file__).parents[1] / "replay.py"
RECORDED = sorted(path for path in SAMPLES.iterdir() if ".golden" not in path.suffixes)
DENIED: Mapping[str, str] = {"edit": "deny", "execute": "deny"}


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.stem)
def test_what_a_recorded_conversation_says(recorded: Path, place: Place) -> None:
    outcome = hold_again(recorded, place)
    entries = map(Entry.read, (place.folder / "transcript.jsonl").read_text().splitlines())
    result = {
        "state": outcome.state,
        "trouble": outcome.trouble,
        "error": outcome.error,
        "session": outcome.session,
        "continued": outcome.continued,
        "usage": outcome.usage,
        "summary": outcome.summary,
    }
    found = golden((entry for entry in entries if entry), {str(place.worktree): "{worktree}"}, result)
    check(found, recorded.with_suffix(".golden.jsonl"))


def hold_again(recorded: Path, place: Place) -> Outcome:
    """Gives the agent of the recording a turn that sends what was sent then."""
    messages = told(recorded)
    sent = [message for message in messages if message["dir"] == ">"]
    playable = place.folder / "recorded.jsonl"
    playable.write_text("".join(json.dumps(message) + "\n" for message in messages))
    turn = Turn(
        "Please do it.",
        place.worktree,
        place.folder,
        environment(home=place.home),
        timeout=60,
        session=asked(sent, "session/load", "sessionId"),
        permissions=DENIED if recorded.stem.endswith("-reject") else {},
    )
    agent = AcpAgent(spoken_by(recorded, playable, asked(sent, "session/set_mode", "modeId") or ""), farewell=0.5)
    return asyncio.run(agent.turn(turn, processes.launch, place.heard.append, asyncio.Event()))


def told(recorded: Path) -> list[dict[str, Any]]:
    """The messages of a run's stream, each with its direction as the replay knows it.

    What the agent said between an answer and our prompt was heard by then. So that it surely is again, it is played
    before the answer.
    """
    lines = recorded.read_text().splitlines()
    messages = [{"dir": line[0], **json.loads(line[2:])} for line in lines if line[:3] in ("> {", "< {")]
    prompt = next(number for number, message in enumerate(messages) if message.get("method") == "session/prompt")
    opening = groupby(messages[:prompt], key=lambda message: message["dir"])
    early = [message for _, group in opening for message in sorted(group, key=lambda each: "method" not in each)]
    return early + messages[prompt:]


def spoken_by(recorded: Path, playable: Path, mode: str) -> AgentSpec:
    """The known agent of that name, played by its recording."""
    known = next(spec for spec in KNOWN if spec.name == recorded.stem.split("-")[0])
    manner = Manner(mode=mode)
    return replace(
        known,
        family="acp",
        argv=(sys.executable, "-I", str(REPLAY), str(playable)),
        free=manner,
        asking=manner,
        users_settings=Manner(),
        all_settings=Manner(),
    )


def asked(sent: list[dict[str, Any]], method: str, name: str) -> str | None:
    """The parameter of that name in the first request of that method."""
    return next((message["params"][name] for message in sent if message.get("method") == method), None)
