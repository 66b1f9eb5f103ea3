"""Its settings; the environment says where database and Redis are."""

import os

SECRET_KEY = "for tests"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "shiftboss.contrib.django", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SITE_DATABASE"]}}
SHIFTBOSS = {"url": os.environ["SITE_REDIS"]}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
