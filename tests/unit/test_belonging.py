"""Which client an app belongs to: joined once, whoever comes first."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from shiftboss import ConfigError, Shiftboss
from shiftboss.belonging import Belonging
from tests.integration.batches.crew import Crew


@dataclass(eq=False)
class App:
    """What an engine runs the jobs of."""

    set_up: list[Shiftboss] = field(default_factory=list)


class Engine(Crew):
    """An engine that is an app's."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self.app = app


def test_threads_that_come_first_together_set_an_app_up_once() -> None:
    belonging: Belonging[App, Engine] = Belonging(Engine, "app", repr, kind="app")
    app, start = App(), threading.Barrier(4)

    def set_up(app: App, client: Shiftboss, _: Engine) -> None:
        time.sleep(0.05)
        app.set_up.append(client)
        assert belonging.join(app, None, set_up) is client, "what is set up may ask for it"

    def join(_: int) -> tuple[Shiftboss, int]:
        start.wait()
        return belonging.join(app, None, set_up), len(app.set_up)

    with ThreadPoolExecutor(4) as threads:
        joined = list(threads.map(join, range(4)))
    assert joined == [(app.set_up[0], 1)] * 4


def test_an_app_that_could_not_be_set_up_has_no_client() -> None:
    belonging: Belonging[App, Engine] = Belonging(Engine, "app", lambda _: "this app", kind="app")
    app = App()

    def fail(*_: object) -> None:
        raise ConfigError("too late")

    for _ in range(2):
        with pytest.raises(ConfigError, match="too late"):
            belonging.join(app, None, fail)
    with pytest.raises(ConfigError, match=r"does not know this app; call install\(app\)"):
        belonging.client_of(app)
