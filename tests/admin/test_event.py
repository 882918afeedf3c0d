"""An event's page tells its whole story, and closes the event as the API does."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.notifications.models import Notification, State
from apps.sos.kinds import EventStatus, JournalKind
from apps.sos.models import JournalEntry, Signal, SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User

from .conftest import Links

pytestmark = pytest.mark.django_db
LIST = "/admin/sos/sosevent/"


def page(event: SosEvent) -> str:
    return f"{LIST}{event.pk}/change/"


def resolve(desk: Client, *events: SosEvent, **more: Any) -> Any:
    body = {"action": "resolve", "_selected_action": [event.pk for event in events]} | more
    return desk.post(LIST, body, follow=True)


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def test_repeated_signal_leads_to_the_one_that_holds_its_payload(story: Any, desk: Client) -> None:
    first, second = Signal.objects.order_by("pk")
    assert (first.raw_payload, second.raw_payload) == ({"sensor_data": "..."}, None)
    html = desk.get(f"/admin/sos/signal/{second.pk}/change/").content.decode()
    assert f"/admin/sos/signal/{first.pk}/change/" in html


def test_page_tells_the_whole_story(story: Any, desk: Client) -> None:
    event, people = story
    html = desk.get(page(event)).content.decode()
    for helper in people:
        assert helper.full_name in html
        assert str(helper.phone_number) in html
        assert f"/admin/users/user/{helper.pk}/change/" in html
    for word in ("ACCEPTED", "DECLINED", "NOTIFIED", "QUEUED", "SENT", "FAILED", "404 UNREGISTERED", "IN_PROGRESS"):
        assert word in html
    told = JournalEntry.objects.filter(event=event)
    assert told
    for entry in told:
        assert entry.kind in html
        assert f">{entry.position}<" in html
    for fact in ("watch_unique_serial_001", "41.311081, 69.240562", "severity 5 of 5", "told by the signal", "3000 m"):
        assert fact in html
    assert f"/admin/devices/device/{event.device_id}/change/" in html
    assert re.search(r"Is not a whole number from 1 to 5", html), "what was wrong with the second signal"


def test_names_cannot_smuggle_markup(story: Any, desk: Client) -> None:
    event, _ = story
    html = desk.get(page(event)).content.decode()
    assert "Nodira &lt;b&gt;Karimova" in html
    assert "<b>Karimova" not in html


def test_page_asks_nothing_of_the_outside(story: Any, desk: Client) -> None:
    html = desk.get(page(story[0])).content.decode()
    addresses = Links(html).found
    assert addresses
    for address in addresses:
        assert address.startswith(("/admin/", "/static/", "#", "?")) or address == "/", address
    assert "url(http" not in html
    assert "@import" not in html


def test_map_shows_the_event_its_helpers_and_the_way_there(story: Any, desk: Client) -> None:
    html = desk.get(page(story[0])).content.decode()
    svg = html[html.index('<svg class="map"') :]
    svg = svg[: svg.index("</svg>")]
    assert 'role="img"' in svg
    assert "<title" in svg
    assert "<desc" in svg
    for symbol, count in (("event", 1), ("device", 1), ("coming", 1), ("gone", 1), ("called", 2)):
        drawn = re.findall(rf'<title>[^<]+</title><use href="#mark-{symbol}"/>', svg)
        assert len(drawn) == count, symbol
    assert 'class="track"' in svg
    assert "m</text>" in svg


def test_event_without_a_place_has_no_map(wearer: User, press: Any, desk: Client) -> None:
    press(wearer, lat=..., lon=..., device_uid=...)
    answer = desk.get(page(SosEvent.objects.get()))
    assert answer.status_code == 200
    assert "No place is known." in answer.content.decode()


def test_queries_of_the_page_do_not_grow_with_the_event(
    wearer: User,
    helper: Any,
    press: Any,
    desk: Client,
    queries: Any,
    django_assert_max_num_queries: Any,
) -> None:
    helper(100)
    press(wearer)
    event = SosEvent.objects.get()
    take_due_step(event.pk)
    few = queries(desk, page(event))
    for n in range(15):
        helper(200 + n)
    SosEvent.objects.update(next_step_at="2020-01-01T00:00:00Z", wave_at="2020-01-01T00:00:00Z")
    take_due_step(event.pk)
    assert event.alerts.count() == 16
    with django_assert_max_num_queries(few):
        assert desk.get(page(event)).status_code == 200
    assert few <= 20


def test_button_resolves_through_the_service(story: Any, desk: Client, dispatcher: User) -> None:
    event, people = story
    answer = resolve(desk, event, outcome="HELPED", back="1")
    assert answer.redirect_chain[-1][0] == page(event)
    assert "1 resolved: helped." in said(answer)
    event.refresh_from_db()
    assert (event.status, event.outcome) == (EventStatus.RESOLVED, "HELPED")
    entry = JournalEntry.objects.latest("position")
    stood_down = sorted(user.pk for user in (people[0], *people[2:]))
    assert (entry.kind, entry.actor_id) == (JournalKind.EVENT_RESOLVED, dispatcher.pk)
    assert (entry.data["outcome"], entry.data["stood_down"]) == ("HELPED", stood_down)
    waiting = Notification.objects.filter(user__in=people[2:], kind="SOS_ALERT")
    assert {(row.state, row.reason) for row in waiting} == {(State.DROPPED, "event closed")}
    html = answer.content.decode()
    assert "DROPPED" in html
    assert 'name="outcome"' not in html


def test_closed_event_is_refused_with_a_message(story: Any, desk: Client) -> None:
    event, _ = story
    resolve(desk, event, outcome="HELPED")
    again = resolve(desk, event, outcome="FALSE_ALARM")
    assert "The event is closed." in said(again)
    event.refresh_from_db()
    assert event.outcome == "HELPED"
    assert JournalEntry.objects.filter(kind=JournalKind.EVENT_RESOLVED).count() == 1


def test_several_are_resolved_after_choosing_an_outcome(story: Any, person: Any, press: Any, desk: Client) -> None:
    first, _ = story
    press(person(), device_uid=...)
    second = SosEvent.objects.exclude(pk=first.pk).get()
    asked = resolve(desk, first, second)
    html = asked.content.decode()
    assert asked.status_code == 200
    assert html.count('name="_selected_action"') == 2
    assert all(f'value="{outcome}"' in html for outcome in ("HELPED", "FALSE_ALARM", "NO_HELP_NEEDED", "HANDED_OVER"))
    assert SosEvent.objects.open().count() == 2
    resolve(desk, first, outcome="HELPED")
    done = resolve(desk, first, second, outcome="FALSE_ALARM")
    assert "1 resolved: false alarm." in said(done)
    assert "The event is closed." in said(done)
    assert not SosEvent.objects.open().exists()


def test_unknown_outcome_resolves_nothing(story: Any, desk: Client) -> None:
    answer = resolve(desk, story[0], outcome="MAGIC", back="1")
    assert (answer.status_code, "MAGIC" in answer.content.decode()) == (200, False)
    assert SosEvent.objects.open().count() == 1


def test_unknown_event_leads_back(desk: Client) -> None:
    assert desk.get(f"{LIST}999/change/").status_code == 302
    assert desk.get(f"{LIST}nonsense/change/").status_code == 302
