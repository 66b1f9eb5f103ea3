"""A client whose process may die between any two calls to Redis, and whose replies may be lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from shiftboss import plan
from shiftboss.plan import Many, Plan, Step
from shiftboss.scripts import Call
from tests.backends import BackendClient

T = TypeVar("T")


class Crashed(BaseException):
    """The process is gone: nothing after this happens."""


class FaultyClient(BackendClient):
    """Performs plans step by step, with the faults of the `faults` around it."""

    _steps_left: int | None = None
    _lossy = False

    @contextmanager
    def faults(self, crash_after: int | None, *, lossy: bool) -> Iterator[None]:
        """Faults of what is performed inside.

        Args:
            crash_after: Steps that are taken before the process dies; None lets it live.
            lossy: Whether the first reply of each call is lost, so that the call is sent again.
        """
        self._steps_left, self._lossy = crash_after, lossy
        try:
            yield
        finally:
            self._steps_left, self._lossy = None, False

    def perform(self, steps: Plan[T]) -> T:
        try:
            step = next(steps)
            while True:
                self._live_on(steps)
                try:
                    result = self._take(step)
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _live_on(self, steps: Plan[Any]) -> None:
        if self._steps_left == 0:
            steps.close()
            raise Crashed
        if self._steps_left is not None:
            self._steps_left -= 1

    def _take(self, step: Step) -> Any:
        if self._lossy and isinstance(step, Call | Many):
            plan._take(step, self.store)
            again = plan._take(step, self.store)
            return replace(again, resent=True) if isinstance(step, Call) else again
        return plan._take(step, self.store)
