"""The story of an event, as dispatchers and its wearer may read it."""

from typing import Any

import pytest
from django.db import transaction

from apps.sos import journal
from apps.sos.journal.entries import WaveCalled
from apps.sos.journal.story import story_of
from apps.sos.kinds import JournalKind
from apps.users.models import User
from apps.users.rules.looks import flush
from tests.sos.conftest import Course

pytestmark = pytest.mark.django_db


@pytest.fixture
def lived(course: Course) -> list[User]:
    people = [course.helper(100), course.helper(200), course.helper(300, on_duty=False)]
    course.console()
    course.press()
    course.step()
    course.answer(people[1], "DECLINED")
    course.answer(people[0], "ACCEPTED")
    course.desk("note", text="Her son is on the phone.")
    course.desk("resolve", outcome="HELPED", note="He took her home.")
    return people


def entries(client: Any, course: Course) -> list[Any]:
    answer = client.get(f"/api/v1/sos/{course.event.uid}/timeline/")
    assert answer.status_code == 200
    found: list[Any] = answer.json()["results"]
    return found


def test_dispatcher_reads_everything_in_order(lived: list[User], course: Course, client_of: Any) -> None:
    told = entries(client_of(course.dispatcher), course)
    kinds = [one["kind"] for one in told]
    assert kinds == [
        "EVENT_OPENED", "WAVE_CALLED", "HELPER_DECLINED", "HELPER_ACCEPTED", "NOTE_ADDED", "EVENT_RESOLVED",
    ]  # fmt: skip
    assert [one["position"] for one in told] == sorted(one["position"] for one in told)
    opened, wave, declined, accepted, note, resolved = told
    assert wave["data"]["helpers"] == {str(lived[0].uuid): 100, str(lived[1].uuid): 200}
    assert "passed_over" not in wave["data"], "it is asked for when somebody looks"
    assert (accepted["actor"]["full_name"], accepted["status"]) == (lived[0].full_name, "IN_PROGRESS")
    assert declined["actor"]["uuid"] == str(lived[1].uuid)
    assert [one["data"]["text"] for one in (note, resolved)] == ["Her son is on the phone.", "He took her home."]
    assert (resolved["actor"]["role"], resolved["status"]) == ("ADMIN", "RESOLVED")
    assert opened["actor"]["uuid"] == str(course.wearer.uuid)


def test_wearer_reads_what_was_done_for_them(lived: list[User], course: Course, client_of: Any) -> None:
    told = entries(client_of(course.wearer), course)
    assert [one["kind"] for one in told] == [
        "EVENT_OPENED", "WAVE_CALLED", "HELPER_DECLINED", "HELPER_ACCEPTED", "EVENT_RESOLVED",
    ]  # fmt: skip
    assert [one["data"] for one in told] == [
        {}, {"wave": 1, "radius_m": 1500, "helpers": 2}, {}, {}, {"outcome": "HELPED"},
    ]  # fmt: skip
    names = [one["actor"] and one["actor"]["full_name"] for one in told]
    assert names == [course.wearer.full_name, None, None, lived[0].full_name, None], "not who would not come"


def test_entry_of_before_says_why_the_nearest_were_not_called(
    lived: list[User], course: Course, client_of: Any
) -> None:
    passed = WaveCalled(1, 1500, {}, passed_over={str(lived[2].pk): "OFF_DUTY"})
    with transaction.atomic():
        journal.tell(course.event, journal.Entry(course.event.pk, JournalKind.WAVE_CALLED, data=passed))
    data = {"wave": 1, "radius_m": 1500, "helpers": {}, "passed_over": {str(lived[2].uuid): "OFF_DUTY"}}
    assert entries(client_of(course.dispatcher), course)[-1]["data"] == data
    assert entries(client_of(course.wearer), course)[-1]["data"] == {"wave": 1, "radius_m": 1500, "helpers": 0}
    assert "1 passed over: OFF_DUTY" in story_of(course.event).journal[-1].facts


def test_to_others_it_does_not_exist(lived: list[User], course: Course, client_of: Any, person: Any) -> None:
    for other in (lived[0], person()):
        for what in ("timeline", "looks"):
            assert client_of(other).get(f"/api/v1/sos/{course.event.uid}/{what}/").status_code == 404


def test_wearer_reads_who_has_seen_the_place(lived: list[User], course: Course, client_of: Any) -> None:
    client_of(course.dispatcher).get(f"/api/v1/sos/{course.event.uid}/")
    flush()
    looks = client_of(course.wearer).get(f"/api/v1/sos/{course.event.uid}/looks/").json()["results"]
    seen_by = [(one["viewer"]["full_name"], one["viewer"]["role"]) for one in looks]
    assert seen_by == [(course.dispatcher.full_name, "ADMIN"), (lived[0].full_name, "HELPER")]


def test_queries_do_not_grow_with_the_story(
    lived: Any, course: Course, client_of: Any, django_assert_max_num_queries: Any
) -> None:
    for n in range(20):
        course.desk("note", text=f"note {n}")
    with django_assert_max_num_queries(7):
        assert len(entries(client_of(course.dispatcher), course)) == 26


@pytest.mark.parametrize("what", ["timeline", "looks"])
def test_it_comes_in_pages(what: str, lived: Any, course: Course, client_of: Any) -> None:
    client, url = client_of(course.dispatcher), f"/api/v1/sos/{course.event.uid}/{what}/"
    flush()
    everything = client.get(url).json()
    pages = [client.get(f"{url}?page_size=1&page={n + 1}").json() for n in range(everything["count"])]
    assert [one for page in pages for one in page["results"]] == everything["results"]
    assert client.get(f"{url}?page={everything['count'] + 1}").status_code == 404
    for wrong in ("0", "-1", "201", "nan", "x"):
        answer = client.get(f"{url}?page_size={wrong}")
        assert (answer.status_code, "page_size" in answer.json()) == (400, True)
