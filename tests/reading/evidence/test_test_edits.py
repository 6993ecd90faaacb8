"""Tests that are removed, skipped, or assert less, in each language: a made-up edit for each rule."""

from __future__ import annotations

from textwrap import dedent

import pytest

from server.domain.diff import FileDiff, FileStatus
from server.domain.flag import FlagKind
from server.domain.review import Side
from server.reading.evidence import detectors, test_edits
from server.reading.evidence.material import ChangedFile, Finding, Material

REMOVED, SKIPPED, LOOSENED = FlagKind.REMOVED_TEST, FlagKind.SKIPPED_TEST, FlagKind.LOOSENED_TEST
WHOLE = {
    "py": "{}",
    "js": "{}",
    "ts": "{}",
    "tsx": "{}",
    "go": "package box\n{}",
    "rs": "#[cfg(test)]\nmod tests {{\n{}\n}}",
    "java": "class BoxTest {{\n{}\n}}",
}
PATHS = {
    "py": "tests/test_box.py",
    "js": "test/box.test.js",
    "ts": "test/box.spec.ts",
    "tsx": "src/__tests__/box.tsx",
    "go": "box_test.go",
    "rs": "src/box.rs",
    "java": "src/test/java/BoxTest.java",
}


def changed(path: str, old: str | None, new: str | None, old_path: str | None = None) -> ChangedFile:
    status = FileStatus.ADDED if old is None else FileStatus.DELETED if new is None else FileStatus.MODIFIED
    diff = FileDiff(path, old_path, status, "100644", "100644", "1", "2", 1, 1, None, b"")
    return ChangedFile(diff, old, new)


def found(*files: ChangedFile) -> list[Finding]:
    return list(test_edits.find(Material(files)))


def edited(language: str, old: str, new: str) -> list[Finding]:
    """What is found where one text of a language became the other."""
    whole, path = WHOLE[language], PATHS[language]
    return found(changed(path, whole.format(dedent(old)), whole.format(dedent(new))))


TESTS = {
    "py": "def test_opens():\n    assert box.open() == 3\n",
    "js": "it('opens', () => { expect(box.open()).toBe(3) })\n",
    "ts": "test('opens', async () => { expect(await box.open()).toEqual(3 as number) })\n",
    "tsx": "test('opens', () => { expect(render(<Box/>).open()).toEqual(3) })\n",
    "go": "func TestOpens(t *testing.T) {\n\tassert.Equal(t, 3, box.Open())\n}\n",
    "rs": "#[test]\nfn opens() { assert_eq!(open(), 3); }\n",
    "java": "@Test void opens() { assertEquals(3, box.open()); }\n",
}
OTHERS = {
    "py": "def test_shuts():\n    assert lid.state() == 'shut'\n",
    "js": "it('shuts', () => { assert.strictEqual(lid.state(), 'shut') })\n",
    "ts": "test('shuts', () => { assert.equal(lid.state(), 'shut') })\n",
    "tsx": "test('shuts', () => { assert.equal(lid.state(), 'shut') })\n",
    "go": 'func TestShuts(t *testing.T) {\n\tif lid.State() != "shut" {\n\t\tt.Fatal("open")\n\t}\n}\n',
    "rs": '#[test]\nfn shuts() { assert!(lid() == "shut"); }\n',
    "java": '@Test void shuts() { assertThat(lid.state()).isEqualTo("shut"); }\n',
}
NAMES = {"go": ("TestOpens", "TestShuts"), "py": ("test_opens", "test_shuts")}


@pytest.mark.parametrize("language", TESTS)
def test_a_removed_test_is_told_at_its_old_line(language: str) -> None:
    [finding] = edited(language, OTHERS[language] + TESTS[language], OTHERS[language])
    name = NAMES.get(language, ("opens", ""))[0]
    assert (finding.kind, finding.path, finding.side) == (REMOVED, PATHS[language], Side.OLD)
    assert finding.sentence == f"`{name}` was removed."
    assert finding.line


