"""Drills go the whole way, say so to everybody, and never stand in the way of an emergency."""

from typing import Any

import pytest
from phonenumber_field.phonenumber import PhoneNumber

from apps.devices.rules.registry import place_helper
from apps.notifications.models import Notification
from apps.notifications.rules.texts import text_for
from apps.sos.models import HelperAlert, SosEvent
from apps.users.models import User
from apps.users.rules.contacts import add_contact
from tests.conftest import HERE
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db
PLACE = {"lat": HERE[0], "lon": HERE[1]}


def drill(course: Course, **changes: Any) -> Any:
    body = {name: value for name, value in (PLACE | changes).items() if value is not ...}
    return course.client_of(course.dispatcher).post("/api/v1/sos/drill/", body, format="json")


def answer_to(course: Course, event: SosEvent, helper: User, status: str) -> Any:
    return course.client_of(helper).post(f"/api/v1/sos/{event.uid}/respond/", {"status": status}, format="json")


def test_helpers_are_called_and_everybody_hears_first_that_it_is_a_drill(course: Course, settings: Any) -> None:
    settings.SMS_TRANSPORT = "console"
    helper = course.helper(300)
    answer = drill(course)
    assert answer.status_code == 201
    event = SosEvent.objects.get(uid=answer.json()["event_uid"])
    assert (event.is_drill, event.user, event.detected_type) == (True, course.dispatcher, "MANUAL_TRIGGER")
    course.step(event)
    push, text = Notification.objects.filter(user=helper).order_by("channel")
    assert (push.data["drill"], push.data["text_key"]) == ("1", "drill.sos_alert.manual_trigger")
    for language, word in (("ru", "Учение. "), ("uz", "Mashq. "), ("en", "Drill. ")):
        helper.language = language
        assert text_for(text, helper).startswith(word)
    assert answer_to(course, event, helper, "ACCEPTED").status_code == 200
    told = Notification.objects.get(user=course.dispatcher, kind="HELP_COMING", channel="SMS")
    assert text_for(told, course.dispatcher).startswith("Учение. ")


def test_every_message_of_a_drill_says_so(course: Course, settings: Any) -> None:
    settings.SMS_TRANSPORT = "console"
    helper = course.helper(300)
    event = SosEvent.objects.get(uid=drill(course).json()["event_uid"])
    course.step(event)
    for status in ("ACCEPTED", "ON_SCENE", "DONE"):
        answer_to(course, event, helper, status)
    course.client_of(course.dispatcher).post(f"/api/v1/sos/{event.uid}/resolve/", {"outcome": "HELPED"}, format="json")
    told = Notification.objects.filter(event_uid=event.uid)
    assert {"SOS_ALERT", "HELP_COMING", "DISPATCHER_ALARM", "ALL_CLEAR"} <= {one.kind for one in told}
    assert {one.data.get("drill") for one in told} == {"1"}


def test_no_contact_is_told_of_a_drill(course: Course, settings: Any) -> None:
    settings.SMS_TRANSPORT = "console"
    add_contact(course.dispatcher, PhoneNumber.from_string("+998901110000"), name="Mother")
    event = SosEvent.objects.get(uid=drill(course).json()["event_uid"])
    course.step(event)
    course.client_of(course.dispatcher).post(f"/api/v1/sos/{event.uid}/resolve/", {"outcome": "HELPED"}, format="json")
    assert not Notification.objects.filter(event_uid=event.uid).exclude(contact_id=None).exists()


def test_real_signal_is_no_part_of_a_drill_nor_a_drill_of_a_real_event(course: Course) -> None:
    first = drill(course)
    again = drill(course)
    assert (again.status_code, again.json()) == (200, first.json() | {"status": "duplicate"})
    real = course.client_of(course.dispatcher).post("/api/v1/sos/trigger/", PLACE, format="json")
    assert (real.status_code, real.json()["status"]) == (201, "created")
    event = SosEvent.objects.get(uid=real.json()["event_uid"])
    assert (event.is_drill, event.follows) == (False, None)
    assert drill(course).json()["event_uid"] == first.json()["event_uid"]


def test_who_is_busy_with_a_drill_is_called_to_an_emergency_but_not_the_other_way_round(course: Course) -> None:
    helper = course.helper(300)
    practice = SosEvent.objects.get(uid=drill(course).json()["event_uid"])
    course.step(practice)
    answer_to(course, practice, helper, "ACCEPTED")
    real = course.press()
    course.step(real)
    assert HelperAlert.objects.get(event=real).helper == helper
    assert answer_to(course, real, helper, "ACCEPTED").status_code == 200
    course.client_of(course.dispatcher).post(
        f"/api/v1/sos/{practice.uid}/resolve/", {"outcome": "HELPED"}, format="json"
    )
    later = SosEvent.objects.get(uid=drill(course).json()["event_uid"])
    course.step(later)
    assert not HelperAlert.objects.filter(event=later).exists()


def test_a_dispatchers_own_emergency_counts_though_their_drill_is_open(course: Course, person: Any) -> None:
    """A helper in need is not called; one who only plays a wearer is."""
    helper = course.helper(300)
    User.objects.filter(pk=helper.pk).update(role="ADMIN")
    course.client_of(User.objects.get(pk=helper.pk)).post("/api/v1/sos/drill/", PLACE, format="json")
    User.objects.filter(pk=helper.pk).update(role="HELPER")
    place_helper(helper)
    real = course.press()
    course.step(real)
    assert HelperAlert.objects.get(event=real).helper_id == helper.pk


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lat": ...}, "lat"),
        ({"lat": "41"}, "lat"),
        ({"lat": 91}, "lat"),
        ({"lon": None}, "lon"),
        ({"lon": -181}, "lon"),
        ({"severity": 0}, "severity"),
        ({"severity": 6}, "severity"),
        ({"severity": "3"}, "severity"),
        ({"severity": True}, "severity"),
        ({"detected_type": "TEST"}, "detected_type"),
        ({"detected_type": "FIRE"}, "detected_type"),
    ],
)
def test_bad_drill_names_the_field(changes: dict[str, Any], field: str, course: Course) -> None:
    answer = drill(course, **changes)
    assert answer.status_code == 400
    assert field in answer.json()
    assert not SosEvent.objects.exists()


@pytest.mark.parametrize(
    ("sent", "kept", "is_warned"),
    [
        (12.5, 12.5, False),
        (0, 0, False),
        ("8", 8, False),
        (..., None, False),
        (-1, None, True),
        ("x", None, True),
        ([1], None, True),
        (1e9, None, True),
        (True, None, True),
    ],
)
def test_accuracy_is_kept_or_warned_of_and_never_refuses(sent: Any, kept: Any, is_warned: bool, course: Course) -> None:
    event = course.press(accuracy_m=sent)
    assert event.accuracy_m == kept
    assert ("accuracy_m" in event.signals.get().warnings) == is_warned
    shown = course.client_of(course.wearer).get(f"/api/v1/sos/{event.uid}/").json()
    assert shown["accuracy_m"] == kept
