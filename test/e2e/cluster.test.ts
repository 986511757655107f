/**
 * The whole platform, end to end: three masters, two workers with real containers, and the clients that people use. The
 * tests run in order on one cluster.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Cluster, describeUnless, eventually, run, whyNoContainers } from './lib.js';

const describeHere = describeUnless(whyNoContainers());

/** Short silences, so that a dead worker is noticed and its pods move within the test. */
const flags = [
  '--master-arg=--controller-manager-arg=--node-monitor-grace-period=4s',
  '--master-arg=--controller-manager-arg=--node-monitor-period=500ms',
  '--worker-arg=--lease-renew-ms=1000',
];

let cluster: Cluster;

/** Asks until every one of `count` pods has answered; returns who did. */
async function whoAnswers(ask: () => Promise<string>, count: number): Promise<Set<string>> {
  const seen = new Set<string>();
  await eventually('every pod answers', async () => {
    const pod = /from (web-[a-z0-9-]+)/.exec(await ask())?.[1];
    if (pod !== undefined) seen.add(pod);
    return seen.size >= count ? true : undefined;
  });
  return seen;
}

async function curl(host: string, ...parameters: string[]): Promise<string> {
  const result = await cluster.on(host, 'curl', ['-sS', '--max-time', '5', ...parameters]);
  if (result.code !== 0) throw new Error(result.stderr);
  return result.stdout;
}

