"""Which files hold tests, and who reads them."""

from __future__ import annotations

import re
from collections.abc import Callable

from server.reading import order
from server.reading.evidence.cases.case import Case

Reader = Callable[[bytes], list[Case]]

LARGEST = 2_000_000  # characters
DATA = re.compile(r"(^|/)(fixtures?|__fixtures__|testdata|test[-_]data|__snapshots__|examples?)/", re.IGNORECASE)
SUFFIXES = {"py", "go", "java", "js", "jsx", "mjs", "cjs", "ts", "mts", "cts", "tsx"}
TESTS = re.compile(r"test|spec|e2e", re.IGNORECASE)
RUST = re.compile(r"(^|/)tests/|(^|/|_)tests?\.rs$")


def by_grammar(path: str) -> bool:
    """Whether a file may be read by a grammar: tests, and all of Rust, where tests stand beside what they test."""
    if order.folded(path) or DATA.search(path):
        return False
    suffix = path.rpartition(".")[2].lower()
    return suffix == "rs" or (suffix in SUFFIXES and TESTS.search(path) is not None)


def reader(path: str, text: str) -> Reader | None:
    """Who reads the tests in this file; None where there are none to be read."""
    if len(text) > LARGEST or not by_grammar(path):
        return None
    suffix = path.rpartition(".")[2].lower()
    if suffix == "rs":
        from server.reading.evidence.cases import rust

        if RUST.search(path):
            return rust.read_tests
        return rust.read if "test" in text else None
    return _by_suffix(suffix)


def _by_suffix(suffix: str) -> Reader | None:
    """Grammars are loaded when they are first needed: most processes never do."""
    match suffix:
        case "py":
            from server.reading.evidence.cases import python

            return python.read
        case "go":
            from server.reading.evidence.cases import golang

            return golang.read
        case "java":
            from server.reading.evidence.cases import java

            return java.read
        case "js" | "jsx" | "mjs" | "cjs":
            from server.reading.evidence.cases import javascript

            return javascript.read
        case "ts" | "mts" | "cts":
            from server.reading.evidence.cases import javascript

            return javascript.read_typescript
        case "tsx":
            from server.reading.evidence.cases import javascript

            return javascript.read_tsx
        case _:
            return None
