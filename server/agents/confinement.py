"""What an agent may reach when it runs in a sandbox: which folders it writes, and which it never sees."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from server.domain.errors import NarrowsError

# Below the home folder: what signs in somewhere, or tells what a person did.
SECRETS = (
    *(".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".pki", ".password-store", ".vault-token"),
    *(".config/gcloud", ".config/gh", ".config/glab-cli", ".config/hub", ".config/op", ".config/rclone"),
    *(".config/containers", ".config/git/credentials", ".git-credentials", ".netrc", ".npmrc", ".pypirc"),
    *(".config/pypoetry/auth.toml", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials"),
    *(".m2/settings.xml", ".gradle/gradle.properties", ".terraform.d", ".pgpass", ".my.cnf", ".mylogin.cnf"),
    *(".local/share/keyrings", ".local/share/kwalletd", "Library/Keychains", "Library/Cookies"),
    *(".mozilla", ".thunderbird", ".config/google-chrome", ".config/chromium", ".config/BraveSoftware"),
    *(".config/microsoft-edge", ".config/vivaldi", ".var/app", "snap/firefox", "snap/chromium"),
    *("Library/Application Support/Google", "Library/Application Support/Firefox", "Library/Safari"),
    *(".bash_history", ".zsh_history", ".local/share/fish", ".python_history", ".node_repl_history"),
    *(".psql_history", ".mysql_history", ".sqlite_history"),
)
# Where Narrows itself and its Python are, which the agents that come with it need.
PROGRAMS = (Path(__file__).parents[1], Path(sys.prefix), Path(sys.base_prefix))
OBJECTS_INSIDE = "objects"  # below the mirror's `narrows` folder, where the agent's git finds the mirror's objects


@dataclass(frozen=True, slots=True)
class Shown:
    """A folder that is seen in another place than it is in. Only bubblewrap can do that."""

    source: Path
    at: Path
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a program may reach. Everything that is not named can be read and not written.

    The deepest path that names a file decides: a folder in `writable` or `readable` is a hole in a `hidden` one that is
    above it, and a hidden one is a hole in these. At the same path, hidden wins. Paths that don't exist are no error.
    `network` off leaves the program a loopback interface of its own, or none.
    """

    worktree: Path
    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    network: bool = True
    shown: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class GitFolders:
    """The parts of a worktree's git: the mirror, the folder in it that is the worktree's, and Narrows' private one."""

    mirror: Path
    admin: Path
    private: Path

    @property
    def objects(self) -> Path:
        """Where a confined agent's git writes: what it adds and commits is here, and not in the mirror."""
        return self.private / "objects"

    @property
    def info(self) -> Path:
        """Names the mirror's objects as those that the agent's are borrowed from."""
        return self.private / "objects-info"


def of_run(
    *,
    worktree: Path,
    git: GitFolders,
    run_folder: Path,
    data: Path,
    home: Path,
    keeps: Iterable[str] = (),
    readable: Iterable[Path] = (),
    writable: Iterable[Path] = (),
    network: bool = True,
) -> Confinement:
    """What an agent may reach in one run; makes the folders that only a confined agent needs.

    It writes in the worktree, the run's folder, what it `keeps` (`~` is `home`), and in `writable`. Of `data`
    (all that Narrows keeps) it sees nothing else but the mirror, without what belongs to other worktrees. Objects are
    written beside the mirror: the mirror's own may be hard links into the user's repository, and writing through
    one would ruin it. `readable` are more holes, as for a program that is installed in a hidden place.

    Raises:
        NarrowsError: a folder can't be made.
    """
    try:
        own = _own(home, keeps)
        for folder in (git.objects / "info", git.objects / "pack", git.info):
            folder.mkdir(parents=True, exist_ok=True)
        inside = git.private.parent / OBJECTS_INSIDE
        (git.info / "alternates").write_text(f"../{git.private.parent.name}/{OBJECTS_INSIDE}\n")
    except OSError as trouble:
        message = f"The sandbox can't be made ready: {trouble.strerror} ({trouble.filename})."
        raise NarrowsError(message, "Make that folder usable, or run the agent without the sandbox.") from trouble
    objects = git.mirror / "objects"
    return Confinement(
        worktree=worktree,
        writable=(run_folder, git.admin, *own, *writable),
        hidden=(data, git.admin.parent, git.private.parent, *(home / name for name in SECRETS)),
        readable=(home, git.mirror, *PROGRAMS, *readable),
        network=network,
        shown=(Shown(objects, inside), Shown(git.objects, objects, writable=True), Shown(git.info, objects / "info")),
    )


def real(path: Path) -> Path:
    """Where `path` leads, whether something is there or not; links in a circle are no error, as with `Path.resolve`."""
    return Path(os.path.realpath(path))


def _own(home: Path, keeps: Iterable[str]) -> list[Path]:
    """The places that `keeps` names; one that is missing and has a name without an ending is made, as a folder."""
    places = [home / re.sub("^~(/|$)", "", name) for name in keeps]
    for place in places:
        if not place.suffix and not place.exists():
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return places
