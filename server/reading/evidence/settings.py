"""Settings that ask less than before: thresholds lowered, rules switched off, strictness given up.

The values before and after are compared, not the lines. Settings go by tool and key, wherever they stand, so that one
that moves from `setup.cfg` to `pyproject.toml` is the same one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from server.domain.base import few
from server.domain.flag import FlagKind
from server.domain.review import Side
from server.reading.evidence.material import ChangedFile, Finding, Material
from server.reading.evidence.parsing import ini, json_with_comments, leaves, table, toml, yaml_of_texts

MOST = 5  # findings a file
LONGEST = 60  # characters of a value that a sentence has
Settings = dict[tuple[str, str], Any]  # by the folder of the file, and tool and key with dots


@dataclass(frozen=True)
class Held:
    """All settings of one side, and those of one tool that stand in the same folder."""

    every: Settings

    def get(self, key: tuple[str, str]) -> Any:
        return self.every.get(key)

    def knows(self, key: tuple[str, str]) -> bool:
        """Whether anything was said to the key's tool."""
        tool = f"{_tool(key[1])}."
        return any(folder == key[0] and name.startswith(tool) for folder, name in self.every)


def find(material: Material) -> Iterator[Finding]:
    sides = [(file, _of(file.old_path, file.old), _of(file.path, file.new)) for file in material.files]
    before, after = Held(_joined(old for _, old, _ in sides)), Held(_joined(new for _, _, new in sides))
    for file, old, new in sides:
        found = 0
        for key in {**old, **new}:
            there = old.get(key), after.get(key) if key not in new else new[key]
            if found < MOST and (key in old or key not in before.every) and (said := _less(key, there, before, after)):
                found += 1
                yield _finding(file, key[1], *said)


def _joined(each: Iterator[Settings]) -> Settings:
    return {key: value for settings in each for key, value in settings.items()}


def _finding(file: ChangedFile, key: str, sentence: str, words: list[str]) -> Finding:
    """It stands where the words do, else where the key does."""
    for word in (*words, key.rpartition(".")[2]):
        whole = re.compile(rf"(?<![\w-]){re.escape(word[:LONGEST])}(?![\w-])", re.IGNORECASE)
        for side, rows in ((Side.NEW, file.added), (Side.OLD, file.removed)):
            if row := next((row for row in rows if whole.search(row.text)), None):
                line = row.new if side is Side.NEW else row.old
                return Finding(FlagKind.WEAKENED, file.path, sentence, line, side)
    return Finding(FlagKind.WEAKENED, file.path, sentence, side=Side.NEW if file.new is not None else Side.OLD)


# What is less: each answers with a sentence and the words to look for, or None

Said = tuple[str, list[str]] | None


def _less(key: tuple[str, str], values: tuple[Any, Any], before: Held, after: Held) -> Said:
    old, new = values
    if old == new:
        return None
    rule = next((rule for names, rule in _RULES if names.fullmatch(key[1])), None)
    return rule(key, old, new, before, after) if rule else None


def _lowered(key: tuple[str, str], old: Any, new: Any, _before: Held, _after: Held) -> Said:
    """A number that should be high."""
    was, now = _number(old), _number(new)
    if was is None or was <= 0 or (now is not None and now >= was):
        return None
    return _was(key, old, new)


def _raised(key: tuple[str, str], old: Any, new: Any, _before: Held, _after: Held) -> Said:
    """A number that should be low."""
    was, now = _number(old), _number(new)
    if was is None or (now is not None and now <= was):
        return None
    return _was(key, old, new)


def _grown(key: tuple[str, str], old: Any, new: Any, before: Held, after: Held) -> Said:
    """A list of what is let through. Nothing is said where the tool is new, or looks for more at the same time."""
    more = [each for each in _items(new) if each not in _items(old)]
    if not more or not before.knows(key) or _looks_for_more(key, before, after):
        return None
    return f"`{key[1]}` has {_some(more)} more.", more


def _shrunk(key: tuple[str, str], old: Any, new: Any, _before: Held, after: Held) -> Said:
    """A list of what is looked for."""
    tool = _tool(key[1])
    left = [each for name in ("select", "extend-select") for each in _items(after.get((key[0], f"{tool}.{name}")))]
    gone = [each for each in _items(old) if not _covered(each, [*_items(new), *left])]
    if not gone or (new is None and not after.knows(key)):
        return None
    return f"`{key[1]}` has {_some(gone)} no more.", [*gone]


