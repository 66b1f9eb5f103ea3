"""The project's jobs: a worker finds them here."""

import time

from shiftboss import job


@job
def resize(picture: int) -> None:
    time.sleep(0.1)
