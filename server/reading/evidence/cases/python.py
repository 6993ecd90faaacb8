"""Tests in Python: pytest, unittest."""

from __future__ import annotations

import re

import tree_sitter_python
from tree_sitter import Language, Node

from server.reading.evidence.cases.case import Case, Mark, Strength, flat
from server.reading.evidence.cases.outline import Outline, walk

LANGUAGE = Language(tree_sitter_python.language())
QUERY = """[(decorated_definition) (class_definition) (function_definition) (assert_statement) (call)
  (if_statement) (elif_clause) (else_clause) (raise_statement) (assignment)] @n"""
SKIPS = re.compile(r"(?:^|[@._])(skip|xfail)|expectedFailure", re.IGNORECASE)
PARAMETER_SKIPS = re.compile(r"mark\.(?:skip|skipif|xfail)\b")
SKIP_CALLS = {"pytest.skip", "pytest.xfail", "pytest.importorskip", "self.skipTest", "unittest.SkipTest", "SkipTest"}
ASSERTS = re.compile(r"^(assert|check|verify|expect)(_|[A-Z]|$)")
RAISES = {"raises", "assertRaises", "assertRaisesRegex", "assertRaisesRegexp", "deprecated_call", "warns"}
PARTLY = {
    "assertIn", "assertNotIn", "assertNotEqual", "assertNotEquals", "assertGreater", "assertGreaterEqual", "assertLess",
    "assertLessEqual", "assertRegex", "assertNotRegex", "assertRegexpMatches", "assertIsInstance", "assertAlmostEqual",
    "assertNotAlmostEqual", "assertDictContainsSubset", "assert_allclose", "assert_almost_equal", "assert_in",
    "assert_called_once", "assert_has_calls", "assert_any_call", "assertWarns", "assertLogs",
}  # fmt: skip
HELD = {"assertIsNotNone", "assert_called", "assertTrue", "assertFalse", "assert_true", "assert_false", "assert_"}
BROAD = {"Exception", "BaseException"}
COMPARISONS = {"==": Strength.EXACT, "is": Strength.EXACT, "is not": Strength.PARTLY}


def read(source: bytes) -> list[Case]:
    """The tests of a file."""
    return walk(LANGUAGE, QUERY, source, _visit)


def _visit(outline: Outline, node: Node) -> None:
    match node.type:
        case "class_definition":
            name = outline.text(node.child_by_field_name("name"))
            outline.open_group(node, name, _marks(outline, node, name))
        case "function_definition":
            _function(outline, node)
        case "assert_statement":
            for condition in _conjuncts(node.named_children[:1]):
                text = outline.text(condition)
                strength, subject = _strength(outline, condition)
                outline.assertion(node, text, subject, strength, _tolerance(text))
        case "call":
            _call(outline, node)
        case "assignment" if outline.case is None and outline.text(node.child_by_field_name("left")) == "pytestmark":
            text = outline.text(node.child_by_field_name("right"))
            if SKIPS.search(text):
                outline.mark(node, text, always="skipif" not in text)
        case "raise_statement" if "SkipTest" in (text := outline.text(node)) and "SkipTest(" not in text:
            outline.mark(node, text)
        case "if_statement" | "elif_clause":
            outline.open_branch(node, outline.text(node.child_by_field_name("condition")))
        case "else_clause":
            outline.open_branch(node, "")
        case _:
            pass


def _function(outline: Outline, node: Node) -> None:
    if outline.case is not None:
        return
    name = outline.text(node.child_by_field_name("name"))
    helper = not name.lower().startswith("test")
    decorators = _decorators(outline, node)
    varied = any("parametrize" in text for text, _ in decorators)
    around = helper and any("autouse=True" in text for text, _ in decorators)
    marks = _marks(outline, node, name)
    outline.open_case(node, name, marks, varied=varied, helper=helper, around=around)


def _decorators(outline: Outline, node: Node) -> list[tuple[str, int]]:
    above = node.prev_sibling
    found = []
    while above is not None and above.type in ("decorator", "comment"):
        if above.type == "decorator":
            found.append((flat(outline.text(above)), outline.line(above)))
        above = above.prev_sibling
    return found[::-1]


