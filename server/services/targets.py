"""Where changes land: asked where it is, and moved, whatever kind of branch it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import NarrowsError, WrongState
from server.domain.landing import Landing
from server.domain.project import Project
from server.git import merges, mirrors, objects, remotes, repositories
from server.services import pull_requests
from server.services.narrows import Narrows
from server.services.pull_requests import Settled
from server.store import landing_queries


@dataclass(frozen=True)
class Target(ABC):
    """A branch that changes land on."""

    narrows: Narrows
    project: Project
    branch: str

    @staticmethod
    def of(narrows: Narrows, project: Project, landing: Landing | None = None) -> Target:
        """Where a landing goes; without one, where the project's next one would."""
        if landing is None:
            return _branch(narrows, project, project.target_branch, project.remote)
        if landing.topic:
            return PullRequest(narrows, project, landing.target_branch, landing.remote, landing)
        return _branch(narrows, project, landing.target_branch, landing.remote)

    @abstractmethod
    def tip(self) -> str:
        """The commit that it is at now, brought into the mirror: what is built on.

        Raises:
            TargetGone: There is no such branch.
            Unreachable: It is on a remote that can't be asked.
            NarrowsError: The repository can't be used any more.
        """

    def known(self) -> str | None:
        """The commit that it is at as far as can be said without a network; None: it was never seen."""
        return self.tip()

    def beginning(self) -> str:
        """The commit that new work begins on: its tip, or where it was last seen when its remote can't be asked.

        Raises:
            NarrowsError: As `tip` does; Unreachable only where it was never seen.
        """
        try:
            return self.tip()
        except remotes.Unreachable:
            known = self.known()
            if known is None:
                raise
            return known

    @abstractmethod
    def at(self) -> str | None:
        """The commit that what `move` moves is at right now; None: it is not there."""

    def is_at(self, commit: str) -> bool:
        """Whether what `move` moves is at exactly that commit right now."""
        return self.at() == commit

    def tree(self, commit: str) -> str:
        """The tree of a commit that it has, as the user's repository says, from where remotes get it, too."""
        return objects.tree_in(mirrors.common_dir(self._source), commit)

    def contains(self, commit: str) -> bool:
        """Whether it has that commit by now, perhaps with others on top."""
        return mirrors.is_ancestor(self._mirror, commit, self.tip())

    @abstractmethod
    def move(self, old: str, new: str, /) -> None:
        """Compare and swap: it goes from `old` to `new`, forward or back, and nothing else changes. Idempotent.

        Raises:
            LostRace: It is at another commit; nothing changed.
            RemoteRefused: Its remote does not let it move so, in the remote's own words; nothing changed.
            NarrowsError: It can't be moved; the sentence says what is in the way, and nothing changed.
        """

    def undisturbed(self) -> AbstractContextManager[None]:
        """Around a move and what is written down of it: who asks meanwhile where the target is, as forecasts do, waits
        instead of bringing into the mirror what came from there.
        """
        return nullcontext()

    def moved(self, old: str, new: str, /) -> None:
        """Once that is written down, the mirror's copy comes along; where not, the next question brings it there."""
        mirrors.follow(self._mirror, self.branch, old, new)

    def settle(self, _old: str, _new: str, /) -> Settled:
        """What goes along once it has moved from `old` to `new`. What can't be is said, and undoes nothing. Idempotent,
        as the server may die between the move and this.
        """
        return Settled()

    @property
    def _source(self) -> Path:
        return Path(self.project.path)

    @property
    def _mirror(self) -> Path:
        return self.narrows.mirror(self.project.id)


class LocalBranch(Target):
    """A branch of the user's repository."""

    def tip(self) -> str:
        return mirrors.fetch(self._source, self._mirror, self.branch)

    def at(self) -> str | None:
        return repositories.tip(self._source, self.branch)

    def move(self, old: str, new: str, /) -> None:
        merges.move(self._source, self._mirror, self.branch, old, new)

    def undisturbed(self) -> AbstractContextManager[None]:
        return mirrors.undisturbed(self._mirror)


