"""Which lines ran, from what tools write; made-up reports in the shapes of their own ones, and hostile ones."""

from __future__ import annotations

from io import BytesIO

import pytest

from server.reading import coverage
from server.reading.coverage import Measured, Places, Ran, cobertura, go, lcov, measure, merge

TREE = "/data/worktrees/1/clean-1"
PLACES = Places({"src/app.py", "src/lib/a b.py", "top.go", "pkg/deep.go"}, (TREE, f"/private{TREE}"), "example.org/x")


def xml(body: str, sources: str = "<sources><source>.</source></sources>") -> str:
    head = '<?xml version="1.0" ?>\n<!DOCTYPE coverage SYSTEM "http://example.org/coverage-04.dtd">\n'
    return f"{head}<coverage>{sources}<packages><package><classes>{body}</classes></package></packages></coverage>"


def of_class(name: str, lines: str) -> str:
    return f'<class filename="{name}" name="x"><methods/><lines>{lines}</lines></class>'


LINES = '<line number="1" hits="3"/><line number="2" hits="0" branch="true"/><line number="x" hits="1"/><line/>'


def read_xml(text: str) -> Ran:
    return cobertura(BytesIO(text.encode()), PLACES)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("src/app.py", "."),
        ("app.py", f"{TREE}/src"),
        ("app.py", "src"),
        ("app.py", f"/private{TREE}/src/"),
        (f"{TREE}/src/app.py", "/elsewhere"),
        ("./src/lib/../app.py", ""),
    ],
)
def test_cobertura_by_whatever_name_the_file_has_there(name: str, source: str) -> None:
    found = read_xml(xml(of_class(name, LINES), f"<sources><source>{source}</source></sources>"))
    assert found == {"src/app.py": {1: True, 2: False}}


def test_cobertura_has_several_classes_in_a_file_and_files_that_nobody_asked_for() -> None:
    found = read_xml(
        xml(
            of_class("src/app.py", LINES)
            + of_class("other.py", LINES)
            + of_class("src/app.py", '<line number="2" hits="1"/>')
            + of_class("src/lib/a b.py", "")
        )
    )
    assert found == {"src/app.py": {1: True, 2: True}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        xml(of_class("src/app.py", LINES))[:-20],
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><coverage>&b;</coverage>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><coverage>&a;</coverage>',
        "<a>" * 60 + "</a>" * 60,
        '<?xml version="1.0" encoding="of-no-kind"?><coverage/>',
        xml(of_class("../outside.py", LINES) + of_class("/etc/passwd", LINES) + of_class("", LINES)),
    ],
)
def test_what_is_no_report_or_a_hostile_one_says_nothing(text: str) -> None:
    assert read_xml(text) == {}


def test_lcov() -> None:
    text = f"""TN:
SF:src/app.py
FN:1,main
DA:1,5
DA:2,0,a1b2
DA:,1
DA:3
end_of_record
DA:9,1
SF:{TREE}/src/lib/a b.py
DA:4,1
end_of_record
SF:/etc/passwd
DA:1,1
"""
    expected = {"src/app.py": {1: True, 2: False}, "src/lib/a b.py": {4: True}}
    assert lcov(BytesIO(text.encode()), PLACES) == expected
    assert lcov(BytesIO(text.replace("\n", "\r\n").encode()), PLACES) == expected
    assert lcov(BytesIO(b"\xff\xfe\x00" + b"x" * 100_000), PLACES) == {}


def test_go_tells_blocks_and_the_modules_name() -> None:
    text = """mode: set
example.org/x/pkg/deep.go:3.13,5.2 2 1
example.org/x/pkg/deep.go:7.2,8.1 1 0
example.org/x/pkg/deep.go:8.1,8.9 1 1
example.org/x/top.go:1.1,900000000.1 1 1
example.org/other/top.go:1.1,2.2 1 1
nonsense
"""
    assert go(BytesIO(text.encode()), PLACES) == {"pkg/deep.go": {3: True, 4: True, 5: True, 7: False, 8: True}}


def test_the_modules_name() -> None:
    assert coverage.module("// hello\nmodule example.org/x\n\ngo 1.22\n") == "example.org/x"
    assert coverage.module('module "example.org/x"') == "example.org/x"
    assert coverage.module("go 1.22\n") == ""


def test_what_ran_in_any_report_ran() -> None:
    assert merge([{"a": {1: True, 2: False}}, {"a": {1: False, 2: False}, "b": {1: False}}]) == {
        "a": {1: True, 2: False},
        "b": {1: False},
    }


def test_only_added_lines_that_could_run_are_measured() -> None:
    ran = {"a.py": {1: True, 2: False, 5: True, 7: False}, "b.py": {1: True}}
    added = {"a.py": [1, 2, 3, 7], "c.py": [1]}
    assert measure(ran, added) == Measured(1, 3, {"a.py": [2, 7]})
    assert measure({}, added) == Measured(0, 0, {})