def _calmed(key: tuple[str, str], old: Any, new: Any, _before: Held, after: Held) -> Said:
    """Warnings that were errors."""
    lines = [value.splitlines() if isinstance(value, str) else value for value in (old, new)]
    was, now = ([str(line).strip() for line in each or [] if str(line).strip().startswith("error")] for each in lines)
    gone = [line for line in was if line not in now]
    if not gone or (new is None and not after.knows(key)):
        return None
    return f"`{key[1]}` has {_some(gone)} no more.", gone


def _off(key: tuple[str, str], old: Any, new: Any, _before: Held, after: Held) -> Said:
    """Something strict that was on. What a stricter one covers may go."""
    whole = after.get((key[0], f"{_tool(key[1])}.strict"))
    if not _true(old) or _true(new) or (new is None and (_true(whole) or not after.knows(key))):
        return None
    return _was(key, old, new)


def _on(key: tuple[str, str], old: Any, new: Any, before: Held, _after: Held) -> Said:
    """Something lenient that was off."""
    return _was(key, old, new) if _true(new) and not _true(old) and before.knows(key) else None


def _milder(key: tuple[str, str], old: Any, new: Any, before: Held, _after: Held) -> Said:
    """A rule with a level. One that was never named had the level of somebody's preset."""
    was, now = _level(old), _level(new)
    if now is None or (was is None and (now > 0 or not before.knows(key))) or (was is not None and now >= was):
        return None
    return _was(key, _bare(old), _bare(new))


def _was(key: tuple[str, str], old: Any, new: Any) -> Said:
    words = [str(new)] if new is not None and len(str(new)) > 3 else []
    if new is None:
        return f"`{key[1]}` was {_shown(old)}, and is not set any more.", words
    return f"`{key[1]}` is {_shown(new)}{f', and was {_shown(old)}' if old is not None else ' now'}.", words


def _looks_for_more(key: tuple[str, str], before: Held, after: Held) -> bool:
    names = [(key[0], f"{_tool(key[1])}.{name}") for name in ("select", "extend-select", "enable", "linters.enable")]
    return any(set(_items(after.get(name))) - set(_items(before.get(name))) for name in names)


def _covered(code: str, left: list[str]) -> bool:
    return any(each.upper() in ("ALL", "*") or code.startswith(each) for each in left)


# Values


def _tool(key: str) -> str:
    return key.partition(".")[0]


def _number(value: Any) -> float | None:
    try:
        return float(str(value).strip().rstrip("%"))
    except ValueError:
        return None


def _true(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "1", "yes", "on")


def _items(value: Any) -> list[str]:
    if isinstance(value, str):
        return [each for each in re.split(r"[,\s]+", value) if each]
    return [str(each) for each in value] if isinstance(value, list) else []


_LEVELS = {"off": 0, "none": 0, "0": 0, "false": 0, "allow": 0, "basic": 1, "information": 1, "info": 1, "warn": 1}
_LEVELS |= {"warning": 1, "1": 1, "standard": 2, "error": 2, "deny": 2, "2": 2, "true": 2, "forbid": 3, "strict": 3}


