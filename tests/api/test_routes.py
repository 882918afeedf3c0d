"""What holds for every route: who may, what bad bodies hear, and what is heard while PostgreSQL is away."""

import json
import re
from functools import cache
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from drf_spectacular.generators import EndpointEnumerator
from rest_framework.test import APIClient

from apps.sos.models import HelperAlert
from tests.api.routes import ACTORS, ROUTES, Route, Scene, client_for

pytestmark = pytest.mark.django_db
WITH_BODY = [route for route in ROUTES if route.method in {"POST", "PATCH"} and route.body is not None]
FORGIVING = "/api/v1/sos/trigger/"


def ask(scene: Scene, route: Route, actor: str) -> Any:
    call = getattr(client_for(scene, actor), route.method.lower())
    return call(scene.path(route), route.body_of(scene, actor), format="json")


def test_every_route_has_its_row() -> None:
    served = {f"{method} {path}" for path, _, method, _ in EndpointEnumerator().get_api_endpoints() if "/v1/" in path}
    assert served == {str(route) for route in ROUTES}


def test_the_scene_is_as_the_table_says(route_scene: Scene) -> None:
    assert [alert.helper for alert in HelperAlert.objects.select_related("helper")] == [route_scene.people["called"]]


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_everybody_hears_what_the_table_says(route_scene: Scene, route: Route, actor: str) -> None:
    answer = ask(route_scene, route, actor)
    assert answer.status_code == route.hears[actor], answer.content
    if answer.status_code >= 400:
        assert {"detail", "code"} <= answer.json().keys()
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
def test_body_that_is_no_json_object_is_refused(route_scene: Scene, route: Route) -> None:
    actor = next(actor for actor in ACTORS if route.hears[actor] < 300 or actor == "superuser")
    for body in (b"[]", b'"text"', b"5", b"null", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000):
        if route.path == FORGIVING and body == b'{"a": NaN}':
            continue
        answer = client_for(route_scene, actor).generic(
            route.method, route_scene.path(route), body, content_type="application/json"
        )
        assert (answer.status_code, answer.json()["code"]) in {(400, "invalid"), (400, "parse_error")}, body
    text = client_for(route_scene, actor).generic(
        route.method, route_scene.path(route), b"{}", content_type="text/plain"
    )
    assert text.status_code == (415 if route.path != FORGIVING else text.status_code) < 500
    large = json.dumps({"a": "x" * 1024 * 1024}).encode()
    huge = client_for(route_scene, actor).generic(
        route.method, route_scene.path(route), large, content_type="application/json"
    )
    assert (huge.status_code, huge.json()["code"]) == (413, "too_large")


@cache
def _document() -> Any:
    return APIClient().get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").json()


def _fields(route: Route) -> list[str]:
    """What the OpenAPI document says that the route takes."""
    document = _document()
    contents = document["paths"][route.path][route.method.lower()]["requestBody"]["content"]
    name = contents["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return list(document["components"]["schemas"][name]["properties"])


def _served(route: Route) -> str:
    """Whom the route serves, or refuses last."""
    return next(actor for actor in (*ACTORS, ACTORS[-1]) if route.hears[actor] < 300 or actor == "superuser")


@pytest.mark.parametrize("half", ["\ud800", "a\udc00b", ["\ud800"], {"\ud800": 1}], ids=ascii)
@pytest.mark.parametrize("route", WITH_BODY, ids=str)
def test_half_of_a_character_is_refused_in_the_name_of_its_field(route_scene: Scene, route: Route, half: Any) -> None:
    client, right = client_for(route_scene, _served(route)), route.body_of(route_scene, _served(route))
    for name in [*_fields(route), "unknown"]:
        body = json.dumps({**right, name: half})
        answer = client.generic(route.method, route_scene.path(route), body, content_type="application/json")
        if route.path == FORGIVING:
            assert answer.status_code in {200, 201}, name
        else:
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), name
            assert name in answer.json()


@pytest.mark.parametrize("route", WITH_BODY, ids=str)
def test_half_of_a_character_in_a_field_s_name_is_refused(route_scene: Scene, route: Route) -> None:
    client, body = client_for(route_scene, _served(route)), json.dumps({"a\ud800": 1})
    answer = client.generic(route.method, route_scene.path(route), body, content_type="application/json")
    if route.path != FORGIVING:
        assert (answer.status_code, "a?" in answer.json()) == (400, True)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_more_parameters_than_anybody_reads_are_no_mistake_of_the_server_s(route_scene: Scene, route: Route) -> None:
    actor = next(actor for actor in ACTORS if route.hears[actor] not in {401, 403, 404})
    url = f"{route_scene.path(route)}?{'&'.join(f'a{n}=1' for n in range(1001))}"
    body = route.body_of(route_scene, actor)
    answer = getattr(client_for(route_scene, actor), route.method.lower())(url, body, format="json")
    described = _document()["paths"][route.path][route.method.lower()].get("parameters", [])
    if answer.status_code != route.hears[actor] or any(one["in"] == "query" for one in described):
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route.path], ids=str)
def test_half_of_a_character_in_a_path_is_not_found(route_scene: Scene, route: Route) -> None:
    url = re.sub(r"{\w+}", "%ED%A0%80", route.path)
    body = json.dumps(route.body_of(route_scene, "admin"))
    answer = client_for(route_scene, "admin").generic(route.method, url, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_unknown_method_is_refused_in_json(route_scene: Scene, route: Route) -> None:
    answer = client_for(route_scene, "admin").generic(
        "PUT", route_scene.path(route), b"{}", content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert route.method in answer.headers["Allow"]


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route.path], ids=str)
def test_what_does_not_exist_is_not_found(route_scene: Scene, route: Route) -> None:
    strange = {
        "device_uid": ["nobodys", "x" * 65, "%00", "a%20b", "é"],
        "event_uid": ["00000000-0000-4000-8000-000000000000", "1", "%00"],
        "uuid": ["00000000-0000-4000-8000-000000000000", "me-not"],
        "session_id": ["0" * 32, "a" * 64, "x", "%00"],
        "token_id": ["999999999", "99999999999999999999", "-1", "x"],
        "contact_uuid": ["00000000-0000-4000-8000-000000000000", "1"],
        "helper_uuid": ["00000000-0000-4000-8000-000000000000", "1"],
        "notification_uuid": ["00000000-0000-4000-8000-000000000000", "1"],
        "status_signed": ["x", "a:b"],
        "signed": ["x", "a:b", "%00"],
    }
    for name, values in strange.items():
        for value in values if f"{{{name}}}" in route.path else ():
            url = route.path.replace(f"{{{name}}}", value)
            answer = client_for(route_scene, "admin").generic(
                route.method, url, json.dumps(route.body_of(route_scene, "admin")), content_type="application/json"
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), url


@pytest.mark.parametrize("route", [route for route in ROUTES if "config" not in route.path], ids=str)
def test_database_away_is_503_with_retry_after(route_scene: Scene, route: Route) -> None:
    actor = next(
        actor for actor in ("owner", "called", "admin", "superuser") if route.hears[actor] not in {401, 403, 404}
    )
    body, url = route.body_of(route_scene, actor), route_scene.path(route)
    call = getattr(client_for(route_scene, actor), route.method.lower())
    with mock.patch.object(CursorWrapper, "execute", side_effect=OperationalError("the connection is lost")):
        answer = call(url, body, format="json")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "1", "unavailable")
    assert "lost" not in answer.content.decode()
    assert call(url, body, format="json").status_code == route.hears[actor]
