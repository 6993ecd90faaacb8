"""Tests that a change removes, skips, or lets assert less."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator
from itertools import groupby

from server.domain.flag import FlagKind
from server.domain.review import Side
from server.reading import order
from server.reading.evidence.cases import loosening, pairing, readers
from server.reading.evidence.cases.case import Case, Mark
from server.reading.evidence.cases.loosening import Elsewhere, Loss
from server.reading.evidence.cases.pairing import Pairs, Placed
from server.reading.evidence.material import ChangedFile, Finding, Material

SECONDS = 60.0  # of work for all files of a change
MOST = 5  # tests of a file that are named one by one
MERGED = 0.6  # of a test's words: it became a part of another one
FEWEST = 8  # words of a test that does something
SHOWN = 80  # characters of a name or an assertion in a sentence
IMPORT = re.compile(r"^\s*(?:import|from|use|const|let|var|export|\"|mod)\b.*$", re.MULTILINE)
COMMON = {"index", "mod", "main", "lib", "utils", "util", "test", "tests", "src", "__init__", "common", "types"}
log = logging.getLogger(__name__)


def find(material: Material) -> Iterator[Finding]:
    """What the tests of a change prove less than before. All files count together: a test that moved is not gone."""
    old, new = _tests(material.files)
    pairs = pairing.pair(old, new)
    yield from _removed(pairs, material)
    yield from _skipped(pairs)
    yield from _loosened(pairs)


def _tests(files: Iterable[ChangedFile]) -> tuple[list[Placed], list[Placed]]:
    """The tests of the old and of the new texts."""
    until = time.thread_time() + SECONDS
    old: list[Placed] = []
    new: list[Placed] = []
    for file in files:
        if time.thread_time() > until:
            log.warning("tests are not compared from %s on: it takes too long", file.path)
            break
        try:
            before = _read(file.old_path, file.old)
            after = _read(file.path, file.new)
        except ValueError as error:
            log.warning("tests in %s are not compared: %s", file.path, error)
            continue
        old += [Placed(file.path, case) for case in before]
        new += [Placed(file.path, case) for case in after]
    return old, new


def _read(path: str, text: str | None) -> list[Case]:
    """Raises ValueError where the text can't be read in time."""
    read = readers.reader(path, text) if text else None
    return read(text.encode("utf-8", "replace")) if read and text else []


def _removed(pairs: Pairs, material: Material) -> Iterator[Finding]:
    renamed = {id(old) for old, _ in _disabled(pairs)}
    gone = [one for one in pairs.gone if _is_test(one.case) and id(one) not in renamed and not _is_merged(one, pairs)]
    files = {file.path: file for file in material.files}
    deleted = [file for file in material.files if file.new is None and file.old and not order.is_test(file.path)]
    for path, placed in groupby(gone, key=lambda one: one.path):
        cases = [one.case for one in placed]
        file = files[path]
        if file.new is None and _tested_is_gone(file, deleted):
            continue
        if file.new is None and len(cases) > 1:
            names = ", ".join(_quoted(case.name) for case in cases[:MOST])
            more = f" and {len(cases) - MOST} more" if len(cases) > MOST else ""
            yield Finding(FlagKind.REMOVED_TEST, path, f"The file was deleted with {names}{more}.", None, Side.OLD)
            continue
        for case in cases[:MOST]:
            said = f"{_quoted(case.name)} was removed."
            yield Finding(FlagKind.REMOVED_TEST, path, said, case.line, Side.OLD)
        if len(cases) > MOST:
            rest = len(cases) - MOST
            said = f"{rest} more {'tests were' if rest > 1 else 'test was'} removed."
            yield Finding(FlagKind.REMOVED_TEST, path, said, cases[MOST].line, Side.OLD)


def _is_merged(one: Placed, pairs: Pairs) -> bool:
    """Whether what a test asserted is asserted with parameters, or word by word in a test that is new."""
    now = [other for other in pairs.new if other.path == one.path]
    shapes = {loosening.shape(assertion) for other in now if other.case.varied for assertion in other.case.assertions}
    changed = [other for _, other, _ in pairs.kept if other.path == one.path and other.case.varied]
    shapes |= {loosening.shape(assertion) for other in changed for assertion in other.case.assertions}
    if any(_is_part(one.case.name, other.case.name) for other in now):
        return True
    if any(_is_added(one, old, new) for old, new, _ in pairs.kept if new.path == one.path):
        return True
    texts = pairing.texts(now)
    mine = one.case.assertions
    return bool(mine) and all(each.text in texts or loosening.shape(each) in shapes - {()} for each in mine)


def _is_added(one: Placed, old: Placed, new: Placed) -> bool:
    """Whether a test was put at the end of, or into, another one."""
    mine, added = one.case.words, new.case.words - old.case.words
    return (mine & added).total() > MERGED * mine.total()


def _is_part(name: str, longer: str) -> bool:
    """Whether a test may have become several, each with more of a name."""
    return len(name) >= len("test_all") and name.lower() in longer.lower()


def _tested_is_gone(file: ChangedFile, deleted: list[ChangedFile]) -> bool:
    """Whether a test file went with what it tested: then nothing is proved less."""
    imports = " ".join(IMPORT.findall(file.old or ""))
    subject = re.sub(r"^(test|spec)_|[._-]?(tests?|specs?|it)$", "", _stem(file.path), flags=re.I)
    for one in deleted:
        stem, folder = _stem(one.path), one.path.rpartition("/")[0].rpartition("/")[2].lower()
        if subject and subject == stem:
            return True
        if stem not in COMMON and len(stem) > 3 and re.search(rf"\b{re.escape(stem)}\b", imports):
            return True
        if len(folder) > 5 and folder not in COMMON and folder in file.path.lower():
            return True
    return False