@pytest.mark.parametrize("language", TESTS)
def test_what_stays_what_comes_and_what_only_moves_is_told_nowhere(language: str) -> None:
    both, other = TESTS[language] + OTHERS[language], OTHERS[language] + TESTS[language]
    assert edited(language, both, other) == []
    assert edited(language, TESTS[language], both) == []


@pytest.mark.parametrize("language", TESTS)
def test_a_test_that_moved_to_another_file_is_not_gone(language: str) -> None:
    whole, path = WHOLE[language], PATHS[language]
    folder, _, name = path.rpartition("/")
    there = f"{folder}/lid_{name}" if folder else f"lid_{name}"
    here = changed(path, whole.format(TESTS[language] + OTHERS[language]), whole.format(OTHERS[language]))
    assert found(here, changed(there, None, whole.format(TESTS[language]))) == []


@pytest.mark.parametrize("language", TESTS)
def test_a_test_with_another_name_and_the_same_body_is_not_gone(language: str) -> None:
    old = TESTS[language]
    assert edited(language, old, old.replace("pens", "pens_wide")) == []


SKIPS = [
    ("py", "@pytest.mark.skip(reason='slow')\n{}"),
    ("py", "@pytest.mark.skipif(WINDOWS, reason='slow')\n{}"),
    ("py", "@pytest.mark.xfail\n{}"),
    ("py", "@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.xfail)])\n{}"),
    ("py", "@unittest.skip('slow')\n{}"),
    ("py", "@skip_on_windows\n{}"),
    ("py", "pytestmark = pytest.mark.skip\n{}"),
    ("py", "{}    pytest.skip('slow')\n"),
    ("py", "{}    self.skipTest('slow')\n"),
    ("js", "it.skip{0:.0}('opens', () => {{ expect(box.open()).toBe(3) }})"),
    ("js", "xit('opens', () => {{ expect(box.open()).toBe(3) }})"),
    ("js", "it.only('opens', () => {{ expect(box.open()).toBe(3) }})"),
    ("js", "it.todo('opens')"),
    ("js", "it.skipIf(slow)('opens', () => {{ expect(box.open()).toBe(3) }})"),
    ("js", "it('opens', {{ skip: true }}, () => {{ expect(box.open()).toBe(3) }})"),
    ("js", "it('opens', function () {{ this.skip(); expect(box.open()).toBe(3) }})"),
    ("ts", "test.fixme('opens', async () => {{ expect(await box.open()).toEqual(3 as number) }})"),
    ("ts", "test.failing('opens', async () => {{ expect(await box.open()).toEqual(3 as number) }})"),
    ("go", 'func TestOpens(t *testing.T) {{\n\tt.Skip("slow")\n\tassert.Equal(t, 3, box.Open())\n}}'),
    ("go", "func TestOpens(t *testing.T) {{\n\tskipWindows(t)\n\tassert.Equal(t, 3, box.Open())\n}}"),
    ("rs", "#[ignore]\n{}"),
    ("rs", '#[cfg(feature = "slow")]\n{}'),
    ("rs", "#[cfg_attr(windows, ignore)]\n{}"),
    ("java", '@Disabled("slow")\n{}'),
    ("java", "@Ignore\n{}"),
    ("java", "@DisabledOnOs(WINDOWS)\n{}"),
    ("java", "@Test void opens() {{ assumeTrue(fast); assertEquals(3, box.open()); }}"),
]


@pytest.mark.parametrize(("language", "skipped"), SKIPS)
def test_a_test_that_is_skipped_is_told_at_what_skips_it(language: str, skipped: str) -> None:
    [finding] = edited(language, TESTS[language], skipped.format(TESTS[language]))
    assert (finding.kind, finding.side) == (SKIPPED, Side.NEW)
    assert finding.line


