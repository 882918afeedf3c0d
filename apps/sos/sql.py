"""Every statement of sos that is written by hand, its statuses rendered from the enums."""

from datetime import timedelta

from apps.devices.kinds import JUMPED_FOR
from apps.notifications.models import State
from apps.users.models import Role, Status
from mdd_backend.database.prepared import Columns

from .kinds import COMING, OPEN, UNSTEADY_FOR, AlertStatus, Caution, DetectedType, JournalKind
from .models import DispatchPolicy, SosEvent


def _listed(*values: str) -> str:
    return ", ".join(f"'{value}'" for value in values)


_OPEN, _COMING = _listed(*OPEN), _listed(*COMING)
CONSOLE_SEEN = timedelta(seconds=45)

# Claims: for whom a helper's phone rings, or to whom they come. `c` can be had for an event of this rank.
_CAN_BE_HAD = """(c.until <= clock_timestamp()
           OR c.until < 'infinity' AND (c.event_id = %(event)s OR c.rank < %(rank)s)
           OR c.is_drill AND NOT %(is_drill)s)"""
_CLAIMED = """UPDATE sos_helperclaim c
SET event_id = %(event)s, is_drill = %(is_drill)s, rank = %(rank)s, until = {until}
FROM had WHERE c.helper_id = had.helper_id"""
_LOST = """lost AS (
    INSERT INTO sos_lostclaim (event_id, helper_id)
    SELECT event_id, helper_id FROM had WHERE until > clock_timestamp() AND event_id <> %(event)s
)"""
# At most so many of these helpers, those who are free first, and in the order in which they are given. Who rings for an
# event of a lower class is as good as free: else whoever presses first, for nothing, says whom the others get. It waits
# for nobody: whom another wave is claiming at this moment is left to it.
CLAIM = f"""
WITH had AS (
    SELECT c.helper_id, c.event_id, c.until
    FROM unnest(%(helpers)s::bigint[]) WITH ORDINALITY AS wanted (helper_id, n) JOIN sos_helperclaim c USING (helper_id)
    WHERE {_CAN_BE_HAD}
    ORDER BY c.until > clock_timestamp() AND c.rank >= %(class)s, wanted.n LIMIT %(number)s
    FOR NO KEY UPDATE OF c SKIP LOCKED
), {_LOST}
{_CLAIMED.format(until="clock_timestamp() + %(ring)s")} RETURNING c.helper_id
"""
# A person's word beats any ring: it waits for the row, and is refused only while they come to another emergency.
_TAKE = f"""
WITH had AS (
    SELECT c.helper_id, c.event_id, c.until FROM sos_helperclaim c
    WHERE c.helper_id = %(helper)s
      AND (c.until < 'infinity' OR c.event_id = %(event)s OR c.is_drill AND NOT %(is_drill)s)
    FOR NO KEY UPDATE
), {_LOST}
{_CLAIMED} RETURNING c.helper_id
"""
COMES, IS_SENT = _TAKE.format(until="'infinity'"), _TAKE.format(until="clock_timestamp() + %(ring)s")
RELEASE = """
WITH had AS (
    SELECT c.helper_id FROM sos_helperclaim c WHERE c.helper_id = ANY(%(helpers)s) AND c.event_id = %(event)s
    ORDER BY c.helper_id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE sos_helperclaim c SET event_id = NULL, is_drill = false, rank = 0, until = '-infinity'
FROM had WHERE c.helper_id = had.helper_id
"""
# Who accepts and withdraws again and again keeps others from being called.
WITHDREW = f"""
UPDATE sos_helperclaim
SET unsteady_at = CASE WHEN withdrew_at > clock_timestamp() - interval '{UNSTEADY_FOR}' THEN clock_timestamp()
                       ELSE unsteady_at END,
    withdrew_at = clock_timestamp()
WHERE helper_id = %s
"""
# Events that have lost helpers to others call somebody else in their next step, now.
REPLACE_LOST = f"""
WITH gone AS (
    DELETE FROM sos_lostclaim WHERE id IN (SELECT id FROM sos_lostclaim ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING event_id
), short AS (
    SELECT e.id, (SELECT count(*) FROM gone WHERE gone.event_id = e.id) AS number FROM sos_sosevent e
    WHERE e.id IN (SELECT event_id FROM gone) AND e.status IN ({_OPEN}) ORDER BY e.id FOR NO KEY UPDATE
)
UPDATE sos_sosevent e
SET replacements_due = e.replacements_due + short.number, next_step_at = least(e.next_step_at, statement_timestamp())
FROM short WHERE e.id = short.id
"""

