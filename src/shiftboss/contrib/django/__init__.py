"""Shiftboss in Django: add ``shiftboss.contrib.django`` to ``INSTALLED_APPS``.

    SHIFTBOSS = {"url": "redis://db:6379/0"}    # what `configure` takes; without it the environment says

Jobs in a module ``jobs`` of any app are known when Django is set up. Database connections that are too old are closed around
every job. ``@job(after_commit=True)`` pushes when the open transaction has been committed. ``manage.py shiftboss worker`` is
``shiftboss worker`` in a Django that is set up.
"""
