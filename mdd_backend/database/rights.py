"""What the roles of the service and of its backups may do in the database, which belongs to another one.

Said anew after each migrate, so that a new table's rights need nobody to remember them.
"""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from psycopg import Connection, sql

ONLY_READ = ("django_migrations", "django_content_type", "auth_permission")
ONLY_GROW = ("sos_journalentry",)

_PLAIN = sql.SQL("NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS LOGIN")
_DATABASE = """
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM {role};
REVOKE ALL ON DATABASE {database} FROM {role};
GRANT CONNECT ON DATABASE {database} TO {role};
GRANT USAGE ON SCHEMA public TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {most} ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {sequences} ON SEQUENCES TO {role};
"""
_OURS = """
SELECT oid::regclass::text, relname, relkind FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S') AND pg_has_role(relowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = pg_class.oid
                  AND d.deptype = 'e')
"""
_DEFINERS = """
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prosecdef AND pg_has_role(proowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = pg_proc.oid
                  AND d.deptype = 'e')
"""


@transaction.atomic
def grant(service: Mapping[str, Any] | None, backup: Mapping[str, Any] | None) -> None:
    """Gives each role its rights and takes all others, by the address with which it signs in; None: there is none."""
    connection.ensure_connection()
    database = connection.connection
    if service:
        _role(database, service, "SERVICE_DATABASE_URL")
        _grant_service(database, sql.Identifier(service["USER"]))
    if backup:
        _role(database, backup, "BACKUP_DATABASE_URL")
        _grant_backup(database, sql.Identifier(backup["USER"]))


def _role(database: Connection[Any], address: Mapping[str, Any], setting: str) -> None:
    """Makes the role with its password, or gives it that password; who may not make roles must find it there."""
    name = address["USER"]
    owner, is_super, may, exists = database.execute(
        "SELECT current_user, rolsuper, rolsuper OR rolcreaterole, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)"
        " FROM pg_roles WHERE rolname = current_user",
        [name],
    ).fetchone() or ("", False, False, False)
    if name in {"", owner}:
        raise ImproperlyConfigured(f"{setting}: its user must be another than the owner of the tables, {owner}")
    if not may:
        if not exists:
            raise ImproperlyConfigured(f"{setting}: there is no role {name}, and {owner} may not make one")
        return
    # Only its digest travels: a statement may end in the server's log.
    password = database.pgconn.encrypt_password(address["PASSWORD"].encode(), name.encode(), b"scram-sha-256").decode()
    verb = sql.SQL("ALTER" if exists else "CREATE")
    plain = _PLAIN if is_super or not exists else sql.SQL("LOGIN")  # the others only a superuser may name again
    database.execute(
        sql.SQL("{} ROLE {} {} PASSWORD {}").format(verb, sql.Identifier(name), plain, sql.Literal(password))
    )


def _grant_service(database: Connection[Any], role: sql.Identifier) -> None:
    _grant_database(database, role, most="SELECT, INSERT, UPDATE, DELETE", sequences="SELECT, USAGE")
    for table, name, kind in database.execute(_OURS).fetchall():
        rights = "SELECT, INSERT, UPDATE, DELETE"
        if kind == "S":
            rights = "SELECT, USAGE"
        elif name in ONLY_READ:
            rights = "SELECT"
        elif name in ONLY_GROW:
            rights = "SELECT, INSERT"
        _replace(database, "SEQUENCE" if kind == "S" else "TABLE", table, rights, role)
    for (function,) in database.execute(_DEFINERS).fetchall():
        database.execute(_sql(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC"))
        _replace(database, "FUNCTION", function, "EXECUTE", role)


def _grant_backup(database: Connection[Any], role: sql.Identifier) -> None:
    _grant_database(database, role, most="SELECT", sequences="SELECT")
    for table, _, kind in database.execute(_OURS).fetchall():
        _replace(database, "SEQUENCE" if kind == "S" else "TABLE", table, "SELECT", role)


def _grant_database(database: Connection[Any], role: sql.Identifier, *, most: str, sequences: str) -> None:
    name = sql.Identifier(connection.settings_dict["NAME"])
    database.execute(_sql(_DATABASE).format(database=name, role=role, most=_sql(most), sequences=_sql(sequences)))


def _replace(database: Connection[Any], kind: str, name: str, rights: str, role: sql.Identifier) -> None:
    """`name`: as PostgreSQL itself has quoted it."""
    database.execute(_sql(f"REVOKE ALL ON {kind} {name} FROM {{}}").format(role))
    database.execute(_sql(f"GRANT {rights} ON {kind} {name} TO {{}}").format(role))


def _sql(text: str) -> sql.SQL:
    """Of our own words, and of names that PostgreSQL has quoted."""
    return sql.SQL(text)
