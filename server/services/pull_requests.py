"""Pull requests: opened by the host's own program where the user has it, else by a link that opens the form."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit

from server.git import children

LONGEST_BODY = 60_000  # hosts take a little more
LONGEST_SLUG = 40
PROGRAM_SECONDS = 60
PATIENCE = 1.0  # seconds that it gets when the server stops meanwhile
SILENTLY = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_PROMPT": "1", "NO_COLOR": "1", "PAGER": "cat"}

Kind = Literal["github", "gitlab", "bitbucket", "gitea"]
BY_SSH = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com", "altssh.bitbucket.org": "bitbucket.org"}
PROGRAMS = {"github": "gh", "gitlab": "glab"}


@dataclass(frozen=True)
class Settled:
    """What came of a move besides the move: an address to read on, and what did not go along."""

    note: str = ""
    pull_request: str = ""


@dataclass(frozen=True)
class Repository:
    """A repository on a host, by the address of its page."""

    kind: Kind
    page: str

    def form(self, topic: str, target: str) -> str:
        """The address of the form that opens a pull request."""
        match self.kind:
            case "github":
                return f"{self.page}/compare/{quote(target)}...{quote(topic)}?expand=1"
            case "gitea":
                return f"{self.page}/compare/{quote(target)}...{quote(topic)}"
            case "gitlab":
                asked = {"merge_request[source_branch]": topic, "merge_request[target_branch]": target}
                return f"{self.page}/-/merge_requests/new?{urlencode(asked)}"
            case "bitbucket":
                return f"{self.page}/pull-requests/new?{urlencode({'source': topic, 'dest': target})}"


def branch_name(change_id: int, title: str) -> str:
    """The topic branch of a change, such as `narrows/12-say-it-louder`."""
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    if len(slug) > LONGEST_SLUG:
        slug = slug[: LONGEST_SLUG + 1].rpartition("-")[0] or slug[:LONGEST_SLUG]
    return f"narrows/{change_id}-{slug}" if slug else f"narrows/{change_id}"


def repository(address: str) -> Repository | None:
    """The repository that a remote's address leads to; None where its host is none of those known."""
    found = re.fullmatch(r"(?:[^@/:]+@)?([^/:@]+):(?!//)(.+)", address)  # as scp writes it
    url = urlsplit(f"ssh://{found[1]}/{found[2]}" if found else address)
    if url.scheme not in ("ssh", "http", "https", "git", "git+ssh") or not url.hostname:
        return None
    name = BY_SSH.get(url.hostname, url.hostname)
    path = url.path.strip("/").removesuffix(".git").strip("/")
    kind = _kind(name)
    if kind is None or not path:
        return None
    by_web = url.scheme in ("http", "https")
    port = f":{url.port}" if by_web and url.port else ""
    return Repository(kind, f"{url.scheme if by_web else 'https'}://{name}{port}/{quote(path, safe='/~%')}")


def _kind(host: str) -> Kind | None:
    words = re.split(r"[.-]", host)
    if host == "codeberg.org" or {"gitea", "forgejo"} & set(words):
        return "gitea"
    if "github" in words:
        return "github"
    if "gitlab" in words:
        return "gitlab"
    return "bitbucket" if host == "bitbucket.org" else None


def opened(folder: Path, address: str, remote: str, topic: str, target: str, message: str) -> Settled:
    """A pull request from `topic` into `target`: the one that is open already, a new one, or how to open it.

    Args:
        folder: The user's repository; the host's program runs there.
        address: Where `remote` leads.
        message: The first line is the title.
    """
    host = repository(address)
    if host is None:
        return Settled(f"{topic} is on {remote}; open the pull request into {target} there.")
    form = host.form(topic, target)
    program = PROGRAMS.get(host.kind, "")
    if not program or not shutil.which(program):
        return Settled(f"{topic} is on {remote}; the pull request into {target} is yet to be opened.", form)
    try:
        return Settled(pull_request=_by_program(program, host, folder, topic, target, message))
    except _Failed as failed:
        return Settled(f"{topic} is on {remote}, but {program} could not open the pull request: {failed}", form)


class _Failed(Exception):
    """The program's own words."""


def _by_program(program: str, host: Repository, folder: Path, topic: str, target: str, message: str) -> str:
    title, _, body = message.strip().partition("\n")
    body = body.strip()[:LONGEST_BODY]
    if program == "gh":
        where = f"--repo={host.page.partition('://')[2]}"
        listed = ["gh", "pr", "list", where, f"--head={topic}", "--state=open", "--json=url"]
        made = ["gh", "pr", "create", where, f"--head={topic}", f"--base={target}"]
        made += [f"--title={title}", f"--body={body}"]
        key = "url"
    else:
        where = f"--repo={host.page}"
        listed = ["glab", "mr", "list", where, f"--source-branch={topic}", "--output=json"]
        made = ["glab", "mr", "create", where, f"--source-branch={topic}", f"--target-branch={target}"]
        made += [f"--title={title}", f"--description={body}", "--yes"]
        key = "web_url"
    return _listed(_said(listed, folder), key) or _link(_said(made, folder))


def _listed(said: str, key: str) -> str:
    """The address of the first one listed; empty where there is none, or nothing that can be read."""
    with suppress(ValueError, TypeError, LookupError):
        return _link(str(json.loads(said)[0][key]))
    return ""


def _link(said: str) -> str:
    found = re.findall(r"https?://[^\s\"'<>]+", said)
    if not found:
        raise _Failed("it named no address.")
    return str(found[-1])


def _said(argv: list[str], folder: Path) -> str:
    """What the program prints; it is ended with all that it started when it takes too long."""

    def start(more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv,
            cwd=folder,
            env={**os.environ, **SILENTLY, "GIT_TERMINAL_PROMPT": "0", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    try:
        with children.waited_for(start, PATIENCE) as process:
            out, err = process.communicate(timeout=PROGRAM_SECONDS)
    except OSError as error:
        raise _Failed(f"{error.strerror}.") from error
    except subprocess.TimeoutExpired:
        raise _Failed(f"it took longer than {PROGRAM_SECONDS} seconds.") from None
    if process.returncode:
        raise _Failed(_sentence(err or out) or f"it ended with {process.returncode}.")
    return out.decode(errors="replace")


def _sentence(said: bytes) -> str:
    shown = "".join(c if c.isprintable() else " " for c in said.decode(errors="replace"))
    words = " ".join(shown.split())[:300]
    return words if not words or words.endswith((".", "!", "?")) else f"{words}."
