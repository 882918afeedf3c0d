"""The fast lane for positions: what it takes, what it leaves to Django, and what a batch does for its neighbours."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import httpx
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.asgi import get_asgi_application
from django.db import OperationalError, connections
from django.test import override_settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework_simplejwt.tokens import AccessToken

from apps.devices.api.serializers import FixesSerializer, LocationSerializer
from apps.devices.intake.batches import Batches, Overloaded
from apps.devices.intake.route import RECENT_FOR_S, STRANGERS_MOST, Intake
from apps.devices.kinds import TRACK_ROOM
from apps.devices.models import Device, DeviceToken, HelperPosition, LocationTrack
from apps.devices.rules.recording import Fix, Kept, Report, let_in, record_all
from apps.devices.rules.registry import register_device
from apps.devices.rules.tokens import digest_of, issue_token
from apps.users.models import Role, Status, User
from apps.users.rules import accounts, sessions
from apps.users.rules.accounts import change_standing
from tests.devices.conftest import MINE, PLACE, URL, ago, ask

LOCATION, LOCATIONS = f"{MINE}location/", f"{MINE}locations/"
JSON = {"content-type": "application/json"}


async def _no_django(scope: Any, receive: Any, send: Any) -> None:
    """In Django's place: what it would have been given, it says."""
    body = (await receive())["body"] if scope["method"] == "POST" else b""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def recorded() -> list[Report]:
    return []


@pytest.fixture
def intake(recorded: list[Report]) -> Intake:
    """With nothing behind it: 418 is what it leaves to Django."""

    async def write(reports: Sequence[Report]) -> Sequence[Kept | None]:
        recorded.extend(reports)
        return [Kept(len(report.fixes)) for report in reports]

    return Intake(_no_django, write, everybody)


async def everybody(reports: Sequence[Report]) -> Sequence[int | None]:
    """Lets anybody in."""
    return [1] * len(reports)


def bearer(credential: str = "mdd_device_x") -> dict[str, str]:
    return JSON | {"authorization": f"Bearer {credential}"}


def sent(intake: Any, path: str, body: Any, **headers: str) -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(intake, "POST", path, content, bearer() | headers).status_code


def test_what_is_plainly_right_never_meets_django(intake: Intake, recorded: list[Report]) -> None:
    answer = ask(intake, "POST", LOCATION, json.dumps(PLACE).encode(), bearer())
    assert (answer.status_code, answer.json()) == (201, {"status": "location recorded"})
    fixes = {"fixes": [{**PLACE, "timestamp": "2025-10-28T12:00:00+05:00", "speed": 1, "battery_level": None}]}
    answer = ask(intake, "POST", LOCATIONS, json.dumps(fixes).encode(), bearer())
    assert (answer.status_code, answer.json()) == (
        200, {"recorded": 1, "duplicates": 0, "over_limit": 0, "refused": []},
    )  # fmt: skip
    at = datetime(2025, 10, 28, 7, tzinfo=UTC)
    assert [report.fixes for report in recorded] == [[Fix(**PLACE)], [Fix(**PLACE, recorded_at=at, speed=1.0)]]
    assert {(report.device_uid, report.digest, report.owner) for report in recorded} == {
        ("w-1", digest_of("mdd_device_x"), None)
    }


