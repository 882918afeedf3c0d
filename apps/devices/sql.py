"""Every statement of devices that is written by hand, but for those about one partition (rules/partitions.py)."""

from apps.users.models import Status, User
from mdd_backend.database.prepared import Columns

from .kinds import FASTEST_KMH, JUMP_FREE_S, TRACK_ROOM
from .models import Device, DeviceToken, TroubleKind

TOKEN, TOKENS_DEVICE, TOKENS_OWNER = Columns(DeviceToken, "t"), Columns(Device, "d"), Columns(User, "u")
TOKENS = f"""
SELECT {TOKEN}, {TOKENS_DEVICE}, {TOKENS_OWNER}
FROM devices_devicetoken t JOIN devices_device d ON d.id = t.device_id JOIN users_user u ON u.id = d.owner_id
WHERE t.digest = %s
"""

# A day on which it reports, by whichever way, is counted in the UPDATE that the report makes anyway.
_TODAY = "(statement_timestamp() AT TIME ZONE 'UTC')::date"
_COUNT_DAY = f"""days_seen = CASE WHEN d.seen_day >= {_TODAY} THEN d.days_seen ELSE d.days_seen + 1 END,
        seen_day = greatest(d.seen_day, {_TODAY})"""
SEEN = f"""
    UPDATE devices_device d
    SET is_online = true, last_seen_at = now(),
        {_COUNT_DAY}
    WHERE id = %s RETURNING id
"""
STAYS = "SELECT id FROM devices_device WHERE id = %s FOR KEY SHARE"

# How fast a device moves is measured by our clock. From where it was, one as fast as possible needs _TRAVEL to get
# where it says that it is; these times add up, so that many small jumps are one. `went` has the time at which it can be
# there: a jump is what lies further ahead than is free. Then the helper is called last for a while.
_TRAVEL = f"ST_Distance(places.old, places.new) / {FASTEST_KMH / 3.6} * interval '1 second'"
_AHEAD = f"statement_timestamp() + interval '{JUMP_FREE_S} seconds'"
_REACHABLE_AT = f"least(greatest(statement_timestamp(), went.reachable_at), {_AHEAD})"
# A helper says where they are without a device; the speed is that of the one by which they were seen before.
HELPER_SEEN = f"""
WITH went AS (
    SELECT h.user_id AS owner_id, d.id AS device_id, places.new, d.reachable_at + {_TRAVEL} AS reachable_at
    FROM devices_helperposition h JOIN devices_device d ON d.id = h.device_id,
    LATERAL (SELECT h.position AS old, ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography AS new) places
    WHERE h.user_id = %(user)s FOR NO KEY UPDATE OF d
), seen AS (
    UPDATE devices_helperposition h
    SET position = went.new, recorded_at = statement_timestamp(),
        jumped_at = CASE WHEN went.reachable_at > {_AHEAD} THEN statement_timestamp() ELSE h.jumped_at END
    FROM went WHERE h.user_id = went.owner_id
)
UPDATE devices_device d SET reachable_at = {_REACHABLE_AT} FROM went WHERE d.id = went.device_id
"""

