"""Least knowledge: before accepting, a helper learns the area only."""

import math

CELL_M = 300
STEP_M = 100
METRES_PER_DEGREE = 111_320.0  # of latitude, WGS 84 mean


def cell_of(lat: float, lon: float) -> tuple[float, float]:
    """The centre (lat, lon) of the fixed grid cell of about 300 m that holds a place."""
    high = CELL_M / METRES_PER_DEGREE
    row = math.floor(lat / high)
    centre = (row + 0.5) * high
    wide = high / max(0.01, math.cos(math.radians(centre)))
    return round(centre, 6), round((math.floor(lon / wide) + 0.5) * wide, 6)


def coarse(distance_m: float) -> int:
    """Metres in steps of 100, at least 100."""
    return max(STEP_M, round(distance_m / STEP_M) * STEP_M)
