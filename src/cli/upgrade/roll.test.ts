/** The order of an upgrade, and its end at a fault, on hosts that are only noted. */
import { expect, test } from '@jest/globals';
import type { ClusterStatus } from '../../gen/cluster.js';
import type { ClusterRecord, HostRecord } from '../home.js';
import { clusterStatus, member } from '../testkit/cluster-status.js';
import type { HostFacts } from './plan.js';
import type { UpgradeStage } from './roll.js';
import { roll } from './roll.js';

const build = {
  program: '/new/bin/trireme',
  version: '2',
  logVersion: 1,
  madeMs: 0,
  flags: { master: [], worker: [] },
};

class FakeStage implements UpgradeStage {
  readonly deeds: string[] = [];
  leader = 'master-1';
  /** What each host runs; undefined: it does not run. */
  readonly runs = new Map<string, string | undefined>(
    ['master-1', 'master-2', 'master-3', 'worker-1'].map((name) => [name, '/old/bin/trireme']),
  );
  /** What is wrong with a host that runs a program. */
  trouble_: (name: string, program: string | undefined) => string | undefined = () => undefined;
  /** Ends at once when it is started. */
  ends: (name: string, program: string) => boolean = () => false;
  silent: readonly string[] = [];
  refusesToLead = false;
  /** Runs what the program was before. */
  isBuiltAnew: (name: string) => boolean = () => false;

  record(): Promise<ClusterRecord> {
    const hosts = [...this.runs].map(([name]) => ({ name, dataDir: name }) as HostRecord);
    return Promise.resolve({ hosts, gateway: null, network: null, runtime: 'hollow' });
  }
  facts({ hosts }: ClusterRecord): readonly HostFacts[] {
    return hosts.map(({ name }) => {
      const program = this.runs.get(name);
      const role = name.startsWith('master') ? 'master' : 'worker';
      const isDone = program === build.program && !this.isBuiltAnew(name);
      return { name, role, isAlive: program !== undefined, program, isDone, command: [] };
    });
  }
  status(): Promise<ClusterStatus> {
    const members = [...this.runs]
      .filter(([name]) => name.startsWith('master'))
      .map(([name, program]) =>
        member(1, {
          name,
          leader: name === this.leader,
          reachable: program !== undefined && !this.silent.includes(name),
        }),
      );
    return Promise.resolve(clusterStatus({ members }));
  }
  transfer(from: string, to: string): Promise<void> {
    if (this.refusesToLead) return Promise.reject(new Error(`${to} leads: not within 120 s`));
    this.deeds.push(`${from} hands over to ${to}`);
    this.leader = to;
    return Promise.resolve();
  }
  stop({ name }: HostRecord): Promise<void> {
    this.deeds.push(`stop ${name}`);
    this.runs.set(name, undefined);
    return Promise.resolve();
  }
  start({ name }: HostRecord, program: string): Promise<void> {
    this.deeds.push(`start ${name} ${program}`);
    this.runs.set(name, this.ends(name, program) ? undefined : program);
    return Promise.resolve();
  }
  trouble(name: string): Promise<string | undefined> {
    return Promise.resolve(this.trouble_(name, this.runs.get(name)));
  }
  lastWords(name: string): Promise<string> {
    return Promise.resolve(`(the log of ${name})`);
  }
  say(): void {
    // Words are not looked at here.
  }
  async until<T>(what: string, holds: () => Promise<T | undefined>): Promise<T> {
    const value = await holds();
    if (value === undefined) throw new Error(`${what}: not yet`);
    return value;
  }
}

const swap = (name: string): string[] => [`stop ${name}`, `start ${name} /new/bin/trireme`];

test('followers first, then the one that leads after it has handed over, then workers', async () => {
  const stage = new FakeStage();
  expect(await roll(stage, build)).toEqual(['master-2', 'master-3', 'master-1', 'worker-1']);
  expect(stage.deeds).toEqual([
    ...swap('master-2'),
    ...swap('master-3'),
    'master-1 hands over to master-2',
    ...swap('master-1'),
    ...swap('worker-1'),
  ]);
});

test('goes on where it ended: what runs the build is left alone, what was stopped is started', async () => {
  const stage = new FakeStage();
  stage.runs.set('master-2', build.program);
  stage.runs.set('master-3', undefined);
  expect(await roll(stage, build)).toEqual(['master-3', 'master-1', 'worker-1']);
  expect(stage.deeds[0]).toBe('start master-3 /new/bin/trireme');
  stage.deeds.length = 0;
  expect(await roll(stage, build)).toEqual([]);
  expect(stage.deeds).toEqual([]);
});

test('a master that others do not do without is not stopped', async () => {
  const stage = new FakeStage();
  stage.silent = ['master-3'];
  await expect(roll(stage, build)).rejects.toThrow(
    'master-2 was not touched: master-3 must answer and catch up first',
  );
  expect(stage.deeds).toEqual([]);
});

test.each([
  ['ends', 'it has ended'],
  ['is not well', 'it is not well (it has not caught up)'],
])(
  'a host that %s with the build gets back what it ran, and no other is touched',
  async (how, why) => {
    const stage = new FakeStage();
    const isBad = (name: string, program: string | undefined): boolean =>
      name === 'master-3' && program === build.program;
    if (how === 'ends') stage.ends = isBad;
    else stage.trouble_ = (...of) => (isBad(...of) ? 'it has not caught up' : undefined);
    await expect(roll(stage, build)).rejects.toThrow(
      `master-3 does not come up with 2: ${why}\n(the log of master-3)\nIt runs what it ran before. Nothing else was touched`,
    );
    expect(stage.deeds.slice(2)).toEqual([
      ...swap('master-3'),
      'stop master-3',
      'start master-3 /old/bin/trireme',
    ]);
    expect([...stage.runs.values()].filter((program) => program === build.program)).toHaveLength(1);
  },
);

test('a host that comes up with neither is told, and one that did not run is left at that', async () => {
  const stage = new FakeStage();
  stage.ends = (name) => name === 'master-2';
  await expect(roll(stage, build)).rejects.toThrow(
    'It does not come up with what it ran before either: it has ended. The others were not touched',
  );
  stage.deeds.length = 0;
  await expect(roll(stage, build)).rejects.toThrow('Mend it and run the same command again');
  expect(stage.deeds).toEqual(['start master-2 /new/bin/trireme']);
});

test('a leadership that nobody takes stops it before the one that leads is touched', async () => {
  const stage = new FakeStage();
  stage.refusesToLead = true;
  await expect(roll(stage, build)).rejects.toThrow(
    'master-1 was not touched: master-2 leads: not within 120 s',
  );
  expect(stage.deeds).toEqual([...swap('master-2'), ...swap('master-3')]);
});

test('where the build took the place of the former one, nothing is put back, and it says so', async () => {
  const stage = new FakeStage();
  for (const name of stage.runs.keys()) stage.runs.set(name, build.program);
  stage.isBuiltAnew = () => true;
  stage.trouble_ = () => 'it has not caught up';
  await expect(roll(stage, build)).rejects.toThrow(
    'What it ran before is gone: /new/bin/trireme was built anew. Nothing else was touched',
  );
  expect(stage.deeds).toEqual(swap('master-2'));
});
