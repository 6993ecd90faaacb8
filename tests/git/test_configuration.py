from __future__ import annotations

from pathlib import Path

import pytest

from server.domain.errors import GitError
from server.git.commands import NOBODY, Person
from server.git.configuration import Configuration, identity
from tests.support.repositories import Repository


class TestIdentity:
    def test_nobody_known(self, tmp_path: Path) -> None:
        assert identity(tmp_path) == NOBODY

    def test_the_authors_own_name_wins(self, repository: Repository) -> None:
        repository.git("config", "author.name", "  Countess <of> Lovelace\t")
        assert identity(repository.path) == Person("Countess of Lovelace", "ada@example.org")

    def test_a_name_that_git_would_refuse_falls_back(self, repository: Repository) -> None:
        repository.git("config", "user.name", "<>.,")
        assert identity(repository.path).name == NOBODY.name

    def test_the_home_configuration_counts(self, tmp_path: Path, home: Path) -> None:
        (home / ".gitconfig").write_text("[user]\n\tname = Grace\n\temail = grace@example.org\n")
        assert identity(tmp_path) == Person("Grace", "grace@example.org")


@pytest.mark.parametrize(
    ("said", "holds"),
    [("true", True), ("On", True), ("2k", True), ("no", False), ("0", False), ("", False)],
)
def test_whether_one_signs_is_read_as_git_reads_it(repository: Repository, said: str, holds: bool) -> None:
    repository.git("config", "commit.gpgSign", said)
    assert (repository.git("config", "--type=bool", "commit.gpgSign").strip() == "true") is holds
    assert bool(Configuration.of(repository.path).signing) is holds


def test_what_says_neither_yes_nor_no_is_no_answer(repository: Repository) -> None:
    repository.git("config", "commit.gpgSign", "perhaps")
    with pytest.raises(GitError, match=r"can't say whether commit\.gpgsign holds: it is 'perhaps'"):
        _ = Configuration.of(repository.path).signing
