"""The document is made once, however many ask for it."""

from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
import yaml
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from mdd_backend.api import schema_view

JSON = "application/vnd.oai.openapi+json"


@pytest.fixture(autouse=True)
def _nothing_made_yet() -> None:
    schema_view._document.cache_clear()
    schema_view._rendered.cache_clear()


def test_ten_who_ask_at_once_have_it_made_once() -> None:
    made = mock.patch.object(SchemaGenerator, "get_schema", autospec=True, side_effect=SchemaGenerator.get_schema)
    with made as get_schema, ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: APIClient().get("/api/schema/", HTTP_ACCEPT=JSON).content, range(10)))
    assert get_schema.call_count == 1
    assert len(set(answers)) == 1


def test_both_forms_are_the_same_document() -> None:
    as_json, as_yaml = (APIClient().get("/api/schema/", HTTP_ACCEPT=kind) for kind in (JSON, "*/*"))
    assert as_json["Content-Type"] == JSON
    assert as_yaml["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8"
    assert 'filename="MDD Backend.yaml"' in as_yaml["Content-Disposition"]
    assert yaml.safe_load(as_yaml.content) == as_json.json()
    assert as_json.json()["openapi"].startswith("3.")
