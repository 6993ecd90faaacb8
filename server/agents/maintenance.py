"""Maintenance without a model: ruff on the worktree, as a `command` agent that says what it did and what is left.

Started by file path as `python -I maintenance.py fix|imports|format` in the worktree. ruff itself answers 1 when
something is left for a person; this program answers 0 when it did what can be done, and 1 when ruff could not work.
The project's own ruff configuration counts, except for where ruff may write.
"""

# It talks on standard output:
# ruff: noqa: T201
from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SHOWN = 40  # lines of what is left


class RuffFailed(Exception):
    """ruff could not work: a broken configuration, most likely."""


def ruff() -> str:
    """The ruff of this environment, or else the one on the PATH."""
    beside = shutil.which("ruff", path=sysconfig.get_path("scripts"))
    return beside or shutil.which("ruff") or "ruff"


def main(arguments: Sequence[str]) -> int:
    """Does one job; answers the exit code."""
    jobs = {"fix": lambda: lint([]), "imports": lambda: lint(["--select", "I"]), "format": restyle}
    if len(arguments) != 1 or arguments[0] not in jobs:
        print(f"usage: maintenance.py {'|'.join(jobs)}", file=sys.stderr)
        return 2
    try:
        jobs[arguments[0]]()
    except (RuffFailed, OSError) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


def lint(selection: list[str]) -> None:
    """Applies ruff's safe fixes, and lists what needs a person."""
    before = findings([*selection, "--no-fix"])
    after = findings([*selection, "--fix"])
    fixed = Counter(map(rule, before)) - Counter(map(rule, after))
    for name, count in sorted(fixed.items()):
        print(f"fixed {count} × {name}")
    show([f"{place(finding)}: {rule(finding)}" for finding in after])
    if not before:
        print("\nNothing to fix.")
    else:
        print(f"\nFixed {amount(fixed.total(), 'finding')}; {amount(len(after), 'finding')} left for a person.")


def restyle() -> None:
    """Formats all files that are not formatted yet, and lists those that can't be parsed.

    Raises:
        RuffFailed: it could not work.
    """
    # What ruff prints of this changes between its versions; the files themselves tell.
    broken = findings(["--select", "E902", "--no-fix"])
    before = contents()
    run(["format", "--no-cache", "--quiet"])
    formatted = [path for path, data in contents().items() if data != before.get(path)]
    for path in formatted:
        print(f"formatted {path}")
    show([f"{place(finding)}: {finding.get('message')}" for finding in broken])
    print(f"\nFormatted {amount(len(formatted), 'file')}." if formatted else "\nEverything is formatted already.")


def contents() -> dict[Path, bytes]:
    """The files that ruff looks at, as they are."""
    listed = run(["check", "--show-files", "--no-cache", "--quiet"]).stdout.splitlines()
    paths = [Path(line).relative_to(Path.cwd()) for line in listed if Path(line).is_relative_to(Path.cwd())]
    return {path: path.read_bytes() for path in sorted(paths) if path.is_file()}


def findings(options: list[str]) -> list[dict[str, Any]]:
    """What `ruff check` says with these options.

    Raises:
        RuffFailed: it could not work.
    """
    answer = run(["check", "--exit-zero", "--no-cache", "--quiet", "--output-format", "json", *options])
    if answer.returncode:
        raise RuffFailed(answer.stderr.strip() or f"ruff ended with exit code {answer.returncode}")
    found: list[dict[str, Any]] = json.loads(answer.stdout or "[]")
    return found


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs ruff here."""
    return subprocess.run([ruff(), *arguments, "."], capture_output=True, text=True, check=False)


def rule(finding: dict[str, Any]) -> str:
    """`F401 unused-import`, as far as ruff says it."""
    url = str(finding.get("url") or "")
    return f"{finding.get('code') or 'syntax'} {url.rstrip('/').rpartition('/')[2]}".strip()


def place(finding: dict[str, Any]) -> str:
    """The file, as it is named from here, and the line."""
    path = Path(str(finding["filename"]))
    name = str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
    row = (finding.get("location") or {}).get("row")
    return f"{name}:{row}" if row else name


def show(lines: list[str]) -> None:
    """Prints what is left, as far as anybody reads it."""
    for line in lines[:SHOWN]:
        print(f"left  {line}")
    if len(lines) > SHOWN:
        print(f"left  … and {len(lines) - SHOWN} more")


def amount(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
