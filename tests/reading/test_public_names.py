"""Which public names a change takes away, brings, or declares in another way."""

from __future__ import annotations

import pytest

from server.reading import public_names
from server.reading.rows import Row, RowKind


def gone(*lines: str) -> list[Row]:
    return [Row(RowKind.REMOVED, number, None, line) for number, line in enumerate(lines, 1)]


def come(*lines: str) -> list[Row]:
    return [Row(RowKind.ADDED, None, number, line) for number, line in enumerate(lines, 1)]


@pytest.mark.parametrize(
    ("path", "line", "name"),
    [
        ("a.py", "def parse(text):", "parse"),
        ("a.py", "    async def read(self):", "read"),
        ("a.py", "class Reader(Base):", "Reader"),
        ("a.ts", "export default async function load(x: number) {", "load"),
        ("a.tsx", "export const Button = () => null", "Button"),
        ("a.ts", "export interface Shape {", "Shape"),
        ("a.go", "func (s *Server) Serve(l net.Listener) error {", "Serve"),
        ("a.go", "type Handler struct {", "Handler"),
        ("a.rs", "    pub(crate) async fn poll(&mut self) -> u8 {", "poll"),
        ("a.rs", "pub struct Token;", "Token"),
        ("A.java", "    public static <T> List<T> copyOf(List<T> all) {", "copyOf"),
        ("A.java", "public final class Range<T> extends Base {", "Range"),
    ],
)
def test_a_name_that_is_gone(path: str, line: str, name: str) -> None:
    made = public_names.compare([(path, gone(line))])
    assert [(one.name, one.path, one.line, one.text) for one in made.gone] == [(name, path, 1, line.strip())]
    assert (made.new, made.different) == ([], [])


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.py", "def _own(text):"),
        ("a.py", "        def within():"),
        ("a.py", "define = 1"),
        ("a.js", "function local() {}"),
        ("a.go", "func local() {"),
        ("a.rs", "fn local() {"),
        ("A.java", "    private int count(int from) {"),
        ("README.md", "def parse(text):"),
    ],
)
def test_what_nobody_else_uses(path: str, line: str) -> None:
    assert public_names.compare([(path, gone(line))]) == public_names.Names([], [], [])


def test_a_name_that_was_moved_is_as_it_was() -> None:
    made = public_names.compare([("a.py", gone("def parse(text):")), ("b.py", come("def parse(text):"))])
    assert made == public_names.Names([], [], [])


def test_a_name_that_takes_something_else() -> None:
    rows = gone("def parse(text):", "def old():") + come("def parse(text, unit):", "def new():")
    made = public_names.compare([("a.py", rows)])
    assert [[one.name for one in found] for found in (made.gone, made.new, made.different)] == [
        ["old"],
        ["new"],
        ["parse"],
    ]
    assert made.different[0].text == "def parse(text, unit):"