LEFT_TO_DJANGO: dict[str, tuple[str, Any, dict[str, str]]] = {
    "a wrong field": (LOCATION, {**PLACE, "lat": 91}, {}),
    "no place": (LOCATION, {"lat": 0, "lon": 0}, {}),
    "no zone": (LOCATION, {**PLACE, "timestamp": "2025-10-28T12:00:00"}, {}),
    "no JSON": (LOCATION, b"lat=1", {}),
    "endless nesting": (LOCATIONS, b'{"fixes":' + b"[" * 100_000, {}),
    "a bad one among good ones": (LOCATIONS, {"fixes": [{**PLACE, "timestamp": "2025-10-28T12:00:00Z"}, PLACE]}, {}),
    "no fixes": (LOCATIONS, {"fixes": []}, {}),
    "another media type": (LOCATION, PLACE, {"content-type": "text/plain"}),
    "a browser": (LOCATION, PLACE, {"origin": "https://example.org"}),
    "another host": (LOCATION, PLACE, {"host": "evil.example"}),
    "no token": (LOCATION, PLACE, {"authorization": ""}),
    "another scheme": (LOCATION, PLACE, {"authorization": "Basic eDp5"}),
    "a made-up token": (LOCATION, PLACE, {"authorization": "Bearer eyJ.eyJ.x"}),
    "much too long": (LOCATION, PLACE | {"note": "x" * 5000}, {}),
    "no such device": (f"{URL}-/location/", PLACE, {}),
    "another address": (f"{MINE}status/", PLACE, {}),
}


@pytest.mark.parametrize("case", LEFT_TO_DJANGO)
def test_everything_else_reaches_django_whole(intake: Intake, recorded: list[Report], case: str) -> None:
    path, body, headers = LEFT_TO_DJANGO[case]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = ask(intake, "POST", path, content, bearer() | headers)
    assert (answer.status_code, answer.content) == (418, content)
    assert not recorded
    assert ask(intake, "GET", path, b"", bearer()).status_code == 418


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100)
def test_what_django_would_refuse_for_its_length_is_left_to_it(intake: Intake, recorded: list[Report]) -> None:
    fixes = {"fixes": [{**PLACE, "timestamp": "2025-10-28T12:00:00Z"}] * 2}
    assert sent(intake, LOCATIONS, fixes) == 418
    assert not recorded


def _numbers(least: float, most: float) -> Any:
    near = st.sampled_from([least, most, least - 1e-9, most + 1e-9, 0, -0.0, int(most), True, None, "1", 1e400, 5.0])
    return st.one_of(near, st.floats(least, most), st.integers(-10, 400), st.text(max_size=3))


INSTANTS = st.one_of(
    st.datetimes(timezones=st.sampled_from([UTC])).map(lambda at: at.isoformat()),
    st.sampled_from(["2025-10-28", "20251028T120000Z", "2025-10-28t12:00:00z", "2025-10-28T12:00:00.1234567Z",
                     "2025-W44-2T00:00Z", "2025-10-28 12:00Z", "0001-01-01T00:00:00+23:00", "", "now", 5, None,
                     "2025-10-28T12:00:00+05", "2025-10-28T24:00:00Z", "2025-10-28T12:00:00.5+05:30:15"]),
)  # fmt: skip
POSITIONS = st.fixed_dictionaries(
    {"lat": _numbers(-90, 90), "lon": _numbers(-180, 180)},
    optional={
        "speed": _numbers(0, 1000), "direction": _numbers(0, 360), "battery_level": _numbers(0, 100),
        "timestamp": INSTANTS, "note": st.text(max_size=5),
    },
)  # fmt: skip
EASY = hypothesis_settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@EASY
@given(position=POSITIONS)
def test_one_position_is_read_as_its_serializer_reads_it(
    intake: Intake, recorded: list[Report], position: dict[str, Any]
) -> None:
    recorded.clear()
    if sent(intake, LOCATION, position) == 201:
        body = LocationSerializer(data=json.loads(json.dumps(position)))
        assert body.is_valid(), body.errors
        assert [Fix(**body.validated_data)] == recorded[0].fixes


@EASY
@given(positions=st.lists(POSITIONS, max_size=3))
def test_many_positions_are_read_as_their_serializer_reads_them(
    intake: Intake, recorded: list[Report], positions: list[dict[str, Any]]
) -> None:
    recorded.clear()
    if sent(intake, LOCATIONS, {"fixes": positions}) == 200:
        body = FixesSerializer(data=json.loads(json.dumps({"fixes": positions})))
        assert body.is_valid(), body.errors
        assert not body.refused
        assert body.good == recorded[0].fixes


# Who may report


