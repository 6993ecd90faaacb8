"""Tests in Java: JUnit 3 to 5, Hamcrest, AssertJ, Truth, Mockito."""

from __future__ import annotations

import re
from collections.abc import Callable

import tree_sitter_java
from tree_sitter import Language, Node

from server.reading.evidence.cases.case import Case, Mark, Strength, compared, flat
from server.reading.evidence.cases.outline import Outline, walk

LANGUAGE = Language(tree_sitter_java.language())
QUERY = """[(class_declaration) (record_declaration) (interface_declaration) (method_declaration) (method_invocation)
  (if_statement) (ternary_expression) (switch_label)] @n"""
TESTS = {"Test", "ParameterizedTest", "RepeatedTest", "TestFactory", "TestTemplate", "Theory", "Property"}
SKIPS = re.compile(r"^@(?:\w+\.)*(Ignore|Disabled\w*|Enabled\w+)\b")
ASSERTS = re.compile(r"^(assert|verify|check|expect)([A-Z]|$)")
ENTRIES = {"assertThat", "then", "assertWithMessage", "assertThatThrownBy", "assertThatCode", "expectThat"}
THROWS = {"assertThrows", "assertThatExceptionOfType", "assertThrowsExactly", "expectThrows"}
EXISTS = {"isNotNull", "isNotEmpty", "isPresent", "isNotBlank", "isNotZero", "isThrownBy", "doesNotThrowAnyException"}
CONTAINS = {
    "contains", "containsAnyOf", "doesNotContain", "startsWith", "endsWith", "matches", "isInstanceOf", "isGreaterThan",
    "isLessThan", "isGreaterThanOrEqualTo", "isLessThanOrEqualTo", "isCloseTo", "isNotEqualTo", "isIn", "isBetween",
    "hasMessageContaining", "hasMessageStartingWith", "containsKey", "containsAll", "isAtLeast", "isAtMost", "isWithin",
    "satisfies", "anyMatch", "allMatch", "isNotSameAs", "containsMatch", "isPositive", "isSubsetOf",
}  # fmt: skip
EXACT_MATCHERS = re.compile(r"^(is|equalTo|sameInstance|hasSize|arrayContaining|nullValue)\(")
MATCHERS_HELD = re.compile(r"^(notNullValue|not\(nullValue|anything)")
BROAD = {"Exception.class", "Throwable.class", "RuntimeException.class"}


def read(source: bytes) -> list[Case]:
    """The tests of a file."""
    return walk(LANGUAGE, QUERY, source, _visitor())


def _visitor() -> Callable[[Outline, Node], None]:
    """One that looks at each chain of calls once: at its outermost node, which comes first."""
    last = -1

    def visit(outline: Outline, node: Node) -> None:
        nonlocal last
        match node.type:
            case "class_declaration" | "record_declaration" | "interface_declaration":
                name = outline.text(node.child_by_field_name("name"))
                outline.open_group(node, name, _skips(outline, node, name), data=_is_data(outline, node))
            case "method_declaration":
                _method(outline, node)
            case "if_statement" | "ternary_expression":
                outline.open_branch(node, outline.text(node.child_by_field_name("condition")))
            case "method_invocation" if node.start_byte != last:
                last = node.start_byte
                _chain(outline, node)

    return visit


def _is_data(outline: Outline, node: Node) -> bool:
    """Whether a class is a static one within a class of tests: what those are tried on."""
    modifiers = outline.text(node.children[0]) if node.children[0].type == "modifiers" else ""
    return outline.nested and bool(re.search(r"\bstatic\b", modifiers)) and b"Enclosed" not in outline.source


def _annotations(outline: Outline, node: Node) -> list[tuple[str, int]]:
    modifiers = node.children[0] if node.children and node.children[0].type == "modifiers" else None
    if modifiers is None:
        return []
    return [
        (flat(outline.text(child)), outline.line(child))
        for child in modifiers.children
        if child.type in ("annotation", "marker_annotation")
    ]


def _skips(outline: Outline, node: Node, owner: str) -> list[Mark]:
    marks = []
    for text, line in _annotations(outline, node):
        if found := SKIPS.match(text):
            marks.append(Mark(text[:80], line, owner, found[1] in ("Ignore", "Disabled")))
        elif re.search(r"enabled\s*=\s*false", text):
            marks.append(Mark(text[:80], line, owner))
    return marks


