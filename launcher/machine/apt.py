"""Installs Debian packages, without starting, creating or changing any system service or cluster."""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from launcher.machine.processes import undisturbed
from launcher.progress import Failure, say, step

# The server package would create and start a cluster, and postgresql-common a service: both are told not to
# before it is unpacked, and the machine's own settings are put back afterwards.
INSTALL = r"""
set -e
export DEBIAN_FRONTEND=noninteractive
conf=/etc/postgresql-common/createcluster.conf policy=/usr/sbin/policy-rc.d saved= ours=
restore() { [ -z "$saved" ] || { cat "$saved" >$conf; rm -f "$saved"; }; [ -z "$ours" ] || rm -f $policy; }
trap restore EXIT
trap 'exit 1' HUP INT TERM
install() { apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"; }
if [ ! -e $policy ]; then ours=1; printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; fi
case "$*" in *postgresql-[0-9]*)
  install postgresql-common
  saved=$(mktemp); cp $conf "$saved"
  sed -i '/^[[:space:]]*create_main_cluster/d' $conf; echo 'create_main_cluster = false' >>$conf
esac
install "$@"
"""

# Downloaded and unpacked, not installed: no service, no right needed, nothing changed but a folder.
UNPACK = r"""
set -e
cd "$1"; shift
apt-get download -q "$@"
for package in *.deb; do dpkg-deb --extract "$package" .; rm "$package"; done
"""


def available() -> bool:
    """Whether this is a system of Debian's family on which we may install packages."""
    return shutil.which("apt-get") is not None and as_root() is not None


@functools.cache
def as_root() -> tuple[str, ...] | None:
    """What to put before a command to run it as root; None when we may not."""
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        return None
    if subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return ("sudo", "-n")
    return ("sudo",) if sys.stdin.isatty() and sys.stderr.isatty() else None


def install(packages: Iterable[str]) -> None:
    """Installs `packages`; reads the package lists anew only if it fails without."""
    names = list(packages)
    _ask_password(names)
    with step(f"installing {', '.join(names)}"):
        if not _installed(names).returncode:
            return
        _update()
        result = _installed(names)
    if result.returncode:
        raise Failure(f"apt-get could not install {' '.join(names)}:\n{_last_lines(result.stdout)}")


def unpack(packages: Iterable[str], folder: Path) -> None:
    """Unpacks `packages` into `folder`, which needs no right but that to read the package lists anew, once they fail.

    What the packages depend on is not fetched. Raises Failure.
    """
    names, draft = list(packages), folder.with_name(f"{folder.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        with step(f"fetching {', '.join(names)}"):
            result = _unpacked(names, draft)
            if result.returncode and as_root() in {(), ("sudo", "-n")}:
                _update()
                result = _unpacked(names, draft)
        if result.returncode:
            raise Failure(f"apt-get could not fetch {' '.join(names)}:\n{_last_lines(result.stdout)}")
        _put(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def newest(pattern: str, at_least: int) -> int | None:
    """The highest number N ≥ `at_least` of the packages called `pattern`, in which N stands for the number."""
    numbers = _numbers(pattern, at_least)
    if not numbers:
        with step("reading the package lists"):
            _update()
        numbers = _numbers(pattern, at_least)
    return max(numbers, default=None)


def _numbers(pattern: str, at_least: int) -> list[int]:
    expression = f"^{pattern.replace('N', '([0-9]+)')}$"
    names = _run(["apt-cache", "pkgnames"]).stdout.split()
    matches = (re.match(expression, name) for name in names)
    return [n for n in (int(match[1]) for match in matches if match) if n >= at_least]


def _installed(names: list[str]) -> subprocess.CompletedProcess[str]:
    return _run([*(as_root() or ()), "sh", "-c", INSTALL, "mdd", *names])


def _unpacked(names: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return _run(["sh", "-c", UNPACK, "mdd", str(folder), *names])


def _put(draft: Path, folder: Path) -> None:
    """Another run may have been quicker: its folder is as good."""
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _update() -> None:
    _run([*(as_root() or ()), "apt-get", "update", "-q"])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    with undisturbed():  # killed midway, the script could not put the machine's settings back
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )


def _ask_password(names: list[str]) -> None:
    if as_root() == ("sudo",):
        say(f"sudo will ask for your password, to install {', '.join(names)}")
        if subprocess.run(["sudo", "-v"], check=False).returncode:
            raise Failure("sudo was refused; install the packages yourself and try again")


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-15:])
