"""Outgrown tables are analysed by a function with their owner's rights: the service's role may not ANALYZE."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION monitoring_analyse_outgrown() RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    outgrown text[] := ARRAY(
        SELECT c.relname FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
        WHERE s.schemaname = 'public' AND c.relkind = 'r' AND NOT c.relispartition
          AND pg_has_role(c.relowner, 'USAGE')
          AND s.n_mod_since_analyze > 200 + 2 * greatest(c.reltuples, 0)
        ORDER BY 1);
    name text;
BEGIN
    FOREACH name IN ARRAY outgrown LOOP
        EXECUTE format('ANALYZE (SKIP_LOCKED) public.%I', name);
        RETURN NEXT name;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION monitoring_analyse_outgrown() FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0002_texts_capped")]

    operations = [migrations.RunSQL(FUNCTION, "DROP FUNCTION monitoring_analyse_outgrown()")]
