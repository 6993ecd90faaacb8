"""What is installed with the project: which packages a change adds, drops, or takes otherwise, by its manifests.

Lock files and manifests that are programs are told of by their names alone, see `server.services.flags`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from server.domain.base import few
from server.domain.flag import FlagKind
from server.domain.review import Side
from server.reading.evidence.material import ChangedFile, Finding, Material
from server.reading.evidence.parsing import json_with_comments, table, toml
from server.reading.row import Row

UNREAD = "It says what is installed with the project."
ABSENT = "000000"  # the mode of a file that is not there
LONGEST = 60  # characters of a name or a version that a sentence has
MOST = 4  # packages that a sentence names of each kind


class Wish(NamedTuple):
    """One package that a manifest asks for."""

    name: str
    version: str  # as it is asked for; empty: any
    group: str = ""  # what it is needed for
    rest: str = ""  # everything else that is said of it


def reads(path: str) -> bool:
    """Whether a file's packages can be told from its text, by its name."""
    return _reader(path) is not None


def find(material: Material) -> Iterator[Finding]:
    for file in material.files:
        if reads(file.path) and not file.diff.binary:
            yield from _of_file(file)


def _of_file(file: ChangedFile) -> Iterator[Finding]:
    old = _wishes(file.old_path, file.old, there=file.diff.old_mode != ABSENT)
    new = _wishes(file.path, file.new, there=file.diff.new_mode != ABSENT)
    if old is None or new is None:
        side = Side.NEW if file.new is not None else Side.OLD
        yield Finding(FlagKind.DEPENDENCY, file.path, UNREAD, side=side)
        return
    before, after = _by_key(old), _by_key(new)
    differing = [key for key in {**after, **before} if before.get(key) != after.get(key)]
    if differing:
        side, line = _place(file, [_name(after.get(key) or before[key]) for key in differing])
        yield Finding(FlagKind.DEPENDENCY, file.path, _sentence(before, after, differing), line, side)


def _wishes(path: str, text: str | None, *, there: bool) -> list[Wish] | None:
    """None: it can't be read. A file that is not there asks for nothing."""
    if not there:
        return []
    read = _reader(path)
    if text is None or read is None:
        return None
    found = read(text)
    return None if found is None else list(found)


def _by_key(wishes: Iterable[Wish]) -> dict[str, set[Wish]]:
    found: defaultdict[str, set[Wish]] = defaultdict(set)
    for wish in wishes:
        found[re.sub(r"[-_.]+", "-", wish.name).lower()].add(wish)
    return dict(found)


def _sentence(before: Mapping[str, set[Wish]], after: Mapping[str, set[Wish]], differing: list[str]) -> str:
    """ "Adds `requests`; `httpx` 0.27 → 0.28; drops `six`." """
    adds = [_called(after[key]) for key in differing if key not in before]
    drops = [_called(before[key]) for key in differing if key not in after]
    takes = [_taken(before[key], after[key]) for key in differing if key in before and key in after]
    parts = [f"adds {few(adds, MOST)}"] if adds else []
    parts += [few(takes, MOST)] if takes else []
    parts += [f"drops {few(drops, MOST)}"] if drops else []
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}."


def _taken(before: set[Wish], after: set[Wish]) -> str:
    """What became of a package that both sides ask for."""
    old = sorted({wish.version for wish in before} - {wish.version for wish in after})
    new = sorted({wish.version for wish in after} - {wish.version for wish in before})
    if old or new:
        return f"{_called(after)} {_versions(old or _all(before))} → {_versions(new or _all(after))}"
    if {wish.group for wish in before} != {wish.group for wish in after}:
        return f"{_called(after)} for something else"
    return f"{_called(after)} with other options"


def _all(wishes: set[Wish]) -> list[str]:
    return sorted({wish.version for wish in wishes})


def _versions(versions: list[str]) -> str:
    return " and ".join((version or "any")[:LONGEST] for version in versions[:2])


def _name(wishes: set[Wish]) -> str:
    return min(wish.name for wish in wishes)


def _called(wishes: set[Wish]) -> str:
    return f"`{_name(wishes)[:LONGEST]}`"


def _place(file: ChangedFile, names: list[str]) -> tuple[Side, int | None]:
    """The first changed line that names one of them."""
    wanted = [name.lower() for name in names]

    def named(row: Row) -> bool:
        return any(name in row.text.lower() for name in wanted)

    if row := next(filter(named, file.added), None):
        return Side.NEW, row.new
    if row := next(filter(named, file.removed), None):
        return Side.OLD, row.old
    return (Side.NEW if file.new is not None else Side.OLD), None


# Python

