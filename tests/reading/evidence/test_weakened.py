"""Where less is asked than before: each rule, and what it is not."""

from __future__ import annotations

import pytest

from server.domain.flag import FlagKind
from server.domain.review import Side
from server.reading.evidence import weakened
from tests.reading.evidence.made import change, told

CI = """on: [push, pull_request]
jobs:
  test:
    steps:
      - uses: actions/checkout@v4
      - run: pip install tox
      - run: |
          make lint
          pytest -q
"""
HOOKS = "repos:\n- repo: x\n  hooks:\n  - id: black\n  - id: mypy\n"


@pytest.mark.parametrize(
    ("path", "old", "new", "line", "said"),
    [
        (
            "pyproject.toml",
            "[tool.coverage.report]\nfail_under = 90\n",
            "[tool.coverage.report]\nfail_under = 80\n",
            2,
            "`coverage.report.fail_under` is `80`, and was `90`.",
        ),
        (
            ".coveragerc",
            "[report]\nfail_under = 90\n",
            "[report]\nshow_missing = true\n",
            -2,
            "`coverage.report.fail_under` was `90`, and is not set any more.",
        ),
        (
            "pyproject.toml",
            '[tool.ruff.lint]\nselect = ["E", "S"]\n',
            '[tool.ruff.lint]\nselect = ["E"]\n',
            -2,
            "`ruff.select` has `S` no more.",
        ),
        (
            "ruff.toml",
            'select = ["E"]\n',
            'select = ["E"]\nignore = ["E722"]\n',
            2,
            "`ruff.ignore` has `E722` more.",
        ),
        (
            "setup.cfg",
            "[flake8]\nextend-ignore = E203\nmax-complexity = 10\n",
            "[flake8]\nextend-ignore = E203\nmax-complexity = 30\n",
            3,
            "`flake8.max-complexity` is `30`, and was `10`.",
        ),
        (
            "mypy.ini",
            "[mypy]\nstrict = true\n",
            "[mypy]\nstrict = false\n",
            2,
            "`mypy.strict` is `false`, and was `true`.",
        ),
        (
            "pyproject.toml",
            "[tool.mypy]\nstrict = true\n",
            '[tool.mypy]\nstrict = true\n[[tool.mypy.overrides]]\nmodule = ["a", "b"]\nignore_errors = true\n',
            5,
            "`mypy.overrides.a.ignore_errors` is `true` now.",
        ),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\nfilterwarnings = ["error", "ignore:x"]\n',
            '[tool.pytest.ini_options]\nfilterwarnings = ["ignore:x"]\n',
            -2,
            "`pytest.filterwarnings` has `error` no more.",
        ),
        (
            "package.json",
            '{"jest": {"coverageThreshold": {"global": {\n"lines": 90}}}}',
            '{"jest": {"coverageThreshold": {"global": {\n"lines": 50}}}}',
            2,
            "`jest.global.lines` is `50`, and was `90`.",
        ),
        (
            ".eslintrc.json",
            '{"rules": {\n"eqeqeq": ["error", {"null": "ignore"}]}}',
            '{"rules": {\n"eqeqeq": ["warn", {"null": "ignore"}]}}',
            2,
            "`eslint.rules.eqeqeq` is `warn`, and was `error`.",
        ),
        (".eslintrc.yml", "rules:\n  a: 2\n", "rules:\n  a: 2\n  b: off\n", 3, "`eslint.rules.b` is `off` now."),
        (
            "tsconfig.json",
            '{ // how\n"compilerOptions": {"strict": true,}}',
            '{ // how\n"compilerOptions": {"strict": false,}}',
            2,
            "`tsc.strict` is `false`, and was `true`.",
        ),
        (
            ".golangci.yml",
            "linters:\n  enable:\n  - errcheck\n  - gosec\n",
            "linters:\n  enable:\n  - errcheck\n",
            -4,
            "`golangci.linters.enable` has `gosec` no more.",
        ),
        (
            "Cargo.toml",
            '[lints.clippy]\nunwrap_used = "deny"\n',
            '[lints.clippy]\nunwrap_used = { level = "allow", priority = 1 }\n',
            2,
            "`cargo.lints.clippy.unwrap_used` is `allow`, and was `deny`.",
        ),
        (
            ".github/workflows/ci.yml",
            CI,
            CI.replace("          pytest -q\n", ""),
            -9,
            "`pytest -q` is not run any more.",
        ),
        (".github/workflows/ci.yml", CI, None, -8, "`make lint` is not run any more."),
        (
            ".github/workflows/ci.yml",
            CI,
            CI.replace("make lint", "make lint || true"),
            8,
            "`|| true`: what fails there stops nothing.",
        ),
        (
            ".github/workflows/ci.yml",
            CI,
            CI + "        continue-on-error: true\n",
            10,
            "`continue-on-error: true`: what fails there stops nothing.",
        ),
        (
            ".github/workflows/ci.yml",
            CI,
            CI.replace(", pull_request", ""),
            -1,
            "It does not run for pull requests any more.",
        ),
        (
            ".gitlab-ci.yml",
            "test:\n  script:\n  - npm test\n",
            "test:\n  script:\n  - npm test\n  allow_failure: true\n",
            4,
            "`allow_failure: true`: what fails there stops nothing.",
        ),
        (
            ".pre-commit-config.yaml",
            HOOKS,
            HOOKS.replace("  - id: mypy\n", ""),
            -5,
            "The hook `mypy` is not run any more.",
        ),
        ("Makefile", "test:\n\tpytest\n", "test:\n\tpytest || true\n", 2, "`|| true`: what fails there stops nothing."),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\naddopts = "--cov-fail-under=90"\n',
            '[tool.pytest.ini_options]\naddopts = "--cov-fail-under=80"\n',
            2,
            "The share of lines that has to be covered is 80 %, and was 90 %.",
        ),
        (
            "Makefile",
            "test:\n\tpytest --cov-fail-under 90\n",
            "test:\n\tpytest\n",
            -2,
            "The share of lines that has to be covered is 0 %, and was 90 %.",
        ),
        ("jest.config.js", "global: {\n  lines: 90,\n}\n", "global: {\n  lines: 80,\n}\n", 2, "`jest.lines` is `80`"),
        (
            "eslint.config.mjs",
            "rules: {\n  'eqeqeq': ['error', 'always'],\n}\n",
            "rules: {\n  'eqeqeq': 'off',\n}\n",
            2,
            "`eslint.rules.eqeqeq` is `off`, and was `error`.",
        ),
        ("a.py", "x = f()\n", "x = f()  # type: ignore[misc]\ny = g()  # noqa\n", 1, "`type: ignore`, `noqa`"),
        ("a.ts", "f();\n", "// @ts-ignore\nf();\n// @ts-ignore\n", 1, "`@ts-ignore` 2 times"),
        ("a.go", "f()\n", "f() //nolint:errcheck\n", 1, "`nolint`"),
        ("a.rs", "fn f() {}\n", "#[allow(dead_code)]\nfn f() {}\n", 1, "`allow`"),
        ("A.java", "void f() {}\n", '@SuppressWarnings("all")\nvoid f() {}\n', 1, "`@SuppressWarnings`"),
    ],
)
def test_less_is_asked(path: str, old: str, new: str | None, line: int, said: str) -> None:
    found = list(weakened.find(change({path: (old, new)})))
    assert found, "nothing found"
    assert {each.kind for each in found} == {FlagKind.WEAKENED}
    first = told(found[0])
    assert first[1:3] == ((line, Side.NEW) if line > 0 else (-line, Side.OLD))
    assert said in first[3]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("pyproject.toml", "[tool.coverage.report]\nfail_under = 80\n", "[tool.coverage.report]\nfail_under = 90\n"),
        ("pyproject.toml", "[project]\n", '[tool.ruff.lint]\nselect = ["E"]\nignore = ["E722"]\n'),
        ("ruff.toml", 'select = ["E501", "E4"]\n', 'select = ["E"]\n'),
        ("ruff.toml", 'select = ["E"]\n', 'select = ["E", "S"]\nignore = ["S101"]\n'),
        ("mypy.ini", "[mypy]\ncheck_untyped_defs = true\n", "[mypy]\nstrict = true\n"),
        (".eslintrc.json", '{"rules": {"a": "warn"}}', '{"rules": {"a": "error", "b": "warn"}}'),
        (".github/workflows/ci.yml", CI, CI.replace("pytest -q", "pytest -q -n 4")),
        (".github/workflows/ci.yml", CI, CI.replace("pip install tox", "uv pip install tox")),
        (".pre-commit-config.yaml", HOOKS, HOOKS.replace("  - id: black\n  - id: mypy\n", "  - id: ruff\n")),
        ("Makefile", "test:\n\tpytest\nrun:\n\techo test\n", "test:\n\tpytest\n"),
        ("a.py", "x = 1  # noqa: F401\n", "y = 1  # noqa: F811\n"),
        ("a.py", "x = 1\n", "x = 1\nurl = 'long'  # noqa: E501\n"),
        ("a.py", "x = 1\n", "x = '''\n# noqa\n'''\n"),
        ("tests/test_a.py", "x = 1\n", "x = f(None)  # type: ignore[arg-type]\n"),
        ("docs/lint.md", "x\n", "// eslint-disable-next-line\n"),
    ],
)
def test_as_much_is_asked_as_before(path: str, old: str, new: str) -> None:
    assert list(weakened.find(change({path: (old, new)}))) == []


