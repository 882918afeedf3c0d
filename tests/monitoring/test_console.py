"""The console's server side: who gets in, what the page is told, and that a session can do what a token can, safely."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone, translation
from rest_framework.test import APIClient

from apps.devices.models import Device, HelperPosition
from apps.devices.rules.registry import Fix, record_fix, register_device
from apps.monitoring.console import links
from apps.monitoring.console.words import WORDS
from apps.notifications.models import Notification, PushToken
from apps.notifications.rules.queueing import acknowledge_receipt
from apps.sos.models import HelperAlert, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import Look, Role, Status, User
from apps.users.rules import looks
from apps.users.rules.accounts import change_standing
from tests.conftest import HERE, METRES_NORTH, PASSWORD

pytestmark = pytest.mark.django_db
QUEUE = "/api/v1/console/queue/"
SAME_IN_ALL = {"unit_m", "unit_km"} | {
    "metres",
    "kilometres",
    "seconds",
    "channel.SMS",
    "channel.FCM",
    "journal.EVENT_OPENED",
}


@pytest.fixture
def browser(dispatcher: User) -> Client:
    """A dispatcher's, signed in; it checks CSRF as a real one is checked."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
    return client


def csrf_of(browser: Client) -> str:
    page = browser.get("/console/")
    assert page.status_code == 200
    return str(page.context["config"]["csrf"])