def _bare(value: Any) -> Any:
    """The level of a rule, without its options."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value


def _level(value: Any) -> int | None:
    return None if value is None else _LEVELS.get(str(_bare(value)).lower())


def _some(items: list[str]) -> str:
    return few([f"`{each[:LONGEST]}`" for each in items], 4)


def _shown(value: Any) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else str(value)[:LONGEST]}`"


Rule = Callable[[tuple[str, str], Any, Any, Held, Held], Said]
_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = tuple(
    (re.compile(names), rule)
    for names, rule in (
        (r"coverage\.report\.fail_under|interrogate\.fail-under|pylint(\..*)?\.fail-under", _lowered),
        (r"(jest|vitest|nyc)\.(.*\.)?(branches|functions|lines|statements)|codecov\..*\.target", _lowered),
        (
            r"codecov\..*\.threshold|(.*\.)?max-complexity|(ruff|pylint)\.(.*\.)?max-(args|branches|returns|locals)",
            _raised,
        ),
        (r"ruff\.(extend-)?(ignore|exclude|per-file-ignores\..*)", _grown),
        (r"flake8\.(extend-)?(ignore|exclude|per-file-ignores)|pylint\.(.*\.)?(disable|ignore)", _grown),
        (
            r"mypy\.(exclude|disable_error_code)|bandit\.(skips|exclude_dirs)|coverage\.(run|report)\.(omit|exclude.*)",
            _grown,
        ),
        (r"golangci\.linters\.disable|golangci\.(linters|issues)\.(exclusions\.)?(rules|exclude.*)(\..*)?", _grown),
        (r"(ruff|flake8)\.(extend-)?select|pylint\.(.*\.)?enable|golangci\.linters\.enable", _shrunk),
        (r"pytest\.testpaths", _shrunk),
        (r"pytest\.filterwarnings", _calmed),
        (r"mypy\.(.*\.)?(strict.*|disallow_.*|check_untyped_defs|warn_.*|no_implicit_optional)", _off),
        (r"mypy\.(.*\.)?(ignore_errors|ignore_missing_imports|allow_.*)", _on),
        (r"pytest\.xfail_strict|coverage\.run\.branch|(pyright|basedpyright)\.strict.*", _off),
        (r"tsc\.(strict.*|no(Implicit|Unused|Unchecked|Fallthrough|PropertyAccess).*|exactOptional.*)", _off),
        (r"(pyright|basedpyright)\.(report.*|typeCheckingMode)|eslint\.(.*\.)?rules\..*", _milder),
        (r"biome\.linter\.(enabled|rules\..*)", _milder),
        (r"cargo\.(.*\.)?lints\..*", _milder),
    )
)


# Where they stand


def _of(path: str, text: str | None) -> Settings:
    """What a file says to the tools that are known here, by its name."""
    if text is None:
        return {}
    folder, name = str(PurePosixPath(path).parent), PurePosixPath(path).name
    reader = next((read for names, read in _READERS if names.fullmatch(name)), None)
    try:
        found = reader(name, text) if reader else {}
        flat = _flat(found)
    except (RecursionError, TypeError, ValueError, AttributeError):  # no tool takes it so: the other files still count
        return {}
    return {(folder, key): value for key, value in flat.items()}


def _flat(tools: Mapping[str, Any]) -> dict[str, Any]:
    """By tool and key; what ruff says of linting it may say without that word, too."""
    keys = {".".join(way): value for way, value in leaves(tools)}
    return {re.sub(r"^ruff\.lint\.", "ruff.", key): value for key, value in keys.items()}


def _pyproject(_name: str, text: str) -> dict[str, Any]:
    tool = dict(table(toml(text), "tool"))
    tool["pytest"] = table(tool, "pytest", "ini_options") or tool.get("pytest", {})
    tool["mypy"] = _by_module(table(tool, "mypy"))
    return tool


def _by_module(mypy: dict[str, Any]) -> dict[str, Any]:
    """What is said of several modules at once is said of each."""
    found: dict[str, Any] = {}
    overrides = mypy.get("overrides")
    for each in overrides if isinstance(overrides, list) else []:
        named = each.get("module") if isinstance(each, dict) else None
        for module in named if isinstance(named, list) else [named]:
            found.setdefault(str(module), {}).update({k: v for k, v in table(each).items() if k != "module"})
    return {**mypy, "overrides": found}


def _ruff(_name: str, text: str) -> dict[str, Any]:
    return {"ruff": toml(text) or {}}


_SECTIONS = {"tool:pytest": "pytest", "mypy": "mypy", "flake8": "flake8", "pytest": "pytest"}


def _sections(name: str, text: str) -> dict[str, Any]:
    tools: dict[str, Any] = {}
    for section, keys in (ini(text) or {}).items():
        if section.startswith("coverage:") or name == ".coveragerc":
            tools.setdefault("coverage", {})[section.removeprefix("coverage:")] = keys
        elif section.startswith("mypy-"):
            tools.setdefault("mypy", {}).setdefault("overrides", {})[section.removeprefix("mypy-")] = keys
        elif "pylint" in name:
            tools.setdefault("pylint", {}).update(keys)
        elif section in _SECTIONS:
            tools.setdefault(_SECTIONS[section], {}).update(keys)
    return tools


def _package(_name: str, text: str) -> dict[str, Any]:
    read = json_with_comments(text)
    return {
        "jest": table(read, "jest", "coverageThreshold"),
        "nyc": table(read, "nyc") or table(read, "c8"),
        "eslint": _eslint(table(read, "eslintConfig")),
    }


def _one_tool(tool: str) -> Callable[[str, str], dict[str, Any]]:
    """A file of a tool's own, in JSON where that can be read so, else in YAML or TOML."""

    def read(name: str, text: str) -> dict[str, Any]:
        found = toml(text) if name.endswith(".toml") else json_with_comments(text)
        if found is None and not name.endswith((".toml", ".json")):
            found = yaml_of_texts(text)
        return {tool: found if isinstance(found, dict) else {}}

    return read


