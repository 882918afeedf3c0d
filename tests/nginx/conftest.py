"""nginx in front of a real service and of one that only tells what it hears."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.db import connection

from tests.nginx.proxy import Proxy, running

FILES = {"css/page.css": "body { margin: 0 }\n" * 100, "map.mjs": "export const map = 1;\n", "mark.svg": "<svg/>"}


def collect(folder: Path) -> dict[str, str]:
    """Files as collectstatic leaves them: the hashed name of each."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    storage = ManifestStaticFilesStorage(location=str(folder), base_url="/static/")
    for _, _, processed in storage.post_process({name: (storage, name) for name in FILES}):
        assert not isinstance(processed, Exception)
    return dict(storage.hashed_files)


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx/prod.conf in front of two processes that tell what they hear."""
    with running("prod.conf", tmp_path_factory.mktemp("prod"), "tests.nginx.echo:application") as proxy:
        yield proxy


@pytest.fixture(scope="session")
def development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx/dev.conf in front of a process that tells what it hears."""
    with running("dev.conf", tmp_path_factory.mktemp("dev"), "tests.nginx.echo:application") as proxy:
        yield proxy


@pytest.fixture(scope="session")
def hashed(production: Proxy) -> dict[str, str]:
    return collect(production.folder / "static")


@pytest.fixture
def service(transactional_db: None, tmp_path: Path) -> Iterator[Proxy]:
    """nginx/prod.conf in front of two processes of this service, on the test's own database."""
    own = {"DATABASE_URL": database_url(), "STATIC_ROOT": str(tmp_path / "none"), "LOGIN_FAILURES_PER_ADDRESS": "2"}
    own |= {"REDIS_PREFIX": f"nginx-{os.getpid()}:", "DEBUG": "false", "SMS_TRANSPORT": ""}
    with running("prod.conf", tmp_path, "mdd_backend.asgi:application", **own) as proxy:
        yield proxy


def database_url() -> str:
    at: dict[str, Any] = connection.settings_dict
    password = f":{quote(at['PASSWORD'], safe='')}" if at["PASSWORD"] else ""
    return f"postgres://{at['USER']}{password}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