def _marks(outline: Outline, node: Node, owner: str) -> list[Mark]:
    marks = []
    for text, line in _decorators(outline, node):
        called = text.partition("(")[0]
        if SKIPS.search(called):
            sometimes = re.search(r"if\b|unless|if_|_on|_no_|not_", called, re.I) or "condition" in text
            always = not sometimes or "(True," in text
            marks.append(Mark(text, line, owner, always))
        elif "parametrize" in called:
            marks += [Mark(f"{text[:60]}… {skip}", line, owner, False) for skip in PARAMETER_SKIPS.findall(text)]
    return marks


def _conjuncts(nodes: list[Node]) -> list[Node]:
    """What has to hold, each for itself: the parts of an `and`."""
    waiting, parts = list(nodes), []
    while waiting:
        node = waiting.pop()
        if node.type == "parenthesized_expression" and node.named_children:
            waiting.append(node.named_children[0])
        elif node.type == "boolean_operator" and any(child.type == "and" for child in node.children):
            waiting += [node.named_children[-1], node.named_children[0]]
        else:
            parts.append(node)
    return parts


def _strength(outline: Outline, node: Node) -> tuple[Strength, str]:
    text = outline.text(node)
    if node.type == "comparison_operator":
        operators = [outline.text(child) for child in node.children if not child.is_named]
        subject, other = outline.text(node.named_children[0]), outline.text(node.named_children[-1])
        if "approx" in text:
            return Strength.PARTLY, subject
        if operators[:1] == ["is not"] and other == "None":
            return Strength.HELD, subject
        if other in ("True", "False"):
            return Strength.HELD, subject
        if len(operators) == 1:
            return COMPARISONS.get(operators[0], Strength.PARTLY), subject
        return Strength.PARTLY, subject
    if node.type == "boolean_operator":
        return Strength.PARTLY, text
    if node.type == "not_operator":
        return Strength.HELD, outline.text(node.named_children[-1])
    if node.type == "call":
        called = outline.text(node.child_by_field_name("function"))
        if called in ("isinstance", "all", "any", "issubclass") or called.endswith(("startswith", "endswith", "match")):
            return Strength.PARTLY, text.partition("(")[2].partition(",")[0]
        return Strength.HELD, text
    return Strength.HELD, text


def _call(outline: Outline, node: Node) -> None:
    called = outline.text(node.child_by_field_name("function"))
    if called in SKIP_CALLS or called.endswith(".skipTest"):
        outline.mark(node, outline.text(node), always=None if outline.case else called == "pytest.skip")
        return
    name = called.rpartition(".")[2]
    if not (ASSERTS.match(name) or name in RAISES):
        return
    bracket = node.child_by_field_name("arguments")
    given = [outline.text(child) for child in bracket.named_children if child.type != "comment"] if bracket else []
    text = outline.text(node)
    outline.assertion(node, text, given[0] if given else called, _called_strength(name, given), _tolerance(text))


def _called_strength(name: str, given: list[str]) -> Strength:
    if name in RAISES:
        if any(text.startswith("match") for text in given) or "Regex" in name:
            return Strength.EXACT
        broad = not given or given[0] in BROAD or given[0].startswith("(")
        return Strength.HELD if broad and name != "deprecated_call" else Strength.PARTLY
    if (
        name in ("assertEqual", "assertEquals", "assertIs", "assert_equal")
        and given[-1:]
        and given[-1] in ("True", "False")
    ):
        return Strength.HELD
    if name in ("assertTrue", "assert_true", "assert_") and given:
        if re.search(r"[^=!<>]==[^=]", given[0]):
            return Strength.EXACT
        return Strength.PARTLY if re.search(r"\bin\b|[<>]|isinstance|!=", given[0]) else Strength.HELD
    if name in HELD:
        return Strength.HELD
    return Strength.PARTLY if name in PARTLY else Strength.EXACT


def _tolerance(text: str) -> float | None:
    """By how much a value may be off: the larger, the looser."""
    if found := re.search(r"\b(?:rel|abs|delta|rtol|atol|tolerance)\s*=\s*([\d.]+(?:e-?\d+)?)\b", text):
        return _number(found[1])
    if "AlmostEqual" in text and (found := re.search(r"(?:places\s*=\s*|,\s*)(\d+)\s*\)$", text)):
        return 10.0 ** -min(int(found[1][:3]), 99)
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
