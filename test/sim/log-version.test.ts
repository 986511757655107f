/**
 * Members of two builds in one cluster: upgrades one by one, downgrades, and an entry that an older build does not
 * know.
 */
import { expect, jest, test } from '@jest/globals';
import { EntryFormat, newestLogVersion as newest } from '../../src/etcd/apply/entry-format.js';
import { kindNumberOf } from '../../src/etcd/apply/entry.js';
import { drawStoreOptions } from './store-options.js';
import type { SimProcess } from './store-process.js';
import { StoreWorld } from './store-world.js';

/** Far above what a run takes on a machine that is busy with others. */
jest.setTimeout(1_200_000);

const never = { numerator: 0, denominator: 1 };
/** The number of the first kind that an older build does not know. */
const newKinds = { 1: 23, 2: 24, 3: 25 } as const;
type Older = keyof typeof newKinds;
const newestByAll = [newest, newest, newest].join();

function newWorld(seed: number): StoreWorld {
  const drawn = drawStoreOptions(seed);
  return new StoreWorld({
    ...drawn,
    memberCount: 3,
    heartbeatMs: 100,
    electionMs: 1000,
    preVote: true,
    safetyUs: 20_000_000,
    restartUsMax: 200_000,
    net: { delayMin: 100, delayMax: 2000, loss: never, duplication: never, ordered: true },
    disk: { syncMax: 2000, slow: never, slowMax: 0 },
    // Mends what nothing breaks.
    faults: ['mend'],
    clients: { count: 4, thinkMax: 60_000, keys: 6, compact: never },
  });
}

/** A build without the newest kinds. @param version its log version */
const older = (version: Older = 1): EntryFormat => new EntryFormat(version);

/** Stops a member; the supervisor starts it again, as that build. */
function restartAs(process: SimProcess, build: EntryFormat | undefined): void {
  process.entryFormat = build;
  void process.stop();
}

/** Tells whether the log of a member holds an entry that the older build does not know. */
function hasNewEntry({ storage }: SimProcess, version: Older): boolean {
  if (storage === undefined) return false;
  const entries = storage.entries(storage.firstIndex(), storage.lastIndex() + 1, Infinity);
  if (typeof entries === 'string') return false;
  return entries.some(
    ({ type, data }) =>
      type === 'normal' && data.length > 0 && kindNumberOf(data) >= newKinds[version],
  );
}

const agreed = (world: StoreWorld): (number | undefined)[] =>
  world.processes.map(({ server }) => server?.logVersion.agreed);

test.each([1, 2, 3] as const)(
  'an upgrade from %d, one member after the other: no older member is sent what it does not know',
  async (from) => {
    const world = newWorld(11);
    for (const process of world.processes) process.entryFormat = older(from);
    const seen: string[] = [];
    const note = (): void => {
      const build = world.processes.map(({ server }) => server?.entryFormat.version).join();
      const isNew = world.processes.some((process) => hasNewEntry(process, from));
      seen.push(`${build}: agreed ${agreed(world).join()} new ${isNew}`);
    };
    world.processes.forEach((process, at) => {
      world.queue.add(3_000_000 * (at + 1), () => {
        note();
        restartAs(process, undefined);
      });
    });
    world.queue.add(15_000_000, note);
    await world.run();
    expect(seen).toEqual([
      `${from},${from},${from}: agreed ${from},${from},${from} new false`,
      `${newest},${from},${from}: agreed ${from},${from},${from} new false`,
      `${newest},${newest},${from}: agreed ${from},${from},${from} new false`,
      `${newestByAll}: agreed ${newestByAll} new true`,
    ]);
  },
);

test('a downgrade is refused: the older build says why and serves nothing', async () => {
  const world = newWorld(12);
  const [process] = world.processes;
  if (process === undefined) throw new Error('no member');
  const failures: string[] = [];
  const failed = world.failed.bind(world);
  world.failed = (one, error) => {
    failures.push(`${one.name} ${String(error)}`);
    failed(one, error);
  };
  world.queue.add(5_000_000, () => {
    expect(agreed(world)).toEqual([newest, newest, newest]);
    restartAs(process, older());
  });
  world.queue.add(10_000_000, () => {
    expect(process.server).toBeUndefined();
    process.entryFormat = undefined;
  });
  await world.run();
  const text =
    `the cluster has agreed on log version ${newest}, and this build knows log version 1: ` +
    'a cluster cannot be downgraded; start a newer build';
  expect(new Set(failures)).toEqual(new Set([`m0 BootstrapError: ${text}`]));
});

test('an older build with an empty disk is refused by the others', async () => {
  const world = newWorld(13);
  const [process] = world.processes;
  if (process === undefined) throw new Error('no member');
  const failures = new Set<string>();
  const failed = world.failed.bind(world);
  world.failed = (one, error) => {
    failures.add(`${one.name} ${String(error)}`);
    failed(one, error);
  };
  world.queue.add(5_000_000, () => {
    process.entryFormat = older();
    // The operator removes the member, adds it again and starts it with an empty disk.
    process.end('damaged');
  });
  world.queue.add(12_000_000, () => {
    process.entryFormat = undefined;
  });
  await world.run();
  expect([...failures]).toContain(
    'm0 BootstrapError: the cluster has agreed on a newer log version, and this build knows log version 1: ' +
      'a cluster cannot be downgraded; start a newer build',
  );
});

test('a gate that is open too early stops the older member, and no data differ', async () => {
  const world = newWorld(14);
  const [, , last] = world.processes;
  if (last === undefined) throw new Error('no member');
  last.entryFormat = older();
  const failures: string[] = [];
  const failed = world.failed.bind(world);
  world.failed = (one, error) => {
    if (!(error instanceof Error) || error.name !== 'UnknownEntryKindError') {
      failed(one, error);
      return;
    }
    failures.push(`${one.name} ${error.message}`);
    one.kill(false);
  };
  const force = (): void => {
    const leader = world.leader();
    // The older member may lead: then the mistake is another's, a little later.
    if (leader === undefined || leader === last) {
      world.queue.add(100_000, force);
      const other = world.processes.find((one) => one !== last);
      if (leader === last && other !== undefined) void world.operator.transfer(last, other);
      return;
    }
    void leader.server
      ?.propose('logVersion', Buffer.from(String(newest)), newest)
      .catch(() => undefined);
  };
  world.queue.add(3_000_000, force);
  world.queue.add(8_000_000, () => {
    last.entryFormat = undefined;
  });
  await world.run();
  expect(new Set(failures)).toEqual(
    new Set([
      'm2 a log entry has kind 23, which this build does not know (its log version is 1): ' +
        'the entry was written by a newer build; start that one',
    ]),
  );
  expect(agreed(world)).toEqual([newest, newest, newest]);
});