# What must hold of the claims (docs/dispatch.md) and is put right where it does not: each helper has one, none is held
# for an event that does not need it, and who comes is held. What an event has lost the sweep sees to within its second.
CLAIM_MISSING = f"""
INSERT INTO sos_helperclaim (helper_id)
SELECT u.id FROM users_user u
WHERE u.role = '{Role.HELPER}' AND NOT EXISTS (SELECT FROM sos_helperclaim c WHERE c.helper_id = u.id)
ON CONFLICT DO NOTHING RETURNING helper_id
"""
LEFT_ALONE = "SELECT id FROM sos_lostclaim WHERE at < clock_timestamp() - %s"
CLAIM_OF_NOBODY = f"""
WITH had AS (
    SELECT c.helper_id FROM sos_helperclaim c
    WHERE c.until > clock_timestamp() AND NOT EXISTS (
        SELECT FROM sos_helperalert a JOIN sos_sosevent e ON e.id = a.event_id AND e.status IN ({_OPEN})
        WHERE a.event_id = c.event_id AND a.helper_id = c.helper_id
          AND (a.status IN ({_COMING})
               OR c.until < 'infinity' AND a.status IN ({_listed(AlertStatus.NOTIFIED, AlertStatus.ASSIGNED)})))
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE sos_helperclaim c SET event_id = NULL, is_drill = false, rank = 0, until = '-infinity'
FROM had WHERE c.helper_id = had.helper_id RETURNING c.helper_id
"""
CLAIM_OF_WHO_COMES = f"""
WITH had AS (
    SELECT c.helper_id FROM sos_helperclaim c WHERE c.until < 'infinity' AND c.helper_id IN (
        SELECT a.helper_id FROM sos_helperalert a JOIN sos_sosevent e ON e.id = a.event_id AND e.status IN ({_OPEN})
        WHERE a.status IN ({_COMING}))
    FOR NO KEY UPDATE SKIP LOCKED
), coming AS (
    SELECT DISTINCT ON (a.helper_id) a.helper_id, a.event_id, e.is_drill, e.rank
    FROM sos_helperalert a JOIN sos_sosevent e ON e.id = a.event_id AND e.status IN ({_OPEN})
    WHERE a.status IN ({_COMING}) AND a.helper_id IN (SELECT helper_id FROM had)
    ORDER BY a.helper_id, e.is_drill, a.accepted_at DESC
)
UPDATE sos_helperclaim c
SET event_id = coming.event_id, is_drill = coming.is_drill, rank = coming.rank, until = 'infinity'
FROM coming WHERE c.helper_id = coming.helper_id RETURNING c.helper_id
"""

# Opening: the event to which the same signal came before, the newest open one, and how many the account has open.
_EARLIER = """
SELECT (SELECT s.event_id FROM sos_signal s JOIN sos_sosevent e ON e.id = s.event_id AND e.is_drill = %(is_drill)s
            AND e.stale_credential = %(is_stale)s
        WHERE {whose} AND s.received_at > %(since)s
          AND (s.signal_uid = %(signal_uid)s
               OR (s.device_time = %(device_time)s OR s.signal_hash = %(signal_hash)s)
                  AND (s.signal_uid = '' OR %(signal_uid)s::text IS NULL))
        ORDER BY s.received_at DESC LIMIT 1),
       (SELECT s.id FROM sos_sosevent s
        WHERE {whose} AND s.is_drill = %(is_drill)s AND s.stale_credential = %(is_stale)s AND s.status IN ({open})
        ORDER BY s.last_signal_at DESC, s.id DESC LIMIT 1),
       (SELECT count(*) FROM sos_sosevent s
        WHERE s.user_id = %(user)s AND s.is_drill = %(is_drill)s AND s.stale_credential = %(is_stale)s
          AND s.status IN ({open}))
"""
EARLIER_OF_DEVICE = _EARLIER.format(open=_OPEN, whose="s.device_id = %(device)s")
EARLIER_OF_USER = _EARLIER.format(open=_OPEN, whose="s.user_id = %(user)s AND s.device_id IS NULL")
PAYLOAD_IS_KEPT = "SELECT EXISTS (SELECT FROM sos_signal WHERE event_id = %s AND payload_digest = %s)"