# What devices report: the devices' rows are locked in the order of their keys before anything is written.
# The track takes what it has room for, the newest first. Each fix that is new in it takes the room of one, which comes
# back after a second: a token bucket, of which `track_room_at` says when it is full again. It is kept in the row, which
# is written anyway: so all web processes count together. A fix without room moves the device all the same.
_RECORD = """
WITH let_in AS (
    {let_in}
), held AS (
    SELECT id, owner_id, track_room_at, position, position_at, reachable_at FROM devices_device
    WHERE id IN (SELECT device_id FROM let_in) ORDER BY id FOR NO KEY UPDATE
), fix AS (
    SELECT let_in.report, held.id AS device_id, held.track_room_at, n,
           coalesce(sent.recorded_at, statement_timestamp()) AS claimed_at,
           least(sent.recorded_at, statement_timestamp()) AS recorded_at,
           ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography AS position, speed, direction, battery_level
    FROM unnest(%(of)s::int[], %(lat)s::float8[], %(lon)s::float8[], %(recorded_at)s::timestamptz[],
                %(speed)s::float8[], %(direction)s::float8[], %(battery_level)s::smallint[])
         WITH ORDINALITY AS sent (report, lat, lon, recorded_at, speed, direction, battery_level, n)
    JOIN let_in USING (report) JOIN held ON held.id = let_in.device_id
), newest AS (
    SELECT DISTINCT ON (device_id) device_id, recorded_at, position FROM fix ORDER BY device_id, claimed_at DESC, n
), went AS (
    SELECT held.id AS device_id, held.owner_id, held.reachable_at + {travel} AS reachable_at
    FROM newest JOIN held ON held.id = newest.device_id AND held.position_at < newest.recorded_at,
    LATERAL (SELECT held.position AS old, newest.position AS new) places
), charge AS (
    SELECT DISTINCT ON (device_id) device_id, recorded_at, battery_level FROM fix
    WHERE battery_level IS NOT NULL ORDER BY device_id, claimed_at DESC, n
), new AS (
    SELECT DISTINCT ON (device_id, recorded_at) * FROM fix ORDER BY device_id, recorded_at, claimed_at DESC, n
), roomed AS (
    SELECT *, row_number() OVER (PARTITION BY device_id ORDER BY recorded_at DESC)
              <= {track_room} - greatest(0, extract(epoch FROM track_room_at - statement_timestamp())) AS has_room
    FROM new
), track AS (
    INSERT INTO devices_locationtrack (device_id, recorded_at, received_at, position, speed, direction, battery_level)
    SELECT device_id, recorded_at, statement_timestamp(), position, speed, direction, battery_level
    FROM roomed WHERE has_room
    ON CONFLICT (device_id, recorded_at) DO NOTHING
    RETURNING device_id, recorded_at
), kept AS (
    SELECT device_id, count(*) AS fixes FROM track GROUP BY device_id
), seen AS (
    UPDATE devices_device d
    SET is_online = true, last_seen_at = statement_timestamp(),
        {count_day},
        position = CASE WHEN d.position_at >= newest.recorded_at THEN d.position ELSE newest.position END,
        position_at = greatest(d.position_at, newest.recorded_at),
        battery_level = CASE WHEN charge.recorded_at IS NULL OR d.battery_at >= charge.recorded_at
                             THEN d.battery_level ELSE charge.battery_level END,
        battery_at = greatest(d.battery_at, charge.recorded_at),
        track_room_at = greatest(d.track_room_at, statement_timestamp())
                        + coalesce(kept.fixes, 0) * interval '1 second',
        reachable_at = CASE WHEN d.position_at >= newest.recorded_at THEN d.reachable_at ELSE {reachable_at} END
    FROM newest LEFT JOIN charge USING (device_id) LEFT JOIN kept USING (device_id) LEFT JOIN went USING (device_id)
    WHERE d.id = newest.device_id
    RETURNING d.id, d.owner_id, d.position, d.position_at, d.position_at = newest.recorded_at AS is_there
), whose AS (
    SELECT DISTINCT ON (seen.owner_id) seen.owner_id, seen.id, seen.position, seen.position_at,
           bool_or(went.reachable_at > {ahead}) OVER (PARTITION BY seen.owner_id) AS has_jumped
    FROM seen LEFT JOIN went ON went.device_id = seen.id WHERE seen.is_there
    ORDER BY seen.owner_id, seen.position_at DESC
), place AS (
    SELECT whose.*, (h.recorded_at < whose.position_at) IS NOT FALSE AS is_newer
    FROM whose JOIN devices_helperposition h ON h.user_id = whose.owner_id
    ORDER BY h.user_id FOR NO KEY UPDATE OF h
), helper AS (
    UPDATE devices_helperposition h
    SET device_id = CASE WHEN is_newer THEN place.id ELSE h.device_id END,
        position = CASE WHEN is_newer THEN place.position ELSE h.position END,
        recorded_at = CASE WHEN is_newer THEN place.position_at ELSE h.recorded_at END,
        jumped_at = CASE WHEN has_jumped THEN statement_timestamp() ELSE h.jumped_at END
    FROM place WHERE h.user_id = place.owner_id AND (is_newer OR has_jumped)
), used AS (
    UPDATE devices_devicetoken t SET last_used_at = statement_timestamp()
    FROM let_in JOIN held ON held.id = let_in.device_id WHERE t.device_id = held.id AND let_in.keep_use
)
SELECT let_in.report, count(track.device_id), count(roomed.device_id) FILTER (WHERE NOT roomed.has_room)
FROM let_in JOIN held ON held.id = let_in.device_id
LEFT JOIN roomed ON roomed.report = let_in.report
LEFT JOIN track ON track.device_id = roomed.device_id AND track.recorded_at = roomed.recorded_at
GROUP BY let_in.report
"""
_VALUES = {"track_room": TRACK_ROOM, "count_day": _COUNT_DAY, "travel": _TRAVEL}
_VALUES |= {"reachable_at": _REACHABLE_AT, "ahead": _AHEAD}
RECORD = _RECORD.format(
    **_VALUES,
    let_in="SELECT report, device_id, false AS keep_use"
    " FROM unnest(%(report)s::int[], %(device)s::bigint[]) AS asked (report, device_id)",
)
_CALLERS = f"""SELECT asked.report, d.id AS device_id,
           t.device_id IS NOT NULL AND (t.last_used_at < statement_timestamp() - %(use_noted_every)s::interval)
           IS NOT FALSE AS keep_use
    FROM unnest(%(report)s::int[], %(device_uid)s::text[], %(digest)s::text[], %(owner)s::uuid[], %(version)s::int[],
                %(session)s::text[]) AS asked (report, device_uid, digest, owner, version, session)
    JOIN devices_device d ON d.device_uid = asked.device_uid
    JOIN users_user u ON u.id = d.owner_id AND u.status = '{Status.ACTIVE}'
    LEFT JOIN devices_devicetoken t ON t.device_id = d.id AND t.digest = asked.digest
    WHERE t.device_id IS NOT NULL OR (u.uuid = asked.owner AND u.token_version = asked.version AND (
        asked.session = '' OR (SELECT count(*) > 0 FROM users_session s WHERE s.name = asked.session)))"""
