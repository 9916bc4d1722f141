#!/usr/bin/env bash
# Runs a command with a PostgreSQL server of its own: scripts/with-postgres.sh npm test
# The server listens on loopback with a free port, lives in a new folder, and ends with the command. TEST_DATABASE_URL
# is the superuser's URL. Needs Debian's postgresql package (13 or newer); as root it runs as the user postgres.
set -euo pipefail

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
[ -n "$bin" ] || { echo 'PostgreSQL is not installed: apt-get install postgresql' >&2; exit 1; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
[ "$(id -u)" = 0 ] && chown postgres "$folder"
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')

as "$bin/initdb" -D "$folder/db" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$folder/initdb.log"
as "$bin/pg_ctl" -D "$folder/db" -w -l "$folder/log" -o "-p $port -k $folder -c listen_addresses=127.0.0.1 -c max_connections=200" start >/dev/null
trap 'as "$bin/pg_ctl" -D "$folder/db" -m fast stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
TEST_DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres" "$@"
