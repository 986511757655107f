/**
 * Power failures under the real SQLite and the real files: a member runs under strace while clients write; then its
 * directory is made anew as a disk may hold it after a power cut at some moment (`lib/power-cut.ts`), and a member must
 * start from it with all that had been acknowledged. POWER_LOSS_CUTS and POWER_LOSS_SEED: more of it by hand.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/lib/clock.js';
import { createGrpcChannel } from '../../src/lib/grpc/index.js';
import type { Channel } from '../../src/lib/grpc/index.js';
import { silentLogger } from '../../src/lib/log.js';
import { Prng } from '../../src/lib/prng.js';
import { KVDefinition, MaintenanceDefinition } from '../../src/gen/etcd/rpc.js';
import { freePorts, hasProgram, waitFor } from './etcd-processes.js';
import { readTrace, strace } from './lib/disk-trace.js';
import type { DiskEvent } from './lib/disk-trace.js';
import { rebuild } from './lib/power-cut.js';
import type { PowerCut } from './lib/power-cut.js';
import { putOf, rangeOf } from '../robustness/requests.js';

const cuts = Number(process.env['POWER_LOSS_CUTS'] ?? 20);
const seed = Number(process.env['POWER_LOSS_SEED'] ?? 1);
const clock = systemClock();
const program = [process.execPath, 'dist/test/cluster/lib/small-log-member.js'];
const clients = 4;
const writesPerClient = 90;
const databaseFiles = /\/snap(\/|$)/;

/** One call of a client. Times as in the trace. */
interface Write {
  readonly key: string;
  /** Undefined: a deletion. */
  readonly value: string | undefined;
  readonly askedUs: number;
  ackedUs: number;
}

class Member {
  readonly child: ChildProcess;
  readonly channel: Channel;
  readonly #log: string;

