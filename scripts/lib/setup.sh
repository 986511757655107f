# Shared by the scripts: installs what is missing and builds. Sourced with the checkout as working directory.
# shellcheck shell=bash

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

# Debian packages that running a cluster with real containers needs, as "command:package".
RUN_PACKAGES=(containerd:containerd runc:runc iptables:iptables ip:iproute2 conntrack:conntrack nsenter:util-linux
  ps:procps curl:curl /bin/busybox:busybox-static /usr/lib/cni/bridge:containernetworking-plugins
  /usr/sbin/nginx:nginx-light)
# What compiling better-sqlite3 needs.
BUILD_PACKAGES=(python3:python3 make:make g++:g++)
# Clients and peers that the tests compare with.
TEST_PACKAGES=(etcdctl:etcd-client etcd:etcd-server dig:dnsutils socat:socat jq:jq faketime:faketime prlimit:util-linux strace:strace)

have() { case $1 in /*) [ -e "$1" ] ;; *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] ;; esac; }

# install_packages "command:package"... : those whose command is missing, when we are root and there is apt.
install_packages() {
  local missing=() entry
  for entry in "$@"; do have "${entry%%:*}" || missing+=("${entry##*:}"); done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "missing and not installed (needs root on Debian or Ubuntu): ${missing[*]}"
    return 0
  fi
  say "installing ${missing[*]}"
  # A package may start a service of its own (nginx, containerd, etcd): it is kept from doing so.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && made=1; fi
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 ||
    { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >&2 || true; }
  [ -z "$made" ] || rm -f $policy
}

# Node 20.19 or newer: the distribution's if it is new enough, else a note on where to get it.
need_node() {
  if command -v node >/dev/null 2>&1 &&
    node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a===20&&b>=19)?0:1)'; then
    return 0
  fi
  install_packages node-missing:nodejs npm-missing:npm
  command -v node >/dev/null 2>&1 &&
    node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a===20&&b>=19)?0:1)' ||
    { say "Node.js 20.19 or newer is needed: https://nodejs.org/en/download"; exit 1; }
}

# Dependencies by the lock file, once per lock file; then the compiler.
build() {
  local stamp=node_modules/.trireme-lock
  if [ ! -e "$stamp" ] || ! cmp -s package-lock.json "$stamp"; then
    install_packages "${BUILD_PACKAGES[@]}"
    say "installing Node dependencies (better-sqlite3 is compiled: about two minutes the first time)"
    # Not `npm ci`: it refuses a lock file that does not list the tools' binaries for every other platform.
    npm install --no-save --no-audit --no-fund --loglevel=error >&2
    # npm 11 and newer leave install scripts to be approved; those we need are listed in package.json.
    [ -e node_modules/better-sqlite3/build/Release/better_sqlite3.node ] || npm rebuild better-sqlite3 --loglevel=error >&2
    node -e 'new (require("better-sqlite3"))(":memory:").close()' ||
      { say "better-sqlite3 did not build"; exit 1; }
    cp package-lock.json "$stamp"
  fi
  say "compiling"
  node_modules/.bin/tsc -p tsconfig.json
  scripts/pack
}

# A kubectl: the machine's own, else Debian's.
need_kubectl() {
  command -v kubectl >/dev/null 2>&1 || install_packages kubectl:kubernetes-client
}
