"""All settings, from the environment (twelve-factor). Names and meanings: the table in README.md."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab

from . import env, reports, safety
from .api import openapi_settings
from .database import gis
from .gateways import GATEWAYS
from .logs import configuration

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.read("DEBUG", env.boolean, False)
SECRET_KEY = env.read("DJANGO_SECRET_KEY", env.secret)
SECRET_KEY_FALLBACKS = env.read("SECRET_KEY_FALLBACKS", env.secrets, [])
ALLOWED_HOSTS = env.read("DJANGO_ALLOWED_HOSTS", env.words, ["localhost", "127.0.0.1", "[::1]"])
PUBLIC_URL = env.read("PUBLIC_URL", env.url("http", "https"), "http://localhost")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.postgres",
    "axes",
    "corsheaders",
    "django_filters",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "drf_spectacular",
    "drf_spectacular_sidecar",
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
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "mdd_backend.web.csp.ContentSecurityPolicy",
    "apps.users.admin_networks.AdminNetworks",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "mdd_backend/templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "mdd_backend.urls"
ASGI_APPLICATION = "mdd_backend.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "ru"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
APPEND_SLASH = False

# Static files of the admin and of the API's pages, as collectstatic gathers them (served in mdd_backend/asgi.py).
STATIC_URL = "/static/"
STATIC_ROOT = env.read("STATIC_ROOT", Path, BASE_DIR / "static")
HASHED = "mdd_backend.web.static.HashedFiles"  # names that a cache may keep for ever
PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {"staticfiles": {"BACKEND": HASHED if env.read("STATIC_HASHED", env.boolean, False) else PLAIN}}

CORS_ALLOWED_ORIGINS = env.read("CORS_ALLOWED_ORIGINS", env.origins, [])
CORS_ALLOW_ALL_ORIGINS = env.read("CORS_ALLOW_ALL_ORIGINS", env.boolean, False)
CORS_URLS_REGEX = r"^/api/"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SESSION_ENGINE = "apps.users.rules.browser_sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60  # a dispatcher's shift
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")

GDAL_LIBRARY_PATH = gis.library("pyogrio", "libgdal")
GEOS_LIBRARY_PATH = gis.library("shapely", "libgeos_c")
gis.point_at_data()


# PostgreSQL is the record: a request that finds it gone must fail soon and say 503 (see mdd_backend/api/errors.py).
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
            # Only what asks for it is prepared, and planned once: apps/devices/rules/recording.py.
            "prepare_threshold": 2**31,
            "options": "-c jit=off -c plan_cache_mode=force_generic_plan"
            " -c statement_timeout=10s -c idle_in_transaction_session_timeout=30s",
        },
    }
}

# For `migrate`, by the owner of the tables: whose roles it gives their rights (mdd_backend/database/rights.py).
SERVICE_DATABASE = env.read("SERVICE_DATABASE_URL", _database, None)
BACKUP_DATABASE = env.read("BACKUP_DATABASE_URL", _database, None)

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
    "beat": {"task": "monitoring.beat", "schedule": timedelta(seconds=30), "options": {"expires": 60}},
    "devices": {"task": "monitoring.device_watch", "schedule": timedelta(seconds=60), "options": {"expires": 60}},
    "partitions": {"task": "devices.create_partitions", "schedule": timedelta(hours=1)},
    "old tracks": {"task": "sos.drop_old_tracks", "schedule": crontab(hour="20-23", minute=30)},
    "old rows": {"task": "sos.forget_old", "schedule": crontab(hour=21, minute=15)},
    "tokens": {"task": "users.flush_expired_tokens", "schedule": crontab(hour=22, minute=0)},
    "counts of texts": {"task": "notifications.forget_text_counts", "schedule": crontab(hour=22, minute=20)},
    "push tokens": {"task": "notifications.retire_push_tokens", "schedule": crontab(hour=22, minute=10)},
}

AUTH_USER_MODEL = "users.User"
PHONENUMBER_DEFAULT_REGION = "UZ"
PHONENUMBER_DB_FORMAT = "E164"
PHONENUMBER_DEFAULT_FORMAT = "E164"
PASSWORD_HASHERS = ["mdd_backend.hashing.QueuedArgon2"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("phone_number", "full_name", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]

# Wrong passwords: beyond so many of one phone each waits longer, up to LOGIN_LOCK_S; so many from one address lock it
# for as long. Many phones share an address.
LOGIN_FAILURES_PER_PHONE = env.read("LOGIN_FAILURES_PER_PHONE", env.integer(1, 1000), 5)
LOGIN_FAILURES_PER_ADDRESS = env.read("LOGIN_FAILURES_PER_ADDRESS", env.integer(1, 100_000), 100)
AXES_COOLOFF_TIME = timedelta(seconds=env.read("LOGIN_LOCK_S", env.integer(1, 86_400), 900))
# So many new accounts an hour from one address are taken at once; more wait, for minutes (apps/users/rules/limits.py).
REGISTRATIONS_PER_ADDRESS = env.read("REGISTRATIONS_PER_ADDRESS", env.integer(1, 100_000), 20)
AXES_HANDLER = "apps.users.api.lockout.LoginLimits"
AXES_FAILURE_LIMIT = LOGIN_FAILURES_PER_PHONE
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "apps.users.api.lockout.phone_of"
AXES_CLIENT_IP_CALLABLE = "apps.users.api.lockout.address_of"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS = [
    "axes.W002",  # its middleware is not needed: apps/users/admin_login.py
    "security.W004",  # HSTS and
    "security.W008",  # the redirect to TLS are the proxy's: nginx/prod.conf
]

# Dispatchers give a second factor, after a week of grace; and the admin is shown in these networks only.
DISPATCHER_2FA = env.read("DISPATCHER_2FA", env.boolean, not DEBUG)
ADMIN_NETWORKS = env.read("ADMIN_NETWORKS", env.networks, [])

JWT_SIGNING_KEY = env.read("JWT_SIGNING_KEY", env.secret, SECRET_KEY)
JWT_OLDER_KEYS = env.read("JWT_OLDER_KEYS", env.secrets, [])
if JWT_SIGNING_KEY == SECRET_KEY:
    JWT_OLDER_KEYS += SECRET_KEY_FALLBACKS
SIMPLE_JWT = {
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=60),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=90),
    "USER_ID_FIELD": "uuid",
    "USER_ID_CLAIM": "user_uuid",
    "AUTH_TOKEN_CLASSES": ("apps.users.rules.tokens.AccessToken",),
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.devices.api.authentication.DeviceTokenAuthentication",
        "apps.users.api.authentication.AccountAuthentication",
        "apps.users.api.authentication.DispatcherSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["mdd_backend.api.rest.StrictJson"],
    "EXCEPTION_HANDLER": "mdd_backend.api.errors.answer",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "mdd_backend.api.rest.AlwaysJson",
    "DEFAULT_SCHEMA_CLASS": "mdd_backend.api.openapi.Schema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "mdd_backend.api.paging.Pages",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = openapi_settings.SETTINGS

# What phones and watches are told to do (GET /api/v1/config/): versions as 1.2.3, intervals in seconds.
MIN_APP_VERSIONS = {
    "android": env.read("MIN_APP_VERSION_ANDROID", env.version, "1.0.0"),
    "ios": env.read("MIN_APP_VERSION_IOS", env.version, "1.0.0"),
}
LOCATION_INTERVAL_S = env.read("LOCATION_INTERVAL_S", env.integer(1, 86_400), 60)
LOCATION_INTERVAL_SOS_S = env.read("LOCATION_INTERVAL_SOS_S", env.integer(1, 86_400), 5)
STATUS_INTERVAL_S = env.read("STATUS_INTERVAL_S", env.integer(1, 86_400), 300)
DEVICES_PER_ACCOUNT = env.read("DEVICES_PER_ACCOUNT", env.integer(1, 100_000), 50)  # unless its own says another number
TRACK_RETENTION_DAYS = env.read("TRACK_RETENTION_DAYS", env.integer(1, 36_500), 90)
PAYLOAD_RETENTION_DAYS = env.read("PAYLOAD_RETENTION_DAYS", env.integer(1, 36_500), 90)
NOTIFICATION_RETENTION_DAYS = env.read("NOTIFICATION_RETENTION_DAYS", env.integer(1, 36_500), 180)
EVENT_RETENTION_DAYS = env.read("EVENT_RETENTION_DAYS", env.integer(1, 36_500), 1095)
LOOK_RETENTION_DAYS = env.read("LOOK_RETENTION_DAYS", env.integer(1, 36_500), 1095)
HELPERS_AUTO_APPROVE = env.read("HELPERS_AUTO_APPROVE", env.boolean, False)

# The console's map: a MapLibre style, or raster tiles as https://…/{z}/{x}/{y}.png with whom to name for them; neither:
# the outline map that comes with the code. Whatever else the style loads from is named in MAP_ORIGINS.
MAP_STYLE_URL = env.read("MAP_STYLE_URL", env.url("http", "https"), "")
MAP_TILES_URL = env.read("MAP_TILES_URL", env.url("http", "https"), "")
MAP_ATTRIBUTION = env.read("MAP_ATTRIBUTION", str, "")
MAP_ORIGINS = env.read("MAP_ORIGINS", env.origins, [])

# Firebase Cloud Messaging: a service account's key as JSON on one line, or the path of its file.
FCM_SERVICE_ACCOUNT_JSON = env.read("FCM_SERVICE_ACCOUNT_JSON", str, "")
FCM_ENDPOINT = env.read("FCM_ENDPOINT", env.url("http", "https"), "https://fcm.googleapis.com")
FCM_TIMEOUT_S = env.read("FCM_TIMEOUT_S", env.integer(1, 25), 10)

# Texts to phones: by the gateway Eskiz; "console" writes them to the log, for development; empty: none are sent.
SMS_TRANSPORT = env.read("SMS_TRANSPORT", env.one_of(*GATEWAYS), "")
# To phones of these countries only; and no more of them a day than these caps, 0: no cap (docs/operations.md).
SMS_COUNTRIES = env.read("SMS_COUNTRIES", env.countries, [PHONENUMBER_DEFAULT_REGION])
SMS_PER_ACCOUNT = env.read("SMS_PER_ACCOUNT", env.integer(0, 1_000_000), 60)
SMS_TO_HELPERS_PER_ACCOUNT = env.read("SMS_TO_HELPERS_PER_ACCOUNT", env.integer(0, 1_000_000), 500)
SMS_PER_NUMBER = env.read("SMS_PER_NUMBER", env.integer(0, 1_000_000), 20)
SMS_PER_COUNTRY = env.read("SMS_PER_COUNTRY", env.integer(0, 100_000_000), 5000)
SMS_PER_DAY = env.read("SMS_PER_DAY", env.integer(0, 100_000_000), 10_000)
ESKIZ_BASE_URL = env.read("ESKIZ_BASE_URL", env.url("http", "https"), "https://notify.eskiz.uz")
ESKIZ_EMAIL = env.read("ESKIZ_EMAIL", str, "")
ESKIZ_PASSWORD = env.read("ESKIZ_PASSWORD", str, "")
ESKIZ_FROM = env.read("ESKIZ_FROM", str, "4546")
ESKIZ_TIMEOUT_S = env.read("ESKIZ_TIMEOUT_S", env.integer(1, 25), 10)

# Called each minute by the sweep while all is well: who hears nothing there raises the alarm. And the account whose
# test signals `manage.py canary` sends.
HEARTBEAT_URL = env.read("HEARTBEAT_URL", env.url("http", "https"), "")
CANARY_PHONE = env.read("CANARY_PHONE", str, "")
CANARY_PASSWORD = env.read("CANARY_PASSWORD", str, "")

LOGGING_CONFIG = None
LOGGING = configuration(level=env.read("LOG_LEVEL", str.upper, "INFO"))

SENTRY_DSN = env.read("SENTRY_DSN", env.url("http", "https"), "")
if SENTRY_DSN:
    reports.start(SENTRY_DSN)

safety.refuse_unsafe(
    debug=DEBUG,
    hosts=ALLOWED_HOSTS,
    keys=[
        ("DJANGO_SECRET_KEY", SECRET_KEY),
        ("JWT_SIGNING_KEY", JWT_SIGNING_KEY),
        *(("SECRET_KEY_FALLBACKS", key) for key in SECRET_KEY_FALLBACKS),
        *(("JWT_OLDER_KEYS", key) for key in JWT_OLDER_KEYS),
    ],
    cors_for_all=CORS_ALLOW_ALL_ORIGINS,
    sms=SMS_TRANSPORT,
)
