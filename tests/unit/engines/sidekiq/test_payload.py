"""Payloads: what Ruby wrote comes back as it was, and what cannot be a job is refused with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shiftboss.engines.sidekiq.payload import Payload, decode, encode, encode_open
from shiftboss.errors import JobError
from shiftboss.jobs import CallbackOf, Member, Message

JOB = {"class": "Resize", "args": ["a.png", 800], "queue": "low", "jid": "b4a577edbccf1d805744efa9"}
MESSAGE = Message("Resize", ("a.png", 800), "low", "b4a577edbccf1d805744efa9", options={"retry": True})


def wire(**changes: Any) -> bytes:
    return json.dumps({**JOB, **changes}).encode()


def read(raw: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(raw)
    return fields


def test_a_new_job_has_sidekiqs_fields() -> None:
    raw = encode(MESSAGE, created_at_ms=1_700_000_000_000, enqueued_at_ms=1_700_000_000_001)
    assert read(raw) == {**JOB, "retry": True, "created_at": 1_700_000_000_000, "enqueued_at": 1_700_000_000_001}


def test_a_scheduled_job_has_neither_at_nor_enqueued_at() -> None:
    raw = encode(replace(MESSAGE, at=1.5), created_at_ms=1_700_000_000_000, enqueued_at_ms=None)
    assert not {"at", "enqueued_at"} & set(read(raw))


def test_what_was_encoded_is_decoded() -> None:
    for batch in (None, Member("3f0a", 7), CallbackOf("3f0a", "success", 1)):
        message = replace(MESSAGE, batch=batch)
        assert decode(encode(message, created_at_ms=1_700_000_000_000, enqueued_at_ms=None)).message == message


@pytest.mark.parametrize(
    ("batch", "end"),
    [(Member("3f0a", 7), b',"sbm":["3f0a",7]}'), (CallbackOf("3f0a", "success", 1), b',"sbm":["3f0a","success",1]}')],
)
def test_the_batch_is_the_last_field(batch: Member | CallbackOf, end: bytes) -> None:
    raw = encode(replace(MESSAGE, batch=batch), created_at_ms=1, enqueued_at_ms=2)
    assert raw.endswith(end)
    failed = replace(decode(raw), retry_count=0, failed_at_ms=3, error_class="E", error_message="no")
    assert failed.encode(enqueued_at_ms=None).endswith(end)


def test_an_open_member_is_completed_by_its_position() -> None:
    times = {"created_at_ms": 1_700_000_000_000, "enqueued_at_ms": 1_700_000_000_000}
    for bid in ("3f0a", 'with "quotes"'):
        closed = encode(replace(MESSAGE, batch=Member(bid, 41)), **times)
        assert encode_open(MESSAGE, bid, **times) + b"41]}" == closed


def test_the_bytes_that_were_read_are_kept() -> None:
    raw = b' { "jid":"x", "queue":"q","args":[],"class":"A" } '
    assert decode(raw).raw == raw


def test_fields_of_others_survive() -> None:
    strange = {
        "cattr": {"tenant": 7},
        "wrapped": "Mailer",
        "locale": None,
        "at": 1.5,
        "bid": "pro",
        "error_backtrace": "eJ",
    }
    assert read(decode(wire(**strange)).encode(enqueued_at_ms=None)) == {**JOB, **strange}


def test_everything_a_retry_carries_survives() -> None:
    failure = {"retry_count": 2, "error_class": "IOError", "error_message": "gone\n€"}
    times = {"created_at": 1_700_000_000_000, "failed_at": 1_700_000_000_001, "retried_at": 1_700_000_000_002}
    told = {"retry": 5, "dead": False, "tags": ["a"], "sbm": ["3f0a", 0], **failure, **times}
    payload = decode(wire(**told))
    assert (payload.retry_count, payload.error_class, payload.failed_at_ms) == (2, "IOError", 1_700_000_000_001)
    assert read(payload.encode(enqueued_at_ms=None)) == {**JOB, **told}
    assert read(payload.encode(enqueued_at_ms=5))["enqueued_at"] == 5


def test_ruby_counts_below_zero_when_a_job_is_retried_by_hand() -> None:
    assert decode(wire(retry_count=-1)).retry_count == -1


def test_null_is_as_good_as_absent() -> None:
    payload = decode(wire(retry_count=None, error_class=None, created_at=None, sbm=None))
    assert (payload.retry_count, payload.error_class, payload.created_at_ms, payload.message.batch) == (None,) * 4


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, 2**64, -(2**70), 10**40, 0.1, -0.0, 1e16, 5e-324])
def test_numbers_survive_exactly(number: float) -> None:
    args = decode(decode(wire(args=[number])).encode(enqueued_at_ms=None)).message.args
    assert repr(args) == repr((number,))


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        (1_700_000_000_123, 1_700_000_000_123),
        (1_700_000_000.5, 1_700_000_000_500),
        (1_700_000_000, 1_700_000_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14T23:13:20.5+01:00", 1_700_000_000_500),
        ("2023-11-14T22:13:20", 1_700_000_000_000),
        ("yesterday", None),
        (True, None),
        ([], None),
        (-1e308, None),
    ],
)
def test_times_of_all_releases_are_understood(written: Any, milliseconds: int | None) -> None:
    assert decode(wire(created_at=written)).created_at_ms == milliseconds


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b'{"class":"A"', "not JSON"),
        (b'{"class":"A"} trailing', "not JSON"),
        (b'{"class":"\xff"}', "not JSON"),
        (b'{"class":NaN}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "expected a JSON object"),
        (b"null", "expected a JSON object"),
        (b'"text"', "expected a JSON object"),
        (b"{}", "class is missing"),
        (wire(**{"class": 7}), "expected class to be a string, got 7"),
        (wire(**{"class": ""}), "expected class to be a string, got ''"),
        (wire(args={}), "expected args to be an array, got {}"),
        (wire(args=None), "expected args to be an array, got None"),
        (wire(queue=None), "expected queue to be a string"),
        (wire(jid=12), "expected jid to be a string, got 12"),
        (wire(retry_count="2"), "expected retry_count to be an integer, got '2'"),
        (wire(retry_count=True), "expected retry_count to be an integer, got True"),
        *(
            (wire(sbm=sbm), "expected sbm to be")
            for sbm in ("x", [], ["a"], ["a", "b"], ["a", -1], ["a", True], ["a", 1.5])
        ),
        *((wire(sbm=sbm), "expected sbm to be") for sbm in ([1, 2], ["", 1], ["a", 1, 2], ["a", "b", -1], {}, 0)),
    ],
)
def test_what_is_no_job_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(JobError) as caught:
        decode(raw)
    message = str(caught.value)
    assert message.startswith("malformed job: ")
    assert reason in message
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.parametrize("name", ["class", "args", "queue", "jid"])
def test_a_field_that_every_job_has_is_named_when_it_is_missing(name: str) -> None:
    fields = {key: value for key, value in JOB.items() if key != name}
    with pytest.raises(JobError, match=f"{name} is missing"):
        decode(json.dumps(fields).encode())


def test_two_readings_of_one_job_are_equal() -> None:
    assert decode(wire()) == decode(b" " + wire())
    assert isinstance(decode(wire()), Payload)
