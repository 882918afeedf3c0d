"""docs/asyncapi.yaml against the socket: the path, the codes, the messages."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from apps.devices.rules.registry import register_device
from apps.monitoring.feed import consumers, routing
from apps.monitoring.feed.wire import messages_after
from apps.sos import journal
from apps.sos.journal.entries import DATA
from apps.sos.kinds import DetectedType, EventStatus, JournalKind
from apps.sos.models import SosEvent
from apps.sos.rules.due_step import take_due_step
from apps.users.models import User
from tests.journal import example

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs/asyncapi.yaml").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
MESSAGE, UPDATE = (
    Draft202012Validator(SCHEMAS[name], format_checker=FormatChecker()) for name in ("SosEvent", "SosUpdate")
)
CHANNEL = DOCUMENT["channels"]["sosEvents"]


def test_path_is_the_one_served() -> None:
    assert any(route.pattern.match(CHANNEL["address"].lstrip("/")) for route in routing.websocket_urlpatterns[:1])


def test_every_code_the_socket_closes_with_is_explained() -> None:
    codes = {value for name, value in vars(consumers).items() if name.isupper() and isinstance(value, int)}
    assert codes == set(CHANNEL["x-close-codes"])


def test_every_reference_leads_somewhere() -> None:
    def follow(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else []):
            if key == "$ref":
                found = DOCUMENT
                for step in value.removeprefix("#/").split("/"):
                    found = found[step]
            else:
                follow(value)

    follow(DOCUMENT)


def test_the_example_fits_and_a_wrong_one_does_not() -> None:
    example = DOCUMENT["components"]["messages"]["sosEvent"]["examples"][0]["payload"]
    MESSAGE.validate(example)
    assert not MESSAGE.is_valid(example | {"seq": "1042"})
    UPDATE.validate(DOCUMENT["components"]["messages"]["sosUpdate"]["examples"][0]["payload"])


def test_every_kind_type_and_status_is_named() -> None:
    event, update = (SCHEMAS[name]["properties"]["payload"]["properties"] for name in ("SosEvent", "SosUpdate"))
    assert set(update["kind"]["enum"]) == set(JournalKind.values)
    assert set(update["status"]["enum"]) == {*EventStatus.values, None}
    assert set(event["detected_type"]["enum"]) == set(DetectedType.values)


@pytest.mark.django_db
def test_what_dispatchers_are_told_fits(wearer: User, press: Any, helper: Any) -> None:
    press(wearer, lat=None, lon=None, device_uid=None)
    register_device(wearer, "watch_unique_serial_001")
    helper(100)
    press(wearer)
    for event in SosEvent.objects.all():
        take_due_step(event.pk)
    told = [json.loads(message) for _, message in messages_after(0)]
    for message in told:
        (MESSAGE if message["type"] == "sos_event" else UPDATE).validate(message)
    assert {"sos_event", "sos_update"} == {message["type"] for message in told}


@pytest.mark.django_db
def test_every_kind_fits_and_names_people_by_uuid(
    wearer: User, dispatcher: User, press: Any, person: Any, django_assert_num_queries: Any
) -> None:
    press(wearer)
    event, one, two = SosEvent.objects.get(), person(), person()
    entries = [journal.Entry(event.pk, kind, dispatcher.pk, example(kind, one.pk, two.pk)) for kind in JournalKind]
    journal.tell(event, *entries)
    with django_assert_num_queries(3):
        messages = [json.loads(message) for _, message in messages_after(0)]
    updates = [message for message in messages if message["type"] == "sos_update"]
    told: dict[str, Any] = {}
    for message in updates:
        UPDATE.validate(message)
        assert (message["payload"]["actor"], message["payload"]["status"]) == (str(dispatcher.uuid), "NEW")
        told |= message["payload"]["data"]
    people = [told[name] for name in ("helpers", "passed_over", "helper", "told", "stood_down", "rung", "contacts")]
    assert people == [
        {str(one.uuid): 430}, {str(two.uuid): "OFF_DUTY"}, str(one.uuid), [str(two.uuid)],
        [str(one.uuid), str(two.uuid)], [str(two.uuid)], 2,
    ]  # fmt: skip
    assert told.keys() == {name for shape in DATA.values() for name in shape.__dataclass_fields__} - {"replaces"}
    assert [one["payload"]["kind"] for one in updates] == [kind for kind in JournalKind if kind != "EVENT_OPENED"]
