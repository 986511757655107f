#!/usr/bin/env bash
# `ctr tasks exec` of containerd 1.6.20 ends with 0 and prints nothing, now and then, for a short command that has
# printed and ended well. ctr reads the command's output from a named pipe which the shim opens for writing only after
# runc has started the command; when the command ends, ctr cancels pipes that it has not managed to open yet, and the
# shim has closed its ends, so what was printed is gone. Some eight commands at a time on a busy machine are enough: of
# 720 `echo hello` 10 came to nothing; of 360 that stay for 0.3 s after they print, none. A caller that opens the pipes
# before it asks for the command (containerd's task service) loses nothing.
#
# Seen with Debian bookworm's packages containerd 1.6.20, runc 1.1.5 and busybox-static 1.35.0, unpacked and not installed.
# The order is a race, so the script gives it 4,000 tries. Needs root.
set -euo pipefail
dir=$(mktemp -d)
socket=$dir/c.sock
export PATH=$dir/root/usr/bin:$dir/root/usr/sbin:$PATH
call() { ctr --address "$socket" "$@"; }
finish() {
  call tasks kill --signal SIGKILL one >/dev/null 2>&1 || true
  for _ in $(seq 50); do call tasks rm --force one >/dev/null 2>&1 && break || sleep 0.1; done
  call containers rm one >/dev/null 2>&1 || true
  [ -z "${pid:-}" ] || kill "$pid"
  wait
  rm -rf "$dir"
}
trap finish EXIT
cd "$dir"
apt-get download -q containerd=1.6.20\* runc=1.1.5\* busybox-static=1:1.35.0\* >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done
ctr --version | grep -q '1\.6\.20'
printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >config.toml
containerd --config config.toml --root "$dir/data" --state "$dir/state" --address "$socket" >log 2>&1 &
pid=$!
for _ in $(seq 100); do call version >/dev/null 2>&1 && break || sleep 0.1; done
mkdir -p rootfs/bin rootfs/proc rootfs/dev rootfs/sys rootfs/tmp
cp root/bin/busybox rootfs/bin/
call run --detach --rootfs "$dir/rootfs" one /bin/busybox sleep 100000

many() {
  local number code text
  for number in $(seq 500); do
    [ ! -e "$dir/lost" ] || return 0
    code=0
    text=$(call tasks exec --exec-id "$1-$number" one /bin/busybox echo hello 2>"$dir/error-$1") || code=$?
    # A loss: it has ended well, nothing was said, and nothing was printed.
    if [ "$code$text" = 0 ] && [ ! -s "$dir/error-$1" ]; then touch "$dir/lost"; fi
  done
}
loops=()
for each in a b c d e f g h; do many "$each" & loops+=($!); done
wait "${loops[@]}"
if [ ! -e "$dir/lost" ]; then
  echo 'every command has printed what it should: this has changed' >&2
  exit 1
fi
echo 'a command ended with 0, and what it printed was lost'
