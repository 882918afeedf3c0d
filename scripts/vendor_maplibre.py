"""Copies MapLibre GL JS from node_modules to the console's files: `npm ci --ignore-scripts`, then this.

Without the reference to its source map, which is larger than all the rest and would be asked for in vain.
"""

import hashlib
import json
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "node_modules" / "maplibre-gl"
VENDORED = PROJECT / "apps" / "monitoring" / "static" / "console" / "vendor" / "maplibre-gl"
FILES = {
    "maplibre-gl-csp.js": "dist/maplibre-gl-csp.js",
    "maplibre-gl-csp-worker.js": "dist/maplibre-gl-csp-worker.js",
    "maplibre-gl.css": "dist/maplibre-gl.css",
    "LICENSE": "LICENSE.txt",
}


def main() -> None:
    VENDORED.mkdir(parents=True, exist_ok=True)
    for name, text in contents().items():
        (VENDORED / name).write_bytes(text)
    (VENDORED / "VERSION").write_text(version())
    print(version(), end="")


def contents() -> dict[str, bytes]:
    """What the files are to be, by their names."""
    return {name: _without_source_map((PACKAGE / path).read_bytes()) for name, path in FILES.items()}


def version() -> str:
    """The version, then each file's SHA-256 as sha256sum writes and checks it."""
    number = json.loads((PACKAGE / "package.json").read_text())["version"]
    sums = [f"{hashlib.sha256(text).hexdigest()}  {name}" for name, text in contents().items()]
    return "\n".join([f"# maplibre-gl {number}", *sums]) + "\n"


def _without_source_map(text: bytes) -> bytes:
    return re.sub(rb"(?m)^//# sourceMappingURL=.*\n?", b"", text)


if __name__ == "__main__":
    main()