# The plan and the step: the policies that may be meant, and an event whose step is due.
POLICY = Columns(DispatchPolicy, "p")
POLICIES = f"SELECT {POLICY} FROM sos_dispatchpolicy p WHERE p.detected_type IN ('', %s)"
EVENT = Columns(SosEvent, "e")
DUE = f"""
SELECT {EVENT} FROM sos_sosevent e
WHERE e.id = %s AND e.status IN ({_OPEN}) AND e.next_step_at <= statement_timestamp()
FOR NO KEY UPDATE"""
DUE_AND_FREE = f"{DUE} SKIP LOCKED"

# The search
_ACTIVE = f"u.role = '{Role.HELPER}' AND u.status = '{Status.ACTIVE}'"
# Why a helper near the event may not be called, each with the condition under which they may. Every condition is a
# subquery of its own that the planner cannot turn into a join. Who is on call is active and on duty.
FIT = {
    "NOT_ACTIVE": f"(SELECT {_ACTIVE} FROM users_user u WHERE u.id = h.user_id)",
    "OFF_DUTY": "h.on_call",
    "STALE": "h.recorded_at > now() - make_interval(secs => %(position_max_age_s)s)",
    "OFFLINE": "(SELECT d.is_online FROM devices_device d WHERE d.id = h.device_id)",
    "UNREACHABLE": """(%(texts)s OR (SELECT count(*) > 0 FROM notifications_pushtoken t WHERE t.user_id = h.user_id
         AND t.refreshed_at > now() - make_interval(secs => %(token_lives_s)s)))""",
    "BLOCKED": """h.user_id <> ALL (
         ARRAY(SELECT b.helper_id FROM users_blockedhelper b WHERE b.owner_id = %(wearer)s))""",
    "BUSY": f"(SELECT {_CAN_BE_HAD} FROM sos_helperclaim c WHERE c.helper_id = h.user_id)",
    "IN_NEED": f"""(SELECT count(*) = 0 FROM sos_sosevent e
         WHERE e.user_id = h.user_id AND e.status IN ({_OPEN}) AND NOT e.is_drill)""",
}
_IS_THERE = f"{FIT['OFF_DUTY']} AND {FIT['STALE']}"
# Where a whole town rings for others, nothing else is asked of each of them.
_OTHERS = " AND ".join(FIT[why] for why in ("OFFLINE", "UNREACHABLE", "BLOCKED", "IN_NEED"))
_MAY_COME = f"CASE WHEN {FIT['BUSY']} THEN {_OTHERS} ELSE false END"
MAY_BE_CALLED = f"{_IS_THERE} AND {_MAY_COME}"
"""Of a row of devices_helperposition as `h`; its values: `anybodys_values`, or those of one event."""

# Why one is called after the others, if so.
_CAUTION = f"""CASE
    WHEN h.jumped_at > now() - interval '{JUMPED_FOR}' THEN '{Caution.JUMPED}'
    WHEN (SELECT c.unsteady_at > now() - interval '{UNSTEADY_FOR}' FROM sos_helperclaim c WHERE c.helper_id = h.user_id)
    THEN '{Caution.WITHDREW}'
    ELSE '' END"""

# The index, of those on call alone, gives the nearest first (<->), and the walk ends with the last one wanted or at the
# radius (ST_DWithin), both in metres since they are geography; or past so many: else thousands of events, where all of
# these ring for others, would look for the next one at each of their waves. The planner would rather read and sort
# everybody within the radius: of 100,000 helpers that takes 134 ms, and walking outward 2. So it may not sort, at each
# search: the plan is kept, but PostgreSQL makes another whenever the tables have been analysed.
WALK = "SELECT set_config('enable_sort', %(walk)s, true)"
_NEAR = """
WITH place AS (
    SELECT ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)::geography AS exact,
           ST_SetSRID(ST_MakePoint(%(cell_lon)s, %(cell_lat)s), 4326)::geography AS cell
)
SELECT h.user_id, {columns}
FROM place, LATERAL (
    SELECT h.*, h.position <-> place.exact AS far FROM devices_helperposition h
    WHERE ST_DWithin(h.position, place.exact, %(radius_m)s)
      AND h.user_id <> %(wearer)s
      AND h.user_id <> ALL (ARRAY(SELECT a.helper_id FROM sos_helperalert a WHERE a.event_id = %(event)s))
      AND {which}
    ORDER BY h.position <-> place.exact LIMIT %(walk_past)s
) h
WHERE {conditions}
ORDER BY h.far LIMIT %(helpers)s
"""
NEAREST = _NEAR.format(
    columns=f"ST_Distance(h.position, place.exact), ST_Distance(h.position, place.cell), {_CAUTION}",
    which=_IS_THERE,
    conditions=f"{_MAY_COME} AND (%(is_last)s::bool IS NULL OR ({_CAUTION} <> '') = %(is_last)s)",
)
_REASON = "CASE " + "".join(f"WHEN NOT {condition} THEN '{why}'\n" for why, condition in FIT.items()) + "END"
_WHY_NOT = [
    _NEAR.format(
        columns=f"ST_Distance(h.position, place.exact) AS distance_m, {_REASON} AS why", which=which, conditions="true"
    )
    for which in ("h.on_call", "NOT h.on_call")
]
WHY_NOT = f"""
SELECT user_id, distance_m, why FROM (({_WHY_NOT[0]}) UNION ALL ({_WHY_NOT[1]})) near
ORDER BY distance_m LIMIT %(helpers)s
"""
MAY_BE_RUNG = f"""
SELECT h.user_id FROM unnest(%(people)s::bigint[]) WITH ORDINALITY AS wanted (user_id, n)
JOIN devices_helperposition h USING (user_id) WHERE {MAY_BE_CALLED} ORDER BY wanted.n
"""

