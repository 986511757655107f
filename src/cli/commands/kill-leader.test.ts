import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ClusterStatus } from '../../gen/cluster.js';
import { ClusterDefinition } from '../../gen/cluster.js';
import { ManualClock } from '../../lib/clock.js';
import type { ConnectionFlags } from '../connection.js';
import type { CommandContext } from '../context.js';
import type { HostRecord } from '../home.js';
import { clusterStatus, member } from '../testkit/cluster-status.js';
import { FakeCluster } from '../testkit/fake-cluster.js';
import { killLeader as kill, leadingHost } from './kill-leader.js';

let home = '';
let written = '';
let killed: number[] = [];
let flags: ConnectionFlags = {};

function master(n: number, fields: Partial<HostRecord> = {}): HostRecord {
  const name = `master-${n}`;
  return {
    name,
    role: 'master',
    pid: 100 + n,
    netns: null,
    address: `10.0.0.${n}`,
    containerd: null,
    dataDir: join(home, name),
    logFile: join(home, 'logs', `${name}.log`),
    command: ['master', `--name=${name}`, '--etcd-client-port=2379'],
    ...fields,
  };
}

function writeRecord(): void {
  const record = { hosts: [master(1), master(2)], gateway: null, network: null, runtime: 'hollow' };
  writeFileSync(join(home, 'cluster.json'), JSON.stringify(record));
}

function contextFor(status: ClusterStatus): CommandContext {
  const cluster = new FakeCluster();
  cluster.answer(ClusterDefinition, { status: () => Promise.resolve(status) });
  const write = (data: string | Uint8Array): void => void (written += data.toString());
  return {
    clock: new ManualClock(0),
    out: write,
    err: write,
    drained: () => Promise.resolve(),
    input: () => Readable.from([]),
    kube: (given) => Promise.resolve(cluster.kube(given, new ManualClock(0))),
    connect: async (given) => {
      flags = given;
      return cluster.connection({});
    },
  };
}

function killLeader(
  status: ClusterStatus,
  options: { readonly home?: string; readonly kubeconfig?: string; readonly isDry?: boolean },
): Promise<number> {
  return kill({ home: undefined, isDry: false, ...options }, contextFor(status), {
    isAlive: (pid, dataDir) => pid === 102 && dataDir === join(home, 'master-2'),
    kill: (pid) => void killed.push(pid),
  });
}

const secondLeads = clusterStatus({ members: [member(1), member(2, { leader: true })] });

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'trireme-kill-leader-'));
  written = '';
  killed = [];
});
afterEach(() => rmSync(home, { recursive: true }));

describe('kill-leader', () => {
  test('kills the host of the member that leads, and says which', async () => {
    writeRecord();
    expect(await killLeader(secondLeads, { home })).toBe(0);
    expect(killed).toEqual([102]);
    expect(flags.kubeconfig).toBe(join(home, 'kubeconfig'));
    expect(written).toBe(
      `killed master-2, which leads (process 102)\nit starts again by: scripts/up --home ${home}\n`,
    );
  });

  test('a dry run kills nobody', async () => {
    writeRecord();
    expect(await killLeader(secondLeads, { home, isDry: true })).toBe(0);
    expect({ killed, written }).toEqual({
      killed: [],
      written: 'would kill master-2, which leads (process 102)\n',
    });
  });

  test('the home is that of the kubeconfig which other commands would take', async () => {
    writeRecord();
    writeFileSync(join(home, 'kubeconfig'), '');
    expect(await killLeader(secondLeads, { kubeconfig: join(home, 'kubeconfig') })).toBe(0);
    expect(killed).toEqual([102]);
    const other = killLeader(secondLeads, { kubeconfig: '/etc/other.conf' });
    await expect(other).rejects.toThrow('/etc/other.conf is not the kubeconfig of a cluster that');
    expect(killed).toEqual([102]);
  });

  test.each([
    ['nobody leads', clusterStatus({ members: [member(1)] }), 'no master leads at this moment'],
    [
      'the quorum is lost',
      clusterStatus({
        members: [member(1), member(2, { reachable: false }), member(3, { reachable: false })],
      }),
      '2 of 3 masters do not answer (master-2, master-3)',
    ],
    [
      'a machine elsewhere leads',
      clusterStatus({ members: [member(1), member(3, { leader: true })] }),
      'master-3 (https://10.0.0.3:2379) leads, and is no master that `up` started',
    ],
    [
      'one of the same name elsewhere leads',
      clusterStatus({ members: [member(2, { leader: true, clientUrl: 'https://10.9.9.9:2379' })] }),
      'master-2 (https://10.9.9.9:2379) leads, and is no master that `up` started',
    ],
    [
      'its process has ended',
      clusterStatus({ members: [member(1, { leader: true }), member(2)] }),
      'the process 101 of master-1 has ended',
    ],
  ])('refuses: %s', async (_name, status, reason) => {
    writeRecord();
    await expect(killLeader(status, { home })).rejects.toThrow(reason);
    expect(killed).toEqual([]);
  });

  test('refuses where no cluster is kept', async () => {
    await expect(killLeader(secondLeads, { home })).rejects.toThrow(
      `no cluster is kept in ${home}: kill-leader ends masters that \`up\` started`,
    );
  });

  test('a master whose ports are moved is known by them', () => {
    const command = ['master', '--etcd-client-port=3379'];
    const hosts = [master(2, { address: '127.0.0.1', command })];
    const clientUrl = 'https://127.0.0.1:3379';
    const status = clusterStatus({ members: [member(2, { leader: true, clientUrl })] });
    expect(leadingHost(status, { hosts }, home).pid).toBe(102);
  });
});
