"""Signatures of commits that land: as the user's own git makes them, where it would sign at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from server.domain.errors import GitError, NarrowsError
from server.git.commands import as_user

SECONDS = 60  # for a passphrase that is typed into a window of its own


class SigningFailed(NarrowsError):
    """The user's configuration asks for a signature, and there is none."""

    status = 409
    code = "not_signed"

    def __init__(self, words: str) -> None:
        super().__init__(
            f"The commit could not be signed: {words}",
            "Nothing moved. `git commit-tree -S -m test HEAD^{tree}` in the repository tries it; mend the key, or turn "
            "commit.gpgSign off, then land again.",
        )


def commit_tree(repository: Path, mirror: Path, *words: str, input: bytes, env: Mapping[str, str]) -> str:
    """`git commit-tree` with a signature, started in the user's repository so that its configuration alone decides
    how and by whom; the commit is an object of the mirror, and nothing is written there.

    Raises:
        SigningFailed: with the signer's words, as far as git passes them on.
    """
    into = {"GIT_OBJECT_DIRECTORY": str(mirror / "objects"), **env}
    command = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", "-S", *words)
    try:
        return as_user(repository, *command, input=input, timeout=SECONDS, env=into).text
    except GitError as error:
        raise SigningFailed(_words(error)) from error


def _words(error: GitError) -> str:
    """What git said of it, without what follows from it; the whole sentence where it said nothing."""
    lines = [line.removeprefix("error: ").strip() for line in error.stderr.splitlines()]
    said = " ".join(line for line in lines if line and not line.startswith("fatal: failed to write commit"))
    if not said:
        return error.message
    return said if said.endswith((".", "?", "!")) else f"{said}."
