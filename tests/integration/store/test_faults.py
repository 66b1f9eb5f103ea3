"""A call is applied once, or its error is raised within its deadline: whatever happens on the way."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from redis import exceptions

from shiftboss.scripts import Call
from shiftboss.store import AsyncStore, command, server_of
from tests.integration.store.conftest import DEADLINE, Caller, add, echo, fails, frozen, in_time, later, once
from tests.proxy import FaultProxy
from tests.servers import HOST, ServerProcess, embedded_binary, free_port
from tests.waiting import wait_until

BOTH = pytest.mark.parametrize("call", [once, add])
LOST = (exceptions.ConnectionError, exceptions.TimeoutError)


@pytest.fixture(params=["drop_reply", "cut_reply", "reset_before"])
def broken(request: pytest.FixtureRequest, proxy: FaultProxy) -> Callable[[], Any]:
    """Breaks the connection at the next script: after it was applied, in the middle of its reply, or before."""
    if request.param == "cut_reply":
        return lambda: proxy.cut_reply(1, b"EVALSHA")
    return lambda: getattr(proxy, request.param)(b"EVALSHA")


# The connection breaks.


def test_a_lost_connection_is_made_up_for_by_sending_again(store: Caller, raw: Any, broken: Callable[[], Any]) -> None:
    fault = broken()
    delivery = store.deliver(once())
    assert (delivery.result, delivery.resent, fault.hits) == (1, True, 1)
    assert raw.get("{t}:n") == "1"


class Thing:
    """Something that a caller has at hand."""


def test_an_error_that_was_made_up_for_keeps_nothing_alive(store: Caller, raw: Any, broken: Callable[[], Any]) -> None:
    """What callers hold must not wait for the collector: a grant that was dropped would be renewed until then."""

    def call() -> weakref.ref[Thing]:
        thing = Thing()
        raw.script_flush()
        store.run(once())
        broken()
        store.run(once())
        return weakref.ref(thing)

    gc.collect()
    gc.disable()
    try:
        assert call()() is None
    finally:
        gc.enable()


def test_what_must_not_run_twice_is_reported_instead(store: Caller, raw: Any, broken: Callable[[], Any]) -> None:
    fault = broken()
    with in_time(), pytest.raises(exceptions.ConnectionError):
        store.run(add())
    assert fault.hits == 1
    assert int(raw.get("{t}:n") or 0) == (0 if fault.kind == "reset_before" else 1)
    before = int(raw.get("{t}:n") or 0)
    assert store.run(add()) == before + 1


def test_a_connection_that_breaks_every_time_is_reported_in_time(store: Caller, proxy: FaultProxy, raw: Any) -> None:
    proxy.drop_reply(b"EVALSHA", times=None)
    with in_time(), pytest.raises(LOST):
        store.run(once())
    assert raw.get("{t}:n") == "1"
    assert proxy.forwarded(b"{t}:token") < 25, "it pauses between tries"


@BOTH
def test_a_connection_the_server_closed_while_idle_is_no_error(
    connect: Callable[..., Caller], real: ServerProcess, raw: Any, call: Callable[[], Call[int]]
) -> None:
    store = connect(real.url, 5)
    store.run(echo(1))
    raw.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: len(raw.client_list()) == 1, what="the connections to be closed")
    assert store.run(call()) == 1
    assert raw.get("{t}:n") == "1"


# The reply is late.


@BOTH
def test_a_reply_within_the_deadline_is_waited_for(
    store: Caller, proxy: FaultProxy, raw: Any, call: Callable[[], Call[int]]
) -> None:
    proxy.delay(DEADLINE / 5, b"EVALSHA")
    delivery = store.deliver(call())
    assert (delivery.result, delivery.resent) == (1, False)
    assert raw.get("{t}:n") == "1"


@BOTH
def test_a_reply_beyond_the_deadline_is_reported_and_never_taken_for_another(
    store: Caller, proxy: FaultProxy, raw: Any, call: Callable[[], Call[int]]
) -> None:
    proxy.delay(DEADLINE * 2, b"EVALSHA")
    with in_time(), pytest.raises(exceptions.TimeoutError):
        store.run(call())
    assert raw.get("{t}:n") == "1"
    assert [store.run(echo(n), timeout=5) for n in range(7, 12)] == [7, 8, 9, 10, 11]


def test_a_call_may_have_a_deadline_of_its_own(store: Caller, proxy: FaultProxy) -> None:
    proxy.delay(DEADLINE * 2, b"EVALSHA")
    assert store.run(echo(5), timeout=10) == 5


# The server answers that it cannot.


@BOTH
def test_a_script_the_server_has_forgotten_is_sent_whole(
    store: Caller, raw: Any, call: Callable[[], Call[int]]
) -> None:
    raw.script_flush()
    delivery = store.deliver(call())
    assert (delivery.result, delivery.resent) == (1, False)
    assert raw.get("{t}:n") == "1"


@BOTH
@pytest.mark.parametrize(
    "answer",
    [
        b"-NOSCRIPT No matching script. Please use EVAL.\r\n",
        b"-READONLY You can't write against a read only replica.\r\n",
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-BUSY Redis is busy running a script.\r\n",
        b"-MASTERDOWN Link with MASTER is down\r\n",
        b"-CLUSTERDOWN Hash slot not served\r\n",
        b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
        b"-NOREPLICAS Not enough good replicas to write.\r\n",
    ],
    ids=lambda answer: answer[1:].split()[0].decode(),
)
def test_a_refusal_that_passes_is_waited_out(
    store: Caller, proxy: FaultProxy, raw: Any, call: Callable[[], Call[int]], answer: bytes
) -> None:
    fault = proxy.inject(answer, b"EVALSHA", times=2 if b"NOSCRIPT" not in answer else 1)
    delivery = store.deliver(call())
    assert (delivery.result, delivery.resent) == (1, False)
    assert fault.left == 0
    assert raw.get("{t}:n") == "1"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"-READONLY You can't write against a read only replica.\r\n", exceptions.ReadOnlyError),
        (b"-LOADING Redis is loading the dataset in memory\r\n", exceptions.BusyLoadingError),
        (b"-BUSY Redis is busy running a script.\r\n", exceptions.ResponseError),
    ],
)
def test_a_refusal_that_stays_is_raised_in_time(
    store: Caller, proxy: FaultProxy, answer: bytes, error: type[Exception]
) -> None:
    fault = proxy.inject(answer, b"EVALSHA", times=None)
    with in_time(), pytest.raises(error):
        store.run(once())
    assert 2 <= fault.hits < 25, "it tries again, with pauses"


@pytest.mark.parametrize(
    "answer",
    [
        b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        b"-MISCONF no\r\n",
        b"-BUSYKEY Target exists\r\n",
    ],
)
def test_a_refusal_that_waiting_does_not_help_is_raised_at_once(
    store: Caller, proxy: FaultProxy, answer: bytes
) -> None:
    fault = proxy.inject(answer, b"EVALSHA", times=None)
    with pytest.raises(exceptions.ResponseError):
        store.run(once())
    assert fault.hits == 1


def test_an_error_in_a_script_leaves_the_connection_as_it_was(store: Caller, proxy: FaultProxy) -> None:
    connections = proxy.connections
    for _ in range(3):
        with pytest.raises(exceptions.ResponseError, match="not an integer"):
            store.run(fails())
    assert store.run(echo(4)) == 4
    assert proxy.connections == connections


# The server is frozen, away, or full.


@BOTH
def test_a_frozen_server_is_reported_in_time(
    store: Caller, real: ServerProcess, raw: Any, call: Callable[[], Call[int]]
) -> None:
    with frozen(real), in_time(), pytest.raises(LOST):
        store.run(call())
    with frozen(real), in_time(), pytest.raises(LOST):
        store.run(call(), timeout=DEADLINE)
    assert store.run(echo(3), timeout=5) == 3
    assert int(raw.get("{t}:n") or 0) <= 2


def test_a_frozen_server_does_not_hold_up_a_large_command(connect: Callable[..., Caller], real: ServerProcess) -> None:
    store = connect(real.url)
    store.run(echo(1))
    with frozen(real), in_time(), pytest.raises(LOST):
        store.run(command("SET", ["{t}:large"], [b"x" * 20_000_000], bool))


@BOTH
def test_a_silent_connection_is_reported_in_time_and_left_behind(
    store: Caller, proxy: FaultProxy, raw: Any, call: Callable[[], Call[int]]
) -> None:
    proxy.blackhole(b"EVALSHA", times=1)
    with in_time(), pytest.raises(exceptions.TimeoutError):
        store.run(call())
    wait_until(lambda: _answers(store), what="an answer over a new connection")
    assert raw.get("{t}:n") is None


def _answers(store: Caller) -> bool:
    try:
        return store.run(echo(6)) == 6
    except exceptions.TimeoutError:
        return False


@pytest.mark.asyncio
async def test_a_silent_connection_is_left_behind_though_callers_have_shorter_timeouts_of_their_own(
    proxy: FaultProxy,
) -> None:
    store = AsyncStore(server_of(proxy.url), timeout=30)
    assert await store.run(echo(1)) == 1
    connections = proxy.connections
    proxy.blackhole(b"EVALSHA", times=1)
    async with asyncio.timeout(20):
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    assert await store.run(echo(2)) == 2
                    break
    assert proxy.connections == connections + 1
    await store.aclose()


def test_a_frozen_server_is_reported_in_time_at_the_first_connection(
    connect: Callable[..., Caller], proxy: FaultProxy
) -> None:
    proxy.blackhole()
    with in_time(), pytest.raises(exceptions.TimeoutError):
        connect(proxy.url).run(once())


@BOTH
def test_a_server_that_comes_back_in_time_is_waited_for(
    store: Caller, proxy: FaultProxy, raw: Any, call: Callable[[], Call[int]]
) -> None:
    # Connections are refused, so whatever is sent later was surely not sent before.
    proxy.refuse()
    with later(0.2, proxy.heal):
        assert store.run(call(), timeout=5) == 1
    assert raw.get("{t}:n") == "1"


def test_a_server_that_does_not_come_back_is_reported_in_time(store: Caller, proxy: FaultProxy) -> None:
    fault = proxy.refuse()
    with in_time(), pytest.raises(LOST):
        store.run(once())
    assert 2 <= fault.hits < 25


def test_a_restarted_server_is_found_again(connect: Callable[..., Caller]) -> None:
    with ServerProcess(embedded_binary()) as server:
        store = connect(server.url, 10)
        assert store.run(once()) == 1
        server.kill()
        with later(0.2, server.start):
            assert store.run(once()) == 1


def test_a_server_that_was_never_there_is_reported_at_once(connect: Callable[..., Caller]) -> None:
    with in_time(0), pytest.raises(exceptions.ConnectionError):
        connect(f"redis://{HOST}:{free_port()}/0", 30).run(once())


@pytest.fixture(scope="module")
def locked() -> Iterator[ServerProcess]:
    with ServerProcess(embedded_binary(), "--requirepass", "right") as server:
        yield server


@pytest.mark.parametrize(("login", "auths"), [("", 0), (":wrong@", 1), ("nobody:right@", 1)])
def test_a_wrong_password_is_reported_at_once(
    connect: Callable[..., Caller], locked: ServerProcess, login: str, auths: int
) -> None:
    with FaultProxy(locked.address) as proxy:
        with in_time(0), pytest.raises(exceptions.AuthenticationError):
            connect(proxy.url.replace("//", f"//{login}"), 30).run(once())
        assert proxy.seen(b"AUTH") == auths
        assert proxy.connections == 1


def test_the_right_password_is_accepted(connect: Callable[..., Caller], locked: ServerProcess) -> None:
    url = locked.url.replace("//", "//:right@")
    assert connect(url).run(echo(8)) == 8


def test_too_many_clients_are_waited_out_by_one_that_was_there_before(
    store: Caller, proxy: FaultProxy, raw: Any
) -> None:
    allowed = raw.config_get("maxclients")["maxclients"]
    raw.config_set("maxclients", 1)
    with later(0.2, lambda: raw.config_set("maxclients", allowed)):
        proxy.rst_all()
        assert store.run(add(), timeout=5) == 1
    assert raw.get("{t}:n") == "1"


def test_too_many_clients_are_reported_in_time(connect: Callable[..., Caller], proxy: FaultProxy, raw: Any) -> None:
    allowed = raw.config_get("maxclients")["maxclients"]
    raw.config_set("maxclients", 1)
    try:
        with in_time(), pytest.raises(exceptions.ConnectionError):
            connect(proxy.url).run(once())
    finally:
        raw.config_set("maxclients", allowed)


# Several at once.


def test_many_come_back_in_order(store: Caller) -> None:
    assert store.run_many([echo(n) for n in range(500)], timeout=10) == list(range(500))
    assert store.run_many([]) == []


def test_one_that_fails_among_many_is_raised_and_the_others_run(store: Caller, raw: Any) -> None:
    with pytest.raises(exceptions.ResponseError, match="not an integer"):
        store.run_many([once("{t}:a"), fails(), once("{t}:b")])
    assert [raw.get("{t}:a"), raw.get("{t}:b")] == ["1", "1"]
    assert store.run_many([echo(n) for n in range(5)]) == list(range(5))


def test_many_after_the_server_forgot_the_scripts(store: Caller, raw: Any) -> None:
    raw.script_flush()
    assert store.run_many([add(f"{{t}}:{n}") for n in range(20)], timeout=10) == [1] * 20
    assert {raw.get(f"{{t}}:{n}") for n in range(20)} == {"1"}


@BOTH
def test_a_connection_that_breaks_among_many(
    store: Caller, raw: Any, proxy: FaultProxy, call: Callable[[str], Call[int]]
) -> None:
    proxy.drop_reply(b"{t}:3")
    calls = [call(f"{{t}}:{n}") for n in range(8)]
    try:
        assert store.run_many(calls) == [1] * 8
        assert call is once
    except exceptions.ConnectionError:
        assert call is add
    assert {int(raw.get(f"{{t}}:{n}") or 0) for n in range(8)} <= {0, 1}
    assert store.run(echo(9)) == 9


def test_one_that_was_refused_among_many_leaves_the_others_their_own_fate(
    store: Caller, raw: Any, proxy: FaultProxy
) -> None:
    # redis-py closes the connection on this answer: the replies to what was sent after it are lost.
    proxy.inject(b"-LOADING Redis is loading the dataset in memory\r\n", b"{t}:0")
    with pytest.raises(exceptions.ConnectionError):
        store.run_many([add(f"{{t}}:{n}") for n in range(8)])
    assert store.run(echo(2)) == 2
    assert {int(raw.get(f"{{t}}:{n}") or 0) for n in range(8)} <= {0, 1}
