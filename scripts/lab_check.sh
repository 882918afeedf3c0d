#!/usr/bin/env bash
# Tries the production deployment for real: build, start, an SOS over TLS, processes replaced under load, backup, loss, restore.
# Needs a Docker Engine with compose, and openssl. Prints each step with its time; ends at the first that fails, with its log.
#   scripts/lab_check.sh            leaves nothing behind
#   KEEP=1 scripts/lab_check.sh     leaves everything running
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
export CERTS=$work/certs SECRETS=$work/secrets ACME=$work/acme HTTP_PORT=${HTTP_PORT:-8080} HTTPS_PORT=${HTTPS_PORT:-8443}
export LAB_ADMIN_PASSWORD ENV_FILE=$work/env
LAB_ADMIN_PASSWORD=$(openssl rand -hex 12)
log=$work/log
compose() {
  docker compose --project-name mdd-lab --env-file "$work/env" -f docker-compose.prod.yml -f scripts/lab/compose.yml "$@"
}
started=$SECONDS

step() {  # NAME COMMAND…
  local name=$1 began=$SECONDS
  shift
  printf '%-62s' "$name"
  if "$@" >"$log" 2>&1; then
    printf '%4d s\n' $((SECONDS - began))
    grep '^  ' "$log" | tail -n 4 || true
  else
    printf 'FAILED\n'
    tail -n 40 "$log"
    compose ps --all
    compose logs --tail 20 web web2 worker nginx 2>&1 | tail -n 60
    exit 1
  fi
}

clean_up() {
  if [[ ${KEEP:-} ]]; then
    echo "left running: docker compose --project-name mdd-lab …, files in $work"
  else
    compose down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1 || true
    rm -rf "$work"
  fi
}
trap clean_up EXIT

is_here() { docker image inspect "$1" >/dev/null 2>&1; }

# Where an image of the same name is here already and the pinned one is not, it is taken: a machine without the registry.
images() {
  local variable pinned
  while read -r variable pinned; do
    if ! is_here "$pinned" && is_here "${pinned%@*}"; then
      export "$variable=${pinned%@*}"
      echo "  $variable is ${pinned%@*}"
    fi
  done < <(sed -nE 's/.*\$\{([A-Z]+_IMAGE):-(.*@.*)\}$/\1 \2/p; s/^ARG (PYTHON_IMAGE)=/\1 /p' docker-compose.prod.yml Dockerfile)
}

image() {
  docker build ${PYTHON_IMAGE:+--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"} --tag mdd_backend:latest .
}

uid_of() {  # USER SERVICE
  docker run --rm --entrypoint id "$(compose config --images "$2")" -u "$1"
}

secrets() {
  mkdir -p "$CERTS" "$ACME"
  sed 's/sos\.example\.org/nginx/' .env.prod.example |
    grep -vE '^(SECRETS|CERTS|ACME|HTTP_PORT|HTTPS_PORT)=' >"$work/env"
  echo DEVICES_PER_ACCOUNT=10000 >>"$work/env"  # each press is from a watch of its own
  POSTGRES_UID=$(uid_of postgres db) REDIS_UID=$(uid_of redis redis) scripts/make_secrets.sh "$SECRETS"
  chmod 755 "$work"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=nginx -addext subjectAltName=DNS:nginx \
    -keyout "$CERTS/privkey.pem" -out "$CERTS/fullchain.pem"
  chmod 444 "$CERTS"/*
}

admin() {
  compose exec -T -e DJANGO_SUPERUSER_PASSWORD="$LAB_ADMIN_PASSWORD" web python manage.py ensure_admin --phone +998900000001
}

probe() { compose exec -T probe python scripts/lab/probe.py "$@"; }

replace_under_load() {
  local pressing
  probe press 45 >"$work/pressed" 2>&1 &
  pressing=$!
  for web in web web2; do
    compose up -d --no-deps --force-recreate --wait "$web"
  done
  if ! wait "$pressing"; then
    cat "$work/pressed"
    return 1
  fi
  cat "$work/pressed"
}

back_up() {
  compose exec -T backup bash -c 'scripts/backup_pg.sh' | tee "$work/name"
  sed 's/^/  /' "$work/name"
}

as_printed() {
  compose exec -T -e POSTGRES_PASSWORD="$(cat "$SECRETS/postgres_password")" web \
    sh -c "dos2unix /app/scripts/backup_pg.sh && /app/scripts/backup_pg.sh"
}

lose_everything() {
  compose stop web web2 worker sweep beat backup
  compose rm -fsv db
  docker volume rm mdd-lab_postgres_data
  compose up -d --wait db
}

restore() {
  compose run --rm -T --no-deps backup bash -c "gunzip < /backups/$(tail -n 1 "$work/name")" |
    compose exec -T db psql -q -U postgres -d mdd_db
  compose run --rm migrate
  compose up -d web web2 worker sweep beat backup
}

images
step 'the image is built' image
step 'secrets and a certificate are made' secrets
compose build >"$log" 2>&1 || { cat "$log"; exit 1; }
step 'everything starts' compose up -d
step 'the service answers through nginx' probe ready
step 'the first dispatcher is made' admin
step 'an SOS over TLS: stored, shown, rung' probe sos
step 'both web processes are replaced under load' replace_under_load
step 'a backup, as the specification prints it' as_printed
step 'a backup' back_up
step 'the database is lost' lose_everything
step 'the backup is restored' restore
step 'the service answers again' probe ready
step 'the event is there' probe find
step 'and an SOS works at once' probe press 2
printf '%-62s%4d s\n' 'all of it' $((SECONDS - started))
