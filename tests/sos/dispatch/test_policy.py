"""The dispatch policy: seen by dispatchers, changed by superusers, never nonsense, never that of an open event."""

import json
from typing import Any

import pytest

from apps.sos.models import DispatchPolicy, JournalEntry
from apps.users.models import User
from tests.sos.conftest import Course
from tests.users.test_contacts import at_once

pytestmark = pytest.mark.django_db
POLICY = "/api/v1/dispatch-policy/"
FALL = f"{POLICY}?detected_type=FALL_DETECTED"
WAVES = [{"radius_m": 500, "helpers": 3, "wait_s": 20}, {"radius_m": 2000, "helpers": 9, "wait_s": 40}]


@pytest.fixture
def desk(superuser: User, client_of: Any) -> Any:
    return client_of(superuser)


def patch(desk: Any, body: Any, url: str = POLICY) -> Any:
    return desk.patch(url, body, format="json")


def journalled() -> list[Any]:
    entries = JournalEntry.objects.filter(kind="POLICY_CHANGED").order_by("position")
    return list(entries.values_list("data", flat=True))


def test_without_any_change_the_defaults_are_in_force(desk: Any) -> None:
    shown = desk.get(POLICY).json()
    assert shown == {
        "detected_type": None, "own": True, "enough_helpers": 2, "repeat_s": 120, "contacts_after_s": 60,
        "escalate_after_s": 60, "dedup_window_s": 300, "position_max_age_s": 3600, "receipt_timeout_s": 15,
        "movement_ask_s": 180, "movement_release_s": 300, "changed_at": None,
        "waves": [
            {"radius_m": 1500, "helpers": 8, "wait_s": 30}, {"radius_m": 3000, "helpers": 15, "wait_s": 30},
            {"radius_m": 5000, "helpers": 30, "wait_s": 60}, {"radius_m": 10000, "helpers": 50, "wait_s": 120},
        ],
    }  # fmt: skip
    assert desk.get(FALL).json() == shown | {"detected_type": "FALL_DETECTED", "own": False}
    assert not DispatchPolicy.objects.exists(), "looking stores nothing"


def test_change_in_parts_is_in_force_and_journalled(desk: Any, superuser: User) -> None:
    before = desk.get(POLICY).json()
    answer = patch(desk, {"waves": WAVES, "contacts_after_s": 0, "repeat_s": 120})
    assert answer.status_code == 200, answer.json()
    assert answer.json() | {"changed_at": None} == before | {"waves": WAVES, "contacts_after_s": 0}
    assert desk.get(POLICY).json() == answer.json()
    assert desk.get(FALL).json() == answer.json() | {"detected_type": "FALL_DETECTED", "own": False}
    changed = {"waves": [before["waves"], WAVES], "contacts_after_s": [60, 0]}
    assert journalled() == [{"detected_type": None, "changed": changed}]
    entry = JournalEntry.objects.get()
    assert (entry.event_id, entry.actor_id, entry.status) == (None, superuser.pk, "")


@pytest.mark.parametrize("body", [{}, {"repeat_s": 120}, {"detected_type": "OTHER", "own": False, "changed_at": "x"}])
def test_what_changes_nothing_is_not_journalled(desk: Any, body: Any) -> None:
    assert patch(desk, body).status_code == 200
    assert journalled() == []


def test_a_type_gets_a_policy_of_its_own_as_a_copy(desk: Any) -> None:
    patch(desk, {"waves": WAVES})
    answer = patch(desk, {"enough_helpers": 3}, FALL).json()
    assert (answer["detected_type"], answer["own"], answer["waves"]) == ("FALL_DETECTED", True, WAVES)
    patch(desk, {"waves": WAVES[:1], "repeat_s": 300})
    fall, every = desk.get(FALL).json(), desk.get(POLICY).json()
    assert (fall["enough_helpers"], fall["waves"], fall["repeat_s"], fall["own"]) == (3, WAVES, 120, True)
    assert (every["enough_helpers"], every["waves"], every["repeat_s"]) == (2, WAVES[:1], 300)
    other = desk.get(f"{POLICY}?detected_type=MANUAL_TRIGGER").json()
    assert (other["own"], other["waves"]) == (False, WAVES[:1])
    assert journalled()[1] == {
        "detected_type": "FALL_DETECTED", "changed": {"own": [False, True], "enough_helpers": [2, 3]},
    }  # fmt: skip


