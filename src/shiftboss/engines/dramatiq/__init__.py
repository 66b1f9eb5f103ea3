"""Dramatiq as the engine: ``install(broker, client)``, and every actor of the broker can be a member of a batch.

broker = RedisBroker(url="redis://localhost/0")
dramatiq.set_broker(broker)
install(broker)

@dramatiq.actor
def resize(path): ...

with Batch().on("success", "shop.photos:Album", {"id": 7}).jobs():
    for path in paths:
        resize.send(path)
"""

try:
    import dramatiq as _dramatiq
except ImportError as error:
    from shiftboss.errors import ConfigError

    raise ConfigError("Dramatiq is not installed; run: pip install 'shiftboss[dramatiq]'") from error

from shiftboss.engines.dramatiq.engine import DramatiqEngine
from shiftboss.engines.dramatiq.installing import client_of, install

del _dramatiq

__all__ = ["DramatiqEngine", "client_of", "install"]
