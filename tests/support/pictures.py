"""Pictures of the main pages, for README and docs: `make pictures` writes them to docs/pictures/.

They show a demo on a temporary folder, brought to telling states: an agent that is a script reads depths in more
units, is sent back with a comment, and answers it; another task asks for a report.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import browser as browsers
from tests.support.server import CHECKOUT, Server

FOLDER = CHECKOUT / "docs" / "pictures"
SCREEN = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
LARGEST = 300_000  # bytes

# Writes the units module and its tests; when it is sent back, the better one, with a reply to each comment.
AGENT = """
import os, pathlib, re, sys

told = sys.stdin.read()
here = pathlib.Path(__file__).parent
if "NARROWS_REPORT" in os.environ and "research" in told:
    pathlib.Path(os.environ["NARROWS_REPORT"]).write_text((here / "report.md").read_text())
    print("The report is written.")
    raise SystemExit
comments = re.findall(r"^## Comment (\\d+) ", told, re.MULTILINE)
version = "second" if comments else "first"
for name in ("units.py", "test_units.py"):
    target = pathlib.Path("tests" if name.startswith("test") else "tidewater") / name
    target.write_text((here / version / name).read_text())
if comments:
    print("Depths are split by one pattern now, and nonsense is named in the error.")
    for number in comments:
        print(f"\\nComment {number}: fixed: one pattern reads number and unit, whatever is between them.")
else:
    print("`parse_depth` knows fathoms, and reads a number and its unit with or without a space.")
"""
FIRST = """import re

UNITS = {"m": 1.0, "ft": 0.3048, "fm": 1.8288}


def metres(feet):
    return feet * UNITS["ft"]


def feet(metres):
    return metres / UNITS["ft"]


def parse_depth(text):
    found = re.match("([0-9.]+) *([a-z]+)", text)
    number, unit = found.groups()
    if unit not in UNITS:
        raise ValueError(f"unknown unit: {unit}")
    return float(number) * UNITS[unit]
"""
SECOND = '''import re

UNITS = {"m": 1.0, "ft": 0.3048, "fm": 1.8288}
DEPTH = re.compile(r"(\\d+(?:\\.\\d+)?)\\s*([a-z]+)")


def metres(feet):
    return feet * UNITS["ft"]


def feet(metres):
    return metres / UNITS["ft"]


def parse_depth(text):
    """Metres in a text like "3 m", "10ft" or "2 fm"."""
    found = DEPTH.fullmatch(text.strip())
    if not found:
        raise ValueError(f"no depth: {text!r}")
    number, unit = found.groups()
    if unit not in UNITS:
        raise ValueError(f"unknown unit: {unit}")
    return float(number) * UNITS[unit]
'''
TESTS = """import unittest

from tidewater.units import feet, metres, parse_depth


class UnitsTest(unittest.TestCase):
    def test_there_and_back(self):
        self.assertAlmostEqual(feet(metres(12)), 12)

    def test_depths_are_read_in_any_unit(self):
        for text, expected in (("3 m", 3.0), ("10ft", 3.048), ("2 fm", 3.6576)):
            self.assertAlmostEqual(parse_depth(text), expected)


if __name__ == "__main__":
    unittest.main()
"""
NONSENSE = """
    def test_nonsense_is_named(self):
        with self.assertRaisesRegex(ValueError, "no depth: 'deep'"):
            parse_depth("deep")
"""
REPORT = """# Where do the depths come from?

`Harbour.depth` is set by hand in **three places**, in metres. Nothing reads a chart.

| place | unit | source |
|---|---|---|
| `tidewater/tides.py` | metres | the caller |
| `tests/test_tides.py` | metres | made up |
| the table's reader | feet or metres | a text file |

## What to do

- [ ] Give `Harbour` a constructor that reads its depth with `parse_depth`.
- [ ] Say in the README which datum depths are below.
- Keep metres inside; it is what `height` gives.
"""
BRIEF = """Pilots write depths as `2 fm` and as `10ft`. `parse_depth` takes neither.