def _stem(path: str) -> str:
    name = path.rpartition("/")[2].lower()
    return name.rpartition(".")[0] or name


def _skipped(pairs: Pairs) -> Iterator[Finding]:
    for old, new in _disabled(pairs):
        said = f"{_quoted(old.case.name)} is not run any more: it is called {_quoted(new.case.name)} now."
        yield Finding(FlagKind.SKIPPED_TEST, new.path, said, new.case.line)
    told: set[tuple[str, int, str]] = set()
    for old, new, _ in pairs.kept:
        came = [] if new.case.data else _new_marks(old.case, new.case)
        yield from _marks(new, came, told, "{} is skipped now: {}.")
    known = {(old.path, mark.owner, mark.text) for old, _, _ in pairs.kept for mark in old.case.marks}
    for new in pairs.new:
        own = [mark for mark in new.case.marks if (new.path, mark.owner, mark.text) not in known]
        came = [mark for mark in own if mark.only or (mark.always and _is_whole(new.case))]
        if came:
            yield from _marks(new, came, told, "{} is new and skipped: {}.")


def _disabled(pairs: Pairs) -> list[tuple[Placed, Placed]]:
    """Tests whose new name, around the old one, is no test's."""
    helpers = [one for one in pairs.new if one.case.helper]
    return [
        (old, new)
        for old in pairs.gone
        for new in helpers
        if _is_test(old.case) and new.path == old.path and old.case.name in new.case.name
    ]


def _is_whole(case: Case) -> bool:
    """Whether a test does more than being there."""
    empty = case.plain.rstrip(");").endswith("{}")
    return _is_test(case) and not empty and (bool(case.assertions) or case.words.total() > FEWEST)


def _is_test(case: Case) -> bool:
    return not case.helper and not case.data


def _new_marks(old: Case, new: Case) -> list[Mark]:
    """Marks that came to a test. One in place of another is none, nor is one more beside an unconditional one."""
    if len(new.marks) <= len(old.marks):
        only = any(mark.only for mark in old.marks)
        return [mark for mark in new.marks if mark.only and not only]
    if any(mark.always and not mark.only for mark in old.marks):
        return []
    if new.helper and old.marks:
        return []
    before = {mark.text for mark in old.marks}
    return [mark for mark in new.marks if mark.text not in before]


def _marks(placed: Placed, marks: list[Mark], told: set[tuple[str, int, str]], sentence: str) -> Iterator[Finding]:
    for mark in marks:
        key = (placed.path, mark.line, mark.text)
        if key in told:
            continue
        told.add(key)
        owner = _quoted(mark.owner) if mark.owner else "All of the file"
        said = sentence.format(owner, _quoted(mark.text))
        if mark.only:
            said = f"Of its file only {owner} is run now: {_quoted(mark.text)}."
        yield Finding(FlagKind.SKIPPED_TEST, placed.path, said, mark.line)


def _loosened(pairs: Pairs) -> Iterator[Finding]:
    for one in pairs.gone:
        if one.case.around and one.case.assertions:
            said = f"{_quoted(one.case.name)}, which asserted around each test, was removed."
            yield Finding(FlagKind.LOOSENED_TEST, one.path, said, one.case.line, Side.OLD)
    for old, new, sure in pairs.kept:
        if (
            not sure
            or new.case.data
            or old.case.plain == new.case.plain
            or any(mark.always for mark in _new_marks(old.case, new.case))
        ):
            continue
        elsewhere = _elsewhere(pairs, new)
        if lost := loosening.losses(old.case, new.case, elsewhere):
            yield _loss(new, lost)


def _elsewhere(pairs: Pairs, new: Placed) -> Elsewhere:
    others = [one for one in pairs.new if one.path == new.path]
    grown = [
        after
        for before, after, _ in pairs.kept
        if after is not new and after.path == new.path and len(after.case.assertions) > len(before.case.assertions)
    ]
    helpers = {one.case.name for one in pairs.new if one.case.helper and one.case.assertions}
    shapes = {loosening.shape(each) for one in others for each in one.case.assertions}
    return Elsewhere(pairing.texts([*others, *grown]), shapes, helpers)


def _loss(placed: Placed, lost: list[Loss]) -> Finding:
    """One finding for a test, with the first of what it lost."""
    first = lost[0]
    name = _quoted(placed.case.name)
    if first.became is None:
        said = f"{name} no longer asserts {_quoted(first.was.text)}"
        line, side = first.was.line, Side.OLD
    else:
        said = f"{name} asserts less: {_quoted(first.was.text)} became {_quoted(first.became.text)}"
        line, side = first.became.line, Side.NEW
    more = f", and {len(lost) - 1} more" if len(lost) > 1 else ""
    return Finding(FlagKind.LOOSENED_TEST, placed.path, f"{said}{more}.", line, side)


def _quoted(text: str) -> str:
    """Foreign text in a sentence: on one line, of a bearable length."""
    flat = " ".join(text.split()).replace("`", "'")
    return f"`{flat[: SHOWN - 1]}…`" if len(flat) > SHOWN else f"`{flat}`"
