"""What pages load: kept for good under its version, small on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable

from fastapi import FastAPI
from starlette.testclient import TestClient

from server import assets
from server.web import pages, static_files


def test_a_page_names_versions_that_may_be_kept_for_good(app: FastAPI, script: TestClient) -> None:
    pages.install(app)
    page = script.get("/projects").text
    named = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', page))
    assert len(named) > 15
    for path in named:
        answer = script.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.content == (assets.static() / path.rsplit("/", 1)[1]).read_bytes()


def test_modules_are_sent_as_scripts_and_compressed_to_whoever_can_read_that(
    app: FastAPI, visitor: Callable[..., TestClient], script: TestClient
) -> None:
    pages.install(app)
    path = static_files.asset("reading.js")
    answer = script.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"
    plain = script.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    assert script.get(static_files.asset("nothing.js")).status_code == 404
    assert script.get(static_files.asset("../pyproject.toml")).status_code == 404


def test_all_of_the_script_is_small() -> None:
    """At most 60 KB, htmx with its extension included."""
    sent = [file.compressed for name, file in static_files._files().items() if name.endswith(".js")]
    used = sum(map(len, sent)) - len(static_files._files()["htmx-4.0.1-csp.min.js"].compressed)
    print(f"{used / 1000:.1f} KB of script, compressed")
    assert used <= 60_000
