"""What it costs the server to make a change readable, beside the highlighter's own time on the same files in one run.

`python -m tests.bench.preparation` prints it. The files are SQLAlchemy's, as they are installed here, and an edited
copy of each; the server is a process of its own.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from server.domain.diff import Comparison
from server.git import blobs
from server.services import changes, comparisons, projects, renderings, revisions
from server.services.narrows import Narrows
from tests.services.workshop import Workshop
from tests.support.house import narrows_in
from tests.support.repositories import Repository
from tests.support.server import Server

PACKAGE = "sqlalchemy"
SMALLEST = 2_000  # bytes of a file that counts
GOES = 3
VISITS = 40
EDITED = 0.06  # of the lines
EVERY = 3  # file is edited, of them

failures: list[str] = []


def report(name: str, value: float, limit: float | None, unit: str, detail: str = "") -> None:
    """One line of the result."""
    if limit is not None and value > limit:
        failures.append(name)
    asked = "" if limit is None else f"asked ≤ {limit:g}" + (" MISSED" if value > limit else "")
    print(f"{name:<52} {value:9.2f} {unit:<6} {asked:<18} {detail}", flush=True)


def sources() -> dict[str, str]:
    """Real code, by its name."""
    found = find_spec(PACKAGE)
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent
    files = sorted(file for file in folder.rglob("*.py") if file.stat().st_size >= SMALLEST)
    return {f"{PACKAGE}/{file.relative_to(folder)}": file.read_text() for file in files}


def edited(text: str, chance: random.Random) -> str:
    """The text after a day's work: words replaced, lines taken out and put in, a block moved."""
    lines = text.splitlines(keepends=True)
    for _ in range(max(1, int(len(lines) * EDITED / 3))):
        place = chance.randrange(len(lines))
        way = chance.randrange(3)
        if way == 0 and (words := lines[place].split()):
            lines[place] = lines[place].replace(chance.choice(words), f"renamed_{chance.randrange(99)}", 1)
        elif way == 1:
            del lines[place : place + chance.randrange(1, 4)]
        else:
            lines[place:place] = [f"    added_{place} = {n}\n" for n in range(chance.randrange(1, 4))]
    start = chance.randrange(max(1, len(lines) - 20))
    block = lines[start : start + 8]
    del lines[start : start + 8]
    return "".join(lines + block)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def changed(folder: Path) -> Iterator[tuple[Narrows, Comparison]]:
    """A Narrows with one change in review that edits every third file and adds some."""
    chance = random.Random(1)
    base = sources()
    names = sorted(base)
    repository = Repository.make(folder, files=base)
    head = {name: edited(base[name], chance) for name in names[::EVERY]}
    head |= {f"added/{n}.py": base[name] for n, name in enumerate(names[1 :: EVERY * 8])}
    with narrows_in(folder, budget=0) as narrows:
        project = projects.register(narrows, str(repository.path))
        change = Workshop(narrows, project).change(head)
        revision = revisions.of_change(narrows, change.id)[-1]
        yield narrows, comparisons.of(narrows, changes.get(narrows, change.id), revision)


def measure_preparation(narrows: Narrows, comparison: Comparison) -> None:
    """All that is made of a revision, and what pygments takes for the same files, turn by turn."""
    files = comparisons.files(narrows, comparison)
    wanted = {blob for file in files for blob in (file.old_blob, file.new_blob)}
    texts = [content.decode() for content in blobs.read(narrows.mirror(comparison.project_id), wanted).values()]
    lines = sum(text.count("\n") for text in texts)
    changed_lines = sum((file.additions or 0) + (file.deletions or 0) for file in files)
    print(f"{len(files)} files, {changed_lines:,} changed lines, {lines:,} lines to colour on both sides\n")
    tokens, page, ours = [], [], []
    for _ in range(GOES):
        tokens.append(seconds(lambda: [deque(PythonLexer().get_tokens_unprocessed(text), 0) for text in texts]))
        page.append(seconds(lambda: [highlight(text, PythonLexer(), HtmlFormatter(nowrap=True)) for text in texts]))
        forget(narrows)
        ours.append(seconds(lambda: renderings.prepare(narrows, comparison)))
    again = seconds(lambda: renderings.prepare(narrows, comparison))
    report("pygments: tokens alone", statistics.median(tokens), None, "s", f"{lines / min(tokens):,.0f} lines/s")
    report("pygments: as HTML", statistics.median(page), None, "s")
    report("the whole preparation", statistics.median(ours), None, "s", "colours, words, moves, HTML, kept")
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, page, strict=True))
    report("preparation / pygments as HTML", ratio, 2, "times")
    strict = statistics.median(mine / theirs for mine, theirs in zip(ours, tokens, strict=True))
    report("preparation / pygments' tokens alone", strict, 2, "times")
    report("preparing again what is prepared", 1000 * again, None, "ms")


