"""The admin is shown in some networks only."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client

from apps.users.models import User
from tests.deploy.test_settings import start

pytestmark = pytest.mark.django_db
PAGES = ["/admin/", "/admin/login/", "/admin/users/user/", "/admin/jsi18n/", "/admin/nothing/"]


@pytest.fixture
def near(settings: Any) -> None:
    settings.ADMIN_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("address", ["10.2.0.1", "2001:db9::1", "::ffff:10.2.0.1", "", "unix"])
def test_elsewhere_there_is_no_admin(near: None, superuser: User, path: str, address: str) -> None:
    browser = Client(REMOTE_ADDR=address)
    browser.force_login(superuser)
    assert browser.get(path).status_code == browser.post(path).status_code == 404


@pytest.mark.parametrize("address", ["10.1.0.1", "2001:db8:5::1", "::ffff:10.1.2.3"])
def test_there_it_is(near: None, superuser: User, address: str) -> None:
    browser = Client(REMOTE_ADDR=address)
    browser.force_login(superuser)
    assert browser.get("/admin/").status_code == 200


def test_console_and_api_are_everywhere(near: None, dispatcher: User, client_of: Any) -> None:
    browser = Client(REMOTE_ADDR="10.2.0.1")
    browser.force_login(dispatcher)
    assert browser.get("/console/").status_code == 200
    assert browser.get("/api/v1/users/").status_code == 200


def test_a_network_that_is_none_stops_the_start() -> None:
    done = start(ADMIN_NETWORKS="10.0.0.0/8, office")
    assert "ADMIN_NETWORKS: " in done.stderr.strip().splitlines()[-1]
    assert start(ADMIN_NETWORKS="10.0.0.1,fd00::/8").returncode == 0


def test_the_second_factor_is_asked_in_production() -> None:
    show = "import django; django.setup(); from django.conf import settings; print(settings.DISPATCHER_2FA)"
    assert start("-c", show).stdout.strip() == "True"
    assert start("-c", show, DISPATCHER_2FA="false").stdout.strip() == "False"