def _method(outline: Outline, node: Node) -> None:
    name = outline.text(node.child_by_field_name("name"))
    if outline.case is not None:
        return
    annotations = _annotations(outline, node)
    called = {text[1:].partition("(")[0].rpartition(".")[2] for text, _ in annotations}
    old_style = name.startswith("test") and outline.text(node.child_by_field_name("parameters")) == "()"
    tested = bool(TESTS & called) or (old_style and not called - {"SuppressWarnings", "Override"})
    varied = bool({"ParameterizedTest", "Theory", "TestFactory"} & called)
    outline.open_case(node, name, _skips(outline, node, name), varied=varied, helper=not tested)
    for text, _ in annotations:
        if found := re.search(r"\bexpected\s*=\s*([\w.]+)", text):
            strength = Strength.HELD if found[1].rpartition(".")[0] + ".class" in BROAD else Strength.PARTLY
            outline.assertion(node, f"expected = {found[1]}", "thrown", strength)


def _links(outline: Outline, node: Node) -> list[tuple[str, Node | None]]:
    links: list[tuple[str, Node | None]] = []
    at: Node | None = node
    while at is not None and at.type == "method_invocation":
        links.append((outline.text(at.child_by_field_name("name")), at.child_by_field_name("arguments")))
        at = at.child_by_field_name("object")
    return links[::-1]


def _given(outline: Outline, arguments: Node | None) -> list[str]:
    if arguments is None:
        return []
    return [outline.text(child) for child in arguments.named_children if "comment" not in child.type]


def _chain(outline: Outline, node: Node) -> None:
    links = _links(outline, node)
    name, arguments = links[0]
    given = _given(outline, arguments)
    text = outline.text(node)
    if name.startswith("assume"):
        outline.mark(node, text, always=False)
    elif name in THROWS:
        broad = given[:1] and given[0] in BROAD
        outline.assertion(node, text, given[0] if given else name, Strength.HELD if broad else Strength.PARTLY)
    elif name in ENTRIES and len(links) > 1:
        outline.assertion(node, text, given[0] if given else name, _fluent(outline, links[1:]))
    elif name == "assertThat" and len(given) > 1:
        outline.assertion(node, text, given[-2], _matched(given[-1]))
    elif name == "fail":
        outline.assertion(node, "fail()", "fail", Strength.HELD)
    elif ASSERTS.match(name):
        strength, subject = _classic(name, given)
        outline.assertion(node, text, subject, strength, _tolerance(name, given))


def _fluent(outline: Outline, links: list[tuple[str, Node | None]]) -> Strength:
    """How much a chain of assertions leaves open: as much as its strictest."""
    return max(_link(name, _given(outline, arguments)) for name, arguments in links)


def _link(name: str, given: list[str]) -> Strength:
    if name in ("as", "describedAs", "withFailMessage", "usingRecursiveComparison", "extracting"):
        return Strength.GUARD
    if name in EXISTS or (name in ("isEqualTo",) and given[:1] in (["true"], ["false"])):
        return Strength.HELD
    if name in ("isTrue", "isFalse"):
        return Strength.HELD
    return Strength.PARTLY if name in CONTAINS or name.startswith("containsAny") else Strength.EXACT


def _matched(matcher: str) -> Strength:
    if MATCHERS_HELD.match(matcher):
        return Strength.HELD
    return Strength.EXACT if EXACT_MATCHERS.match(matcher) else Strength.PARTLY


def _classic(name: str, given: list[str]) -> tuple[Strength, str]:
    texts = [text for text in given if not text.startswith('"')] or given
    subject = texts[-1] if texts else name
    if name in ("assertTrue", "assertFalse"):
        condition = next((text for text in given if not text.startswith('"')), "")
        return _truth(condition, name == "assertTrue"), compared(condition)
    if name in ("assertNotNull", "assertDoesNotThrow"):
        return Strength.HELD if name == "assertNotNull" else Strength.GUARD, subject
    if name in ("assertEquals", "assertSame") and {"true", "false", "Boolean.TRUE", "Boolean.FALSE"} & set(given):
        return Strength.HELD, subject
    return Strength.PARTLY if name in (
        "assertNotEquals",
        "assertNotSame",
        "assertInstanceOf",
    ) else Strength.EXACT, subject


def _truth(text: str, true: bool) -> Strength:
    if "||" in text:
        return Strength.PARTLY
    if true and re.search(r"==|\.equals\(", text):
        return Strength.EXACT
    if re.search(r"[<>]|!=|[cC]ontains|startsWith|endsWith|matches\(|instanceof|\.equals\(", text):
        return Strength.PARTLY
    return Strength.HELD


def _tolerance(name: str, given: list[str]) -> float | None:
    if name == "assertEquals" and len(given) > 2 and re.fullmatch(r"[\d.]+(?:[eE]-?\d+)?[dfDF]?", given[-1]):
        try:
            return float(given[-1].rstrip("dfDF"))
        except ValueError:
            return None
    return None
