#!/usr/bin/env bash
# Writes mdd_TIME.sql.gz and its checksum to BACKUP_DIR (/backups), prints the name, removes the oldest.
# With BACKUP_AGE_RECIPIENT (age1…, several by spaces) it is mdd_TIME.sql.gz.age, which only their secret halves open.
# Where the database is: see pg_connection.sh. How many are kept: BACKUP_KEEP (14) of the last BACKUP_DAYS (30) days.
# The dump replaces all that a database holds, or nothing: `gunzip < NAME | psql -d DATABASE`. Or restore_pg.sh.
set -euo pipefail
umask 077
trap '' XFSZ  # a file beyond the limit is then an error to read about, as a full disk is
. "$(dirname "${BASH_SOURCE[0]}")/pg_connection.sh"

folder=${BACKUP_DIR:-/backups} keep=${BACKUP_KEEP:-14} days=${BACKUP_DAYS:-30}
name=mdd_$(date -u +%Y%m%dT%H%M%SZ).sql.gz recipients=${BACKUP_AGE_RECIPIENT:-}

main() {
  need psql pg_dump gzip sha256sum flock ${recipients:+age}
  [[ $keep =~ ^[1-9][0-9]{0,5}$ ]] || die "BACKUP_KEEP: '$keep' is not a whole number of 1 or more"
  [[ $days =~ ^[1-9][0-9]{0,5}$ ]] || die "BACKUP_DAYS: '$days' is not a whole number of 1 or more"
  [[ -d $folder ]] || die "there is no folder $folder"
  [[ -w $folder && -x $folder ]] || die "no right to write to the folder $folder"
  alone
  connect
  cd "$folder"
  rm -f .mdd_*.part  # of a run that was killed
  errors=$(mktemp) || die 'cannot write to the folder for temporary files'
  trap 'rm -f "$errors" ".$name.part" ".$name.sha256.part" ".${name%.age}.part"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  local owner
  owner=$(owner_of_tables) || explain
  [[ $owner ]] || die "the database $PGDATABASE holds no django_migrations: is it this service's, and migrated?"
  write "$owner" || explain
  whole || explain
  [[ ! $recipients ]] || encrypt || explain
  publish || explain
  forget_oldest
  echo "$name"
}

# The lock is the folder's own, and ends with this process whatever happens.
alone() {
  local status=0
  exec 9<"$folder"
  flock --nonblock --conflict-exit-code 75 9 || status=$?
  [[ $status != 75 ]] || die "another backup to $folder is running"
  [[ $status == 0 ]] || die "cannot lock the folder $folder"
}

owner_of_tables() {
  ask "SELECT quote_literal(tableowner) FROM pg_tables WHERE schemaname = 'public' AND tablename = 'django_migrations'"
} 2>>"$errors"

write() {
  {
    prologue "$1" && pg_dump -w --schema=public --exclude-table=public.spatial_ref_sys --no-owner --no-privileges \
      --no-tablespaces --no-publications --no-subscriptions --lock-wait-timeout=60000 | portable && epilogue
  } | gzip >".$name.part"
} 2>>"$errors"

# What runs before the tables. We empty the schema ourselves, since pg_dump's --clean knows only the tables of its own
# time, and fails on those which later migrations have added. PostGIS stays: were it made anew, its types would be others
# than those which running processes know. Processes that cross the restore lose the deadlock, not the restore.
prologue() {
  cat <<SQL
-- MDD Backend, $name
-- gunzip < $name | psql -d DATABASE      replaces all that the database holds; when anything fails, nothing
\\set ON_ERROR_STOP on
\\set QUIET on
\\o /dev/null
BEGIN;
SET client_min_messages = warning;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
DO \$\$
DECLARE found record;
BEGIN
  BEGIN
    SET LOCAL deadlock_timeout = '1min';
  EXCEPTION WHEN insufficient_privilege THEN NULL;
  END;
  FOR found IN
    SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
      WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refobjid <> c.oid
          AND d.deptype IN ('e', 'i', 'a'))
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP %s IF EXISTS %s CASCADE', found.kind, found.name);
  END LOOP;
  FOR found IN
    SELECT p.oid::regprocedure AS name FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', found.name);
  END LOOP;
END \$\$;
CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;
-- Restored by a superuser, the tables still belong to the service.
DO \$\$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'MEMBER')
      AND has_schema_privilege(oid, 'public', 'CREATE')) THEN
    EXECUTE format('SET LOCAL ROLE %I', $1);
  END IF;
END \$\$;

SQL
}

# pg_dump's text without what an older server (transaction_timeout) or an older psql (\restrict) does not know, and
# without the schema itself, which is there. Only in the head: further down the same words would be somebody's data.
# (A line of data never begins with \u: a backslash is doubled.)
portable() {
  sed -e '1,/^SET default_table_access_method/{' -e '/^\\restrict /d' -e '/^SET transaction_timeout = /d' \
    -e '/^CREATE SCHEMA public;$/d' -e '/^COMMENT ON SCHEMA public /d' -e '}' -e '/^\\unrestrict /d'
}

epilogue() {
  cat <<SQL
COMMIT;
SET client_min_messages = error;
ANALYZE;
\\o
\\echo restored: $name
SQL
}

# Reads the whole file again, before it gets its name.
whole() {
  local ending
  ending=$(gzip -dc ".$name.part" | tail -n 20) || return 1
  [[ $ending == *'-- PostgreSQL database dump complete'*"restored: $name" ]] || die 'the dump is not whole'
} 2>>"$errors"

encrypt() {
  local recipient options=()
  for recipient in $recipients; do
    options+=(--recipient "$recipient")
  done
  age --encrypt "${options[@]}" --output ".$name.age.part" ".$name.part" && rm ".$name.part" && name=$name.age
} 2>>"$errors"

publish() {
  local sum
  sum=$(sha256sum <".$name.part") && printf '%s  %s\n' "${sum%% *}" "$name" >".$name.sha256.part" \
    && sync ".$name.part" ".$name.sha256.part" \
    && mv ".$name.sha256.part" "$name.sha256" && mv ".$name.part" "$name" && sync .
} 2>>"$errors"

explain() {
  local why
  if grep -qE 'No space left|File too large|quota exceeded' "$errors"; then
    die "no space left in $folder"
  fi
  why=$(grep -m1 -E 'error:|ERROR:|FATAL:' "$errors" || head -n 1 "$errors")
  die "${why:-failed without a word}"
}

# By the time in their names. Others' files stay, and so does the one just made, whatever the clock said.
forget_oldest() {
  local old oldest kept=0
  oldest=mdd_$(date -u -d "$days days ago" +%Y%m%dT%H%M%SZ).sql.gz
  while read -r old; do
    kept=$((kept + 1))
    [[ $old == "$name" ]] || { ((kept <= keep)) && [[ ! $old < $oldest ]]; } || rm -f "$old" "$old.sha256"
  done <<<"$(printf '%s\n' mdd_*.sql.gz* | grep -E '^mdd_[0-9]{8}T[0-9]{6}Z\.sql\.gz(\.age)?$' | sort -r)"
}

main "$@"
