"""Finds GDAL and GEOS inside the pyogrio and shapely wheels, so that Python needs no system GIS package."""

import importlib.util
import os
from pathlib import Path


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ImportError(f"{name} is not installed")
    return Path(spec.origin).parent


def library(package: str, stem: str) -> str | None:
    """The path of `stem` (such as `libgdal`) among the libraries bundled with `package`.

    None where the wheel bundles none: Django then looks for the system's.
    """
    root = _package(package)
    folders = (root.with_name(f"{package}.libs"), root / ".dylibs")  # Linux, macOS
    paths = sorted(path for folder in folders for path in folder.glob(f"{stem}[-.]*"))
    return str(paths[0]) if paths else None


def point_at_data() -> None:
    """Tells the bundled libraries where the wheel keeps their coordinate systems."""
    root = _package("pyogrio")
    os.environ.setdefault("GDAL_DATA", str(root / "gdal_data"))
    os.environ.setdefault("PROJ_DATA", str(root / "proj_data"))
