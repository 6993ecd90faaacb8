"""A registered git repository: where it is, where its changes land, how they are proven."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

from server.domain.base import Json, Moment, Row, Word, now

DEFAULT_RISKY = [
    "**/auth*/**",
    "**/*auth*",
    "**/*login*",
    "**/*password*",
    "**/*permission*",
    "**/*crypto*",
    "**/*secur*",
    "**/*payment*",
    "**/*billing*",
    "**/migrations/**",
    "**/alembic/**",
    "**/Dockerfile*",
]
DEFAULT_INCLUDE = [".env*", ".claude/settings.local.json"]


class LandingMethod(StrEnum):
    SQUASH = "squash"  # one commit on the target
    MERGE = "merge"  # a merge commit with the revision as its second parent
    REBASE = "rebase"  # a commit for each revision, replayed on the target one after the other


class Author(StrEnum):
    """Who a commit that lands is by. The committer is always the person."""

    YOU = "you"
    AGENT = "agent"


class Permission(StrEnum):
    """What becomes of an agent's wish to use a tool."""

    ALLOW = "allow"  # within the worktree
    ASK = "ask"  # the person says
    DENY = "deny"


class Project(Row, table=True):
    __tablename__ = "projects"

    name: str
    path: str = Field(unique=True)  # top level of the user's repository, absolute
    target_branch: str
    setup: str = ""  # shell command, run in a worktree before its agent starts; empty: none
    checks: list[str] = Field(default_factory=list, sa_type=Json)  # shell commands, in order
    include: list[str] = Field(default_factory=lambda: list(DEFAULT_INCLUDE), sa_type=Json)
    landing_method: LandingMethod = Field(default=LandingMethod.SQUASH, sa_type=Word(LandingMethod))
    check_each: bool = False  # of a rebase, whether the checks run on each of its commits
    message_template: str = ""  # of commits that land, with $title, $summary, $task, $change; empty: title and summary
    author: Author = Field(default=Author.YOU, sa_type=Word(Author))
    co_author: bool = False  # whether the other one of the two is named by Co-authored-by
    sign_off: bool = False  # whether the person's Signed-off-by ends the message
    hooks: bool = False  # whether a landing runs the repository's own hooks
    remote: str = ""  # the git remote whose branch is the target; empty: the target is a local branch
    follows: bool = True  # whether the local branch of that name is brought along once the remote one has moved
    pull_requests: bool = False  # whether a landing opens a pull request there instead of moving the branch
    agents_limit: int = 4  # runs of this project at the same time
    check_rounds: int = 2  # how often a red check goes back to the agent before it goes to the person
    turn_minutes: int = 60  # time limit of one run
    check_minutes: int = 20  # time limit of one check or setup
    rules: str = ""  # markdown, told to every agent
    hands_off: list[str] = Field(default_factory=list, sa_type=Json)  # paths that agents are told not to touch
    risky: list[str] = Field(default_factory=lambda: list(DEFAULT_RISKY), sa_type=Json)  # paths where errors cost most
    review_size: int = 400  # changed lines above which a change's agent is asked, once, to split it; 0: never
    refactor_every: int = 4  # landed changes after which a refactoring is drafted; 0: never
    permissions: dict[str, str] = Field(default_factory=dict, sa_type=Json)  # kind of tool → Permission; others: allow
    ask_minutes: int = 10  # how long a run waits, slot and all, for the answer to a question
    repository_config: bool = False  # whether agents may load what the repository itself configures for them
    sandbox: bool = False  # whether agents are confined
    sandbox_network: bool = True  # whether confined agents may use the network
    created_at: datetime = Field(default_factory=now, sa_type=Moment)
    removed_at: datetime | None = Field(default=None, sa_type=Moment)
