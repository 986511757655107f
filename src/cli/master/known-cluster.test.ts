import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import {
  knownClusterFile,
  mustNotKnowCluster,
  readKnownCluster,
  rememberCluster,
} from './known-cluster.js';

let home: string;
let dataDir: string;
let clock: ManualClock;
let masters: { name: string; grpcAddress: string }[];
let stop: AbortController;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'trireme-known-'));
  dataDir = join(home, 'master');
  clock = new ManualClock();
  masters = [{ name: 'm1', grpcAddress: '10.0.0.1:6444' }];
  stop = new AbortController();
});

afterEach(() => {
  stop.abort();
  rmSync(home, { recursive: true });
});

function remember(): Promise<void> {
  return rememberCluster(
    {
      dataDir,
      name: 'm1',
      caHash: 'sha256:abc',
      masters: () => Promise.resolve(masters),
      clock,
      log: silentLogger,
    },
    stop.signal,
  );
}

/** Lets the keeper look again, as often as it takes for `holds`. */
async function lookUntil(holds: () => boolean): Promise<void> {
  while (!holds()) {
    clock.advance(5_000);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

test('a master alone writes nothing down, and may begin anew', async () => {
  const over = remember();
  let looks = 0;
  await lookUntil(() => (looks += 1) > 20);
  stop.abort();
  await over;
  expect(existsSync(knownClusterFile(dataDir))).toBe(false);
  await expect(mustNotKnowCluster(dataDir)).resolves.toBeUndefined();
});

test('a master that others have joined founds no second cluster', async () => {
  masters.push({ name: 'm2', grpcAddress: '10.0.0.2:6444' });
  void remember();
  await lookUntil(() => existsSync(knownClusterFile(dataDir)));
  await expect(mustNotKnowCluster(dataDir)).rejects.toThrow(
    `${dataDir} holds no master, and this machine was one of a cluster with m2 (10.0.0.2:6444). It founds no ` +
      'second cluster.\nTo take its place again: trireme token create --for master (with another master), then ' +
      'start it with\n  --join=10.0.0.2:6444 --token-file=FILE --ca-hash=sha256:abc\n' +
      `To begin a new cluster: rm ${dataDir}.cluster.json`,
  );
});

test('who joins later is written down too; when all others are silent, they stay', async () => {
  masters.push({ name: 'm2', grpcAddress: '10.0.0.2:6444' });
  void remember();
  await lookUntil(() => existsSync(knownClusterFile(dataDir)));
  masters.push({ name: 'm3', grpcAddress: '10.0.0.3:6444' });
  let known = await readKnownCluster(dataDir);
  while (known?.others['m3'] === undefined) {
    clock.advance(5_000);
    known = await readKnownCluster(dataDir);
  }
  masters = masters.slice(0, 1);
  let looks = 0;
  await lookUntil(() => (looks += 1) > 20);
  expect(await readKnownCluster(dataDir)).toEqual({
    caHash: 'sha256:abc',
    others: { m2: '10.0.0.2:6444', m3: '10.0.0.3:6444' },
  });
});

test('a file that cannot be read is no leave to begin anew', async () => {
  writeFileSync(knownClusterFile(dataDir), '{');
  await expect(mustNotKnowCluster(dataDir)).rejects.toThrow(
    'the names of the other masters, cannot be read',
  );
});