@dataclass(frozen=True)
class RemoteBranch(Target):
    """A branch of a remote of the user's repository. The local branch of that name may follow it."""

    remote: str

    def tip(self) -> str:
        return remotes.fetch(self._source, self._mirror, self.remote, self.branch)

    def known(self) -> str | None:
        return remotes.known(self._source, self._mirror, self.remote, self.branch)

    def at(self) -> str | None:
        return remotes.tip(self._source, self.remote, self._moving)

    def is_at(self, commit: str) -> bool:
        try:
            return super().is_at(commit)
        except remotes.Unreachable:
            if self._seen_at(commit):
                return True
            raise

    def move(self, old: str, new: str, /) -> None:
        self._push(self.branch, old, new)

    def settle(self, old: str, new: str, /) -> Settled:
        return Settled(self._follow(old, new) if self.project.follows else "")

    def _seen_at(self, commit: str) -> bool:
        """Whether the remote itself said so when it was pushed there, so that a network that fails just then, or a
        server that dies, does not make it a landing that failed.
        """
        return remotes.last_seen(self._source, self.remote, self._moving) == commit

    @property
    def _moving(self) -> str:
        return self.branch

    def _push(self, branch: str, old: str | None, new: str) -> None:
        remotes.push(self._source, self._mirror, self.remote, branch, old, new, hooks=self.project.hooks)

    def _follow(self, old: str, new: str) -> str:
        """Why the local branch of that name stays where it is; empty when it came along, or isn't there."""
        here = repositories.tip(self._source, self.branch)
        if here in (None, new):
            return ""
        if here != old and not repositories.is_forward(self._source, here, new):
            return f"Your own {self.branch} has other commits than {self.remote}'s, so it stays where it is."
        try:
            merges.move(self._source, self._mirror, self.branch, here, new)
        except NarrowsError as error:
            return f"Your own {self.branch} did not come along: {error.message}"
        return ""


@dataclass(frozen=True)
class PullRequest(RemoteBranch):
    """A branch of Narrows' own on the remote, from which a pull request leads into the target branch.

    `tip` and `known` are the target's, as it is built on that; `at` and `move` are of the topic branch.
    """

    landing: Landing

    def contains(self, commit: str) -> bool:
        return self.is_at(commit) or super().contains(commit)

    def move(self, _old: str, new: str, /) -> None:
        topic, there = self.landing.topic, self.at()
        if there == new:
            return
        if there is not None and there not in self._pushed():
            raise WrongState(
                f"{topic} on {self.remote} has commits that Narrows did not push.",
                "Nothing was changed. Merge or close its pull request there, or remove the branch; then land again.",
            )
        try:
            self._push(topic, there, new)
        except remotes.RemoteRefused as error:
            error.hint = f"Nothing was changed there. See that you may push branches such as {topic} to {self.remote}."
            raise

    def moved(self, _old: str, _new: str, /) -> None:
        """The target is where it was."""

    def settle(self, _old: str, _new: str, /) -> Settled:
        return pull_requests.opened(
            self._source,
            remotes.address(self._source, self.remote),
            self.remote,
            self.landing.topic,
            self.branch,
            self.landing.message,
        )

    @property
    def _moving(self) -> str:
        return self.landing.topic

    def _pushed(self) -> set[str]:
        """What earlier landings of the change may have put there."""
        with self.narrows.reading() as db:
            before = landing_queries.of_change(db, self.landing.change_id)
        return {each.commit for each in before if each.topic == self.landing.topic and each.commit}


def _branch(narrows: Narrows, project: Project, branch: str, remote: str) -> Target:
    return RemoteBranch(narrows, project, branch, remote) if remote else LocalBranch(narrows, project, branch)


def topic(project: Project, change_id: int, title: str, before: list[Landing]) -> str:
    """The branch that a landing of the change goes to instead of the target: the one it went to before, or a new one.

    Empty where the project opens no pull requests.
    """
    if not (project.remote and project.pull_requests):
        return ""
    used = [each.topic for each in before if each.topic and each.remote == project.remote]
    return used[-1] if used else pull_requests.branch_name(change_id, title)
