"""Every list and every page opens for dispatchers, for nobody else, and changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.db import connection
from django.db.models import Model, Value
from django.db.models.functions import Concat
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.devices.models import Device, DeviceToken, HelperPosition, LocationTrack
from apps.notifications.models import Notification, NotificationChange, PushToken
from apps.sos.models import DispatchPolicy, EventNote, HelperAlert, JournalEntry, Signal, SosEvent
from apps.users.models import Look, Status, User

from .conftest import Links, at_the_admin

pytestmark = pytest.mark.django_db
READ_ONLY: list[type[Model]] = [
    Device, DeviceToken, HelperPosition, LocationTrack, Notification, NotificationChange, PushToken, HelperAlert,
    JournalEntry, Signal, SosEvent, EventNote, Look,
]  # fmt: skip
ALL: list[type[Model]] = [*READ_ONLY, User, AccessAttempt, DispatchPolicy]


def url(model: type[Model], *more: Any) -> str:
    return "/".join(["/admin", model._meta.app_label, str(model._meta.model_name), *map(str, more), ""])


@pytest.fixture
def everything(story: Any) -> None:
    """One row of every model at least."""
    AccessAttempt.objects.create(
        username="+998901234567", ip_address="127.0.0.1", attempt_time=timezone.now(), failures_since_start=5
    )
    event, people = story
    EventNote.objects.create(event=event, author=people[0], text="She answers.", created_at=timezone.now())
    Look.objects.create(
        viewer=people[0], person=people[1], way="API", hour=timezone.now(), at=timezone.now(), event_uid=event.uid
    )
    DispatchPolicy.objects.create()


def test_these_are_all_the_models_there_are() -> None:
    assert set(admin.site._registry) == set(ALL)


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("who", ["superuser", "dispatcher"])
def test_list_and_page_open(everything: None, request: Any, model: type[Model], who: str) -> None:
    client = at_the_admin(request.getfixturevalue(who))
    listed = client.get(url(model))
    assert listed.status_code == 200
    shown = model._default_manager.first()
    assert shown is not None
    page = url(model, shown.pk, "change")
    assert page in listed.content.decode()
    opened = client.get(page)
    assert opened.status_code == 200
    for address in Links(listed.content.decode() + opened.content.decode()).found:
        assert address.startswith(("/admin/", "/static/", "#", "?", ".")) or address == "/", address


def test_index_names_every_model(desk: Client) -> None:
    index = desk.get("/admin/").content.decode()
    assert all(url(model) in index for model in ALL)


@pytest.mark.parametrize("model", ALL)
def test_search_with_anything_opens(everything: None, desk: Client, model: type[Model]) -> None:
    for wanted in ("Person", "90 000-00-01", "'\"%_", "8f14e45f-ceea-467f-a0e6-3d3f8f8f8f8f", "+", "1"):
        assert desk.get(url(model), {"q": wanted}).status_code == 200


@pytest.mark.parametrize("model", READ_ONLY)
@pytest.mark.parametrize("who", ["superuser", "dispatcher"])
def test_nothing_is_added_changed_or_deleted_by_form(
    everything: None, request: Any, model: type[Model], who: str
) -> None:
    client = at_the_admin(request.getfixturevalue(who))
    row = model._default_manager.first()
    assert row is not None
    before = model._default_manager.filter(pk=row.pk).values().get()
    fields = {field.name: "1" for field in model._meta.concrete_fields}
    assert client.get(url(model, "add")).status_code == 403
    assert client.post(url(model, "add"), fields).status_code == 403
    assert client.post(url(model, row.pk, "change"), fields).status_code == 403
    assert client.post(url(model, row.pk, "delete"), {"post": "yes"}).status_code == 403
    client.post(url(model), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    assert model._default_manager.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", ALL)
def test_wearers_helpers_and_the_banned_are_turned_away(
    everything: None, wearer: User, person: Any, model: type[Model]
) -> None:
    strangers = [wearer, person(role="HELPER"), person(role="ADMIN", status=Status.BANNED), person(is_superuser=True)]
    for stranger in strangers:
        answer = at_the_admin(stranger).get(url(model))
        assert (answer.status_code, answer.headers["Location"][:13]) == (302, "/admin/login/")
    assert Client().get(url(model)).status_code == 302


def test_secrets_are_not_shown_in_full(everything: None, desk: Client) -> None:
    PushToken.objects.update(token=Concat(Value("a-very-long-and-secret-token"), "token"))
    digest = DeviceToken.objects.get().digest
    receipt = Notification.objects.all()[0].data["receipt_url"]
    for model, secret in ((PushToken, "a-very-long-and"), (DeviceToken, digest), (Notification, receipt)):
        row = model._default_manager.all()[0]
        for page in (url(model), url(model, row.pk, "change")):
            assert secret not in desk.get(page).content.decode()


def test_huge_table_is_never_counted_or_read_whole(everything: None, desk: Client) -> None:
    device = Device.objects.filter(tracks__isnull=False)[0]
    start = timezone.now() - timedelta(minutes=500)
    LocationTrack.objects.bulk_create(
        LocationTrack(
            device=device, recorded_at=start + timedelta(seconds=n), received_at=start, position=device.position
        )
        for n in range(120)
    )
    for search in ({}, {"q": device.device_uid}):
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(url(LocationTrack), search).status_code == 200
        asked = [one["sql"] for one in captured if "devices_locationtrack" in one["sql"]]
        assert len(asked) == 2
        assert all("LIMIT" in sql for sql in asked), asked


def test_track_is_searched_by_the_whole_device_uid(everything: None, desk: Client) -> None:
    def found(wanted: str) -> int:
        return int(desk.get(url(LocationTrack), {"q": wanted}).context["cl"].result_count)

    assert (found("watch_unique_serial_001"), found("watch"), found("nobody's")) == (2, 0, 0)


def test_forgiving_failed_sign_ins_unlocks_the_phone(everything: None, desk: Client) -> None:
    row = AccessAttempt.objects.get()
    answer = desk.post(url(AccessAttempt), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    assert answer.status_code == 302
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("model", [Notification, SosEvent, Signal, HelperAlert, JournalEntry])
def test_everything_of_one_event_is_found_by_its_uid(story: Any, desk: Client, model: type[Model]) -> None:
    event, _ = story
    found = desk.get(url(model), {"q": str(event.uid)}).context["cl"].result_count
    all_of_it = model._default_manager.all()
    if model is JournalEntry:
        all_of_it = all_of_it.filter(event=event)  # a watch registered is an entry of no event
    assert found == all_of_it.count() > 0
    assert desk.get(url(model), {"q": "8f14e45f-ceea-467f-a0e6-3d3f8f8f8f8f"}).context["cl"].result_count == 0
