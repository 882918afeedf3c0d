"""docs/mobile.md, pasted block by block into a shell: what it promises happens."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.notifications.models import Notification, State
from apps.sos import sweep
from apps.sos.kinds import AlertStatus
from apps.sos.models import HelperAlert, SosEvent
from tests.conftest import PASSWORD

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```bash\n(.*?)^```", (ROOT / "docs/mobile.md").read_text(), re.DOTALL | re.MULTILINE)
SHIM = '#!/bin/sh\nexec python3 "%s" "$@"\n'
PAUSE = "RECEIPT_URL="


@pytest.fixture
def shell(tmp_path: Path, live_server: Any) -> Any:
    """Runs blocks in the folder of an installation, one after the other in one shell's variables."""
    path = "/usr/bin:/bin"
    if not shutil.which("curl", path=path):
        (tmp_path / "curl").write_text(SHIM % (ROOT / "tests/api/curl.py"))
        (tmp_path / "curl").chmod(0o755)
        path = f"{tmp_path}:{path}"

    def run(block: str) -> str:
        block = block.replace("http://127.0.0.1:8000", live_server.url)
        script = f"set -euo pipefail\n[ -f vars ] && . ./vars\n{block}\ndeclare -p > all; declare -f > vars\n"
        script += (
            "grep -E '^declare -- [A-Z_]+=' all | grep -vE '^declare -- (BASH|DIRSTACK|FUNCNAME|IFS|PS)' >> vars\n"
        )
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=tmp_path,
            env={"PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def sweeping() -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=sweep.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_the_walk_goes_through(
    shell: Any, tmp_path: Path, dispatcher: Any, fcm: Any, sweeping: None, settings: Any, live_server: Any
) -> None:
    settings.PUBLIC_URL = live_server.url
    (tmp_path / ".mdd").mkdir()
    (tmp_path / ".mdd/admin.txt").write_text(f"phone: {dispatcher.phone_number}\npassword: {PASSWORD}\n")
    answers = ""
    for block in BLOCKS:
        rung = fcm.messages(wait_s=20) if PAUSE in block else []
        answers += shell(
            re.sub(f"{PAUSE}.*", f"{PAUSE}{rung[0].message['data']['receipt_url']}", block) if rung else block
        )
    event, alert = SosEvent.objects.get(), HelperAlert.objects.get()
    notification = Notification.objects.get(kind="SOS_ALERT")
    assert (event.status, event.outcome, event.signal_count) == ("RESOLVED", "HELPED", 1)
    assert (alert.status, notification.state) == (AlertStatus.STOOD_DOWN, State.RECEIVED)
    assert '"recorded":2,"duplicates":0' in answers
    assert '"medical_note":"Diabetes, insulin in the bag."' in answers
    assert answers.endswith('"results":[]}')


def test_every_code_of_the_table_is_one_that_the_service_says() -> None:
    table = (ROOT / "docs/mobile.md").read_text().partition("## What to do with each status")[2]
    first_cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")]
    codes = {code for cell in first_cells for code in re.findall(r"`([a-z_]+)`", cell)}
    source = "".join(path.read_text() for app in ("apps", "mdd_backend") for path in (ROOT / app).rglob("*.py"))
    of_the_framework = {"parse_error", "not_authenticated", "permission_denied", "not_found", "throttled"}
    assert len(codes) > 9
    assert {code for code in codes - of_the_framework if f'"{code}"' not in source} == set()
