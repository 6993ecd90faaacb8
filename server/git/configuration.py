"""What the user's git configuration says for one of their repositories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import GitError
from server.git.commands import NOBODY, Person, discover, printable


@dataclass(frozen=True, slots=True)
class Configuration:
    """`values` by git's own spelling of the names; a name alone, without a value, is None."""

    values: Mapping[str, str | None]

    @classmethod
    def of(cls, repository: Path) -> Configuration:
        """Raises: GitError: It can't be read."""
        fields = discover(repository, "config", "--list", "--show-scope", "-z").fields()
        entries = zip(fields[::2], (entry.partition("\n") for entry in fields[1::2]), strict=True)
        return cls(
            {  # the last one counts; of the scope "command" are our own safe flags
                name: value if said else None for scope, (name, said, value) in entries if scope != "command"
            }
        )

    @property
    def person(self) -> Person:
        """Who the user is, as the author of commits."""
        name, email = (self._first(f"author.{part}", f"user.{part}") for part in ("name", "email"))
        return Person(name or NOBODY.name, email or NOBODY.email)

    @property
    def signing(self) -> str:
        """By what the user signs commits: openpgp, ssh or x509; empty where they don't.

        Raises:
            GitError: It says neither yes nor no.
        """
        return (self.values.get("gpg.format") or "openpgp") if self._holds("commit.gpgsign") else ""

    def _first(self, *names: str) -> str:
        return next(filter(None, (printable(self.values.get(name) or "") for name in names)), "")

    def _holds(self, name: str) -> bool:
        """A boolean, as `git-config(1)` spells them."""
        if name not in self.values:
            return False
        value = self.values[name]
        if value is None or value.lower() in ("true", "yes", "on"):
            return True
        if value.lower() in ("", "false", "no", "off"):
            return False
        if number := re.fullmatch(r"[+-]?(\d+)[kmg]?", value, re.I):
            return int(number[1]) != 0
        raise GitError(
            f"git can't say whether {name} holds: it is {value!r}.", f"Set it: `git config {name} true`, or false."
        )


def identity(repository: Path) -> Person:
    """Who the user is, as git's configuration says it for the repository at that folder.

    Nobody where the folder is gone or can't be read: that must not cost an agent's work.
    """
    try:
        return Configuration.of(repository).person
    except GitError:
        return NOBODY
