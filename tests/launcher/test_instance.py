"""What the processes of an instance find in their environment, and what is shown of them."""

import json
import os
from pathlib import Path

import pytest

from launcher import cli
from launcher.bootstrap import COMMANDS
from launcher.commands import demo
from launcher.machine.ports import free_port
from launcher.places import Home
from launcher.private import services
from launcher.private.instance import Instance, answers

OWN = ("DATABASE_URL", "REDIS_URL", "DJANGO_SECRET_KEY", "JWT_SIGNING_KEY", "PUBLIC_URL", "DEBUG", "MDD_PORT")


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    for name in OWN:
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path).made()
    home.remember(postgres_port=20001, redis_port=20002, fcm_port=20003)
    return Instance(home, port=8123)


def test_private_services_are_named_with_their_secrets(instance: Instance) -> None:
    environment = instance.environment()
    assert environment["DATABASE_URL"] == (
        f"postgres://mdd:{instance.home.secret('postgres_password')}@127.0.0.1:20001/mdd"
    )
    assert environment["REDIS_URL"] == f"redis://:{instance.home.secret('redis_password')}@127.0.0.1:20002/0"
    assert instance.private == ("postgres", "redis")


def test_given_service_takes_the_place_of_the_private_one(instance: Instance) -> None:
    addresses = {"DATABASE_URL": "postgres://somebody@elsewhere/theirs"}
    external = Instance(instance.home, addresses=addresses)
    assert external.environment()["DATABASE_URL"] == addresses["DATABASE_URL"]
    assert external.private == ("redis",)


def test_secrets_stay_the_same_from_start_to_start(instance: Instance) -> None:
    first, second = (Instance(instance.home).environment() for _ in range(2))
    assert first["DJANGO_SECRET_KEY"] == second["DJANGO_SECRET_KEY"]
    assert len(first["JWT_SIGNING_KEY"]) >= 32
    assert first["JWT_SIGNING_KEY"] != first["DJANGO_SECRET_KEY"]


def test_environment_of_the_caller_wins_over_defaults(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "false")
    monkeypatch.delenv("SMS_TRANSPORT", raising=False)
    monkeypatch.setenv("PUBLIC_URL", "https://sos.example")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    environment = instance.environment()
    assert (environment["DEBUG"], environment["PUBLIC_URL"]) == ("false", "https://sos.example")
    assert environment["LOG_LEVEL"] == "DEBUG"
    assert environment["SMS_TRANSPORT"] == "", "the service refuses console without DEBUG"


def test_empty_variable_counts_as_unset(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "")
    assert instance.environment()["PUBLIC_URL"] == "http://127.0.0.1:8123"


def test_standin_takes_the_place_of_firebase_where_it_is_asked_for(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FCM_SERVICE_ACCOUNT_JSON", '{"real": true}')
    assert instance.environment()["FCM_SERVICE_ACCOUNT_JSON"] == '{"real": true}'
    environment = Instance(instance.home, with_fcm=True).environment()
    assert environment["FCM_ENDPOINT"] == "http://127.0.0.1:20003"
    assert environment["FCM_SERVICE_ACCOUNT_JSON"] == str(instance.home.path / "fcm.json")


def test_demo_forgets_real_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in os.environ.items():
        monkeypatch.setenv(name, value)  # so that all of it comes back
    monkeypatch.setenv("ESKIZ_PASSWORD", "real")
    monkeypatch.setenv("DATABASE_URL", "postgres://production")
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    demo.forget_providers()
    assert [demo.os.environ[name] for name in ("ESKIZ_PASSWORD", "DATABASE_URL", "LOG_LEVEL")] == ["", "", "INFO"]


def test_dotenv_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("MDD_TEST_A='from file'\nMDD_TEST_B=from file\n")
    monkeypatch.setattr(cli, "PROJECT", tmp_path)
    monkeypatch.setenv("MDD_TEST_A", "for monkeypatch to remove")
    monkeypatch.delenv("MDD_TEST_A")
    monkeypatch.setenv("MDD_TEST_B", "from environment")
    cli.read_dotenv()
    assert (cli.os.environ["MDD_TEST_A"], cli.os.environ["MDD_TEST_B"]) == ("from file", "from environment")


def test_status_of_nothing_is_all_null(instance: Instance) -> None:
    facts = cli.status(instance)
    pids = facts.pop("pids")
    assert pids == dict.fromkeys(("web", "worker", "beat", "sweep", "postgres", "redis", "fcm"))
    assert facts == {
        "up": False,
        "home": str(instance.home.path),
        "url": None,
        "database_url": None,
        "redis_url": None,
        "fcm_url": None,
    }


def test_status_shows_given_addresses_without_processes(instance: Instance) -> None:
    addresses = {"REDIS_URL": "redis://elsewhere"}
    assert cli.status(Instance(instance.home, addresses=addresses))["redis_url"] == "redis://elsewhere"


@pytest.mark.parametrize("is_running", [True, False])
def test_status_knows_a_running_demo(
    is_running: bool, instance: Instance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "here", lambda: instance)
    monkeypatch.setattr(Instance, "is_up", lambda one: is_running and one.home.path.name == "demo")
    Home(instance.home.path / "demo").made().remember(web_port=8123)
    cli._status(["--json"])
    facts = json.loads(capsys.readouterr().out)
    url = facts["demo"] and facts["demo"]["url"]
    assert (facts["up"], url) == (False, "http://127.0.0.1:8123" if is_running else None)
    cli._status([])
    assert ("a demo is running" in capsys.readouterr().out) == is_running


def test_every_command_of_the_usage_exists() -> None:
    assert set(COMMANDS) == set(cli.COMMANDS)


def test_unknown_option_is_refused_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["up", "--detatch"]) == 2
    assert "no option --detatch" in capsys.readouterr().err


def test_nothing_answers_where_nobody_listens() -> None:
    assert not answers(free_port(), "/health/ready")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://mdd:secret@127.0.0.1:1/mdd", "postgres://mdd:***@127.0.0.1:1/mdd"),
        ("redis://:secret@127.0.0.1:1/0", "redis://:***@127.0.0.1:1/0"),
        ("redis://127.0.0.1:1/0", "redis://127.0.0.1:1/0"),
    ],
)
def test_password_is_not_shown(url: str, shown: str) -> None:
    assert services.without_password(url) == shown
