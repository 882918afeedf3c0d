"""Every route of the API with a right request, and what each kind of caller hears; for tests over all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rest_framework.test import APIClient

from apps.notifications.models import Notification
from apps.notifications.rules.receipts import status_url
from apps.sos.models import SosEvent
from apps.users.api.authentication import tokens_for
from apps.users.models import User
from tests.conftest import HERE, PASSWORD

ACTORS = ("anonymous", "user", "owner", "stranger", "called", "other", "admin", "banned", "watch", "superuser")
"""Nobody; a wearer without anything; the owner of the watch and of the open event; another wearer with a watch; a
helper called to the event; one who was not; a dispatcher; a banned account; the owner's watch with its device token; a
superuser, who hears what a dispatcher hears but for what is said in _SUPERUSERS."""


@dataclass
class Scene:
    """The people, the watch and the open event that the routes are tried on."""

    people: dict[str, User]
    device_uid: str
    event: SosEvent
    push_token_id: int
    receipt: str
    contact_uuid: UUID
    notification: Notification
    session_id: str
    credentials: dict[str, str] = field(default_factory=dict)
    """By actor, what stands behind `Bearer`."""

    def path(self, route: "Route") -> str:
        known = {"device_uid": self.device_uid, "event_uid": self.event.uid, "token_id": self.push_token_id}
        known |= {
            "session_id": self.session_id,
            "contact_uuid": self.contact_uuid,
            "helper_uuid": self.people["other"].uuid,
        }
        known |= {
            "notification_uuid": self.notification.uuid,
            "status_signed": status_url(self.notification.uuid, "eskiz").split("/")[-2],
        }
        return route.path.format(**known, uuid=self.people["user"].uuid, signed=self.receipt)


Body = Callable[[Scene, str], Any]


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    body: Any
    hears: dict[str, int]

    def body_of(self, scene: Scene, actor: str) -> Any:
        return self.body(scene, actor) if callable(self.body) else self.body

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _phone(scene: Scene, actor: str = "owner") -> str:
    return str(scene.people[actor].phone_number)


def _login(scene: Scene, actor: str) -> Any:
    return {"phone_number": _phone(scene), "password": PASSWORD}


def _refresh(scene: Scene, actor: str) -> Any:
    """A refresh token of the actor's own, or of the owner's where the actor is nobody."""
    return {"refresh": tokens_for(scene.people.get(actor, scene.people["owner"]))["refresh"]}


def _confirm(scene: Scene, actor: str) -> Any:
    return {"phone_number": _phone(scene), "sms_code": "not-it", "new_password": "another-long-Password-1"}


def _block(scene: Scene, actor: str) -> Any:
    return {"helper": str(scene.people["called"].uuid)}


def _assignment(scene: Scene, actor: str) -> Any:
    return {"helper": str(scene.people["other"].uuid)}


def _move(scene: Scene, actor: str) -> Any:
    return {"owner": str(scene.people["user"].uuid), "reason": "Sold."}


REGISTRATION = {
    "phone_number": "+998907654321",
    "full_name": "Nodira Karimova",
    "password": "someStrongPassword123",
    "password2": "someStrongPassword123",
}
PASSWORDS = {"old_password": PASSWORD, "new_password": "another-long-Password-1"}
RENAMED = {"name": "D"}
GONE = {"password": PASSWORD}
CONTACT = {"name": "Dilshod Karimov", "phone_number": "+998907654321"}
PLACE = {"lat": HERE[0], "lon": HERE[1]}
FIXES = {"fixes": [{**PLACE, "timestamp": "2025-10-28T12:00:00Z"}]}
SIGNAL = {**PLACE, "device_uid": "watch-of-owner", "detected_type": "FALL_DETECTED", "severity": 4}

# fmt: off
_TABLE: list[tuple[str, str, Any, str]] = [
    # anonymous, user, owner, stranger, called, other, admin, banned, watch
    ("GET", "/api/v1/config/", None,                                  "200  200  200  200  200  200  200  200  200"),
    ("POST", "/api/v1/auth/register/", REGISTRATION,                  "201  201  201  201  201  201  201  201  201"),
    ("POST", "/api/v1/auth/login/", _login,                           "200  200  200  200  200  200  200  200  200"),
    ("POST", "/api/v1/auth/refresh/", _refresh,                       "200  200  200  200  200  200  200  401  200"),
    ("POST", "/api/v1/auth/logout/", _refresh,                        "401  204  204  204  204  204  204  401  403"),
    ("POST", "/api/v1/auth/phone/code/", None,                        "401  409  409  409  409  409  409  401  403"),
    ("POST", "/api/v1/auth/phone/confirm/", {"sms_code": "not-it"},   "401  400  400  400  400  400  400  401  403"),
    ("POST", "/api/v1/auth/second-factor/", {"factor_code": "not-it"},"401  409  409  409  409  409  400  401  403"),
    ("POST", "/api/v1/auth/second-factor/enrol/", GONE,               "401  409  409  409  409  409  200  401  403"),
    ("POST", "/api/v1/auth/second-factor/enrol/confirm/", {"factor_code": "not-it"},
                                                                      "401  409  409  409  409  409  409  401  403"),
    ("GET", "/api/v1/auth/sessions/", None,                           "401  200  200  200  200  200  200  401  403"),
    ("DELETE", "/api/v1/auth/sessions/", None,                        "401  204  204  204  204  204  204  401  403"),
    ("DELETE", "/api/v1/auth/sessions/{session_id}/", None,           "401  404  204  404  404  404  404  401  403"),
    ("POST", "/api/v1/auth/password/change/", PASSWORDS,              "401  200  200  200  200  200  200  401  403"),
    ("POST", "/api/v1/auth/password/reset/",
     lambda scene, actor: {"phone_number": _phone(scene)},            "202  202  202  202  202  202  202  202  202"),
    ("POST", "/api/v1/auth/password/reset/confirm/", _confirm,        "400  400  400  400  400  400  400  400  400"),
    ("GET", "/api/v1/users/me/", None,                                "401  200  200  200  200  200  200  401  403"),
    ("PATCH", "/api/v1/users/me/", {"on_duty": True},                 "401  200  200  200  200  200  200  401  403"),
    ("DELETE", "/api/v1/users/me/", GONE,                             "401  204  409  204  204  204  204  401  403"),
    ("GET", "/api/v1/users/me/looks/", None,                          "401  200  200  200  200  200  200  401  403"),
    ("GET", "/api/v1/users/me/export/", None,                         "401  200  200  200  200  200  200  200  403"),
    ("GET", "/api/v1/users/", None,                                   "401  403  403  403  403  403  200  401  403"),
    ("GET", "/api/v1/users/{uuid}/", None,                            "401  403  403  403  403  403  200  401  403"),
    ("PATCH", "/api/v1/users/{uuid}/", {"role": "HELPER"},            "401  403  403  403  403  403  200  401  403"),
    ("POST", "/api/v1/users/{uuid}/containment/", None,               "401  403  403  403  403  403  200  401  403"),
    ("DELETE", "/api/v1/users/{uuid}/containment/", None,             "401  403  403  403  403  403  204  401  403"),
    ("GET", "/api/v1/devices/", None,                                 "401  200  200  200  200  200  200  401  403"),
    ("GET", "/api/v1/devices/troubled/", None,                        "401  403  403  403  403  403  200  401  403"),
    ("POST", "/api/v1/devices/", {"device_uid": "new-watch"},         "401  201  201  201  201  201  201  401  403"),
    ("GET", "/api/v1/devices/{device_uid}/", None,                    "401  404  200  404  404  404  200  401  403"),
    ("PATCH", "/api/v1/devices/{device_uid}/", {"model": "T"},        "401  404  200  404  404  404  404  401  403"),
    ("DELETE", "/api/v1/devices/{device_uid}/", None,                 "401  404  204  404  404  404  404  401  403"),
    ("POST", "/api/v1/devices/{device_uid}/token/", None,             "401  404  201  404  404  404  404  401  403"),
    ("DELETE", "/api/v1/devices/{device_uid}/token/", None,           "401  404  204  404  404  404  404  401  403"),
    ("POST", "/api/v1/devices/{device_uid}/claim-code/", None,        "401  404  201  404  404  404  404  401  403"),
    ("DELETE", "/api/v1/devices/{device_uid}/claim-code/", None,      "401  404  204  404  404  404  404  401  403"),
    ("POST", "/api/v1/devices/{device_uid}/move/", _move,             "401  403  403  403  403  403  200  401  403"),
    ("POST", "/api/v1/devices/{device_uid}/proof/", None,             "401  403  403  403  403  403  200  401  403"),
    ("DELETE", "/api/v1/devices/{device_uid}/proof/", None,           "401  403  403  403  403  403  204  401  403"),
    ("PATCH", "/api/v1/devices/{device_uid}/status/", PLACE,          "401  404  200  404  404  404  404  401  200"),
    ("POST", "/api/v1/devices/{device_uid}/location/", PLACE,         "401  404  201  404  404  404  404  401  201"),
    ("POST", "/api/v1/devices/{device_uid}/locations/", FIXES,        "401  404  200  404  404  404  404  401  200"),
    ("GET", "/api/v1/devices/{device_uid}/track/", None,              "401  404  200  404  404  404  200  401  403"),
    ("GET", "/api/v1/emergency-contacts/", None,                      "401  200  200  200  200  200  200  401  403"),
    ("POST", "/api/v1/emergency-contacts/", CONTACT,                  "401  201  201  201  201  201  201  401  403"),
    ("PATCH", "/api/v1/emergency-contacts/{contact_uuid}/", RENAMED, "401  404  200  404  404  404  404  401  403"),
    ("DELETE", "/api/v1/emergency-contacts/{contact_uuid}/", None,    "401  404  204  404  404  404  404  401  403"),
    ("GET", "/api/v1/blocked-helpers/", None,                         "401  200  200  200  200  200  200  401  403"),
    ("POST", "/api/v1/blocked-helpers/", _block,                      "401  201  201  201  400  201  201  401  403"),
    ("DELETE", "/api/v1/blocked-helpers/{helper_uuid}/", None,        "401  404  204  404  404  404  404  401  403"),
    ("GET", "/api/v1/push-tokens/", None,                             "401  200  200  200  200  200  200  401  403"),
    ("POST", "/api/v1/push-tokens/", {"token": "t", "platform": "IOS"}, "401  201  201  201  201  201  201  401  403"),
    ("DELETE", "/api/v1/push-tokens/{token_id}/", None,               "401  404  204  404  404  404  404  401  403"),
    ("GET", "/api/v1/notifications/", None,                           "401  200  200  200  200  200  200  401  403"),
    ("POST", "/api/v1/notifications/{notification_uuid}/read/", None, "401  404  404  404  200  404  404  401  403"),
    ("POST", "/api/v1/notifications/eskiz/{status_signed}/",
     {"status": "DELIVRD"},                                           "200  200  200  200  200  200  200  200  200"),
    ("POST", "/api/v1/notifications/receipts/{signed}/", None,        "200  200  200  200  200  200  200  200  200"),
    ("POST", "/api/v1/sos/trigger/", SIGNAL,                          "401  201  200  201  201  201  201  201  200"),
    ("POST", "/api/v1/sos/drill/", {"lat": 41.3, "lon": 69.2},        "401  403  403  403  403  403  201  401  403"),
    ("GET", "/api/v1/reports/response-times/", None,                  "401  403  403  403  403  403  200  401  403"),
    ("GET", "/api/v1/reports/response-times.csv", None,               "401  403  403  403  403  403  200  401  403"),
    ("GET", "/api/v1/sos/", None,                                     "401  200  200  200  200  200  200  401  403"),
    ("GET", "/api/v1/sos/current/", None,                             "401  200  200  200  200  200  200  200  200"),
    ("GET", "/api/v1/sos/feed/", None,                                "401  403  403  403  403  403  200  401  403"),
    ("GET", "/api/v1/console/queue/", None,                           "401  403  403  403  403  403  200  401  403"),
    ("GET", "/api/v1/console/areas/", None,                           "401  403  403  403  403  403  400  401  403"),
    ("GET", "/api/v1/console/events/{event_uid}/map/", None,          "401  403  403  403  403  403  200  401  403"),
    ("GET", "/api/v1/console/events/{event_uid}/free-helpers/", None, "401  403  403  403  403  403  200  401  403"),
    ("GET", "/api/v1/sos/{event_uid}/", None,                         "401  404  200  404  200  404  200  401  403"),
    ("GET", "/api/v1/sos/{event_uid}/timeline/", None,                "401  404  200  404  404  404  200  401  403"),
    ("GET", "/api/v1/sos/{event_uid}/looks/", None,                   "401  404  200  404  404  404  200  401  403"),
    ("GET", "/api/v1/sos/{event_uid}/passed-over/", None,             "401  403  403  403  403  403  200  401  403"),
    ("POST", "/api/v1/sos/{event_uid}/respond/", {"status": "ACCEPTED"}, "401  404  404  404  200  404  404  401  403"),
    ("POST", "/api/v1/sos/{event_uid}/cancel/", None,                 "401  404  200  404  404  404  404  401  200"),
    ("POST", "/api/v1/sos/{event_uid}/acknowledge/", None,            "401  403  403  403  403  403  200  401  403"),
    ("POST", "/api/v1/sos/{event_uid}/assign/", _assignment,          "401  403  403  403  403  403  200  401  403"),
    ("POST", "/api/v1/sos/{event_uid}/call-next-wave/", None,         "401  403  403  403  403  403  200  401  403"),
    ("POST", "/api/v1/sos/{event_uid}/note/", {"text": "She answers."}, "401  403  403  403  403  403  201  401  403"),
    ("POST", "/api/v1/sos/{event_uid}/resolve/", {"outcome": "HELPED"}, "401  403  403  403  403  403  200  401  403"),
    ("POST", "/api/v1/sos/{event_uid}/handover/", {"to": "103"},      "401  403  403  403  403  403  200  401  403"),
    ("POST", "/api/v1/sos/{event_uid}/reopen/", None,                 "401  403  403  403  403  403  409  401  403"),
    ("GET", "/api/v1/dispatch-policy/", None,                         "401  403  403  403  403  403  200  401  403"),
    ("PATCH", "/api/v1/dispatch-policy/", {"repeat_s": 90},           "401  403  403  403  403  403  403  401  403"),
    ("DELETE", "/api/v1/dispatch-policy/", None,                      "401  403  403  403  403  403  403  401  403"),
    ("GET", "/api/v1/deeds/", None,                                   "401  403  403  403  403  403  200  401  403"),
]
# fmt: on
_SUPERUSERS = {
    ("PATCH", "/api/v1/dispatch-policy/"): 200,
    ("DELETE", "/api/v1/dispatch-policy/"): 400,
    ("DELETE", "/api/v1/users/me/"): 409,  # the last one
}


def _hears(method: str, path: str, hears: str) -> dict[str, int]:
    heard = list(map(int, hears.split()))
    return dict(zip(ACTORS, [*heard, _SUPERUSERS.get((method, path), heard[ACTORS.index("admin")])], strict=True))


ROUTES = [Route(method, path, body, _hears(method, path, hears)) for method, path, body, hears in _TABLE]


def client_for(scene: Scene, actor: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    if actor in scene.credentials:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {scene.credentials[actor]}")
    return client
