/** Both sides of the socket between a node's agent and its netproxy, in a directory with a long name. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { LogThreshold, silentLogger } from '../../lib/log.js';
import type { NetproxyState } from '../../api/facts/node-network.js';
import type { HeldPod, IsolatedPod, NodeIsolation } from '../types.js';
import { IsolationDoor } from './door.js';
import { RemoteIsolation } from './remote.js';

/** Remembers what it was told. */
class Told implements NodeIsolation {
  now: NetproxyState = { state: 'lagging', mode: 'nftables', build: '1.2.3+dev' };
  readonly isolated: string[] = [];
  readonly held = new Map<string, HeldPod>();
  problem: string | undefined;

  async isolate(pod: IsolatedPod): Promise<void> {
    if (this.problem !== undefined) throw new Error(this.problem);
    this.isolated.push(pod.podUid);
    this.held.set(pod.podUid, pod);
  }

  state(): Promise<NetproxyState> {
    return Promise.resolve(this.now);
  }

  adopt(pods: readonly HeldPod[]): void {
    for (const pod of pods) this.held.set(pod.podUid, pod);
  }

  forget(podUid: string): void {
    this.held.delete(podUid);
  }
}

const ends: (() => Promise<unknown>)[] = [];
let directory = '';

beforeEach(async () => {
  const base = await mkdtemp(join(tmpdir(), 'isolation-'));
  ends.push(() => rm(base, { recursive: true }));
  // Longer than the path of a socket may be.
  directory = join(base, 'a'.repeat(60), 'b'.repeat(60));
});

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function netproxy(): Promise<{
  readonly told: Told;
  readonly threshold: LogThreshold;
  readonly close: () => Promise<void>;
}> {
  const told = new Told();
  const threshold = new LogThreshold('warn');
  const door = new IsolationDoor({ directory, log: silentLogger, threshold });
  await door.load();
  await door.open(told);
  ends.push(() => door.close());
  return { told, threshold, close: () => door.close() };
}

function agent(): RemoteIsolation {
  const remote = new RemoteIsolation({ directory, clock: systemClock(), log: silentLogger });
  ends.push(() => remote.stop());
  return remote;
}

