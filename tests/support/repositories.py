"""Throwaway git repositories with pinned dates, as a user of Narrows would have them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

USER = ("Ada Lovelace", "ada@example.org")
FIRST_DATE = 1_700_000_000


def environment(home: Path) -> dict[str, str]:
    """An environment in which git sees no configuration but the repository's own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


@dataclass
class Repository:
    """A user's repository. Each commit is one minute after the one before, so object ids repeat from run to run."""

    path: Path
    home: Path
    commits: int = field(default=0)

    @classmethod
    def make(cls, tmp_path: Path, name: str = "project", files: Mapping[str, str | bytes] | None = None) -> Repository:
        """A repository at `tmp_path/name` on branch `main` with one commit of `files` (a README when None).

        An empty mapping makes a repository without a commit.
        """
        path = tmp_path / name
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        path.mkdir(parents=True)
        repository = cls(path, home)
        repository.git("init", "-q", "-b", "main", "--template=")
        with (path / ".git/config").open("a") as config:
            config.write(f"[user]\n\tname = {USER[0]}\n\temail = {USER[1]}\n[gc]\n\tauto = 0\n")
        contents = {"README.md": "# Project\n"} if files is None else files
        if contents:
            repository.commit("first", contents)
        return repository

    def git(self, *args: str | os.PathLike[str], input: bytes | None = None, ok: tuple[int, ...] = (0,)) -> str:
        """Runs git in the repository; gives its stripped output, surrogates for undecodable bytes."""
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            env=environment(self.home) | self._dates(),
            input=b"" if input is None else input,
            capture_output=True,
            check=False,
        )
        if done.returncode not in ok:
            raise AssertionError(f"git {args} exited {done.returncode}: {os.fsdecode(done.stderr)}")
        return os.fsdecode(done.stdout).strip("\n")

    def write(self, name: str, content: str | bytes, executable: bool = False) -> Path:
        """Writes a file of the working tree, with the folders above it."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if executable:
            path.chmod(0o755)
        return path

    def commit(self, message: str = "change", files: Mapping[str, str | bytes] | None = None) -> str:
        """Writes `files`, commits everything that is in the working tree, and gives the commit's id."""
        for name, content in (files or {}).items():
            self.write(name, content)
        self.git("add", "-A")
        self.commits += 1
        self.git("commit", "-q", "--allow-empty", "--no-verify", "-m", message)
        return self.head

    def remove(self, name: str) -> None:
        (self.path / name).unlink()

    def branch(self, name: str, start: str = "HEAD") -> None:
        self.git("branch", "-f", name, start)

    def switch(self, name: str, create: bool = False) -> None:
        self.git("switch", "-q", *(["-c"] if create else []), name)

    def resolve(self, name: str) -> str:
        return self.git("rev-parse", "--verify", f"{name}^{{object}}")

    @property
    def head(self) -> str:
        return self.resolve("HEAD")

    def status(self) -> list[str]:
        """`git status`, one line a file, ignored files left out; sorted."""
        lines = self.git("status", "--porcelain", "-z", "--untracked-files=all").split("\0")
        return sorted(line for line in lines if line)

    def log(self, name: str = "HEAD") -> list[str]:
        """Subjects, newest first."""
        return self.git("log", "--format=%s", name).splitlines()

    def show(self, name: str) -> str:
        """The content of `commit:path`, whitespace at its end kept."""
        done = subprocess.run(
            ["git", "cat-file", "blob", name],
            cwd=self.path,
            env=environment(self.home),
            capture_output=True,
            check=True,
        )
        return os.fsdecode(done.stdout)

    def _dates(self) -> dict[str, str]:
        date = f"{FIRST_DATE + 60 * self.commits} +0000"
        return {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
