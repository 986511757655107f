import { afterEach, expect, test } from '@jest/globals';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { decode, encode, streamEncode } from 'dns-packet';
import { createInformerFactory } from '../../client/index.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock, systemClock } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { ServiceWatch } from '../model/service-watch.js';
import { ClusterZone } from './cluster-zone.js';
import { Forwarder } from './forwarder.js';
import { dnsLimits } from './limits.js';
import { Responder } from './responder.js';
import { DnsServer } from './server.js';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A name server over a cluster without objects. */
async function start(options: { clock?: Clock; upstreams?: string[]; synced?: boolean } = {}) {
  const { clock = systemClock(), upstreams = [], synced = true } = options;
  const api = new FakeApi();
  if (!synced) {
    api.watch = () => {
      throw new Error('not now');
    };
  }
  const informers = createInformerFactory({ client: api, clock: systemClock(), log: silentLogger });
  ends.push(() => informers.stop());
  const watch = new ServiceWatch(informers);
  const zone = new ClusterZone(watch, informers, 'cluster.local');
  if (synced) await zone.whenSynced();
  const responder = new Responder(
    zone,
    new Forwarder({ upstreams, clock: systemClock() }),
    () => 0,
  );
  const server = new DnsServer({
    responder,
    address: '127.0.0.1',
    port: 0,
    clock,
    log: silentLogger,
  });
  ends.push(() => server.close());
  return { port: await server.listen(), responder };
}

function query(name: string): Buffer {
  return encode({ type: 'query', id: 1, flags: 0x0100, questions: [{ type: 'A', name }] });
}

async function rcode(responder: Responder, name: string): Promise<string> {
  const answer = await responder.respond(query(name), 'udp');
  return (decode(answer ?? Buffer.alloc(12)) as { rcode?: string }).rcode ?? '';
}

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  ends.push(() => socket.destroy());
  socket.on('error', () => undefined);
  return socket;
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

test('names of the cluster are neither there nor absent while they are not known', async () => {
  expect(
    await rcode((await start({ synced: false })).responder, 'web.default.svc.cluster.local'),
  ).toBe('SERVFAIL');
  expect(await rcode((await start()).responder, 'web.default.svc.cluster.local')).toBe('NXDOMAIN');
});

test('a question over TCP that never ends is ended', async () => {
  const clock = new ManualClock();
  const { port } = await start({ clock });
  const socket = open(port);
  const message = streamEncode({
    type: 'query',
    id: 1,
    questions: [{ type: 'A', name: 'cluster.local' }],
  });
  const answered = new Promise<void>((resolve) => socket.once('data', () => resolve()));
  socket.write(message);
  await answered;
  // A byte of the next one does not buy time.
  clock.advance(dnsLimits.idleMs - 1);
  socket.write(message.subarray(0, 5));
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(1);
  await closed(socket);
});

test('more than a question has is not read', async () => {
  const { port } = await start();
  const socket = open(port);
  socket.write(Buffer.from([0xff, 0xff, 0, 0]));
  await closed(socket);
});

test('one address has a share of the connections', async () => {
  const { port } = await start();
  const sockets = Array.from({ length: dnsLimits.connectionsPerAddress + 1 }, () => open(port));
  await Promise.race(sockets.map(closed));
  expect(sockets.filter((socket) => !socket.destroyed).length).toBeLessThanOrEqual(
    dnsLimits.connectionsPerAddress,
  );
});

test('an answer to another question is none', async () => {
  const upstream = createSocket('udp4');
  ends.push(() => upstream.close());
  await new Promise<void>((resolve) => upstream.bind(0, '127.0.0.1', resolve));
  upstream.on('message', (message, from) => {
    const { id = 0, questions = [] } = decode(message);
    const record = (name: string, data: string) => ({ type: 'A' as const, name, ttl: 60, data });
    const say = (other: object): void => {
      const packet = { type: 'response' as const, id, questions, ...other };
      upstream.send(encode(packet), from.port, from.address);
    };
    say({ id: (id + 1) & 0xffff, answers: [record('web.example', '6.6.6.6')] });
    say({
      questions: [{ type: 'A', name: 'evil.example' }],
      answers: [record('web.example', '6.6.6.6')],
    });
    say({ answers: [record('web.example', '1.2.3.4')] });
  });
  const { port } = upstream.address();
  const { responder } = await start({ upstreams: [`127.0.0.1:${port}`] });
  const answer = decode((await responder.respond(query('web.example'), 'udp')) ?? Buffer.alloc(12));
  expect(answer.answers).toMatchObject([{ data: '1.2.3.4' }]);
});
