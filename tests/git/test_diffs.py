from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.domain.diff import PAIRED, FileDiff, FileStatus, renames_unsought
from server.git import diffs
from server.git.commands import run
from server.git.diffs import compare, patch
from tests.git.store import GITLINK, Store, Trees, plain

FAKE_COMMITS = ["1" * 40, "2" * 40]


def one(store: Store, before: Trees, after: Trees) -> FileDiff:
    base, head = store.tree(before), store.tree(after)
    files = compare(store.mirror, base, head)
    assert store.apply(base, patch(files)) == head
    (file,) = files
    return file


class TestEachKind:
    def test_a_modified_file(self, store: Store) -> None:
        file = one(store, {"a.txt": plain("1\n2\n3\n")}, {"a.txt": plain("1\ntwo\n3\n4\n")})
        assert (file.path, file.old_path, file.status) == ("a.txt", None, FileStatus.MODIFIED)
        assert (file.additions, file.deletions, file.similarity) == (2, 1, None)
        assert (file.old_mode, file.new_mode) == ("100644", "100644")
        assert len(file.old_blob) == 40
        assert b"\n-2\n+two\n" in file.text

    def test_added_and_deleted_empty_files(self, store: Store) -> None:
        added = one(store, {}, {"empty": plain("")})
        assert (added.status, added.additions, added.deletions) == (FileStatus.ADDED, 0, 0)
        assert (added.old_mode, added.old_blob) == ("000000", "0" * 40)
        deleted = one(store, {"empty": plain("")}, {})
        assert (deleted.status, deleted.new_mode) == (FileStatus.DELETED, "000000")

    def test_a_rename_with_an_edit(self, store: Store) -> None:
        lines = "".join(f"line {n}\n" for n in range(20))
        file = one(store, {"old name": plain(lines)}, {"dir/new\nname": plain(lines + "more\n")})
        assert (file.status, file.old_path, file.path) == (FileStatus.RENAMED, "old name", "dir/new\nname")
        assert file.similarity is not None
        assert 90 <= file.similarity < 100
        assert (file.additions, file.deletions) == (1, 0)

    def test_a_pure_rename(self, store: Store) -> None:
        file = one(store, {"a": plain("same\n")}, {"b": plain("same\n")})
        assert (file.status, file.similarity, file.additions, file.deletions) == (FileStatus.RENAMED, 100, 0, 0)

    def test_a_mode_change(self, store: Store) -> None:
        file = one(store, {"run": ("100644", b"x\n")}, {"run": ("100755", b"x\n")})
        assert (file.status, file.old_mode, file.new_mode) == (FileStatus.MODIFIED, "100644", "100755")
        assert file.text == b"diff --git a/run b/run\nold mode 100644\nnew mode 100755\n"

    def test_a_binary_file(self, store: Store) -> None:
        file = one(store, {"b": plain(b"\0\1\2" * 50)}, {"b": plain(b"\0\1\3" * 50)})
        assert file.binary
        assert (file.additions, file.deletions) == (None, None)
        assert b"GIT binary patch" in file.text

    def test_a_link_and_a_submodule(self, store: Store) -> None:
        link = one(store, {"l": ("120000", b"there")}, {"l": ("120000", b"elsewhere")})
        assert link.new_mode == "120000"
        sub = one(store, {"s": (GITLINK, FAKE_COMMITS[0].encode())}, {"s": (GITLINK, FAKE_COMMITS[1].encode())})
        assert sub.new_mode == GITLINK
        assert b"+Subproject commit 2222" in sub.text

    @pytest.mark.parametrize(
        "after", [("120000", b"target"), (GITLINK, FAKE_COMMITS[0].encode())], ids=["link", "submodule"]
    )
    def test_a_change_of_type_is_one_file(self, store: Store, after: tuple[str, bytes]) -> None:
        file = one(store, {"x": plain("text\n")}, {"x": after})
        assert file.status is FileStatus.TYPE_CHANGED
        assert file.text.count(b"diff --git ") == 2

    def test_a_folder_takes_the_name_of_a_moved_link(self, store: Store) -> None:
        base = store.tree({"a": ("120000", b"target")})
        head = store.tree({"a/a": ("120000", b"target"), "b": plain("x")})
        files = compare(store.mirror, base, head)
        assert [file.status.value for file in files] == ["D", "A", "A"]
        assert store.apply(base, patch(files)) == head

    def test_no_newline_at_the_end_crlf_and_latin1(self, store: Store) -> None:
        assert b"\\ No newline" in one(store, {"a": plain("x\n")}, {"a": plain("x")}).text
        assert b"+b\r\n" in one(store, {"a": plain("a\r\n")}, {"a": plain("a\r\nb\r\n")}).text
        assert b"+caf\xe9\n" in one(store, {"a": plain("cafe\n")}, {"a": plain(b"caf\xe9\n")}).text

    def test_a_name_of_any_bytes(self, store: Store) -> None:
        name = os.fsdecode(b'"\xff\t\n -x')
        assert one(store, {}, {name: plain("x\n")}).path == name

    def test_content_that_looks_like_a_diff(self, store: Store) -> None:
        text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
        file = one(store, {"p": plain(text)}, {"p": plain(text + text)})
        assert file.additions == 6

    def test_nothing_differs(self, store: Store) -> None:
        tree = store.tree({"a": plain("a")})
        assert compare(store.mirror, tree, tree) == []
        assert patch([]) == b""


def test_many_renames_are_all_found(store: Store) -> None:
    """More than git's own limit for looking, where it would give up without a word."""
    names = range(60)
    text = {n: "".join(f"{n} {line}\n" for line in range(12)) for n in names}
    base = store.tree({f"old/{n}": plain(text[n]) for n in names})
    head = store.tree({f"new/x{n}": plain(text[n] + "more\n") for n in names})
    run(store.mirror, "config", "diff.renameLimit", "1")
    files = compare(store.mirror, base, head)
    assert {file.status for file in files} == {FileStatus.RENAMED}
    assert len(files) == len(names)


