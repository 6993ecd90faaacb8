"""Start an installed `narrows demo`, look at what it serves, stop it: `started_wheel.py NARROWS FOLDER`.

Runs on the standard library alone, with the installed environment's own Python.
"""
# ruff: noqa: T201

from __future__ import annotations

import queue
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from contextlib import closing
from http.cookiejar import CookieJar
from pathlib import Path

import server.assets

URL = re.compile(r"http://127\.0\.0\.1:\d+/\?token=\S+")
ASSET = re.compile(r'(?:href|src)="(/static/[^"#]+)')
START_SECONDS = 60
STOP_SECONDS = 3


def main(narrows: str, folder: Path) -> None:
    for assets in (server.assets.templates(), server.assets.static(), server.assets.migrations()):
        assert assets.is_relative_to(folder), f"{assets} is not the wheel's own"
    data = folder / "data"
    # Started in the background, a script's children ignore SIGINT; a handler here gives it back to the server.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    argv = [narrows, "demo", "--no-browser", "--port", "0", "--data", str(data)]
    environment = {"HOME": str(folder), "PATH": f"{Path(narrows).parent}:/usr/local/bin:/usr/bin:/bin"}
    with subprocess.Popen(argv, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        urls: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=follow, args=[process, urls])
        reader.start()
        try:
            url = urls.get(timeout=START_SECONDS)
            assert url, f"no address was printed, exit {process.wait()}"
            look(url)
            assert migrated(data / "narrows.db"), "no migration has run"
            stop(process)
        finally:
            process.kill()
            reader.join()


def follow(process: subprocess.Popen[str], urls: queue.Queue[str | None]) -> None:
    """Pass the output on, and every address with its token; None when it ends."""
    assert process.stdout is not None
    for line in process.stdout:
        print(" ", line.rstrip())
        if found := URL.search(line):
            urls.put(found.group())
    urls.put(None)


def look(url: str) -> None:
    """Open the page as a browser does, and everything of ours that it names."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page = read(browser, url)
    assert "<title" in page, "the page has no title"
    assets = set(ASSET.findall(page))
    assert any(".css" in asset for asset in assets), "the page names no style sheet"
    assert any(".js" in asset for asset in assets), "the page names no script"
    for asset in sorted(assets):
        print(f"  {asset}: {len(read(browser, urllib.parse.urljoin(url, asset)))} characters")


def read(browser: urllib.request.OpenerDirector, url: str) -> str:
    with browser.open(url, timeout=10) as answer:
        text: str = answer.read().decode()
    assert text, f"{url} is empty"
    return text


def migrated(database: Path) -> bool:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return bool(connection.execute("select count(*) from alembic_version").fetchone()[0])


def stop(process: subprocess.Popen[str]) -> None:
    """Interrupt it as Ctrl-C does."""
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    code = process.wait(STOP_SECONDS)
    print(f"  stopped in {time.monotonic() - asked:.1f} s")
    assert code == 0, f"stopped with exit {code}"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve())
