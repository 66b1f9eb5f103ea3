"""Pushes in transactions, and says what was in the queue when."""

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from shop.jobs import agreet, greet  # noqa: E402

from shiftboss import Queue  # noqa: E402
from shiftboss.batches import Batch  # noqa: E402


class Undone(Exception):
    """Rolls a transaction back."""


def waiting() -> int:
    return len(Queue("default"))


call_command("migrate", verbosity=0)
with transaction.atomic():
    ann = User.objects.create(username="ann")
    assert len(greet.perform_async(ann.pk)) == 24
    assert waiting() == 0, "before the commit"
assert waiting() == 1, "after the commit"

try:
    with transaction.atomic():
        greet.perform_async(404)
        raise Undone
except Undone:
    pass
assert waiting() == 1, "after a rollback"

with transaction.atomic():
    bob = User.objects.create(username="bob")
with transaction.atomic(), Batch().jobs():
    greet.perform_async(bob.pk)
assert waiting() == 2, "of a batch"

eve = User.objects.create(username="eve")
agreet.perform_async(eve.pk)
greet.perform_bulk([(ann.pk,)])
assert waiting() == 4, "without a transaction"
