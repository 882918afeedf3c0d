"""The map is where things are: north up, to scale, wherever on the globe."""

import re
from xml.etree import ElementTree

import pytest

from apps.devices.rules.maps import HEIGHT, WIDTH, Mark, Place, draw

NORTH_1_KM = 1000 / 111_320


def mark(lat: float, lon: float, kind: str = "helper") -> Mark:
    return Mark(lat, lon, kind, kind, f"{kind} at {lat}")


def placed(svg: str) -> list[tuple[float, float]]:
    """Where the symbols stand, the first mark first."""
    found = re.findall(r'<g transform="translate\(([-\d.]+) ([-\d.]+)\)"><title>', svg)
    return [(float(x), float(y)) for x, y in found][::-1]


def test_north_is_up_and_east_is_right_and_both_to_scale() -> None:
    here: Place = (60.0, 30.0)
    marks = [mark(*here), mark(60 + NORTH_1_KM, 30), mark(60, 30 + 2 * NORTH_1_KM)]
    centre, north, east = placed(draw("Map", here, marks))
    assert centre == (WIDTH / 2, HEIGHT / 2)
    assert north[0] == centre[0]
    assert centre[1] - north[1] == pytest.approx(east[0] - centre[0], rel=0.01), "a degree is half as long at 60° north"
    assert east[1] == centre[1]


@pytest.mark.parametrize("here", [(0.0, 179.9995), (0.0, -179.9995), (-41.3, 174.8), (89.9999, 0.0), (0.0, 0.0)])
def test_every_place_on_the_globe_has_a_map(here: Place) -> None:
    across = (here[0], (here[1] + 0.001 + 180) % 360 - 180)
    svg = draw("Map", here, [mark(*here, kind="event"), mark(*across)], [here, across])
    ElementTree.fromstring(svg)  # noqa: S314 - our own
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in placed(svg))
    assert len(placed(svg)) == 2


def test_who_is_in_another_town_does_not_shrink_the_map() -> None:
    svg = draw("Map", (41.3, 69.2), [mark(41.3, 69.2), mark(41.301, 69.2), mark(39.6, 66.9)])
    assert len(placed(svg)) == 2
    assert "1 farther away than shown" in svg


def test_rings_and_scale_are_labelled_in_metres() -> None:
    svg = draw("Map", (41.3, 69.2), [mark(41.3, 69.2), mark(41.3 + NORTH_1_KM, 69.2)])
    labels = re.findall(r">([^<]+ m)</text>", svg)
    assert "500 m" in labels
    assert "1\u202f000 m" in labels
    ring = float(re.findall(r'class="ring" r="([\d.]+)"', svg)[0])
    (_, centre), (_, north) = placed(svg)
    assert ring * 2 == pytest.approx(centre - north, rel=0.01), "the first ring is half a kilometre"
    assert re.search(r"41\.3\d*°", svg)
    assert re.search(r"69\.2\d*°", svg)


def test_titles_are_told_to_who_cannot_see_and_escaped() -> None:
    svg = draw("<Map>", (41.3, 69.2), [Mark(41.3, 69.2, "helper", "it", '"><script>alert(1)</script>')])
    ElementTree.fromstring(svg)  # noqa: S314
    assert "<script>" not in svg
    assert "&lt;Map&gt;" in svg