@pytest.mark.parametrize(("language", "skipped"), SKIPS)
def test_a_test_that_stays_skipped_or_is_run_again_is_not_told(language: str, skipped: str) -> None:
    skips = skipped.format(TESTS[language])
    assert edited(language, skips, skips + "\n" + OTHERS[language]) == []
    assert edited(language, skips, TESTS[language]) == []


def test_one_mark_in_place_of_another_is_no_news() -> None:
    assert edited("java", "@Ignore\n" + TESTS["java"], "@Disabled\n" + TESTS["java"]) == []


def test_a_group_that_is_skipped_is_told_once() -> None:
    old = "describe('box', () => {\n" + TESTS["js"] + OTHERS["js"] + "})"
    [finding] = found(changed(PATHS["js"], old, old.replace("describe(", "describe.skip(")))
    assert finding.sentence == "`box` is skipped now: `describe.skip`."


def test_a_new_group_that_keeps_all_others_from_running_is_told_whatever_makes_its_tests() -> None:
    new = TESTS["js"] + "describe.only('lid', () => { cases('a') })"
    [finding] = edited("js", TESTS["js"], new)
    assert finding.sentence == "Of its file only `lid` is run now: `describe.only`."


def test_a_new_test_that_never_runs_is_told_and_one_that_sometimes_does_is_not() -> None:
    [finding] = edited("py", TESTS["py"], TESTS["py"] + "@pytest.mark.skip\n" + OTHERS["py"])
    assert finding.sentence == "`test_shuts` is new and skipped: `@pytest.mark.skip`."
    assert edited("py", TESTS["py"], TESTS["py"] + "@pytest.mark.skipif(WINDOWS)\n" + OTHERS["py"]) == []
    assert edited("py", TESTS["py"], TESTS["py"] + "@pytest.mark.skipif(True, reason='slow')\n" + OTHERS["py"])
    assert edited("js", TESTS["js"], TESTS["js"] + "it.skip('nothing', () => {})\n") == []


def test_a_file_that_is_built_on_demand_only_is_skipped() -> None:
    go = WHOLE["go"].format(TESTS["go"])
    [finding] = found(changed(PATHS["go"], go, "//go:build integration\n\n" + go))
    assert (finding.kind, finding.line) == (SKIPPED, 1)
    for tags in ("!nomsgpack", "go1.17"):
        assert found(changed(PATHS["go"], go, f"//go:build {tags}\n\n{go}")) == []


