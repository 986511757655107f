# Shared by the scripts: installs what is missing and builds. Sourced with the checkout as working directory.
# shellcheck shell=bash

# show_help FILE words...: prints the file and ends if one of the words asks for help. Nothing is installed or built for that.
show_help() {
  local file=$1 word
  shift
  for word in "$@"; do
    case $word in -h | --help) cat "$file"; exit ;; --) return ;; esac
  done
}

# as_named PATH: a path that the user has named, from the checkout: the scripts go there first, and a relative one is meant from
# where they were called.
as_named() {
  case $1 in
    /*) printf '%s' "$1" ;;
    *) if [ -e "${OLDPWD:-$PWD}/$1" ]; then printf '%s' "${OLDPWD:-$PWD}/$1"; else printf '%s' "$PWD/$1"; fi ;;
  esac
}

if [ -t 2 ]; then say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }; else say() { printf '==> %s\n' "$*" >&2; }; fi
die() { say "$*"; exit 1; }

. scripts/lib/node.sh
. scripts/lib/kubectl.sh

# Debian packages that running a cluster with real containers needs, as "command:package".
RUN_PACKAGES=(containerd:containerd runc:runc iptables:iptables nft:nftables ip:iproute2 conntrack:conntrack
  nsenter:util-linux ps:procps curl:curl /bin/busybox:busybox-static /usr/lib/cni/bridge:containernetworking-plugins
  /usr/sbin/nginx:nginx-light)
# What compiling better-sqlite3 needs.
BUILD_PACKAGES=(python3:python3 make:make g++:g++)
# Clients and peers that the tests compare with.
TEST_PACKAGES=(etcdctl:etcd-client etcd:etcd-server dig:dnsutils socat:socat jq:jq faketime:faketime prlimit:util-linux
  strace:strace /usr/sbin/debootstrap:debootstrap prometheus:prometheus
  /usr/lib/python3/dist-packages/kubernetes:python3-kubernetes /usr/share/doc/ruby-kubeclient:ruby-kubeclient)

have() { case $1 in /*) [ -e "$1" ] ;; *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] ;; esac; }

is_root_on_debian() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; }

# The lists of what the distribution offers, once in a run.
refresh_lists() {
  [ -z "${lists_are_fresh:-}" ] || return 0
  apt_get update -qq >/dev/null 2>&1 || apt_get update >&2 || true
  lists_are_fresh=1
}

# apt_get WORDS...: one of our runs after the other, and after others' installations: apt itself would fail at once. Half an hour at
# most. apt waits for the lock of packages, not for that of the lists.
apt_get() {
  if command -v flock >/dev/null 2>&1 && [ -w "${lock_folder:=/run}" ]; then
    flock -w 1800 "$lock_folder/trireme-apt.lock" apt-get -o DPkg::Lock::Timeout=1800 "$@"
  else
    apt-get -o DPkg::Lock::Timeout=1800 "$@"
  fi
}

# is_offered PACKAGE PATTERN: does the distribution have it, in a version that begins so, and may we install it?
is_offered() {
  is_root_on_debian || return 1
  refresh_lists
  apt-cache policy "$1" 2>/dev/null | grep -Eq "Candidate: *([0-9]+:)?($2)"
}

# install_packages "command:package"... : those whose command is missing, when we are root and there is apt.
install_packages() {
  local missing=() entry
  for entry in "$@"; do have "${entry%%:*}" || missing+=("${entry##*:}"); done
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! is_root_on_debian; then
    say "missing and not installed (needs root on Debian or Ubuntu): ${missing[*]}"
    return 0
  fi
  say "installing ${missing[*]}"
  # A package may start a service of its own (nginx, containerd, etcd): it is kept from doing so.
  # The subshell takes that back however it ends: left behind, it would keep every later package from starting its own.
  local policy=/usr/sbin/policy-rc.d
  refresh_lists
  (
    if [ ! -e $policy ]; then
      trap 'rm -f $policy' EXIT
      printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt_get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
      apt_get install -y --no-install-recommends "${missing[@]}" >&2
  ) || true
}

# Dependencies by the lock file, once per lock file and interface of Node.js; then the compiler, unless nothing has changed.
build() {
  local lock=node_modules/.trireme-lock stamp=dist/.built native='' code=0
  node_libraries="$(sha256sum <package-lock.json) $("$node" -p process.versions.modules)"
  if [ "$(cat "$lock" 2>/dev/null)" != "$node_libraries" ]; then
    install_libraries
    # Beside our own compiler, which does not need it: g++ keeps one core busy for a minute and more.
    compile_sqlite & native=$!
  fi
  if is_built "$stamp"; then
    wait_for_native || exit
    return
  fi
  say "compiling"
  mkdir -p dist
  # Its time is that of the beginning: what is edited meanwhile is newer.
  build_of >"$stamp.new"
  # Without its output the compiler would still go by what it remembers, and write only what has changed.
  [ -e dist/src/cli/main.js ] && [ -e dist/test/run.js ] || rm -f dist/.tsbuildinfo
  node_modules/.bin/tsc -p tsconfig.json || code=$?
  wait_for_native || exit
  [ $code -eq 0 ] || exit $code
  scripts/pack
  mv "$stamp.new" "$stamp"
}

# Of build: the libraries are complete once what runs beside it has ended well.
wait_for_native() {
  [ -n "$native" ] || return 0
  wait "$native" && echo "$node_libraries" >"$lock"
}

# What a build is made of beside the files whose times tell: libraries, Node.js, and the commit that it names.
build_of() { echo "$node_libraries $(git rev-parse HEAD 2>/dev/null || true)"; }

# is_built STAMP: is what was built last there, and nothing that it was made of newer? A file that went makes its folder newer.
is_built() {
  [ -e dist/src/cli/main.js ] && [ -e dist/test/run.js ] && [ dist/current/packed.json -nt dist/.tsbuildinfo ] &&
    [ -e "$1" ] && [ "$(cat "$1")" = "$(build_of)" ] &&
    [ -z "$(find src test bench scripts/pack scripts/lib tsconfig.json package.json -newer "$1" -print -quit)" ]
}

install_libraries() {
  install_packages "${BUILD_PACKAGES[@]}"
  say "installing Node dependencies (better-sqlite3 is compiled: about two minutes the first time)"
  # Not `npm ci`: it refuses a lock file that does not list the tools' binaries for every other platform. Of the scripts of packages
  # we need that of better-sqlite3 alone, for which npm would wait: compile_sqlite runs it.
  npm install --no-save --no-audit --no-fund --ignore-scripts --loglevel=error >&2
}

# What is there and works stays. What was compiled for another Node.js does not load.
compile_sqlite() {
  sqlite_works || npm rebuild better-sqlite3 --loglevel=error >&2
  sqlite_works || die "better-sqlite3 did not build"
}

sqlite_works() { node -e 'new (require("better-sqlite3"))(":memory:").close()' 2>/dev/null; }
