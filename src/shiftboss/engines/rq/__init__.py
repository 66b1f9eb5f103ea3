"""RQ as the engine: ``install(redis)``, `ShiftbossQueue` in the place of ``Queue``, `ShiftbossWorker` in that of ``Worker``.

redis = Redis()
install(redis)
low = ShiftbossQueue("low", connection=redis)

with Batch().on("success", "shop.photos:Album", {"id": 7}).jobs():
    for path in paths:
        low.enqueue("shop.photos.resize", path)

    rq worker --with-scheduler -w shiftboss.engines.rq.ShiftbossWorker low
"""

try:
    import rq as _rq
except ImportError as error:
    from shiftboss.errors import ConfigError

    raise ConfigError("RQ is not installed; run: pip install 'shiftboss[rq]'") from error

from shiftboss.engines.rq.engine import RqEngine
from shiftboss.engines.rq.installing import install
from shiftboss.engines.rq.job import ShiftbossJob
from shiftboss.engines.rq.queue import ShiftbossQueue
from shiftboss.engines.rq.worker import ShiftbossSimpleWorker, ShiftbossWorker

del _rq

__all__ = ["RqEngine", "ShiftbossJob", "ShiftbossQueue", "ShiftbossSimpleWorker", "ShiftbossWorker", "install"]