LOOSER = [
    ("py", "assert a == 3", "assert a"),
    ("py", "assert a == 3", "assert a is not None"),
    ("py", "assert a == 'abc'", "assert 'b' in a"),
    ("py", "assert a == 3.1", "assert a == pytest.approx(3.1)"),
    ("py", "assert a == pytest.approx(3.1, abs=0.1)", "assert a == pytest.approx(3.1, abs=0.5)"),
    ("py", "assert a == 3 and b == 4", "assert a == 3"),
    ("py", "assert a.startswith('b')", "assert 'b' in a"),
    ("py", "assert a == c.d()", "assert e <= f"),
    ("py", "self.assertEqual(a, 3)", "self.assertTrue(a)"),
    ("py", "self.assertAlmostEqual(a, 3.1, places=7)", "self.assertAlmostEqual(a, 3.1, places=2)"),
    ("py", "with pytest.raises(ValueError): a()", "with pytest.raises(Exception): a()"),
    ("py", "with pytest.raises(ValueError, match='big'): a()", "with pytest.raises(ValueError): a()"),
    ("py", "m.assert_called_once_with(3)", "m.assert_called()"),
    ("js", "expect(a).toBe(3)", "expect(a).toBeTruthy()"),
    ("js", "expect(a).toEqual({b: 3})", "expect(a).toMatchObject({b: 3})"),
    ("js", "expect(a).toEqual({b: 3})", "expect(a).toEqual(expect.objectContaining({b: 3}))"),
    ("js", "expect(a).toBeCloseTo(3.1, 5)", "expect(a).toBeCloseTo(3.1, 1)"),
    ("js", "expect(a).toThrow('big')", "expect(a).toThrow()"),
    ("js", "expect(a).to.equal(3)", "expect(a).to.be.ok"),
    ("js", "assert.strictEqual(a, 3)", "assert.ok(a)"),
    ("js", "a.should.equal('abc')", "a.should.include('b')"),
    ("ts", "t.is(a, 3)", "t.truthy(a)"),
    ("ts", "expect(a as number).toStrictEqual(3)", "expect(a as number).toBeDefined()"),
    ("go", "assert.Equal(t, 3, a.Get())", "assert.NotNil(t, a.Get())"),
    ("go", "require.Equal(t, text, a.Get())", "require.Contains(t, a.Get(), text)"),
    ("go", "assert.InDelta(t, 3.1, a, 0.1)", "assert.InDelta(t, 3.1, a, 0.5)"),
    ("go", 'assert.EqualError(t, err, "big")', "assert.Error(t, err)"),
    ("go", 'if a != "abc" { t.Error(a) }', 'if a == "" { t.Error(a) }'),
    ("rs", "assert_eq!(a, 3);", "assert!(a > 0);"),
    ("rs", "assert_eq!(a.get(), Ok(3));", "assert!(a.get().is_ok());"),
    ("rs", "assert_eq!(a, 3);", "assert!(a == 3 || a == 4);"),
    ("java", "assertEquals(3, a.get());", "assertNotNull(a.get());"),
    ("java", "assertEquals(3.1, a, 0.01);", "assertEquals(3.1, a, 0.5);"),
    ("java", "assertThat(a).isEqualTo(3);", "assertThat(a).isNotNull();"),
    ("java", 'assertThat(a, is("abc"));', 'assertThat(a, containsString("b"));'),
    ("java", "assertThrows(BigException.class, () -> a());", "assertThrows(Exception.class, () -> a());"),
]
AROUND = {
    "py": "class TestBox:\n    def test_all(self):\n        a = box.get()\n        {}\n        assert sure\n",
    "js": "describe('box', () => {{ it('all', () => {{ const a = box.get();\n {}\n expect(sure).toBe(1) }}) }})",
    "ts": "test('all', t => {{ const a: number = box.get();\n {}\n t.is(sure, 1) }})",
    "go": "func TestAll(t *testing.T) {{\n\ta, err := box.Get()\n\t{}\n\tassert.Equal(t, 1, sure)\n}}",
    "rs": "#[tokio::test]\nasync fn all() {{\n let a = get().await;\n {}\n assert_eq!(sure, 1);\n}}",
    "java": "@ParameterizedTest void all() {{\n var a = box.get();\n {}\n assertEquals(1, sure);\n}}",
}


@pytest.mark.parametrize(("language", "old", "new"), LOOSER)
def test_an_assertion_that_leaves_more_open_is_told(language: str, old: str, new: str) -> None:
    around = AROUND[language]
    [finding] = edited(language, around.format(old), around.format(new))
    assert finding.kind is LOOSENED
    assert edited(language, around.format(new), around.format(old)) == []


@pytest.mark.parametrize("language", AROUND)
def test_an_assertion_that_is_gone_is_told_at_its_old_line(language: str) -> None:
    old = next(old for each, old, _ in LOOSER if each == language)
    around = AROUND[language]
    [finding] = edited(language, around.format(old), around.format(""))
    assert (finding.kind, finding.side) == (LOOSENED, Side.OLD)
    assert "no longer asserts" in finding.sentence


