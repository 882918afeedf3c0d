"""Every statement of monitoring that is written by hand."""

from apps.sos.sql import MAY_BE_CALLED

HELPERS_BY_AREA = f"""
SELECT floor(ST_Y(h.position::geometry) / %(high)s), floor(ST_X(h.position::geometry) / %(wide)s), count(*)
FROM devices_helperposition h
WHERE h.position && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)::geography
  AND {MAY_BE_CALLED}
GROUP BY 1, 2
"""
ENTRIES_AFTER = "SELECT id FROM sos_journalentry WHERE position > %s ORDER BY position LIMIT %s"
