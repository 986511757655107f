/**
 * Random and changed bytes at every port of the product, before and inside TLS: afterwards the process is the same one,
 * answers a good request, and holds no descriptor and no memory more than its bounds.
 *
 *     FUZZ_SEED=7 FUZZ_RUNS=100000 NODE_OPTIONS=--experimental-vm-modules npx jest dist/test/security/protocol-fuzz   # hours, by hand
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { TLSSocket } from 'node:tls';
import { delay, systemClock } from '../../src/lib/clock.js';
import { Prng } from '../../src/lib/prng.js';
import { canRun } from '../cluster/apiserver-harness.js';
import { waitFor } from '../cluster/etcd-processes.js';
import { conversation } from './protocol-fuzz.js';
import { connect, exchange, heldBy, startTargets } from './targets.js';
import type { Target, Targets } from './targets.js';

const seed = Number(process.env['FUZZ_SEED'] ?? 1);
const runs = Number(process.env['FUZZ_RUNS'] ?? 60);
const atOnce = 20;
/**
 * The most that a process may have grown by afterwards: by garbage that is not collected yet, and by code that was not
 * compiled before.
 */
const growthBytes = 200 * 1024 * 1024;
const clock = systemClock({ unref: true });
const names = [
  'API server',
  'API server gRPC',
  'store',
  'store peers',
  'agent',
  'ingress',
  'ingress TLS',
  'DNS over TCP',
  'DNS over UDP',
];
let targets: Targets | undefined;

beforeAll(async () => {
  if (canRun) targets = await startTargets();
}, 60_000);

afterAll(async () => {
  await targets?.stop();
});

/** Runs a client that sends its bytes in pieces, and leaves, in order or not. */
async function talk(target: Target, secure: boolean, prng: Prng): Promise<void> {
  const bytes = conversation(prng);
  const pieces = 1 + prng.below(4);
  const leaves = prng.below(3);
  const options = prng.below(2) === 0 ? { ALPNProtocols: ['h2'] } : {};
  const socket = await connect(target.port, secure ? options : undefined).catch(() => undefined);
  if (socket === undefined) return;
  for (let at = 0; at < pieces && !socket.destroyed; at++) {
    const from = Math.floor((bytes.length * at) / pieces);
    socket.write(bytes.subarray(from, Math.floor((bytes.length * (at + 1)) / pieces)));
    await delay(clock, 1);
  }
  // Node resets no connection with TLS: it throws a TypeError that says something else.
  if (leaves === 0 && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
  else if (leaves === 1) {
    socket.resume();
    socket.end();
    await delay(clock, 5);
  }
  socket.destroy();
}

async function say(target: Target, prng: Prng): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    socket.send(conversation(prng).subarray(0, 1400), target.port, '127.0.0.1', () => resolve());
  });
  socket.close();
}

/** An upgrade in one write with a request before it, whose answer may be outstanding. */
const pipelined = [
  'GET /version HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /api/v1/namespaces/a/pods/b/exec?command=c&stdin=1 HTTP/1.1\r\nHost: a\r\n',
  'Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
].join('');

(canRun ? describe : describe.skip)('one write', () => {
  test.each(['API server', 'store', 'ingress', 'ingress TLS'])(
    'an upgrade behind a request does not end the %s',
    async (name) => {
      const target = targets?.all.find((one) => one.name === name);
      if (target === undefined) throw new Error(`no ${name}`);
      for (let count = 0; count < 10; count++) {
        const options = target.protocol === 'tls' ? {} : undefined;
        await exchange(target.port, options, pipelined, 'HTTP/1.1 ');
      }
      await target.probe();
    },
  );
});

(canRun ? describe : describe.skip)('bytes that mean nothing', () => {
  test.each(names)(
    '%s lives and holds nothing',
    async (name) => {
      const target = targets?.all.find((one) => one.name === name);
      if (target === undefined) throw new Error(`no ${name}`);
      const prng = new Prng(seed);
      await target.probe();
      const before = heldBy(target.pid);
      const ways = target.protocol === 'tls' ? [false, true] : [false];
      for (let run = 0; run < runs; run += atOnce) {
        const clients = Array.from({ length: atOnce }, () => prng.fork());
        await Promise.all(
          ways.flatMap((secure) =>
            clients.map((own) =>
              target.protocol === 'udp' ? say(target, own) : talk(target, secure, own.fork()),
            ),
          ),
        );
      }
      await target.probe();
      await waitFor(
        `${name} has let go, seed ${seed}`,
        () => heldBy(target.pid).descriptors <= before.descriptors + 2,
      );
      expect(heldBy(target.pid).residentBytes - before.residentBytes).toBeLessThan(growthBytes);
    },
    600_000,
  );
});