RECORD_IF_LET_IN = _RECORD.format(**_VALUES, let_in=_CALLERS)
LET_IN = f"SELECT report FROM ({_CALLERS}) AS let_in"

# Trouble
# A trouble that comes back before BACK is the same one, and whoever was told of it is not told again.
_BEGIN = """
INSERT INTO devices_trouble AS t (device_id, kind, since)
SELECT id, %(kind)s, statement_timestamp() FROM begun ORDER BY id
ON CONFLICT (device_id, kind) DO UPDATE
SET since = excluded.since, over_at = NULL,
    told_at = CASE WHEN t.over_at > excluded.since - %(back)s THEN t.told_at END
WHERE t.over_at IS NOT NULL  -- else another watch has just begun it
RETURNING device_id
"""
# Both read the whole table, 0.2 s of a million devices: an index that could help has to hold what every report changes.
SILENT = f"""
WITH found AS (
    SELECT id FROM devices_device
    WHERE is_online AND greatest(last_seen_at, %(listening_since)s) < statement_timestamp() - make_interval(
        secs => greatest(%(least_s)s, %(intervals)s * coalesce(expected_interval_s, %(usual_s)s)))
    LIMIT %(batch)s FOR UPDATE SKIP LOCKED
), begun AS (
    UPDATE devices_device d SET is_online = false FROM found WHERE d.id = found.id RETURNING d.id
)
{_BEGIN}"""
BATTERY_LOW = f"""
WITH begun AS (
    SELECT id FROM devices_device d
    WHERE is_online AND battery_level <= %(low)s AND NOT EXISTS (
        SELECT FROM devices_trouble t WHERE t.device_id = d.id AND t.kind = %(kind)s AND t.over_at IS NULL)
    LIMIT %(batch)s FOR UPDATE SKIP LOCKED
)
{_BEGIN}"""
TROUBLE_OVER = f"""
WITH over AS (
    SELECT t.id FROM devices_trouble t JOIN devices_device d ON d.id = t.device_id
    WHERE t.over_at IS NULL AND CASE t.kind WHEN '{TroubleKind.SILENT}' THEN d.is_online OR d.last_seen_at > t.since
                                            ELSE d.battery_level >= %(enough)s END
    FOR UPDATE OF t SKIP LOCKED
)
UPDATE devices_trouble t SET over_at = statement_timestamp() FROM over WHERE t.id = over.id
"""
