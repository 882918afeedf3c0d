"""Everything about oneself, as one archive."""

import io
import json
from typing import Any
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.db.models import ForeignKey, OneToOneField
from phonenumber_field.phonenumber import PhoneNumber

from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.notifications.rules.queueing import save_push_token
from apps.users.models import Status, User
from apps.users.rules.contacts import add_contact
from tests.conftest import HERE
from tests.users.conftest import at_once

pytestmark = pytest.mark.django_db
EXPORT = "/api/v1/users/me/export/"


def opened(answer: Any) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}


def test_it_holds_everything_and_nothing_of_others(wearer: User, helper: Any, press: Any, client_of: Any) -> None:
    hero = helper(100)
    device, _ = register_device(wearer, "watch_unique_serial_001", medical_note="Diabetes.")
    record_fix(device, Fix(*HERE))
    add_contact(wearer, PhoneNumber.from_string("+998900000777"), name="Daughter")
    save_push_token(wearer, "a-secret-push-token", "IOS")
    press(wearer)
    answer = client_of(wearer).get(EXPORT)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mdd-export.zip"'
    files = opened(answer)
    assert files["account.json"][0]["phone_number"] == str(wearer.phone_number)
    assert files["contacts.json"][0]["name"] == "Daughter"
    assert files["devices.json"][0]["medical_note"] == "Diabetes."
    assert files["track.json"][0]["position"] == {"lat": HERE[0], "lon": HERE[1]}
    assert files["events.json"][0]["position"] == {"lat": HERE[0], "lon": HERE[1]}
    assert files["signals.json"][0]["raw_payload"] == {"sensor_data": "..."}
    said = json.dumps(files, ensure_ascii=False)
    for secret in (hero.full_name, str(hero.phone_number), wearer.password, "a-secret-push-token"):
        assert secret not in said


def test_who_has_nothing_gets_empty_files(wearer: User, client_of: Any) -> None:
    files = opened(client_of(wearer).get(EXPORT))
    assert len(files["account.json"]) == 1
    assert {name for name, rows in files.items() if not rows} >= {"devices.json", "track.json", "events.json"}


def test_a_banned_account_reads_its_data(wearer: User, client_of: Any) -> None:
    client = client_of(wearer)
    User.objects.update(status=Status.BANNED)
    assert opened(client.get(EXPORT))["account.json"][0]["status"] == "BANNED"


def test_three_a_day(wearer: User, client_of: Any) -> None:
    client = client_of(wearer)
    assert [client.get(EXPORT).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert 86_000 < int(client.get(EXPORT).headers["Retry-After"]) <= 86_400


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_three(wearer: User, client_of: Any) -> None:
    client = client_of(wearer)
    assert at_once(8, lambda _: client.get(EXPORT)) == {200: 3, 429: 5}


LEFT_OUT = {
    "admin.LogEntry": "nothing is written to it",
    "users.PasswordReset": "a code under way",
    "users.PhoneProof": "a code under way",
    "users.RecoveryCode": "digests of secrets",
    "users.Remark": "another person's words",
    "users.Export": "how often this was taken",
    "users.BrowserSession": "runs out within the day",
    "users.ContactRefusal": "digests: somebody else's wish",
    "devices.RevokedToken": "digests of secrets",
    "devices.ClaimTry": "counts for an hour",
    "devices.HelperPosition": "the last of the track",
    "sos.HelperClaim": "whom the phone rings for just now",
    "sos.LostClaim": "work under way",
    "sos.EventNote": "dispatchers' words, of others too",
    "sos.ConsolePresence": "whether a console is open just now",
    "otp_totp.TOTPDevice": "a secret",
}
HELD = {
    "users.Session", "users.EmergencyContact", "users.BlockedHelper", "users.Look", "notifications.PushToken",
    "notifications.Notification", "devices.Device", "sos.SosEvent", "sos.Signal", "sos.HelperAlert",
}  # fmt: skip


def test_every_model_that_points_at_a_person_is_in_it_or_left_out_for_a_reason() -> None:
    pointing = {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey | OneToOneField)
        and field.related_model is User
        and not model._meta.auto_created
    }
    assert pointing == HELD | LEFT_OUT.keys()
