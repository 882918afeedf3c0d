"""scripts/make_secrets.sh makes what docker-compose.prod.yml wants, once."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.prod.yml").read_text())
AS_ROOT = os.geteuid() == 0


def make(folder: Path) -> dict[str, str]:
    subprocess.run([ROOT / "scripts/make_secrets.sh", folder], check=True, capture_output=True)
    return {file.name: file.read_text() for file in folder.iterdir()}


def used_by(service: str) -> set[str]:
    return set(COMPOSE["services"][service].get("secrets", []))


def test_every_secret_is_made_and_none_twice(tmp_path: Path) -> None:
    made = make(tmp_path / "secrets")
    assert set(made) == set(COMPOSE["secrets"])
    assert make(tmp_path / "secrets") == made
    password = re.fullmatch(r"requirepass (\w{64})\n", made["redis_auth"])
    assert password
    assert made["redis_url"] == f"redis://:{password[1]}@redis:6379/0\n"
    assert made["owner_database_url"] == f"postgres://postgres:{made['postgres_password'].strip()}@db:5432/mdd_db\n"
    assert len(set(filter(None, made.values()))) == len([text for text in made.values() if text]), "each its own"


def test_nobody_else_on_the_machine_reaches_them(tmp_path: Path) -> None:
    make(tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    for file in (tmp_path / "secrets").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == (0o400 if AS_ROOT else 0o444), file.name


@pytest.mark.skipif(not AS_ROOT, reason="only root gives files away")
def test_each_belongs_to_the_user_whose_container_reads_it(tmp_path: Path) -> None:
    make(tmp_path / "secrets")
    for service in COMPOSE["services"]:
        for name in used_by(service):
            assert (tmp_path / "secrets" / name).stat().st_uid == (999 if service in {"db", "redis"} else 10001), name
    assert not (used_by("db") | used_by("redis")) & used_by("web")


def test_an_owners_address_stays_the_owners(tmp_path: Path) -> None:
    (tmp_path / "database_url").write_text("postgres://postgres:old@db:5432/mdd_db\n")
    (tmp_path / "postgres_password").write_text("old\n")
    made = make(tmp_path)
    assert made["owner_database_url"] == "postgres://postgres:old@db:5432/mdd_db\n"
    assert made["database_url"].startswith("postgres://mdd_app:")
    assert made["backup_database_url"].startswith("postgres://mdd_backup:")


def test_only_migrate_and_restore_hold_the_owners_address() -> None:
    assert {name for name in COMPOSE["services"] if "owner_database_url" in used_by(name)} == {"migrate", "restore"}


def test_images_of_others_are_taken_by_digest() -> None:
    images = {service["image"] for service in COMPOSE["services"].values()} - {"${MDD_IMAGE:-mdd_backend:latest}"}
    images |= set(re.findall(r"^ARG PYTHON_IMAGE=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert len(images) == 4
    for image in images:
        assert re.search(r":[\w.-]+@sha256:[0-9a-f]{64}\}?$", image), image