_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*\(?([^;@)#]*)\)?\s*(@[^;]*)?(;.*)?")
_HASH = re.compile(r"\s--hash[= ]\S+")


def _requirement(line: str, group: str = "") -> Wish | None:
    found = _REQUIREMENT.match(line)
    if not found:
        return None
    name, extras, version, url, marker = found.groups()
    rest = " ".join(part.strip() for part in (extras, url, marker, *_HASH.findall(line)) if part)
    return Wish(name, _plain(_HASH.sub("", version)), group, rest)


def _plain(version: str) -> str:
    """`==1.2` says what `1.2` says."""
    bare = re.sub(r"\s+", " ", version).strip().rstrip("\\").strip()
    return bare.removeprefix("==") if bare.startswith("==") and "," not in bare else bare


def _requirements(text: str) -> Iterator[Wish]:
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = re.sub(r"(^|\s)#.*", "", line).strip()
        if bare.startswith("-"):
            yield Wish(bare, "")  # another file, another index
        elif bare and (wish := _requirement(bare)):
            yield wish


def _pyproject(text: str) -> list[Wish] | None:
    read = toml(text)
    if read is None:
        return None
    project, tool = table(read, "project"), table(read, "tool")
    lists: list[tuple[str, Any]] = [
        ("", project.get("dependencies")),
        ("building", table(read, "build-system").get("requires")),
        *table(project, "optional-dependencies").items(),
        *table(read, "dependency-groups").items(),
        ("dev", table(tool, "uv").get("dev-dependencies")),
        *table(tool, "pdm", "dev-dependencies").items(),
    ]
    for name, environment in table(tool, "hatch", "envs").items():
        lists += [(name, table(environment).get(key)) for key in ("dependencies", "extra-dependencies")]
    found = [_requirement(line, group) for group, wanted in lists for line in _texts(wanted)]
    return [*filter(None, found), *_poetry(table(tool, "poetry"))]


def _poetry(poetry: Mapping[str, Any]) -> Iterator[Wish]:
    yield from _tables(table(poetry, "dependencies"), "")
    yield from _tables(table(poetry, "dev-dependencies"), "dev")
    for group, about in table(poetry, "group").items():
        yield from _tables(table(about, "dependencies"), group)


def _texts(wanted: Any) -> list[str]:
    return [each for each in wanted if isinstance(each, str)] if isinstance(wanted, list) else []


# Rust, JavaScript, Go


def _tables(wanted: Mapping[str, Any], group: str) -> Iterator[Wish]:
    """Packages that are keys: with a version, or a table that says more."""
    for name, about in wanted.items():
        if isinstance(about, dict):
            rest = {key: value for key, value in about.items() if key != "version"}
            yield Wish(name, str(about.get("version", "")), group, str(sorted(rest.items(), key=str)) if rest else "")
        else:
            yield Wish(name, str(about), group)


def _cargo(text: str) -> list[Wish] | None:
    read = toml(text)
    if read is None:
        return None
    kinds = ("dependencies", "dev-dependencies", "build-dependencies")
    places = [("", read), ("workspace", table(read, "workspace")), *table(read, "target").items()]
    found = [wish for group, at in places for kind in kinds for wish in _tables(table(at, kind), f"{group}{kind}")]
    for source, replaced in table(read, "patch").items():
        found += _tables(table(replaced), f"patch of {source}")
    return found


def _package_json(text: str) -> list[Wish] | None:
    read = json_with_comments(text)
    if not isinstance(read, dict):
        return None
    kinds = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "overrides", "resolutions")
    found = [wish for kind in kinds for wish in _tables(table(read, kind), kind)]
    at_install = ("preinstall", "install", "postinstall", "prepare")
    scripts = table(read, "scripts")
    return [*found, *(Wish(f"scripts.{name}", str(scripts[name])) for name in at_install if name in scripts)]


_MODULE = re.compile(r"(?:require\s+|replace\s+|exclude\s+)?(\S+)\s+(?:=>\s*)?(.+)")


def _go_mod(text: str) -> Iterator[Wish]:
    group = ""
    for line in text.splitlines():
        bare = line.partition("//")[0].strip()
        if opened := re.fullmatch(r"(\w+)\s*\(", bare):
            group = opened[1]
        elif bare == ")":
            group = ""
        elif bare and not bare.startswith(("module ", "go ", "toolchain ")) and (found := _MODULE.fullmatch(bare)):
            word = bare.split()[0]
            kind = group or (word if word in ("require", "replace", "exclude") else "")
            yield Wish(found[1], " ".join(found[2].split()), "" if kind == "require" else kind)


Read = Callable[[str], Iterable[Wish] | None]
_READERS: tuple[tuple[re.Pattern[str], Read], ...] = (
    (re.compile(r"pyproject\.toml", re.I), _pyproject),
    (re.compile(r"(dev-|test-)?requirements([-_.].*)?\.(txt|in)|constraints.*\.txt", re.I), _requirements),
    (re.compile(r"package\.json"), _package_json),
    (re.compile(r"cargo\.toml", re.I), _cargo),
    (re.compile(r"go\.mod"), _go_mod),
)


def _reader(path: str) -> Read | None:
    name = PurePosixPath(path).name
    return next((read for names, read in _READERS if names.fullmatch(name)), None)
