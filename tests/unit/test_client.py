"""The client: configured once, entered, given; and when it may no longer be changed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import shiftboss
from shiftboss import ConfigError, Shiftboss
from shiftboss.client import configure, current_client, default_client
from shiftboss.store import command

PING = command("PING", [], [], bytes)


def test_the_default_is_made_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTBOSS_URL", "fake://environment")
    monkeypatch.setenv("SHIFTBOSS_NAMESPACE", "app")
    client = current_client()
    assert (client.settings.url, client.namespace) == ("fake://environment", "app")
    assert current_client() is client


@pytest.mark.parametrize(
    ("environ", "given", "url"),
    [
        ({}, None, "redis://localhost:6379/0"),
        ({"REDIS_URL": "fake://third"}, None, "fake://third"),
        ({"REDIS_URL": "fake://third", "SHIFTBOSS_URL": "fake://second"}, None, "fake://second"),
        ({"REDIS_URL": "fake://third", "SHIFTBOSS_URL": "fake://second"}, "fake://first", "fake://first"),
    ],
)
def test_the_first_source_that_says_something_wins(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], given: str | None, url: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert configure(given).settings.url == url


def test_what_is_configured_is_the_default() -> None:
    client = configure("fake://configured", namespace="app", timeout=2)
    assert current_client() is client
    assert (client.namespace, client.settings.timeout) == ("app", 2)


def test_nothing_is_made_to_tell_the_default() -> None:
    assert default_client() is None
    client = configure("fake://configured")
    assert default_client() is client


def test_before_its_first_use_it_may_be_configured_again() -> None:
    configure("fake://one")
    client = configure("fake://two")
    assert current_client() is client


def test_after_its_first_use_it_may_not() -> None:
    client = configure("fake://one")
    current_client()
    with pytest.raises(ConfigError) as caught:
        configure("fake://two")
    assert str(caught.value) == "configure() came too late: the default client is in use already; call it at start-up"
    assert current_client() is client


def test_a_default_from_the_environment_is_in_use_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "fake://environment")
    current_client()
    with pytest.raises(ConfigError, match="came too late"):
        configure("fake://two")


def test_a_client_that_is_entered_does_not_use_up_the_default() -> None:
    with Shiftboss("fake://inner"):
        current_client()
    assert configure("fake://default") is current_client()


def test_a_configuration_that_cannot_be_right_changes_nothing() -> None:
    client = configure("fake://one")
    with pytest.raises(ConfigError):
        configure("fake://two", timeout=-1)
    assert current_client() is client


def test_the_innermost_client_is_current() -> None:
    default = configure("fake://default")
    outer, inner = Shiftboss("fake://outer"), Shiftboss("fake://inner")
    with outer as entered:
        assert entered is outer is current_client()
        with inner:
            assert current_client() is inner
            with outer:
                assert current_client() is outer
            assert current_client() is inner
        assert current_client() is outer
    assert current_client() is default


def test_an_error_leaves_the_client_too() -> None:
    default = configure("fake://default")
    with pytest.raises(KeyError), Shiftboss("fake://inner"):
        raise KeyError
    assert current_client() is default


def test_a_thread_does_not_see_what_another_one_entered() -> None:
    default, seen = configure("fake://default"), []
    with Shiftboss("fake://inner"):
        thread = threading.Thread(target=lambda: seen.append(current_client()))
        thread.start()
        thread.join()
    assert seen == [default]


def test_one_client_may_be_entered_by_many_threads() -> None:
    client, seen = Shiftboss("fake://shared"), []
    first, second = threading.Event(), threading.Event()

    def one() -> None:
        with client:
            first.set()
            second.wait(5)
            seen.append(current_client())

    thread = threading.Thread(target=one)
    thread.start()
    first.wait(5)
    with client:
        second.set()
        thread.join()
        seen.append(current_client())
    assert seen == [client, client]


def test_tasks_have_their_own() -> None:
    default = configure("fake://default")

    async def enter(client: Shiftboss) -> bool:
        async with client:
            await asyncio.sleep(0)
            return current_client() is client

    async def main() -> list[bool]:
        inner = await asyncio.gather(*(enter(Shiftboss(f"fake://{n}")) for n in range(3)))
        return [*inner, current_client() is default]

    assert asyncio.run(main()) == [True] * 4


def test_it_connects_when_it_is_first_used_and_not_before() -> None:
    client = Shiftboss("redis://localhost:1/0")
    assert (client.namespace, repr(client)) == ("sb", "Shiftboss('redis://localhost:1/0', namespace='sb')")
    with client:
        assert current_client() is client
    client.close()


def test_a_closed_client_may_be_used_again() -> None:
    client = Shiftboss("fake://closed")
    assert client.store.run(PING) == b"PONG"
    client.close()
    client.close()
    assert client.store.run(PING) == b"PONG"


def test_an_event_loop_has_a_store_of_its_own() -> None:
    client = Shiftboss("fake://loops")

    async def main() -> Any:
        assert client.astore is client.astore
        assert await client.astore.run(PING) == b"PONG"
        store = client.astore
        await client.aclose()
        assert client.astore is not store
        return store

    assert asyncio.run(main()) is not asyncio.run(main())


def test_a_password_is_not_shown() -> None:
    client = Shiftboss("redis://user:secret@localhost:1/0")
    assert repr(client) == "Shiftboss('localhost:1/0', namespace='sb')"
    assert "secret" not in client.server.label


def test_a_password_among_the_options_is_not_shown() -> None:
    assert "secret" not in repr(Shiftboss("redis://localhost:1/0?password=secret"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://u:secret@h", "expected url to begin with one of "),
        ("redis://u:sec/ret@h", "cannot read the url 'redis://***@h'"),
        ("redis://:secret@h:x", "expected a port from 1 to 65535 in the url, got 'redis://***@h:x'"),
    ],
)
def test_a_url_that_cannot_be_right_is_reported_at_the_first_use(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _ = Shiftboss(url).store
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_something_that_is_no_client_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected client to be a redis\.Redis, a RedisCluster or a URL, got 5"):
        _ = Shiftboss(5).store


@pytest.mark.parametrize("name", shiftboss.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(shiftboss, name) is not None
    assert name in dir(shiftboss)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'shiftboss' has no attribute 'nothing'"):
        _ = shiftboss.nothing


def test_the_first_use_decides_in_a_fresh_process() -> None:
    code = (
        "import shiftboss\n"
        "shiftboss.configure('fake://a')\n"
        "shiftboss.current_client()\n"
        "try: shiftboss.configure('fake://b')\n"
        "except shiftboss.ConfigError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "refused\n"


@pytest.mark.parametrize("what", ["server", "store", "engine", "extensions"])
def test_threads_that_come_first_together_share_what_a_client_makes(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = getattr(Shiftboss, what).func
    monkeypatch.setattr(getattr(Shiftboss, what), "func", lambda client: (time.sleep(0.05), made(client))[1])
    client = Shiftboss("fake://together")
    start = threading.Barrier(4)

    def look(_: int) -> Any:
        start.wait()
        return getattr(client, what)

    with ThreadPoolExecutor(4) as threads:
        assert len({id(one) for one in threads.map(look, range(4))}) == 1
