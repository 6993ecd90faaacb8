"""What can be set when Narrows starts: flags over environment over `config.toml` over defaults."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from server.domain.errors import Invalid

CONFIG_NAME = "config.toml"
AT_ONCE = "at_once"  # stands for the number of `agents` in a file that has sections `[agents.NAME]`


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """One frozen answer to every question about how this process was started.

    Attributes:
        data: The absolute folder that holds everything that Narrows keeps.
        host: The address to listen on; anything but a loopback address opens Narrows to others.
        port: The TCP port; 0 picks a free one.
        database_url: SQLAlchemy URL of Narrows' own tables.
        engine_database_url: SQLAlchemy URL of the engine's tables; each engine has its own, wherever the data is.
        agents: How many agents may run at once, over all projects.
        line: How many landings of one target branch are proven at once.
        budget: Minutes of reading that may wait before no new task starts; 0 for no limit. The person's own wins.
        trash_days: How many days the trash keeps what was put away; 0 for no limit.
        trash_mb: How many megabytes it may hold; 0 for no limit.
        free_mb: How many megabytes have to be free for anything new to start; 0: it always may.
        open_browser: Whether to open the user's browser at the start.
        worker: Whether this process does background work.
        log_level: One of `debug`, `info`, `warning`, `error`.
        editor: How the person's editor is opened: a command, or a scheme such as `vscode://`; empty: not at all.
        agent_sections: The tables `[agents.NAME]` of `config.toml`, by name, as they stand there.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 4747
    database_url: str = field(default="", repr=False)
    engine_database_url: str = field(default="", repr=False)
    agents: int = 4
    line: int = 2
    budget: int = 30
    trash_days: int = 30
    trash_mb: int = 0
    free_mb: int = 1024
    open_browser: bool = True
    worker: bool = True
    log_level: str = "info"
    editor: str = ""
    agent_sections: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        put = object.__setattr__  # the dataclass is frozen for everyone else
        put(self, "data", self.data.resolve())
        put(self, "database_url", self.database_url or _sqlite(self.data / "narrows.db"))
        put(self, "engine_database_url", self.engine_database_url or _sqlite(self.data / "engine.db"))

    @classmethod
    def load(cls, flags: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
        """Settle every setting, and make the data folder if it isn't there.

        Args:
            flags: Values by setting name; None stands for a flag that wasn't given.
            environ: The environment to read `NARROWS_*`, `VISUAL`, `HOME` and `XDG_DATA_HOME` from; the process's own
                when None.

        Raises:
            Invalid: A value can't be used, or the data folder can't; the message names the source.
        """
        environ = os.environ if environ is None else environ
        given = list(_from_flags(flags or {})) + list(_from_environment(environ))
        data = next((Path(v) for name, v in _parsed(given) if name == "data"), _default_data(environ))
        _own(data)
        table = _read(data / CONFIG_NAME)
        sections = _take_sections(table)
        given += _from_file(table, data / CONFIG_NAME)
        values: dict[str, Any] = {"data": data, "agent_sections": sections}
        visual = environ.get("VISUAL", "")
        if visual.strip() and visual.isprintable():  # not ours: what can't be used there is no mistake here
            given.append(_Given("editor", visual, "VISUAL"))
        for name, value in _parsed(given):
            values.setdefault(name, value)
        settings = cls(**values)
        for folder in (settings.mirrors, settings.worktrees, settings.runs, settings.logs, settings.backups):
            _make(folder)
        return settings

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    @property
    def mirrors(self) -> Path:
        """Holds one bare repository a project."""
        return self.data / "mirrors"

    @property
    def worktrees(self) -> Path:
        """Holds every checkout that agents work in."""
        return self.data / "worktrees"

    @property
    def runs(self) -> Path:
        """Holds one folder a run: prompt, transcript, lock."""
        return self.data / "runs"

    @property
    def trials(self) -> Path:
        """Holds one folder an agent's newest trial: its repository, prompt, transcript."""
        return self.data / "trials"

    @property
    def logs(self) -> Path:
        """Holds the server's log and the reports of unexpected errors."""
        return self.data / "logs"

    @property
    def backups(self) -> Path:
        """Holds the copies of the database made before migrations."""
        return self.data / "backups"

    @property
    def token_file(self) -> Path:
        """Holds the secret that every request shows, mode 0600."""
        return self.data / "token"

    @property
    def lock_file(self) -> Path:
        """Locked by the one server that works on this folder."""
        return self.data / "lock"

    @property
    def server_file(self) -> Path:
        """Says where the running server listens, for the commands that talk to it."""
        return self.data / "server.json"


@dataclass(frozen=True)
class _Given:
    """A value as somebody gave it, and where, in words that they know."""

    name: str
    value: object
    source: str


def _from_flags(flags: Mapping[str, object]) -> Iterator[_Given]:
    for name, value in flags.items():
        if name not in _PARSERS:
            raise TypeError(f"no setting is called {name!r}")
        if value is not None:
            yield _Given(name, value, f"--{name.replace('_', '-')}")


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Given]:
    for name in _PARSERS:
        variable = f"NARROWS_{name.upper()}"
        if value := environ.get(variable, ""):
            yield _Given(name, value, variable)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid("config", f"{path} is not valid TOML: {error}.") from error
    except OSError as error:
        raise Invalid("config", f"{path} can't be read: {error.strerror}.") from error


