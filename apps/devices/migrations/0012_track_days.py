"""Days of the track table are made and dropped by functions, with their owner's rights: the service needs none on tables.

They take a day and plain values, never SQL, and see no schema into which others write.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION devices_make_track_day(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    name text := 'devices_locationtrack_' || to_char(day, 'YYYYMMDD');
    since timestamptz := day::timestamp AT TIME ZONE 'UTC';
    until timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF day < '1970-01-01' OR name !~ '^devices_locationtrack_[0-9]{8}$' THEN
        RAISE EXCEPTION 'no day for a partition: %', day USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOCK TABLE public.devices_locationtrack IN SHARE UPDATE EXCLUSIVE MODE;
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.devices_locationtrack INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    -- Attaching locks the devices against writing, for the foreign key. A report has that lock before it comes to DEFAULT:
    -- so does this, or each would wait for the other.
    LOCK TABLE public.devices_device IN SHARE ROW EXCLUSIVE MODE;
    -- Rows of that day which DEFAULT already holds move over, or attaching would be refused.
    EXECUTE format('WITH moved AS (DELETE FROM public.devices_locationtrack_default'
        ' WHERE recorded_at >= $1 AND recorded_at < $2 RETURNING *) INSERT INTO public.%I SELECT * FROM moved', name)
        USING since, until;
    EXECUTE format('ALTER TABLE public.devices_locationtrack ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        name, since, until);
    RETURN true;
END
$$;

-- What lies in the spans stays. Returns how many fixes that are; NULL when there is no such day.
CREATE FUNCTION devices_drop_track_day(day date, kept bigint[], since timestamptz[], until timestamptz[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    name text := 'devices_locationtrack_' || to_char(day, 'YYYYMMDD');
    moved bigint;
BEGIN
    IF day < '1970-01-01' OR name !~ '^devices_locationtrack_[0-9]{8}$' THEN
        RAISE EXCEPTION 'no day for a partition: %', day USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOCK TABLE ONLY public.devices_locationtrack IN ACCESS EXCLUSIVE MODE;
    IF to_regclass('public.' || name) IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TEMPORARY TABLE kept_track ON COMMIT DROP AS SELECT DISTINCT ON (t.id) t.*'
        ' FROM unnest($1, $2, $3) AS span (device_id, since, until)'
        ' JOIN public.%I t ON t.device_id = span.device_id AND t.recorded_at BETWEEN span.since AND span.until', name)
        USING kept, since, until;
    EXECUTE format('DROP TABLE public.%I', name);
    -- Through the table's front door they find DEFAULT, once nothing else takes their day.
    INSERT INTO public.devices_locationtrack SELECT * FROM pg_temp.kept_track;
    GET DIAGNOSTICS moved = ROW_COUNT;
    DROP TABLE pg_temp.kept_track;
    RETURN moved;
END
$$;
REVOKE ALL ON FUNCTION devices_make_track_day(date) FROM PUBLIC;
REVOKE ALL ON FUNCTION devices_drop_track_day(date, bigint[], timestamptz[], timestamptz[]) FROM PUBLIC;
"""
NO_FUNCTIONS = """
DROP FUNCTION devices_make_track_day(date);
DROP FUNCTION devices_drop_track_day(date, bigint[], timestamptz[], timestamptz[]);
"""


class Migration(migrations.Migration):
    dependencies = [("devices", "0011_revoked_tokens")]

    operations = [migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS)]
