"""The scene of the routes: made once a module, since making it takes ten times as long as a request."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.test import override_settings

from apps.sos.models import SosEvent
from tests.api.routes import Scene
from tests.conftest import make_scene


@pytest.fixture(scope="module")
def kept_scene(django_db_setup: None, django_db_blocker: Any) -> Iterator[Scene]:
    """In a transaction around those of the module's tests, each of which undoes what it has done."""
    around = transaction.atomic()
    with django_db_blocker.unblock(), override_settings(SMS_TRANSPORT=""):
        around.__enter__()
        scene: Scene = make_scene()
    yield scene
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        around.__exit__(None, None, None)


@pytest.fixture
def route_scene(kept_scene: Scene, db: None) -> Scene:
    """As if its signal had just come."""
    SosEvent.objects.filter(pk=kept_scene.event.pk).update(last_signal_at=Now())
    return deepcopy(kept_scene)
