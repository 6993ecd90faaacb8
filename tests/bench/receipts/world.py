"""One repository, the user who works in it, and a Narrows that lands there."""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from server.domain.project import LandingMethod
from server.services import projects
from server.services.narrows import Narrows
from server.store import queries
from tests.bench.common import Sum
from tests.bench.receipts.lines import FILES, Author, Files
from tests.support.loose import PLAIN, Loose
from tests.support.repositories import Repository
from tests.support.seen import Content, Seen
from tests.support.waiting import Waiting

IDS = Loose()
TAMPERS = "echo more >> .gitignore"


@dataclass
class Tally(Sum):
    landings: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class User:
    """Who works in the repository while changes land there."""

    def __init__(self, repository: Repository, author: Author, linked: Path) -> None:
        self.repository, self.author, self.chance, self.linked = repository, author, author.chance, linked
        self.objects = Loose(repository.path / ".git/objects")
        self.stands = "on main"

    @property
    def on_main(self) -> tuple[Path, Path] | None:
        """The work tree that has main checked out, and its git folder."""
        if self.stands == "in a linked worktree":
            return self.linked, self.repository.path / ".git/worktrees/linked"
        return None if self.stands in ("on another branch", "detached") else (self.here, self.here / ".git")

    @property
    def here(self) -> Path:
        return self.repository.path

    def settle(self) -> None:
        """Back on main, with nothing unfinished and nothing edited."""
        git = self.repository.git
        if self.stands == "in a linked worktree":
            git("worktree", "remove", "--force", str(self.linked))
        if self.stands == "in a rebase":
            git("reset", "-q", "--hard")
            git("clean", "-q", "-ffdx")  # a file that is out of the index would stand in its way
            git("rebase", "--abort")
        (self.here / ".git/MERGE_HEAD").unlink(missing_ok=True)
        git("checkout", "-q", "-f", "main")
        git("reset", "-q", "--hard")
        git("clean", "-q", "-ffdx")
        self.stands = "on main"

    def go(self, files: Files) -> None:
        """To where the next landing finds them."""
        git = self.repository.git
        self.stands = self.chance.choices(
            ("on main", "on another branch", "detached", "in a linked worktree", "in a rebase", "in a merge"),
            (70, 8, 6, 8, 4, 4),
        )[0]
        if self.stands in ("on another branch", "in a linked worktree"):
            git("checkout", "-q", "-B", "other")
        if self.stands == "detached":
            git("checkout", "-q", "--detach")
        if self.stands == "in a linked worktree":
            git("worktree", "add", "-q", str(self.linked), "main")
        if self.stands == "in a rebase":
            git("-c", "sequence.editor=echo break >", "rebase", "-q", "-i", "HEAD")
        if self.stands == "in a merge":
            (self.here / ".git/MERGE_HEAD").write_text(f"{self.repository.head}\n")
        if self.chance.random() < 0.6:
            for _ in range(self.chance.randint(1, 3)):
                self._dirty((self.on_main or (self.here, None))[0], files)

    def _dirty(self, folder: Path, files: Files) -> None:
        """Something that is in no commit."""
        path = self.chance.choice(sorted(files.keys() - {".gitignore"}))
        file = folder / path
        fresh = folder / f"mine/{self.author.line().decode()[:8]}.txt"
        fresh.parent.mkdir(exist_ok=True)

        def git(*args: str) -> None:
            self.repository.git("-C", str(folder), *args)

        what = self.chance.randrange(9)
        if what in (0, 1, 2) and file.is_file():
            file.write_bytes(file.read_bytes() + self.author.line() + b"\n")
            if what >= 1:
                git("add", "--", path)
            if what == 2:
                file.write_bytes(self.author.line() + b"\n" + file.read_bytes())
        elif what == 3 and file.is_file():
            file.unlink()
        elif what == 4 and file.is_file():
            git("rm", "-q", "--cached", "-f", "--ignore-unmatch", "--", path)
        elif what == 5:
            (folder / "ignored").mkdir(exist_ok=True)
            (folder / "ignored" / fresh.name).write_bytes(self.author.line())
        else:
            fresh.write_bytes(self.author.line())
            if what == 7:
                git("add", "--", str(fresh.relative_to(folder)))
            if what == 8:
                git("add", "-N", "--", str(fresh.relative_to(folder)))

    def commit(self, tip: str, files: Files) -> tuple[str, Files] | None:
        """A commit on main, wherever it is checked out; None where git refuses it, for what is dirty."""
        if self.stands in ("in a rebase", "in a merge"):
            return None
        edited = self.author.edit(files, 2)
        commit = self.objects.commit(self.objects.tree(edited), [tip], "by the user\n")
        if self.on_main:
            folder, _ = self.on_main
            try:
                self.repository.git("-C", str(folder), "read-tree", "-m", "-u", tip, commit)
            except AssertionError:
                return None
        self.repository.git("update-ref", "refs/heads/main", commit, tip)
        return commit, edited

    def tree_of(self, commit: str) -> str:
        """A commit's tree, as the user's own repository has it."""
        loose = self.here / ".git/objects" / commit[:2] / commit[2:]
        if loose.exists():
            return zlib.decompress(loose.read_bytes()).partition(b"\0tree ")[2][:40].decode()
        return self.repository.git("rev-parse", f"{commit}^{{tree}}")

    def seen(self) -> dict[str, Seen]:
        """Each work tree by its name."""
        found = {"": Seen.of(self.here, self.here / ".git")}
        if self.stands == "in a linked worktree":
            found["linked: "] = Seen.of(*(self.on_main or (self.linked, self.linked)))
        return found

    def in_the_way(self, files: Files, landed: Mapping[str, Content | None]) -> set[str]:
        """What is to be changed and is not as the branch has it."""
        if self.on_main is None:
            return set()
        seen = Seen.of(*self.on_main)
        found = set()
        for path in landed:
            had = files.get(path)
            entry = seen.index.get(path)
            wanted = None if had is None else (had[0], IDS.blob(had[1]), 0)
            if seen.files.get(path) != had or (entry and entry[:3]) != wanted:
                found.add(path)
        return found


