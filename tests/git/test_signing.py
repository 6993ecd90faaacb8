"""Commits that land carry the signature that the user's own git would give them, and none otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.git import merges, mirrors, signing
from server.git.commands import Person, run
from server.git.configuration import Configuration
from server.git.merges import Built, SigningFailed, Step
from tests.support.repositories import USER, Repository

ADA = Person(*USER)
AGENT = Person("Sayer", "sayer@agents.narrows.invalid")


@pytest.fixture
def ssh_key(tmp_path: Path) -> Path:
    """A key of its own, without a passphrase."""
    key = tmp_path / "keys/id"
    key.parent.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", key], check=True)
    return key


@pytest.fixture
def signs_by_ssh(repository: Repository, ssh_key: Path) -> Repository:
    """A repository that signs by ssh, with a file that says whose key that is."""
    allowed = ssh_key.with_name("allowed")
    allowed.write_text(f"{USER[1]} {ssh_key.with_suffix('.pub').read_text()}")
    repository.git("config", "gpg.ssh.allowedSignersFile", str(allowed))
    repository.git("config", "gpg.format", "ssh")
    repository.git("config", "user.signingKey", str(ssh_key))
    repository.git("config", "commit.gpgSign", "true")
    return repository


@pytest.fixture
def gpg_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A key ring of its own, with a key of the user's; its path is short enough for its agent's socket."""
    with tempfile.TemporaryDirectory(prefix="ring-") as name:
        monkeypatch.setenv("GNUPGHOME", name)
        quick = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", f"{USER[0]} <{USER[1]}>"]
        subprocess.run([*quick, "ed25519", "sign"], check=True, capture_output=True)
        yield Path(name)
        subprocess.run(["gpgconf", "--kill", "all"], check=True)


def revision(repository: Repository, name: str) -> str:
    """A commit that is not signed, as a revision is."""
    repository.write(name, "said\n")
    repository.git("add", "-A")
    repository.git("-c", "commit.gpgSign=false", "commit", "-q", "-m", name)
    return repository.head


def build(repository: Repository, mirror: Path, method: merges.Method = "squash") -> Built:
    base = repository.head
    repository.switch("side", create=True)
    first, second = revision(repository, "first"), revision(repository, "second")
    repository.switch("main")
    mirrors.fetch(repository.path, mirror, "side")
    built = merges.build(
        mirror,
        target=base,
        base=base,
        revision=second,
        method=method,
        message="Land it\n",
        author=AGENT,
        committer=ADA,
        earlier=[Step(first, base, "First\n")],
        sign_as=repository.path if Configuration.of(repository.path).signing else None,
    )
    assert isinstance(built, Built)
    return built


def verified(repository: Repository, mirror: Path, commit: str) -> bool:
    """By git itself, in the user's repository, with the mirror's objects."""
    checked = subprocess.run(
        ["git", "-C", repository.path, "verify-commit", commit],
        env={**os.environ, "GIT_OBJECT_DIRECTORY": str(mirror / "objects")},
        capture_output=True,
        check=False,
    )
    return checked.returncode == 0


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_every_commit_that_lands_is_signed_by_ssh(
    signs_by_ssh: Repository, mirror: Path, method: merges.Method
) -> None:
    built = build(signs_by_ssh, mirror, method)
    base = signs_by_ssh.head
    landing = run(mirror, "rev-list", built.commit, f"^{base}").text.splitlines()
    assert len(landing) == {"squash": 1, "merge": 2, "rebase": 2}[method]
    assert all(verified(signs_by_ssh, mirror, each) for each in landing)
    people = {run(mirror, "log", "-1", "--format=%an %cn", each).text for each in landing}
    assert people == {f"Sayer {USER[0]}"}


def test_nothing_else_is_written_to_the_users_repository(signs_by_ssh: Repository, mirror: Path) -> None:
    def objects() -> set[Path]:
        return set((signs_by_ssh.path / ".git/objects").rglob("*"))

    built = build(signs_by_ssh, mirror)
    before = objects()
    again = merges.build(
        mirror,
        target=signs_by_ssh.head,
        base=signs_by_ssh.head,
        revision=built.commit,
        method="squash",
        message="Land it again\n",
        author=ADA,
        committer=ADA,
        sign_as=signs_by_ssh.path,
    )
    assert isinstance(again, Built)
    assert objects() == before


