from __future__ import annotations

import stat
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from sqlalchemy import make_url

from server.domain.errors import Invalid
from server.settings import Settings


def load(home: Path, *, flags: dict[str, object] | None = None, **environ: str) -> Settings:
    return Settings.load(flags, {"HOME": str(home), **environ})


def configure(data: Path, text: str) -> Path:
    data.mkdir(exist_ok=True)
    (data / "config.toml").write_text(text)
    return data


def test_with_nothing_set_everything_lies_in_the_users_own_data_folder(tmp_path: Path) -> None:
    settings = load(tmp_path)
    data = tmp_path / ".local/share/narrows"
    assert settings == Settings(data=data)
    assert (settings.host, settings.port, settings.agents, settings.budget) == ("127.0.0.1", 4747, 4, 30)
    assert make_url(settings.database_url).database == str(data / "narrows.db")
    assert make_url(settings.engine_database_url).database == str(data / "engine.db")
    assert settings.open_browser
    assert settings.worker


def test_the_data_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    settings = load(tmp_path)
    inner = (settings.mirrors, settings.worktrees, settings.runs, settings.logs, settings.backups)
    for folder in (settings.data, *inner):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in (settings.token_file, settings.lock_file, settings.server_file):
        assert file.parent == settings.data
        assert not file.exists()


def test_xdg_says_where_data_goes_unless_it_is_relative(tmp_path: Path) -> None:
    assert load(tmp_path, XDG_DATA_HOME=str(tmp_path / "share")).data == tmp_path / "share/narrows"
    assert load(tmp_path, XDG_DATA_HOME="share").data == tmp_path / ".local/share/narrows"


def test_flags_win_over_the_environment_which_wins_over_the_file(tmp_path: Path) -> None:
    data = configure(tmp_path / "data", "port = 1\nagents = 1\nbudget = 1\n")
    settings = load(
        tmp_path,
        flags={"data": data, "port": 3, "agents": None},
        NARROWS_DATA=str(tmp_path / "elsewhere"),
        NARROWS_PORT="2",
        NARROWS_AGENTS="2",
    )
    assert (settings.data, settings.port, settings.agents, settings.budget) == (data, 3, 2, 1)
    assert not (tmp_path / "elsewhere").exists()


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    assert load(tmp_path, NARROWS_PORT="", NARROWS_DATA="").port == 4747


def test_the_environment_of_the_process_is_the_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARROWS_AGENTS", "7")
    settings = Settings.load()
    assert settings.agents == 7
    assert settings.data.is_relative_to(home)


def test_a_relative_folder_and_a_tilde_become_absolute(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(home, flags={"data": "here"}).data == tmp_path / "here"
    assert load(home, NARROWS_DATA="~/there").data == home / "there"


@pytest.mark.parametrize(
    ("words", "meaning"), [("1", True), ("Yes", True), ("on", True), ("false", False), ("off", False), ("0", False)]
)
def test_switches_are_written_as_people_write_them(tmp_path: Path, words: str, meaning: bool) -> None:
    assert load(tmp_path, NARROWS_OPEN_BROWSER=words).open_browser is meaning
    assert load(tmp_path, flags={"worker": meaning}).worker is meaning


def test_each_engine_keeps_its_own_tables_wherever_the_data_is(tmp_path: Path) -> None:
    settings = load(tmp_path, NARROWS_DATABASE_URL="postgresql://me:secret@db/narrows")
    assert settings.database_url == "postgresql+psycopg://me:secret@db/narrows"
    assert settings.engine_database_url == f"sqlite:///{settings.data}/engine.db"
    apart = load(
        tmp_path, NARROWS_DATABASE_URL="postgresql://db/a", NARROWS_ENGINE_DATABASE_URL="postgresql+psycopg://db/b"
    )
    assert apart.engine_database_url == "postgresql+psycopg://db/b"


def test_a_database_password_is_not_in_what_is_logged(tmp_path: Path) -> None:
    assert "secret" not in repr(load(tmp_path, NARROWS_DATABASE_URL="postgresql://me:secret@db/narrows"))


@pytest.mark.parametrize("name", ["with space", "per%20cent", "ümlaut", "ha#sh", "a@b", "what?"])
def test_any_folder_name_survives_in_the_database_url(tmp_path: Path, name: str) -> None:
    settings = load(tmp_path, flags={"data": tmp_path / name})
    assert make_url(settings.database_url).database == str(tmp_path / name / "narrows.db")


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = load(tmp_path)
    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("AGENTS", "0", "a whole number from 1 to 256"),
        ("BUDGET", "-1", "a whole number from 0 to"),
        ("WORKER", "perhaps", "true or false"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error"),
        ("DATABASE_URL", "mysql://db/narrows", "SQLite or PostgreSQL"),
        ("HOST", " ", "one line of text"),
        ("DATA", "~nobody-of-this-name/x", "a home that exists"),
    ],
)
def test_a_bad_variable_is_named_with_what_it_should_be(
    tmp_path: Path, variable: str, value: str, expected: str
) -> None:
    with pytest.raises(Invalid) as caught:
        Settings.load(environ={"HOME": str(tmp_path), f"NARROWS_{variable}": value})
    assert caught.value.field == variable.lower()
    assert f"NARROWS_{variable} is {value!r}" in caught.value.message
    assert expected in caught.value.message


