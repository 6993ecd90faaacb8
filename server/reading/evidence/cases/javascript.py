"""Tests in JavaScript and TypeScript: Jest, Vitest, Mocha with Chai, Jasmine, AVA, node:test, Playwright."""

from __future__ import annotations

import re
from collections.abc import Callable

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node

from server.reading.evidence.cases.case import Case, Mark, Strength, compared, flat
from server.reading.evidence.cases.outline import Outline, walk

JAVASCRIPT = Language(tree_sitter_javascript.language())
TYPESCRIPT = Language(tree_sitter_typescript.language_typescript())
TSX = Language(tree_sitter_typescript.language_tsx())
QUERY = """[(call_expression) (member_expression) (if_statement) (else_clause) (ternary_expression)
  (function_declaration) (variable_declarator) (assignment_expression)] @n"""

TESTS = {"it", "test", "specify"}
GROUPS = {"describe", "suite", "context"}
MARKED = {"xit": "it", "xtest": "test", "xspecify": "specify", "xdescribe": "describe", "xcontext": "context"}
FOCUSED = {"fit": "it", "ftest": "test", "fdescribe": "describe"}
SKIPS = {"skip", "todo", "fails", "failing", "fixme"}
CONDITIONS = {"skipIf", "runIf"}
ASSERTERS = {"assert", "t", "tap", "chai"}
FUNCTIONS = {"arrow_function", "function_expression", "function", "generator_function"}
EACH = {"each", "for"}

GUARDS = {"pass", "fail", "plan", "end", "timeout", "log", "teardown", "context", "assertions", "hasAssertions"}
EXISTS = {
    "toBeTruthy", "toBeFalsy", "toBeDefined", "toHaveBeenCalled", "toBeCalled", "toThrow", "toThrowError", "ok",
    "exist", "exists", "truthy", "falsy", "isOk", "isNotOk", "notOk", "isDefined", "isNotNull", "toBeVisible", "empty",
    "isTrue", "isFalse", "notThrows", "doesNotThrow", "toResolve", "calledOnce", "called", "toBeInTheDocument",
}  # fmt: skip
CONTAINS = {
    "toMatchObject", "toContain", "toContainEqual", "toMatch", "toBeCloseTo", "toBeGreaterThan", "toBeLessThan",
    "toBeGreaterThanOrEqual", "toBeLessThanOrEqual", "toHaveProperty", "toBeInstanceOf", "toContainText", "include",
    "includes", "contain", "contains", "match", "above", "below", "least", "most", "within", "closeTo", "property",
    "instanceof", "instanceOf", "a", "an", "throw", "throws", "Throw", "rejects", "notEqual", "notStrictEqual",
    "notDeepEqual", "like", "regex", "isAbove", "isBelow", "isAtLeast", "isAtMost", "approximately", "oneOf",
    "throwsAsync", "isString", "isArray", "isObject", "isFunction", "isNumber", "toBeTypeOf", "toSatisfy", "not",
}  # fmt: skip
NAME = re.compile(r"^(assert|check|verify|expect)(_|[A-Z])")
OPEN_VALUES = re.compile(r"\b(?:objectContaining|arrayContaining|stringContaining|stringMatching|anything|any)\(")


def read(source: bytes) -> list[Case]:
    """The tests of a JavaScript file."""
    return walk(JAVASCRIPT, QUERY, source, _visitor())


def read_typescript(source: bytes) -> list[Case]:
    """The tests of a TypeScript file."""
    return walk(TYPESCRIPT, QUERY, source, _visitor())


def read_tsx(source: bytes) -> list[Case]:
    """The tests of a TypeScript file with JSX."""
    return walk(TSX, QUERY, source, _visitor())