def test_nothing_is_signed_where_the_user_does_not_sign(repository: Repository, mirror: Path, ssh_key: Path) -> None:
    repository.git("config", "gpg.format", "ssh")
    repository.git("config", "user.signingKey", str(ssh_key))
    assert Configuration.of(repository.path).signing == ""
    built = build(repository, mirror)
    assert "gpgsig" not in run(mirror, "cat-file", "commit", built.commit).text


def test_what_an_agent_configures_in_the_mirror_signs_nothing(
    signs_by_ssh: Repository, mirror: Path, tmp_path: Path
) -> None:
    planted, mark = tmp_path / "planted", tmp_path / "mark"
    planted.write_text(f"#!/bin/sh\ntouch {mark}\n")
    planted.chmod(0o755)
    built = build(signs_by_ssh, mirror)
    with (mirror / "config").open("a") as config:
        config.write(f'[commit]\n\tgpgSign = true\n[gpg "ssh"]\n\tprogram = {planted}\n[user]\n\tsigningKey = x\n')
    tree = run(mirror, "rev-parse", f"{built.commit}^{{tree}}").text
    made = signing.commit_tree(signs_by_ssh.path, mirror, tree, input=b"Mine\n", env=_people())
    assert verified(signs_by_ssh, mirror, made)
    assert not mark.exists()


def _people() -> dict[str, str]:
    names = {f"GIT_{role}_NAME": USER[0] for role in ("AUTHOR", "COMMITTER")}
    return names | {f"GIT_{role}_EMAIL": USER[1] for role in ("AUTHOR", "COMMITTER")}


def test_the_configuration_of_the_home_folder_counts_and_the_repositorys_wins(
    repository: Repository, home: Path
) -> None:
    (home / ".gitconfig").write_text("[commit]\n\tgpgSign\n[gpg]\n\tformat = x509\n")
    assert Configuration.of(repository.path).signing == "x509"
    repository.git("config", "commit.gpgSign", "no")
    assert Configuration.of(repository.path).signing == ""
    repository.git("config", "commit.gpgSign", "1")
    repository.git("config", "gpg.format", "ssh")
    assert Configuration.of(repository.path).signing == "ssh"


def test_a_configuration_for_this_folder_alone_counts(repository: Repository, home: Path) -> None:
    (home / "work").write_text("[commit]\n\tgpgSign = true\n")
    (home / ".gitconfig").write_text(f'[includeIf "gitdir:{repository.path}/"]\n\tpath = ~/work\n')
    assert Configuration.of(repository.path).signing == "openpgp"


def test_a_key_is_found_by_a_path_from_the_top_of_the_repository(
    signs_by_ssh: Repository, mirror: Path, ssh_key: Path
) -> None:
    signs_by_ssh.git("config", "user.signingKey", os.path.relpath(ssh_key, signs_by_ssh.path))
    assert verified(signs_by_ssh, mirror, build(signs_by_ssh, mirror).commit)


def test_a_signer_that_fails_says_why_and_nothing_is_built(
    signs_by_ssh: Repository, mirror: Path, ssh_key: Path
) -> None:
    ssh_key.unlink()
    with pytest.raises(SigningFailed) as failed:
        build(signs_by_ssh, mirror)
    assert failed.value.message.startswith("The commit could not be signed: ")
    assert f'"{ssh_key}"' in failed.value.message
    assert "fatal" not in failed.value.message
    assert "commit.gpgSign" in failed.value.hint


if shutil.which("gpg"):

    def test_by_gpg(repository: Repository, mirror: Path, gpg_home: Path) -> None:
        repository.git("config", "commit.gpgSign", "true")
        built = build(repository, mirror)
        assert verified(repository, mirror, built.commit)
        shutil.rmtree(gpg_home / "private-keys-v1.d")
        subprocess.run(["gpgconf", "--kill", "all"], check=True)
        with pytest.raises(SigningFailed, match="gpg failed to sign the data"):
            signing.commit_tree(repository.path, mirror, built.tree, input=b"Mine\n", env=_people())
