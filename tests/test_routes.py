"""What holds for every route: who may, what bad bodies hear, and what is heard while PostgreSQL is away."""

import json
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from drf_spectacular.generators import EndpointEnumerator

from apps.sos.models import HelperAlert
from tests.routes import ACTORS, ROUTES, Route, Scene, client_for

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
    actor = next(actor for actor in ACTORS if route.hears[actor] < 300 or actor == ACTORS[-1])
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
    actor = next(actor for actor in ("owner", "called", "admin") if route.hears[actor] not in {401, 403, 404})
    body, url = route.body_of(route_scene, actor), route_scene.path(route)
    call = getattr(client_for(route_scene, actor), route.method.lower())
    with mock.patch.object(CursorWrapper, "execute", side_effect=OperationalError("the connection is lost")):
        answer = call(url, body, format="json")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "1", "unavailable")
    assert "lost" not in answer.content.decode()
    assert call(url, body, format="json").status_code == route.hears[actor]
