"""The console's own modules under Node, and that MapLibre GL's files are those of the locked package."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from launcher.machine.javascript import NODE
from launcher.places import PROJECT

CONSOLE = PROJECT / "apps" / "monitoring" / "static" / "console"
VENDORED = CONSOLE / "vendor" / "maplibre-gl"
DATA = CONSOLE / "data"
IMPORT = re.compile(r'(?:from |import\()"(\.[^"]+)"')


def test_modules_do_what_their_own_tests_say() -> None:
    tests = sorted(str(path) for path in (PROJECT / "tests" / "console" / "javascript").glob("*.test.js"))
    command = [NODE, "--test", "--test-reporter=spec", *tests]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert tests
    assert result.returncode == 0, result.stdout + result.stderr


def test_folders_import_only_what_their_table_allows() -> None:
    page = (PROJECT / "docs" / "architecture.md").read_text().partition("## The console's page")[2]
    table = re.findall(r"^\| `(\w+)/` \|.*\| (.+) \|$", page, re.MULTILINE)
    allowed = {folder: set(re.findall(r"`(\w+)`", imports)) for folder, imports in table}
    found = {folder: _imported_by(CONSOLE / folder) for folder in allowed}
    assert {path.parent.name for path in CONSOLE.glob("*/*.js")} == {*allowed}
    assert {folder: names - {folder} for folder, names in found.items()} == allowed


def test_vendored_maplibre_is_the_locked_version_unchanged() -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_text())
    first, *sums = (VENDORED / "VERSION").read_text().splitlines()
    assert first == f"# maplibre-gl {lock['packages']['node_modules/maplibre-gl']['version']}"
    written = {name: digest for digest, name in (line.split() for line in sums)}
    files = {path.name: path for path in VENDORED.iterdir() if path.name != "VERSION"}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()} == written


def test_vendored_maplibre_is_what_the_package_holds() -> None:
    package = PROJECT / "node_modules" / "maplibre-gl" / "dist"
    if not package.is_dir():
        pytest.skip("node_modules is not here")
    for name in ("maplibre-gl-csp.js", "maplibre-gl-csp-worker.js", "maplibre-gl.css"):
        original = re.sub(rb"(?m)^//# sourceMappingURL=.*\n?", b"", (package / name).read_bytes())
        assert (VENDORED / name).read_bytes() == original


def test_lock_names_no_registry_and_every_package_by_its_hash() -> None:
    packages = json.loads((PROJECT / "package-lock.json").read_text())["packages"]
    locked = [package for name, package in packages.items() if name]
    assert all(package["integrity"].startswith("sha512-") and "resolved" not in package for package in locked)


def test_outline_is_small_and_names_places_in_all_three_languages() -> None:
    text = (DATA / "outline.json").read_bytes()
    features = json.loads(text)["features"]
    named = [one["properties"] for one in features if one["properties"]["kind"] in {"place", "country"}]
    assert len(text) < 1_500_000
    assert {one["properties"]["kind"] for one in features} == {
        "land", "lake", "river", "border", "region", "country", "place"
    }  # fmt: skip
    assert all(one["ru"] and one["uz"] and one["en"] for one in named)
    assert {("Ташкент", "Toshkent", "Tashkent"), ("Самарканд", "Samarqand", "Samarkand")} <= {
        (one["ru"], one["uz"], one["en"]) for one in named
    }


def _imported_by(folder: Path) -> set[str]:
    """The folders whose modules are imported by those of a folder; `console` for those that are in none."""
    return {
        (path.parent / target).resolve(strict=True).parent.name
        for path in folder.glob("*.js")
        for target in IMPORT.findall(path.read_text())
    }