It should read metres, feet and fathoms, with or without a space."""
EXAMPLES = '- `parse_depth("10ft")` gives 3.048\n- `parse_depth("2 fm")` gives 3.6576'
COMMENT = 'What about `"deep"`? `found` is None then, and the error says nothing of depths.'


def write_agent(folder: Path) -> list[str]:
    """The script that is the agent, with what it writes; its command."""
    more = TESTS.replace("\n\nif __name__", f"{NONSENSE}\n\nif __name__")
    files = {
        "agent.py": AGENT,
        "report.md": REPORT,
        "first/units.py": FIRST,
        "first/test_units.py": TESTS,
        "second/units.py": SECOND,
        "second/test_units.py": more,
    }
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return [sys.executable, str(folder / "agent.py")]


def in_review(server: Server, task: int, revision: int = 1) -> int:
    """The task's change, once that revision of it was checked and waits for its reader."""

    def look() -> int | None:
        for change in server.get(f"/api/tasks/{task}")["changes"]:
            assert change["state"] != "needs_attention", change["note"]
            seen = server.get(f"/api/changes/{change['id']}")
            if change["state"] == "in_review" and seen["revisions"][-1]["number"] == revision:
                return int(change["id"])
        return None

    return server.until(look)


def file_task(server: Server, **more: object) -> int:
    project = server.get("/api/projects")[0]["id"]
    return int(server.post("/api/tasks", {"project_id": project, "agent": "writer", "priority": 5, **more})["id"])


@contextmanager
def opened(browser: Browser, server: Server, size: dict[str, int], scheme: str = "light") -> Iterator[Page]:
    """A page that is past the gate, as wide and as light as said."""
    phone = size is PHONE
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2 if phone else 1,
        has_touch=phone,
        reduced_motion="reduce",
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(server.link)
    yield page
    context.close()


def take(page: Page, server: Server, path: str, name: str, top: str = "", within: int = 0) -> None:
    """A picture of a page from where `top` stands, `within` pixels below the window's upper edge."""
    page.goto(server.link.partition("/?")[0] + path)
    page.wait_for_load_state("load")
    page.wait_for_function("() => !document.querySelector('.rows[hx-get], .file.later[open]')")
    if top:
        page.locator(top).first.evaluate(
            "(element, within) => scrollTo(0, element.getBoundingClientRect().top + scrollY - within)", within
        )
    page.evaluate("document.fonts.ready")
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file)
    assert file.stat().st_size <= LARGEST, f"{file} is too large"
    print(file.relative_to(CHECKOUT), f"{file.stat().st_size / 1000:.0f} kB")


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="narrows-pictures-") as name, sync_playwright() as playwright:
        argv = write_agent(Path(name) / "writer")
        browser = playwright.chromium.launch(executable_path=browsers.chromium(), args=browsers.flags())
        home = {"HOME": name, "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}
        with Server(Path(name) / "data", command="demo", env={**os.environ, **home}) as server:
            server.post("/api/agents", {"name": "writer", "family": "command", "argv": argv})
            take_all(server, browser)
        browser.close()
    return 0


def take_all(server: Server, browser: Browser) -> None:
    units = file_task(server, title="Read depths in fathoms, too", brief=BRIEF, examples=EXAMPLES)
    change = in_review(server, units)
    for task in server.get("/api/tasks"):
        in_review(server, task["id"])
    here = f"/changes/{change}"
    with opened(browser, server, SCREEN) as page:
        take(page, server, "/", "desk")
        take(page, server, f"{here}?view=split", "diff-split", ".diff-head", 16)
    with opened(browser, server, SCREEN, "dark") as page:
        take(page, server, here, "dark", ".diff-head", 320)

    where = {"revision": 1, "path": "tidewater/units.py", "line": 15, "end_line": 16}
    server.post(f"/api/changes/{change}/comments", {**where, "body": COMMENT})
    server.post(f"/api/changes/{change}/reviews", {"revision": 1, "verdict": "request_changes", "message": ""})
    in_review(server, units, revision=2)
    research = file_task(server, title="Where do the depths come from?", kind="research", brief="Who sets them?")
    reported = in_review(server, research)
    with opened(browser, server, SCREEN) as page:
        take(page, server, here, "since", ".diff", 16)
        take(page, server, f"/changes/{reported}", "report")
    with opened(browser, server, PHONE) as page:
        take(page, server, here, "phone", ".diff-head", 16)


if __name__ == "__main__":
    sys.exit(main())
