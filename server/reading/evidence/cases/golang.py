"""Tests in Go: package testing, testify."""

from __future__ import annotations

import re

import tree_sitter_go
from tree_sitter import Language, Node

from server.reading.evidence.cases.case import Case, Mark, Strength, compared
from server.reading.evidence.cases.outline import Outline, walk

LANGUAGE = Language(tree_sitter_go.language())
QUERY = "[(function_declaration) (method_declaration) (call_expression) (if_statement) (expression_case)] @n"
TEST = re.compile(r"^(Test|Example|Fuzz)(?![a-z])")
RECEIVER = re.compile(r"(^|\.)(assert|require|suite|s|ts|Assert\(\)|Require\(\))$")
FAILS = re.compile(r"^(t|tb|b|T\(\)|.*\.T\(\))\.(Error|Errorf|Fatal|Fatalf|Fail|FailNow)$")
SKIPS = re.compile(r"(^|\.)[sS]kip(f|Now|[A-Z]\w*)?$")
TAGS = re.compile(r"^//\s*(?:go:build|\+build)\s+(.+)$", re.MULTILINE)
TAG = re.compile(r"!?[\w.]+")
HELPER = re.compile(r"^(assert|check|verify|expect|must)([A-Z_]|$)")
GUARDS = {"NoError", "NotPanics", "NoErrorf", "FailNow", "Fail", "New", "Run"}
EXISTS = {"NotNil", "NotEmpty", "NotZero", "Error", "True", "False", "NotNilf", "Errorf", "Truef", "Falsef"}
CONTAINS = {
    "Contains", "NotContains", "Subset", "Regexp", "NotRegexp", "InDelta", "InEpsilon", "Greater", "GreaterOrEqual",
    "Less", "LessOrEqual", "WithinDuration", "ErrorContains", "Panics", "Eventually", "Implements", "NotEqual",
    "Positive", "Condition", "Containsf", "InDeltaSlice", "WithinRange",
}  # fmt: skip
KNOWN = GUARDS | EXISTS | CONTAINS | {
    "Equal", "Equalf", "Exactly", "JSONEq", "YAMLEq", "Same", "NotSame", "Len", "EqualError", "ElementsMatch",
    "EqualValues", "Nil", "Empty", "Zero", "IsType", "ErrorIs", "ErrorAs", "PanicsWithValue", "PanicsWithError",
    "HTTPStatusCode", "FileExists", "DirExists", "NoFileExists", "Never",
}  # fmt: skip


def read(source: bytes) -> list[Case]:
    """The tests of a file."""
    cases = walk(LANGUAGE, QUERY, source, _visit)
    if tags := _tags(source.decode("utf-8", "replace")):
        mark, line = tags
        for case in cases:
            case.marks.insert(0, Mark(mark, line, ""))
    return cases


def _tags(text: str) -> tuple[str, int] | None:
    """What the file is built with only, and its line: not a version of Go, and nothing that is asked not to be."""
    head = text.partition("\npackage ")[0]
    for found in TAGS.finditer(head):
        wanted = [tag for tag in TAG.findall(found[1]) if not tag.startswith("!") and not re.match(r"go1[.\d]*$", tag)]
        if wanted:
            return f"built only with {', '.join(wanted)}"[:80], head.count("\n", 0, found.start()) + 1
    return None


def _visit(outline: Outline, node: Node) -> None:
    match node.type:
        case "function_declaration" | "method_declaration":
            name = outline.text(node.child_by_field_name("name"))
            outline.open_case(node, name, [], helper=not TEST.match(name))
        case "if_statement":
            outline.open_branch(node, _header(outline, node))
        case "expression_case":
            outline.open_branch(node, "")
        case "call_expression":
            _call(outline, node)
        case _:
            pass


def _header(outline: Outline, node: Node) -> str:
    """What stands between `if` and its block: often it names what is compared, too."""
    body = node.child_by_field_name("consequence")
    end = body.start_byte if body else node.end_byte
    return outline.source[node.start_byte + len("if") : end].decode("utf-8", "replace")


def _call(outline: Outline, node: Node) -> None:
    called = outline.text(node.child_by_field_name("function"))
    bracket = node.child_by_field_name("arguments")
    given = [outline.text(child) for child in bracket.named_children if child.type != "comment"] if bracket else []
    receiver, _, name = called.rpartition(".")
    if SKIPS.search(called) and (receiver.endswith(("t", "b", "T()")) or given[:1] == ["t"]):
        outline.mark(node, outline.text(node))
    elif FAILS.match(called):
        condition = outline.branch
        subject = compared(condition) if condition else called
        strength = _condition(condition) if condition else Strength.PARTLY
        text = f"if {condition} {{ {called} }}" if condition else outline.text(node)
        outline.assertion(node, text, subject, strength, fails=bool(condition))
    elif name == "Run" and receiver == "t" and bracket and bracket.named_children[:1]:
        first = bracket.named_children[0]
        if first.type in ("interpreted_string_literal", "raw_string_literal"):
            outline.open_case(node, outline.text(first)[1:-1], [])
    elif RECEIVER.search(receiver) and name in KNOWN:
        _testify(outline, node, name, given)
    elif not receiver and HELPER.match(called) and given[:1] in (["t"], ["c"], ["tb"]):
        outline.assertion(node, outline.text(node), ", ".join(given[1:2]), Strength.EXACT)


def _testify(outline: Outline, node: Node, name: str, given: list[str]) -> None:
    if given[:1] == ["t"] or (given and given[0].endswith(".T()")):
        given = given[1:]
    tolerance = None
    subject = given[0] if given else name
    if name in GUARDS or (name == "Nil" and re.fullmatch(r"\w*[eE]rr\w*", subject)):
        strength = Strength.GUARD
    elif name in ("Equal", "EqualValues", "Exactly") and {"true", "false"} & set(given[:2]):
        strength = Strength.HELD
    elif name in ("True", "False") and given:
        strength, subject = _truth(given[0]), compared(given[0])
    elif name in EXISTS:
        strength = Strength.HELD
    else:
        strength = Strength.PARTLY if name in CONTAINS else Strength.EXACT
        if name in ("InDelta", "InEpsilon") and len(given) > 2:
            tolerance = _number(given[2])
        if name in ("Equal", "EqualValues", "Exactly", "Same", "JSONEq") and len(given) > 1:
            subject = max(given[:2], key=lambda text: (bool(re.search(r"[a-z_]\w*[.(\[]|^[a-z]\w*$", text)), len(text)))
    outline.assertion(node, outline.text(node), subject, strength, tolerance)


def _truth(text: str) -> Strength:
    if "||" in text:
        return Strength.PARTLY
    if re.search(r"==|DeepEqual\(|bytes\.Equal\(|\.Equal\(|errors\.(Is|As)\(", text):
        return Strength.EXACT
    return Strength.PARTLY if re.search(r"[<>]|!=|Contains\(|HasPrefix\(|MatchString\(", text) else Strength.HELD


def _condition(text: str) -> Strength:
    """How much is left open where a test fails under this condition."""
    last = text.rpartition(";")[2].strip()
    if re.fullmatch(r"(\w*[eE]rr\w*|!\w*[oO]k)( != nil)?", last):
        return Strength.GUARD
    if re.fullmatch(r".* == (nil|\"\"|0)", last) or re.fullmatch(r"!?\w+", last):
        return Strength.HELD
    if re.search(r"!=|DeepEqual\(|\.Equal\(|errors\.(Is|As)\(", last):
        return Strength.EXACT
    return Strength.PARTLY


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
