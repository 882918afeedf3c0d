"""How the OpenAPI document is made: settings of drf-spectacular."""

from typing import Any

DESCRIPTION = """
The server behind SOS watches: takes signals, finds helpers, alerts them, escalates until somebody comes.

* JSON in and out. Every path ends with a slash. Times: ISO 8601 UTC with `Z`. Places: degrees WGS 84. Metres.
* Sign in at `POST /api/v1/auth/login/`, press **Authorize**, give the `access` token. A watch may use its device token.
* Every error is `{"detail": "why", "code": "machine_readable"}`; a 400 names wrong fields too: `{"severity": ["why"]}`.
* 503 and 429 carry `Retry-After` in seconds. Nothing of a refused request is stored; sending twice is safe.
"""

SETTINGS: dict[str, Any] = {
    "TITLE": "MDD Backend",
    "VERSION": "1.0.0",
    "DESCRIPTION": DESCRIPTION,
    "LICENSE": {"name": "MIT"},
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": True, "displayRequestDuration": True},
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "AccountStatusEnum": "apps.users.models.STANDINGS",
        "EventStatusEnum": "apps.sos.kinds.EventStatus",
        "AlertStatusEnum": "apps.sos.kinds.AlertStatus",
        "AnswerEnum": "apps.sos.kinds.ANSWERS",
        "EmergencyServiceEnum": "apps.sos.kinds.Service",
        "ReceivedEnum": [("received", "received")],
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": True,
}
