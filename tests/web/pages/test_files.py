"""The files of a change, as they are loaded: whatever they are, it is seen that they changed, and how."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pytest

from server.domain.project import Project
from server.domain.states import RunState
from server.git import mirrors, worktrees
from server.reading import rows
from server.reading.rows import RowKind
from server.services import changes, colouring, comparisons, reviews, revisions, runs, tasks
from server.services.narrows import Narrows
from tests.reading.test_images import PNG, SVG
from tests.support.repositories import Repository
from tests.web.conftest import Worker
from tests.web.pages.conftest import HTMX, Desk, Person

LINES = [f"line {n}\n" for n in range(1, 101)]


def test_all_files_of_a_change_stand_on_its_page(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds("Many", {f"src/f{n}.py": f"x = {n}\n" * (9 - n) for n in range(5)})
    page = person.reads("/")
    assert page.count('<div class="rows unified"') == 5
    alone = person.reads(f"/changes/{change}/revisions/1/files/4")
    assert "<html" in alone
    assert "src/f4.py" in alone
    assert '<div class="r a" data-n="5">' in alone


def test_generated_files_are_folded_and_last(person: Person, on_desk: Desk) -> None:
    on_desk.holds("Locks", {"Cargo.lock": "a\n" * 50, "src/new.py": "x = 1\n"})
    page = person.reads("/")
    assert page.index('id="file-1"') < page.index('id="file-0"')
    assert "lock file, folded" in page


def test_a_large_file_comes_in_pieces_and_nothing_is_left_out(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds("Large", {"data.txt": "".join(f"row {n}\n" for n in range(7000))})
    path = f"/changes/{change}/revisions/1/files/0"
    seen, pieces, at = "", 0, path
    while at:
        piece = person.peeks(at)
        seen, pieces = seen + piece, pieces + 1
        found = re.search(r'<a class="skeleton[^>]*href="([^"]*from=\d+)"', piece)
        at = found[1] if found else ""
    assert pieces == 3
    found_rows = [row for row in rows.lines_of_html(seen) if row.kind is RowKind.ADDED]
    assert [row.text for row in found_rows] == [f"row {n}" for n in range(7000)]
    assert seen.count('class="above"') == 1


def test_a_file_that_takes_long_comes_plain_and_asks_for_its_colours(
    person: Person, on_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colouring, "AT_ONCE", 10)
    change = on_desk.holds("Large", {"app.py": "x = 1\n" * 20})
    path = f"/changes/{change}/revisions/1/files/0"
    plain = person.peeks(path)
    assert "<i class=tn>" not in plain
    asked = re.search(r'hx-get="([^"]*patient=1)"', plain)
    assert asked
    coloured = person.peeks(asked[1])
    assert "<i class=tn>" in coloured
    assert "patient=1" not in coloured
    assert "<i class=tn>" in person.reads(path), "a page of its own waits for its colours"


def test_as_the_address_asks(person: Person, on_desk: Desk, repository: Repository) -> None:
    repository.commit("base", {"app.txt": "".join(LINES)})
    indented = "".join([" " + line if n == 50 else line for n, line in enumerate(LINES, 1)])
    change = on_desk.holds("Indent", {"app.txt": indented})
    path = f"/changes/{change}/revisions/1/files/0"
    assert 'class="p"' not in person.peeks(path)
    assert '<div class="p"><div class="r d" data-o="50">' in person.peeks(f"{path}?view=split")
    assert "Only white space changed." in person.peeks(f"{path}?whitespace=off")
    assert person.reads(f"{path}?view=round", 422)
    assert person.reads(f"/changes/{change}/revisions/1/files/99", 404)
    assert person.reads(f"/changes/{change}/revisions/7/files/0", 404)


def test_lines_around_what_changed(person: Person, on_desk: Desk, repository: Repository) -> None:
    repository.commit("base", {"app.txt": "".join(LINES)})
    change = on_desk.holds("Edit", {"app.txt": "".join(LINES).replace("line 50\n", "line fifty\n")})
    path = f"/changes/{change}/revisions/1/files/0"
    above = rows.lines_of_html(person.peeks(f"{path}/context?new=27&count=20"))
    assert [(row.old, row.new, row.text) for row in above] == [(n, n, f"line {n}") for n in range(27, 47)]
    assert '<div class="p">' in person.peeks(f"{path}/context?new=27&count=20&view=split")
    without_script = person.client.get(f"{path}/context?new=27&count=20")
    assert without_script.headers["location"] == f"{path}?context=all"
    whole = person.reads(f"{path}?context=all")
    assert [row.new for row in rows.lines_of_html(whole) if row.kind is RowKind.SAME] == [
        n for n in range(1, 101) if n != 50
    ]
    assert "Only what changed" in whole
    assert person.peeks(f"{path}/context?new=0", 422)
    assert person.peeks(f"{path}/context?new=1&count=1000000", 422)


def test_a_comment_on_a_line_that_is_not_shown_stands_under_it_in_the_whole_file(
    person: Person, on_desk: Desk, repository: Repository, narrows: Narrows
) -> None:
    repository.commit("base", {"app.txt": "".join(LINES)})
    change = on_desk.holds("Edit", {"app.txt": "".join(LINES).replace("line 50\n", "line fifty\n")})
    reviews.comment(narrows, change, revision=1, path="app.txt", line=5, body="Look here")
    path = f"/changes/{change}/revisions/1/files/0"
    assert person.peeks(path).index("Look here") < person.peeks(path).index('class="rows')
    whole = person.reads(f"{path}?context=all")
    assert whole.index("line 5<") < whole.index("Look here") < whole.index("line 6<")


# What files can be


@dataclass(frozen=True)
class Bench:
    """Where a change is made of whatever a worktree can hold."""

    narrows: Narrows
    worker: Worker
    project: Project
    person: Person

    def tree(self) -> Path:
        tasks.file(self.narrows, project_id=self.project.id, title="All sorts")
        self.worker.admit()
        tree, mirror = self.narrows.tree(self.project.id, 1), self.narrows.mirror(self.project.id)
        worktrees.prepare(mirror, tree, mirrors.fetch(Path(self.project.path), mirror, "main"))
        return tree

    def hand_in(self) -> None:
        (run,) = runs.of_change(self.narrows, 1)
        revisions.take(self.narrows, run.id, summary="", report=None)
        runs.end(self.narrows, run.id, self.worker.name, runs.Ending(RunState.SUCCEEDED))
        runs.decide(self.narrows, run.id)

    def reads(self, name: str, query: str = "") -> str:
        """The file's own page, by its name now or before."""
        change, revision = changes.get(self.narrows, 1), revisions.get(self.narrows, 1, 1)
        compared = comparisons.of(self.narrows, change, revision)
        position = comparisons.find_position(self.narrows, compared, name)
        return self.person.reads(f"/changes/1/revisions/1/files/{position}{query}")


