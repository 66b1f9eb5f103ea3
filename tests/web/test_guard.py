"""Who is let in, which requests may change something, and that nothing from Redis becomes markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from shiftboss import ConfigError, RetrySet, Shiftboss
from shiftboss.web import Dashboard, read_login
from shiftboss.web.pages import ROUTES
from tests.backends import Backend
from tests.web.conftest import SAME, Browser
from tests.web.filled import JID, SCRIPT, fill, fill_with

pytestmark = [pytest.mark.backends("fake", "embedded"), pytest.mark.own_keys]
FORMS = sorted({route.path for route in ROUTES if route.methods and "POST" in route.methods})
Browse = Callable[..., Browser]


def test_it_has_to_be_said_who_may_see_it(client: Shiftboss) -> None:
    with pytest.raises(ConfigError, match="say who may see the dashboard"):
        Dashboard(client)


def test_a_login_is_asked_for(browse: Browse) -> None:
    browser = browse(insecure=False, users={"ada": "correct:horse", "bob": "x"})
    answer = browser.get("/")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    for login in (("ada", "wrong"), ("ada", ""), ("", ""), ("bob", "correct:horse"), ("ädä", "ß")):
        assert browser.get("/", auth=login).status_code == 401
        assert browser.get("/static/style.css", auth=login).status_code == 401
    for header in ("Basic", "Basic !!!", "Basic /////w==", "Bearer eA==", ""):
        assert browser.get("/", headers={"authorization": header}).status_code == 401
    assert browser.get("/", auth=("ada", "correct:horse")).status_code == 200


def test_a_login_that_cannot_be_read_is_refused_without_showing_it() -> None:
    for text in ("secret", ":secret", "ada:", "# nobody\n"):
        with pytest.raises(ConfigError) as caught:
            read_login(text, "FILE")
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_host_decides(browse: Browse, asynchronous: bool) -> None:
    answers: dict[str, Any] = {"admin": True, "user": False, "": RedirectResponse("/login"), "odd": None}

    def authorize(request: Any) -> Any:
        return answers[request.headers.get("x-user", "")]

    async def aauthorize(request: Any) -> Any:
        return authorize(request)

    browser = browse(insecure=False, authorize=aauthorize if asynchronous else authorize)
    assert browser.get("/", headers={"x-user": "admin"}).status_code == 200
    assert browser.get("/", headers={"x-user": "user"}).status_code == 403
    assert browser.get("/", headers={"x-user": "odd"}).status_code == 403
    assert browser.get("/", follow_redirects=False).headers["location"] == "/login"


@pytest.mark.parametrize("path", FORMS)
def test_a_form_needs_a_page_of_this_site_and_a_token(browser: Browser, path: str) -> None:
    path, token = path.replace("{bid}", "7cAAAAAAAAAAAAAA") + "?name=mail", browser.token()

    def send(headers: dict[str, str], **said: str) -> int:
        return int(
            browser.post(
                path, data={"action": "x", "queue": "mail", **said}, headers=headers, follow_redirects=False
            ).status_code
        )

    assert send(SAME, token=token) == 303
    assert send({"origin": "http://localhost:8787"}, token=token) == 303
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:8787"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:8787.evil.example"},
        {"origin": "http://localhost:8788"},
        {"origin": "null"},
        {},
    ):
        assert send(headers, token=token) == 403, headers
    assert send(SAME) == 403
    assert send(SAME, token="") == 403
    assert send(SAME, token="x" * 43) == 403
    browser.cookies.clear()
    assert send(SAME, token=token) == 403


def test_a_cookie_that_somebody_else_chose_is_none(browser: Browser) -> None:
    browser.cookies.set("shiftboss_token", "chosen")
    answer = browser.post("/", data={"action": "reset", "token": "chosen"}, headers=SAME)
    assert answer.status_code == 403


def test_reading_never_changes_anything(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    token, retries = browser.token(), len(RetrySet())
    for path in FORMS:
        browser.get(f"{path.replace('{bid}', '7cAAAAAAAAAAAAAA')}?action=clear&token={token}")
    assert len(RetrySet()) == retries


def test_read_only(browse: Browse, backend: Backend, client: Shiftboss) -> None:
    bids = fill(backend.raw, client)
    browser, writing = browse(read_only=True), browse()
    for path in ("/", "/busy", "/queues", "/queue?name=mail", "/retries", "/dead", "/failures", "/limiters", "/periodic",
                 f"/batches/{bids['nightly']}", f"/job?in=dead&jid={JID}", "/entry?name=heartbeat", "/limiter?name=erp"):  # fmt: skip
        assert "<button name=" not in browser.page(path), path
    browser.cookies = writing.cookies
    answer = browser.post("/dead", data={"action": "clear", "token": writing.token()}, headers=SAME)
    assert answer.status_code == 403
    assert "read-only" in answer.text
    assert backend.raw.zcard("dead") == 1


def test_answers_tell_the_browser_to_be_careful(browser: Browser) -> None:
    for path in ("/", "/static/style.css", "/nothing"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert browser.get("/").headers["cache-control"] == "no-store"
    cookie = browser.get("/", headers={"cookie": ""}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


class Seen(HTMLParser):
    """What a browser would make of a page: the elements and attributes that must not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or name == "style" or (value or "").lower().lstrip().startswith("javascript:"):
                self.wrong.append(f"<{tag} {name}={value}>")
        allowed = {"script": "src", "img": "src"}
        if tag in allowed and not (dict(attrs).get(allowed[tag]) or "").startswith("/static/"):
            self.wrong.append(f"<{tag} {attrs}>")
        if tag in {"b", "style", "iframe", "object", "embed", "base"}:
            self.wrong.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_no_string_from_redis_becomes_markup(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    bid = fill_with(SCRIPT, backend.raw, client)
    name = SCRIPT.replace(" ", "")
    paths = [
        "/", "/busy", "/queues", f"/queue?name={_quoted(name)}", "/failures", "/stats", f"/stats/job?name={_quoted(SCRIPT)}", "/retries", "/scheduled", "/dead", "/batches",
        f"/batches/{bid}", "/limiters", "/limiter?name=evil", "/periodic", "/entry?name=evil",
        f"/job?in=retries&jid={_quoted(SCRIPT)}", f"/retries?q={_quoted(SCRIPT)}", f"/batches?tag={_quoted(SCRIPT)}&q={_quoted(SCRIPT)}",
        f"/periodic?schedule={_quoted(SCRIPT)}&q={_quoted(SCRIPT)}", f"/limiters?q={_quoted(SCRIPT)}", f"/?did={_quoted(SCRIPT)}&n=1",
        f"/{_quoted(SCRIPT)}", f"/job?in={_quoted(SCRIPT)}&jid={_quoted(SCRIPT)}", f"/batches/{_quoted(SCRIPT)}",
        f"/limiter?name={_quoted(SCRIPT)}", f"/queue?name={_quoted('a b' + SCRIPT)}", f"/entry?name={_quoted(SCRIPT)}",
    ]  # fmt: skip
    shown = 0
    for path in paths:
        text = browser.get(path).text
        seen = Seen()
        seen.feed(text)
        assert seen.wrong == [], path
        assert "49" not in re.findall(r"<b>(\d+)", unescape(text))
        shown += any("<script>alert(1)" in part for part in seen.texts)
    assert shown >= 15  # it was there to be seen, as text


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


@pytest.mark.parametrize(
    "path",
    [
        "/batches/..%2f..%2fetc%2fpasswd", "/batches/%2e%2e", "/batches/7c%00AAAAAAAAAAAAA", "/batches/7cAAAAAAAAAAAAAA:ran",
        "/batches/7cAAAAAAAAAAAAAA%0a", "/batches/7cAAAAAAAAAAAAAA%0d%0aset-cookie:x=1", "/batches/*", "/static/../dashboard.py",
        "/static/%2e%2e/dashboard.py", "/static/..%2f..%2fdashboard.py", "/static//etc/passwd", "/static/%2fetc%2fpasswd",
        "//evil.example/", "/queue?name=..%2f..", "/limiter?name=..%2f..", "/limiter?name=a%0d%0ab", "/entry?name=..&schedule=..",
        "/job?in=../retries&jid=..", "/job?in=queue&queue=%00&jid=%00", "/batches/" + "a" * 5_000,
    ],
)  # fmt: skip
def test_a_trick_in_a_path_finds_nothing(browser: Browser, backend: Backend, path: str) -> None:
    answer = browser.get(path, follow_redirects=False)
    assert answer.status_code in (200, 400, 404)
    assert "import annotations" not in answer.text
    assert "root:" not in answer.text
    assert set(answer.headers) & {"x", "location"} == set()
    assert backend.raw.dbsize() == 0


def test_it_works_below_a_prefix(client: Shiftboss, backend: Backend) -> None:
    fill(backend.raw, client)
    host = Starlette(routes=[Mount("/admin", routes=[Mount("/jobs", Dashboard(client, insecure=True))])])
    with Browser(host, base_url="http://localhost:8787") as browser:
        text = browser.page("/admin/jobs/")
        links = set(re.findall(r'(?:href|src|action|hx-get)="([^"]*)"', text)) - {"#content"}
        assert all(link.startswith("/admin/jobs/") for link in links), links
        for link in sorted(links):
            browser.page(unescape(link))
        token = re.findall(r'name="token" value="([^"]+)"', text)[0]
        answer = browser.post(
            "/admin/jobs/queues",
            data={"action": "pause", "queue": "mail", "token": token},
            headers=SAME,
            follow_redirects=False,
        )
        assert answer.headers["location"] == "/admin/jobs/queues?did=paused&n=0"
        assert "path=/admin/jobs" in browser.get("/admin/jobs/", headers={"cookie": ""}).headers["set-cookie"].lower()
        browser.portal.call(client.aclose)


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Prefix", "X-Script-Name", "SCRIPT_NAME", "X-Forwarded-Host", "X-Forwarded-Path"]
)
def test_no_header_moves_the_links(browser: Browser, name: str) -> None:
    text = browser.get("/", headers={name: '//evil.example/"><script>'}).text
    assert "evil.example" not in text


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/a//b", "/a/../b", '/"><script>', "/a b", "jobs", "/%2e%2e", "/a\r\nx: y", "/.."]
)
def test_a_prefix_that_is_none_is_refused(client: Shiftboss, prefix: str) -> None:
    dashboard = Dashboard(client, insecure=True)

    async def smuggling(scope: Any, receive: Any, send: Any) -> None:
        await dashboard({**scope, "root_path": prefix} if scope["type"] == "http" else scope, receive, send)

    with Browser(smuggling) as browser:
        answer = browser.get("/")
        assert answer.status_code == 400
        assert "evil" not in answer.text


