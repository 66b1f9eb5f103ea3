"""Jobs as a type checker sees them: what it must accept, and, on lines that say so, what it must refuse.

A line marked ``# error: <words>`` has to be refused with those words; test_marks.py holds mypy to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import assert_type

from shiftboss import Job, JobId, job
from shiftboss.batches import Batch, enqueue_after
from shiftboss.jobs import Message


@job
def resize(path: str, width: int = 800) -> bytes:
    return b""


@job(queue="critical", retry=5, tags=["pictures"], dead=False)
async def fetch(url: str) -> str:
    return url


class Crop(Job, queue="low", retry=False, name="Crop"):
    def perform(self, path: str, width: int = 800) -> None: ...

    def retry_in(self, count: int, error: BaseException) -> float | None:
        return 10 * count


class Load(Job):
    async def perform(self, url: str) -> None: ...


def resize_one() -> JobId:
    return resize.perform_async("a.png")


def rows() -> Iterator[tuple[str, int]]:
    yield "a.png", 1


async def accepted() -> None:
    assert_type(resize("a.png"), bytes)
    assert_type(resize("a.png", width=1), bytes)
    assert_type(await fetch("x"), str)
    assert_type(resize.perform_async("a.png", width=1), JobId)
    assert_type(resize.perform_in(30, "a.png"), JobId)
    assert_type(resize.perform_in(timedelta(minutes=1), "a.png", 1), JobId)
    assert_type(resize.perform_at(datetime.now(UTC), "a.png"), JobId)
    assert_type(resize.perform_at(1.5e9, "a.png"), JobId)
    assert_type(resize.perform_bulk(rows()), list[JobId])
    assert_type(resize.perform_bulk([("a.png",), ["b.png", 1]]), list[JobId])
    assert_type(resize.perform_inline("a.png"), bytes)
    assert_type(await fetch.perform_inline("x"), str)
    assert_type(resize.set(queue="low", retry=False).perform_async("a.png"), JobId)
    assert_type(await resize.aperform_async("a.png"), JobId)
    assert_type(await resize.aperform_in(30, "a.png"), JobId)
    assert_type(await resize.aperform_at(1.5e9, "a.png"), JobId)
    assert_type(await resize.aperform_bulk(rows()), list[JobId])
    assert_type(Crop.perform_async("a.png"), JobId)
    assert_type(resize.call("a.png", width=1), Message)
    assert_type(enqueue_after([resize.call("a.png"), Batch(), "id", resize_one], resize, "b.png"), Batch)
    assert_type(Crop.set(queue="high").perform_in(1, "a.png"), JobId)
    assert_type(await Load.aperform_async("x"), JobId)
    jid: str = Crop.perform_async("a.png")
    jid.upper()


async def refused() -> None:
    await resize.perform_async("a.png")  # type: ignore[misc]  # error: Incompatible types in "await"
    await Crop.perform_async("a.png")  # type: ignore[misc]  # error: Incompatible types in "await"
    resize.perform_async()  # type: ignore[call-arg]  # error: Missing positional argument "path"
    resize.perform_async(1)  # type: ignore[arg-type]  # error: incompatible type "int"; expected "str"
    resize.perform_async("a.png", 1, 2)  # type: ignore[call-arg]  # error: Too many arguments
    resize.perform_async("a.png", widht=1)  # type: ignore[call-arg]  # error: Unexpected keyword argument "widht"
    resize.perform_in("a.png")  # type: ignore[call-arg, arg-type]  # error: Missing positional argument
    resize.perform_in("30", "a.png")  # type: ignore[arg-type]  # error: incompatible type "str"
    resize.perform_at("tomorrow", "a.png")  # type: ignore[arg-type]  # error: incompatible type "str"
    resize.call(1)  # type: ignore[arg-type]  # error: incompatible type "int"; expected "str"
    enqueue_after([1], resize, "b.png")  # type: ignore[list-item]  # error: List item 0 has incompatible type "int"
    resize.perform_bulk([1, 2])  # type: ignore[list-item]  # error: has incompatible type "int"
    resize.set(que="low")  # type: ignore[call-arg]  # error: Unexpected keyword argument "que"
    resize.set(retry="often")  # type: ignore[arg-type]  # error: incompatible type "str"
    job(retries=3)  # type: ignore[call-overload]  # error: Unexpected keyword argument "retries"
    job("critical")  # type: ignore[call-overload]  # error: No overload variant


class Wrong(Job, queue=5):  # type: ignore[arg-type]  # error: incompatible type "int"; expected "str"
    def perform(self) -> None: ...


class Unknown(Job, retries=5):  # type: ignore[call-arg]  # error: Unexpected keyword argument "retries"
    def perform(self) -> None: ...
