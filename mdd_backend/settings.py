"""All settings, from the environment (twelve-factor). Names and meanings: the table in README.md."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from . import env, gis
from .logs import configuration

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.read("DEBUG", env.boolean, False)
SECRET_KEY = env.read("DJANGO_SECRET_KEY", env.secret)
ALLOWED_HOSTS = env.read("DJANGO_ALLOWED_HOSTS", env.words, ["localhost", "127.0.0.1", "[::1]"])
PUBLIC_URL = env.read("PUBLIC_URL", env.url("http", "https"), "http://localhost")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.gis",
    "django.contrib.postgres",
    "phonenumber_field",
    "rest_framework",
    "apps.users",
    "apps.notifications",
    "apps.devices",
    "apps.sos",
    "apps.monitoring",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "mdd_backend.urls"
ASGI_APPLICATION = "mdd_backend.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "ru"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
APPEND_SLASH = False

GDAL_LIBRARY_PATH = gis.library("pyogrio", "libgdal")
GEOS_LIBRARY_PATH = gis.library("shapely", "libgeos_c")
gis.point_at_data()


# PostgreSQL is the record: a request that finds it gone must fail soon and say 503 (see mdd_backend/errors.py).
def _database(raw: str) -> dict[str, Any]:
    parsed: dict[str, Any] = environ.Env.db_url_config(raw)
    if not str(parsed.get("ENGINE", "")).endswith(("postgresql", "postgis")):
        raise ValueError("is not a URL like postgres://user:password@host:5432/name")
    return parsed


DATABASES = {
    "default": {
        **env.read("DATABASE_URL", _database),
        "ENGINE": "django.contrib.gis.db.backends.postgis",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "pool": {
                "min_size": 1,
                "max_size": env.read("DATABASE_POOL_SIZE", env.integer(1, 200), 16),
                "timeout": 2,
            },
            "connect_timeout": 2,
            "tcp_user_timeout": 5000,
            "options": "-c jit=off -c statement_timeout=10s -c idle_in_transaction_session_timeout=30s",
        },
    }
}

# Redis and Celery are only the hurry: nothing here may wait for them long.
REDIS_URL = env.read("REDIS_URL", env.url("redis", "rediss", "unix"))
REDIS_PREFIX = env.read("REDIS_PREFIX", str, "mdd:")
REDIS_TIMEOUT_S = 1.0
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": REDIS_PREFIX,
    "visibility_timeout": 60,
    "socket_timeout": 5,
    "socket_connect_timeout": REDIS_TIMEOUT_S,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "partitions": {"task": "devices.create_partitions", "schedule": timedelta(hours=1)},
}

AUTH_USER_MODEL = "users.User"
PHONENUMBER_DEFAULT_REGION = "UZ"
PHONENUMBER_DB_FORMAT = "E164"
PHONENUMBER_DEFAULT_FORMAT = "E164"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("phone_number", "full_name", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SIMPLE_JWT = {
    "SIGNING_KEY": env.read("JWT_SIGNING_KEY", env.secret, SECRET_KEY),
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=60),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=90),
    "USER_ID_FIELD": "uuid",
    "USER_ID_CLAIM": "user_uuid",
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.users.authentication.AccountAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["mdd_backend.rest.StrictJson"],
    "EXCEPTION_HANDLER": "mdd_backend.errors.answer",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "mdd_backend.rest.AlwaysJson",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}

# Firebase Cloud Messaging: a service account's key as JSON on one line, or the path of its file.
FCM_SERVICE_ACCOUNT_JSON = env.read("FCM_SERVICE_ACCOUNT_JSON", str, "")
FCM_ENDPOINT = env.read("FCM_ENDPOINT", env.url("http", "https"), "https://fcm.googleapis.com")
FCM_TIMEOUT_S = env.read("FCM_TIMEOUT_S", env.integer(1, 25), 10)

LOGGING_CONFIG = None
LOGGING = configuration(level=env.read("LOG_LEVEL", str.upper, "INFO"))

if DEBUG and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("DJANGO_ALLOWED_HOSTS: '*' must not be combined with DEBUG")