@pytest.fixture
def by_statement(db: None) -> Callable[[str, str], Kept | None]:
    """What the statement itself says of a device and a credential; None: not let in."""

    def make(device_uid: str, credential: str) -> Kept | None:
        kinds: dict[str, Any] = {"digest": digest_of(credential)} if credential.startswith("mdd_") else {}
        if not kinds:
            kinds = {"owner": AccessToken(credential)["user_uuid"]}  # type: ignore[arg-type]
        return record_all([Report(device_uid, [Fix(**PLACE)], **kinds)])[0]

    return make


def test_the_statement_lets_in_whom_the_views_let_in(by_statement: Any, watch: Device, person: Any) -> None:
    token, stranger = issue_token(watch), person()
    register_device(stranger, "other")
    mine, theirs = str(AccessToken.for_user(watch.owner)), str(AccessToken.for_user(stranger))
    for uid, credential, kept in (
        ("w-1", token, (1, 0)), ("w-1", mine, (1, 0)), ("other", theirs, (1, 0)), ("w-1", theirs, None),
        ("other", mine, None),
        ("other", token, None), ("nobody's", token, None), ("w-1", f"{token}x", None),
        ("w-1", str(AccessToken.for_user(person(role=Role.ADMIN))), None),
    ):  # fmt: skip
        assert by_statement(uid, credential) == kept, (uid, credential)
    for status in (Status.BANNED, Status.ERASED):
        User.objects.filter(pk=stranger.pk).update(status=status)
        assert by_statement("other", theirs) is None
    DeviceToken.objects.all().delete()
    assert by_statement("w-1", token) is None
    assert by_statement("w-1", mine) == (1, 0)


@pytest.mark.django_db
def test_the_statement_compares_version_and_session(watch: Device) -> None:
    owner = watch.owner
    older = sessions.begin(owner)
    accounts.sign_out_everywhere(owner)
    ended, good = sessions.begin(owner), sessions.begin(owner)
    sessions.end(owner, ended["session"])
    named = {"of an older version": older, "ended": ended, "good": good}
    reports = [
        Report(watch.device_uid, [Fix(**PLACE)], owner=owner.uuid, version=token["version"], session=token["session"])
        for token in named.values()
    ]
    assert dict(zip(named, record_all(reports), strict=True)) == {
        "of an older version": None, "ended": None, "good": (1, 0),
    }  # fmt: skip
    assert [bool(device) for device in let_in(reports)] == [False, False, True]


def test_what_an_access_token_says_of_itself_reaches_the_statement(
    intake: Intake, recorded: list[Report], wearer: User
) -> None:
    wearer.token_version = 7
    token = sessions.begin(wearer)
    old = AccessToken.for_user(wearer)
    for access in (token.access_token, old):
        assert sent(intake, LOCATION, PLACE, authorization=f"Bearer {access}") == 201
    assert [(report.owner, report.version, report.session) for report in recorded] == [
        (wearer.uuid, 7, token["session"]), (wearer.uuid, 0, ""),
    ]  # fmt: skip


def test_an_expired_token_is_left_to_django(intake: Intake, recorded: list[Report], wearer: User) -> None:
    token = AccessToken.for_user(wearer)
    assert sent(intake, LOCATION, PLACE, authorization=f"Bearer {token}") == 201
    token.set_exp(lifetime=timedelta(seconds=-1))
    assert sent(intake, LOCATION, PLACE, authorization=f"Bearer {token}") == 418
    assert len(recorded) == 1


def test_a_key_that_is_gone_opens_nothing(intake: Intake, wearer: User, settings: Any) -> None:
    token = str(AccessToken.for_user(wearer))
    assert sent(intake, LOCATION, PLACE, authorization=f"Bearer {token}") == 201
    settings.SIMPLE_JWT = settings.SIMPLE_JWT | {"SIGNING_KEY": "another-key-of-forty-characters-and-more"}
    assert sent(intake, LOCATION, PLACE, authorization=f"Bearer {token}") == 418


