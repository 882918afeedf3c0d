#!/usr/bin/env bash
# make_secrets.sh [FOLDER]: makes the secrets of docker-compose.prod.yml that are not there, and changes none that is.
# Nobody but root and the folder's owner reaches them on this machine. In its container each is readable by one user; run
# by root, the files belong to that user and can be read by nobody else: POSTGRES_UID and REDIS_UID (999 in the official
# images), MDD_UID (10001). An installation whose database_url is the owner's gets a role of its own for the service.
set -euo pipefail
umask 077
folder=${1:-${SECRETS:-secrets}}

main() {
  mkdir -p "$folder"
  chmod 700 "$folder"
  cd "$folder"
  [[ -e owner_database_url || ! -e database_url ]] || mv database_url owner_database_url
  secret postgres_password "$(openssl rand -hex 32)"
  secret owner_database_url "postgres://postgres:$(cat postgres_password)@db:5432/mdd_db"
  secret database_url "postgres://mdd_app:$(openssl rand -hex 32)@db:5432/mdd_db"
  secret backup_database_url "postgres://mdd_backup:$(openssl rand -hex 32)@db:5432/mdd_db"
  secret redis_auth "requirepass $(openssl rand -hex 32)"
  secret redis_url "redis://:$(sed 's/^requirepass //' redis_auth)@redis:6379/0"
  secret django_secret_key "$(openssl rand -base64 48)"
  secret jwt_signing_key "$(openssl rand -base64 48)"
  local empty
  for empty in secret_key_fallbacks jwt_older_keys fcm_service_account eskiz_password; do
    [[ -e $empty ]] || : >"$empty"
  done
  hand_over postgres_password "${POSTGRES_UID:-999}"
  hand_over redis_auth "${REDIS_UID:-999}"
  hand_over owner_database_url database_url backup_database_url redis_url django_secret_key jwt_signing_key \
    secret_key_fallbacks jwt_older_keys fcm_service_account eskiz_password "${MDD_UID:-10001}"
}

secret() {  # NAME VALUE
  [[ -e $1 ]] || printf '%s\n' "$2" >"$1"
}

hand_over() {  # NAME… UID
  if [[ $(id -u) == 0 ]]; then
    chown "${@: -1}" "${@:1:$#-1}"
    chmod 400 "${@:1:$#-1}"
  else
    chmod 444 "${@:1:$#-1}"
  fi
}

main
