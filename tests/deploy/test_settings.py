"""What a production start demands, and what it refuses in plain words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KEY = "9f2d7c31b85e40a6b1c4d7e0f3a69285cb41"
PRODUCTION = {
    "PATH": os.environ["PATH"],
    "DJANGO_SETTINGS_MODULE": "mdd_backend.settings",
    "DJANGO_SECRET_KEY": KEY * 2,
    "DATABASE_URL": "postgres://mdd:x@127.0.0.1:1/mdd",
    "REDIS_URL": "redis://127.0.0.1:1",
    "DJANGO_ALLOWED_HOSTS": "sos.example.org,127.0.0.1",
    "PUBLIC_URL": "https://sos.example.org",
    "STATIC_HASHED": "true",
}


def start(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    """Sets Django up as in production, with `changes`; what is empty counts as unset, also where .env has it."""
    command = [sys.executable, *(arguments or ("-c", "import django; django.setup()"))]
    return subprocess.run(command, env=PRODUCTION | changes, cwd=ROOT, capture_output=True, text=True, check=False)


def test_production_starts() -> None:
    done = start()
    assert done.returncode == 0, done.stderr


def test_deployment_check_is_clean() -> None:
    done = start("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("DEBUG", {"DEBUG": "true"}),
        ("DJANGO_SECRET_KEY", {"DJANGO_SECRET_KEY": ""}),
        ("DJANGO_SECRET_KEY", {"DJANGO_SECRET_KEY": "short"}),
        ("DJANGO_SECRET_KEY", {"DJANGO_SECRET_KEY": "x" * 50}),
        ("DJANGO_SECRET_KEY", {"DJANGO_SECRET_KEY": "django-insecure-" + KEY}),
        ("JWT_SIGNING_KEY", {"JWT_SIGNING_KEY": "your_signing_key_of_32_characters_or_more"}),
        ("DJANGO_ALLOWED_HOSTS", {"DJANGO_ALLOWED_HOSTS": "*"}),
        ("DJANGO_ALLOWED_HOSTS", {"DJANGO_ALLOWED_HOSTS": "localhost,*", "DEBUG": "true"}),
        ("CORS_ALLOW_ALL_ORIGINS", {"CORS_ALLOW_ALL_ORIGINS": "true"}),
        ("SMS_TRANSPORT", {"SMS_TRANSPORT": "console"}),
        ("SMS_COUNTRIES", {"SMS_COUNTRIES": "UZ,Uzbekistan"}),
        ("SMS_PER_ACCOUNT", {"SMS_PER_ACCOUNT": "-1"}),
        ("DJANGO_SECRET_KEY_FILE", {"DJANGO_SECRET_KEY": "", "DJANGO_SECRET_KEY_FILE": "/nowhere/at/all"}),
    ],
)
def test_unsafe_start_is_refused_by_name(name: str, changes: dict[str, str]) -> None:
    done = start(**changes)
    assert done.returncode != 0
    assert f"{name}: " in done.stderr.strip().splitlines()[-1]
    for secret in (KEY, "your_signing_key_of_32_characters_or_more"):
        assert secret not in done.stderr


def test_secret_may_come_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    show = "import django; django.setup(); from django.conf import settings; print(settings.SECRET_KEY)"
    done = start("-c", show, DJANGO_SECRET_KEY="", DJANGO_SECRET_KEY_FILE=str(tmp_path / "key"))
    assert done.stdout.strip() == KEY


def test_empty_file_is_no_value(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert start(FCM_SERVICE_ACCOUNT_JSON_FILE=str(tmp_path / "empty")).returncode == 0


def test_development_writes_texts_to_the_log() -> None:
    done = start(SMS_TRANSPORT="console", DEBUG="true", DJANGO_ALLOWED_HOSTS="localhost")
    assert done.returncode == 0, done.stderr


def test_texts_go_to_the_countries_of_the_setting() -> None:
    show = "import django; django.setup(); from django.conf import settings; print(settings.SMS_COUNTRIES)"
    assert start("-c", show, SMS_COUNTRIES="").stdout.strip() == "['UZ']"
    assert start("-c", show, SMS_COUNTRIES="uz, kz").stdout.strip() == "['UZ', 'KZ']"


COMPOSE = yaml.safe_load((ROOT / "docker-compose.prod.yml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if "mdd_backend" in one["image"]}


def test_only_the_proxy_can_be_reached() -> None:
    assert [name for name, one in COMPOSE["services"].items() if "ports" in one] == ["nginx"]
    assert COMPOSE["networks"]["back"]["internal"] is True
    assert {name for name, one in COMPOSE["services"].items() if one.get("networks") == ["back"]} >= {"db", "redis"}


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_write_nothing_and_become_nobody(name: str) -> None:
    service = OURS[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in service["security_opt"]
    assert "build" not in service


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.prod.yml"])
def test_nginx_has_all_of_its_configuration(name: str) -> None:
    nginx = yaml.safe_load((ROOT / name).read_text())["services"]["nginx"]
    assert "./nginx/nginx.conf:/etc/nginx/nginx.conf:ro" in nginx["volumes"]
    assert any(volume.endswith(":/etc/nginx/conf.d/default.conf:ro") for volume in nginx["volumes"])


def test_every_process_has_a_limit_of_its_log_and_of_its_memory() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["logging"]["options"]["max-size"], name
        assert "deploy" in service or name == "static", name


def test_two_of_each_that_may_die_unnoticed() -> None:
    services = COMPOSE["services"]
    assert {"web", "web2"} <= services.keys()
    assert (services["worker"]["deploy"]["replicas"], services["sweep"]["deploy"]["replicas"]) == (2, 2)


def test_each_process_knows_only_the_addresses_of_the_database_that_it_needs() -> None:
    known = {name: {s for s in one.get("secrets", []) if s.endswith("database_url")} for name, one in OURS.items()}
    owners = {"owner_database_url", "database_url", "backup_database_url"}
    assert known.pop("migrate") == known.pop("restore") == owners
    assert known.pop("backup") == {"backup_database_url"}
    assert set(map(frozenset, known.values())) == {frozenset({"database_url"})}
    assert OURS["restore"]["profiles"] == ["by-hand"]


def test_only_the_backups_own_container_writes_to_their_folder() -> None:
    mounts = {name: [v for v in one.get("volumes", []) if v.startswith("backups:")] for name, one in OURS.items()}
    assert {name: found for name, found in mounts.items() if found} == {
        "backup": ["backups:/backups"],
        "restore": ["backups:/backups:ro"],
    }
