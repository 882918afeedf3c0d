"""An installation of before is restored and migrated: nothing is lost, nobody is signed out, and helpers ring."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from apps.notifications.models import Notification
from apps.notifications.rules.delivery import deliver_due
from apps.sos.models import DispatchPolicy, HelperAlert, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User
from tests.backups.conftest import Server, Site
from tests.conftest import HERE, METRES_NORTH, make_signal

HELD = json.loads((Path(__file__).parent / "old/9438945.json").read_text())
DUMP = Path(__file__).parent / "old/9438945.sql.gz"
ROWS = {
    "users_user": 10, "users_emergencycontact": 2, "users_blockedhelper": 1, "devices_device": 6,
    "devices_locationtrack": 18, "devices_helperposition": 3, "notifications_pushtoken": 6,
    "notifications_notification": 19, "sos_sosevent": 2, "sos_signal": 2, "sos_helperalert": 2, "sos_eventnote": 1,
    "sos_journalentry": 11,
}  # fmt: skip


@pytest.fixture
def upgraded(server: Server, tmp_path: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """Its database, migrated, in the place of the tests' own."""
    name = server.create(f"upgrade_{uuid4().hex[:12]}")
    was = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        try:
            _restore(Site(server, name, tmp_path))
            _turn_to(name)
            call_command("migrate", verbosity=0)
            yield name
        finally:
            _turn_to(was)
            server.drop(name)


def _restore(site: Site) -> None:
    """As if dumped a day ago, whenever the test runs: what had not run out has not yet."""
    with site.server.connect(site.name) as opened:
        opened.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    done = site.gunzip_into(site.name, DUMP)
    assert (done.returncode, done.stderr) == (0, "")
    with site.server.connect(site.name) as opened:
        opened.execute("UPDATE django_session SET expire_date = now() + interval '11 hours'")
        opened.execute("UPDATE sos_sosevent SET last_signal_at = now() - interval '1 day'")
        opened.execute("UPDATE token_blacklist_outstandingtoken SET expires_at = now() + interval '89 days'")


def _turn_to(name: str) -> None:
    connection.close()
    connection.close_pool()
    connection.settings_dict["NAME"] = name


@pytest.fixture
def keys(settings: Any) -> None:
    """The installation's own."""
    settings.SECRET_KEY = HELD["secret_key"]
    settings.SIMPLE_JWT = settings.SIMPLE_JWT | {"SIGNING_KEY": HELD["jwt_signing_key"]}


def signed(claims: dict[str, Any]) -> str:
    """A token of then, as if it had been made lately."""
    now = int(time.time())
    lasts = claims["exp"] - claims["iat"]
    dates = {"iat": now - 60, "exp": now - 60 + lasts}
    return jwt.encode(claims | dates, HELD["jwt_signing_key"], algorithm="HS256")


def app_of(name: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {signed(HELD['people'][name]['access'])}")


def reports(client: APIClient, device_uid: str, metres: float) -> int:
    place = {"lat": HERE[0] + metres * METRES_NORTH, "lon": HERE[1]}
    return int(client.post(f"/api/v1/devices/{device_uid}/location/", place, format="json").status_code)


def called_to(event_uid: str) -> set[str]:
    return set(HelperAlert.objects.filter(event__uid=event_uid).values_list("helper__full_name", flat=True))


@pytest.mark.usefixtures("upgraded", "keys")
def test_an_installation_of_9438945_goes_on(fcm: Any) -> None:
    nothing_is_lost()
    apps_stay_signed_in()
    browsers_and_links_go_on()
    the_watch_needs_nothing_new()
    helpers_ring(fcm)


def nothing_is_lost() -> None:
    with connection.cursor() as cursor:
        counts = {}
        for table in ROWS:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            counts[table] = cursor.fetchone()[0]
    assert counts == ROWS
    opened = SosEvent.objects.get(uid=HELD["open_event"])
    assert (opened.is_open, set(opened.alerts.values_list("status", flat=True))) == (True, {"NOTIFIED", "ACCEPTED"})
    assert SosEvent.objects.get(uid=HELD["closed_event"]).outcome == "FALSE_ALARM"
    assert DispatchPolicy.objects.get(detected_type="").contacts_after_s == 90
    assert User.objects.filter(is_superuser=True).count() == 1


def apps_stay_signed_in() -> None:
    refresh = "/api/v1/auth/refresh/"
    for name in ("wearer", "near", "far", "busy", "volunteer", "stranger"):
        assert app_of(name).get("/api/v1/users/me/").json()["full_name"] == f"Person {name}"
        answer = APIClient().post(refresh, {"refresh": signed(HELD["people"][name]["refresh"])}, format="json")
        assert answer.status_code == 200, name
        fresh = APIClient(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
        assert fresh.get("/api/v1/users/me/").status_code == 200
    for ended in (HELD["signed_out"], HELD["people"]["banned"]["refresh"], HELD["people"]["erased"]["refresh"]):
        assert APIClient().post(refresh, {"refresh": signed(ended)}, format="json").status_code == 401
    credentials = {"phone_number": "+998900000010", "password": HELD["password"]}
    assert APIClient().post("/api/v1/auth/login/", credentials, format="json").status_code == 200


def browsers_and_links_go_on() -> None:
    browser = Client()
    browser.cookies["sessionid"] = HELD["session"]
    assert browser.get("/console/").status_code == 200
    assert Client().get(f"/{HELD['contact_page']}").status_code == 200
    assert Client().post(f"/{HELD['receipt']}").status_code == 200


def the_watch_needs_nothing_new() -> None:
    watch = APIClient(HTTP_AUTHORIZATION=f"Bearer {HELD['device_token']}")
    assert reports(watch, "watch-1", 0) == 201
    answer = watch.post("/api/v1/sos/trigger/", make_signal(device_uid="watch-1", timestamp=...), format="json")
    assert answer.status_code == 201
    assert SosEvent.objects.get(uid=answer.json()["event_uid"]).user.full_name == "Person wearer"


def helpers_ring(fcm: Any) -> None:
    """Those whom nobody has approved anew; not the one who is coming to somebody else."""
    for name, metres in (("near", 300), ("far", 700), ("busy", 100)):
        assert reports(app_of(name), f"phone-{name}", metres) == 201
    HelperAlert.objects.filter(status="NOTIFIED").update(status="DECLINED")
    answer = app_of("stranger").post("/api/v1/sos/trigger/", make_signal(device_uid="watch-2"), format="json")
    event_uid = answer.json()["event_uid"]
    take_due_step(SosEvent.objects.get(uid=event_uid).pk)
    deliver_due("FCM")
    assert "Person far" in called_to(event_uid)
    assert "Person busy" not in called_to(event_uid)
    rung = Notification.objects.filter(event_uid=event_uid, kind="SOS_ALERT", user__full_name="Person far")
    assert rung.get().state == "SENT"