# Strangers


class Crowd:
    """An intake whose database is slow, or stands still, and those who report to it."""

    def __init__(self) -> None:
        self.good = {"mdd_device_good", "mdd_device_new"}
        self.gate = Gate()
        self.gate.open.set()
        self.intake = Intake(_no_django, self.gate.write, self.ask)

    async def ask(self, reports: Sequence[Report]) -> Sequence[int | None]:
        await self.gate.open.wait()
        digests = {digest_of(token) for token in self.good}
        return [1 if report.digest in digests else None for report in reports]

    async def report(self, token: str, count: int = 1) -> int:
        fixes = [{**PLACE, "timestamp": "2025-10-28T12:00:00Z"}] * count
        body = json.dumps({"fixes": fixes}).encode()
        transport = httpx.ASGITransport(self.intake)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.post(LOCATIONS, content=body, headers=bearer(token))
        return answer.status_code


async def turns() -> None:
    """Lets everything that is under way go as far as it can."""
    for _ in range(200):
        await asyncio.sleep(0)


def test_strangers_with_many_fixes_keep_no_known_watch_out() -> None:
    async def scenario() -> None:
        crowd = Crowd()
        assert await crowd.report("mdd_device_good") == 200
        crowd.gate.open.clear()
        strangers = [asyncio.create_task(crowd.report(f"mdd_device_{n}", 1000)) for n in range(16)]
        known = [asyncio.create_task(crowd.report("mdd_device_good", 10)) for _ in range(16)]
        await turns()
        assert not any(task.done() for task in (*strangers, *known)), "nobody is refused for want of room"
        crowd.gate.open.set()
        assert await asyncio.gather(*known) == [200] * 16
        assert await asyncio.gather(*strangers) == [418] * 16, "Django says what is wrong with their token"
        assert max(crowd.gate.fixes) < 1000, "and nothing of theirs has reached the statement that records"

    asyncio.run(scenario())


def test_more_strangers_than_may_wait_are_told_to_come_back() -> None:
    async def scenario() -> None:
        crowd = Crowd()
        assert await crowd.report("mdd_device_good") == 200
        crowd.gate.open.clear()
        strangers = [asyncio.create_task(crowd.report(f"mdd_device_{n}")) for n in range(STRANGERS_MOST + 50)]
        await turns()
        refused = sum(task.done() for task in strangers)
        assert 0 < refused <= 50, "a hundred wait, and one at most is being asked for"
        known = asyncio.create_task(crowd.report("mdd_device_good"))
        crowd.gate.open.set()
        assert await known == 200
        assert Counter(await asyncio.gather(*strangers)) == {418: STRANGERS_MOST + 50 - refused, 503: refused}
        assert await crowd.report("mdd_device_new") == 200

    asyncio.run(scenario())


def test_who_was_known_and_is_let_in_no_longer_is_a_stranger_again() -> None:
    async def scenario() -> None:
        crowd = Crowd()
        assert await crowd.report("mdd_device_good") == 200
        crowd.good.clear()
        crowd.gate.is_revoked = True
        assert await crowd.report("mdd_device_good") == 418
        assert not crowd.intake._recent_callers._until

    asyncio.run(scenario())


def test_who_has_not_reported_for_a_while_is_a_stranger_again() -> None:
    async def scenario() -> None:
        crowd = Crowd()
        assert await crowd.report("mdd_device_good") == 200
        crowd.good.clear()
        assert await crowd.report("mdd_device_good") == 200
        with mock.patch("apps.devices.intake.route.time.monotonic", return_value=time.monotonic() + RECENT_FOR_S + 1):
            assert await crowd.report("mdd_device_good") == 418

    asyncio.run(scenario())


@pytest.mark.django_db
def test_revoked_token_records_nothing_more(watch: Device) -> None:
    intake = Intake(get_asgi_application(), sync_to_async(record_all), sync_to_async(let_in))
    token = issue_token(watch)
    assert sent(intake, LOCATION, PLACE, authorization=f"Bearer {token}") == 201
    DeviceToken.objects.all().delete()
    assert sent(intake, LOCATION, PLACE, authorization=f"Bearer {token}") == 401


