"""What tests may rely on: see conftest.py."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[1]


def test_the_environment_is_the_tests_own(home: Path) -> None:
    assert os.environ["HOME"] == str(home)
    assert Path.home() == home
    assert not [name for name in os.environ if name.startswith(("GIT_", "NARROWS_", "XDG_"))]
    assert time.tzname == ("UTC", "UTC")


def test_git_knows_a_user(home: Path) -> None:
    asked = subprocess.run(["git", "config", "user.email"], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "uma@example.org"


def test_a_page_works(page: Page) -> None:
    page.set_content("<h1>One change</h1>")
    assert page.get_by_role("heading").inner_text() == "One change"


@pytest.mark.tolerates("console", "script")
def test_a_page_may_provoke_what_it_names(page: Page) -> None:
    page.set_content("<script>console.error('wanted'); throw new Error('wanted too')</script>")


def test_asyncio_works_beside_the_browser() -> None:
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"


CONFTEST = """
import tests.conftest
from tests.conftest import _nothing_left_behind, _session_environment, browser, home, page, pytest_configure

tests.conftest.GRACE_SECONDS = 0.1
"""
TROUBLE = """
import subprocess

def test_console(page):
    page.set_content("<script>console.error('spoiled')</script>")

def test_script(page):
    page.set_content("<script>throw new Error('spoiled')</script>")

def test_policy(page):
    policy = '<meta http-equiv="Content-Security-Policy" content="script-src \\'none\\'">'
    page.set_content(policy + "<script>var ran</script>")

def test_server_error_and_missing_part(page):
    page.route("**/broken", lambda route: route.fulfill(status=503, body="no"))
    page.route("**/lost.css", lambda route: route.fulfill(status=404, body="no"))
    page.route("**/whole", lambda route: route.fulfill(body='<link rel="stylesheet" href="/lost.css">'
        '<iframe src="/broken"></iframe>', content_type="text/html"))
    page.goto("http://narrows.test/whole")

def test_stray():
    subprocess.run(["setsid", "--fork", "sleep", "300"], check=True)
"""


def test_trouble_on_a_page_and_strays_fail_their_tests(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_trouble.py").write_text(TROUBLE)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--basetemp={tmp_path / 'base'}",
        str(tmp_path),
    ]
    inner = subprocess.run(
        argv, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert inner.stdout.splitlines()[-1].startswith("5 passed, 5 errors"), inner.stdout
    for sentence in (
        "console: spoiled",
        "script: spoiled",
        "Content Security Policy",
        "5xx: 503 http://narrows.test/broken",
        "missing: 404 http://narrows.test/lost.css",
        "sleep 300",
    ):
        assert sentence in inner.stdout
