"""Maps without a map server: places drawn as SVG on a local plane, north up. Nothing is fetched from anywhere."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ..models import Device, LocationTrack

METRES_PER_DEGREE = 111_320.0  # of latitude, WGS 84 mean
WIDTH, HEIGHT = 860, 560
REACH_LEAST_M, REACH_MOST_M = 150.0, 20_000.0
ROOM = 1.15  # around the outermost mark
TRACK, TRACK_MOST = timedelta(hours=1), 1000

Place = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """Something at a place (degrees WGS 84). kind: its symbol in map.svg; meaning: what the legend calls that."""

    lat: float
    lon: float
    kind: str
    meaning: str
    title: str
    label: str = ""


@dataclass(frozen=True)
class Plane:
    """Equirectangular around a centre: off by less than 1 % within 20 km, up to 70 degrees of latitude.

    reach_m: metres from the centre to the upper edge.
    """

    lat: float
    lon: float
    reach_m: float = REACH_LEAST_M

    @property
    def wide(self) -> float:
        """Metres of a degree of longitude here."""
        return METRES_PER_DEGREE * max(0.01, math.cos(math.radians(self.lat)))

    @property
    def pixels(self) -> float:
        """Of a metre."""
        return HEIGHT / 2 / self.reach_m

    def metres(self, lat: float, lon: float) -> tuple[float, float]:
        """East and north of the centre; the short way round the globe."""
        east = (lon - self.lon + 180) % 360 - 180
        return east * self.wide, (lat - self.lat) * METRES_PER_DEGREE

    def at(self, lat: float, lon: float) -> tuple[float, float]:
        """Where a place is on the picture, in pixels from its upper left corner."""
        east, north = self.metres(lat, lon)
        return WIDTH / 2 + east * self.pixels, HEIGHT / 2 - north * self.pixels

    def reach_of(self, lat: float, lon: float) -> float:
        """How many metres from the centre the picture must reach, at least, for a place to be on it."""
        east, north = self.metres(lat, lon)
        return max(abs(north), abs(east) * HEIGHT / WIDTH)


@dataclass(frozen=True)
class Line:
    """A line of the graticule, or a ring: where it is in pixels, and its label."""

    at: str
    label: str


@dataclass(frozen=True)
class Symbol:
    x: str
    y: str
    mark: Mark


def draw(title: str, centre: Place, marks: Sequence[Mark], track: Sequence[Place] = ()) -> SafeString:
    """An SVG of the marks and the track around `centre`; what is more than 20 km away is only counted."""
    plane = _plane(centre, [(mark.lat, mark.lon) for mark in marks] + list(track))
    shown = [mark for mark in marks if plane.reach_of(mark.lat, mark.lon) <= plane.reach_m]
    picture = {
        "title": title,
        "width": WIDTH,
        "height": HEIGHT,
        "rings": list(_rings(plane)),
        "parallels": list(_parallels(plane)),
        "meridians": list(_meridians(plane)),
        "bar": _bar(plane),
        "track": " ".join(f"{x:.1f},{y:.1f}" for x, y in (plane.at(*place) for place in track)),
        "symbols": [_symbol(plane, mark) for mark in shown],
        "legend": list({mark.kind: mark for mark in reversed(shown)}.values())[::-1],
        "beyond": len(marks) - len(shown),
    }
    return render_to_string("devices/map.svg", {"map": picture})


def way_of(device: Device, until: datetime) -> list[Place]:
    """Where the device went in the hour before `until`."""
    fixes = LocationTrack.objects.filter(device=device, recorded_at__gt=until - TRACK, recorded_at__lte=until)
    newest = fixes.order_by("-recorded_at").values_list("position", flat=True)[:TRACK_MOST]
    return [(position.y, position.x) for position in reversed(newest)]


def _plane(centre: Place, places: Iterable[Place]) -> Plane:
    here = Plane(*centre)
    reaches = [reach for place in places if (reach := here.reach_of(*place)) * ROOM <= REACH_MOST_M]
    return Plane(*centre, reach_m=max([REACH_LEAST_M, *(reach * ROOM for reach in reaches)]))


def _symbol(plane: Plane, mark: Mark) -> Symbol:
    x, y = plane.at(mark.lat, mark.lon)
    return Symbol(f"{x:.1f}", f"{y:.1f}", mark)


def _round(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20 … and 0.5, 0.2, 0.1 … that is at most `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return power * max(digit for digit in (1, 2, 5) if digit * power <= most * (1 + 1e-9))


def _rings(plane: Plane) -> Iterable[Line]:
    step = _round(plane.reach_m / 1.6)
    for number in range(1, 1 + int(math.hypot(WIDTH, HEIGHT) / 2 / plane.pixels / step)):
        yield Line(f"{number * step * plane.pixels:.1f}", metres(number * step))


def _parallels(plane: Plane) -> Iterable[Line]:
    step = _round(2 * plane.reach_m / METRES_PER_DEGREE / 3)
    half = plane.reach_m / METRES_PER_DEGREE
    for degrees in _multiples(plane.lat - half, plane.lat + half, step):
        yield Line(f"{plane.at(degrees, plane.lon)[1]:.1f}", _degrees(degrees, step))


def _meridians(plane: Plane) -> Iterable[Line]:
    half = WIDTH / 2 / plane.pixels / plane.wide
    step = _round(2 * half / 4)
    for degrees in _multiples(plane.lon - half, plane.lon + half, step):
        yield Line(f"{plane.at(plane.lat, degrees)[0]:.1f}", _degrees((degrees + 180) % 360 - 180, step))


def _multiples(low: float, high: float, step: float) -> Iterable[float]:
    return (number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1))


def _degrees(degrees: float, step: float) -> str:
    return f"{degrees:.{max(0, -math.floor(math.log10(step)))}f}°"


def _bar(plane: Plane) -> Line:
    length = _round(WIDTH / plane.pixels / 5)
    return Line(f"{length * plane.pixels:.1f}", metres(length))


def metres(distance_m: float) -> str:
    """Such as `12 500 m`, with a narrow space."""
    return f"{distance_m:,.0f} m".replace(",", "\u202f")
