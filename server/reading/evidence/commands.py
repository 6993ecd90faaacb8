"""Commands that prove something, and are run no more or can't fail any more: in CI, in hooks, in a Makefile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from server.domain.flag import FlagKind
from server.domain.review import Side
from server.reading.evidence.material import ChangedFile, Finding, Material
from server.reading.evidence.parsing import MOST as VALUES
from server.reading.evidence.parsing import ini, json_with_comments, leaves, table, yaml_of_texts
from server.reading.row import Row

MOST = 5  # findings a file
LONGEST = 60  # characters of a command that a sentence has
LENGTH = 1_000  # characters of a command that are looked at
_CI = re.compile(
    r"(^|.*/)(\.github/(workflows|actions)|\.circleci|\.buildkite|\.(gitea|forgejo)/workflows|\.woodpecker)/.+\.ya?ml"
    r"|(^|.*/)(\.gitlab-ci|\.travis|azure-pipelines|\.drone|\.woodpecker|bitbucket-pipelines|\.?appveyor|\.cirrus)\.ya?ml"
)
_LINES = re.compile(r"(^|.*/)(GNUmakefile|[Mm]akefile|[Jj]ustfile)|(^|.*/)\.ci/.+")
_HOOKS = re.compile(r"(^|.*/)\.pre-commit-config\.ya?ml")
_PROVES = re.compile(
    r"\b(pytest|unittest|tox|nox|tests?|lint|ruff|flake8|mypy|pyright|pylint|black|eslint|prettier|tsc|jest|vitest|mocha"
    r"|playwright|clippy|rustfmt|fmt|vet|golangci|staticcheck|mvn|gradlew?|check|verify|coverage|codecov|codeql"
    r"|pre-commit|audit|bandit|safety|semgrep)\b",
    re.IGNORECASE,
)
_NEVER_FAILS = re.compile(
    r"\|\|\s*(true|:|exit 0|echo\b.*)\s*$|;\s*(true|exit 0)\s*$|--exit-zero\b|--passWithNoTests\b"
)
_INSTALLS = re.compile(
    r"\b(pip|npm|yarn|pnpm|apt(-get)?|brew|cargo|go|uv)\s+(-\S+\s+)*(install|i|add|ci|sync|get|build)\b"
)
_LIMITS = re.compile(r"--(?:cov-)?fail-under[= ](\d+(?:\.\d+)?)")
_SAYS_LIMITS = re.compile(
    r"(^|/)(pyproject\.toml|setup\.cfg|tox\.ini|pytest\.ini|noxfile\.py|package\.json|[Mm]akefile)$|ya?ml$"
)
_KEYS = ("run", "script", "before_script", "after_script", "command", "commands", "bash", "test_script", "steps")


@dataclass
class _Side:
    """What one side of a file runs."""

    lines: list[str] = field(default_factory=list)  # each command that proves something
    lenient: Counter[str] = field(default_factory=Counter)  # what lets failures through, by the word in the file
    hooks: list[str] = field(default_factory=list)
    pulls: bool | None = None  # whether it runs for pull requests; None: it says nothing of that


def find(material: Material) -> Iterator[Finding]:
    read = [(file, _side(file.old_path, file.old), _side(file.path, file.new)) for file in material.files]
    lost = _lost((line for _, old, _ in read for line in old.lines), (line for _, _, new in read for line in new.lines))
    hooks = _hooks_lost({h for _, old, _ in read for h in old.hooks}, {h for _, _, new in read for h in new.hooks})
    yield from _limit_lowered(material)
    for file, old, new in read:
        found = [*_not_run(file, old, new, lost), *_no_hook(file, old, hooks), *_lets_fail(file, old, new)]
        yield from found[:MOST]


def _limit_lowered(material: Material) -> Iterator[Finding]:
    """The least share of lines that has to be covered, as commands say it, over all files of the change."""
    files = [file for file in material.files if _SAYS_LIMITS.search(file.path)]
    before = [float(limit) for file in files for limit in _LIMITS.findall(file.old or "")]
    after = [float(limit) for file in files for limit in _LIMITS.findall(file.new or "")]
    lowest = min(after, default=0.0)
    if not before or lowest >= min(before):
        return
    says = f"The share of lines that has to be covered is {lowest:g} %, and was {min(before):g} %."
    for file in files:
        for side, rows in ((Side.NEW, file.added), (Side.OLD, file.removed)):
            if row := next((row for row in rows if _LIMITS.search(row.text)), None):
                yield Finding(FlagKind.WEAKENED, file.path, says, row.new if side is Side.NEW else row.old, side)
                return


def _not_run(file: ChangedFile, old: _Side, new: _Side, lost: Counter[str]) -> Iterator[Finding]:
    if file.path.endswith("tox.ini") and not new.lines:
        return  # it stands in another file now: tox reads several
    for line in old.lines:
        if lost[line]:
            lost[line] -= 1
            yield _gone(file, line, f"`{line[:LONGEST]}` is not run any more.")


def _no_hook(file: ChangedFile, old: _Side, lost: Counter[str]) -> Iterator[Finding]:
    for hook in old.hooks:
        if lost[hook]:
            lost[hook] -= 1
            yield _gone(file, hook, f"The hook `{hook[:LONGEST]}` is not run any more.")


def _lets_fail(file: ChangedFile, old: _Side, new: _Side) -> Iterator[Finding]:
    for word in new.lenient:
        if new.lenient[word] > old.lenient[word] and (old.lines or old.lenient):
            row = next((row for row in file.added if word.split()[0].rstrip(":") in row.text), None)
            says = f"`{word[:LONGEST]}`: what fails there stops nothing."
            yield Finding(FlagKind.WEAKENED, file.path, says, row.new if row else None)
    if old.pulls and new.pulls is False:
        yield _gone(file, "pull_request", "It does not run for pull requests any more.")


def _gone(file: ChangedFile, word: str, sentence: str) -> Finding:
    first = word.split("\n")[0]
    row: Row | None = next((row for row in file.removed if first in row.text), None)
    if row is None and file.new is not None:
        return Finding(FlagKind.WEAKENED, file.path, sentence)
    return Finding(FlagKind.WEAKENED, file.path, sentence, row.old if row else None, Side.OLD)


def _lost(old: Iterable[str], new: Iterable[str]) -> Counter[str]:
    """Those that are gone with nothing in their place: what came beside them may do the same in other words."""
    before, after = Counter(old), Counter(new)
    came, gone = list((after - before).elements()), list((before - after).elements())
    for word in (True, False):  # first what came with the same program, then anything
        for each in list(came):
            match = next((one for one in gone if not word or _programs(one) & _programs(each)), None)
            if match is not None:
                gone.remove(match)
                came.remove(each)
    kept = {line for line in after if line in before}
    return Counter(line for line in gone if line not in kept)  # once less is still run


def _hooks_lost(old: set[str], new: set[str]) -> Counter[str]:
    """Where others came, they may do what those that are gone did: one linter replaces three."""
    return Counter(() if new - old else old - new)


def _programs(line: str) -> set[str]:
    return {word.lower() for word in _PROVES.findall(line)} or {line}


# What a file runs


def _side(path: str, text: str | None) -> _Side:
    if text is None:
        return _Side()
    if _CI.fullmatch(path):
        return _of_ci(yaml_of_texts(text))
    if _HOOKS.fullmatch(path):
        return _Side(hooks=list(_hook_ids(yaml_of_texts(text))))
    name = path.rpartition("/")[2]
    if name == "package.json":
        scripts = table(json_with_comments(text), "scripts")
        return _of_lines(line for line in scripts.values() if isinstance(line, str))
    if name == "tox.ini":
        sections = ini(text) or {}
        return _of_lines(line for keys in sections.values() for line in keys.get("commands", "").splitlines())
    if _LINES.fullmatch(path):
        return _of_lines(line for line in text.splitlines() if line.startswith("\t") or ".ci/" in path)
    return _Side()


def _of_lines(lines: Iterable[str]) -> _Side:
    side = _Side()
    for line in lines:
        _take(side, line)
    return side


def _take(side: _Side, line: str) -> None:
    """One line of a shell, as far as it proves something."""
    bare = " ".join(line[:LENGTH].split())
    if not _PROVES.search(bare) or bare.startswith(("#", "echo ")) or _INSTALLS.search(bare):
        return
    if found := _NEVER_FAILS.search(bare):
        side.lenient[found[0].strip(" ;")] += 1
        bare = bare[: found.start()].strip()
    side.lines.append(_LIMITS.sub("--fail-under", bare).lstrip("-@ "))


def _of_ci(read: Any) -> _Side:
    side = _Side(pulls=_pulls(read))
    for way, value in leaves(read):
        key = next((part for part in reversed(way) if not part.isdigit()), "")
        if key in _KEYS:
            for line in _shell(value):
                _take(side, line)
        elif key == "uses" and isinstance(value, str) and _PROVES.search(value):
            side.lines.append(value.partition("@")[0])
        elif _lets_through(key, value):
            side.lenient[f"{key}: {str(value).strip()}"] += 1
    return side


def _shell(value: Any) -> Iterator[str]:
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str):
            yield from re.sub(r"\\\n", " ", text).splitlines()


def _lets_through(key: str, value: Any) -> bool:
    said = str(value).strip().lower()
    if key in ("continue-on-error", "allow_failure", "continueOnError", "soft_fail"):
        return said == "true"
    return (key == "if" and said in ("false", "${{ false }}")) or (key == "fail_ci_if_error" and said == "false")


def _pulls(read: Any) -> bool | None:
    on = read.get("on") if isinstance(read, dict) else None
    if on is None:
        return None
    return "pull_request" in on or "pull_request_target" in on if isinstance(on, str | list | dict) else None


def _hook_ids(read: Any) -> Iterator[str]:
    repos = read.get("repos") if isinstance(read, dict) else None
    for repo in (repos if isinstance(repos, list) else [])[:VALUES]:
        hooks = repo.get("hooks") if isinstance(repo, dict) else None
        for hook in hooks if isinstance(hooks, list) else []:
            if isinstance(hook, dict) and isinstance(hook.get("id"), str):
                yield hook["id"]