def test_a_type_may_follow_all_again(desk: Any) -> None:
    patch(desk, {"enough_helpers": 3}, FALL)
    assert (desk.delete(FALL).status_code, desk.delete(FALL).status_code) == (204, 404)
    assert desk.get(FALL).json()["own"] is False
    assert journalled()[-1] == {
        "detected_type": "FALL_DETECTED", "changed": {"own": [True, False], "enough_helpers": [3, 2]},
    }  # fmt: skip
    assert len(journalled()) == 2


def test_the_policy_for_all_is_not_removed(desk: Any) -> None:
    patch(desk, {"repeat_s": 90})
    for url in (POLICY, f"{POLICY}?detected_type="):
        answer = desk.delete(url)
        assert (answer.status_code, "detected_type" in answer.json()) == (400, True)
    assert desk.get(POLICY).json()["repeat_s"] == 90


@pytest.mark.parametrize("wrong", ["fall", "%00", "1", "FALL_DETECTED,OTHER"])
def test_unknown_type_is_named(desk: Any, wrong: str) -> None:
    url = f"{POLICY}?detected_type={wrong}"
    for answer in (desk.get(url), patch(desk, {"repeat_s": 90}, url), desk.delete(url)):
        assert (answer.status_code, "detected_type" in answer.json()) == (400, True)


def test_only_dispatchers_see_and_change_it(wearer: User, person: Any, client_of: Any) -> None:
    for user, status in ((None, 401), (wearer, 403), (person(role="HELPER"), 403)):
        client = client_of(user)
        heard = [client.get(POLICY), patch(client, {"repeat_s": 90}), client.delete(FALL)]
        assert [answer.status_code for answer in heard] == [status] * 3
    assert not DispatchPolicy.objects.exists()


EDGES = {
    "enough_helpers": (1, 20), "repeat_s": (60, 3600), "contacts_after_s": (0, 3600), "escalate_after_s": (0, 3600),
    "dedup_window_s": (0, 86400), "position_max_age_s": (60, 86400), "receipt_timeout_s": (5, 300),
    "movement_ask_s": (30, 3600), "movement_release_s": (31, 7200),
}  # fmt: skip


@pytest.mark.parametrize(("name", "edges"), EDGES.items())
def test_each_number_has_its_bounds(desk: Any, name: str, edges: tuple[int, int]) -> None:
    least, most = edges
    patch(desk, {"movement_ask_s": 30, "movement_release_s": 7200})
    assert [patch(desk, {name: value}).status_code for value in edges] == [200, 200]
    before = desk.get(POLICY).json()
    for wrong in (least - 1, most + 1, 10**400, 1.5, str(least), True, None, [], {}):
        answer = patch(desk, {name: wrong})
        assert (answer.status_code, list(answer.json())) == (400, ["detail", "code", name]), wrong
    body = json.dumps({name: float("nan")})
    assert desk.generic("PATCH", POLICY, body, content_type="application/json").status_code == 400
    assert desk.get(POLICY).json() == before


def wave(**changes: Any) -> dict[str, Any]:
    made = {"radius_m": 3000, "helpers": 5, "wait_s": 30} | changes
    return {name: value for name, value in made.items() if value is not ...}