def _eslint(config: Mapping[str, Any]) -> dict[str, Any]:
    """The levels of its rules, without their options; those for some files, too."""
    parts = {"": config, **{str(place): each for place, each in enumerate(config.get("overrides") or [])}}
    return {
        f"{part}.rules".strip("."): {name: _bare(level) for name, level in table(at, "rules").items()}
        for part, at in parts.items()
    }


def _eslintrc(name: str, text: str) -> dict[str, Any]:
    return {"eslint": _eslint(_one_tool("eslint")(name, text)["eslint"])}


_SHARE = re.compile(r"\b(branches|functions|lines|statements)[\"']?\s*:\s*(\d+(?:\.\d+)?)\b")
_RULE = re.compile(r"[\"']([\w@][\w@/-]*)[\"']\s*:\s*\[?\s*[\"'](off|warn|error)[\"']")


def _shares(_name: str, text: str) -> dict[str, Any]:
    """Of a configuration that is a program: the thresholds, as they are written."""
    return {"jest": dict(_SHARE.findall(text))}


def _rules(_name: str, text: str) -> dict[str, Any]:
    """The same, of a linter's rules."""
    return {"eslint": {"rules": dict(_RULE.findall(text))}}


def _tsconfig(_name: str, text: str) -> dict[str, Any]:
    return {"tsc": table(json_with_comments(text), "compilerOptions")}


def _cargo(_name: str, text: str) -> dict[str, Any]:
    read = toml(text)
    lints = {"lints": table(read, "lints"), "workspace": {"lints": table(read, "workspace", "lints")}}
    return {"cargo": _levels(lints)}


def _levels(lints: dict[str, Any]) -> dict[str, Any]:
    """A lint may be a table, too: its level is what counts."""
    found: dict[str, Any] = {}
    for way, value in leaves(lints):
        if way[-1] != "priority":
            found[".".join(way).removesuffix(".level")] = value
    return found


_READERS: tuple[tuple[re.Pattern[str], Callable[[str, str], dict[str, Any]]], ...] = (
    (re.compile(r"pyproject\.toml"), _pyproject),
    (re.compile(r"\.?ruff\.toml"), _ruff),
    (re.compile(r"setup\.cfg|tox\.ini|\.flake8|\.coveragerc|\.?mypy\.ini|pytest\.ini|\.?pylintrc"), _sections),
    (re.compile(r"package\.json"), _package),
    (re.compile(r"tsconfig(\..*)?\.json"), _tsconfig),
    (re.compile(r"\.eslintrc(\.json|\.ya?ml)?"), _eslintrc),
    (re.compile(r"(jest|vitest)\.config\.[cm]?[jt]s"), _shares),
    (re.compile(r"eslint\.config\.[cm]?[jt]s|\.eslintrc\.c?js"), _rules),
    (re.compile(r"\.golangci\.(ya?ml|toml|json)"), _one_tool("golangci")),
    (re.compile(r"\.(nyc|c8)rc(\.json|\.ya?ml)?"), _one_tool("nyc")),
    (re.compile(r"\.?codecov\.ya?ml"), _one_tool("codecov")),
    (re.compile(r"pyrightconfig\.json"), _one_tool("pyright")),
    (re.compile(r"biome\.jsonc?"), _one_tool("biome")),
    (re.compile(r"Cargo\.toml"), _cargo),
)
