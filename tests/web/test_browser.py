"""The dashboard in Chromium: nothing wrong on any page, light, dark and on a narrow screen; live; with the keyboard; without scripts.

With PICTURES=docs/images the pictures of the documents are taken anew.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from shiftboss import DeadSet, Queue, RetrySet, Shiftboss, limiters, periodic
from shiftboss.batches import BatchSet
from tests.servers import ServerProcess, embedded_binary
from tests.web.chromium import Watched, save, served, soon, started_browser, until
from tests.web.filled import IDENTITY, JID, SCRIPT, fill, fill_with

pytestmark = pytest.mark.timeout(120)
LISTS = (
    "/",
    "/busy",
    "/queues",
    "/failures",
    "/retries",
    "/scheduled",
    "/dead",
    "/stats",
    "/batches",
    "/limiters",
    "/periodic",
)
DETAILS = (
    "/queue?name=mail", "/queue?name=import&page=2", "/retries?q=invoice", "/limiter?name=erp", "/limiter?name=github",
    "/entry?schedule=default&name=nightly-report", f"/job?in=retries&jid={JID}", f"/job?in=queue&queue=mail&jid={JID}",
    "/batches?state=dead", "/batches/{nightly}",
)  # fmt: skip
MODES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "narrow": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}
SHOWN = {
    "overview": "/",
    "batch": "/batches/{nightly}",
    "limiters": "/limiters",
    "limiter": "/limiter?name=erp",
    "periodic": "/periodic",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with started_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def redis_process() -> Iterator[ServerProcess]:
    with ServerProcess(embedded_binary(), unix=True) as process:
        yield process


@pytest.fixture(scope="module")
def base(redis_process: ServerProcess) -> Iterator[str]:
    """The address of a dashboard of that server."""
    with served(redis_process.url) as base:
        yield base


@pytest.fixture
def raw(redis_process: ServerProcess) -> Iterator[Any]:
    """An empty server."""
    with redis_process.client() as raw:
        raw.flushall()
        yield raw


@pytest.fixture
def client(redis_process: ServerProcess) -> Iterator[Shiftboss]:
    with Shiftboss(redis_process.url) as client:
        yield client
        client.close()


@pytest.fixture
def watched(browser: Any, base: str) -> Iterator[Watched]:
    """A page on which nothing may go wrong."""
    watched = Watched(browser, base, **MODES["light"])
    yield watched
    watched.context.close()
    assert watched.wrong == []


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_wrong_on_any_page(browser: Any, base: str, raw: Any, client: Shiftboss, mode: str) -> None:
    watched = Watched(browser, base, **MODES[mode])
    wrong: dict[str, Any] = {}

    def look(path: str, state: str) -> None:
        watched.go(path)
        found = [*watched.wrong, *watched.barriers(), *(["wider than the window"] if watched.is_wide() else [])]
        watched.wrong.clear()
        if found:
            wrong[f"{path} {state}"] = found

    if mode == "light":
        for path in LISTS:
            look(path, "empty")
    bids = fill(raw, client)
    for path in (*LISTS, *DETAILS):
        look(path.format(**bids), "filled")
    watched.context.close()
    assert wrong == {}


@pytest.mark.parametrize("width", [700, 900, 1130])
def test_no_page_is_wider_than_its_window(browser: Any, base: str, raw: Any, client: Shiftboss, width: int) -> None:
    fill(raw, client)
    watched = Watched(browser, base, viewport={"width": width, "height": 800})
    wide = []
    for path in ("/", "/busy", "/retries", "/limiters", "/periodic"):
        watched.go(path)
        wide += [path] * watched.is_wide()
    watched.context.close()
    assert wide == []


def test_a_barrier_and_an_error_would_be_seen(browser: Any, base: str, raw: Any) -> None:
    watched = Watched(browser, base)
    page = watched.go("/")
    page.evaluate("document.querySelector('h1').outerHTML = '<img src=data:,><p class=faint>faint</p>'")
    page.evaluate("console.error('seen'); fetch('http://127.0.0.1:1/').catch(() => 0)")
    assert any(line.startswith("image-alt") for line in watched.barriers())
    until(watched, lambda: any("seen" in line for line in watched.wrong), "an error")
    until(watched, lambda: any("Content Security Policy" in line for line in watched.wrong), "a refused request")
    watched.context.close()


def test_no_script_of_redis_runs(watched: Watched, raw: Any, client: Shiftboss) -> None:
    bid = fill_with(SCRIPT, raw, client)
    for path in (*LISTS, f"/batches/{bid}", "/limiter?name=evil", "/entry?name=evil", "/dead?q=script"):
        watched.go(path)
    assert "<script>" in watched.page.content() or "&lt;script&gt;" in watched.page.content()


def test_pages_follow_what_happens(watched: Watched, raw: Any, client: Shiftboss) -> None:
    watched.hurry()
    page = watched.go("/queues")
    watched.wait_for("No queues yet")
    page.evaluate("window.unchanged = true")
    raw.sadd("queues", "fresh")
    raw.lpush("queue:fresh", "{}")
    soon(watched, lambda: page.get_by_text("fresh").count(), "the new queue")
    soon(watched, lambda: page.locator("#nav-queues .count").inner_text() == "1", "the count beside the name")
    assert page.evaluate("window.unchanged")  # it was not loaded anew


def test_a_login_that_has_ended_is_asked_for(watched: Watched, raw: Any) -> None:
    watched.hurry()
    page = watched.go("/queues")
    page.route("**/queues", lambda route: route.fulfill(body="<h1>Log in</h1>", content_type="text/html"))
    soon(watched, lambda: page.get_by_text("Log in").count(), "the login")
    assert page.locator("#nav").count() == 0


def test_a_dashboard_that_has_ended_is_told(browser: Any, base: str, raw: Any) -> None:
    watched = Watched(browser, base)
    watched.hurry()
    page = watched.go("/queues")
    page.route("**/queues", lambda route: route.fulfill(status=502, body="bad gateway"))
    soon(watched, lambda: page.locator("html.lost").count(), "the sign that nobody answers")
    assert page.locator("#nav").count() == 1
    page.unroute_all()
    soon(watched, lambda: not page.locator("html.lost").count(), "the sign to go")
    watched.context.close()


def test_live_can_be_switched_off(watched: Watched, raw: Any) -> None:
    page = watched.go("/queues")
    page.get_by_role("button", name="Live").click()
    assert page.get_by_role("button", name="Live").get_attribute("aria-pressed") == "false"
    asked: list[str] = []
    page.clock.install()
    page.reload()
    page.on("request", lambda request: asked.append(request.url) if "/static/" not in request.url else None)
    page.clock.run_for(20_000)
    assert asked == []
    page.get_by_role("button", name="Live").click()
    page.clock.run_for(4_000)
    until(watched, lambda: asked, "a request once it is on again")


def test_nothing_is_replaced_under_somebodys_hands(watched: Watched, raw: Any, client: Shiftboss) -> None:
    fill(raw, client)
    page = watched.go("/busy")
    page.clock.install()
    page.reload()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/static/" not in request.url else None)
    page.get_by_text("Stop all…").click()
    page.clock.run_for(20_000)
    page.get_by_text("Stop all…").click()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('td code'))")
    page.clock.run_for(20_000)
    assert asked == []
    page.evaluate("getSelection().removeAllRanges()")
    page.evaluate("document.activeElement.blur()")
    page.clock.run_for(4_000)
    until(watched, lambda: asked, "a request once nothing is in use")


def test_jobs_are_chosen_and_retried(watched: Watched, raw: Any, client: Shiftboss) -> None:
    fill(raw, client)
    page = watched.go("/retries")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Retry", exact=True).click()
    watched.wait_for("9 jobs put back into the queues.")
    assert len(RetrySet(client=client)) == 0
    watched.wait_for("Nothing has failed")


def test_what_loses_something_asks_first(watched: Watched, raw: Any, client: Shiftboss) -> None:
    fill(raw, client)
    page = watched.go("/dead")
    assert not page.get_by_role("button", name="Delete all").is_visible()
    page.get_by_text("Delete all…").click()
    assert len(DeadSet(client=client)) == 1
    page.get_by_role("button", name="Delete all").click()
    watched.wait_for("1 job deleted.")
    assert len(DeadSet(client=client)) == 0


def test_jobs_that_are_selected_are_deleted_after_a_question(watched: Watched, raw: Any, client: Shiftboss) -> None:
    fill(raw, client)
    for path, summary, yes, of in (
        ("/dead", "Delete…", "Delete", DeadSet(client=client)),
        ("/queue?name=mail", "Delete…", "Delete", Queue("mail", client=client)),
    ):
        page = watched.go(path)
        page.get_by_label(f"Choose job {JID}").check()
        if path != "/dead":  # there Enter presses Retry, which loses nothing
            page.get_by_label(f"Choose job {JID}").press("Enter")
            watched.wait_for("Nothing was done")
            page.get_by_label(f"Choose job {JID}").check()
        assert not page.get_by_role("button", name=yes, exact=True).is_visible()
        page.get_by_text(summary, exact=True).click()
        assert len(of) == 1
        page.get_by_role("button", name=yes, exact=True).click()
        watched.wait_for("1 job deleted.")
        assert len(of) == 0


def test_a_limiter_of_the_list_is_reset_after_a_question(watched: Watched, raw: Any, client: Shiftboss) -> None:
    fill(raw, client)
    page = watched.go("/limiters")
    page.get_by_text("Reset…").last.click()
    page.get_by_role("button", name="Reset", exact=True).click()
    watched.wait_for("Reset.")
    assert [one["used"] for one in _limiters(client) if one["name"] in ("github", "sms")] == [3120, 0]


def _limiters(client: Shiftboss) -> list[dict[str, Any]]:
    with client:
        return [{"name": one.name, "used": one.peek().used} for one in limiters.all(client=client)]


@pytest.mark.parametrize("mode", ["light", "narrow"])
def test_a_question_is_seen_whole(browser: Any, base: str, raw: Any, client: Shiftboss, mode: str) -> None:
    bids = fill(raw, client)
    watched = Watched(browser, base, **MODES[mode])
    for path in ("/", "/limiters", "/busy", "/dead", "/queue?name=mail", "/retries", "/batches/{nightly}"):
        page = watched.go(path.format(**bids))
        for number in range(page.locator("main details.sure").count()):
            question = page.locator("main details.sure").nth(number)
            question.locator("summary").click()
            # It covers what it lies on, and so is neither behind something nor cut off.
            assert question.locator(".ask").evaluate(
                """ask => {
                  ask.scrollIntoView({block: "center"});
                  const {left, right, top, bottom} = ask.getBoundingClientRect();
                  return [[left, top], [right, top], [left, bottom], [right, bottom]].every(([x, y]) => ask.contains(
                    document.elementFromPoint(x + (x === left ? 12 : -12), y + (y === top ? 12 : -12))));
                }"""
            ), f"{path} {number}"
            question.locator("summary").click()
    watched.context.close()


@pytest.mark.parametrize("mode", ["light", "narrow"])
def test_what_a_search_is_for_is_seen_whole(browser: Any, base: str, raw: Any, client: Shiftboss, mode: str) -> None:
    fill(raw, client)
    watched = Watched(browser, base, **MODES[mode])
    for path in ("/batches", "/dead", "/retries", "/scheduled", "/limiters", "/periodic", "/stats"):
        room = (
            watched.go(path)
            .locator("input[type=search]")
            .evaluate(
                """input => {
              const style = getComputedStyle(input), ruler = document.createElement("canvas").getContext("2d");
              ruler.font = style.font;
              const inside = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
              return inside - ruler.measureText(input.placeholder).width;
            }"""
            )
        )
        assert room >= 0, path
    watched.context.close()


@pytest.mark.parametrize("mode", ["light", "narrow"])
def test_names_of_entries_break_between_words(browser: Any, base: str, raw: Any, client: Shiftboss, mode: str) -> None:
    with client:
        periodic.put("send_invoice_reminders_every_morning", job="app.jobs.billing.send_invoice_reminders", every=60)
    watched = Watched(browser, base, **MODES[mode])
    page = watched.go("/periodic")
    broken = page.locator("td strong, td .sub code").evaluate_all(
        """names => names.flatMap(name => [...name.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).filter(node => {
          const range = document.createRange();
          range.selectNodeContents(node);
          return range.getClientRects().length > 1;
        }).map(node => node.textContent))"""
    )
    assert broken == []
    assert page.locator("td strong").inner_text() == "send_invoice_reminders_every_morning"
    watched.context.close()


def test_all_of_it_works_with_the_keyboard(watched: Watched, raw: Any, client: Shiftboss) -> None:
    fill(raw, client)
    page = watched.go("/queues")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "pause":
            break
    page.keyboard.press("Enter")
    watched.wait_for("Paused.")
    assert Queue("import", client=client).is_paused()


def test_all_but_live_works_without_scripts(browser: Any, base: str, raw: Any, client: Shiftboss) -> None:
    bids = fill(raw, client)
    watched = Watched(browser, base, java_script_enabled=False)
    page = watched.go(f"/batches/{bids['nightly']}")
    assert not page.get_by_role("button", name="Live").is_visible()
    page.get_by_text("Delete…").click()
    page.get_by_role("button", name="Delete").click()
    watched.wait_for("Deleted.")
    assert bids["nightly"] not in {status.bid for status in BatchSet(client=client)}
    watched.go("/retries")
    page.get_by_label(f"Choose job {JID}").check()
    page.get_by_role("button", name="Kill", exact=True).click()
    watched.wait_for("1 job moved to the dead.")
    watched.context.close()
    assert watched.wrong == []


def test_times_are_shown_in_the_viewers_zone(browser: Any, base: str, raw: Any, client: Shiftboss) -> None:
    fill(raw, client)
    watched = Watched(browser, base, timezone_id="Asia/Tokyo", locale="en-GB")
    page = watched.go("/entry?schedule=default&name=nightly-report")
    times = page.locator("td time[data-local]").all_inner_texts()
    assert times
    assert all("11:00" in text or "10:00" in text for text in times), times  # three in Berlin
    watched.context.close()


def test_a_page_of_another_site_changes_nothing(browser: Any, base: str, raw: Any, client: Shiftboss) -> None:
    fill(raw, client)
    evil = f'<form method="post" action="{base}/dead"><button name="action" value="clear">Win</button></form>'

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(evil.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{base}/dead")  # the cookie is there
        for host in ("127.0.0.1", "localhost"):
            page.goto(f"http://{host}:{server.server_port}/")
            with page.expect_response(f"{base}/dead") as answer:
                page.get_by_role("button").click()
            assert answer.value.status == 403
        # Nor may it be shown inside of another page.
        page.set_content(f'<iframe src="{base}/dead"></iframe>')
        page.wait_for_timeout(200)
        assert not any("Delete" in frame.content() for frame in page.frames[1:])
        context.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert len(DeadSet(client=client)) == 1


def test_pictures_for_the_documents(browser: Any, base: str, raw: Any, client: Shiftboss, tmp_path: Path) -> None:
    bids = fill(raw, client)
    folder = Path(os.environ.get("PICTURES", tmp_path))
    if "PICTURES" in os.environ:
        _run_for_a_minute(browser, base, raw)
    for theme in ("light", "dark"):
        size = {"width": 1200, "height": 750}
        watched = Watched(browser, base, color_scheme=theme, viewport=size, reduced_motion="reduce")
        for name, path in SHOWN.items():
            if theme == "light" or name == "overview":
                raw.incrby("stat:processed", 270)
                page = watched.go(path.format(**bids))
                page.locator(".where").evaluate("place => { place.textContent = 'redis://localhost:6379/0 · sb' }")
                save(watched, folder / f"{name}{'-dark' if theme == 'dark' else ''}.png")
        watched.context.close()
    assert {path.name for path in folder.glob("*.png")} == {*(f"{name}.png" for name in SHOWN), "overview-dark.png"}


def _run_for_a_minute(browser: Any, base: str, raw: Any) -> None:
    """Have something to show where runs a second are."""
    watched = Watched(browser, base)
    for n in range(62):
        raw.incrby("stat:processed", 240 + (n * 37) % 90)
        raw.incrby("stat:failed", 7 * (n % 9 == 0))
        watched.go("/").wait_for_timeout(1_020)
    watched.context.close()


def test_a_process_is_asked_to_stop(watched: Watched, raw: Any, client: Shiftboss) -> None:
    fill(raw, client)
    page = watched.go("/busy")
    page.get_by_text("Stop…", exact=True).click()
    assert raw.llen(f"{IDENTITY}-signals") == 0
    page.get_by_role("button", name="Stop", exact=True).click()
    watched.wait_for("1 process was asked")
    assert raw.lrange(f"{IDENTITY}-signals", 0, -1) == ["TERM"]
