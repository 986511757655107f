#!/usr/bin/env bash
# The answer of etcd 3.4.23 to a watch's progress request (WatchProgressRequest) overtakes events: it carries the store's
# revision of now and does not wait for events up to that revision which stand in the stream's queue. A client that
# takes the notice for "all up to here has been delivered", and therefore skips later events at or below it as
# repetitions, loses changes. With 16 writers and a client that keeps asking, some dozens of 3,000 events come late.
# 3.5.16 (Debian trixie) has the order right; upstream mended it in 3.4.25 and 3.5.8.
#
# Seen with Debian bookworm's package etcd-server 3.4.23, unpacked and not installed, and the npm packages
# @grpc/grpc-js 1.14.3, @grpc/proto-loader 0.8.0 and etcd3 1.1.2 (for etcd's .proto files only). The order is a race, so
# the script gives it twenty tries of 3,000 events.
set -euo pipefail
dir=$(mktemp -d)
trap '[ -z "${pid:-}" ] || kill "$pid"; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -q etcd-server=3.4.23\* >/dev/null 2>&1
dpkg -x ./etcd-server*.deb root
root/usr/bin/etcd --version | grep -q 'etcd Version: 3.4.23'
npm install --silent --no-audit --no-fund @grpc/grpc-js@1.14.3 @grpc/proto-loader@0.8.0 etcd3@1.1.2 >/dev/null

cat >client.mjs <<'JS'
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const protos = new URL('node_modules/etcd3/proto', import.meta.url).pathname;
const options = { includeDirs: [protos], longs: Number, keepCase: true, defaults: true };
const { etcdserverpb } = grpc.loadPackageDefinition(loader.loadSync(`${protos}/rpc.proto`, options));
const credentials = grpc.credentials.createInsecure();
const kv = new etcdserverpb.KV(process.argv[2], credentials);
const stream = new etcdserverpb.Watch(process.argv[2], credentials).watch();

let events = 0;
let late = 0;
let told = 0;
let isAsking = true;
let begin;
const began = new Promise((resolve) => (begin = resolve));
stream.on('data', (answer) => {
  if (answer.created) begin();
  else if (answer.events.length === 0) told = Math.max(told, answer.header.revision);
  for (const event of answer.events) {
    events += 1;
    if (event.kv.mod_revision <= told) late += 1;
    if (events === 3000) {
      console.log(`${events} events, ${late} after a notice that spoke of them`);
      process.exit(late > 0 ? 0 : 2);
    }
  }
});
stream.write({ create_request: { key: Buffer.from('k'), range_end: Buffer.from('l') } });
await began;

let next = 0;
async function write() {
  while (next < 3000) {
    next += 1;
    const request = { key: Buffer.from(`k${next}`), value: Buffer.from('v') };
    await new Promise((resolve, reject) => kv.put(request, (error) => (error ? reject(error) : resolve())));
  }
}
async function ask() {
  while (isAsking) {
    stream.write({ progress_request: {} });
    await new Promise((resolve) => setImmediate(resolve));
  }
}
void ask();
await Promise.all(Array.from({ length: 16 }, write));
isAsking = false;
JS

port=$((20000 + RANDOM % 10000))
root/usr/bin/etcd --data-dir data --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
  --listen-peer-urls "http://127.0.0.1:$((port + 1))" --initial-advertise-peer-urls "http://127.0.0.1:$((port + 1))" \
  --initial-cluster "default=http://127.0.0.1:$((port + 1))" >etcd.log 2>&1 &
pid=$!
for _ in $(seq 100); do curl -fs "http://127.0.0.1:$port/health" >/dev/null && break; sleep 0.1; done
for _ in $(seq 20); do
  if node client.mjs "127.0.0.1:$port"; then exit 0; fi
done
echo "no event came late" >&2
exit 1
