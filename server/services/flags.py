"""What Narrows itself noticed in a revision: by names when it is written, by its text in the background."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from sqlmodel import Session

from server.domain.agent_config import configures_agents, instructs_agents
from server.domain.change import Revision
from server.domain.diff import FileDiff, FileStatus
from server.domain.errors import NotFound
from server.domain.flag import Flag, FlagKind
from server.domain.review import Side
from server.reading import rows
from server.reading.evidence import dependencies
from server.reading.rows import RowKind
from server.services.narrows import Narrows
from server.store import queries

_DEPENDENCIES = re.compile(
    r"pyproject\.toml|setup\.(py|cfg)|(dev-|test-)?requirements([-_.].*)?\.(txt|in)|constraints.*\.txt|pipfile|environment\.ya?ml"
    r"|package\.json|\.npmrc|\.yarnrc(\.yml)?|pnpm-workspace\.yaml|npm-shrinkwrap\.json|deno\.jsonc?|bunfig\.toml|bun\.lockb?"
    r"|cargo\.toml|go\.(mod|sum|work)|gemfile|.*\.gemspec|composer\.json|pom\.xml|build\.gradle(\.kts)?|settings\.gradle(\.kts)?"
    r"|libs\.versions\.toml|build\.sbt|mix\.exs|package\.swift|podfile|pubspec\.yaml|.*\.(cs|fs|vb)proj|packages\.config"
    r"|directory\.packages\.props|flake\.nix|conanfile\.(py|txt)|vcpkg\.json|rebar\.config|.*\.cabal|dune-project|build\.zig\.zon"
    r"|\.gitmodules|.*\.lock|.*[.-]lock\.(json|ya?ml)|package\.resolved",
    re.IGNORECASE,
)
_BEGINS, _ENDS = re.compile(rb"^\+<{7} ", re.MULTILINE), re.compile(rb"^\+>{7} ", re.MULTILINE)
_CI = re.compile(
    r"(^|.*/)(\.github/(workflows|actions)|\.circleci|\.buildkite|\.gitea/workflows|\.forgejo/workflows|\.woodpecker|\.ci)/.+"
    r"|(^|.*/)(\.gitlab-ci\.ya?ml|\.travis\.yml|azure-pipelines.*\.ya?ml|jenkinsfile.*|\.drone\.ya?ml|\.woodpecker\.ya?ml"
    r"|bitbucket-pipelines\.yml|appveyor\.yml|\.appveyor\.yml|cloudbuild\.ya?ml|\.cirrus\.ya?ml|buildspec\.ya?ml"
    r"|\.pre-commit-config\.yaml|\.readthedocs\.ya?ml|dependabot\.ya?ml|renovate\.json5?|action\.ya?ml)",
    re.IGNORECASE,
)


def detect(revision_id: int, files: Sequence[FileDiff]) -> list[Flag]:
    """What the files of a revision's diff give cause to look at, by their names; in the order of the files."""
    return [flag for file in files for flag in _of_file(revision_id, file)]


def store(db: Session, revision: Revision, files: Sequence[FileDiff]) -> None:
    """Keep what `files`, the revision's diff, give cause to look at."""
    db.flush()
    db.add_all(detect(revision.id, files))


def of_revision(narrows: Narrows, revision_id: int) -> list[Flag]:
    """What was noticed in a revision."""
    with narrows.reading() as db:
        return queries.flags_of_revision(db, revision_id)


def get(narrows: Narrows, revision_id: int, flag_id: int) -> Flag:
    """Raises: NotFound."""
    for flag in of_revision(narrows, revision_id):
        if flag.id == flag_id:
            return flag
    raise NotFound(f"There is no flag {flag_id} in this revision.")


def _of_file(revision_id: int, file: FileDiff) -> list[Flag]:
    """One flag a kind, on the first of the file's names that is of the kind."""
    found = []
    for kind, fits, says in _DETECTORS:
        name = next((name for name in (file.path, file.old_path) if name and fits(name)), None)
        if name is not None:
            side = Side.OLD if file.status is FileStatus.DELETED else Side.NEW
            found.append(Flag(revision_id=revision_id, kind=kind, path=file.path, side=side, sentence=says))
    return [*found, *_marker(revision_id, file)]


def _marker(revision_id: int, file: FileDiff) -> list[Flag]:
    """Where the first marker of a conflict was written that nobody settled: the rest of it follows."""
    if not (_BEGINS.search(file.text) and _ENDS.search(file.text)):
        return []
    first = next(row for row in rows.parse(file.text) if row.kind is RowKind.ADDED and row.text.startswith("<<<<<<< "))
    says = "A marker of a conflict was left in it."
    return [Flag(revision_id=revision_id, kind=FlagKind.MARKER, path=file.path, line=first.new, sentence=says)]


def _manages_dependencies(path: str) -> bool:
    """Whether that is all that can be said of it: a manifest that can be read is told of by its packages, later."""
    return not dependencies.reads(path) and _DEPENDENCIES.fullmatch(PurePosixPath(path).name) is not None


def _runs_in_ci(path: str) -> bool:
    return _CI.fullmatch(path) is not None


def _only_instructs(path: str) -> bool:
    return instructs_agents(path) and not configures_agents(path)


_DETECTORS: tuple[tuple[FlagKind, Callable[[str], bool], str], ...] = (
    (FlagKind.DEPENDENCY, _manages_dependencies, "It says what is installed with the project."),
    (FlagKind.CI, _runs_in_ci, "It says what runs on other machines."),
    (FlagKind.AGENTS, configures_agents, "It can run code when an agent starts."),
    (FlagKind.AGENTS, _only_instructs, "It is read by agents as instructions."),
)