describeHere('a cluster', () => {
  beforeAll(async () => {
    cluster = await Cluster.create();
    const up = await cluster.up(flags);
    if (up.code !== 0) throw new Error(`up failed: ${up.stderr}`);
  }, 400_000);

  afterAll(async () => {
    await cluster.down();
  }, 150_000);

  test('up again changes nothing', async () => {
    const before = cluster.record().hosts.map((host) => host.pid);
    const again = await cluster.up();
    expect(again).toMatchObject({ code: 0 });
    expect(cluster.record().hosts.map((host) => host.pid)).toEqual(before);
  }, 120_000);

  test('every context of the kubeconfig answers, and nodes are ready', async () => {
    for (const context of ['trireme', 'master-1', 'master-2', 'master-3']) {
      expect(await cluster.get('--context', context, 'get', 'nodes', '-o', 'name')).toBe(
        'node/worker-1\nnode/worker-2',
      );
    }
    await cluster.get('wait', 'node', '--all', '--for=condition=Ready', '--timeout=30s');
  }, 120_000);

  test('etcdctl sees three healthy members and one leader', async () => {
    const health = await cluster.etcdctl(['endpoint', 'health']);
    expect(`${health.stdout}${health.stderr}`.match(/is healthy/g)).toHaveLength(3);
    const status = await cluster.etcdctl(['endpoint', 'status', '-w', 'json']);
    const members = JSON.parse(status.stdout) as {
      Status: { leader: number; header: { member_id: number } };
    }[];
    expect(new Set(members.map((member) => member.Status.leader)).size).toBe(1);
    const list = await cluster.etcdctl(['member', 'list']);
    expect(list.stdout.match(/, started, master-\d/g)).toHaveLength(3);
  });

  test('the example answers through ClusterIP, NodePort and Ingress, from all three pods', async () => {
    const clusterIp = await cluster.get(
      '-n',
      'example',
      'get',
      'service',
      'web',
      '-o',
      'jsonpath={.spec.clusterIP}',
    );
    const { address } = cluster.host('worker-2');
    const ways = [
      () => curl('worker-1', `http://${clusterIp}/`),
      () => curl('master-1', `http://${address}:30080/`),
      () => curl('master-1', '-H', 'Host: web.example.com', `http://${address}/`),
    ];
    for (const way of ways) {
      expect(await way()).toMatch(/^ahoy from web-.*: three banks of oars/);
      expect((await whoAnswers(way, 3)).size).toBe(3);
    }
  }, 120_000);

  test('logs, exec, cp and DNS inside a pod', async () => {
    const pod = await cluster.get(
      '-n',
      'example',
      'get',
      'pod',
      '-l',
      'app=web',
      '-o',
      'jsonpath={.items[0].metadata.name}',
    );
    await eventually('nginx logs its requests', async () => {
      const logs = await cluster.get('-n', 'example', 'logs', pod, '-c', 'nginx', '--tail=5');
      return logs.includes('GET / ') ? true : undefined;
    });
    const shell = await cluster.kubectl(
      ['-n', 'example', 'exec', '-i', 'store-0', '--', 'sh', '-c', 'cat; echo err >&2; exit 7'],
      'typed',
    );
    expect(shell).toMatchObject({ code: 7, stdout: 'typed' });
    expect(shell.stderr).toContain('err');
    const lookup = await cluster.get(
      '-n',
      'example',
      'exec',
      'store-0',
      '--',
      'nslookup',
      'store-1.store.example.svc.cluster.local',
    );
    const address = await cluster.get(
      '-n',
      'example',
      'get',
      'pod',
      'store-1',
      '-o',
      'jsonpath={.status.podIP}',
    );
    expect(lookup).toContain(address);
    const through = await cluster.get(
      '-n',
      'example',
      'exec',
      'store-0',
      '--',
      'wget',
      '-qO-',
      'http://web.example/',
    );
    expect(through).toContain('ahoy from web-');
    const starts = await cluster.get(
      '-n',
      'example',
      'exec',
      'store-0',
      '--',
      'cat',
      '/data/starts',
    );
    expect(starts).toContain('store-0');
  }, 120_000);

  test('a ConfigMap is changed, and the running pods serve the new text', async () => {
    await cluster.get(
      '-n',
      'example',
      'patch',
      'configmap',
      'web',
      '-p',
      '{"data":{"greeting":"hello"}}',
    );
    const { address } = cluster.host('worker-1');
    await eventually(
      'the new greeting',
      async () =>
        (await curl('master-1', `http://${address}:30080/`)).startsWith('hello') ? true : undefined,
      120_000,
    );
  }, 150_000);

  test('kill -9 of the leading master: another leads, nothing is lost, no request fails', async () => {
    const leader = await cluster.leader();
    const watch = cluster.watch();
    const { address } = cluster.host('worker-1');
    const loop = requestLoop(`http://${address}:30080/`);
    try {
      await eventually('the watch shows the leader', () =>
        watch.lines().some((line) => line.includes(`${leader} is leader in term `))
          ? true
          : undefined,
      );
      await cluster.get('-n', 'example', 'rollout', 'restart', 'deployment/web');
      await cluster.get('create', 'configmap', 'before');
      process.kill(cluster.host(leader).pid, 'SIGKILL');
      await eventually('a write goes on', async () =>
        (await cluster.kubectl(['create', 'configmap', 'after'])).code === 0 ? true : undefined,
      );
      expect(await cluster.get('get', 'configmap', 'before', 'after', '-o', 'name')).toBe(
        'configmap/before\nconfigmap/after',
      );
      await eventually('the watch shows another leader', () =>
        watch
          .lines()
          .some((line) => /leader of term \d+/.test(line) && !line.includes(` ${leader} `))
          ? true
          : undefined,
      );
      await rolledOut();
      expect(await cluster.leader()).not.toBe(leader);
    } finally {
      watch.stop();
    }
    const { asked, failures } = await loop.stop();
    expect(asked).toBeGreaterThan(20);
    expect(failures).toEqual([]);
  }, 240_000);

  test('the dead master comes back and catches up', async () => {
    const again = await cluster.up(['--no-example']);
    expect(again.code).toBe(0);
    await eventually('all members have the same revision', async () => {
      const status = await cluster.etcdctl(['endpoint', 'status', '-w', 'json']);
      const members = JSON.parse(status.stdout) as { Status: { raftAppliedIndex: number } }[];
      const applied = members.map((member) => member.Status.raftAppliedIndex);
      return applied.length === 3 && Math.max(...applied) - Math.min(...applied) < 50
        ? true
        : undefined;
    });
  }, 240_000);

  test('kill -9 of a worker: its pods run on the other one', async () => {
    const patch = JSON.stringify({
      spec: {
        template: {
          spec: {
            tolerations: ['not-ready', 'unreachable'].map((name) => ({
              key: `node.kubernetes.io/${name}`,
              operator: 'Exists',
              effect: 'NoExecute',
              tolerationSeconds: 2,
            })),
          },
        },
      },
    });
    await cluster.get('-n', 'example', 'patch', 'deployment', 'web', '-p', patch);
    await rolledOut();
    process.kill(cluster.host('worker-2').pid, 'SIGKILL');
    await eventually(
      'three pods are ready on the other worker',
      async () => {
        const nodes = await cluster.get(
          '-n',
          'example',
          'get',
          'pods',
          '-l',
          'app=web',
          '-o',
          'jsonpath={range .items[?(@.status.phase=="Running")]}{.spec.nodeName}/{.metadata.deletionTimestamp}/{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}',
        );
        return nodes.split('\n').filter((line) => line === 'worker-1//True').length === 3
          ? true
          : undefined;
      },
      150_000,
    );
    const again = await cluster.up(['--no-example']);
    expect(again.code).toBe(0);
  }, 300_000);

  test('down takes everything back', async () => {
    const { home } = cluster;
    const record = cluster.record();
    expect((await cluster.down()).code).toBe(0);
    const namespaces = await run('ip', ['netns', 'list']);
    for (const host of record.hosts) expect(namespaces.stdout).not.toContain(String(host.netns));
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(home);
    expect((await run('ps', ['-eo', 'args', '-ww'])).stdout).not.toContain(`${home}/`);
    expect((await run('ip', ['-o', 'link'])).stdout).not.toContain(record.network?.bridge);
    expect((await run('iptables-save', [])).stdout).not.toContain(
      `trireme ${record.network?.bridge}`,
    );
  }, 150_000);
});

/** A kubectl that watches may lose its master under it: it is asked again. */
async function rolledOut(): Promise<void> {
  await eventually('the deployment has rolled out', async () => {
    const status = await cluster.kubectl(
      '-n example rollout status deployment/web --timeout=15s'.split(' '),
    );
    return status.code === 0 ? true : undefined;
  });
}

/** Sends one request after the other, each on a new connection, and keeps the failures. */
function requestLoop(url: string): { stop(): Promise<{ asked: number; failures: string[] }> } {
  const child = spawn('sh', [
    '-c',
    `while :; do curl -sS --max-time 5 -o /dev/null -w '%{http_code}\\n' ${url} 2>&1 || echo "failed"; done`,
  ]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return {
    stop: async () => {
      const ended = new Promise((resolve) => child.on('close', resolve));
      child.kill('SIGKILL');
      await ended;
      const lines = said.split('\n').filter((line) => line !== '');
      return { asked: lines.length, failures: lines.filter((line) => line !== '200') };
    },
  };
}
