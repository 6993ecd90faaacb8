"""What can go wrong between an agent and its model: each by its own name, with what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Trouble(StrEnum):
    """Why a run failed, as far as it is the agent's or its model's doing.

    `meaning` ends the sentence "The run failed: …"; `step` is the next thing that the person can do.
    """

    meaning: str
    step: str

    def __new__(cls, word: str, meaning: str = "", step: str = "") -> Self:  # looked up by its word alone
        trouble = str.__new__(cls, word)
        trouble._value_, trouble.meaning, trouble.step = word, meaning, step
        return trouble

    LOGIN = (
        "login",
        "its model refused the login",
        "Log in with the agent's own program in a terminal, or set its key where Narrows is started, then try again.",
    )
    RATE_LIMIT = (
        "rate_limit",
        "its model's limit is reached",
        "This agent starts nothing new until the limit is lifted; try again then, or give the task to another agent.",
    )
    MODEL = "model", "its model's service failed", "Such failures pass: try again in a while."
    CUT = "cut", "its model's answer broke off", "What was done until then is kept; try again to go on from there."
    UNREACHABLE = (
        "unreachable",
        "its model can't be reached",
        "Look at the network and at the address that the agent is set up with, then try again.",
    )
    REFUSED = "refused", "it refused the task", "Say it differently, or give the task to another agent."
    LIMIT = "limit", "it ran into a limit of its own", "Try again to have it go on, or make the task smaller."
    SILENT = (
        "silent",
        "it did not answer when it was greeted",
        "Its program and its adapter may not fit each other: see the agents page, and try it there.",
    )
    SUSPECT = (
        "suspect",
        "it ended normally, but did nothing and used nothing: its model may not have answered",
        "Read its transcript; try it on the agents page to see whether its model answers at all.",
    )
    CRASHED = (
        "crashed",
        "its program ended in the middle of the turn",
        "Its last words are in the transcript; try again.",
    )
    UNANSWERED = (
        "unanswered",
        "its question was not answered in time",
        "Answer the question: the work goes on from there.",
    )
    MISSING = "missing", "its program is not on this machine", "The agents page says how to get it."
