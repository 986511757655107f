#!/usr/bin/env bash
# etcdctl 3.4.23 prints ids of members, leases and clusters in JSON as plain numbers of 64 bits, and jq 1.6 reads numbers
# as doubles: the id that a script takes out of `etcdctl lease list -w json` (or `member list`) with jq is nearly always the
# id of nothing, and three leases may have one id. The text output has the ids in hexadecimal, whole.
#
# Seen with Debian bookworm's packages etcd-server and etcd-client 3.4.23 and jq 1.6, unpacked and not installed.
# Ids are random: of 2^64 numbers one in 2,048 or so is a double, so three leases are looked at.
set -euo pipefail
dir=$(mktemp -d)
trap '[ -z "${pid:-}" ] || kill "$pid"; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -q etcd-server etcd-client jq libjq1 libonig5 >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH="$dir/root/usr/lib/$(uname -m)-linux-gnu" ETCDCTL_API=3
PATH="$dir/root/usr/bin:$PATH"
etcd --version | grep -q 'etcd Version: 3.4.23'
[ "$(jq --version)" = jq-1.6 ]

port=$((20000 + RANDOM % 10000))
etcd --data-dir data --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
  --listen-peer-urls "http://127.0.0.1:$((port + 1))" --initial-advertise-peer-urls "http://127.0.0.1:$((port + 1))" \
  --initial-cluster "default=http://127.0.0.1:$((port + 1))" >etcd.log 2>&1 &
pid=$!
for _ in $(seq 100); do etcdctl --endpoints "127.0.0.1:$port" endpoint health >/dev/null 2>&1 && break; sleep 0.1; done
for _ in 1 2 3; do etcdctl --endpoints "127.0.0.1:$port" lease grant 1000 >/dev/null; done

etcdctl --endpoints "127.0.0.1:$port" lease list -w json >leases.json
told=$(grep -oE '"id":[0-9]+' leases.json | cut -d: -f2 | sort)
read=$(jq -r '.leases[].id' leases.json | sort)
echo "ids in the answer:" $told
echo "ids by jq:        " $read
[ "$(comm -12 <(echo "$told") <(echo "$read") | wc -l)" -lt 3 ]
[ "$(grep -c . <<<"$told")" -eq 3 ]
