"""One change, from its making to its landing or its refusal; whatever is wrong is noted."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from sqlmodel import select

from server.domain.change import Revision
from server.domain.check import Check
from server.domain.errors import WrongState
from server.domain.landing import Landing
from server.domain.states import CheckState, LandingState
from server.engine import lander
from server.services import checks, landings
from server.services.assessments import Objected
from server.store import queries
from tests.bench.receipts.lines import Clash, Files, merged
from tests.bench.receipts.world import IDS, TAMPERS, World
from tests.support.landing import carry_out
from tests.support.seen import Content, Seen

Measure = tuple[str, str, str, int]  # a path, the modes before and after, how many lines differ


class Case:
    """One change in a world."""

    def __init__(self, world: World, base: str, before: Files, after: Files) -> None:
        self.world, self.base, self.before, self.after = world, base, before, after
        self.chance = world.chance
        self.acts = self.chance.choices(
            ("", "before the click", "after the click", "after the proof"), (55, 15, 15, 15)
        )[0]
        self.seen: dict[str, Seen] = {}
        self.known: list[set[Measure]] = []  # what lands, as it was read, or acknowledged at the click

    def land(self) -> None:
        world = self.world
        revision = self._make()
        self.known = [self._measures(self.before, self.after)]
        if self.acts == "before the click":
            world.commit()
        try:
            clean = merged(self.before, world.files, self.after)
        except Clash:
            clean = None
        try:
            self._click(revision)
        except Objected as objected:
            code = (objected.assessment.blockers or objected.assessment.warnings)[0].code
            self._count(f"refused: {code}")
            if clean is not None or code != "conflict":
                self._fault(f"refused for {objected.message}")
            return
        if clean is None:
            self._fault("taken although both sides changed the same lines")
        if self.acts == "after the click":
            world.commit()
        if self.chance.random() < 0.1:  # by the agent, whose worktree hangs on the mirror
            (world.waiting.mirror / revision.ref).write_text(f"{self.base}\n")
        self.seen = world.user.seen()
        landing = self._carry_out()
        self._judge(landing, revision)

    def _make(self) -> Revision:
        waiting = self.world.waiting
        base_tree = IDS.tree(self.before)
        change = waiting.change(self.base, waiting.objects.tree(self.after), "Made", base_tree=base_tree)
        if self.chance.random() < 0.1:  # a revision that comes after what was read
            self.after = self.world.author.edit(self.after)
            tree = waiting.objects.tree(self.after)
            revision = waiting.revise(change, self.base, tree, base_tree=base_tree, number=2)
            try:
                landings.land(self.world.narrows, change.id, revision=1)
                self._fault("an old revision was taken")
            except WrongState:
                self._count("an old revision refused")
            return revision
        with self.world.narrows.reading() as db:
            return queries.revision(db, change.id, 1)

    def _click(self, revision: Revision) -> Landing:
        """Raises: Objected, for anything but warnings, which are acknowledged."""
        narrows = self.world.narrows
        try:
            words = "" if self.chance.random() < 0.1 else "Made\n"
            return landings.land(narrows, revision.change_id, revision=revision.number, message=words)
        except Objected as objected:
            if objected.assessment.blockers:
                raise
            self._count("a warning acknowledged")
            self.known.append(self._measures(self.world.files, merged(self.before, self.world.files, self.after)))
            known = [warning.hash for warning in objected.assessment.warnings]
            return landings.land(narrows, revision.change_id, revision=revision.number, acknowledge=known)

    def _carry_out(self) -> Landing:
        """The engine's part, in the middle of which the user may commit."""
        plain, left = lander.prove, [self.acts == "after the proof"]

        async def prove(landing_id: int) -> bool:
            proven = await plain(landing_id)
            if left.pop() if left else False:
                self.world.commit()
            self.seen = self.world.user.seen()
            return proven

        lander.prove = prove
        try:
            [landing] = carry_out(self.world.narrows)
            return landing
        finally:
            lander.prove = plain

    def _judge(self, landing: Landing, revision: Revision) -> None:
        world = self.world
        try:
            expected: Files | None = merged(self.before, world.files, self.after)
        except Clash:
            expected = None
        landed: dict[str, Content | None] = {}
        if expected is not None:
            paths = expected.keys() | world.files.keys()
            landed = {path: expected.get(path) for path in paths if expected.get(path) != world.files.get(path)}
        why = self._against(landing, expected, landed)
        tip = (world.user.here / ".git/refs/heads/main").read_text().strip()
        if landing.state is LandingState.LANDED:
            assert expected is not None
            self._count(f"landed, {landing.method}, {world.user.stands}")
            if why:
                self._fault(f"landed although {why}")
            self._judge_landed(landing, revision, expected, tip)
            world.moved(tip, expected)
        else:
            self._count(f"back on the desk: {why or landing.error}")
            if not why:
                self._fault(f"did not land: {landing.error}")
            if tip != world.tip:
                self._fault(f"the branch moved to {tip} though nothing landed")
            landed = {}
        where = "linked: " if world.user.stands == "in a linked worktree" else ""
        now = world.user.seen()
        for name, seen in self.seen.items():
            moves = seen.moves(landed) if name == where and world.user.on_main else {}
            for words in seen.differences(now[name], moves):
                self._fault(f"{name}{words}")

    def _against(self, landing: Landing, expected: Files | None, landed: Mapping[str, Content | None]) -> str:
        """What stands against it, as far as it is known here; empty when nothing does."""
        user = self.world.user
        if expected is None:
            return "both sides changed the same lines"
        if TAMPERS in self.world.project.checks and checks.of_landing(self.world.narrows, landing.id):
            return "its checks changed tracked files"
        if user.stands in ("in a rebase", "in a merge"):
            return f"the user is {user.stands}"
        if self.acts.startswith("after") and self._measures(self.world.files, expected) not in self.known:
            return "it is not what was read any more"
        if landing.state is LandingState.LANDED:
            return ""  # what is in the way shows in the user's files, which are compared
        return "files of the user's are in the way" if user.in_the_way(self.world.files, landed) else ""

    @staticmethod
    def _measures(old: Files, new: Files) -> set[Measure]:
        """What changes, file by file, in numbers."""
        none = ("", b"")
        both = {path: (old.get(path, none), new.get(path, none)) for path in old.keys() | new.keys()}
        return {
            (
                path,
                one[0],
                two[0],
                sum(a != b for a, b in itertools.zip_longest(one[1].split(b"\n"), two[1].split(b"\n"))),
            )
            for path, (one, two) in both.items()
            if one != two
        }

    def _judge_landed(self, landing: Landing, revision: Revision, expected: Files, tip: str) -> None:
        """Read = tested = landed."""
        tree = IDS.tree(expected)
        there = self.world.user.tree_of(tip)
        if not tip == landing.commit == (landing.receipt or {})["landed"]["to"]:
            self._fault(f"the branch is at {tip}, the record says {landing.commit}, the receipt {landing.receipt}")
        if not tree == there == landing.tree:
            self._fault(f"read: {tree}; on the branch: {there}; recorded: {landing.tree}")
        receipt = landing.receipt or {}
        if (receipt["read"]["commit"], receipt["tested"]["tree"], receipt["landed"]["tree"]) != (
            revision.commit,
            tree,
            tree,
        ):
            self._fault(f"the receipt says something else: {receipt}")
        wanted = set(self.world.project.checks)
        with self.world.narrows.reading() as db:
            of_tree = select(Check).where(Check.tree == tree, Check.state == CheckState.PASSED)
            green = {check.command for check in db.exec(of_tree) if not check.superseded}
        if wanted - green:
            self._fault(f"never passed on the tree that landed: {wanted - green}")
        if checks.of_landing(self.world.narrows, landing.id):
            self._count("proven by programs")
            if self.world.evidence.read_bytes() != b"".join(expected[path][1] for path in sorted(expected)):
                self._fault("the checks saw other files than what landed")
        elif wanted and landing.tree != revision.tree:
            self._count("its tree had passed before")

    def _count(self, what: str) -> None:
        self.world.tally.counts[what] += 1

    def _fault(self, what: str) -> None:
        world = self.world
        self.world.tally.faults.append(
            f"landing {world.tally.landings}, user {world.user.stands}, commits {self.acts or 'not'}: {what}"
        )
