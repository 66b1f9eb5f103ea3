"""What the seeds' commands would look like in Python."""

from __future__ import annotations

from typing import Any, ClassVar

from shiftboss import Job, job, requeue


class TooManyRequests(Exception):
    """What a service's client raises for status 429."""


class Deadlocked(Exception):
    """What a database raises."""


class RecordNotFound(LookupError):
    """What a model raises for an id that nobody has any more."""


ANSWERS: list[Any] = []
DONE: list[Any] = []


class ApplicationJob(Job, retry_on={Deadlocked: 5}, discard_on=RecordNotFound):
    """What all jobs of the application inherit."""


class SyncData(ApplicationJob, queue="dribble"):
    def perform(self, data_id: int) -> None:
        try:
            answer = ANSWERS.pop(0)
            if isinstance(answer, Exception):
                raise answer
            if answer["status"] == 429:
                requeue(float(answer["Retry-After"]))
        except TooManyRequests:
            requeue(0.01)
        DONE.append(data_id)


class NotifyUser(ApplicationJob):
    users: ClassVar[dict[int, str]] = {}

    def perform(self, user_id: int) -> None:
        if user_id not in self.users:
            raise RecordNotFound(f"no user {user_id}")
        DONE.append(self.users[user_id])


class NotifyUserStrictly(NotifyUser, discard_on=()):
    """The guard is off: a missing record is a failure here."""


class Deadlocks(ApplicationJob, retry=0):
    def perform(self) -> None:
        raise Deadlocked("again")


class ConfirmOrders(ApplicationJob):
    """Without an order it enqueues one job for each that waits for it, or two parts of one; with one it processes that."""

    unconfirmed: ClassVar[list[int]] = []

    def perform(self, order_id: int | None = None, activity: str | None = None) -> None:
        if order_id is None:
            self.perform_bulk((order,) for order in self.unconfirmed)
        elif activity is None:
            self.perform_async(order_id, "notify")
            self.perform_async(order_id, activity="mark_notified")
        else:
            DONE.append((order_id, activity))


@job(queue="low", retry=False)
def load_in_background(submission_id: int) -> None:
    DONE.append(submission_id)


@job
def send_gif(email: str, thought: str) -> str:
    DONE.append((email, thought))
    return f"sent {thought} to {email}"


@job
def weekly_report(recipients: str, start: str = "monday") -> None:
    DONE.append((recipients, start))


@job
def misnamed(recipients: str) -> None:
    DONE.append(emails)  # type: ignore[name-defined]  # noqa: F821  the mistake that a drain shows