def test_settings_and_remarks_that_only_move_are_not_less() -> None:
    assert not list(
        weakened.find(
            change(
                {
                    "setup.cfg": ("[mypy]\nstrict = true\n[coverage:report]\nfail_under = 90\n", "[metadata]\n"),
                    "pyproject.toml": (
                        "[project]\n",
                        "[tool.mypy]\nstrict = true\n[tool.coverage.report]\nfail_under = 90\n",
                    ),
                    "a.py": ("import x  # noqa\n", ""),
                    "b.py": ("", "import x  # noqa\n"),
                    ".github/workflows/a.yml": (CI, None),
                    ".github/workflows/b.yml": (None, CI),
                    "tox.ini": ("[testenv]\ncommands =\n    pytest\n", None),
                }
            )
        )
    )


def test_a_bomb_is_looked_at_for_no_longer_than_others() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    bomb = f"l0: &l0 [x, x]\n{levels}jobs: *l11\n"
    deep = "[" * 50_000
    for path in (".github/workflows/ci.yml", ".golangci.yml", ".pre-commit-config.yaml", "tsconfig.json"):
        assert list(weakened.find(change({path: (bomb, deep)}))) == []
        assert list(weakened.find(change({path: (CI, bomb), "x.py": (deep, '"' * 50_000)}))) is not None
