"""Every table, imported together: whoever needs the whole schema imports this."""

from server.domain.agent import Agent, Pause, Trial
from server.domain.base import metadata
from server.domain.change import Change, Revision
from server.domain.check import Check
from server.domain.event import Event
from server.domain.file_row import FileRow
from server.domain.landing import Landing
from server.domain.project import Project
from server.domain.question import Question
from server.domain.review import Comment, Draft, Review
from server.domain.run import Executor, Run
from server.domain.task import Task, TaskLink

__all__ = [
    "Agent",
    "Change",
    "Check",
    "Comment",
    "Draft",
    "Event",
    "Executor",
    "FileRow",
    "Landing",
    "Pause",
    "Project",
    "Question",
    "Review",
    "Revision",
    "Run",
    "Task",
    "TaskLink",
    "Trial",
    "metadata",
]
