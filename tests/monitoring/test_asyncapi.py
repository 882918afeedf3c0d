"""docs/asyncapi.yaml against the socket: the path, the codes, the messages."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from apps.devices.services import register_device
from apps.monitoring import consumers, routing
from apps.sos.messages import dispatcher_message
from apps.sos.models import DetectedType, SosEvent
from apps.users.models import User

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs/asyncapi.yaml").read_text())
MESSAGE = Draft202012Validator(DOCUMENT["components"]["schemas"]["SosEvent"], format_checker=FormatChecker())
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
    payload = DOCUMENT["components"]["schemas"]["SosEvent"]["properties"]["payload"]["properties"]
    assert set(payload["detected_type"]["enum"]) == set(DetectedType.values)


@pytest.mark.django_db
def test_what_dispatchers_are_told_fits(wearer: User, press: Any) -> None:
    press(wearer, lat=None, lon=None, device_uid=None)
    register_device(wearer, "watch_unique_serial_001")
    press(wearer)
    for event in SosEvent.objects.select_related("user", "device"):
        MESSAGE.validate(dispatcher_message(1, event))