# Batches


@pytest.mark.django_db
def test_one_transaction_for_many_devices_each_told_its_own(wearer: User) -> None:
    devices = [register_device(wearer, f"w-{n}")[0] for n in range(5)]
    tokens = [digest_of(issue_token(device)) for device in devices]
    at = ago(minutes=1)
    reports = [
        Report("w-0", [Fix(41, 69)], tokens[0]),
        Report("w-1", [Fix(41.1, 69, at), Fix(41.2, 69, at), Fix(41.3, 69, at - timedelta(1))], tokens[1]),
        Report("w-2", [Fix(41, 69)], tokens[0]),
        Report("w-3", [Fix(41.4, 69, at)], owner=wearer.uuid),
        Report("w-3", [Fix(41.5, 69, at), Fix(41.6, 69)], owner=wearer.uuid),
    ]
    assert record_all(reports) == [(1, 0), (2, 0), None, (1, 0), (1, 0)]
    assert record_all(reports[1:2] + reports[3:4]) == [(0, 0), (0, 0)]
    assert LocationTrack.objects.count() == 5
    shown = {uid: at.y for uid, at in Device.objects.values_list("device_uid", "position") if at}
    assert shown == {"w-0": 41, "w-1": 41.1, "w-3": 41.6}
    assert DeviceToken.objects.filter(last_used_at__isnull=False).count() == 2


@pytest.mark.django_db
def test_of_a_helpers_devices_in_one_batch_the_newest_tells_where_they_are(person: Any) -> None:
    user = person()
    change_standing(user, role=Role.HELPER, status=Status.ACTIVE)
    for uid in ("w-1", "w-2", "w-3"):
        register_device(user, uid)
    fixes = {
        "w-1": Fix(41.1, 69, ago(minutes=2)),
        "w-2": Fix(41.2, 69, ago(minutes=1)),
        "w-3": Fix(41.3, 69, ago(minutes=3)),
    }
    assert record_all([Report(uid, [fix], owner=user.uuid) for uid, fix in fixes.items()]) == [(1, 0)] * 3
    assert (HelperPosition.objects.get().position.y, HelperPosition.objects.get().device.device_uid) == (41.2, "w-2")


@pytest.mark.django_db(transaction=True)
def test_batches_in_any_order_wait_for_each_other_and_never_deadlock(person: Any) -> None:
    people = [person(role=Role.HELPER) for _ in range(5)]
    uids = [f"w-{n}" for n in range(20)]
    for number, uid in enumerate(uids):
        register_device(people[number % 5], uid)

    def record(turn: int) -> int:
        order = uids if turn % 2 else uids[::-1]
        owners = {uid: people[number % 5].uuid for number, uid in enumerate(uids)}
        try:
            done = record_all([Report(uid, [Fix(41 + turn / 100, 69)], owner=owners[uid]) for uid in order])
            return sum(kept.recorded for kept in done if kept)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(record, range(60))) == 60 * 20
    assert LocationTrack.objects.count() == 60 * 20
    newest = {at.device_id: at.position.y for at in LocationTrack.objects.order_by("recorded_at")}
    assert {device.pk: device.position.y for device in Device.objects.all() if device.position} == newest


@pytest.mark.django_db(transaction=True)
def test_a_report_that_postgresql_refuses_fails_alone(watch: Device) -> None:
    reports = [Report("w-1", [Fix(41, 69, battery_level=level)], owner=watch.owner.uuid) for level in (10, 10**6, 20)]

    async def together() -> list[Kept | None]:
        batches = Batches(sync_to_async(record_all), at_once=1)
        return await asyncio.gather(*[batches.record(report) for report in reports])

    assert async_to_sync(together)() == [(1, 0), None, (1, 0)]