SAME = [
    ("py", "assert a == 3", "assert a == 4"),
    ("py", "self.assertEqual(a, 3)", "assert a == 3"),
    ("py", "with pytest.raises(KeyError): a()", "with pytest.raises(ValueError): a()"),
    ("js", "expect(a).toBe(3)", "expect(a).toEqual(4)"),
    ("js", "assert.equal(a, 3)", "expect(a).toBe(3)"),
    ("ts", "t.is(a, true)", "t.true(a)"),
    ("go", "assert.Equal(t, true, a)", "assert.True(t, a)"),
    ("go", "if err != nil { t.Fatal(err) }", ""),
    ("go", "if a != 3 { t.Fatal(a) }", "require.Equal(t, 3, a)"),
    ("go", "assert.Equal(t, len(a), 2)\n assert.Equal(t, a[0], 1)", "assert.Equal(t, []int{{1, 2}}, a)"),
    ("rs", "assert_eq!(a, 3);", "assert_eq!(a, 4);"),
    ("rs", "assert!(a == 3);", "assert_eq!(a, 3);"),
    ("java", "assertEquals(3, a);", "assertThat(a).isEqualTo(3);"),
    ("java", "assertEquals(true, a);", "assertTrue(a);"),
]


@pytest.mark.parametrize(("language", "old", "new"), SAME)
def test_another_value_or_another_way_to_say_the_same_is_no_loss(language: str, old: str, new: str) -> None:
    around = AROUND[language]
    assert edited(language, around.format(old), around.format(new.replace("{{", "{").replace("}}", "}"))) == []


def test_tests_that_become_one_with_parameters_are_not_gone() -> None:
    old = "def test_one():\n    assert size(get(1)) == 1\n\n\ndef test_two():\n    assert size(get(2)) == 2\n"
    new = "@pytest.mark.parametrize('n', [1, 2])\ndef test_each(n):\n    assert size(get(n)) == n\n"
    assert edited("py", old, new) == []


def test_a_test_that_became_several_is_not_gone() -> None:
    new = "def test_opens_wide():\n    a = 1\n    assert wide(a)\n\n\ndef test_opens_far():\n    assert far()\n"
    assert edited("py", TESTS["py"], new) == []


def test_a_test_that_became_a_part_of_another_is_not_gone() -> None:
    both = "def test_shuts():\n    assert lid.state() == 'shut'\n    assert box.open() == 3\n    box.log()\n"
    old = TESTS["py"] + "    box.log()\n\n\n" + OTHERS["py"]
    assert edited("py", old, both) == []


def test_a_test_whose_new_name_keeps_it_from_being_run_is_skipped() -> None:
    [finding] = edited("py", TESTS["py"], TESTS["py"].replace("test_opens", "disabled_test_opens"))
    assert finding.kind is SKIPPED
    assert finding.sentence == "`test_opens` is not run any more: it is called `disabled_test_opens` now."


def test_a_test_that_asserts_something_else_lost_nothing() -> None:
    old = "def test_all():\n    box = get()\n    n = box.put()\n    assert n == 3\n    k = rest()\n    assert k == 1\n"
    new = "def test_all():\n    box = get()\n    assert box.put_all() == box.size\n"
    assert edited("py", old, new) == []


def test_a_helper_that_asserts_less_is_told() -> None:
    old = "def check(box):\n    assert box.size == 3\n    assert box.name == 'x'\n"
    [finding] = found(changed("tests/conftest.py", old, old.replace("    assert box.name == 'x'\n", "")))
    assert finding.sentence == "`check` no longer asserts `box.name == 'x'`."


def test_a_fixture_around_all_tests_that_asserted_is_told_where_it_is_removed() -> None:
    fixture = "@pytest.fixture(autouse=True)\ndef no_warnings(recwarn):\n    yield\n    assert not recwarn.list\n\n\n"
    [finding] = edited("py", fixture + TESTS["py"], TESTS["py"])
    assert finding.kind is LOOSENED
    assert finding.sentence == "`no_warnings`, which asserted around each test, was removed."


