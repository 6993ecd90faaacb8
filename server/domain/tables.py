"""Every table, imported together: whoever needs the whole schema imports this."""

from server.domain.agent import Agent, Pause, Trial
from server.domain.base import metadata
from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.event import Event
from server.domain.file_row import FileRow
from server.domain.flag import Flag
from server.domain.forecast import Forecast
from server.domain.landing import Landing
from server.domain.preference import Preference
from server.domain.project import Project
from server.domain.question import Question
from server.domain.review import Anchor, Clock, Comment, Draft, Review, Viewed
from server.domain.risk import Counterproof, Coverage, Risk
from server.domain.run import Executor, Run
from server.domain.survival import Survival
from server.domain.task import Task, TaskLink
from server.domain.trash import Trash

__all__ = [
    "Agent",
    "Anchor",
    "Change",
    "Check",
    "Clock",
    "Comment",
    "Counterproof",
    "Coverage",
    "Draft",
    "Event",
    "Executor",
    "FileRow",
    "Flag",
    "Forecast",
    "Landing",
    "Pause",
    "Preference",
    "Project",
    "Question",
    "Review",
    "Revision",
    "Risk",
    "Run",
    "Survival",
    "Task",
    "TaskLink",
    "Trash",
    "Trial",
    "Viewed",
    "metadata",
]
