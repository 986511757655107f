import { describe, expect, test } from '@jest/globals';
import { homeId } from '../home.js';
import type { Layout } from './hosts.js';
import {
  asOnHost,
  imagesDirectory,
  masterPorts,
  planMaster,
  planProxy,
  planWorker,
} from './hosts.js';

const home = '/home/me/.trireme';
const alone: Layout = {
  home,
  masters: 3,
  workers: 2,
  runtime: 'process',
  network: undefined,
  extraArguments: { master: ['--etcd-arg=--x'], worker: ['--max-pods=5'] },
};
const bridged: Layout = {
  ...alone,
  runtime: 'containerd',
  network: { bridge: 'tri0000', prefix: '10.88.0' },
};
const joining = { servers: '10.88.0.11:6444', tokenFile: `${home}/join-token`, caHash: 'sha256:0' };

describe('hosts with networks of their own', () => {
  test('a program runs in the network of its host, and a worker under its name', () => {
    expect(asOnHost(['node', 'x'], null, 'worker-1')).toEqual(['node', 'x']);
    const enter = ['nsenter', '--net=/run/netns/n'];
    expect(asOnHost(['node', 'x'], 'n', undefined)).toEqual([...enter, 'node', 'x']);
    // test/e2e/network/dns.go: pods on the network of their host have the host name of the node.
    const script = '{ echo "$0" >/proc/sys/kernel/hostname; } 2>/dev/null; exec "$@"';
    const named = ['unshare', '--uts', 'sh', '-c', script, 'worker-1'];
    expect(asOnHost(['node', 'x'], 'n', 'worker-1')).toEqual([...enter, ...named, 'node', 'x']);
  });

  test('a master has the usual ports at an address of its own', () => {
    expect(planMaster(bridged, 1, joining)).toEqual({
      name: 'master-2',
      role: 'master',
      netns: `trireme-${homeId(home)}-m2`,
      address: '10.88.0.12',
      containerd: null,
      dataDir: `${home}/master-2`,
      logFile: `${home}/logs/master-2.log`,
      command: [
        'master',
        '--name=master-2',
        `--data-dir=${home}/master-2`,
        '--address=10.88.0.12',
        '--rest-port=6443',
        '--grpc-port=6444',
        '--etcd-client-port=2379',
        '--etcd-peer-port=2380',
        '--scheduler-port=10259',
        '--controller-manager-port=10257',
        '--extra-host=10.88.0.1',
        '--join=10.88.0.11:6444',
        `--token-file=${home}/join-token`,
        '--ca-hash=sha256:0',
        '--etcd-arg=--x',
      ],
    });
  });

  test('the first master joins nobody', () => {
    expect(planMaster(bridged, 0).command.filter((word) => /join|token|hash/.test(word))).toEqual(
      [],
    );
  });

  test('a worker has a containerd of its own', () => {
    const socket = `${home}/worker-1/containerd.sock`;
    expect(planWorker(bridged, 0, joining)).toMatchObject({
      role: 'worker',
      netns: `trireme-${homeId(home)}-w1`,
      address: '10.88.0.101',
      containerd: socket,
      command: [
        'worker',
        '--node-name=worker-1',
        `--data-dir=${home}/worker-1`,
        '--node-ip=10.88.0.101',
        '--runtime=containerd',
        '--containerd-managed',
        `--containerd-socket=${socket}`,
        `--images-dir=${imagesDirectory}`,
        `--device-plugin-dir=${home}/worker-1/device-plugins`,
        '--netproxy-mode=iptables',
        '--eviction-hard=memory.available<100Mi,nodefs.available<512Mi,imagefs.available<512Mi',
        '--join=10.88.0.11:6444',
        `--token-file=${home}/join-token`,
        '--ca-hash=sha256:0',
        '--max-pods=5',
      ],
    });
  });
});

describe("a worker's network", () => {
  test('is a process of its own, with the flags of the worker and no token', () => {
    expect(planProxy(planWorker(bridged, 0, joining))).toEqual({
      command: [
        'netproxy',
        '--node-name=worker-1',
        `--data-dir=${home}/worker-1`,
        '--node-ip=10.88.0.101',
        '--runtime=containerd',
        '--containerd-managed',
        `--containerd-socket=${home}/worker-1/containerd.sock`,
        `--images-dir=${imagesDirectory}`,
        `--device-plugin-dir=${home}/worker-1/device-plugins`,
        '--netproxy-mode=iptables',
        '--eviction-hard=memory.available<100Mi,nodefs.available<512Mi,imagefs.available<512Mi',
        '--max-pods=5',
      ],
      logFile: `${home}/logs/worker-1-netproxy.log`,
    });
  });

  test('is started without the token that a record of an earlier build holds in its flags', () => {
    const worker = planWorker(bridged, 0, joining);
    const before = { ...worker, command: [...worker.command, '--token=abcdef.0123456789abcdef'] };
    expect(planProxy(before)?.command.join(' ')).not.toContain('abcdef');
  });

  test.each(['--proxy-in-process', '--hollow-nodes=5'])(
    'is none of a master, nor of a worker with %s',
    (flag) => {
      expect(planProxy(planMaster(bridged, 0))).toBeUndefined();
      const extraArguments = { master: [], worker: [flag] };
      expect(planProxy(planWorker({ ...bridged, extraArguments }, 0, joining))).toBeUndefined();
    },
  );
});

describe('hosts that share the network of the machine', () => {
  test('masters have ports a thousand apart', () => {
    const names = ['rest', 'grpc', 'etcdClient', 'etcdPeer', 'scheduler', 'controllers'] as const;
    const portsOf = (n: number): number[] => names.map((name) => masterPorts(alone, n)[name]);
    expect([0, 1, 2].map(portsOf)).toEqual([
      [6443, 6444, 2379, 2380, 10_259, 10_257],
      [7443, 7444, 3379, 3380, 11_259, 11_257],
      [8443, 8444, 4379, 4380, 12_259, 12_257],
    ]);
    expect(planMaster(alone, 1)).toMatchObject({ netns: null, address: '127.0.0.1' });
    expect(planMaster(alone, 1).command).not.toContain('--extra-host=10.88.0.1');
  });

  test('no two hosts share a port', () => {
    const ports = [
      ...Array.from({ length: 7 }, (_, n) => planMaster(alone, n)),
      ...Array.from({ length: 60 }, (_, n) => planWorker(alone, n, joining)),
    ].flatMap(({ command }) =>
      command.flatMap((word) => /(?:-port=|-bind-address=[\d.]+:)(\d+)$/.exec(word)?.[1] ?? []),
    );
    expect(ports.length).toBe(7 * 6 + 60 * 6);
    expect(new Set(ports).size).toBe(ports.length);
  });

  test('a worker has no containerd', () => {
    const { command, containerd, netns } = planWorker(alone, 1, joining);
    expect({ containerd, netns }).toEqual({ containerd: null, netns: null });
    expect(command).toContain('--netproxy-mode=userspace');
    expect(command.some((word) => word.startsWith('--containerd'))).toBe(false);
  });
});
