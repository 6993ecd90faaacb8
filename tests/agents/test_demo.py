"""The demo agent: through ACP as any other agent, and its rules by themselves."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.agents import demo
from server.agents.acp import AcpAgent
from server.agents.demo import Directive, Remark, documented, numbered, parse, remarks
from server.reading.answers import answers, kind
from server.services import prompts
from tests.agents.conftest import Place

CALC = "def add(a, b):\n    return a - b\n"


def test_it_says_first_that_no_model_is_behind_it(place: Place, demo_agent: AcpAgent) -> None:
    outcome = place.turn(demo_agent)
    assert place.transcript.startswith("Demo agent: no model is behind this")
    assert "nothing to do" in outcome.summary


def test_it_writes_the_docstrings_that_are_missing(place: Place, demo_agent: AcpAgent) -> None:
    place.write("calc.py", CALC)
    place.write("tests/test_calc.py", CALC)
    place.write("broken.py", "def (:\n")
    outcome = place.turn(demo_agent, "Please document this.")
    assert outcome.state == "succeeded"
    assert outcome.summary == "Done: edited calc.py."
    assert place.read("calc.py") == 'def add(a, b):\n    """Add of `a` and `b`."""\n    return a - b\n'
    assert place.read("tests/test_calc.py") == CALC
    assert "• Edit calc.py (edit, completed)" in place.transcript


def test_it_obeys_directives_with_a_plan(place: Place, demo_agent: AcpAgent) -> None:
    place.write("calc.py", CALC)
    place.write("old.py", "")
    outcome = place.turn(
        demo_agent,
        "Fix it.\n"
        "replace: calc.py\n```old\na - b\n```\n```new\na + b\n```\n"
        "write: new/file.txt\n~~~\n```\nfenced\n```\n~~~\n"
        "append: new/file.txt\n```\nmore\n```\n"
        "delete: old.py\n"
        "run: echo ran > ran.txt; echo seen; exit 3\n"
        "say: All good.\n",
    )
    assert outcome.state == "succeeded"
    assert place.read("calc.py") == CALC.replace("-", "+")
    assert place.read("new/file.txt") == "```\nfenced\n```\nmore\n"
    assert place.read("ran.txt") == "ran\n"
    assert not (place.worktree / "old.py").exists()
    assert "ended with exit code 3" in outcome.summary
    assert "    seen\n" in place.transcript
    assert "replace calc.py" in place.said("plan")
    assert place.said("permission") == ["echo ran > ran.txt; echo seen; exit 3: allowed"]


def test_it_asks_and_accepts_a_no(place: Place, demo_agent: AcpAgent) -> None:
    outcome = place.turn(demo_agent, "run: cp /etc/hostname here")
    assert outcome.state == "succeeded"
    assert outcome.summary == "Done: was not allowed to run cp /etc/hostname here."
    assert list(place.worktree.iterdir()) == []


def test_it_is_cancelled_while_it_waits_and_while_a_command_runs(place: Place, demo_agent: AcpAgent) -> None:
    outcome = place.turn(demo_agent, "say: ready\nwait: 600", stop_when=lambda update: update.text.startswith("wait"))
    assert outcome.state == "stopped"
    outcome = place.turn(demo_agent, "run: sleep 600 & sleep 600", stop_when=lambda update: update.kind == "permission")
    assert outcome.state == "stopped"


def test_it_remembers_a_conversation(place: Place, demo_agent: AcpAgent) -> None:
    place.write("calc.py", CALC)
    first = place.turn(demo_agent, "say: hello")
    again = place.turn(
        demo_agent, "calc.py:2\n\n```suggestion\n    return a + b\n```\n", session=first.session, fallback="all"
    )
    assert again.session == first.session
    assert "Turn 2 of this conversation." in place.transcript
    assert place.read("calc.py") == CALC.replace("-", "+")
    assert place.said("notice") == []


def test_it_replies_to_each_comment_of_a_review(place: Place, demo_agent: AcpAgent) -> None:
    place.write("calc.py", CALC)
    suggested = "## Comment 4 on `calc.py:2`\n\n```suggestion\n    return a + b\n```\n\n"
    outcome = place.turn(demo_agent, f"{suggested}## Comment 5 on the change as a whole\n\nFaster!\n")
    replies = answers(outcome.summary, {4, 5})
    assert kind(replies[4]) == "fixed"
    assert kind(replies[5]) == "declined"


def test_it_starts_again_when_the_conversation_is_lost(place: Place, demo_agent: AcpAgent) -> None:
    for lost in ("0" * 32, "../../etc/passwd"):
        outcome = place.turn(demo_agent, "say: more", session=lost, fallback="say: the whole story")
        assert outcome.state == "succeeded"
        assert outcome.summary.endswith("the whole story")
        assert outcome.session != lost


GROWING = """append: log.txt
```
one
```
replace: calc.py
```old
a - b
```
```new
a - b
    # once
```
append: log.txt
```
one
```
crash
"""


def test_a_turn_that_is_begun_again_does_nothing_twice(place: Place, demo_agent: AcpAgent) -> None:
    place.write("calc.py", CALC)
    met: list[str] = []
    for known in (None, "the same"):
        outcome = place.turn(demo_agent, GROWING, session=met[-1] if known else None, meet=met.append)
        assert "SIGKILL" in outcome.error
    assert place.read("log.txt") == "one\n" * 2
    assert place.read("calc.py") == CALC + "    # once\n"
    other = GROWING.replace("crash", "say: there")  # it only begins alike: it is done, and asked once more, done again
    for _ in range(2):
        assert place.turn(demo_agent, other, session=met[-1]).summary.startswith("there")
    assert place.read("log.txt") == "one\n" * 6
    assert place.read("calc.py") == CALC + "    # once\n" * 3


def test_what_was_cut_off_between_two_steps_goes_on_at_the_second(place: Place, demo_agent: AcpAgent) -> None:
    """Killed at any moment, a turn that is begun again comes to the same end."""
    met: list[str] = []
    turn = "append: log.txt\n```\none\n```\nrun: test -f go || kill -9 $PPID\nappend: log.txt\n```\ntwo\n```\n"
    assert "SIGKILL" in place.turn(demo_agent, turn, meet=met.append).error
    assert place.read("log.txt") == "one\n"
    place.write("go", "")
    outcome = place.turn(demo_agent, prompts.interrupted(turn), session=met[-1])
    assert outcome.summary == "Done: had changed log.txt; ran test -f go || kill -9 $PPID; edited log.txt."
    assert place.read("log.txt") == "one\ntwo\n"
    place.turn(demo_agent, turn, session=met[-1])
    assert place.read("log.txt") == "one\ntwo\none\ntwo\n", "asked again after its end, it is done again"


def test_a_turn_whose_end_was_never_heard_is_not_done_twice(place: Place, demo_agent: AcpAgent) -> None:
    """Narrows died after it, asks for it again, and says so."""
    turn = "append: log.txt\n```\none\n```\n"
    session = place.turn(demo_agent, turn).session
    for _ in range(2):
        outcome = place.turn(demo_agent, prompts.interrupted(turn), session=session)
        assert outcome.summary.endswith("Done: had changed log.txt.")
    assert place.read("log.txt") == "one\n"


def test_what_is_begun_again_in_a_clean_tree_is_done_there(place: Place, demo_agent: AcpAgent) -> None:
    met: list[str] = []
    place.turn(demo_agent, "append: log.txt\n```\none\n```\ncrash\n", meet=met.append)
    (place.worktree / "log.txt").unlink()
    place.turn(demo_agent, "append: log.txt\n```\none\n```\ncrash\n", session=met[-1])
    assert place.read("log.txt") == "one\n"


def test_it_documents_what_a_comment_points_at_or_says_that_it_can_not_help(place: Place, demo_agent: AcpAgent) -> None:
    place.write("calc.py", CALC + "\n\n" + CALC.replace("add", "sub"))
    first = place.turn(demo_agent, "say: hello")
    outcome = place.turn(demo_agent, "Please explain `calc.py:6`.", session=first.session)
    assert outcome.summary == "Done: edited calc.py."
    assert place.read("calc.py").startswith(CALC)
    assert '"""Sub of `a` and `b`."""' in place.read("calc.py")
    outcome = place.turn(demo_agent, "Please make it faster.", session=first.session)
    assert "I have no model" in outcome.summary


def test_it_fails_and_crashes_on_demand(place: Place, demo_agent: AcpAgent) -> None:
    assert place.turn(demo_agent, "fail: out of luck").error == "demo: out of luck"
    assert "SIGKILL" in place.turn(demo_agent, "crash").error


def test_it_leaves_other_places_alone(place: Place, demo_agent: AcpAgent) -> None:
    (place.worktree / "link").symlink_to(place.home)
    outcome = place.turn(demo_agent, "write: ../x\n```\n1\n```\nwrite: link/x\n```\n1\n```\nwrite: /tmp/x\n```\n1\n```")
    assert outcome.summary.count("outside the worktree") == 3
    assert list(place.home.iterdir()) == [place.home / ".local"]


def test_it_needs_nothing_of_narrows_and_starts_quickly() -> None:
    imports = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse(Path(demo.__file__).read_text()))
        for alias in (
            [ast.alias(node.module or "")] if isinstance(node, ast.ImportFrom) else getattr(node, "names", [])
        )
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imports - set(sys.stdlib_module_names) == {"acp"}
    said = subprocess.run(
        [sys.executable, "-I", demo.__file__, "--version"],
        cwd="/",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert said.stdout == "demo 1 (no model)\n"


def test_directives_are_read_in_order_and_not_inside_other_fences() -> None:
    prompt = "Run: no\n```\nrun: not this\n```\n  run: make test  \nsay:\ncrash\nwrite: a\ntext\nrun: it\n"
    assert parse(prompt) == [
        Directive("run", "make test"),
        Directive("crash", ""),
        Directive("write", "a"),
        Directive("run", "it"),
    ]


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("see src/a.py:3", [Remark("src/a.py", 3, 3, None)]),
        ("- `a.py:3-5`: no", [Remark("a.py", 3, 5, None)]),
        ("a.py:3\n```suggestion\nx\n```", [Remark("a.py", 3, 3, "x\n")]),
        ("a.py:3\n> Why?\n```suggestion\n```\n", [Remark("a.py", 3, 3, "")]),
        (
            "a.py:2\n```diff\n--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n a\n-b\n+++ c\n d\n```",
            [Remark("a.py", 2, 2, "++ c\n")],
        ),
        ("a.py:3\n```python\nb.py:4\n```\n", [Remark("a.py", 3, 3, None)]),
        ("at 12:30, http://host.tld:80/", []),
    ],
)
def test_remarks_are_places_with_what_is_suggested_below(prompt: str, found: list[Remark]) -> None:
    assert remarks(prompt) == found


def test_a_review_has_its_comments_by_number() -> None:
    prompt = "# Changes requested\n\n## Comment 4 on `a.py:2`\n\nWhy?\n\n## Comment 11 on the change as a whole\n\nNo."
    assert [(number, section.partition("\n")[0]) for number, section in numbered(prompt)] == [
        (4, "## Comment 4 on `a.py:2`"),
        (11, "## Comment 11 on the change as a whole"),
    ]
    assert numbered("Nothing of the kind: ## Comment 3 is not at a line's begin") == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    pass\n", 'def f():\n    """F."""\n    pass\n'),
        ("def parse_row(row: str) -> int:\n\treturn 1\n", None),
        ("class HTTPServer(Base):\n    port = 1\n", None),
        ("class A:\n    @property\n    def b(self): return 1\n", None),
        ('def f():\n    "has one"\n', 'def f():\n    "has one"\n'),
        ("def _hidden():\n    pass\n", "def _hidden():\n    pass\n"),
        ("def f(): pass\n", "def f(): pass\n"),
        ("def f():\r\n    pass\r\n", 'def f():\r\n    """F."""\r\n    pass\r\n'),
        ("def f():\n    @g\n    def h():\n        pass\n", None),
        ("x = '''\f\n'''\ndef f():\n    pass\n", None),
    ],
)
def test_docstrings_leave_the_code_as_it_was(source: str, expected: str | None) -> None:
    result = documented(source)
    assert expected in (None, result)
    assert documented(result) == result
    assert _without_docstrings(result) == _without_docstrings(source)


def test_docstrings_say_what_name_and_signature_tell() -> None:
    told = documented(
        "def parse_row(row: str, *, strict=False) -> int:\n    return 1\nclass HTTPServer(Base):\n    a = 1\n"
    )
    assert '"""Parse row of `row` and `strict`; returns int."""' in told
    assert '"""HTTP server, a kind of Base."""' in told or '"""Http server, a kind of Base."""' in told


def _without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)
