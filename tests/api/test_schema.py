"""The OpenAPI document against the service: every answer is one that it describes, every example is true."""

import re
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, settings
from jsonschema import Draft4Validator
from openapi_spec_validator import validate
from rest_framework.test import APIClient
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.routes import Scene, client_for

SPEC = schemathesis.openapi.from_wsgi("/api/schema/", get_wsgi_application())
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def one_connection(route_scene: Scene) -> Iterator[None]:
    """Requests leave the test's connection open, as with Django's client (which made the scene and undid this)."""
    both = (signals.request_started, signals.request_finished)
    for signal in both:
        signal.disconnect(close_old_connections)
    yield
    for signal in both:
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize(
    "actors", [("owner", "superuser")], ids=["owner, superuser"]
)  # without, all would have one name
@SPEC.parametrize()
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes(case: Any, actors: list[str], route_scene: Scene) -> None:
    known = {"device_uid": route_scene.device_uid, "event_uid": str(route_scene.event.uid)}
    if case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE:
        case.path_parameters = {name: known.get(name, value) for name, value in (case.path_parameters or {}).items()}
    else:
        actors = [actors[crc32(repr(case).encode()) % 2]]  # one is enough to be wrong
    for actor in actors:
        with transaction.atomic():
            case.call_and_validate(headers={"Authorization": f"Bearer {route_scene.credentials[actor]}"}, checks=CHECKS)
            transaction.set_rollback(True)


def document() -> Any:
    return APIClient().get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").json()


def test_document_is_valid_openapi() -> None:
    validate(document())


def operations() -> list[tuple[str, Any]]:
    paths = document()["paths"]
    return [(f"{method.upper()} {path}", op) for path, ops in paths.items() for method, op in ops.items()]


def _bodies(operation: Any) -> list[Any]:
    """The contents of the request and of every answer."""
    request = list(operation.get("requestBody", {}).get("content", {}).values())
    return request + [
        content for answer in operation["responses"].values() for content in answer.get("content", {}).values()
    ]


def test_every_body_has_an_example_and_every_example_fits_its_body() -> None:
    components = document()["components"]
    for name, operation in operations():
        for body in _bodies(operation):
            assert body.get("examples"), f"{name}: a body without an example"
            for example in body["examples"].values():
                errors = list(Draft4Validator(_with(components, body["schema"])).iter_errors(example["value"]))
                assert not errors, f"{name}: {errors[0].message} at {list(errors[0].absolute_path)}"


def _with(components: Any, schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: `nullable` is said with a type of null."""

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(one) for one in node]
        if not isinstance(node, dict):
            return node
        node = {key: plain(value) for key, value in node.items() if key != "nullable"} | (
            {"nullable": True} if node.get("nullable") is True else {}
        )
        if node.pop("nullable", False):
            return {"anyOf": [node, {"type": "null"}]}
        return node

    return plain({**schema, "components": components})


def test_every_operation_says_what_it_does_and_how_it_fails() -> None:
    for name, operation in operations():
        assert operation["summary"], name
        assert {"500", "503"} <= operation["responses"].keys(), name
        assert "401" in operation["responses"] or not operation.get("security", [{}])[0], name


@pytest.mark.parametrize("path", ["/swagger/", "/redoc/"])
def test_pages_need_nothing_from_outside(path: str) -> None:
    page = APIClient().get(path)
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href|action)="([^"]*)"', page.content.decode())
    assert loaded
    assert not [address for address in loaded if not address.startswith(("/static/", f"{path}?"))]


@pytest.mark.django_db
def test_client_for_anonymous_has_no_token(route_scene: Scene) -> None:
    assert client_for(route_scene, "anonymous").get("/api/v1/users/me/").status_code == 401
