"""How much attention a revision deserves: each reason, its limit, and what the sum amounts to."""

from __future__ import annotations

from typing import Any

import pytest

from server.domain.flag import FlagKind
from server.domain.project import DEFAULT_RISKY
from server.domain.risk import RiskLevel
from server.reading.risk import _SAYS, WEIGHTS, Facts, is_risky, level, weigh

TESTED = ["src/a.py", "tests/test_a.py"]


def reasons(paths: list[str] | None = None, **facts: Any) -> list[tuple[float, str]]:
    return weigh(Facts(paths=TESTED if paths is None else paths, **facts))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, []),
        ({"lines": 1}, []),
        ({"lines": 250}, [(2.5, "250 changed lines to read.")]),
        ({"lines": 90_000}, [(4.0, "90000 changed lines to read.")]),
        ({"risky": ["src/"]}, [(2.0, "It touches src/a.py, where errors cost most.")]),
        ({"risky": ["**/*.py"], "paths": ["a.py", "b.py", "test_c.py"]},
         [(4.0, "It touches a.py and 1 more, where errors cost most.")]),
        ({"flags": {FlagKind.CI: [".ci/run"]}}, [(1.5, "CI changes: .ci/run.")]),
        ({"flags": {FlagKind.REMOVED_TEST: ["b", "a", "a"]}}, [(4.0, "3 tests were removed: a and 1 more.")]),
        ({"changed": {"src/a.py": 9}, "commits": 500}, []),
        ({"changed": {"src/a.py": 12, "tests/test_a.py": 3}, "commits": 500},
         [(1.2, "src/a.py changed in 12 of the last 500 commits.")]),
        ({"changed": {"src/a.py": 400}, "commits": 500}, [(2.0, "src/a.py changed in 400 of the last 500 commits.")]),
        ({"reverted": {"src/a.py": 1}}, [(1.5, "An earlier change of src/a.py was taken back.")]),
        ({"paths": ["a.py"]}, [(1.5, "Source changed, and no test.")]),
        ({"paths": ["a.md", "uv.lock"]}, []),
        ({"unproven": True}, [(1.0, "Its tests pass without it as well.")]),
        ({"covered": 40, "coverable": 40}, []),
        ({"covered": 31, "coverable": 40}, [(0.45, "9 of 40 new lines did not run in the checks.")]),
        ({"covered": 0, "coverable": 1}, [(2.0, "1 of 1 new line did not run in the checks.")]),
    ],
)  # fmt: skip
def test_each_fact_has_its_sentence_and_its_points(facts: dict[str, Any], said: list[tuple[float, str]]) -> None:
    assert reasons(**facts) == said


def test_what_counts_most_is_told_first() -> None:
    found = reasons(["a\t.py"], lines=130, risky=["*"], flags={FlagKind.SECRET: ["a\t.py"]})
    assert [points for points, _ in found] == [4.0, 2.0, 1.5, 1.3]
    assert found[1][1] == "It touches a\\t.py, where errors cost most."


def test_every_kind_of_flag_has_words_and_a_weight() -> None:
    for kind in FlagKind:
        assert kind in _SAYS
        assert kind in WEIGHTS
        [(points, _)] = reasons(flags={kind: ["a"]})
        assert 0 < points <= WEIGHTS[kind][1]


def test_the_sum_is_low_medium_or_high() -> None:
    assert [level(points) for points in (0, 2.99, 3, 5.9, 6, 60)] == [
        RiskLevel.LOW,
        RiskLevel.LOW,
        RiskLevel.MEDIUM,
        RiskLevel.MEDIUM,
        RiskLevel.HIGH,
        RiskLevel.HIGH,
    ]


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("**/auth*/**", "auth/login.py", True),
        ("**/auth*/**", "src/authority/deep/er/x.py", True),
        ("**/auth*/**", "src/auth.py", False),
        ("**/*auth*", "src/OAuth.py", True),
        ("*.sql", "db/a.sql", False),
        ("db/", "db/a/b.sql", True),
        ("/db/*.sql", "db/a.sql", True),
        ("a?.py", "ab.py", True),
        ("a?.py", "a/.py", False),
        ("a[b].py", "a[b].py", True),
        ("", "a", False),
    ],
)
def test_patterns_of_paths(pattern: str, path: str, fits: bool) -> None:
    assert is_risky(path, [pattern]) is fits


def test_what_is_risky_where_nothing_was_said() -> None:
    for path in ("app/auth/session.py", "login.ts", "db/migrations/0001.sql", "Dockerfile", "docker/Dockerfile.dev"):
        assert is_risky(path, DEFAULT_RISKY), path
    for path in ("README.md", "src/app.py", "docs/docker.md"):
        assert not is_risky(path, DEFAULT_RISKY), path
