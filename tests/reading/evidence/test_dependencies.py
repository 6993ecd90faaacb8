"""What a change installs with the project, told by its manifests."""

from __future__ import annotations

import pytest

from server.domain.review import Side
from server.reading.evidence import dependencies
from tests.reading.evidence.made import change, changed, told

PROJECT = '[project]\nname = "x"\ndependencies = [\n  "httpx==0.27",\n  "six",\n]\n'


@pytest.mark.parametrize(
    ("path", "old", "new", "line", "said"),
    [
        (
            "pyproject.toml",
            PROJECT,
            PROJECT.replace("0.27", "0.28").replace('"six"', "\"requests>=2 ; python_version > '3'\""),
            4,
            "Adds `requests`; `httpx` 0.27 → 0.28; drops `six`.",
        ),
        (
            "pyproject.toml",
            PROJECT + '[dependency-groups]\ndev = ["pytest"]\n',
            PROJECT.replace('"six"', '"six", "pytest"'),
            5,
            "`pytest` for something else.",
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\nrich = "^13"\n',
            '[tool.poetry.dependencies]\nrich = {version = "^13", git = "ssh://elsewhere"}\n',
            2,
            "`rich` with other options.",
        ),
        (
            "requirements.txt",
            "a==1\n# via b\n",
            "a==1 \\\n    --hash=sha256:ff\n# via c\n",
            1,
            "`a` with other options.",
        ),
        ("requirements/dev.txt", "a\n", "b\n", None, None),
        ("requirements-dev.in", "a\n", "-i other\na[x]>=2,<3\n", 1, "Adds `-i other`; `a` any → >=2,<3."),
        (
            "web/package.json",
            '{"dependencies": {"left-pad": "^1.0.0"}}',
            '{"dependencies": {"left-pad": "^1.3.0"}, "scripts": {"postinstall": "sh x"}}',
            1,
            "Adds `scripts.postinstall`; `left-pad` ^1.0.0 → ^1.3.0.",
        ),
        (
            "Cargo.toml",
            '[dependencies]\nserde = "1"\n',
            '[dependencies]\nserde = { version = "1", features = ["derive"] }\n[dev-dependencies]\nrand = "0.9"\n',
            2,
            "Adds `rand`; `serde` with other options.",
        ),
        (
            "go.mod",
            "module m\n\ngo 1.22\n\nrequire (\n\tx.org/a v1.0.0\n)\n",
            "module m\n\ngo 1.23\n\nrequire (\n\tx.org/a v1.1.0 // indirect\n)\nreplace x.org/a => ../a\n",
            6,
            "`x.org/a` v1.0.0 → ../a and v1.1.0.",
        ),
        ("go.mod", None, "module m\nrequire x.org/a v1.0.0\n", 2, "Adds `x.org/a`."),
        ("pyproject.toml", PROJECT, None, None, None),
        ("pyproject.toml", PROJECT, PROJECT + "[tool.ruff]\nline-length = 120\n", None, None),
        ("package.json", '{"scripts": {"test": "jest"}}', '{"scripts": {"test": "jest ."}}', None, None),
        ("setup.py", "a", "b", None, None),
    ],
)
def test_what_becomes_of_packages_is_said(
    path: str, old: str | None, new: str | None, line: int | None, said: str | None
) -> None:
    found = [told(each) for each in dependencies.find(change({path: (old, new)}))]
    if new is None:
        assert found == [(path, 4, Side.OLD, "Drops `httpx`, `six`.")]
    else:
        assert found == ([(path, line, Side.NEW, said)] if said else [])


def test_a_manifest_that_cant_be_read_is_told_of_all_the_same() -> None:
    for broken in ("[project", "x = " + "[" * 100_000):
        [found] = dependencies.find(change({"pyproject.toml": (PROJECT, broken)}))
        assert found.sentence == dependencies.UNREAD
    [found] = dependencies.find(change({"package.json": ("{}", "[" * 100_000)}))
    assert found.sentence == dependencies.UNREAD


def test_many_packages_are_counted() -> None:
    lines = "".join(f"p{number}\n" for number in range(9))
    [found] = dependencies.find(change({"requirements.txt": (None, lines)}))
    assert found.sentence == "Adds `p0`, `p1`, `p2`, `p3` and 5 more."


def test_what_a_manifest_was_called_before_is_read_as_it_was_called() -> None:
    moved = changed("pyproject.toml", PROJECT, PROJECT, old_path="sub/pyproject.toml")
    assert dependencies.reads(moved.path)
    assert not dependencies.reads("poetry.lock")
