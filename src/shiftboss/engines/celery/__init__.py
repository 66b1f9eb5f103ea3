"""Celery as the engine: ``install(app, client)``, and every task of the app can be a member of a batch.

app = Celery("shop", broker="redis://localhost/0")
install(app)                      # before tasks are defined

@app.task
def resize(path): ...

with Batch().on("success", "shop.photos:Album", {"id": 7}).jobs():
    for path in paths:
        resize.delay(path)
"""

try:
    import celery as _celery
except ImportError as error:
    from shiftboss.errors import ConfigError

    raise ConfigError("Celery is not installed; run: pip install 'shiftboss[celery]'") from error

from shiftboss.engines.celery.clients import client_of
from shiftboss.engines.celery.engine import CeleryEngine
from shiftboss.engines.celery.installing import install
from shiftboss.engines.celery.task import ShiftbossTask

del _celery

__all__ = ["CeleryEngine", "ShiftbossTask", "client_of", "install"]
