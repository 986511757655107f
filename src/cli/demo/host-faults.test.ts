import { beforeEach, expect, test } from '@jest/globals';
import type { ClusterRecord, HostRecord } from '../home.js';
import { HostFaults } from './host-faults.js';

let done: string[];
let living: Set<number>;
let faults: HostFaults;
/** The exit code of a command that fails; undefined: it succeeds. */
let codeOf: (words: string) => number | undefined;
/** Processes that a signal has killed, and that are still on their way out. */
let dying: Set<number>;

function host(n: number): HostRecord {
  const name = `master-${n}`;
  return {
    name,
    role: 'master',
    pid: 100 + n,
    netns: `trireme-0000-m${n}`,
    address: `10.88.0.${n}`,
    containerd: null,
    dataDir: `/home/${name}`,
    logFile: `/home/logs/${name}.log`,
    command: ['master'],
  };
}

function record(hosts: readonly HostRecord[]): ClusterRecord {
  return { hosts, gateway: null, network: null, runtime: 'process' };
}

beforeEach(() => {
  done = [];
  living = new Set([101, 102, 103]);
  dying = new Set();
  codeOf = () => undefined;
  faults = new HostFaults(record([1, 2, 3].map(host)), {
    isAlive: (pid, dataDir) =>
      pid === 900 || (living.has(pid) && dataDir === host(pid - 100).dataDir),
    signal: (pid, name) => {
      done.push(`${name} ${pid}`);
      if (name === 'SIGKILL') dying.add(pid);
    },
    start: ({ name }) => {
      done.push(`start ${name}`);
      living.add(900);
      return 900;
    },
    run: async (...words) => {
      const code = codeOf(words.join(' '));
      if (code !== undefined) throw Object.assign(new Error(`exit code ${code}`), { code });
      done.push(words.join(' '));
    },
    sleep: async () => {
      for (const pid of dying) living.delete(pid);
    },
    save: async ({ hosts }) => void done.push(`save ${hosts.map(({ pid }) => pid).join()}`),
  });
});

const rule = (n: number, action: string, direction: string): string =>
  `nsenter --net=/run/netns/trireme-0000-m${n} iptables -w ${action} ${direction} -m comment --comment trireme-demo -j DROP`;

test('a master that was killed starts again under its new process', async () => {
  faults.kill('master-2');
  await faults.restart('master-2');
  faults.pause('master-2');
  expect(done).toEqual(['SIGKILL 102', 'start master-2', 'save 101,900,103', 'SIGSTOP 900']);
});

test('a master is cut off from each other one in both directions, and from nobody else', async () => {
  await faults.isolate('master-1');
  await faults.heal('master-1');
  const directions = [
    'INPUT -s 10.88.0.2',
    'OUTPUT -d 10.88.0.2',
    'INPUT -s 10.88.0.3',
    'OUTPUT -d 10.88.0.3',
  ];
  expect(done).toEqual([
    ...directions.map((direction) => rule(1, '-A', direction)),
    ...directions.map((direction) => rule(1, '-D', direction)),
  ]);
});

test('all that is in force is taken back, once, also where a part of it fails', async () => {
  faults.kill('master-1');
  faults.pause('master-2');
  await faults.isolate('master-3');
  living.delete(102);
  done = [];
  const failures: unknown[] = [];
  await faults.undo((error) => failures.push(error));
  expect(done.filter((text) => text.includes(' -D '))).toHaveLength(4);
  expect(done.slice(-2)).toEqual(['start master-1', 'save 900,102,103']);
  expect(failures.map(String)).toEqual(['Error: the process 102 of master-2 has ended']);
});

test('a rule that cannot be deleted is told, stays known, and is deleted by the next attempt', async () => {
  await faults.isolate('master-1');
  codeOf = (words) => (words.includes(' -D OUTPUT -d 10.88.0.2 ') ? 4 : undefined);
  const failures: unknown[] = [];
  await faults.undo((error) => failures.push(error));
  expect(failures.map(String)).toEqual(['Error: exit code 4']);
  expect(done.filter((text) => text.includes(' -D '))).toHaveLength(3);
  done = [];
  codeOf = (words) => (words.includes('INPUT') ? 1 : undefined);
  await faults.undo((error) => failures.push(error));
  expect(failures).toHaveLength(1);
  expect(done.filter((text) => text.includes(' -D '))).toEqual([
    rule(1, '-D', 'OUTPUT -d 10.88.0.2'),
    rule(1, '-D', 'OUTPUT -d 10.88.0.3'),
  ]);
  done = [];
  await faults.undo((error) => failures.push(error));
  expect(done).toEqual([]);
});

test('a master that does not end is told, and not started a second time', async () => {
  faults.kill('master-1');
  dying.clear();
  const failures: unknown[] = [];
  await faults.undo((error) => failures.push(error));
  expect(failures.map(String)).toEqual(['Error: the process 101 of master-1 does not end']);
  expect(done).toEqual(['SIGKILL 101']);
});

test('a process that is no master of ours gets no signal', () => {
  living.delete(101);
  expect(() => faults.kill('master-1')).toThrow('the process 101 of master-1 has ended');
  expect(() => faults.pause('worker-1')).toThrow(
    'worker-1 is no master that `up` has started here',
  );
  expect(done).toEqual([]);
});

test('without networks of their own masters cannot be cut off', () => {
  expect(faults.canIsolate).toBe(true);
  const shared = new HostFaults(record([{ ...host(1), netns: null }]), {} as never);
  expect(shared.canIsolate).toBe(false);
});
