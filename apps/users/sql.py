"""Every statement of users that is written by hand."""

# Tables of before, which nothing reads any more: whole tokens and keys, and looks. Each is there or not.
TABLES_OF_BEFORE = (
    "token_blacklist_blacklistedtoken",
    "token_blacklist_outstandingtoken",
    "django_session",
    "sos_look",
)

# One transaction and one way there and back: whoever waits for the lock holds a connection. The second statement sees
# what those before have committed.
BEGIN_TRY = """
SELECT pg_advisory_xact_lock(hashtextextended('password of ' || %(phone)s, 0));
INSERT INTO users_passwordtry (phone, began_at) SELECT %(phone)s, statement_timestamp()
FROM (
    SELECT count(*) AS tries FROM users_passwordtry
    WHERE phone = %(phone)s AND began_at > statement_timestamp() - make_interval(secs => %(try_s)s)
) under_way, (
    SELECT coalesce(sum(failures_since_start), 0) AS failures, max(attempt_time) AS last FROM axes_accessattempt
    WHERE username = %(phone)s AND attempt_time > statement_timestamp() - make_interval(secs => %(lock_s)s)
) lately
WHERE tries + failures < %(limit)s OR tries = 0 AND last <= statement_timestamp() - make_interval(
    secs => least(%(lock_s)s, %(first_s)s * power(2, least(failures - %(limit)s, 20))))
RETURNING id
"""

# In the same form: the id of a registration that is counted from now on, or in how many seconds one is taken. So many
# an hour are taken at once; each one more waits for so much longer after the one before, and for so long at most.
BEGIN_REGISTRATION = """
SELECT pg_advisory_xact_lock(hashtextextended('registrations from ' || %(address)s, 0));
WITH beyond AS (
    SELECT max(at) + make_interval(secs => least(%(most_s)s, %(step_s)s * (count(*) - %(free)s + 1))) AS next_at
    FROM users_registration
    WHERE address = %(address)s AND at > statement_timestamp() - make_interval(secs => %(within_s)s)
    HAVING count(*) >= %(free)s
), begun AS (
    INSERT INTO users_registration (address, at) SELECT %(address)s, statement_timestamp()
    WHERE NOT EXISTS (SELECT FROM beyond WHERE next_at > statement_timestamp())
    RETURNING id
)
SELECT (SELECT id FROM begun), (SELECT extract(epoch FROM next_at - statement_timestamp()) FROM beyond)
"""

# Both people must be there still; of two processes at once one writes the row of the hour.
KEEP_LOOKS = """
INSERT INTO users_look (viewer_id, person_id, way, event_uid, reason, hour, at)
SELECT viewer.id, person.id, seen.way, seen.event, seen.reason, date_trunc('hour', statement_timestamp(), 'UTC'),
       statement_timestamp()
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::uuid[], %s::text[]) WITH ORDINALITY
     AS seen (viewer, person, way, event, reason, place)
JOIN users_user viewer ON viewer.id = seen.viewer JOIN users_user person ON person.id = seen.person
ORDER BY seen.place
ON CONFLICT (viewer_id, person_id, way, hour) DO NOTHING
"""

# Runs in `batches.forget`.
FORGET_LOOKS = """
WITH old AS (
    SELECT id FROM users_look
    WHERE id > %(after)s AND id <= %(until)s AND at < now() - make_interval(days => %(days)s)
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM users_look l USING old WHERE l.id = old.id
)
SELECT count(*) FROM old
"""