@pytest.mark.django_db
def test_reports_of_one_device_in_one_batch_share_its_room_and_the_newest_have_it(watch: Device) -> None:
    half = TRACK_ROOM // 2 + 100
    late, early = ([Fix(41, 69, ago(hours=hours, seconds=n)) for n in range(half)] for hours in (1, 10))
    reports = [Report("w-1", fixes, owner=watch.owner.uuid) for fixes in (early, late)]
    assert record_all(reports) == [(half - 200, 200), (half, 0)]
    assert LocationTrack.objects.count() == TRACK_ROOM


class Gate:
    """Writes when it is told to; what, it remembers."""

    def __init__(self) -> None:
        self.open, self.batches, self.fixes = asyncio.Event(), list[int](), list[int]()
        self.is_revoked = False

    async def write(self, reports: Sequence[Report]) -> Sequence[Kept | None]:
        self.batches.append(len(reports))
        self.fixes.append(sum(len(report.fixes) for report in reports))
        await self.open.wait()
        return [None if self.is_revoked else Kept(len(report.fixes)) for report in reports]


def _report(count: int = 1) -> Report:
    return Report("w-1", [Fix(41, 69)] * count, digest="x")


def test_what_comes_while_a_batch_is_written_is_the_next_one() -> None:
    async def scenario() -> list[int]:
        gate = Gate()
        batches = Batches(gate.write, at_once=1, together=10)
        first = asyncio.create_task(batches.record(_report()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        others = [asyncio.create_task(batches.record(_report())) for _ in range(24)]
        await asyncio.sleep(0)
        gate.open.set()
        assert await asyncio.gather(first, *others) == [(1, 0)] * 25
        return gate.batches

    assert asyncio.run(scenario()) == [1, 10, 10, 4]


def test_report_that_follows_an_answer_at_once_is_written_too() -> None:
    async def scenario() -> list[int]:
        gate = Gate()
        gate.open.set()
        batches = Batches(gate.write, at_once=1)
        for _ in range(3):
            assert await batches.record(_report()) == (1, 0)
        return gate.batches

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) == [1, 1, 1]


def test_a_batch_larger_than_all_bounds_goes_alone() -> None:
    async def scenario() -> list[int]:
        gate = Gate()
        gate.open.set()
        batches = Batches(gate.write, at_once=1, together=10)
        assert await asyncio.gather(batches.record(_report(3)), batches.record(_report(30))) == [(3, 0), (30, 0)]
        return gate.batches

    assert asyncio.run(scenario()) == [1, 1]


def test_more_than_may_wait_is_refused_and_room_comes_back() -> None:
    async def scenario() -> None:
        gate = Gate()
        batches = Batches(gate.write, at_once=1, waiting=5)
        first = asyncio.create_task(batches.record(_report()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        others = [asyncio.create_task(batches.record(_report())) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await batches.record(_report())
        gate.open.set()
        assert await asyncio.gather(first, *others) == [(1, 0)] * 6
        assert await batches.record(_report(5)) == (5, 0)

    asyncio.run(scenario())


@pytest.mark.parametrize("why", [Overloaded(), OperationalError("gone")])
def test_what_cannot_be_stored_now_is_said_with_when_to_try_again(why: Exception) -> None:
    async def write(reports: Sequence[Report]) -> Sequence[Kept | None]:
        raise why if isinstance(why, OperationalError) else AssertionError

    intake = Intake(_no_django, write, everybody)
    if isinstance(why, Overloaded):
        intake._batches._waiting_most = 0
    answer = ask(intake, "POST", LOCATION, json.dumps(PLACE).encode(), bearer())
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "1")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.django_db
def test_a_report_refused_by_the_statement_is_answered_by_django(watch: Device) -> None:
    intake = Intake(get_asgi_application(), sync_to_async(record_all), sync_to_async(let_in))
    answer = ask(intake, "POST", LOCATION, json.dumps(PLACE).encode(), bearer("mdd_device_made-up"))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert answer.headers["www-authenticate"] == "Bearer"
