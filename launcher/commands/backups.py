"""`./mdd backup` and `./mdd restore`: the scripts of a server, run against this installation's database."""

import os
import subprocess
from pathlib import Path

from launcher.machine import finding
from launcher.machine.processes import foreground
from launcher.places import PROJECT
from launcher.private.instance import Instance
from launcher.private.visit import visiting
from launcher.progress import Failure

OTHERS = ("DATABASE_URL_FILE", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE")


def backup(instance: Instance, arguments: list[str]) -> int:
    """Writes a backup to the folder named, or to `backups` in the installation's home."""
    if len(arguments) > 1 or any(word.startswith("-") for word in arguments):
        raise Failure("usage: ./mdd backup [FOLDER]")
    folder = Path(arguments[0]).expanduser().absolute() if arguments else _own_folder(instance)
    return _run(instance, folder, "backup_pg.sh")


def restore(instance: Instance, arguments: list[str]) -> int:
    """Puts a backup in the place of the database, of which the old one is kept under another name."""
    return _run(instance, _own_folder(instance), "restore_pg.sh", *arguments)


def _own_folder(instance: Instance) -> Path:
    folder = instance.home.path / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _run(instance: Instance, folder: Path, script: str, *arguments: str) -> int:
    with visiting(instance):
        environment = {name: value for name, value in instance.environment().items() if name not in OTHERS}
        environment |= {"BACKUP_DIR": str(folder), "PATH": path_to_programs()}
        return foreground(["bash", str(PROJECT / "scripts" / script), *arguments], environment)


def path_to_programs() -> str:
    """PATH, with the folder of the newest pg_dump first: an older one refuses a newer server."""
    newest = max(finding.programs("pg_dump"), key=_release, default=None)
    return os.pathsep.join([*([str(newest.parent)] if newest else []), os.environ.get("PATH", os.defpath)])


def _release(program: Path) -> int:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return finding.version(answer.stdout)
