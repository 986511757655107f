import { expect, test } from '@jest/globals';
import type { ClusterRecord, HostRecord } from '../home.js';
import { demoRules, mendDemoLeftovers } from './demo-leftovers.js';

const listing = `-P INPUT ACCEPT
-N KUBE-SERVICES
-A INPUT -s 10.88.0.12/32 -m comment --comment trireme-demo -j DROP
-A INPUT -m comment --comment "not trireme-demo" -j DROP
-A INPUT -s 10.88.0.13/32 -j DROP
-A OUTPUT -d 10.88.0.12/32 -m comment --comment "trireme-demo" -j DROP
`;

test('the rules of a demonstration are found, whatever iptables quotes, and no others', () => {
  expect(demoRules(listing).map((words) => words.join(' '))).toEqual([
    'INPUT -s 10.88.0.12/32 -m comment --comment trireme-demo -j DROP',
    'OUTPUT -d 10.88.0.12/32 -m comment --comment trireme-demo -j DROP',
  ]);
  expect(demoRules('')).toEqual([]);
});

function host(name: string, role: HostRecord['role'], netns: string | null): HostRecord {
  const pid = Number(name.slice(-1)) + 100;
  const dataDir = `/h/${name}`;
  const logFile = `/h/logs/${name}.log`;
  return { name, role, pid, netns, dataDir, logFile, address: '', containerd: null, command: [] };
}

async function mended(
  hosts: readonly HostRecord[],
  iptables: (words: string) => string = () => listing,
): Promise<string[]> {
  const done: string[] = [];
  const record: ClusterRecord = { hosts, gateway: null, network: null, runtime: 'process' };
  await mendDemoLeftovers(record, {
    isAlive: (pid) => pid !== 102,
    signal: (pid, name) => void done.push(`${name} ${pid}`),
    run: async (...words) => {
      const stdout = iptables(words.join(' '));
      if (words.includes('-D')) done.push(words.slice(1).join(' '));
      return { stdout };
    },
  });
  return done;
}

test('each master goes on and is joined again; workers are left alone', async () => {
  const done = await mended([host('master-1', 'master', 'n1'), host('worker-3', 'worker', 'n3')]);
  expect(done).toEqual([
    'SIGCONT 101',
    '--net=/run/netns/n1 iptables -w -D INPUT -s 10.88.0.12/32 -m comment --comment trireme-demo -j DROP',
    '--net=/run/netns/n1 iptables -w -D OUTPUT -d 10.88.0.12/32 -m comment --comment trireme-demo -j DROP',
  ]);
});

test('an ended process gets no signal: its id may be of another one by now', async () => {
  expect(await mended([host('master-2', 'master', null)])).toEqual([]);
});

test('a namespace that is gone, as after a reboot, is no failure', async () => {
  const gone = (): string => {
    throw new Error('nsenter: cannot open /run/netns/n1');
  };
  expect(await mended([host('master-1', 'master', 'n1')], gone)).toEqual(['SIGCONT 101']);
});

test('a rule that cannot be deleted is told: the master would stay cut off', async () => {
  const refusing = (words: string): string => {
    if (words.includes(' -D ')) throw new Error('exit code 4');
    return listing;
  };
  await expect(mended([host('master-1', 'master', 'n1')], refusing)).rejects.toThrow('exit code 4');
});
