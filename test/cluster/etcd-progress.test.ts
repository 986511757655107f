/**
 * The API server's watch of its store misses nothing while it asks again and again how far it is, on a genuine etcd
 * whose progress notices overtake events (3.4.23 of Debian bookworm) and on ours.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/log.js';
import { EtcdStore } from '../../src/master/apiserver/storage/etcd-store.js';
import { freePorts, hasProgram, MemberProcess, waitFor } from './etcd-processes.js';

const programs = {
  genuine: ['etcd'],
  ours: [process.execPath, 'bin/trireme', 'etcd'],
} as const;
const writers = 16;
const writesEach = 100;

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startStore(program: readonly string[]): Promise<EtcdStore> {
  const directory = mkdtempSync(join(tmpdir(), 'trireme-progress-'));
  ends.push(() => rmSync(directory, { recursive: true, force: true }));
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const member = new MemberProcess({ name: 'm', clientPort, peerPort, directory, program });
  member.start(`m=${member.peerUrl}`);
  ends.push(() => member.stop());
  const options = { log: silentLogger, clock: systemClock() };
  const store = new EtcdStore({ endpoints: [member.clientUrl], ...options });
  ends.push(() => store.close());
  await waitFor('the member answers', () =>
    store.revision().then(
      () => true,
      () => false,
    ),
  );
  return store;
}

describe.each(['genuine', 'ours'] as const)('progress of %s', (whose) => {
  const [program] = programs[whose];
  (hasProgram(program) ? test : test.skip)('no event is missed or late', async () => {
    const store = await startStore(programs[whose]);
    const first = await store.revision();
    let reached = first;
    let isBehind = false;
    const seen: number[] = [];
    const watch = store.watch('/registry/', first + 1, {
      onEvents: (events, revision) => {
        for (const event of events) {
          isBehind ||= event.modRevision <= reached;
          if (event.key.startsWith('/registry/pods/')) seen.push(event.modRevision);
        }
        reached = revision;
      },
      onLost: (error) => {
        throw error;
      },
    });
    ends.push(() => watch.close());
    const written: number[] = [];
    const write = async (writer: number): Promise<void> => {
      for (let at = 0; at < writesEach; at++) {
        const key = `/registry/pods/${String(writer)}-${String(at)}`;
        const result = await store.txn([], [{ type: 'put', key, value: Buffer.from('v') }]);
        written.push(result.revision);
      }
    };
    const writing = Promise.all([...Array(writers).keys()].map(write));
    while (written.length < writers * writesEach) {
      watch.requestProgress();
      await Promise.race([turn(), writing]);
    }
    await writing;
    const last = await store.revision();
    await waitFor('the watch has reached the last revision', () => {
      watch.requestProgress();
      return reached >= last;
    });
    expect(isBehind).toBe(false);
    expect(seen).toEqual(written.sort((a, b) => a - b));
  });
});
