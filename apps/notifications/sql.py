"""Every statement of notifications that is written by hand."""

from mdd_backend.database.prepared import Columns

from .models import Notification, State

NOTIFICATION = Columns(Notification, "n")
# A batch of a channel that is due, each with what is left of its life.
DUE = f"""
SELECT {NOTIFICATION}, n.expires_at - statement_timestamp()
FROM notifications_notification n
WHERE n.channel = %s AND n.state = '{State.QUEUED}' AND n.due_at <= statement_timestamp()
ORDER BY n.urgency, n.due_at LIMIT %s
FOR UPDATE SKIP LOCKED
"""
# The tokens that these people's apps have refreshed lately: the others are as good as retired.
TOKENS_IN_USE = """
SELECT user_id, token, platform, id FROM notifications_pushtoken
WHERE user_id = ANY(%s) AND refreshed_at > statement_timestamp() - %s::interval
ORDER BY id
"""

# One process at a time looks at the counts of texts and raises them, until its transaction ends; then what the day is.
HOLD_TEXTS = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(3::bigint << 56))
SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date FROM (SELECT count(*) FROM held) done
"""
TEXTS_COUNTED = """
SELECT c.cap, c.key, c.count FROM notifications_textcount c
JOIN unnest(%(caps)s::text[], %(keys)s::text[]) AS asked (cap, key) ON c.cap = asked.cap AND c.key = asked.key
WHERE c.day = %(day)s
"""
COUNT_TEXTS = """
INSERT INTO notifications_textcount (day, cap, key, count)
SELECT %(day)s, cap, key, more FROM unnest(%(caps)s::text[], %(keys)s::text[], %(more)s::int[]) AS new (cap, key, more)
ON CONFLICT (day, cap, key) DO UPDATE SET count = notifications_textcount.count + excluded.count
"""

LEASE = """
UPDATE notifications_notification SET due_at = statement_timestamp() + %s::interval, attempts = attempts + 1
WHERE id = ANY(%s)
"""

KEEP = f"""
WITH told AS (
    SELECT * FROM jsonb_to_recordset(%(told)s::jsonb)
        AS told (id bigint, state text, reason text, tokens bigint[], provider_id text, wait_s float8)
), held AS (
    SELECT n.id, n.state FROM notifications_notification n JOIN told USING (id)
    WHERE n.state = '{State.QUEUED}' OR NOT %(if_queued)s ORDER BY n.id FOR UPDATE OF n
), kept AS (
    UPDATE notifications_notification n
    SET state = told.state, reason = told.reason, accepted_token_ids = told.tokens,
        provider_id = told.provider_id,
        due_at = coalesce(statement_timestamp() + make_interval(secs => told.wait_s), n.due_at)
    FROM told JOIN held USING (id) WHERE n.id = told.id
    RETURNING n.id, n.state, n.reason, held.state AS before
), noted AS (
    INSERT INTO notifications_notificationchange (notification_id, state, reason, at)
    SELECT id, state, reason, statement_timestamp() FROM kept WHERE state <> before ORDER BY id
)
SELECT id FROM kept
"""

# Runs in `batches.forget`.
FORGET_OLD = """
WITH old AS (
    SELECT id FROM notifications_notification
    WHERE id > %(after)s AND id <= %(until)s AND created_at < now() - make_interval(days => %(days)s)
    FOR UPDATE SKIP LOCKED
), changes AS (
    DELETE FROM notifications_notificationchange c USING old WHERE c.notification_id = old.id
), gone AS (
    DELETE FROM notifications_notification n USING old WHERE n.id = old.id
)
SELECT count(*) FROM old
"""
