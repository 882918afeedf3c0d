"""Every statement of notifications that is written by hand."""

from .models import State

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
