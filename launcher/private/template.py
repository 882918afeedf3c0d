"""A cluster whose database is migrated already: made once, kept, and copied for each run of the tests."""

import hashlib
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from launcher.machine import finding
from launcher.places import PROJECT, Home, digest, locked
from launcher.private import services
from launcher.private.instance import Instance
from launcher.progress import Failure, step

DONE = "migrated"


def copy_to(instance: Instance, home: Home) -> None:
    """Gives `home`, which has no cluster yet, a copy of the kept one; makes that anew after a change of migrations."""
    kept = instance.home.path / "template"
    with locked(kept / "lock"):
        template = Home(kept / key())
        if not template.recall(DONE):
            _make(replace(instance, home=template, addresses={}, durable=False), kept)
        _copy(template, home)


def key() -> str:
    """What the kept cluster depends on: PostgreSQL, the migrations, the libraries that run them, and the day.

    Migrating makes the partitions of the days around today.
    """
    files = [PROJECT / "requirements.txt", *sorted(PROJECT.glob("apps/*/migrations/*.py"))]
    today = datetime.now(UTC).date().isoformat()
    return digest(str(finding.postgres().major), today, *(_content(path) for path in files))


def _content(path: Path) -> str:
    return f"{path.relative_to(PROJECT)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _make(template: Instance, kept: Path) -> None:
    for path in kept.iterdir():
        if path.is_dir():  # what is out of date, and what an interrupted run has left
            old = replace(template, home=Home(path))
            old.stop()
            old.remove()
    template.home.made()
    with step("making a migrated database for the tests, once"):
        template.start_services()
        template.manage("migrate", "--noinput", "-v0")
        template.stop()
    template.home.remember(**{DONE: True})


def _copy(template: Home, home: Home) -> None:
    data = services.folder(template) / "postgres"
    command = ["cp", "-a", str(data), str(services.folder(home))]
    copied = subprocess.run(command, capture_output=True, text=True, check=False)
    if copied.returncode:
        raise Failure(f"the cluster for the tests could not be copied: {copied.stderr[-500:]}")
    home.remember(secret_postgres_password=template.secret("postgres_password"))