def test_a_bad_flag_is_named_as_it_is_typed(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="--log-level is 'x'"):
        load(tmp_path, flags={"log_level": "x"})


def test_a_flag_that_is_no_setting_is_a_mistake_in_the_program(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no_browser"):
        load(tmp_path, flags={"no_browser": True})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port = true\n", "port in .*config.toml is 'True'"),
        ("port = 1.5\n", "must be a whole number"),
        ("porto = 1\n", "sets 'porto', which can't be set there. Known: host, port"),
        ("data = '/elsewhere'\n", "sets 'data'"),
        ("port =\n", "is not valid TOML"),
        ("log_level = 3\n", "must be one of debug"),
    ],
)
def test_a_bad_line_in_the_file_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    data = configure(tmp_path / "data", text)
    with pytest.raises(Invalid, match=sentence):
        load(tmp_path, flags={"data": data})


def test_a_file_in_another_encoding_or_that_is_a_folder_is_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "config.toml").write_bytes(b"host = '\xff'\n")
    with pytest.raises(Invalid, match="not valid TOML"):
        load(tmp_path, flags={"data": data})
    (data / "config.toml").unlink()
    (data / "config.toml").mkdir()
    with pytest.raises(Invalid, match="can't be read: Is a directory"):
        load(tmp_path, flags={"data": data})


def test_a_data_folder_that_cant_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="is not a folder"):
        load(tmp_path, flags={"data": tmp_path / "file"})
    with pytest.raises(Invalid, match="can't be made"):
        load(tmp_path, flags={"data": tmp_path / "file" / "below"})


def test_a_data_folder_that_anybody_may_write_to_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(Invalid, match="Anybody on this machine may write"):
        load(tmp_path, flags={"data": shared})


def test_settings_start_without_the_web_framework() -> None:
    loaded = "import sys, server.settings; sys.exit('fastapi' in sys.modules or 'sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_agents_of_the_file_are_told_apart_from_how_many_may_run(tmp_path: Path) -> None:
    data = configure(tmp_path / "data", "agents = 7\n")
    assert (load(tmp_path, flags={"data": data}).agents, load(tmp_path, flags={"data": data}).agent_sections) == (7, {})
    configure(data, '[agents]\nat_once = 7\n[agents.mine]\nargv = ["x"]\n[agents."a.b"]\nargv = ["y"]\n')
    settings = load(tmp_path, flags={"data": data})
    assert settings.agents == 7
    assert settings.agent_sections == {"mine": {"argv": ["x"]}, "a.b": {"argv": ["y"]}}
    assert load(tmp_path, flags={"data": data}, NARROWS_AGENTS="2").agents == 2
    configure(data, '[agents.mine]\nargv = ["x"]\n')
    assert load(tmp_path, flags={"data": data}).agents == 4
    configure(data, "[agents]\nat_once = 'many'\n")
    with pytest.raises(Invalid, match=r"agents in .*config.toml is 'many', but it must be a whole number"):
        load(tmp_path, flags={"data": data})