@pytest.fixture
def bench(narrows: Narrows, worker: Worker, project: Project, person: Person) -> Bench:
    return Bench(narrows, worker, project, person)


def test_every_oddity_is_seen_as_a_change(bench: Bench, repository: Repository) -> None:
    wide = "text\n".encode("utf-16")
    repository.write("link", "").unlink()
    (repository.path / "link").symlink_to("README.md")
    (repository.path / "turns").symlink_to("README.md")
    repository.commit(
        "base",
        {
            "moved.txt": "".join(LINES),
            "same.txt": "one\ntwo\nthree\n",
            "run.sh": "echo\n",
            "empty-before": "",
            "data.bin": b"\0\1\2",
            "picture.png": PNG,
            "drawn.svg": SVG,
            "wide.txt": wide,
            "crlf.txt": "a\r\nb\r\n",
            "latin.txt": b"caf\xe9\n",
            "ended.txt": "x\n",
            "long.js": "x" * 30_000 + "\n",
            "becomes": "a file\n",
        },
    )
    tree = bench.tree()
    (tree / "moved.txt").write_text("".join(LINES).replace("line 50\n", "line fifty\n"))
    (tree / "moved.txt").rename(tree / "went.txt")
    (tree / "same.txt").rename(tree / "same here.txt")
    (tree / "run.sh").chmod(0o755)
    (tree / "empty-before").write_text("no more\n")
    (tree / "empty-now").touch()
    (tree / "data.bin").write_bytes(b"\0\1\2\3")
    (tree / "picture.png").write_bytes(PNG + b"\0")
    (tree / "drawn.svg").write_bytes(SVG + b"\n<!-- more -->\n")
    (tree / "wide.txt").write_bytes("text, changed\n".encode("utf-16"))
    (tree / "crlf.txt").write_bytes(b"a\nb\n")
    (tree / "latin.txt").write_bytes(b"th\xe9\n")
    (tree / "ended.txt").write_text("x")
    (tree / "long.js").write_text("x" * 15_000 + "here" + "x" * 15_000 + "\n")
    (tree / "link").unlink()
    (tree / "link").symlink_to("src/app.py")
    (tree / "turns").unlink()
    (tree / "turns").write_text("a file now\n")
    (tree / "becomes").unlink()
    (tree / "becomes").mkdir()
    (tree / "becomes/inside").write_text("in a folder\n")
    (tree / os.fsdecode(b"na\xffme")).write_text("bytes\n")
    (tree / "new\nline").write_text("named\n")
    bench.hand_in()
    page = bench.person.reads("/changes/1")
    for name, said in {
        "went.txt": ("moved.txt</bdi> →", "% the same", ">fifty</span>"),
        "same here.txt": ("same.txt</bdi> →", "Moved; the content is the same."),
        "run.sh": ("file becomes executable", "Only the mode changed."),
        "empty-before": ("no more",),
        "empty-now": ("An empty file.",),
        "data.bin": ("A binary file: 3 bytes before, 4 bytes now.",),
        "picture.png": ("Before: 29 bytes, 640 × 480", "After: 30 bytes, 640 × 480", "side=old", "side=new"),
        "drawn.svg": ("<!-- more -->", "side=old", "side=new"),
        "wide.txt": ("A text in UTF-16, which is binary to git: 12 bytes before, 30 bytes now.",),
        "crlf.txt": ("Only line ends changed: CRLF became LF.", ">^M</span>"),
        "latin.txt": ("Some bytes here are no UTF-8", "\\xE9</span>"),
        "ended.txt": ('<i class="end"></i>',),
        "long.js": ('<span class="word">here</span>', '<details class="rest">'),
        "link": ("The link pointed to README.md, and points to src/app.py now.",),
        "turns": ("It was a symbolic link, and is a file now.", "a file now"),
        "becomes": ("deleted", "a file"),
        "becomes/inside": ("in a folder",),
        "na\\xffme": ("bytes",),
        "new\nline": ("named",),
    }.items():
        alone = bench.reads(name)
        for words in said:
            assert words in alone, (name, words)
    assert page.count('<details class="file"') == 19


