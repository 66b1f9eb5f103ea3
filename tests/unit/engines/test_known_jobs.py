"""What engines know of jobs by their names, for those that enqueue them without arguments."""

from __future__ import annotations

import dramatiq
import pytest
from celery import Celery
from dramatiq.brokers.stub import StubBroker

from shiftboss.engines.celery.engine import CeleryEngine
from shiftboss.engines.dramatiq.engine import DramatiqEngine


@pytest.mark.filterwarnings("ignore:\\s*The 'queue' task attribute is deprecated")  # and in use all the same
def test_celery_knows_where_a_task_is_routed_and_what_it_takes() -> None:
    app = Celery("known", broker="memory://", set_as_current=False)
    app.conf.task_routes = {"routed": {"queue": "far"}}

    @app.task(shared=False, name="plain")
    def plain(x: int = 1) -> None: ...

    @app.task(shared=False, name="own", queue="low")
    def own(x: int) -> None: ...

    @app.task(shared=False, name="routed")
    def routed() -> None: ...

    engine = CeleryEngine(app)
    found = {name: engine.known(name) for name in ("plain", "own", "routed", "nobody")}
    assert found["nobody"] is None
    assert [(known.queue, bool(known.problem)) for known in found.values() if known] == [
        ("celery", False),
        ("low", True),
        ("far", False),
    ]


def test_dramatiq_knows_an_actors_queue_and_what_it_takes() -> None:
    broker = StubBroker()

    @dramatiq.actor(queue_name="low", broker=broker)
    def plain() -> None: ...

    @dramatiq.actor(broker=broker)
    def needs(x: int) -> None: ...

    engine = DramatiqEngine(broker)
    known, problem, nobody = (engine.known(name) for name in ("plain", "needs", "nobody"))
    assert known is not None
    assert (known.queue, known.problem) == ("low", "")
    assert problem is not None
    assert problem.problem == "needs() missing a required argument: 'x'"
    assert nobody is None
