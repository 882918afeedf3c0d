"""How many helpers could be reached, by area: never where one of them is."""

import math
from typing import Any

from django.db import connection

from apps.sos.queries.privacy import CELL_M, METRES_PER_DEGREE
from apps.sos.rules.search import anybodys_values

from .. import sql

ACROSS = 24  # cells over a map's width, at most


def reachable_by_area(west: float, south: float, east: float, north: float) -> list[dict[str, Any]]:
    """Squares of at least 300 m on a fixed grid within a box (degrees WGS 84): centre, size in metres, count.

    Those are counted whom a wave for a new emergency would call.

    Over the antimeridian (west > east) nothing is counted beyond it.
    """
    east = max(east, west)
    middle = math.radians((south + north) / 2)
    size_m = CELL_M
    while (east - west) * METRES_PER_DEGREE * max(0.01, math.cos(middle)) > ACROSS * size_m:
        size_m *= 2
    high = size_m / METRES_PER_DEGREE
    wide = high / max(0.01, math.cos(math.radians(math.floor((south + north) / 2 / high) * high)))
    box = {"west": west, "south": south, "east": east, "north": north}
    with connection.cursor() as cursor:
        cursor.execute(sql.HELPERS_BY_AREA, {**box, "high": high, "wide": wide, **anybodys_values()})
        return [
            {
                "lat": round((row + 0.5) * high, 6),
                "lon": round((column + 0.5) * wide, 6),
                "size_m": size_m,
                "reachable": count,
            }
            for row, column, count in cursor.fetchall()
        ]