class World:
    """A repository on `main` whose files are known, and a Narrows that lands there."""

    def __init__(self, folder: Path, narrows: Narrows, seed: int) -> None:
        self.chance = random.Random(seed)
        self.author = Author(self.chance)
        self.narrows = narrows
        start: Files = {f"src/{'ab'[n % 2]}/{n:02}.txt": self.author.file() for n in range(FILES)}
        start[".gitignore"] = (PLAIN, b"ignored/\n")
        repository = Repository.make(folder, files={path: content for path, (_, content) in start.items()})
        self.user = User(repository, self.author, folder / "linked")
        self.project = projects.register(narrows, str(repository.path), checks=[])
        self.waiting = Waiting(narrows, self.project)
        self.evidence = folder / "evidence"
        self.history: list[tuple[str, Files]] = [(repository.head, start)]
        self.tally = Tally()

    @property
    def tip(self) -> str:
        return self.history[-1][0]

    @property
    def files(self) -> Files:
        return self.history[-1][1]

    def change(self) -> tuple[str, Files, Files] | None:
        """The next change, with the user where it finds them: its base, the files there, and as they are to be. None
        where it would change nothing.
        """
        self.tally.landings += 1
        if self.user.stands != "on main" or self.chance.random() < 0.3:
            self.user.settle()
            self.user.go(self.files)
        self._configure()
        base, before = self.tip, self.files
        if self.chance.random() < 0.35:
            base, before = self.chance.choice(self.history)
        after = self.author.edit(before)
        return None if after == before else (base, before, after)

    def _configure(self) -> None:
        if self.chance.random() < 0.9 and self.tally.landings > 1:
            return
        see = f"git ls-files -z | LC_ALL=C sort -z | xargs -0 cat > '{self.evidence}'"
        commands = self.chance.choices(
            ([], [see], [see, "mkdir -p ignored && echo made > ignored/made && echo made > made.txt"], [see, TAMPERS]),
            (70, 14, 8, 8),
        )[0]
        with self.narrows.transaction() as db:
            project = queries.project(db, self.project.id)
            project.landing_method = self.chance.choice(list(LandingMethod))
            project.checks = commands
            db.add(project)
        self.project = self.waiting.project = project

    def commit(self) -> None:
        """The user commits, if git lets them."""
        if made := self.user.commit(self.tip, self.files):
            self.waiting.objects.commit(self.waiting.objects.tree(made[1]), [self.tip], "by the user\n")
            self.moved(*made)

    def moved(self, commit: str, files: Files) -> None:
        self.history = [*self.history[-4:], (commit, files)]