def _visitor() -> Callable[[Outline, Node], None]:
    """One that looks at each chain of calls once: at its outermost node, which comes first."""
    last = -1

    def visit(outline: Outline, node: Node) -> None:
        nonlocal last
        match node.type:
            case "if_statement" | "ternary_expression":
                outline.open_branch(node, outline.text(node.child_by_field_name("condition")))
            case "else_clause":
                outline.open_branch(node, "")
            case "function_declaration":
                _helper(outline, node, node)
            case "variable_declarator":
                value = node.child_by_field_name("value")
                if value is not None and value.type in FUNCTIONS:
                    _helper(outline, node, value)
            case "assignment_expression":
                value = node.child_by_field_name("right")
                if value is not None and value.type in FUNCTIONS:
                    _helper(outline, node.child_by_field_name("left") or node, value)
            case _ if node.start_byte != last:
                last = node.start_byte
                _chain(outline, node)

    return visit


def _helper(outline: Outline, node: Node, body: Node) -> None:
    if outline.case is None:
        name = outline.text(node.child_by_field_name("name") or body.child_by_field_name("name") or node)
        outline.open_case(body, name, [], helper=True)


def _links(outline: Outline, node: Node) -> tuple[str, list[tuple[str, Node | None]]]:
    """A chain from its root on: the root's name, and each property with the arguments it is called with."""
    links: list[tuple[str, Node | None]] = []
    given: Node | None = None
    at: Node | None = node
    while at is not None:
        if at.type == "call_expression":
            if given is not None:
                links.append(("", given))
            given = at.child_by_field_name("arguments")
            at = at.child_by_field_name("function")
        elif at.type == "member_expression":
            links.append((outline.text(at.child_by_field_name("property")), given))
            given = None
            at = at.child_by_field_name("object")
        elif at.type in ("non_null_expression", "parenthesized_expression", "await_expression") and at.named_children:
            at = at.named_children[0]
        else:
            break
    root = outline.text(at) if at is not None and at.type in ("identifier", "this") else ""
    links.append((root, given))
    return root, links[::-1]


def _chain(outline: Outline, node: Node) -> None:
    root, links = _links(outline, node)
    names = [name for name, _ in links]
    if root in FOCUSED or root in MARKED or root in TESTS or root in GROUPS:
        if _declares(outline, node, root, links):
            return
        if root in TESTS and "skip" in names[1:2] and outline.case is not None:
            outline.mark(node, outline.text(node))
        return
    if root == "t" and names[1:2] == ["test"] and _declares(outline, node, "test", links[1:]):
        return
    if names[-1] in ("skip", "todo") and root in ("this", "t", "ctx", "context", "test") and outline.case is not None:
        outline.mark(node, outline.text(node))
    elif root == "expect" and (links[0][1] is not None or names[1:2] == ["soft"]):
        _expected(outline, node, links)
    elif root == "chai" and names[1:2] == ["expect"]:
        _expected(outline, node, links[1:])
    elif "should" in names[1:] and node.type in ("call_expression", "member_expression"):
        at = names.index("should", 1)
        _expected(outline, node, links[at:], outline.text(node).split(".should")[0])
    elif root in ASSERTERS or (names[-2:-1] == ["assert"] and root == "t"):
        _asserted(outline, node, links)
    elif NAME.match(names[-1]) and links[-1][1] is not None:
        given = _given(outline, links[-1][1])
        outline.assertion(node, outline.text(node), given[0] if given else names[-1], Strength.EXACT)


def _given(outline: Outline, arguments: Node | None) -> list[str]:
    if arguments is None:
        return []
    return [outline.text(child) for child in arguments.named_children if child.type != "comment"]


def _declares(outline: Outline, node: Node, root: str, links: list[tuple[str, Node | None]]) -> bool:
    """Open the test or group that a chain declares. Whether it does."""
    arguments = links[-1][1]
    if node.type != "call_expression" or arguments is None:
        return False
    children = [child for child in arguments.named_children if child.type != "comment"]
    names = [name for name, _ in links[1:]]
    functions = [child for child in children if child.type in FUNCTIONS]
    if not children or children[0].type in FUNCTIONS | {"true", "false", "object"}:
        return False
    titled = len(children) > 1 and children[0].type in ("string", "template_string")
    if not (functions or titled or {"skip", "todo"} & set(names)):
        return False
    plain = MARKED.get(root) or FOCUSED.get(root) or root
    title = outline.text(children[0])
    name = flat(title[1:-1] if children[0].type in ("string", "template_string") else title)
    marks = _marks(outline, node, root, names, name, children)
    varied = bool(EACH & set(names))
    if plain in GROUPS or "describe" in names:
        outline.open_group(node, name, marks)
    else:
        outline.open_case(node, name, marks, varied=varied)
    return True