@pytest.mark.parametrize(("count", "found"), [(40, True), (41, False)])
def test_renames_among_too_many_files_are_looked_for_by_content_and_name_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch, count: int, found: bool
) -> None:
    """A file of its own content in each place, but for one that was edited and one that kept its name."""
    limited = [flag if flag != f"-l{PAIRED}" else "-l40" for flag in diffs.TREES]
    monkeypatch.setattr(diffs, "TREES", tuple(limited))
    edited = "".join(f"line {number}\n" for number in range(30))
    before = {f"old/{number}": plain(f"{number}\n" * 9) for number in range(count - 1)}
    after = {f"new/{number}": plain(f"other {number}\n" * 9) for number in range(count - 1)}
    before |= {"old/edited": plain(edited), "old/name.py": plain(edited * 2), "old/same": plain("same\n" * 30)}
    after |= {"new/other": plain(f"{edited}more\n"), "new/name.py": plain(f"{edited * 2}x\n")}
    after["new/moved"] = before["old/same"]
    files = compare(store.mirror, store.tree(before), store.tree(after))
    renamed = {file.path for file in files if file.status is FileStatus.RENAMED}
    assert renamed == {"new/name.py", "new/moved", *(["new/other"] if found else [])}


def test_the_reader_is_told_where_renames_may_be_missing() -> None:
    added, deleted = [FileStatus.ADDED] * PAIRED, [FileStatus.DELETED] * PAIRED
    assert not renames_unsought([*added, *deleted, FileStatus.RENAMED])
    assert renames_unsought([*added, *deleted, FileStatus.DELETED])


def test_the_users_own_diff_settings_do_not_matter(store: Store, home: Path) -> None:
    base, head = store.tree({"a": plain("a\n\nb\n")}), store.tree({"a": plain("a\n\nc\n")})
    expected = compare(store.mirror, base, head)
    (home / ".gitconfig").write_text(
        "[diff]\n\tnoprefix = true\n\tmnemonicPrefix = true\n\tcontext = 0\n\tsubmodule = log\n"
        "\tsuppressBlankEmpty = true\n\texternal = false\n\trenames = false\n[color]\n\tui = always\n"
    )
    assert compare(store.mirror, base, head) == expected


def test_large_diffs_are_quick(store: Store) -> None:
    lines = [f"line {n} {n * 7919 % 1000}\n" for n in range(100_000)]
    base = store.tree({"big": plain("".join(lines))})
    head = store.tree({"big": plain("".join(f"new {line}" if n % 3 else line for n, line in enumerate(lines)))})
    begin = time.perf_counter()
    (file,) = compare(store.mirror, base, head)
    assert time.perf_counter() - begin < 20  # 0.1 s on a machine that does nothing else
    assert file.additions == 66_666


PIECES = [b"a", b"dir", b"b c", b"\xff", b"n\nl", b'"q"', b"-x", b"\\", b"tab\t", b"\xc3\xa4"]
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map(lambda parts: os.fsdecode(b"/".join(parts)))
LINES = st.lists(
    st.sampled_from(
        [b"one\n", b"two\r\n", b"\n", b"\t x\n", b"caf\xe9\n", b"+plus\n", b"-- \n", b"diff --git \n", b"end"]
    ),
    max_size=12,
).map(b"".join)
CONTENT = st.one_of(LINES, LINES.map(lambda text: text * 4), st.binary(max_size=60))
ENTRY = st.one_of(
    st.tuples(st.sampled_from(["100644", "100755"]), CONTENT),
    st.tuples(st.just("120000"), st.sampled_from([b"target", b"../out", b"\xff"])),
    st.tuples(st.just(GITLINK), st.sampled_from([commit.encode() for commit in FAKE_COMMITS])),
)


def without_clashes(files: Trees) -> Trees:
    """A name can't be a file and a folder at once: the longer names go."""
    return {
        name: entry
        for name, entry in files.items()
        if not any("/".join(name.split("/")[:depth]) in files for depth in range(1, name.count("/") + 1))
    }


@st.composite
def pairs(draw: Callable[..., object]) -> tuple[Trees, Trees]:
    """Two trees; the second one keeps, moves, edits or drops what is in the first, and has things of its own."""
    before: Trees = draw(st.dictionaries(NAMES, ENTRY, max_size=6).map(without_clashes))  # type: ignore[assignment]
    after: Trees = draw(st.dictionaries(NAMES, ENTRY, max_size=3))  # type: ignore[assignment]
    for name, (mode, content) in before.items():
        fate = draw(st.sampled_from(["keep", "move", "edit", "mode", "drop"]))
        target = draw(NAMES) if fate == "move" else name
        assert isinstance(target, str)
        if fate == "drop":
            continue
        if fate == "edit" and mode.startswith("100"):
            content += b"more\n"
        if fate == "mode" and mode.startswith("100"):
            mode = "100755" if mode == "100644" else "100644"
        after[target] = (mode, content)
    return before, without_clashes(after)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(trees=pairs())
def test_the_patch_gives_exactly_the_head_tree(store: Store, trees: tuple[Trees, Trees]) -> None:
    before, after = trees
    base, head = store.tree(before), store.tree(after)
    files = compare(store.mirror, base, head)
    assert store.apply(base, patch(files)) == head
    for file in files:
        assert file.text.startswith(b"diff --git ")
        if file.status is not FileStatus.DELETED:
            assert after[file.path][0] == file.new_mode
        if file.status is not FileStatus.ADDED:
            assert before[file.old_path or file.path][0] == file.old_mode
