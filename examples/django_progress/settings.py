"""The least that a project needs; a real one keeps its key elsewhere."""

import os

SECRET_KEY = os.environ.get("SECRET_KEY", "for the example only")
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
DEBUG = False
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["shop", "shiftboss.contrib.django"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
