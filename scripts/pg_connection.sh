# Read by backup_pg.sh and restore_pg.sh: where the database is, told to PostgreSQL's programs by their own variables.
# Nothing of it stands on a command line, where every user of the machine could read the password.

die() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$1" >&2
  exit "${2:-1}"
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || die "the program $program is not installed here"
  done
}

# From DATABASE_URL or the file DATABASE_URL_FILE, else from POSTGRES_HOST, _PORT, _USER, _DB.
# POSTGRES_PASSWORD (or the file POSTGRES_PASSWORD_FILE) wins over the password in the address; with POSTGRES_USER beside
# it, which is whose password it is, over the address's user too.
connect() {
  local url=${DATABASE_URL:-} password=${POSTGRES_PASSWORD:-}
  [[ $url ]] || url=$(_secret "${DATABASE_URL_FILE:-}")
  [[ $password || $url ]] || password=$(_secret "${POSTGRES_PASSWORD_FILE:-}")
  export PGHOST=${POSTGRES_HOST:-db} PGPORT=${POSTGRES_PORT:-5432} PGUSER=${POSTGRES_USER:-postgres}
  export PGDATABASE=${POSTGRES_DB:-mdd_db} PGCONNECT_TIMEOUT=10 PGAPPNAME=mdd_backup
  [[ -z $url ]] || _read_url "$url"
  [[ -z $password ]] || export PGPASSWORD=$password PGUSER=${POSTGRES_USER:-$PGUSER}
}

_secret() {
  [[ -z $1 ]] || tr -d '\r\n' <"$1" || die "cannot read the file $1"
}

# scheme://user:password@host:port/name?option=value, each part percent-encoded
_read_url() {
  local rest=${1#*://} scheme=${1%%://*} credentials='' address name option query=''
  [[ $1 == *://* && $scheme =~ ^(postgres|postgresql|postgis|pgsql)$ ]] \
    || die 'DATABASE_URL: is not a URL like postgres://user:password@host:5432/name'
  [[ $rest == *\?* ]] && query=${rest#*\?} && rest=${rest%%\?*}
  address=${rest%%/*} name=''
  [[ $rest == */* ]] && name=${rest#*/}
  [[ $address == *@* ]] && credentials=${address%@*} && address=${address##*@}
  _set PGUSER "${credentials%%:*}"
  [[ $credentials == *:* ]] && _set PGPASSWORD "${credentials#*:}"
  [[ $address =~ :([0-9]+)$ ]] && _set PGPORT "${BASH_REMATCH[1]}" && address=${address%:*}
  address=${address#[} && _set PGHOST "${address%]}"
  _set PGDATABASE "$name"
  local IFS='&'
  for option in $query; do  # what is not libpq's is Django's
    case ${option%%=*} in
      host | port | user | password | options | sslmode | sslrootcert | sslcert | sslkey)
        _set "PG${option%%=*}" "${option#*=}" ;;
    esac
  done
}

_set() {
  [[ $2 ]] || return 0
  local encoded=${2//\\/\\\\} decoded
  printf -v decoded '%b' "${encoded//%/\\x}"
  export "${1^^}=$decoded"
}

ask() {  # SQL [NAME=VALUE…]: the answer, bare; values as psql's variables
  local sql=$1
  shift
  psql -X -w -q -A -t -v ON_ERROR_STOP=1 "${@/#/-v}" <<<"$sql"
}
