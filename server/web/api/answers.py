"""What the API answers with, apart from the tables, so that a new column tells nobody anything unasked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from server.domain.agent import TrialState
from server.domain.agent_facts import Readiness
from server.domain.base import shown
from server.domain.diff import FileStatus, View
from server.domain.event import Actor
from server.domain.flag import FlagKind
from server.domain.forecast import Prospect
from server.domain.project import Author, LandingMethod
from server.domain.review import CommentState, Side
from server.domain.risk import RiskLevel
from server.domain.run import Reason
from server.domain.states import ChangeState, CheckState, LandingState, QuestionState, RunState, TaskState, Turn
from server.domain.task import Kind
from server.domain.transcript import EntryKind
from server.domain.trouble import Trouble
from server.services import tasks
from server.services.agents import Seen
from server.services.assessments import Objection
from server.services.tasks import Standing

FileName = Annotated[
    str,
    BeforeValidator(shown),
    Field(description="A file's name; bytes that are no UTF-8, and control characters, as escapes."),
]


class Answer(BaseModel):
    """Read from the rows of the tables by their names."""

    model_config = ConfigDict(from_attributes=True)


def _pair(reason: Any) -> Any:
    """A reason as it is stored, as one of the answer."""
    return {"points": reason[0], "sentence": reason[1]} if isinstance(reason, list) else reason


class ErrorBody(Answer):
    code: str = Field(description="A stable word for scripts.")
    message: str = Field(description="One sentence that says what happened.")
    hint: str = Field(description="What to do next; may be empty.")
    field: str | None = Field(default=None, description="With 422: which field.")


class ErrorAnswer(Answer):
    error: ErrorBody


class ProjectAnswer(Answer):
    id: int
    name: str
    path: FileName
    target_branch: str
    remote: str
    follows: bool
    pull_requests: bool
    setup: str
    checks: list[str]
    include: list[str]
    landing_method: LandingMethod
    check_each: bool
    message_template: str
    author: Author
    co_author: bool
    sign_off: bool
    hooks: bool
    agents_limit: int
    check_rounds: int
    turn_minutes: int
    check_minutes: int
    rules: str
    hands_off: list[str]
    refactor_every: int = Field(description="How many landed changes come before a refactoring is drafted; 0: none is.")
    review_size: int = Field(description="Lines above which a first revision is sent back to be split; 0: never.")
    risky: list[str] = Field(description="Patterns of paths where errors cost most.")
    permissions: dict[str, str] = Field(description="By kind of tool: `ask` or `deny`; what is missing is allowed.")
    ask_minutes: int
    repository_config: bool
    sandbox: bool
    sandbox_network: bool
    created_at: datetime


class TrialAnswer(Answer):
    id: int
    agent: str
    state: TrialState
    sentence: str = Field(description="What came of it.")
    trouble: Trouble | None = Field(description="Why it failed, by name, where it has one.")
    driven_by: str
    confined_by: str = Field(description="Empty: nothing confined it.")
    usage: dict[str, Any]
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None


class PauseAnswer(Answer):
    until: datetime
    why: str


class AgentAnswer(Answer):
    name: str
    family: str
    argv: list[str]
    mode: str
    description: str
    built_in: bool
    found: bool = Field(description="Whether its program is on this machine.")
    path: str | None = Field(description="Where its program is.")
    version: str | None = Field(description="The version that it says it has.")
    title: str
    origin: str = Field(description="Where Narrows knows it from.")
    state: Readiness
    way: str = Field(description="Which of its ways of being driven was chosen; empty where it has one.")
    driven: str = Field(description="How it is driven, in words.")
    login: bool | None = Field(description="Whether it is logged in; null: can't be known without a request.")
    clue: str = Field(description="By what that is known.")
    problem: str = Field(description="What is missing or too old.")
    step: str = Field(description="What to do about it.")
    proven: bool = Field(description="Whether it was tried with the real program when Narrows was made.")
    asks: bool = Field(description="Whether it can ask before it acts.")
    continues: bool = Field(description="Whether follow-ups go on in the same conversation.")
    reports_tokens: bool
    reports_cost: bool
    confines_itself: str = Field(description="The name of its own sandbox.")
    gives_up: float | None = Field(description="Seconds after which a failing model is reported at the latest.")
    pause: PauseAnswer | None = Field(description="While its model's limit is reached.")
    trial: TrialAnswer | None = Field(description="Its newest one.")

    @classmethod
    def of(cls, seen: Seen) -> AgentAnswer:
        agent, facts, found = seen.agent, seen.facts, seen.found
        return cls(
            name=agent.name,
            family=agent.family,
            argv=agent.argv,
            mode=agent.mode,
            description=facts.description,
            built_in=agent.built_in,
            found=found.path is not None,
            path=found.path,
            version=found.version,
            title=facts.title,
            origin=facts.origin,
            state=seen.readiness,
            way=found.way,
            driven=facts.driven,
            login=found.login,
            clue=found.clue,
            problem=found.problem,
            step=found.step,
            proven=facts.proven,
            asks=facts.asks,
            continues=facts.continues,
            reports_tokens=facts.tokens,
            reports_cost=facts.cost,
            confines_itself=facts.confines_itself,
            gives_up=facts.gives_up,
            pause=PauseAnswer.model_validate(seen.pause) if seen.pause else None,
            trial=TrialAnswer.model_validate(seen.trial) if seen.trial else None,
        )


class RunBrief(Answer):
    id: int
    change_id: int
    task_id: int
    reason: Reason
    agent: str
    state: RunState
    attempt: int
    error: str
    trouble: Trouble | None = Field(description="Why it failed, by name, where the agent or its model did.")
    resets_at: datetime | None = Field(description="When the model's limit is lifted, if that was said.")
    usage: dict[str, Any] = Field(description="Tokens by name, cost and currency; empty: the agent tells none.")
    driven_by: str = Field(description="The agent's program and its version.")
    confined_by: str = Field(description="What confined it; empty: nothing did.")
    continued: bool | None = Field(description="Whether the conversation before went on; null: there was none.")
    quiet_since: datetime | None = Field(description="Not a word since then, for some minutes.")
    last_line: str
    stop_asked: bool
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None = Field(description="At work so far; null before the start.")


class RunAnswer(RunBrief):
    prompt: str = Field(description="Markdown, whole, as the agent gets it.")
    touched: list[FileName] = Field(default_factory=list, description="Files that differ in its worktree so far.")


class EntryAnswer(Answer):
    kind: EntryKind
    at: float = Field(description="Seconds since the epoch; 0: not known.")
    text: str = Field(description="What was said; of a tool its output, of a question the answer and why.")
    id: str = Field(description="Of a tool call or a question: a later entry with the same one tells more of it.")
    title: str
    tool: str = Field(description="read, edit, delete, move, search, execute, think, fetch or other.")
    state: str
    path: str
    plan: list[tuple[str, str]] = Field(description="Its steps: (state, words).")
    usage: dict[str, Any] = Field(description="Tokens by name, cost and currency, as far as they are told.")


class TranscriptAnswer(Answer):
    text: str
    entries: list[EntryAnswer] = Field(description="The same in one vocabulary for all agents.")
    next_offset: int = Field(description="In bytes; what to ask for next.")
    over: bool = Field(description="Whether the run has ended: nothing follows the last text.")


class ChangeBrief(Answer):
    id: int
    task_id: int
    project_id: int
    agent: str = Field(description="Who works on it.")
    state: ChangeState
    turn: Turn
    note: str
    part_of: int | None = Field(description="The change that it was split from.")
    ready_at: datetime | None
    later_at: datetime | None
    pinned_at: datetime | None = Field(description="When you said that it stays first; null: it is not pinned.")
    created_at: datetime


class TaskBrief(Answer):
    id: int
    project_id: int
    title: str
    brief: str
    examples: str
    done_when: str
    kind: Kind
    agent: str
    rivals: list[str] = Field(description="Further agents, each with a change of its own for it.")
    priority: int
    past_budget: bool = Field(description="Whether it may start whatever waits to be read.")
    state: TaskState
    created_at: datetime


class TaskAnswer(TaskBrief):
    after: list[int] = Field(description="Tasks that it starts after.")
    shown: str = Field(description="Where it stands, in one or two words.")
    why: str = Field(description="Why nothing runs, in words; empty when something does or nothing needs to.")
    hints: list[str] = Field(description="What would make it smaller or clearer, while no agent has started on it.")
    changes: list[ChangeBrief]
    runs: list[RunBrief]

    @classmethod
    def of(cls, standing: Standing) -> TaskAnswer:
        return cls(
            **TaskBrief.model_validate(standing.task).model_dump(),
            after=[task.id for task in standing.after],
            shown=standing.shown,
            why=standing.why,
            hints=[hint.sentence for hint in tasks.hints(standing)],
            changes=[ChangeBrief.model_validate(change) for change in standing.changes],
            runs=[RunBrief.model_validate(run) for run in standing.runs],
        )


class RevisionAnswer(Answer):
    id: int
    change_id: int
    number: int
    run_id: int | None = Field(description="The run that left it; null where no agent made it.")
    made_by: Actor = Field(description="`agent`; `you`: by hand, or split from another; `engine`: brought up to date.")
    commit: str
    tree: str
    base: str = Field(description="The commit that it is compared with.")
    base_tree: str
    summary: str
    report: str | None
    aside: str | None = Field(description="The commit with code that came along with a report, kept apart.")
    files: int
    additions: int
    deletions: int
    minutes: float = Field(description="How long reading it is expected to take.")
    created_at: datetime


class FileAnswer(Answer):
    position: int = Field(description="In git's order, from 0.")
    path: FileName
    old_path: FileName | None
    status: FileStatus
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    additions: int | None
    deletions: int | None
    binary: bool
    folded: str = Field(description="Why the page folds it; empty where it does not.")
    blurred: bool = Field(description="With `since`: what only the base changed could not be left out here.")


class ClockAnswer(Answer):
    seconds: float = Field(description="That its page was in sight and in use so far.")


class FlagAnswer(Answer):
    id: int
    kind: FlagKind
    path: FileName
    side: Side
    line: int | None = Field(description="From 1; null: the file as a whole.")
    sentence: str


class DigestAnswer(Answer):
    """Numbers of changes that wait, as they stand now, and of landings by their last outcome."""

    asking: list[int] = Field(description="Changes whose agents stand still until they have an answer.")
    stalled: list[int] = Field(description="Changes that need the person's word.")
    came: list[int] = Field(description="Changes to read.")
    failed: list[int] = Field(description="Landings.")
    undo_failed: list[int] = Field(description="Landings that could not be taken back.")
    landed: list[int]
    undone: list[int] = Field(description="Landings that were taken back.")


class PreferencesAnswer(Answer):
    view: View
    whitespace: bool = Field(description="Whether changes of white space are shown.")
    theme: str
    letters: bool = Field(description="Whether single characters do something.")
    notify: bool = Field(description="Whether browsers say when the desk is no longer empty.")
    budget: int = Field(description="Minutes of reading that may wait before no new task starts; 0: no limit.")
    keys: dict[str, list[str]] = Field(description="By action: each a key, or two in a row.")


class CheckAnswer(Answer):
    id: int
    revision_id: int | None
    landing_id: int | None
    tree: str
    command: str
    state: CheckState
    exit_code: int | None
    seconds: float | None
    tail: str = Field(description="The end of its log.")
    red_before: bool | None = Field(description="Of a red one: whether it was red without the change; null: unknown.")
    superseded: bool = Field(description="Whether its result counts no more: it was run again, or changed the files.")
    ended_at: datetime | None


class CounterproofAnswer(Answer):
    id: int
    revision_id: int
    tree: str = Field(description="The base's, with the revision's tests.")
    tests: list[str]
    command: str
    state: CheckState = Field(description="failed: as it should be; passed: the tests prove nothing about the change.")
    exit_code: int | None
    seconds: float | None
    tail: str = Field(description="The end of its log.")
    ended_at: datetime | None


class CommentAnswer(Answer):
    id: int
    change_id: int
    revision: int
    path: FileName | None
    side: Side
    line: int | None
    end_line: int | None
    quoted: str
    body: str
    answer: str = Field(description="The agent's reply to it, as markdown; empty until there is one.")
    state: CommentState
    created_at: datetime


class ObjectionAnswer(Answer):
    hash: str = Field(description="What acknowledges it, where it is a warning.")
    code: str
    message: str
    hint: str

    @classmethod
    def all(cls, objections: list[Objection]) -> list[ObjectionAnswer]:
        return [cls.model_validate(objection) for objection in objections]


class LandingAnswer(Answer):
    id: int
    change_id: int
    project_id: int
    target_branch: str
    remote: str
    where: str = Field(description="Where it goes, in words.")
    topic: str = Field(description="The branch that went to the remote instead, for a pull request into the target.")
    pull_request: str = Field(description="Where it is read further, or the form that opens it.")
    note: str = Field(description="What did not go along.")
    heard: str = Field(description="What the repository's own hooks said.")
    method: LandingMethod
    message: str
    state: LandingState
    tries: int
    behind: int | None = Field(description="The landing that it was built on; null: the target itself.")
    insisted: str = Field(description="Why it lands over a red check, in the person's words.")
    moving: bool = Field(description="Whether it can't be taken out of the line any more.")
    old: str | None
    commit: str | None
    tree: str | None
    error: str
    undo_asked: bool
    undo_commit: str | None
    receipt: dict[str, Any] | None
    created_at: datetime
    ended_at: datetime | None


class TouchingAnswer(Answer):
    path: FileName
    function: str = Field(description="As git's section headings name it; empty: they have only the file in common.")


class NeighbourAnswer(Answer):
    change_id: int
    title: str
    conflicts: list[FileName]
    touching: list[Annotated[TouchingAnswer, BeforeValidator(lambda pair: {"path": pair[0], "function": pair[1]})]]


class OutlookAnswer(Answer):
    change_id: int
    project_id: int
    target: str
    prospect: Prospect = Field(description="What it has before it, in a word.")
    said: str = Field(description="The same as the pages say it.")
    sentence: str = Field(description="All of it in one line.")
    conflicts: list[FileName] = Field(description="With the target as it is.")
    after: list[NeighbourAnswer] = Field(description="Once such a one has landed, this one conflicts.")
    breaks: list[NeighbourAnswer] = Field(description="Once this one has landed, such a one conflicts.")
    touching: list[NeighbourAnswer] = Field(description="They land cleanly, and change the same things.")


class QuestionAnswer(Answer):
    id: int
    run_id: int
    change_id: int
    project_id: int
    tool: str = Field(description="The kind of tool, as a project's permissions name it.")
    title: str = Field(description="In the agent's words.")
    detail: str = Field(description="The command or the paths.")
    state: QuestionState
    whole_run: bool
    asked_at: datetime
    waits_until: datetime = Field(description="Until then its run waits; later, an answer starts another.")
    answered_at: datetime | None


class ChangeAnswer(ChangeBrief):
    title: str
    kind: Kind
    target_branch: str
    revisions: list[RevisionAnswer]
    runs: list[RunBrief]
    checks: list[CheckAnswer] = Field(description="Of the newest revision.")
    comments: list[CommentAnswer]
    landings: list[LandingAnswer]
    questions: list[QuestionAnswer] = Field(description="To be answered.")
    outlook: OutlookAnswer | None = Field(description="As `/forecast` has it; null where it is none that may land.")
    blockers: list[ObjectionAnswer]
    warnings: list[ObjectionAnswer]


class ReasonAnswer(Answer):
    points: float
    sentence: str


class RiskAnswer(Answer):
    level: RiskLevel
    points: float = Field(description="The sum of its reasons'.")
    reasons: list[Annotated[ReasonAnswer, BeforeValidator(_pair)]] = Field(description="What counts most first.")
    at: datetime = Field(description="When it was weighed last.")


class CoverageAnswer(Answer):
    covered: int = Field(description="Added lines that ran in the checks.")
    coverable: int = Field(description="Of so many that could have.")
    missed: dict[str, list[int]] = Field(description="Lines that did not, by the file's name; not all of very many.")


class WaitingAnswer(Answer):
    change: ChangeBrief
    title: str
    minutes: float
    why_here: str = Field(description="The reasons in one line.")
    points: float = Field(description="The more, the sooner; what is pinned or put off stands where it does without.")
    reasons: list[ReasonAnswer] = Field(description="What puts it before the next one, what counts most first.")
    risk: RiskAnswer | None = Field(description="Null: not weighed yet.")
    outlook: OutlookAnswer | None = Field(description="What it has before it; null where it is none that may land.")


class BudgetAnswer(Answer):
    minutes: int = Field(description="That may wait before no new task starts; 0: no limit.")
    waiting_minutes: float
    waiting_changes: int
    working_changes: int = Field(description="That agents are at, or are about to be.")
    expected_minutes: float = Field(description="That those are expected to bring.")
    over: float = Field(description="Minutes that have to be read before new tasks start; 0 where they may.")
    paused: bool = Field(description="Whether it stops new tasks.")
    sentence: str = Field(description="Why new tasks are stopped by it, and until when; empty where they are not.")


class DeskAnswer(Answer):
    next: ChangeBrief | None
    waiting: list[WaitingAnswer] = Field(description="The first of them; `waiting_count` counts all.")
    waiting_count: int
    working: int
    queued: int
    budget: BudgetAnswer


class EventAnswer(Answer):
    noun: str
    verb: str
    id: int = Field(description="The noun's number; the event's own is the `id` of the message.")
    data: dict[str, Any]
