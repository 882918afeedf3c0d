"""The page of an emergency contact: what it shows, to whom, for how long, and that looking changes nothing."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.test import Client
from django.utils import timezone

from apps.notifications.models import Notification
from apps.sos.models import JournalEntry, SosEvent
from apps.sos.queries import live
from apps.sos.rules.alarms import contact_answered
from apps.users.models import EmergencyContact, User
from tests.sos.conftest import Course
from tests.users.test_contacts import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(wearer: User) -> EmergencyContact:
    wearer.full_name = "Nodira <b>Karimova</b>"
    wearer.save()
    return wearer.emergency_contacts.create(name="Dilshod", phone_number="+998907654321", language="en")


@pytest.fixture
def page(course: Course, contact: EmergencyContact) -> str:
    """The address of the page about an event that is open."""
    course.press()
    return address(course.event, contact)


def address(event: SosEvent, contact: EmergencyContact) -> str:
    return live.live_url(event.uid, contact.pk).removeprefix(settings.PUBLIC_URL)


def shown(url: str, status: int = 200) -> str:
    """The words of the page."""
    answer = Client().get(url)
    assert answer.status_code == status
    return " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", answer.content.decode(), flags=re.DOTALL).split())


def answers() -> list[Any]:
    return list(JournalEntry.objects.filter(kind="CONTACT_ANSWERED").values_list("data", flat=True))


def test_contact_is_sent_this_address(course: Course, contact: EmergencyContact) -> None:
    course.press()
    course.step()
    told = Notification.objects.get(kind="CONTACT_ALARM")
    assert told.data["url"].endswith(address(course.event, contact))


def test_page_says_who_since_when_and_where(page: str, course: Course) -> None:
    now = timezone.now()
    SosEvent.objects.update(received_at=now - timedelta(minutes=7), position_at=now - timedelta(hours=3))
    words = shown(page)
    for said in (
        "SOS: Nodira &lt;b&gt;Karimova&lt;/b&gt;", "Since 7 min ago", "The watch noticed a fall.",
        "41.31108, 69.24056", "3 h ago", "Helpers are being called.", "Helpers coming 0", "They have been told.",
    ):  # fmt: skip
        assert said in words
    html = Client().get(page).content.decode()
    assert 'href="geo:41.31108,69.24056?q=41.31108,69.24056"' in html
    assert 'href="https://www.openstreetmap.org/?mlat=41.31108&amp;mlon=69.24056#map=17/41.31108/69.24056"' in html


def test_page_tells_how_many_come_and_how_near_but_not_who(page: str, course: Course) -> None:
    near, further = course.helper(437), course.helper(900)
    course.step()
    course.answer(further, "ACCEPTED")
    assert "Help is on the way." in shown(page)
    assert "Helpers coming 1, the nearest about 1000 m away" in shown(page)
    course.answer(near, "ACCEPTED")
    words = shown(page)
    assert "Helpers coming 2, the nearest about 400 m away" in words
    for helper in (near, further):
        assert helper.full_name not in words
        assert str(helper.phone_number) not in words
    course.answer(near, "ON_SCENE")
    assert "A helper is there." in shown(page)


def test_page_tells_what_dispatchers_do(page: str, course: Course) -> None:
    course.desk("handover", to="103")
    assert "A dispatcher is looking after it. The emergency service 103 has it." in shown(page)


@pytest.mark.parametrize(
    ("halted", "words"),
    [
        ("WEARER_FINE", "The person says that they are fine."),
        ("ALL_DONE", "Helpers have been there."),
        ("UNSAFE", "Dispatchers are deciding what to do next."),
    ],
)
def test_page_tells_why_nobody_is_called_any_more(page: str, halted: str, words: str) -> None:
    SosEvent.objects.update(halted=halted)
    assert words in shown(page)


def test_event_without_a_place_or_a_name_has_a_page(course: Course, contact: EmergencyContact) -> None:
    course.press(lat=None, lon=None, silent=True)
    User.objects.filter(pk=course.wearer.pk).update(full_name="")
    words = shown(address(course.event, contact))
    assert "Where Not known." in words
    assert words.startswith("SOS SOS ")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ru", ["Ищем помощников поблизости.", "только что", "41.31108, 69.24056", "Я в курсе"]),
        ("uz", ["yordamchilar chaqirilmoqda", "hozirgina", "41.31108, 69.24056", "Men buni koʻrdim"]),
        ("en", ["Helpers are being called.", "just now", "41.31108, 69.24056", "I have seen it"]),
    ],
)
def test_page_is_in_the_contacts_language(page: str, language: str, words: list[str]) -> None:
    EmergencyContact.objects.update(language=language)
    said = shown(page)
    assert all(word in said for word in words), said
    assert f'<html lang="{language}">' in Client().get(page, headers={"Accept-Language": "fr"}).content.decode()
    SosEvent.objects.update(status="RESOLVED", next_step_at=None)
    over = {"ru": "Тревога окончена.", "uz": "Xavotir tugadi.", "en": "The alarm is over."}
    assert over[language] in shown(page, 410)


def test_catalogues_are_compiled_and_know_every_word() -> None:
    folder = Path(live.__file__).parents[1]
    template = (folder / "templates/sos/live.html").read_text(encoding="utf-8")
    said = {*re.findall(r'{% translate "([^"]+)" %}', template)}
    catalogues = list((folder / "locale").rglob("django.po"))
    assert len(catalogues) == 2
    for catalogue in catalogues:
        text, compiled = catalogue.read_text(encoding="utf-8"), catalogue.with_suffix(".mo").read_bytes()
        assert said <= {*re.findall(r'^msgid "(.+)"$', text, re.MULTILINE)}
        for words in re.findall(r'^msgstr "(.+)"$', text, re.MULTILINE)[1:]:
            assert words.encode() in compiled


def test_looking_changes_nothing(page: str, course: Course) -> None:
    before = (JournalEntry.objects.count(), SosEvent.objects.values().get())
    for method in ("get", "head"):
        assert getattr(Client(), method)(page).status_code == 200
    assert (JournalEntry.objects.count(), SosEvent.objects.values().get()) == before
    for method in ("put", "patch", "delete"):
        assert getattr(Client(), method)(page).status_code == 405


def test_contact_says_once_that_they_have_seen_it(page: str, course: Course, contact: EmergencyContact) -> None:
    browser = Client(enforce_csrf_checks=True)
    for _ in range(2):
        answer = browser.post(page)
        assert (answer.status_code, answer.headers["Location"]) == (303, page)
    assert answers() == [{"contact": contact.pk}]
    entry = JournalEntry.objects.get(kind="CONTACT_ANSWERED")
    assert (entry.event, entry.actor_id, entry.status) == (course.event, None, "NEW")
    assert "You have said that you have seen it." in shown(page)
    assert "I have seen it" not in shown(page)


def test_each_contact_answers_for_themselves(page: str, course: Course, wearer: User) -> None:
    other = wearer.emergency_contacts.create(name="Second", phone_number="+998907654322", language="en")
    Client().post(page)
    assert "I have seen it" in shown(address(course.event, other))
    Client().post(address(course.event, other))
    assert len(answers()) == 2


@pytest.mark.django_db(transaction=True)
def test_four_taps_at_once_are_one_answer(page: str) -> None:
    assert at_once(4, lambda _: Client().post(page)) == [303] * 4
    assert len(answers()) == 1


def test_closed_event_shows_that_it_is_over_and_nothing_more(page: str, course: Course) -> None:
    course.desk("resolve", outcome="HELPED")
    assert shown(page, 410) == "MDD The alarm is over."
    html = Client().get(page).content.decode()
    assert not re.search(r"Nodira|Dilshod|41\.3|69\.2|http-equiv|<form", html)
    assert Client().post(page).status_code == 410
    assert answers() == []
    course.desk("reopen")
    assert "SOS: Nodira" in shown(page)


def test_closing_at_the_same_moment_wins(page: str, course: Course, contact: EmergencyContact) -> None:
    stale = course.event
    course.desk("resolve", outcome="HELPED")
    contact_answered(stale, contact.pk)
    assert answers() == []


def test_unknown_addresses_have_no_page(page: str, course: Course, person: Any) -> None:
    signed = page.rstrip("/").rpartition("/")[2]
    other = person().emergency_contacts.create(name="Another's", phone_number="+998907654323")
    strange = [signed[:-1], f"{course.event.uid.hex}-1", "x", "a:b", "%00", "é", "x" * 3000]
    for url in (*(f"/live/{one}/" for one in strange), address(course.event, other)):
        for method in ("get", "post"):
            answer = getattr(Client(), method)(url, headers={"Accept-Language": "en"})
            assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8"), url
            assert "There is no such page." in answer.content.decode()
    assert answers() == []


def test_removed_contact_has_no_page(page: str, contact: EmergencyContact) -> None:
    contact.delete()
    shown(page, 404)


@pytest.mark.parametrize("status", [200, 404, 410, 303])
def test_page_is_kept_nowhere_and_loads_nothing(page: str, status: int) -> None:
    if status == 410:
        SosEvent.objects.update(status="RESOLVED", next_step_at=None)
    answer = Client().post(page) if status == 303 else Client().get("/live/x/" if status == 404 else page)
    assert answer.status_code == status
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src ")
    assert "unsafe" not in policy
    assert {name: answer.headers[name] for name in ("Cache-Control", "Referrer-Policy", "X-Robots-Tag")} == {
        "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow",
    }  # fmt: skip
    assert "Set-Cookie" not in answer.headers
    if status != 303:
        html = answer.content.decode()
        (nonce,) = re.findall(r"style-src 'nonce-([^']+)'", policy)
        assert f'<style nonce="{nonce}">' in html
        assert not re.search(r"<script|<link|<img| style=| on\w+=", html)


def test_the_address_is_not_logged(page: str, capfd: pytest.CaptureFixture[str], caplog: Any) -> None:
    SosEvent.objects.update(status="RESOLVED", next_step_at=None)
    shown(page, 410)
    shown("/live/x/", 404)
    assert "/live/" not in caplog.text + capfd.readouterr().err


def test_page_asks_to_come_again_while_the_database_is_away(page: str) -> None:
    with mock.patch.object(CursorWrapper, "execute", side_effect=OperationalError("the connection is lost")):
        answer = Client().get(page, headers={"Accept-Language": "uz"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    html = answer.content.decode()
    assert 'http-equiv="refresh"' in html
    assert "Xizmat vaqtincha ishlamayapti." in html


def test_page_costs_the_same_whoever_comes(page: str, course: Course, django_assert_num_queries: Any) -> None:
    helpers = [course.helper(100 * n) for n in range(1, 3)]
    course.step()
    for helper in helpers:
        course.answer(helper, "ACCEPTED")
    with django_assert_num_queries(6, connection=connection):
        Client().get(page)
