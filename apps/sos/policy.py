"""Whom to call, how far out, how long to wait: frozen into an event as its plan when it opens."""

from typing import Any

DEDUP_WINDOW_S = 300
SEVERE = 4
WAVES: list[dict[str, int]] = [
    {"radius_m": 1500, "helpers": 8, "wait_s": 30},
    {"radius_m": 3000, "helpers": 15, "wait_s": 30},
    {"radius_m": 5000, "helpers": 30, "wait_s": 60},
    {"radius_m": 10000, "helpers": 50, "wait_s": 120},
]


def plan_for(severity: int) -> dict[str, Any]:
    """The plan of a new event: metres, people, seconds. A severe one starts with the first two waves together."""
    waves = [dict(wave) for wave in WAVES]
    if severity >= SEVERE:
        first, second, *rest = waves
        waves = [second | {"helpers": first["helpers"] + second["helpers"]}, *rest]
    return {"waves": waves, "repeat_s": 120, "enough_helpers": 2, "position_max_age_s": 3600}