def test_a_submodule_says_its_commits(bench: Bench, repository: Repository, tmp_path: Path, narrows: Narrows) -> None:
    library = Repository.make(tmp_path, "library")
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
    (tmp_path / "home").mkdir()
    first, second = library.head, library.commit("more", {"more.txt": "more\n"})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{first},lib")
    repository.git("commit", "-q", "-m", "with a library")
    tree = bench.tree()
    (run,) = runs.of_change(narrows, 1)
    mirror = narrows.mirror(bench.project.id)
    assert mirror.exists()
    shutil.rmtree(tree / "lib", ignore_errors=True)
    shutil.copytree(library.path, tree / "lib")
    bench.hand_in()
    alone = bench.reads("lib")
    assert run.id == 1
    assert f"The submodule was at commit {first[:12]}, and is at {second[:12]} now." in alone


def test_pictures_are_sent_as_nothing_but_pictures(person: Person, on_desk: Desk) -> None:
    change = on_desk.holds(
        "Pictures", {"a.png": PNG, "b.svg": SVG + b"<script>x</script>", "c.png": b"MZ\0 no picture"}
    )
    path = f"/changes/{change}/revisions/1/files"
    png = person.client.get(f"{path}/0/image?side=new")
    assert (png.content, png.headers["content-type"]) == (PNG, "image/png")
    svg = person.client.get(f"{path}/1/image?side=new")
    assert svg.headers["content-type"] == "image/svg+xml"
    for answer in (png, svg):
        assert "sandbox" in answer.headers["content-security-policy"]
        assert "script" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == "attachment"
    person.reads(f"{path}/2/image?side=new", 404)
    person.reads(f"{path}/0/image?side=old", 404)
    person.reads(f"{path}/0/image?side=other", 422)


def test_names_and_targets_are_no_markup(bench: Bench) -> None:
    tree = bench.tree()
    (tree / "<b>bold").symlink_to("<script>alert(1)</script>")
    bench.hand_in()
    answer = bench.person.client.get("/changes/1/revisions/1/files/0", headers=HTMX).text
    assert escape("The link points to <script>alert(1)</script>.") in answer
    assert "<script>alert" not in answer