WAVE_EDGES = {"radius_m": (99, 50001), "helpers": (0, 201), "wait_s": (4, 3601)}
WRONG_WAVES = [
    *[wave(**{name: value}) for name, edges in WAVE_EDGES.items()
      for value in (*edges, 1.5, "100", True, None, [], {}, 10**400, ...)],
    wave(more=1), wave(radius_m=2000), wave(radius_m=1999), [], "x", 5, None, {},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_WAVES, ids=str)
def test_wrong_wave_is_named_by_its_number(desk: Any, wrong: Any) -> None:
    answer = patch(desk, {"waves": [*WAVES, wrong]})
    assert (answer.status_code, list(answer.json())) == (400, ["detail", "code", "waves"])
    assert all(why.startswith("Wave 3: ") for why in answer.json()["waves"])


@pytest.mark.parametrize("wrong", [[], {}, None, "x", 5, [wave(radius_m=1000 + n) for n in range(11)]], ids=str)
def test_one_to_ten_waves(desk: Any, wrong: Any) -> None:
    answer = patch(desk, {"waves": wrong})
    assert (answer.status_code, list(answer.json())) == (400, ["detail", "code", "waves"])
    assert patch(desk, {"waves": [wave(radius_m=1000 + n) for n in range(10)]}).status_code == 200


def test_helpers_are_asked_before_they_are_released(desk: Any) -> None:
    for body in (
        {"movement_ask_s": 300},
        {"movement_release_s": 180},
        {"movement_ask_s": 60, "movement_release_s": 60},
    ):
        answer = patch(desk, body)
        assert (answer.status_code, answer.json()["movement_release_s"]) == (400, ["Is not later than movement_ask_s."])
    assert patch(desk, {"movement_ask_s": 300, "movement_release_s": 301}).status_code == 200


def test_open_events_keep_their_plan(course: Course, desk: Any) -> None:
    course.press()
    plan = course.event.plan
    patch(desk, {"waves": WAVES, "enough_helpers": 5})
    patch(desk, {"enough_helpers": 7}, FALL)
    near, far = course.helper(400), course.helper(1400)
    course.step()
    assert course.event.plan == plan
    assert course.called() == {near.pk, far.pk}, "by the waves it was opened with"
    course.desk("resolve", outcome="HELPED")
    course.press(timestamp="2025-10-28T13:00:00Z")
    newer = course.event.plan
    assert (newer["waves"], newer["enough_helpers"]) == (WAVES, 7)
    course.desk("resolve", outcome="HELPED")
    course.press(timestamp="2025-10-28T14:00:00Z", detected_type="MANUAL_TRIGGER")
    assert course.event.plan["enough_helpers"] == 5


@pytest.mark.django_db(transaction=True)
def test_two_superusers_at_once_both_change_it(superuser: User, client_of: Any) -> None:
    bodies: list[dict[str, Any]] = [{"repeat_s": 90}, {"contacts_after_s": 30}, {"enough_helpers": 3}, {"waves": WAVES}]
    assert at_once(4, lambda n: patch(client_of(superuser), bodies[n])) == [200] * 4
    shown = client_of(superuser).get(POLICY).json()
    assert all(shown[name] == value for body in bodies for name, value in body.items())
    assert len(journalled()) == 4


@pytest.mark.django_db(transaction=True)
def test_of_two_that_contradict_each_other_one_is_refused(superuser: User, client_of: Any) -> None:
    bodies = [{"movement_ask_s": 290}, {"movement_release_s": 200}]
    assert at_once(2, lambda n: patch(client_of(superuser), bodies[n])) == [200, 400]


@pytest.mark.django_db(transaction=True)
def test_a_types_first_policy_made_twice_at_once_is_one(superuser: User, client_of: Any) -> None:
    assert at_once(4, lambda n: patch(client_of(superuser), {"repeat_s": 200 + n}, FALL)) == [200] * 4
    assert DispatchPolicy.objects.filter(detected_type="FALL_DETECTED").count() == 1
    assert [entry["changed"].get("own") for entry in journalled()] == [[False, True], None, None, None]
