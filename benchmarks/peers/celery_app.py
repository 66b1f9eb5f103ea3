import celery
from counting import URL, tick

app = celery.Celery("bench", broker=URL)
app.conf.update(worker_prefetch_multiplier=64, task_ignore_result=True)


@app.task(name="noop")
def noop() -> None:
    tick()


def push(count: int) -> None:
    for _ in range(count):
        noop.delay()