def test_another_hosts_name_is_refused_where_there_is_no_login(browse: Browse) -> None:
    browser = browse(hosts=("localhost", "127.0.0.1", "::1"))
    assert browser.get("/").status_code == 200
    assert browser.get("/", headers={"host": "[::1]:8787"}).status_code == 200
    for host in ("evil.example", "evil.example:8787", "localhost.evil.example", ""):
        assert browser.get("/", headers={"host": host}).status_code == 400


def test_arguments_are_hidden_and_not_found_either(browse: Browse, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    backend.raw.zadd("dead", {"ada@example.com is no job": 1})

    def half(name: str, args: Any) -> Any:
        return [args[0], "…"]

    def broken(name: str, args: Any) -> Any:
        raise ValueError(args)

    for redact in (True, half, broken):
        browser = browse(redact=redact)
        for path in ("/queue?name=mail", "/busy", f"/job?in=queue&queue=mail&jid={JID}", f"/job?in=dead&jid={JID}", "/dead",
                     "/dead?q=app.jobs", "/job?in=dead&jid="):  # fmt: skip
            assert "ada@example.com" not in browser.get(path).text, path
        assert JID not in browser.page("/dead?q=ada")
    assert "4711" in browse(redact=half).page("/queue?name=mail")


def test_a_form_that_is_too_large_is_refused(browser: Browser) -> None:
    token = browser.token()
    assert browser.post("/dead", content=b"x" * 2_000_000, headers=SAME).status_code == 413
    assert browser.post("/dead", content=b"a=1&" * 5_000, headers=SAME).status_code == 400
    assert browser.post("/dead", content=b"\xff\xfe", headers=SAME).status_code == 400
    assert browser.post("/dead", data={"token": token, "action": "retry", "job": "x"}, headers=SAME).status_code == 200


def test_redis_being_away_is_a_page_that_says_so() -> None:
    with Browser(Dashboard(Shiftboss("redis://127.0.0.1:1", timeout=0.2), insecure=True)) as browser:
        answer = browser.get("/")
        assert answer.status_code == 503
        assert "connection refused" in answer.text


def test_a_fault_of_ours_shows_nothing_of_itself(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("shiftboss.web.pages.limiters.limiters.afind", failing)
    browser._transport.raise_server_exceptions = False
    answer = browser.get("/limiter?name=x")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_a_mounted_dashboard_serves_beside_other_routes(client: Shiftboss) -> None:
    host = Starlette(
        routes=[Route("/", lambda _: RedirectResponse("/jobs/")), Mount("/jobs", Dashboard(client, insecure=True))]
    )
    with Browser(host) as browser:
        assert "Overview" in browser.page("/")
        browser.portal.call(client.aclose)