  constructor(directory: string, ports: readonly number[], before: readonly string[] = []) {
    this.#log = `${directory}.log`;
    const [client, peer] = ports.map((port) => `127.0.0.1:${port}`);
    const [command = '', ...words] = [...before, ...program];
    const log = openSync(this.#log, 'a');
    this.child = spawn(
      command,
      [
        ...words,
        '--name=m0',
        `--data-dir=${directory}`,
        `--listen-client-urls=http://${client}`,
        `--advertise-client-urls=http://${client}`,
        `--listen-peer-urls=http://${peer}`,
        `--initial-advertise-peer-urls=http://${peer}`,
        `--initial-cluster=m0=http://${peer}`,
        '--snapshot-count=40',
      ],
      // Or files would be written where strace does not see it.
      {
        stdio: ['ignore', log, log],
        env: { ...process.env, NODE_OPTIONS: '', UV_USE_IO_URING: '0' },
      },
    );
    closeSync(log);
    this.channel = createGrpcChannel({ target: client ?? '', log: silentLogger });
  }

  async serves(): Promise<void> {
    const kv = this.channel.client(KVDefinition);
    await waitFor('the member answers', () => {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.said.slice(-1_000)}`);
      return kv.range(rangeOf('x'), { deadlineMs: 1_000 }).then(
        () => true,
        () => false,
      );
    });
  }

  get said(): string {
    return readFileSync(this.#log, 'utf8');
  }

  async kill(): Promise<void> {
    this.channel.close();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}

const nowUs = (): number => clock.nowMs() * 1_000;

/** Puts, overwrites, deletes, and asks for compactions. */
async function write(channel: Channel, id: number, writes: Write[]): Promise<void> {
  const kv = channel.client(KVDefinition);
  const prng = new Prng(seed * 100 + id);
  for (let count = 0; count < writesPerClient; count++) {
    const deletes = count % 10 === 9;
    const key = deletes ? `p/${id}.${count - 5}` : `p/${id}.${count % 4 === 0 ? 'hot' : count}`;
    const value = deletes ? undefined : `${count} ${'v'.repeat(prng.between(10, 1_500))}`;
    const one: Write = { key, value, askedUs: nowUs(), ackedUs: Infinity };
    writes.push(one);
    const { header } =
      value === undefined
        ? await kv.deleteRange({ key: Buffer.from(key), rangeEnd: Buffer.alloc(0), prevKv: false })
        : await kv.put(putOf(key, value));
    // The clock of both is cut to a millisecond.
    one.ackedUs = nowUs() + 1_000;
    if (id === 0 && count % 25 === 24)
      await kv.compact({ revision: header?.revision ?? 0, physical: true });
    if (id === 0 && count === 60) await channel.client(MaintenanceDefinition).defragment({});
  }
}

/** @returns what a member that holds this is wrong about, if the cut came then */
function judge(
  held: ReadonlyMap<string, string>,
  writes: readonly Write[],
  atUs: number,
): string[] {
  const problems: string[] = [];
  const asked = writes.filter(({ askedUs }) => askedUs <= atUs);
  for (const key of new Set(asked.map((one) => one.key))) {
    const ofKey = asked.filter((one) => one.key === key);
    const acked = ofKey.findLastIndex(({ ackedUs }) => ackedUs <= atUs);
    // One client writes a key, one call at a time: the last acknowledged value, or one that was asked for since.
    const possible = ofKey.slice(Math.max(0, acked)).map((one) => one.value);
    if (acked < 0) possible.push(undefined);
    if (!possible.includes(held.get(key))) {
      problems.push(
        `${key} is ${held.get(key)?.slice(0, 9)}, not ${possible.map((v) => v?.slice(0, 9)).join(' or ')}`,
      );
    }
  }
  const known = new Set(asked.map((one) => one.key));
  for (const key of held.keys()) if (!known.has(key)) problems.push(`nobody had asked for ${key}`);
  return problems;
}

const canTrace = hasProgram('strace');

(canTrace ? describe : describe.skip)('a member whose machine loses its power', () => {
  const directory = mkdtempSync(join(tmpdir(), 'power-'));
  const root = join(directory, 'traced');
  const writes: Write[] = [];
  let events: DiskEvent[] = [];
  let ports: readonly number[] = [];

  beforeAll(async () => {
    ports = await freePorts(8);
    const prefix = join(directory, 'trace');
    const member = new Member(root, ports.slice(0, 2), strace(prefix));
    try {
      await member.serves();
      await Promise.all(
        Array.from({ length: clients }, (_, id) => write(member.channel, id, writes)),
      );
    } finally {
      await member.kill();
    }
    events = readTrace(prefix, root);
  }, 120_000);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /**
   * Problems of a member that starts from what such a cut leaves.
   * @param at which ports; -1: those of the traced one
   */
  async function after(name: string, cut: PowerCut, at: number): Promise<readonly string[]> {
    const target = join(directory, name);
    rebuild(events, cut, { root, target });
    const member = new Member(target, ports.slice(2 + 2 * at, 4 + 2 * at));
    try {
      await member.serves();
      const kv = member.channel.client(KVDefinition);
      const { kvs } = await kv.range(rangeOf('p/', { rangeEnd: 'p0' }));
      const held = new Map(kvs.map(({ key, value }) => [key.toString(), value.toString()]));
      // And it goes on from there.
      await kv.put(putOf('after', name));
      return judge(held, writes, cut.atUs);
    } catch (error) {
      return [String(error)];
    } finally {
      await member.kill();
      rmSync(target, { recursive: true, force: true });
    }
  }

  /** In the middle of what it does to its files, or just behind. */
  function drawCut(prng: Prng): PowerCut {
    const first = writes[0]?.askedUs ?? 0;
    const { startUs, endUs } = prng.pick(events.filter((event) => event.startUs > first));
    const atUs = prng.pick([startUs, endUs, endUs + 1]);
    return { atUs, unsynced: prng.pick(['lost', 'kept', 'any', 'any']), prng: prng.fork() };
  }

  test('the trace holds what it should: logs given up, checkpoints, a defragmentation', () => {
    const did = (kind: DiskEvent['kind'], path: RegExp): number =>
      events.filter((event) => event.kind === kind && path.test(event.path)).length;
    expect(did('remove', /\/wal\/[0-9a-f]/)).toBeGreaterThan(0);
    expect(did('sync', /\/wal\/[0-9a-f]/)).toBeGreaterThan(50);
    expect(did('sync', /\/snap\/db$/)).toBeGreaterThan(2);
    expect(did('write', /\/snap\/db$/)).toBeGreaterThan(20);
    expect(writes.every(({ ackedUs }) => ackedUs < Infinity)).toBe(true);
  });

  test('what was acknowledged is there, and nothing else', async () => {
    const prng = new Prng(seed);
    const drawn = Array.from({ length: cuts }, (_, number) => ({ number, cut: drawCut(prng) }));
    const found: string[] = [];
    // Two at a time, since most of it is a start.
    await Promise.all(
      [0, 1].map(async (at) => {
        for (const { number, cut } of drawn.filter((one) => one.number % 2 === at)) {
          for (const problem of await after(`cut${number}`, cut, at)) {
            found.push(`cut ${number} at ${cut.atUs}, unsynced ${cut.unsynced}: ${problem}`);
          }
        }
      }),
    );
    expect(found).toEqual([]);
  }, 600_000);

  /** When the most writes were acknowledged since the database's last sync: they are in the log alone. */
  function mostInLog(): number {
    let best = { atUs: 0, count: 0 };
    let since = 0;
    for (const event of events) {
      if (event.kind !== 'sync' || !databaseFiles.test(event.path)) continue;
      const { startUs } = event;
      const count = writes.filter((one) => one.ackedUs > since && one.ackedUs < startUs).length;
      if (count > best.count) best = { atUs: startUs - 1, count };
      since = event.endUs;
    }
    return best.atUs;
  }

  const lastAck = (): number => Math.max(...writes.map(({ ackedUs }) => ackedUs));

  test.each([
    ['log', /\.wal$/, mostInLog, /does not continue the segment before it|\d is undefined, not/],
    ['database', databaseFiles, lastAck, /the raft log .* begins with entry/],
  ])('a disk that lies about syncs of the %s is found out', async (name, lies, moment, says) => {
    const liesAbout = (path: string): boolean => lies.test(path);
    const prng = new Prng(seed);
    const cut: PowerCut = { atUs: moment(), unsynced: 'lost', prng, liesAbout };
    expect((await after(`lying-${name}`, cut, -1)).join('\n')).toMatch(says);
  });
});
