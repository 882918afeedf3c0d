"""The journal can only grow: PostgreSQL itself refuses to change or delete an entry."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION sos_journal_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER sos_journal_stays BEFORE UPDATE OR DELETE ON sos_journalentry
    FOR EACH ROW EXECUTE FUNCTION sos_journal_stays();
"""
ALLOW = "DROP TRIGGER sos_journal_stays ON sos_journalentry; DROP FUNCTION sos_journal_stays();"


class Migration(migrations.Migration):
    dependencies = [("sos", "0003_dispatch_engine")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
