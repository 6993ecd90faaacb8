"""Who gets in, who doesn't, and what they are told."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from server.domain.errors import Invalid, NarrowsError
from server.services.narrows import Narrows
from server.web import security
from tests.web.conftest import ORIGIN, TOKEN

Visitor = Callable[..., TestClient]
SAME = {"Sec-Fetch-Site": "same-origin"}
FOLLOWED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(autouse=True)
def routes(app: FastAPI) -> None:
    """Something to read, something to write, and a part of a page."""

    @app.get("/changes/{number}")
    def read(number: str) -> PlainTextResponse:
        return PlainTextResponse(f"change {number}")

    @app.post("/changes/{number}/landing")
    async def write(number: str, request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"landing {number}, {len(await request.body())} bytes")

    @app.get("/static/{name:path}")
    def asset(name: str) -> PlainTextResponse:
        return PlainTextResponse(name)


@pytest.fixture
def person(visitor: Visitor) -> TestClient:
    """A browser that has opened the printed link."""
    client = visitor()
    assert client.get(f"/changes/1?token={TOKEN}").status_code == 303
    return client


class TestToken:
    def test_the_printed_link_becomes_a_cookie_and_the_address_loses_the_secret(self, visitor: Visitor) -> None:
        client = visitor()
        opened = client.get(f"/changes/7?view=split&token={TOKEN}&x=a%26b")
        assert opened.status_code == 303
        assert opened.headers["location"] == f"{ORIGIN}/changes/7?view=split&x=a%26b"
        assert client.get(opened.headers["location"]).text == "change 7"

    def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_is_not_the_token(self, visitor: Visitor) -> None:
        cookie = visitor().get(f"/changes/7?token={TOKEN}").headers["set-cookie"]
        assert cookie.startswith("narrows_4747=")
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert TOKEN not in cookie

    def test_a_script_sends_the_token_as_a_bearer(self, script: TestClient) -> None:
        assert script.get("/changes/7").status_code == 200
        assert script.post("/changes/7/landing").status_code == 200

    @pytest.mark.parametrize("sent", ["", "Bearer", "Bearer x", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xe9"])
    def test_nothing_else_opens(self, visitor: Visitor, sent: str) -> None:
        shown = {b"Authorization": sent.encode("latin-1")}
        assert visitor().get("/changes/7", headers=shown).status_code == 401

    def test_a_wrong_bearer_is_not_helped_by_a_good_cookie(self, person: TestClient) -> None:
        assert person.get("/changes/7", headers={"Authorization": "Bearer wrong"}).status_code == 401

    def test_who_has_no_token_is_told_how_to_get_the_link(self, visitor: Visitor) -> None:
        refused = visitor().get("/changes/7")
        assert refused.status_code == 401
        assert "Run `narrows` again: it prints the link." in refused.text
        assert "<script" not in refused.text

    def test_a_script_without_the_token_is_told_so_in_json(self, visitor: Visitor) -> None:
        refused = visitor().get("/api/tasks")
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "no_token"
        assert refused.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize("path", ["/openapi.json", "/static/app.css", "/nowhere", "/api/nowhere"])
    def test_nothing_at_all_is_outside_the_gate(self, visitor: Visitor, path: str) -> None:
        assert visitor().get(path).status_code == 401

    def test_the_api_takes_no_token_from_an_address(self, visitor: Visitor) -> None:
        assert visitor().get(f"/api/tasks?token={TOKEN}").status_code == 401

    def test_a_wrong_token_in_a_link_is_refused_and_not_repeated(self, visitor: Visitor) -> None:
        refused = visitor().get("/changes/7?token=guessed-by-somebody")
        assert refused.status_code == 401
        assert "set-cookie" not in refused.headers
        assert "guessed" not in refused.text

    def test_an_old_link_still_works_for_who_is_in_already(self, person: TestClient) -> None:
        again = person.get("/changes/7?token=of-last-week")
        assert (again.status_code, again.headers["location"]) == (303, f"{ORIGIN}/changes/7")

    @pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/%0d%0aSet-Cookie:x=y"])
    def test_a_link_with_the_token_never_leads_to_another_host(self, visitor: Visitor, path: str) -> None:
        led = visitor().get(f"{ORIGIN}{path}?token={TOKEN}")
        assert led.headers["location"].startswith(f"{ORIGIN}/")
        assert "\n" not in led.headers["location"]

    def test_another_port_can_not_lock_out_by_setting_a_cookie_of_the_same_name(self, person: TestClient) -> None:
        ours = person.cookies["narrows_4747"]
        both = {"Cookie": f"narrows_4747=planted; narrows_4747={ours}"}
        assert person.get("/changes/7", headers=both).status_code == 200

    def test_a_cookie_made_with_another_token_is_worthless(self, visitor: Visitor, person: TestClient) -> None:
        app = FastAPI()
        security.install(app, token=TOKEN + "-the-next-one")
        stale = TestClient(app, base_url=ORIGIN, cookies=dict(person.cookies))
        assert stale.get("/changes/7").status_code == 401

    def test_no_answer_and_no_log_holds_the_token(
        self, person: TestClient, visitor: Visitor, caplog: pytest.LogCaptureFixture, narrows: Narrows
    ) -> None:
        caplog.set_level(logging.DEBUG)
        answers = [
            person.get(f"/changes/7?token={TOKEN}"),
            visitor().get(f"/nowhere?token={TOKEN}"),
            visitor().get(f"/api/tasks?token={TOKEN}"),
            visitor(Authorization=f"Bearer {TOKEN}").get("/api/nowhere"),
        ]
        for answer in answers:
            assert TOKEN not in answer.text + str(answer.headers)
        ours = [record for record in caplog.records if record.name.startswith("narrows")]
        assert not any(TOKEN in record.getMessage() for record in ours)


class TestHosts:
    @pytest.mark.parametrize("host", ["127.0.0.1:4747", "localhost:4747", "LOCALHOST:4747", "[::1]:4747"])
    def test_the_machine_itself_is_known(self, script: TestClient, host: str) -> None:
        assert script.get("/changes/7", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example:4747",
            "evil.example",
            "127.0.0.1:80",
            "127.0.0.1",
            "localhost.evil.example:4747",
            "[",
            "",
            "a b",
            "127.0.0.1:4747@evil.example",
            "0.0.0.0:4747",
            "[::ffff:127.0.0.1]:4747",
            "localhost:99999",
        ],
    )
    def test_a_name_rebound_to_the_machine_is_refused_even_with_the_token(self, script: TestClient, host: str) -> None:
        refused = script.get("/changes/7", headers={"Host": host})
        assert refused.status_code == 421
        assert "does not answer to this name" in refused.text

    def test_two_names_at_once_are_none(self, app: FastAPI) -> None:
        twice = [("Host", "127.0.0.1:4747"), ("Host", "evil.example"), ("Authorization", f"Bearer {TOKEN}")]
        assert TestClient(app, base_url=ORIGIN).get("/changes/7", headers=twice).status_code == 421

    def test_the_host_asked_for_is_known_and_no_other(self) -> None:
        app = FastAPI()
        security.install(app, token=TOKEN, host="desk.example")
        client = TestClient(app, base_url="http://desk.example:9000", headers={"Authorization": f"Bearer {TOKEN}"})
        assert client.get("/").status_code == 404
        assert client.get("/", headers={"Host": "other.example:9000"}).status_code == 421

    def test_an_open_address_knows_the_machine_by_the_number_that_was_called(self) -> None:
        app = FastAPI()
        security.install(app, token=TOKEN, host="0.0.0.0")
        client = TestClient(app, base_url="http://192.0.2.7:9000", headers={"Authorization": f"Bearer {TOKEN}"})
        assert client.get("/").status_code == 404
        assert client.get("/", headers={"Host": "evil.example:9000"}).status_code == 421


class TestOtherSites:
    @pytest.mark.parametrize(
        "sent",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},  # another port of this machine
            {"Sec-Fetch-Site": "none"},
            {"Origin": "http://evil.example"},
            {"Origin": "http://127.0.0.1:3000"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
            {},
        ],
    )
    def test_a_write_with_the_cookie_that_is_not_surely_our_own_is_refused(
        self, person: TestClient, sent: dict[str, str]
    ) -> None:
        refused = person.post("/changes/7/landing", headers=sent)
        assert refused.status_code == 403
        assert "another site" in refused.text

    @pytest.mark.parametrize("sent", [SAME, {"Origin": ORIGIN}, {**SAME, "Origin": ORIGIN}])
    def test_a_write_from_our_own_pages_is_fine(self, person: TestClient, sent: dict[str, str]) -> None:
        assert person.post("/changes/7/landing", headers=sent).status_code == 200

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "REPORT"])
    def test_every_method_that_may_write_is_guarded(self, person: TestClient, method: str) -> None:
        assert person.request(method, "/changes/7", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403

    @pytest.mark.parametrize("into", ["iframe", "frame", "embed", "object"])
    def test_nothing_is_shown_inside_another_page(self, person: TestClient, into: str) -> None:
        assert person.get("/changes/7", headers={**SAME, "Sec-Fetch-Dest": into}).status_code == 403

    @pytest.mark.parametrize(
        "sent",
        [
            {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
            {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
            {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        ],
    )
    def test_another_site_fetches_nothing(self, person: TestClient, sent: dict[str, str]) -> None:
        assert person.get("/changes/7", headers={"Sec-Fetch-Site": "cross-site", **sent}).status_code == 403

    def test_a_link_on_another_site_arrives_without_the_cookie_and_leads_on(self, visitor: Visitor) -> None:
        followed = visitor().get("/changes/7?view=split", headers=FOLLOWED)
        assert followed.status_code == 401
        assert f'<a href="{ORIGIN}/changes/7?view=split">Continue to Narrows</a>' in followed.text

    def test_who_comes_by_that_link_is_in(self, person: TestClient) -> None:
        sent = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert person.get("/changes/7?view=split", headers=sent).status_code == 200

    def test_the_link_on_is_escaped(self, visitor: Visitor) -> None:
        followed = visitor().get('/changes/"><b>?x="><b>', headers=FOLLOWED)
        assert "<b>" not in followed.text

    def test_there_are_no_web_sockets(self, script: TestClient) -> None:
        with pytest.raises(WebSocketDisconnect), script.websocket_connect("/changes/7"):
            pass


class TestHeaders:
    def test_every_answer_is_locked_down(self, visitor: Visitor, script: TestClient) -> None:
        for answer in (script.get("/changes/7"), script.get("/nowhere"), visitor().get("/changes/7")):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["vary"] == "HX-Request"

    @pytest.mark.parametrize(
        ("path", "kept"),
        [
            ("/static/app.css", "no-cache"),
            ("/static/app.css?v=0.1.0", "private, max-age=31536000, immutable"),
            ("/static/htmx-4.0.1.min.js", "private, max-age=31536000, immutable"),
            ("/static/0123456789ab/reading.js", "private, max-age=31536000, immutable"),
            ("/static/abc/reading.js", "no-cache"),
        ],
    )
    def test_static_files_are_kept_by_their_version(self, script: TestClient, path: str, kept: str) -> None:
        assert script.get(path).headers["cache-control"] == kept

    def test_a_body_over_the_limit_is_refused_with_a_sentence(self, script: TestClient) -> None:
        refused = script.post("/changes/7/landing", content=b"x" * (security.MOST_BYTES + 1))
        assert refused.status_code == 413
        assert "larger than 10 MB" in refused.text

    def test_so_is_one_that_does_not_say_its_length(self, script: TestClient) -> None:
        pieces = (b"x" * 1_000_000 for _ in range(11))
        refused = script.post("/changes/7/landing", content=pieces)
        assert refused.status_code == 413

    def test_a_body_at_the_limit_is_taken(self, script: TestClient) -> None:
        taken = script.post("/changes/7/landing", content=b"x" * security.MOST_BYTES)
        assert taken.text == "landing 7, 10000000 bytes"


class TestTokenFile:
    def test_it_is_made_once_for_its_owner_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "token"
        made = security.token(file)
        assert len(made) >= 43
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert security.token(file) == made
        assert not list(tmp_path.glob(".token-*"))

    def test_one_that_others_can_read_is_closed_to_them(self, tmp_path: Path) -> None:
        file = tmp_path / "token"
        made = security.token(file)
        file.chmod(0o644)
        assert security.token(file) == made
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_two_processes_at_once_agree(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = set(pool.map(lambda _: security.token(tmp_path / "token"), range(32)))
        assert len(made) == 1

    def test_a_link_or_an_empty_file_in_its_place_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(Invalid, match="can't be read"):
            security.token(tmp_path / "link")
        (tmp_path / "empty").touch(0o600)
        with pytest.raises(Invalid, match="holds no token"):
            security.token(tmp_path / "empty")
        os.mkfifo(tmp_path / "pipe", 0o600)
        with pytest.raises(Invalid, match="not a file of yours"):
            security.token(tmp_path / "pipe")


class TestErrors:
    def test_a_mistake_of_ours_is_an_apology_and_a_report(
        self, app: FastAPI, script: TestClient, narrows: Narrows
    ) -> None:
        @app.get("/api/broken")
        def broken() -> None:
            raise RuntimeError("a secret detail")

        answer = script.get("/api/broken?token=sesame")
        assert answer.status_code == 500
        assert "a secret detail" not in answer.text
        [report] = narrows.settings.logs.glob("error-*.log")
        assert report.stem in answer.json()["error"]["message"]
        text = report.read_text()
        assert "RuntimeError: a secret detail" in text
        assert "GET /api/broken\n" in text
        assert "sesame" not in text
        assert answer.headers["x-frame-options"] == "DENY"

    def test_a_page_gets_a_page_and_htmx_a_fragment(self, app: FastAPI, script: TestClient) -> None:
        @app.get("/sorry")
        def sorry() -> None:
            raise NarrowsError("No <b>such</b> luck.", "Try again.")

        page = script.get("/sorry")
        assert page.status_code == 400
        assert page.text.startswith("<!doctype html>")
        assert "No &lt;b&gt;such&lt;/b&gt; luck." in page.text
        fragment = script.get("/sorry", headers={"HX-Request": "true"})
        assert fragment.text.startswith('<div class="error" role="alert">')

    def test_an_answer_that_breaks_midway_ends_and_is_reported(
        self, app: FastAPI, script: TestClient, narrows: Narrows
    ) -> None:
        async def half() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("no more")

        app.get("/half")(lambda: StreamingResponse(half()))
        assert script.get("/half").text == "half"
        assert list(narrows.settings.logs.glob("error-*.log"))

    def test_a_wrong_method_names_itself(self, script: TestClient) -> None:
        refused = script.post("/changes/7")
        assert refused.status_code == 405
        assert refused.headers["allow"] == "GET"
