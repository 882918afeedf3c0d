"""Every statement of users that is written by hand."""

# One transaction and one way there and back: whoever waits for the lock holds a connection. The second statement sees
# what those before have committed.
BEGIN_TRY = """
SELECT pg_advisory_xact_lock(hashtextextended('password of ' || %(phone)s, 0));
INSERT INTO users_passwordtry (phone, began_at) SELECT %(phone)s, statement_timestamp()
WHERE (
    SELECT count(*) FROM users_passwordtry
    WHERE phone = %(phone)s AND began_at > statement_timestamp() - make_interval(secs => %(try_s)s)
) + (
    SELECT coalesce(sum(failures_since_start), 0) FROM axes_accessattempt
    WHERE username = %(phone)s AND attempt_time > statement_timestamp() - make_interval(secs => %(lock_s)s)
) < %(limit)s
RETURNING id
"""
