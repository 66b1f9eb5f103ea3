"""Every page, on a server with nothing and on one with something of everything; and that the buttons do what they say."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from shiftboss import DeadSet, Failures, ProcessSet, Queue, RetrySet, ScheduledSet, Shiftboss, Stats, limiters, periodic
from shiftboss.batches import Batch, BatchSet, doctor
from shiftboss.batches.doctor import Finding
from shiftboss.batches.status import STATES
from shiftboss.errors import BatchNotFound
from shiftboss.keys import PeriodicKeys
from shiftboss.web.saying import in_zone
from tests.backends import Backend
from tests.web.conftest import SAME, Browser
from tests.web.filled import IDENTITY, JID, fill, import_row, payload

pytestmark = [pytest.mark.backends("fake", "embedded", "redis", "acl"), pytest.mark.own_keys]
LISTS = (
    "/", "/busy", "/queues", "/failures", "/retries", "/scheduled", "/dead", "/stats", "/batches", "/limiters", "/periodic",
    "/stats?hours=8&q=x", "/stats/job?name=nobody", "/?days=7", "/queue?name=mail", "/retries?q=none", "/batches?q=x&tag=y&state=dead", "/limiters?q=x", "/periodic?q=x",
)  # fmt: skip
JOB = f"{4711}"


@pytest.mark.parametrize("path", LISTS)
def test_a_page_on_an_empty_server(browser: Browser, path: str) -> None:
    text = browser.page(path)
    assert "</html>" in text


def test_every_page_on_a_filled_server(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    bids = fill(backend.raw, client)
    assert "1,204,311" in browser.page("/")
    assert IDENTITY in browser.page("/busy")
    assert "import" in browser.page("/queues")
    assert "ada@example.com" in browser.page("/queue?name=mail")
    assert "line 42, in send_invoice" in browser.page("/failures")
    for path in ("/retries", "/dead", "/retries?q=smtpserver", "/dead?q=ADA"):
        assert "SMTPServerDisconnected" in browser.page(path), path
        assert "the selected jobs" in browser.page(path)
    assert "SMTPServerDisconnected" not in browser.page("/retries?q=nobody")
    assert "app.jobs.import_row" in browser.page("/scheduled")
    assert "app.jobs.send_invoice" in browser.page("/stats")
    assert "1 job that ran in the last hour<" in browser.page("/stats")
    assert "1 job that ran in the last 8 hours<" in browser.page("/stats?hours=8")
    assert "≤ 65 ms" in browser.page("/stats")
    page = browser.page("/stats/job?name=app.jobs.send_invoice&hours=8")
    assert page.count("<dd>≤ 65 ms</dd>") == 2
    assert "120 runs in 8 hours, of which 20 failed" in page
    assert "up to 0.065 s: 100 runs" in page
    assert "Nightly import" in browser.page("/batches")
    assert "Nightly import" not in browser.page("/batches?tag=billing")
    page = browser.page(f"/batches/{bids['nightly']}")
    assert "Regions" in page
    assert "no such region" in page
    assert 'aria-label="65.0 % done, 6 failing, 3 dead"' in page
    head = page[page.index("<h1>") : page.index('<div id="fresh">')]
    assert f"<code>{bids['nightly']}</code>" in head
    row = re.sub("<[^>]+>", "", browser.page("/batches"))
    assert "130 of 200, 6 failing, 3 dead" in row
    assert "3,120" in browser.page("/limiters")
    assert "Nobody holds" not in browser.page("/limiter?name=erp")
    assert "Europe/Berlin" in browser.page("/periodic")
    assert "Coming up" in browser.page("/entry?schedule=default&name=nightly-report")
    for place in ("retries", "dead"):
        assert "Connection unexpectedly closed" in browser.page(f"/job?in={place}&jid={JID}")
    assert "ada@example.com" in browser.page(f"/job?in=queue&queue=mail&jid={JID}&at=0")


def test_links_of_all_pages_lead_somewhere(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    seen: set[str] = set()
    waiting = ["/"]
    while waiting and len(seen) < 120:
        path = waiting.pop(0)
        seen.add(path)
        for link in re.findall(r'href="(/[^"#]*)"', browser.page(path)):
            found = link.replace("&amp;", "&")
            if found not in seen and found not in waiting and not found.startswith("/static"):
                waiting.append(found)
    assert len(seen) > 30


def test_jobs_of_sets_are_retried_killed_and_deleted(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    entry, retries = RetrySet().find(JID), len(RetrySet())
    assert entry is not None
    key = f"{entry.at.timestamp():f}|{JID}"
    assert "1 job moved to the dead." in browser.act("/retries", "kill", job=key)
    assert (len(RetrySet()), len(DeadSet())) == (retries - 1, 2)
    assert "gone already" in browser.act("/retries", "kill", job=key)
    assert "nothing was chosen" in browser.act("/retries", "kill")
    assert "2 jobs put back" in browser.act("/dead", "retry all")
    assert (len(DeadSet()), len(Queue("mail"))) == (0, 3)
    assert "1 job deleted." in browser.act("/scheduled", "clear")
    assert len(ScheduledSet()) == 0


def test_a_page_behind_the_last_is_the_last(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    shown = browser.page("/queue?name=import&page=99")
    assert "Page 14 of 14" in shown
    assert "No jobs wait here" not in shown
    assert JID in browser.page("/dead?page=2")


def test_what_a_search_finds_is_in_order_and_not_under_buttons_for_all(
    browser: Browser, backend: Backend, client: Shiftboss
) -> None:
    fill(backend.raw, client)
    shown = browser.page("/retries?q=app.jobs")
    due = {entry.jid: entry.at for entry in RetrySet()}
    assert re.findall(r'aria-label="Choose job (\w+)"', shown) == sorted(due, key=lambda jid: due[jid])
    assert "Retry all" not in shown
    assert "Retry all" in browser.page("/retries")


def test_what_should_have_run_already_is_overdue(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    past = time.time() - 90
    backend.raw.zadd("retry", {payload(JID, retry_count=0, error_class="ValueError"): past})
    backend.raw.zadd("dead", {payload("f" * 24, retry_count=0, error_class="ValueError"): past})
    assert re.search(r">\d+ s overdue<", browser.page("/retries"))
    assert re.search(r">\d+ s ago<", browser.page("/dead"))


def test_queues_are_paused_and_their_jobs_deleted(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    assert "Paused." in browser.act("/queues", "pause", queue="mail")
    assert Queue("mail").is_paused()
    assert "Resumed." in browser.act("/queue?name=mail", "resume")
    assert "1 job deleted." in browser.act("/queue?name=mail", "delete", job=f"0|{JID}")
    assert len(Queue("mail")) == 0
    size = len(Queue("import"))
    assert f"{size} jobs deleted." in browser.act("/queue?name=import", "clear")


def test_a_queue_says_whether_a_worker_serves_it(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    backend.raw.sadd("queues", "nobodys")
    Queue("resting").pause()
    states = re.findall(
        r'data-label="Queue"><a [^>]*><strong>(\w+)<.*?class="state [^"]*">([^<]+)<', browser.page("/queues"), re.S
    )
    assert states == [("import", "working"), ("mail", "working"), ("nobodys", "no worker"), ("resting", "paused")]


def test_processes_are_asked(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    assert "1 process was asked" in browser.act("/busy", "quiet", process=IDENTITY)
    assert "gone already" in browser.act("/busy", "stop", process="nobody:1:2")
    browser.act("/busy", "stop")
    assert backend.raw.lrange(f"{IDENTITY}-signals", 0, -1) == ["TERM", "TSTP"]
    assert len(ProcessSet()) == 1


def test_counters_are_reset_and_failures_forgotten(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    browser.act("/failures", "forget")
    assert len(Failures()) == 0
    assert "Reset." in browser.act("/", "reset")
    assert Stats.read().processed == 0


def test_a_batch_is_invalidated_and_deleted(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    bids = fill(backend.raw, client)
    assert "Invalidated" in browser.act(f"/batches/{bids['child']}", "invalidate")
    assert Batch.open(bids["child"]).status().invalidated
    assert "Deleted." in browser.act("/batches", "delete", bid=bids["empty"])
    with pytest.raises(BatchNotFound):
        Batch.open(bids["empty"]).status()


def test_a_batch_is_examined_and_mended(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    bids = fill(backend.raw, client)
    backend.raw.delete("queue:import")
    child, empty = f"/batches/{bids['child']}", f"/batches/{bids['empty']}"
    assert "15 jobs are in no queue" in browser.act(child, "examine")
    assert "15 jobs settled." in browser.act(child, "bury")
    assert Batch.open(bids["child"]).status().dead == 15
    assert "0 jobs settled." in browser.act(child, "give up")
    assert "Nothing is wrong" in browser.act(empty, "examine")
    assert "gone already" in browser.act(empty, "close")


def test_members_whose_process_is_gone_are_settled_apart(
    browser: Browser, backend: Backend, client: Shiftboss, monkeypatch: pytest.MonkeyPatch
) -> None:
    bid = fill(backend.raw, client)["child"]

    async def examine(bid: str, *, client: Shiftboss) -> list[Finding]:
        return [Finding(bid, "lost", "they are nowhere", (30,)), Finding(bid, "orphaned", "it is gone", (31, 32))]

    monkeypatch.setattr(doctor, "aexamine", examine)
    assert browser.act(f"/batches/{bid}", "examine").count('name="kind" value="orphaned"') == 2
    assert "2 jobs settled." in browser.act(f"/batches/{bid}", "bury", kind="orphaned")
    assert Batch.open(bid).status().dead == 2
    assert "1 job settled." in browser.act(f"/batches/{bid}", "bury", kind="lost")


def test_a_limiter_is_reset(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    assert "Reset." in browser.act("/limiters", "reset", limiter="sms")
    found = limiters.find("sms")
    assert found is not None
    assert found.peek().used == 0


def test_an_entry_is_paused_resumed_and_run(browser: Browser, backend: Backend, client: Shiftboss) -> None:
    fill(backend.raw, client)
    fields = {"schedule": "default", "entry": "heartbeat"}
    assert "Paused." in browser.act("/periodic", "pause", **fields)
    assert {one.entry.name for one in periodic.entries() if one.paused} == {"heartbeat", "cleanup"}
    browser.act("/entry?schedule=default&name=heartbeat", "resume", **fields)
    assert {one.entry.name for one in periodic.entries() if one.paused} == {"cleanup"}
    assert "It runs as soon as" in browser.act("/periodic", "run", **fields)
    assert periodic.history("heartbeat")[0].outcome == "run now"
    assert "run now" in browser.page("/entry?schedule=default&name=heartbeat")


def test_states_of_batches_are_offered_in_the_order_of_the_command_line(browser: Browser) -> None:
    assert tuple(re.findall(r"<option[^>]*>([a-z]+)</option>", browser.page("/batches"))) == STATES


def test_batches_are_paged(browser: Browser, client: Shiftboss) -> None:
    made = []
    for _ in range(130):
        batch = Batch(description="one of many")
        with batch.jobs():
            pass
        made.append(batch.bid)
    seen: list[str] = []
    path = "/batches"
    while path:
        text = browser.page(path)
        seen += re.findall(r"<code>([0-9a-f]{2}[\w-]{14})</code>", text)
        more = re.search(r'rel="next" href="([^"]+)"', text)
        path = more[1].replace("&amp;", "&") if more else ""
    assert sorted(seen) == sorted(made)
    assert len(BatchSet()) == 130


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/batches/nobody", "/batches/7cAAAAAAAAAAAAAA", "/limiter?name=nobody", "/entry?name=nobody", "/queue",
        "/job", "/job?in=retries&jid=nobody", "/job?in=queue&queue=mail&jid=nobody", "/batches?before=now", "/retries?q=a&from=b",
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code in (400, 404)
    assert "</html>" in answer.text


def test_numbers_that_are_none_are_left_out(browser: Browser) -> None:
    for path in (
        "/?days=x",
        "/?days=-1",
        "/retries?page=-2",
        "/retries?page=99999999999",
        f"/queue?name=mail&page={quote('²')}",
    ):
        browser.page(path)


@pytest.mark.backends("cluster")
def test_a_cluster_has_no_jobs_of_the_built_in_engine(browser: Browser, client: Shiftboss) -> None:
    with Batch(description="of another engine", client=client).jobs():
        pass
    limiters.concurrent("erp", 2).acquire()
    for path in ("/", "/batches", "/limiters", "/periodic"):
        text = browser.page(path)
        assert "/queues" not in text
        assert "/limiters" in text
    assert "of another engine" in browser.page("/batches")
    for path in ("/queues", "/busy", "/dead", "/retries", "/failures", "/job?in=dead&jid=x", "/queue?name=mail"):
        answer = browser.get(path)
        assert answer.status_code == 404
        assert "need a standalone Redis" in answer.text
    assert browser.post("/dead", data={"action": "clear"}, headers=SAME).status_code == 404


@pytest.mark.backends("embedded", "redis")  # which count commands
def test_a_page_asks_the_same_of_redis_however_much_there_is(
    browser: Browser, backend: Backend, client: Shiftboss
) -> None:
    def asked(path: str) -> int:
        browser.page(path)  # scripts and connections are there
        backend.raw.config_resetstat()
        browser.page(path)
        stats = backend.raw.info("commandstats")
        return sum(
            one["calls"] for name, one in stats.items() if not name.startswith(("cmdstat_config", "cmdstat_info"))
        )

    def make(some: int) -> None:
        parent = Batch(description="parent", client=client)
        with parent.jobs():
            for n in range(some):
                with Batch(description=f"child {n}", client=client).jobs():
                    import_row.perform_async(n)
                backend.raw.zadd("dead", {payload(f"{n:024x}"): n})
                limiters.bucket(f"limiter-{some}-{n}", 100, "hour", wait_timeout=0).acquire()

    make(60)
    lists = ("/", "/queues", "/queue?name=import", "/dead", "/limiters", "/batches")
    few = {path: asked(path) for path in lists}
    make(300)
    many = {path: asked(path) for path in lists}
    # More batches lie in more of the 256 lists, and each list is read once.
    assert {path: many[path] - few[path] for path in lists if many[path] > few[path] + 60} == {}


def test_a_batch_shows_the_newest_of_very_many_below_it(
    browser: Browser, client: Shiftboss, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shiftboss.web.pages.batch.SHOWN", 10)
    parent = Batch(description="parent", client=client)
    with parent.jobs():
        for n in range(30):
            with Batch(description=f"child {n}").jobs():
                pass
    text = browser.page(f"/batches/{parent.bid}")
    assert "the newest 10 batches" in text
    assert len(set(re.findall(r"child \d+", text))) == 10
    times = [status.created_at for status in parent.descendants()]
    assert [status.created_at for status in parent.descendants(2)] == times[-2:]
    assert len(times) == 30


def test_the_overview_tells_how_fast_jobs_run(
    browser: Browser, backend: Backend, client: Shiftboss, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("shiftboss.web.pace.monotonic", lambda: now[0])
    assert "in a moment" in browser.page("/")
    backend.raw.incrby("stat:processed", 90)
    backend.raw.incrby("stat:failed", 6)
    now[0] += 4
    text = browser.page("/")
    assert '<strong class="now">22.5</strong> now' in text
    assert "1.5 failed" in text


@pytest.mark.parametrize(
    "wrong", [{"concurrency": "many"}, {"queues": 5}, {"labels": 7}, {"started_at": "x"}, {"started_at": 1e30}]
)
def test_what_is_no_heartbeat_of_a_worker_is_left_out(
    browser: Browser, backend: Backend, wrong: dict[str, object]
) -> None:
    info = {"hostname": "x", "concurrency": 5, "queues": ["a"], "labels": [], "started_at": 1, **wrong}
    backend.raw.sadd("processes", "odd:1:2")
    backend.raw.hset("odd:1:2", mapping={"info": json.dumps(info), "busy": 1, "beat": 1})
    assert "odd:1:2" not in browser.page("/busy")


def test_a_time_zone_that_is_not_known_here_is_shown_in_utc(
    browser: Browser, backend: Backend, client: Shiftboss
) -> None:
    fill(backend.raw, client)
    key = PeriodicKeys(client.namespace, "default").entries
    entry = json.loads(backend.raw.hget(key, "nightly-report"))
    backend.raw.hset(key, "nightly-report", json.dumps({**entry, "timezone": "Mars/Olympus"}))
    assert "Mars/Olympus" in browser.page("/periodic")


def test_what_was_admitted_and_refused_is_shown(browser: Browser, client: Shiftboss) -> None:
    limiter = limiters.window("sms", 3, "hour", wait_timeout=0)
    for _ in range(5):
        limiter.try_acquire()
    text = browser.page("/limiter?name=sms")
    assert "5 attempts in 1 hour, of which 2 were refused" in text
    assert re.search(r"Over limit</dt><dd class=\"bad\">2<", text)
    assert "in 8 hours, of which 2" in browser.page("/limiter?name=sms&hours=8")
    assert "in 1 hour, of which 2" in browser.page("/limiter?name=sms&hours=99")


def test_times_of_a_history_have_their_seconds() -> None:
    assert in_zone(datetime(2026, 11, 28, 7, 0, tzinfo=UTC), "Europe/Berlin") == "Sat 28 Nov 2026, 08:00:00"