const pod = (podUid: string, ip: string): IsolatedPod => ({
  podUid,
  namespace: 'team',
  name: podUid,
  labels: { app: podUid },
  ips: [ip],
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

test('a pod waits for a netproxy that comes later, and is told why it cannot be isolated', async () => {
  const remote = agent();
  const early = remote.isolate(pod('a', '10.0.0.1'));
  const { told } = await netproxy();
  await early;
  expect(told.isolated).toEqual(['a']);
  told.problem = 'pods are not known';
  await expect(remote.isolate(pod('b', '10.0.0.2'))).rejects.toThrow('pods are not known');
});

test('the agent is told how netproxy is; of one that no longer answers, that it is silent', async () => {
  const remote = agent();
  expect(await remote.state()).toEqual({ state: 'starting', mode: '', build: '' });
  const { told, close } = await netproxy();
  expect(await remote.state()).toEqual(told.now);
  await close();
  const { state } = await remote.state();
  expect(state).toBe('silent');
});

test('a netproxy that has not answered for half a minute is silent, not starting', async () => {
  const clock = new ManualClock();
  const remote = new RemoteIsolation({ directory, clock, log: silentLogger });
  ends.push(() => remote.stop());
  clock.advance(29_999);
  expect(await remote.state()).toMatchObject({ state: 'starting' });
  clock.advance(1);
  expect(await remote.state()).toMatchObject({ state: 'silent' });
});

test('a netproxy of an earlier build, which does not tell how it is, runs', async () => {
  await mkdir(directory, { recursive: true });
  const handle = await open(directory);
  const before = createServer((_request, response) => {
    response.writeHead(404).end('{"problem":"not found"}');
  });
  const path = `/proc/self/fd/${handle.fd}/agent.sock`;
  await new Promise<void>((resolve) => before.listen({ path }, resolve));
  ends.push(async () => {
    before.close();
    await handle.close();
  });
  expect(await agent().state()).toEqual({ state: 'running', mode: '', build: '' });
});

test('the next netproxy knows which pods hold addresses, with the labels that the API may not tell yet', async () => {
  const first = await netproxy();
  const remote = agent();
  await remote.isolate(pod('a', '10.0.0.1'));
  await remote.isolate(pod('b', '10.0.0.2'));
  remote.forget('b');
  await until(() => !first.told.held.has('b'));
  await first.close();
  const { told } = await netproxy();
  expect([...told.held.values()]).toEqual([pod('a', '10.0.0.1')]);
  expect(told.isolated).toEqual([]);
});

test('what was told to nobody is told to the next netproxy', async () => {
  const first = await netproxy();
  const remote = agent();
  await remote.isolate(pod('a', '10.0.0.1'));
  await first.close();
  remote.forget('a');
  const { told } = await netproxy();
  expect(told.held.has('a')).toBe(true);
  await until(() => told.held.size === 0);
});

test('an agent that comes back says which pods there still are', async () => {
  const first = await netproxy();
  const before = agent();
  await before.isolate(pod('stays', '10.0.0.1'));
  await before.isolate(pod('goes', '10.0.0.2'));
  await before.stop();
  await first.close();
  const { told } = await netproxy();
  const after = agent();
  await after.isolate(pod('young', '10.0.0.3'));
  const { labels: _unknown, ...stays } = pod('stays', '10.0.0.1');
  after.adopt([stays]);
  await until(() => !told.held.has('goes'));
  expect([...told.held.values()]).toEqual([pod('stays', '10.0.0.1'), pod('young', '10.0.0.3')]);
});

test('an address belongs to the pod that was told of last', async () => {
  const { told } = await netproxy();
  const remote = agent();
  await remote.isolate(pod('before', '10.0.0.1'));
  await remote.isolate(pod('after', '10.0.0.1'));
  expect([...told.held.keys()]).toEqual(['after']);
  expect(await readdir(join(directory, 'held'))).toEqual(['after.json']);
});

test('what an earlier process knew is told before anything can be made of the cluster alone', async () => {
  const first = await netproxy();
  await agent().isolate(pod('a', '10.0.0.1'));
  await first.close();
  const door = new IsolationDoor({
    directory,
    log: silentLogger,
    threshold: new LogThreshold('warn'),
  });
  await door.load();
  const told = new Told();
  const opening = door.open(told);
  expect([...told.held.keys()]).toEqual(['a']);
  await opening;
  await door.close();
});

test('a pod that is connected anew before netproxy has heard of it has the addresses of now', async () => {
  const remote = agent();
  const { labels: _unknown, ...before } = pod('a', '10.0.0.1');
  remote.adopt([before, pod('b', '10.0.0.2')]);
  const isolated = remote.isolate(pod('a', '10.0.0.3'));
  const { told } = await netproxy();
  await isolated;
  await until(() => told.held.has('b'));
  expect(told.held.get('a')?.ips).toEqual(['10.0.0.3']);
});

test('a pod that is asked for again while the first answer is awaited is taken in', async () => {
  const { told } = await netproxy();
  const remote = agent();
  await Promise.all(Array.from({ length: 20 }, () => remote.isolate(pod('a', '10.0.0.1'))));
  expect(told.held.get('a')).toEqual(pod('a', '10.0.0.1'));
  expect(await readdir(join(directory, 'held'))).toEqual(['a.json']);
});

test("the level of the agent's log is netproxy's as well", async () => {
  const { threshold } = await netproxy();
  const remote = agent();
  const own = new LogThreshold('info');
  own.onChange((level) => remote.setLogLevel(level));
  own.set('debug');
  await until(() => threshold.level === 'debug');
  own.set(undefined);
  await until(() => threshold.level === 'warn');
});

test('a damaged record is no pod', async () => {
  await mkdir(join(directory, 'held'), { recursive: true });
  await writeFile(join(directory, 'held', 'x.json'), '{"podUid":"x"');
  await writeFile(join(directory, 'held', 'y.json'), '{"podUid":"../../y","ips":[]}');
  const { told } = await netproxy();
  expect(told.held.size).toBe(0);
});

test.each([
  ['GET', '/isolate', '', 405],
  ['POST', '/__proto__', '{}', 404],
  ['POST', '/isolate', '{', 400],
  ['POST', '/isolate', '{"podUid":"a","namespace":"n","name":"a","ips":"10.0.0.1"}', 400],
  ['POST', '/news', '{"forgotten":[1]}', 400],
  ['POST', '/news', '{"forgotten":[],"logLevel":"loud"}', 400],
  ['POST', '/news', '{"forgotten":[],"adopted":[null]}', 400],
])('%s %s %s is refused', async (method, path, body, status) => {
  const { told } = await netproxy();
  const held = await open(directory);
  const socketPath = `/proc/self/fd/${held.fd}/agent.sock`;
  const answered = await new Promise<number | undefined>((resolve, reject) => {
    const call = request({ socketPath, method, path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on('error', reject);
    call.end(body);
  });
  await held.close();
  expect(answered).toBe(status);
  expect(told.held.size).toBe(0);
});