def queue(client: Any, **query: Any) -> Any:
    answer = client.get(QUEUE, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_nobody_sees_the_console_without_signing_in(client: Client) -> None:
    answer = client.get("/console/")
    assert (answer.status_code, answer["Location"]) == (302, "/console/sign-in/")


def test_dispatcher_signs_in_by_phone_and_password(client: Client, dispatcher: User) -> None:
    assert client.get("/console/sign-in/").status_code == 200
    body = {"username": str(dispatcher.phone_number), "password": PASSWORD}
    assert client.post("/console/sign-in/", body)["Location"] == "/console/"
    assert client.get("/console/").status_code == 200


@pytest.mark.parametrize("fields", [{}, {"role": Role.HELPER}, {"role": Role.ADMIN, "status": Status.BANNED}])
def test_nobody_else_does(fields: dict[str, Any], client: Client, person: Callable[..., User]) -> None:
    body = {"username": str(person(**fields).phone_number), "password": PASSWORD}
    answer = client.post("/console/sign-in/", body)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert client.get("/console/").status_code == 302


def test_wrong_passwords_lock_the_phone_here_too(client: Client, dispatcher: User, settings: Any) -> None:
    body = {"username": str(dispatcher.phone_number), "password": "wrong"}
    answers = [client.post("/console/sign-in/", body) for _ in range(settings.LOGIN_FAILURES_PER_PHONE + 1)]
    assert [answer.status_code for answer in answers][-1] == 429
    assert int(answers[-1]["Retry-After"]) > 0
    assert client.post("/console/sign-in/", body | {"password": PASSWORD}).status_code == 429


def test_sign_in_needs_our_own_page(dispatcher: User) -> None:
    body = {"username": str(dispatcher.phone_number), "password": PASSWORD}
    assert Client(enforce_csrf_checks=True).post("/console/sign-in/", body).status_code == 403


def test_signing_out_ends_the_session(browser: Client) -> None:
    assert browser.get("/console/sign-out/").status_code == 405
    browser.post("/console/sign-out/", headers={"X-CSRFToken": csrf_of(browser)})
    assert browser.get(QUEUE).status_code == 401
    assert browser.get("/console/").status_code == 302


def test_session_changes_nothing_without_its_csrf_token(browser: Client, wearer: User, press: Any) -> None:
    uid = press(wearer).json()["event_uid"]
    token = csrf_of(browser)
    refused = browser.post(f"/api/v1/sos/{uid}/acknowledge/", content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert SosEvent.objects.get().acknowledged_at is None
    done = browser.post(
        f"/api/v1/sos/{uid}/acknowledge/", content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert (done.status_code, done.json()["event_status"]) == (200, "NEW")
    assert SosEvent.objects.get().acknowledged_at is not None


@pytest.mark.parametrize(
    "change", [{"role": Role.HELPER, "status": Status.ACTIVE}, {"role": Role.ADMIN, "status": Status.BANNED}]
)
def test_session_of_who_is_no_dispatcher_any_more_is_good_for_nothing(
    change: dict[str, Any], browser: Client, dispatcher: User
) -> None:
    assert browser.get(QUEUE).status_code == 200
    change_standing(dispatcher, **change)
    assert browser.get(QUEUE).status_code == 401
    assert browser.get("/console/").status_code == 302


def test_link_signs_in_once_and_only_by_a_click(client: Client, dispatcher: User, capsys: Any) -> None:
    call_command("console_link", str(dispatcher.phone_number))
    path = "/console/link/" + capsys.readouterr().out.strip().split("/console/link/")[1]
    for _ in range(2):
        assert client.get(path).status_code == 200
        assert client.get("/console/").status_code == 302, "a preview of the link signs nobody in"
    assert client.post(path)["Location"] == "/console/"
    assert client.get("/console/").status_code == 200
    assert Client().post(path).status_code == 410


def test_link_outlives_a_sign_in_elsewhere_and_is_no_session_itself(client: Client, dispatcher: User) -> None:
    key = links.link_for(dispatcher).split("/")[-2]
    client.cookies["sessionid"] = key
    assert client.get("/console/").status_code == 302
    assert client.get(QUEUE).status_code == 401
    Client().post("/console/sign-in/", {"username": str(dispatcher.phone_number), "password": PASSWORD})
    assert Client().post(f"/console/link/{key}/")["Location"] == "/console/"


def test_of_two_clicks_at_once_one_gets_in(dispatcher: User, monkeypatch: Any) -> None:
    key = links.link_for(dispatcher).split("/")[-2]
    monkeypatch.setattr(links, "holder_of", lambda key: dispatcher)  # both have looked before either has used it
    assert [links.use(key), links.use(key)] == [dispatcher, None]


def test_links_run_out_and_are_ours(client: Client, dispatcher: User, wearer: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(links, "LASTS", timedelta(seconds=-1))
    late = links.link_for(dispatcher).split("/")[-2]
    for key in (late, f"{late}x", "x", "x" * 200, "%00"):
        assert client.post(f"/console/link/{key}/").status_code == 410
    with pytest.raises(CommandError, match="no active ADMIN"):
        call_command("console_link", str(wearer.phone_number))


@pytest.mark.parametrize(
    "change", [{"role": Role.USER, "status": Status.ACTIVE}, {"role": Role.ADMIN, "status": Status.BANNED}]
)
def test_link_of_who_is_no_dispatcher_any_more_opens_nothing(change: Any, client: Client, dispatcher: User) -> None:
    key = links.link_for(dispatcher).split("/")[-2]
    change_standing(dispatcher, **change)
    assert client.post(f"/console/link/{key}/").status_code == 410


def in_english(key: str) -> str:
    with translation.override("en"):
        return str(WORDS[key])


@pytest.mark.parametrize(("language", "word"), [("ru", "Очередь"), ("uz", "Navbat"), ("en", "Queue")])
def test_page_speaks_the_dispatchers_language(language: str, word: str, browser: Client, dispatcher: User) -> None:
    User.objects.filter(pk=dispatcher.pk).update(language=language)
    page = browser.get("/console/")
    words = page.context["config"]["words"]
    assert f'<html lang="{language}">' in page.content.decode()
    assert words["queue"] == word
    untranslated = {key for key in WORDS if words[key] == in_english(key)}
    assert len(untranslated) == len(WORDS) if language == "en" else untranslated <= SAME_IN_ALL


def test_page_may_load_nothing_from_elsewhere_and_nothing_written_into_it_runs(browser: Client, settings: Any) -> None:
    page = browser.get("/console/")
    policy = page["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "no-store" in page["Cache-Control"]
    settings.MAP_TILES_URL = "https://tiles.example.org/{z}/{x}/{y}.png"
    policy = browser.get("/console/")["Content-Security-Policy"]
    assert "connect-src 'self' https://tiles.example.org;" in policy


@pytest.mark.parametrize("path", ["/console/sign-in/", "/swagger/", "/redoc/"])
def test_every_page_has_a_policy(path: str, client: Client) -> None:
    policy = client.get(path)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy


def test_name_that_is_html_stays_a_name(browser: Client, dispatcher: User) -> None:
    User.objects.filter(pk=dispatcher.pk).update(full_name="</script><script>alert(1)</script>")
    assert "<script>alert" not in browser.get("/console/").content.decode()


# What the page is told


def test_queue_is_what_is_open_and_where_the_feed_goes_on(
    client_of: Callable[..., APIClient], dispatcher: User, wearer: User, press: Any, helper: Any
) -> None:
    helpers = [helper(300), helper(600), helper(900)]
    uid = press(wearer, severity=3).json()["event_uid"]
    take_due_step(SosEvent.objects.get().pk)
    told = queue(client_of(dispatcher))
    (card,) = told["events"]
    assert (card["event_uid"], card["status"], card["severity"]) == (uid, "NEW", 3)
    assert (card["lat"], card["lon"]) == HERE
    assert card["wearer"]["phone_number"] == str(wearer.phone_number)
    assert card["people"] == {
        "called": 3, "reached": 0, "accepted": 0, "en_route": 0, "on_scene": 0, "declined": 0,
    }  # fmt: skip
    assert told["on_duty"] == {"helpers": 3, "dispatchers": 0}
    feed = client_of(dispatcher).get("/api/v1/sos/feed/", {"after": told["seq"]}).json()
    assert feed["messages"] == []

    answers = [(helpers[0], "ACCEPTED"), (helpers[0], "ON_SCENE"), (helpers[1], "DECLINED")]
    for one, status in answers:
        assert client_of(one).post(f"/api/v1/sos/{uid}/respond/", {"status": status}, format="json").status_code == 200
    acknowledge_receipt(Notification.objects.get(user=helpers[2], kind="SOS_ALERT").uuid)
    (card,) = queue(client_of(dispatcher), event=uid)["events"]
    counts = {"called": 3, "reached": 1, "accepted": 1, "en_route": 1, "on_scene": 1, "declined": 1}
    assert card["people"] == counts
    assert card["nearest_m"] == pytest.approx(300, abs=5)
    assert client_of(dispatcher).get("/api/v1/sos/feed/", {"after": told["seq"]}).json()["messages"]


def test_card_says_since_when_it_asks_for_a_dispatcher(
    client_of: Callable[..., APIClient], dispatcher: User, wearer: User, press: Any, helper: Any
) -> None:
    near, event_uid = helper(300), press(wearer, severity=3).json()["event_uid"]
    event = SosEvent.objects.get(uid=event_uid)
    take_due_step(event.pk)

    def asks_at() -> datetime | None:
        event.refresh_from_db()
        at = queue(client_of(dispatcher), event=event_uid)["events"][0]["alarm_at"]
        return at and datetime.fromisoformat(at)

    def say(user: User, what: str, body: Any = None) -> None:
        assert client_of(user).post(f"/api/v1/sos/{event_uid}/{what}/", body or {}, format="json").status_code == 200

    assert asks_at() == event.received_at, "nobody has acknowledged it"
    say(dispatcher, "acknowledge")
    assert asks_at() == event.acknowledged_at + timedelta(seconds=180), "then it lapses"
    say(near, "respond", {"status": "ACCEPTED"})
    say(near, "respond", {"status": "EN_ROUTE"})
    assert asks_at() is None, "somebody is coming"
    say(near, "respond", {"status": "UNSAFE"})
    assert asks_at() == event.dispatchers_alarmed_at, "the alarm was raised after the acknowledgement"
    say(dispatcher, "acknowledge")
    assert asks_at() == event.acknowledged_at + timedelta(seconds=180)
    say(dispatcher, "resolve", {"outcome": "HELPED"})
    assert asks_at() is None


@pytest.mark.parametrize(("changes", "asks_after_s"), [({"countdown_s": 20}, 20), ({"detected_type": "TEST"}, None)])
def test_countdown_asks_when_it_has_ended_and_a_test_never(
    changes: Any, asks_after_s: int | None, client_of: Any, dispatcher: User, wearer: User, press: Any
) -> None:
    press(wearer, **changes)
    (card,) = queue(client_of(dispatcher))["events"]
    asks_at = SosEvent.objects.get().received_at + timedelta(seconds=asks_after_s) if asks_after_s else None
    assert (card["alarm_at"] and datetime.fromisoformat(card["alarm_at"])) == asks_at


def test_closed_event_is_told_only_to_who_asks_for_it(
    client_of: Callable[..., APIClient], dispatcher: User, wearer: User, press: Any
) -> None:
    uid = press(wearer).json()["event_uid"]
    client_of(dispatcher).post(f"/api/v1/sos/{uid}/resolve/", {"outcome": "HELPED"}, format="json")
    assert queue(client_of(dispatcher))["events"] == []
    (card,) = queue(client_of(dispatcher), event=uid)["events"]
    assert (card["resolved"], card["outcome"]) == (True, "HELPED")


@pytest.mark.parametrize("event", ["1", "nan", "", "x" * 100, "00000000-0000-4000-8000-00000000000g"])
def test_queue_of_what_is_no_event_names_the_field(event: str, client_of: Any, dispatcher: User) -> None:
    answer = client_of(dispatcher).get(QUEUE, {"event": event})
    assert answer.status_code == 400
    assert "event" in answer.json()


def test_too_many_events_are_refused_and_unknown_ones_are_not_there(client_of: Any, dispatcher: User) -> None:
    many = client_of(dispatcher).get(QUEUE, {"event": [str(uuid4()) for _ in range(501)]})
    assert (many.status_code, "event" in many.json()) == (400, True)
    assert queue(client_of(dispatcher), event=[str(uuid4())])["events"] == []


def test_the_queue_costs_the_same_for_one_event_and_for_many(
    client_of: Any, dispatcher: User, person: Any, press: Any, helper: Any,
    django_assert_max_num_queries: Any,
) -> None:  # fmt: skip
    for number in range(6):
        helper(200 + number)
        press(person(), device_uid=f"watch-{number}")
    for event in SosEvent.objects.all():
        take_due_step(event.pk)
    with django_assert_max_num_queries(12):
        assert len(queue(client_of(dispatcher))["events"]) == 6


def test_a_screen_that_asks_again_and_again_is_one_look(
    client_of: Any, dispatcher: User, wearer: User, press: Any
) -> None:
    press(wearer)
    for _ in range(3):
        queue(client_of(dispatcher))
    looks.flush()
    assert [look.viewer for look in Look.objects.all()] == [dispatcher]


def test_map_has_the_way_of_the_watch_and_those_called(
    client_of: Any, dispatcher: User, wearer: User, press: Any, helper: Any
) -> None:
    near = helper(400)
    device, _ = register_device(wearer, "watch_unique_serial_001")
    for metres in (0, 100):
        at = timezone.now() - timedelta(seconds=60 - metres / 10)
        record_fix(device, Fix(lat=HERE[0] + metres * METRES_NORTH, lon=HERE[1], recorded_at=at))
    uid = press(wearer).json()["event_uid"]
    take_due_step(SosEvent.objects.get().pk)
    told = client_of(dispatcher).get(f"/api/v1/console/events/{uid}/map/").json()
    assert [round(place["lat"], 4) for place in told["track"]] == [round(HERE[0], 4), round(HERE[0] + 0.0009, 4)]
    (called,) = told["helpers"]
    assert (called["uuid"], called["status"]) == (str(near.uuid), "NOTIFIED")
    assert called["lat"] == pytest.approx(HERE[0] + 400 * METRES_NORTH)
    client_of(dispatcher).post(f"/api/v1/sos/{uid}/resolve/", {"outcome": "HELPED"}, format="json")
    assert client_of(dispatcher).get(f"/api/v1/console/events/{uid}/map/").json()["helpers"] == []


def test_free_helpers_are_the_nearest_who_are_not_called_yet(
    client_of: Any, dispatcher: User, wearer: User, press: Any, helper: Any
) -> None:
    called, near, far = helper(300), helper(5000), helper(9000)
    helper(400, on_duty=False)
    uid = press(wearer, severity=3).json()["event_uid"]
    take_due_step(SosEvent.objects.get().pk)
    assert HelperAlert.objects.get().helper == called
    found = client_of(dispatcher).get(f"/api/v1/console/events/{uid}/free-helpers/").json()
    assert [(one["uuid"], round(one["distance_m"], -2)) for one in found] == [
        (str(near.uuid), 5000),
        (str(far.uuid), 9000),
    ]


def test_areas_count_exactly_whom_a_wave_would_call(
    client_of: Any, dispatcher: User, wearer: User, person: Any, press: Any, helper: Any
) -> None:
    silent, stale, offline, busy, in_need = (helper(metres) for metres in (10, 20, 30, 40, 50))
    helper(5, status=Status.BANNED)
    helper(15, on_duty=False)
    PushToken.objects.filter(user=silent).delete()
    HelperPosition.objects.filter(user=stale).update(recorded_at=timezone.now() - timedelta(hours=2))
    Device.objects.filter(owner=offline).update(is_online=False)
    press(in_need, lat=41.0)
    press(person(), device_uid=...)
    event = SosEvent.objects.latest("pk")
    take_due_step(event.pk)
    assert HelperAlert.objects.get(event=event).helper == busy
    free = helper(60)
    box = f"{HERE[1] - 0.01},{HERE[0] - 0.01},{HERE[1] + 0.01},{HERE[0] + 0.01}"
    found = client_of(dispatcher).get("/api/v1/console/areas/", {"bbox": box}).json()
    press(wearer, device_uid=..., severity=1)  # takes nobody from the first
    event = SosEvent.objects.latest("pk")
    take_due_step(event.pk)
    called = set(HelperAlert.objects.filter(event=event).values_list("helper", flat=True))
    assert (called, sum(area["reachable"] for area in found)) == ({free.pk}, 1)


def test_areas_count_whom_one_could_call_and_never_say_where_they_are(
    client_of: Any, dispatcher: User, helper: Any
) -> None:
    for metres in (10, 20, 30):
        helper(metres)
    helper(15, on_duty=False)
    box = f"{HERE[1] - 0.01},{HERE[0] - 0.01},{HERE[1] + 0.01},{HERE[0] + 0.01}"
    found = client_of(dispatcher).get("/api/v1/console/areas/", {"bbox": box}).json()
    assert sum(area["reachable"] for area in found) == 3
    wide = client_of(dispatcher).get("/api/v1/console/areas/", {"bbox": "60,30,80,50"}).json()
    assert (len(wide), wide[0]["reachable"]) == (1, 3)
    assert wide[0]["size_m"] > found[0]["size_m"] >= 300
    assert client_of(dispatcher).get("/api/v1/console/areas/", {"bbox": "0,0,1,1"}).json() == []


@pytest.mark.parametrize("bbox", [None, "", "1,2,3", "a,b,c,d", "nan,0,1,1", "0,0,1,91", "181,0,1,1", "0,1,1,0"])
def test_areas_of_what_is_no_box_name_the_field(bbox: str | None, client_of: Any, dispatcher: User) -> None:
    answer = client_of(dispatcher).get("/api/v1/console/areas/", {} if bbox is None else {"bbox": bbox})
    assert answer.status_code == 400
    assert "bbox" in answer.json()