# What is decided by: the event, where its device is now if it was seen since (`follow`), and those called to it. Places
# are asked for only of those whose movement matters, and of the one who answers (`helper`).
CONSOLE_CONNECTED = f"""EXISTS (
    SELECT FROM sos_consolepresence WHERE seen_at > statement_timestamp() - interval '{CONSOLE_SEEN}')"""
_FACTS = f"""
SELECT e.id, statement_timestamp(), {CONSOLE_CONNECTED},
       ST_X(d.position::geometry), ST_Y(d.position::geometry), d.position_at,
       coalesce(ST_Distance(e.told_position, place.now), 0),
       a.helper_id, a.status, a.rung_at, a.rings, a.asked_at, coalesce(a.progress_at, a.accepted_at), a.progress_m,
       h.recorded_at, ST_Distance(h.position, place.now)
FROM sos_sosevent e
LEFT JOIN devices_device d
       ON %(follow)s AND d.id = e.device_id AND d.position_at > coalesce(e.position_at, '-infinity')
CROSS JOIN LATERAL (SELECT coalesce(d.position, e.position) AS now) place
LEFT JOIN sos_helperalert a ON a.event_id = e.id {{which}}
LEFT JOIN devices_helperposition h
       ON h.user_id = a.helper_id AND (a.status IN ({_COMING}) OR a.helper_id = %(helper)s)
WHERE {{whose}}
ORDER BY a.id
"""
FACTS = _FACTS.format(which="", whose="e.id = %(event)s")  # of one: a plan for several may read all events and alerts
_COMING_OR_SENT = f"AND a.status IN ('{AlertStatus.ASSIGNED}', {_COMING})"
FACTS_OF_MANY = _FACTS.format(which=_COMING_OR_SENT, whose="e.id = ANY(%(events)s)")

# What is told to whom
STANDINGS = f"""
SELECT e.uid, e.status, (e.plan ->> 'enough_helpers')::int, statement_timestamp(),
       c.event_id <> e.id AND (c.until = 'infinity' OR c.until > clock_timestamp() AND c.rank > e.rank),
       a.helper_id, a.status, a.rung_at, a.asked_at, h.recorded_at
FROM sos_sosevent e
LEFT JOIN sos_helperalert a ON a.event_id = e.id
LEFT JOIN sos_helperclaim c ON c.helper_id = a.helper_id
LEFT JOIN devices_helperposition h ON h.user_id = a.helper_id AND a.status = '{AlertStatus.EN_ROUTE}'
WHERE e.uid = ANY(%s)
"""
EVENTS_BY_UID = "SELECT uid, id, status FROM sos_sosevent WHERE uid = ANY(%s)"
DISPATCHERS = f"SELECT id, on_duty FROM users_user WHERE role = '{Role.ADMIN}' AND status = '{Status.ACTIVE}'"

# The journal
SEQUENCE = "sos_journal_position"
# The lock is held before the first position is taken: the one row of `held` comes before any row that joins it.
WRITE = f"""
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(%s))
INSERT INTO sos_journalentry (position, event_id, kind, status, at, actor_id, data)
SELECT nextval('{SEQUENCE}'), event_id, kind, status, clock_timestamp(), actor_id, data
FROM held CROSS JOIN jsonb_to_recordset(%s::jsonb)
     AS entry (event_id bigint, kind text, status text, actor_id bigint, data jsonb)
"""
UUIDS = "SELECT id, uuid FROM users_user WHERE id = ANY(%s)"