def forget(narrows: Narrows) -> None:
    for file in narrows.settings.data.glob("renderings.db*"):
        file.unlink()


class Visitor:
    """Asks a server as a browser would, on one connection, and says how long it took."""

    def __init__(self, server: Server) -> None:
        address = urlsplit(server.link)
        assert address.hostname is not None
        self._connection = HTTPConnection(address.hostname, address.port)
        self._headers = {"Authorization": f"Bearer {address.query.removeprefix('token=')}"}

    def visits(self, path: str, **headers: str) -> tuple[float, float, int]:
        """Milliseconds to the first byte of the answer's body and to its end, and how many bytes it had."""
        began = time.perf_counter()
        spoken = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", path, headers=self._headers | spoken)
        answer = self._connection.getresponse()
        assert answer.status == 200, (path, answer.status)
        first = answer.read(1)
        at_first = time.perf_counter()
        size = len(first) + len(answer.read())
        return 1000 * (at_first - began), 1000 * (time.perf_counter() - began), size

    def peeks(self, path: str) -> float:
        """Milliseconds until a piece of a page is there."""
        return self.visits(path, HX_Request="true", HX_Request_Type="partial")[1]


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1) + 0.5)]


def measure_server(data: Path, files: Sequence[int], forget: Callable[[], None]) -> None:
    """The page of the change with everything kept, then each file's piece with nothing kept."""
    with Server(data, env={"NARROWS_WORKER": "off"}) as server:
        visitor = Visitor(server)
        visitor.visits("/changes/1")
        visits = [visitor.visits("/changes/1") for _ in range(VISITS)]
        firsts, ends = [visit[0] for visit in visits], [visit[1] for visit in visits]
        size = f"the whole page: {statistics.median(ends):.0f} ms, {visits[0][2] / 1e6:.1f} MB"
        report("first byte, the diff stored: median", statistics.median(firsts), 30, "ms", size)
        report("first byte, the diff stored: p95", percentile(firsts, 0.95), None, "ms")
        kept = [visitor.peeks(f"/changes/1/revisions/1/files/{position}") for position in files]
        report("a prepared file's piece: p95", percentile(kept, 0.95), None, "ms")
        forget()
        cold = [visitor.peeks(f"/changes/1/revisions/1/files/{position}") for position in files]
        report("a cold file's piece: median", statistics.median(cold), None, "ms", "plain where colouring takes long")
        report("a cold file's piece: p95", percentile(cold, 0.95), 200, "ms")
        forget()
        patient = [visitor.peeks(f"/changes/1/revisions/1/files/{position}?patient=1") for position in files]
        report("a cold file's piece in colour: median", statistics.median(patient), None, "ms")
        report("a cold file's piece in colour: p95", percentile(patient, 0.95), None, "ms")
        forget()
        first, whole, _ = visitor.visits("/changes/1")
        report("a cold change's first byte", first, None, "ms", f"the whole page: {whole:.0f} ms")


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with changed(folder) as (narrows, comparison):
            measure_preparation(narrows, comparison)
            positions = [row.position for row in comparisons.outline(narrows, comparison)]
            data = narrows.settings.data
        measure_server(data, positions, lambda: forget(narrows))
    print(f"\nmissed: {', '.join(failures)}" if failures else "\nall kept")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