def _marks(outline: Outline, node: Node, root: str, names: list[str], owner: str, children: list[Node]) -> list[Mark]:
    line = outline.line(node)
    said = ".".join([root, *(name for name in names if name)])
    if root in FOCUSED or "only" in names:
        return [Mark(said, line, owner, only=True)]
    if root in MARKED or SKIPS & set(names):
        return [Mark(said, line, owner)]
    if CONDITIONS & set(names):
        return [Mark(said, line, owner, always=False)]
    for child in children[1:]:
        if child.type == "object":
            options = flat(outline.text(child))
            if found := re.search(r"\b(skip|todo|only)\s*:\s*(?!false\b)", options):
                return [Mark(options[:80], line, owner, only=found[1] == "only")]
    return []


def _expected(outline: Outline, node: Node, links: list[tuple[str, Node | None]], subject: str | None = None) -> None:
    given = _given(outline, links[0][1])
    about = subject if subject is not None else ", ".join(given[:1])
    names = [name for name, _ in links[1:]]
    text = outline.text(node)
    if not names:
        return
    if links[0][0] == "expect" and not given and names[-1] in GUARDS:
        return
    outline.assertion(node, text, about, _strength(outline, names, links[-1][1]), _tolerance(outline, links[-1]))


def _strength(outline: Outline, names: list[str], arguments: Node | None) -> Strength:
    last = names[-1]
    given = _given(outline, arguments)
    if last in ("toThrow", "toThrowError", "throw", "throws", "Throw") and given and "not" not in names:
        return Strength.PARTLY
    if "not" in names:
        return (
            Strength.HELD
            if last in EXISTS or last in ("toBeNull", "toBeUndefined", "null", "undefined")
            else Strength.PARTLY
        )
    if last in EXISTS:
        return Strength.HELD
    if last in CONTAINS or {"include", "contain", "contains"} & set(names):
        return Strength.PARTLY
    return Strength.PARTLY if any(OPEN_VALUES.search(text) for text in given) else Strength.EXACT


def _asserted(outline: Outline, node: Node, links: list[tuple[str, Node | None]]) -> None:
    name, arguments = links[-1]
    root = links[0][0]
    if arguments is None or name in GUARDS or (root != "assert" and outline.case is None):
        return
    given = _given(outline, arguments)
    subject = given[0] if given else name
    if root in ("t", "tap") and len(links) == 1:
        return
    if name in ("assert", "ok", "isOk", "isTrue", "true", "truthy") and given:
        strength = _truth(given[0], strict=name in ("true", "isTrue"))
        subject = compared(given[0])
    elif name in ("notThrows", "notThrowsAsync", "doesNotThrow"):
        strength = Strength.GUARD
    elif root == "t" and name not in EXISTS | CONTAINS | {
        "is",
        "not",
        "deepEqual",
        "snapshot",
        "true",
        "false",
        "same",
        "equal",
        "equals",
        "strictEqual",
        "deepStrictEqual",
    }:
        return
    else:
        strength = _strength(outline, [name], arguments) if name != "not" else Strength.PARTLY
    outline.assertion(node, outline.text(node), subject, strength)


def _truth(text: str, *, strict: bool) -> Strength:
    """How much a condition that is asserted leaves open."""
    if "||" in text:
        return Strength.PARTLY
    if re.search(r"[^=!<>]===?[^=]", text):
        return Strength.EXACT
    if re.search(r"[<>]|!==?|\.(includes|match|test|some|every|startsWith|has)\(|instanceof|\bin\b", text):
        return Strength.PARTLY
    return Strength.EXACT if strict else Strength.HELD


def _tolerance(outline: Outline, link: tuple[str, Node | None]) -> float | None:
    name, arguments = link
    given = _given(outline, arguments)
    if name == "toBeCloseTo" and len(given) == 2 and given[1].isdigit():
        return 10.0 ** -min(int(given[1][:3]), 99)
    return None