# Seconds count from when helpers were to be called: the end of a countdown, else the signal's arrival.
RESPONSE_TIMES = f"""
WITH events AS (
    SELECT e.id, e.uid, coalesce(e.unconfirmed_until, e.received_at) AS began,
           (e.received_at AT TIME ZONE %(zone)s)::date AS day
    FROM sos_sosevent e
    WHERE e.received_at >= %(since)s AND e.received_at < %(until)s
      AND e.detected_type <> '{DetectedType.TEST}' AND NOT e.is_drill
), reached AS (
    SELECT n.event_uid, min(c.at) FILTER (WHERE c.state = '{State.SENT}') AS pushed,
           min(c.at) FILTER (WHERE c.state IN ('{State.RECEIVED}', '{State.READ}')) AS received
    FROM notifications_notification n
    JOIN notifications_notificationchange c ON c.notification_id = n.id
    WHERE n.kind = 'SOS_ALERT' AND n.event_uid IN (SELECT uid FROM events)
    GROUP BY 1
), came AS (
    SELECT j.event_id, min(j.at) FILTER (WHERE j.kind = '{JournalKind.HELPER_ACCEPTED}') AS accepted,
           min(j.at) FILTER (WHERE j.kind = '{JournalKind.HELPER_ON_SCENE}') AS there
    FROM sos_journalentry j
    WHERE j.event_id IN (SELECT id FROM events)
    GROUP BY 1
), times AS (
    SELECT events.day, events.id, steps.name, CASE WHEN steps.at IS NOT NULL
           THEN greatest(0, extract(epoch FROM steps.at - events.began)) END AS seconds
    FROM events LEFT JOIN reached ON reached.event_uid = events.uid LEFT JOIN came ON came.event_id = events.id,
    LATERAL (VALUES ('first_push', coalesce(reached.pushed, reached.received)), ('first_receipt', reached.received),
                    ('first_accept', came.accepted), ('first_on_scene', came.there)) AS steps (name, at)
)
SELECT day, name, count(DISTINCT id), count(seconds),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)
FROM times GROUP BY GROUPING SETS ((day, name), (name))
"""

# What an event's page and map show: its device from an hour before it, whoever came from when they said so. A signal
# that could not get through for up to a day is believed when it happened; a clock that is further off is not.
TRACKS_OF_EVENTS = """
SELECT device_id, coalesce(closed_at, now()) AS until,
       CASE WHEN occurred_at > received_at - interval '1 day' THEN least(occurred_at, received_at) ELSE received_at END
       - interval '1 hour' AS since
FROM sos_sosevent WHERE device_id IS NOT NULL
UNION ALL
SELECT d.id, coalesce(e.closed_at, now()), a.accepted_at
FROM sos_helperalert a JOIN sos_sosevent e ON e.id = a.event_id JOIN devices_device d ON d.owner_id = a.helper_id
WHERE a.accepted_at IS NOT NULL
"""

# What is kept for a while: both run in `batches.forget`. What was sent goes before the event does; the journal holds
# ids only, and stays.
FORGET_PAYLOADS = """
WITH old AS (
    SELECT id FROM sos_signal
    WHERE id > %(after)s AND id <= %(until)s AND received_at < now() - make_interval(days => %(days)s)
      AND (raw_payload IS NOT NULL OR warnings <> '{}')
    FOR UPDATE SKIP LOCKED
), kept AS (
    UPDATE sos_signal s SET raw_payload = NULL, payload_digest = NULL, warnings = '{}' FROM old WHERE s.id = old.id
)
SELECT count(*) FROM old
"""
FORGET_EVENTS = """
WITH old AS (
    SELECT id FROM sos_sosevent
    WHERE id > %(after)s AND id <= %(until)s AND closed_at < now() - make_interval(days => %(days)s)
    FOR UPDATE SKIP LOCKED
), signals AS (
    DELETE FROM sos_signal s USING old WHERE s.event_id = old.id
), alerts AS (
    DELETE FROM sos_helperalert a USING old WHERE a.event_id = old.id
), notes AS (
    DELETE FROM sos_eventnote n USING old WHERE n.event_id = old.id
), lost AS (
    DELETE FROM sos_lostclaim l USING old WHERE l.event_id = old.id
), followers AS (
    UPDATE sos_sosevent e SET follows_id = NULL FROM old
    WHERE e.follows_id = old.id AND NOT EXISTS (SELECT FROM old o WHERE o.id = e.id)
), gone AS (
    DELETE FROM sos_sosevent e USING old WHERE e.id = old.id
)
SELECT count(*) FROM old
"""
