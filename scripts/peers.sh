#!/usr/bin/env bash
# npm run test:peers: tests with real third-party programs.
#
# On Debian as root it first installs what is not there; no daemon is started by that. Then it runs test/peers with
# vitest. A program that is there and does not work fails the run; nothing is skipped in silence. A program that is not
# there and cannot be installed is named, and the run fails; with PEERS=optional the tests that need it are named and
# left out instead. With --only-install nothing is run; any other arguments go on to vitest.
set -euo pipefail
cd "$(dirname "$0")/.."
# Node 26 comes with the packages, as under npm.
PATH="$PWD/node_modules/.bin:$PATH"

# Package, and the file whose presence means that it is there, however it came.
peers=(
  'postgresql /usr/lib/postgresql/*/bin/initdb'
  'chromium /usr/bin/chromium'
  'apache2-bin /usr/sbin/apache2'
  'libapache2-mod-auth-openidc /usr/lib/apache2/modules/mod_auth_openidc.so'
  'libapache2-mod-auth-mellon /usr/lib/apache2/modules/mod_auth_mellon.so'
  'awscli /usr/bin/aws'
  'python3-boto3 /usr/lib/python3/dist-packages/boto3/__init__.py'
  'xmlsec1 /usr/bin/xmlsec1'
  'libxml2-utils /usr/bin/xmllint'
  'opensaml-schemas /usr/share/xml/opensaml/saml-schema-metadata-2.0.xsd'
  'xmltooling-schemas /usr/share/xml/xmltooling/xmldsig-core-schema.xsd'
  'faketime /usr/bin/faketime'
  'curl /usr/bin/curl'
  'openssh-client /usr/bin/ssh-keygen'
  'nginx /usr/sbin/nginx'
  'caddy /usr/bin/caddy'
)

missing() {
  local peer
  for peer in "${peers[@]}"; do
    compgen -G "${peer#* }" >/dev/null || echo "${peer%% *}"
  done
}

install() {
  local policy=/usr/sbin/policy-rc.d made=
  export DEBIAN_FRONTEND=noninteractive
  # What invoke-rc.d asks before it starts a daemon: 101 forbids it. An answer that is already there stays.
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=1
  fi
  local done=0
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } </dev/null >"$log" 2>&1 || done=$?
  [ -z "$made" ] || rm -f "$policy"
  [ "$done" = 0 ] || tail -n 20 "$log" >&2
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
mapfile -t wanted < <(missing)
if [ "${#wanted[@]}" -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${wanted[*]}"
  install "${wanted[@]}"
fi

mapfile -t left < <(missing)
if [ "${#left[@]}" -gt 0 ]; then
  echo "Missing: ${left[*]}" >&2
  if [ "${PEERS:-}" != optional ]; then
    echo 'On Debian, run this as root to install them; or set PEERS=optional to leave out the tests that need them.' >&2
    exit 1
  fi
fi

[ "${1:-}" != --only-install ] || exit 0
PEERS_MISSING="${left[*]}" vitest run --config vitest.peers.config.ts "$@"
