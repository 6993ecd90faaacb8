"""Tests in Rust: functions with a test attribute, and macros that make tests, in files of tests."""

from __future__ import annotations

import re

import tree_sitter_rust
from tree_sitter import Language, Node

from server.reading.evidence.cases.case import Case, Mark, Strength, compared, flat
from server.reading.evidence.cases.outline import Outline, walk

LANGUAGE = Language(tree_sitter_rust.language())
QUERY = """[(function_item) (mod_item) (token_tree) (macro_invocation) (if_expression) (else_clause) (match_arm)
  (call_expression)] @n"""
TEST = re.compile(r"^#\[(?:\w+::)*(?:test|rstest|test_case|quickcheck|proptest|wasm_bindgen_test)\b")
IGNORED = re.compile(r"^#\[(?:ignore\b|cfg_attr\(.*\bignore\b)")
BUILT = re.compile(r"^#\[cfg\((?!test\)\])")
ASSERTS = re.compile(r"^(debug_)?(assert|check|expect|verify)(_|$)|^eq|_eq$")
CALLS = re.compile(r"(^|::)(assert|check|verify|expect)_\w+$")
EXISTS = re.compile(r"\.(is_ok|is_err|is_some)\(\)\s*$")


def read(source: bytes) -> list[Case]:
    """The tests of a file that has tests and other code: helpers count where they stand in a module of tests."""
    return [case for case in walk(LANGUAGE, QUERY, source, _visit) if not case.helper or _beside_tests(case)]


def read_tests(source: bytes) -> list[Case]:
    """The tests of a file that has nothing else, with those that its macros make."""
    return walk(LANGUAGE, QUERY, source, _visit_tests)


def _beside_tests(case: Case) -> bool:
    return any(name.startswith("test") for name in case.groups)


def _visit_tests(outline: Outline, node: Node) -> None:
    if node.type == "macro_invocation" and outline.case is None and node.children[-1].type == "token_tree":
        tokens = node.children[-1].children
        if len(tokens) > 3 and tokens[1].type == "identifier" and outline.text(tokens[2]) == ",":
            outline.open_case(node, outline.text(tokens[1]), _built(outline, node, outline.text(tokens[1])))
            return
    _visit(outline, node)


def _visit(outline: Outline, node: Node) -> None:
    match node.type:
        case "mod_item":
            name = outline.text(node.child_by_field_name("name"))
            outline.open_group(node, name, _built(outline, node, name))
        case "function_item" if outline.case is None:
            name = outline.text(node.child_by_field_name("name"))
            tested = any(TEST.match(text) for text, _ in _attributes(outline, node))
            outline.open_case(node, name, _built(outline, node, name), helper=not tested)
        case "if_expression":
            outline.open_branch(node, outline.text(node.child_by_field_name("condition")))
        case "else_clause" | "match_arm":
            outline.open_branch(node, "")
        case "macro_invocation":
            name = outline.text(node.child_by_field_name("macro"))
            _macro(outline, node, name, node.children[-1])
        case "call_expression":
            called = outline.text(node.child_by_field_name("function"))
            if CALLS.search(called):
                outline.assertion(node, outline.text(node), called, Strength.EXACT)
        case "token_tree":
            _tokens(outline, node)
        case _:
            pass


def _attributes(outline: Outline, node: Node) -> list[tuple[str, int]]:
    above = node.prev_sibling
    found = []
    while above is not None and above.type in ("attribute_item", "line_comment", "block_comment"):
        if above.type == "attribute_item":
            found.append((re.sub(r"\s+", "", outline.text(above)), outline.line(above)))
        above = above.prev_sibling
    return found[::-1]


def _built(outline: Outline, node: Node, owner: str) -> list[Mark]:
    marks = []
    for text, line in _attributes(outline, node):
        if IGNORED.match(text):
            marks.append(Mark(text[:80], line, owner, always=text.startswith("#[ignore")))
        elif BUILT.match(text):
            marks.append(Mark(text[:80], line, owner, always=False))
    return marks


def _tokens(outline: Outline, node: Node) -> None:
    """Macros within a macro are tokens: a name, `!`, and a tree."""
    children = node.children
    for name, mark, tree in zip(children, children[1:], children[2:], strict=False):
        if name.type == "identifier" and tree.type == "token_tree" and outline.text(mark) == "!":
            _macro(outline, name, outline.text(name), tree)


def _macro(outline: Outline, node: Node, name: str, tree: Node) -> None:
    if not ASSERTS.search(name) or tree.type != "token_tree":
        return
    given = _arguments(outline, tree)
    if not given:
        return
    text = f"{name}!({', '.join(given)})"
    if name.endswith("assert"):
        outline.assertion(node, f"{name}!({given[0]})", compared(given[0]), _truth(given[0]))
    elif {"true", "false"} & set(given[:2]):
        outline.assertion(node, text, given[0], Strength.HELD)
    elif "matches" in name or name.endswith("_ne"):
        outline.assertion(node, text, given[0], Strength.PARTLY)
    elif name.endswith(("assert_ok", "assert_err", "assert_some")):
        outline.assertion(node, text, given[0], Strength.HELD if name != "assert_ok" else Strength.GUARD)
    else:
        outline.assertion(node, f"{name}!({', '.join(given[:2])})", given[0], Strength.EXACT)


def _arguments(outline: Outline, tree: Node) -> list[str]:
    """What stands between the commas of a macro's tree."""
    parts: list[str] = []
    start = tree.start_byte + 1
    for child in tree.children[1:]:
        if child is tree.children[-1] or outline.text(child) == ",":
            if text := flat(outline.source[start : child.start_byte].decode("utf-8", "replace")):
                parts.append(text)
            start = child.end_byte
    return parts


def _truth(text: str) -> Strength:
    if "||" in text:
        return Strength.PARTLY
    if EXISTS.search(text):
        return Strength.HELD
    if "==" in text or re.search(r"\.(is_none|is_empty)\(\)\s*$", text):
        return Strength.EXACT
    return Strength.PARTLY if re.search(r"[<>]|!=|contains|starts_with|matches!", text) else Strength.HELD
