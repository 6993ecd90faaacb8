"""Secrets in added lines; what is found is never said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from server.domain.flag import FlagKind
from server.reading.evidence import secrets
from tests.reading.evidence.made import change

# In two parts, so that no scanner takes this file for a leak.
AWS = "AKIA" + "QWERTYUIOPASDFGH"
GITHUB = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
RANDOM = "c3VwZXIgbG9uZyBzdHJpbmcg" + "c2hvdWxkIGNhdXNlIGVub3VnaCBlbnRyb3B5"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("app.py", f"key = '{AWS}'"),
        ("app.py", f"key = '{AWS}'  # pragma: allowlist secret"),
        ("tests/test_app.py", f"token = '{GITHUB}'"),
        ("docs/key.pem", KEY),
        ("app.py", f"client = connect('{AWS}')"),
        ("settings.py", "DB_PASSWORD = 'tr0ub4dor&3-x9'"),
        ("settings.py", "URL = 'postgres://admin:tr0ub4dor-3x9@db.internal/live'"),
        ("deploy.js", f'const token = "{RANDOM}";'),
    ],
)
def test_a_secret_is_found_where_it_was_added_and_not_repeated(path: str, line: str) -> None:
    [found] = secrets.find(change({path: ("first\n", f"first\n{line}\n")}))
    assert (found.kind, found.path, found.line) == (FlagKind.SECRET, path, 2)
    assert not any(word in found.sentence for word in (AWS, GITHUB, RANDOM, "tr0ub4dor"))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("app.py", "password = os.environ['PASSWORD']"),
        ("app.py", "password = get_password(user)"),
        ("app.py", "password = '${PASSWORD}'"),
        ("app.py", "password = 'changeme'"),
        ("app.py", "sha = '2c31603042a1b2c3d4e5f60718293a4b5c6d7e8f'"),
        ("app.py", "host = '93.184.216.34'"),
        ("tests/test_app.py", "client.login(password='tr0ub4dor&3-x9')"),
        ("docs/use.md", "    Client('https://me:tr0ub4dor-3x9@example.org')"),
        ("package-lock.json", f'"integrity": "{RANDOM}"'),
        ("dist/app.min.js", f"key='{AWS}'"),
        ("app.py", "x" * 2_000 + AWS),
    ],
)
def test_what_only_looks_like_one_is_not(path: str, line: str) -> None:
    assert list(secrets.find(change({path: ("", f"{line}\n")}))) == []


def test_a_secret_that_goes_away_is_none_and_many_are_a_few() -> None:
    assert list(secrets.find(change({"app.py": (f"key = '{AWS}'\n", "key = load()\n")}))) == []
    assert len(list(secrets.find(change({"app.py": ("", f"key = '{AWS}'\n" * 40)})))) == secrets.MOST


def test_where_there_is_too_much_to_look_through_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "WORK", 30)
    [found] = secrets.find(change({"a.py": ("", "x = 1\ny = 2\n"), "b.py": ("", f"key = '{AWS}'\n")}))
    assert (found.path, found.line) == ("a.py", 2)
    assert "nobody looked" in found.sentence


def test_the_library_comes_without_a_word_whatever_other_threads_do_to_the_filters() -> None:
    program = (
        "import logging, warnings; from server.reading.evidence import secrets;"
        "warnings.simplefilter = lambda *_, **__: None;"  # as where another thread takes a filter back at once
        "logging.basicConfig(); secrets._plugins()"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stderr == ""