def _take_sections(table: dict[str, Any]) -> dict[str, object]:
    """The agents of `[agents]`, taken out of the table; what is left there is how many may run at once, if it says."""
    agents = table.get("agents")
    if not isinstance(agents, dict):
        return {}
    del table["agents"]
    if AT_ONCE in agents:
        table["agents"] = agents[AT_ONCE]
    return {name: section for name, section in agents.items() if name != AT_ONCE}


def _from_file(table: Mapping[str, object], path: Path) -> Iterator[_Given]:
    known = [name for name in _PARSERS if name != "data"]
    for name, value in table.items():
        if name not in known:
            raise Invalid(name, f"{path} sets {name!r}, which can't be set there.", f"Known: {', '.join(known)}.")
        yield _Given(name, value, f"{name} in {path}")


def _parsed(given: list[_Given]) -> Iterator[tuple[str, Any]]:
    for one in given:
        try:
            yield one.name, _PARSERS[one.name](one.value)
        except ValueError as error:
            raise Invalid(one.name, f"{one.source} is {str(one.value)!r}, but it must be {error}.") from None


def _folder(value: object) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError("a folder")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("a folder in a home that exists") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("one line of text")
    return value.strip()


def _database(value: object) -> str:
    text = _text(value)
    if not text.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
        raise ValueError("the URL of a SQLite or PostgreSQL database")
    return text.replace("postgresql:", "postgresql+psycopg:", 1)


def _whole(low: int, high: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        expected = f"a whole number from {low} to {high}"
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(expected)
        try:
            number = int(value)
        except ValueError:
            raise ValueError(expected) from None
        if not low <= number <= high:
            raise ValueError(expected)
        return number

    return parse


def _switch(value: object) -> bool:
    match value:
        case bool():
            return value
        case str() if value.lower() in {"1", "true", "yes", "on"}:
            return True
        case str() if value.lower() in {"0", "false", "no", "off"}:
            return False
    raise ValueError("true or false")


def _level(value: object) -> str:
    levels = ("debug", "info", "warning", "error")
    if isinstance(value, str) and value.lower() in levels:
        return value.lower()
    raise ValueError(f"one of {', '.join(levels)}")


_PARSERS: dict[str, Callable[[object], Any]] = {
    "data": _folder,
    "host": _text,
    "port": _whole(0, 65535),
    "database_url": _database,
    "engine_database_url": _database,
    "agents": _whole(1, 256),
    "line": _whole(1, 64),
    "budget": _whole(0, 100_000),
    "trash_days": _whole(0, 36_500),
    "trash_mb": _whole(0, 1_000_000_000),
    "free_mb": _whole(0, 1_000_000_000),
    "open_browser": _switch,
    "worker": _switch,
    "log_level": _level,
    "editor": _text,
}
assert {*_PARSERS, "agent_sections"} == {setting.name for setting in fields(Settings)}


def _default_data(environ: Mapping[str, str]) -> Path:
    xdg = Path(environ.get("XDG_DATA_HOME", ""))
    if xdg.is_absolute():  # the XDG specification has relative ones ignored
        return xdg / "narrows"
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return home / ".local" / "share" / "narrows"


def _sqlite(path: Path) -> str:
    """The URL of a SQLite file; SQLAlchemy would take `?` for a query and decodes `%`."""
    return f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F')}"


def _own(folder: Path) -> None:
    """Make the data folder for its owner alone; one that anybody may write to is refused."""
    _make(folder)
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH:
        raise Invalid("data", f"Anybody on this machine may write to {folder}.", "Choose a folder of your own.")


def _make(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise Invalid("data", f"{folder} is not a folder.", "Choose another with --data.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        message = f"The folder {folder} can't be made: {error.strerror}."
        raise Invalid("data", message, "Choose another with --data.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Invalid("data", f"The folder {folder} can't be written to.", "Choose another with --data.")
