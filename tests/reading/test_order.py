"""What is read first, and what is folded."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from server.reading import order


@dataclass(frozen=True)
class File:
    path: str
    additions: int | None = 1
    deletions: int | None = 0


def read(*files: File) -> list[str]:
    return [files[n].path for n in order.reading_order(files)]


def test_source_by_size_its_tests_beside_it_generated_last() -> None:
    assert read(
        File("README.md", 50),
        File("dist/app.min.js", 900),
        File("src/alpha.py", 3),
        File("src/zeta.py", 40),
        File("tests/test_alpha.py", 60),
        File("tests/test_other.py", 5),
        File("tests/test_zeta.py", 2),
        File("uv.lock", 700),
    ) == [
        "src/zeta.py",
        "tests/test_zeta.py",
        "src/alpha.py",
        "tests/test_alpha.py",
        "tests/test_other.py",
        "README.md",
        "dist/app.min.js",
        "uv.lock",
    ]


def test_every_file_has_its_place() -> None:
    files = [File(f"{n}/{name}", n % 7) for n in range(50) for name in ("a.py", "test_a.py", "x.bin", "go.sum")]
    assert sorted(order.reading_order(files)) == list(range(len(files)))
    assert read(File("a.png", None, None)) == ["a.png"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("package-lock.json", "lock file"),
        ("web/pnpm-lock.yaml", "lock file"),
        ("Cargo.lock", "lock file"),
        ("go.sum", "lock file"),
        ("vendor/x/y.go", "vendored"),
        ("node_modules/a/index.js", "vendored"),
        ("app.min.js", "generated"),
        ("api_pb2.py", "generated"),
        ("dist/app.js", "build output"),
        ("src/lock.py", ""),
        ("src/distance.py", ""),
        ("src/blocked.js", ""),
    ],
)
def test_why_a_file_is_folded(path: str, why: str) -> None:
    assert order.folded(path) == why


@pytest.mark.parametrize(
    "path", ["tests/a.py", "src/test_a.py", "a_test.go", "a.spec.ts", "__tests__/a.js", "conftest.py"]
)
def test_a_test_is_known_by_its_name(path: str) -> None:
    assert order.is_test(path)
    assert not order.is_test("src/latest.py")


def test_each_group_says_why_it_stands_there() -> None:
    files = [File("uv.lock"), File("notes.md"), File("a.py"), File("tests/test_a.py"), File("tests/test_b.py")]
    assert [(group.why, [files[n].path for n in group.places]) for group in order.groups(files)] == [
        ("Source, the most changed first, each with its tests", ["a.py", "tests/test_a.py"]),
        ("Other tests", ["tests/test_b.py"]),
        ("The rest", ["notes.md"]),
        ("Folded: nobody wrote these by hand", ["uv.lock"]),
    ]
    assert order.groups([]) == []
