#!/usr/bin/env bash
# restore_pg.sh FILE --yes [--no-checksum]: puts a backup in the place of the database.
# One that ends in .age is opened with the secret half of its key, in the file that BACKUP_AGE_IDENTITY names.
# It goes into a new database beside it, is looked at there, and then the two change names: until then nothing is lost,
# and the old one stays as NAME_before_TIME. Where the database is: see pg_connection.sh; its user needs CREATEDB.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/pg_connection.sh"

main() {
  local file='' yes='' checksum=1 word
  for word in "$@"; do
    case $word in
      --yes) yes=1 ;;
      --no-checksum) checksum='' ;;
      -*) usage ;;
      *) [[ -z $file ]] || usage; file=$word ;;
    esac
  done
  [[ $file ]] || usage
  need psql gzip sha256sum
  [[ $file != *.age ]] || need age
  [[ -f $file || $file == */* ]] || file=${BACKUP_DIR:-/backups}/$file
  verify "$file" "$checksum"
  connect
  name=$PGDATABASE new=${PGDATABASE}_restoring before=${PGDATABASE}_before_$(date -u +%Y%m%d_%H%M%S)
  ((${#before} <= 63)) || die "the name $name is too long to keep the old database beside the new one"
  export PGDATABASE=postgres
  errors=$(mktemp)
  trap 'rm -f "$errors"' EXIT
  look_around || explain 'cannot reach the server'
  [[ $yes ]] || die "would put $file in the place of the database $name on $PGHOST, disconnect everybody, and keep the \
present one as $before. Nothing was done: add --yes" 2
  trap 'undo; rm -f "$errors"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  create || explain "cannot make the database $new"
  plain "$file" 2>/dev/null | PGDATABASE=$new psql -X -w -q -v ON_ERROR_STOP=1 >/dev/null 2>"$errors" || explain "cannot read $file in"
  check
  swap || explain "cannot change the names"
  echo "restored $name from $(basename "$file"): $counts"
  [[ -z $exists ]] || echo "the old one is kept; when you no longer need it: DROP DATABASE \"$before\";"
}

usage() {
  die 'usage: restore_pg.sh FILE --yes [--no-checksum]' 2
}

verify() {
  local file=$1 otherwise='no backup at all'
  [[ -f $file ]] || die "there is no file $file"
  if [[ $2 ]]; then
    [[ -f $file.sha256 ]] || die "there is no checksum $file.sha256; --no-checksum goes without"
    (cd "$(dirname "$file")" && sha256sum --status --check "$(basename "$file").sha256" 2>/dev/null) \
      || die "$file is not what its checksum says: it was cut off or changed"
  fi
  if [[ $file == *.age ]]; then
    [[ -r ${BACKUP_AGE_IDENTITY:-} ]] || die "$file is encrypted: BACKUP_AGE_IDENTITY must name the file of its key"
    otherwise="not for the key in $BACKUP_AGE_IDENTITY"
  fi
  { plain "$file" 2>/dev/null | tail -n 20 | grep -q '^-- PostgreSQL database dump complete$'; } \
    || die "$file is cut off, or $otherwise"
}

plain() {
  case $1 in
    *.age) age --decrypt --identity "$BACKUP_AGE_IDENTITY" "$1" | gzip -dc ;;
    *) gzip -dc "$1" ;;
  esac
}

# What the server holds: whether there is a database to replace, and whether somebody else is restoring.
look_around() {
  local busy
  exists=$(ask "SELECT 1 FROM pg_database WHERE datname = :'name'" "name=$name" 2>"$errors") \
    && busy=$(ask "SELECT 1 FROM pg_stat_activity WHERE datname = :'new' LIMIT 1" "new=$new" 2>"$errors") || return 1
  [[ -z $busy ]] || die "another restore of $name is running"
}

# PostGIS's own image has a template with PostGIS in it, from which a user without rights to add it can start.
create() {
  ask 'DROP DATABASE IF EXISTS :"new";' "new=$new" 2>"$errors" || return 1
  ask "SELECT format('CREATE DATABASE %I TEMPLATE %I', :'new', coalesce(
      (SELECT datname FROM pg_database WHERE datname = 'template_postgis' AND datistemplate), 'template1'))
    || coalesce((SELECT format(' OWNER %I', pg_get_userbyid(datdba)) FROM pg_database WHERE datname = :'name'), '')
    \\gexec" "new=$new" "name=$name" 2>"$errors" && made=1
}

check() {
  counts=$(PGDATABASE=$new ask "
    SELECT 1 / count(*) FROM django_migrations \\g /dev/null
    SELECT format('%s events, %s users, %s devices; PostGIS %s',
      (SELECT count(*) FROM sos_sosevent), (SELECT count(*) FROM users_user), (SELECT count(*) FROM devices_device),
      split_part(postgis_version(), ' ', 1))
    WHERE ST_DWithin('POINT(69.2 41.3)'::geography, 'POINT(69.2 41.3)'::geography, 1)" 2>"$errors") \
    || explain 'what came out is not a database of this service'
}

# Nobody may come back between the farewell and the new name; both names change at once.
swap() {
  if [[ $exists ]]; then
    closed=1
    ask 'ALTER DATABASE :"name" ALLOW_CONNECTIONS false;' "name=$name" 2>"$errors" || return 1
    ask "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :'name'" "name=$name" \
      2>"$errors" >/dev/null || return 1
    ask 'BEGIN; ALTER DATABASE :"name" RENAME TO :"before"; ALTER DATABASE :"new" RENAME TO :"name"; COMMIT;' \
      "name=$name" "new=$new" "before=$before" 2>"$errors" || return 1
    made='' closed=''
    ask 'ALTER DATABASE :"before" ALLOW_CONNECTIONS true;' "before=$before" 2>"$errors"
  else
    ask 'ALTER DATABASE :"new" RENAME TO :"name";' "name=$name" "new=$new" 2>"$errors" && made=''
  fi
}

# The end of a run that failed: the old database is as it was.
undo() {
  [[ -z ${closed:-} ]] || ask 'ALTER DATABASE :"name" ALLOW_CONNECTIONS true;' "name=$name" 2>/dev/null || true
  [[ -z ${made:-} ]] || ask 'DROP DATABASE IF EXISTS :"new" WITH (FORCE);' "new=$new" 2>/dev/null || true
}

explain() {
  local why
  why=$(grep -m1 -E 'error:|ERROR:|FATAL:' "$errors" || head -n 1 "$errors")
  die "$1; the database $name is as it was. ${why:-}"
}

main "$@"