def test_two_branches_that_become_one_are_no_loss() -> None:
    old = "def test_all():\n    if OLD:\n        assert get() == 1\n    else:\n        assert get() == 2\n"
    assert edited("py", old, "def test_all():\n    assert get() == 2\n") == []


def test_what_an_exact_assertion_says_with_more_is_no_loss() -> None:
    old = "def test_all():\n    a = get()\n    assert a\n    assert len(a) == 2\n    assert a[0] == 1\n"
    assert edited("py", old, "def test_all():\n    a = get()\n    assert a == [1, 2]\n") == []


def test_assertions_that_move_into_a_helper_or_a_new_test_are_kept() -> None:
    old = "def test_all():\n    a = get()\n    b = a.copy()\n    assert a.size == 3\n    assert a.name == 'x'\n"
    helper = "def assert_whole(a):\n    assert a.size == 3\n    assert a.name == 'x'\n\n\n"
    assert edited("py", old, helper + "def test_all():\n    a = get()\n    b = a.copy()\n    assert_whole(a)\n") == []
    two = "def test_name():\n    a = get()\n    assert a.name == 'x'\n"
    shorter = old.replace("    assert a.name == 'x'\n", "")
    assert edited("py", old, shorter + "\n\n" + two) == []


def test_a_test_file_that_goes_with_what_it_tested_proves_nothing_less() -> None:
    gone = changed(PATHS["py"], TESTS["py"], None)
    [finding] = found(gone)
    assert (finding.kind, finding.side) == (REMOVED, Side.OLD)
    assert found(gone, changed("src/box.py", "def open(): ...", None)) == []


def test_a_deleted_file_is_told_once_with_its_tests() -> None:
    tests = "".join(f"def test_{n}():\n    assert get({n}) == {n * n}\n" for n in range(8))
    [finding] = found(changed(PATHS["py"], tests, None))
    assert finding.sentence.startswith("The file was deleted with `test_0`, `test_1`")
    assert finding.sentence.endswith("and 3 more.")
    assert len(found(changed(PATHS["py"], tests, "x = 1\n"))) == 6


def test_what_tests_are_tried_on_is_no_test() -> None:
    assert found(changed("tests/fixtures/test_box.py", TESTS["py"], "")) == []
    assert found(changed("vendor/box_test.go", WHOLE["go"].format(TESTS["go"]), None)) == []
    nested = "static class Slow {{ @Test public void waits() {{}} }}\n"
    assert edited("java", nested.format() + TESTS["java"], TESTS["java"]) == []


def test_tests_made_by_macros_are_seen_in_files_of_tests() -> None:
    old = "rgtest!(opens, |dir| {\n assert_eq!(dir.open(), 3);\n});\nrgtest!(shuts, |dir| {\n dir.shut();\n});\n"
    new = old.replace("assert_eq!(dir.open(), 3)", "assert!(dir.open() > 0)").partition("rgtest!(shuts")[0]
    kinds = {finding.kind for finding in found(changed("tests/feature.rs", old, new))}
    assert kinds == {REMOVED, LOOSENED}


@pytest.mark.parametrize("language", TESTS)
def test_broken_text_is_read_as_far_as_it_goes(language: str) -> None:
    edited(language, TESTS[language] + "((((" * 50, "}}}} def func @@ \x00 {{" + TESTS[language])
    edited(language, TESTS[language], "\udcff" + TESTS[language])


def test_deep_nesting_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.reading.evidence.cases.outline.SECONDS", 0.05)
    assert found(changed(PATHS["py"], TESTS["py"], TESTS["py"] + "(" * 300_000)) == []


def test_what_they_wrote_is_shortened_in_the_sentence() -> None:
    long = "x" * 500
    [finding] = edited("py", f"def test_a():\n    assert {long} == 3\n    b()\n", "def test_a():\n    b()\n")
    assert len(finding.sentence) < 200


def test_it_is_one_of_the_detectors() -> None:
    assert test_edits.find in detectors.EVERY
