/**
 * A node's network in namespaces with real traffic: two pods behind a service, reached through ClusterIP, NodePort, DNS
 * and Ingress from inside the node's namespace; in each of the modes with rules in the kernel. Needs root; skipped
 * without.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, fork, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasProgram } from './etcd-processes.js';

const root = process.getuid?.() === 0;
const host = `np-h${process.pid}`;
const pods = ['a', 'b'].map((name) => `np-${name}${process.pid}`);
let children: ChildProcess[] = [];
const modes = ['iptables', 'nftables'] as const;
const possible = modes.filter((mode) => root && (mode === 'iptables' || hasProgram('nft')));

function inside(netns: string, ...command: string[]): string {
  return execFileSync('nsenter', [`--net=/run/netns/${netns}`, ...command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
}

/** The same, "" when the command fails. */
function attempt(netns: string, ...command: string[]): string {
  try {
    return inside(netns, ...command);
  } catch {
    return '';
  }
}

async function eventually(what: string, condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Started {
  readonly ips: readonly string[];
}

let node: ChildProcess;

function ask<T>(message: object): Promise<T> {
  return new Promise((resolve, reject) => {
    node.once('message', (answer: { error?: string; value: T }) => {
      if (answer.error === undefined) resolve(answer.value);
      else reject(new Error(answer.error));
    });
    node.send(message);
  });
}

(possible.length > 0 ? describe : describe.skip).each(possible)('a node network by %s', (mode) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'netproxy-'));
  let ips: readonly string[] = [];

  beforeAll(async () => {
    for (const name of [host, ...pods]) execFileSync('ip', ['netns', 'add', name]);
    inside(host, 'ip', 'link', 'set', 'lo', 'up');
    inside(host, 'ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1');
    inside(host, 'ip', 'addr', 'add', '192.168.97.2/24', 'dev', 'up0');
    inside(host, 'ip', 'link', 'set', 'up0', 'up');
    inside(host, 'ip', 'link', 'set', 'up1', 'up');
    inside(host, 'ip', 'route', 'add', 'default', 'dev', 'up0');
    node = fork('dist/test/cluster/netproxy-node.js', [dataDir, mode], {
      execPath: '/usr/bin/nsenter',
      execArgv: [`--net=/run/netns/${host}`, process.execPath],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    children.push(node);
    const started = await ask<Started>({
      start: pods.map((name) => ({ name, netnsPath: `/run/netns/${name}` })),
    });
    ips = started.ips;
    for (const name of pods) {
      const server = `require('http').createServer((q,s)=>s.end('${name}\\n')).listen(8080)`;
      const enter = [`--net=/run/netns/${name}`, process.execPath, '-e', server];
      const child = fork('-', [], { execPath: '/usr/bin/nsenter', execArgv: enter, silent: true });
      children.push(child);
      await eventually('pod listens', () => attempt(name, 'curl', '-s', 'localhost:8080') !== '');
    }
  }, 60_000);

  afterAll(async () => {
    if (node?.connected) await ask({ stop: true }).catch(() => undefined);
    for (const child of children) child.kill('SIGKILL');
    children = [];
    for (const name of [host, ...pods]) execFileSync('ip', ['netns', 'del', name]);
    rmSync(dataDir, { recursive: true, force: true });
  }, 30_000);

  const turns = 40;
  const separator = '|';

  /** The exit code of curl when nobody listens: it was told so, and has not waited. */
  const refused = 7;

  function curlExit(from: string, url: string): number {
    const enter = [`--net=/run/netns/${from}`, 'curl', '-s', '-m5', url];
    return spawnSync('nsenter', enter).status ?? -1;
  }

  /** What forty requests are answered, "" where one fails: by one program, on a connection for each. */
  function reached(from: string, ...curl: string[]): Set<string> {
    const url = curl.at(-1) ?? '';
    const each = ['-H', 'Connection: close', '--write-out', separator];
    const urls = Array.from({ length: turns - 1 }, () => url);
    const enter = [`--net=/run/netns/${from}`, 'curl', '-sS', '--max-time', '3', ...each, ...curl];
    const { stdout } = spawnSync('nsenter', [...enter, ...urls], { encoding: 'utf8' });
    const answers = stdout.split(separator);
    expect(answers).toHaveLength(turns + 1);
    return new Set(answers.slice(0, turns).map((answer) => answer.trim()));
  }

  test('pods have addresses of the node CIDR', () => {
    expect(ips).toHaveLength(2);
    for (const ip of ips) expect(ip).toMatch(/^10\.244\.7\./);
  });

  test('pods have no address by which they would pass policies by', () => {
    for (const name of pods) {
      expect(inside(name, 'ip', '-6', 'addr', 'show', 'dev', 'eth0').trim()).toBe('');
      expect(inside(name, 'ip', '-6', 'addr', 'show', 'dev', 'lo')).toContain('::1');
    }
  });

  test('every pod is reached through ClusterIP from the node and from a pod', () => {
    expect(reached(host, 'http://10.96.5.5')).toEqual(new Set(pods));
    expect(reached(pods[0]!, 'http://10.96.5.5')).toEqual(new Set(pods));
  });

  test('through the NodePort', () => {
    expect(reached(host, 'http://192.168.97.2:30080')).toEqual(new Set(pods));
    // kube-proxy serves them on loopback by iptables alone, which takes a setting that others must be kept out of.
    const onLoopback = mode === 'iptables' ? pods : [''];
    expect(reached(host, 'http://127.0.0.1:30080')).toEqual(new Set(onLoopback));
  });

  test('through the Ingress, by host, over HTTP and TLS', () => {
    expect(reached(host, '-H', 'Host: web.test', 'http://192.168.97.2/')).toEqual(new Set(pods));
    const https = ['-k', '--resolve', 'web.test:443:192.168.97.2', 'https://web.test/'];
    expect(reached(host, ...https)).toEqual(new Set(pods));
    expect(attempt(host, 'curl', '-s', 'http://192.168.97.2/')).toContain('404');
  });

  test('names: service, headless, SRV, PTR, absent', () => {
    const dig = (...args: string[]): string => attempt(pods[1]!, 'dig', '@10.96.0.10', ...args);
    expect(dig('+short', 'web.default.svc.cluster.local').trim()).toBe('10.96.5.5');
    expect(dig('+short', 'headless.default.svc.cluster.local').trim().split('\n').sort()).toEqual(
      [...ips].sort(),
    );
    expect(dig('+short', 'a.headless.default.svc.cluster.local').trim()).toBe(ips[0]);
    expect(dig('+short', 'SRV', '_http._tcp.web.default.svc.cluster.local').trim()).toBe(
      '0 100 80 web.default.svc.cluster.local.',
    );
    expect(dig('+short', '-x', '10.96.5.5').trim()).toBe('web.default.svc.cluster.local.');
    expect(dig('nothing.default.svc.cluster.local')).toContain('NXDOMAIN');
    expect(dig('AAAA', 'web.default.svc.cluster.local')).toMatch(/NOERROR[\s\S]*SOA/);
    expect(dig('+tcp', '+short', 'web.default.svc.cluster.local').trim()).toBe('10.96.5.5');
  });

  test('a client with affinity stays with its endpoint', () => {
    expect(reached(host, 'http://10.96.5.7').size).toBe(1);
    const [first] = reached(pods[0]!, 'http://10.96.5.7');
    expect(pods).toContain(first);
  });

  test('an external address serves everybody, a load balancer the ranges that it names', () => {
    for (const from of [host, ...pods]) {
      expect(reached(from, 'http://203.0.113.7')).toEqual(new Set(pods));
    }
    expect(reached(pods[0]!, 'http://203.0.113.9')).toEqual(new Set(pods));
    for (const from of [host, pods[1]!]) {
      expect(attempt(from, 'curl', '-s', '-m1', 'http://203.0.113.9')).toBe('');
    }
  });

  test('a service without endpoints refuses at once', async () => {
    await ask({ endpoints: [] });
    expect(attempt(host, 'curl', '-s', '--max-time', '5', 'http://10.96.5.5')).toBe('');
    expect(curlExit(host, 'http://10.96.5.5')).toBe(refused);
    expect(curlExit(pods[0]!, 'http://10.96.5.5')).toBe(refused);
    expect(curlExit(host, 'http://192.168.97.2:30080')).toBe(refused);
    await ask({ endpoints: [0] });
    expect(reached(host, 'http://10.96.5.5')).toEqual(new Set([pods[0]]));
    await ask({ endpoints: [0, 1] });
  });

  test('damage by others is repaired, their own rules stay', async () => {
    inside(host, 'iptables', '-t', 'nat', '-A', 'POSTROUTING', '-s', '1.2.3.4', '-j', 'RETURN');
    const repaired = (): boolean => attempt(host, 'curl', '-s', '-m1', 'http://10.96.5.5') !== '';
    const damage =
      mode === 'iptables' ? 'iptables -t nat -F KUBE-SERVICES' : 'nft flush table ip kube-proxy';
    // Right after it, and by one program: the repair may be quick.
    const look = '{ curl -s -m1 http://10.96.5.5 || true; }';
    expect(inside(host, 'sh', '-c', `${damage} && ${look}`)).toBe('');
    await eventually('repair', repaired);
    expect(inside(host, 'iptables-save', '-t', 'nat')).toContain('-s 1.2.3.4/32');
    if (mode === 'iptables') return;
    // The table is missed at the next change.
    inside(host, 'nft', 'delete', 'table', 'ip', 'kube-proxy');
    await ask({ endpoints: [0] });
    expect(reached(host, 'http://10.96.5.5')).toEqual(new Set([pods[0]]));
    await ask({ endpoints: [0, 1] });
  });

  test('a network policy closes one pod to others on the same bridge', async () => {
    const curl = (ip: string): string =>
      attempt(pods[0]!, 'curl', '-s', '-m1', `http://${ip}:8080`).trim();
    expect(curl(ips[1]!)).toBe(pods[1]);
    await ask({ policy: true });
    await eventually('closed', () => curl(ips[1]!) === '');
    expect(attempt(pods[1]!, 'curl', '-s', '-m1', `http://${ips[0]}:8080`).trim()).toBe(pods[0]);
  });

  test('a pod that may reach nothing does not reach it through its node', async () => {
    const from = (name: string, ...args: string[]): string =>
      attempt(name, 'curl', '-s', '-m1', ...args).trim();
    const ways = [
      ['-H', 'Host: web.test', 'http://192.168.97.2/'],
      ['-k', '--resolve', 'web.test:443:192.168.97.2', 'https://web.test/'],
      ['http://192.168.97.2:30080'],
      ['http://10.96.5.5'],
      [`http://${ips[1]!}:8080`],
      // The gateway is the node as well.
      ['-H', 'Host: web.test', 'http://10.244.7.1/'],
    ];
    const name = 'web.default.svc.cluster.local';
    const dig = (...args: string[]): string =>
      attempt(
        pods[0]!,
        'dig',
        '+time=1',
        '+tries=1',
        '+short',
        '@10.96.0.10',
        ...args,
        name,
      ).trim();
    // The policy that closed the other pod goes, and that pod is the only endpoint: a pod may always reach itself.
    await ask({ endpoints: [1] });
    await ask({ open: true });
    await eventually('open', () => from(pods[0]!, ...ways[0]!) === pods[1]);
    for (const way of ways) expect([way, from(pods[0]!, ...way)]).toEqual([way, pods[1]]);
    await ask({ egressPolicy: true });
    await eventually('closed', () => from(pods[0]!, ...ways[0]!) === '');
    for (const way of ways) expect([way, from(pods[0]!, ...way)]).toEqual([way, '']);
    // The policy allows these; and a pod always reaches itself.
    expect(dig()).toBe('10.96.5.5');
    expect(dig('+tcp')).toBe('');
    expect(from(pods[0]!, `http://${ips[0]!}:8080`)).toBe(pods[0]);
    // The node still reaches its pods, and so do its probes.
    expect(from(host, `http://${ips[0]!}:8080`)).toBe(pods[0]);
    expect(from(host, ...ways[0]!)).toBe(pods[1]);
  });

  test('another mode takes over, and leaves nothing of this one', async () => {
    const tables = (): boolean => attempt(host, 'nft', 'list', 'tables').includes('kube-proxy');
    const chains = (): boolean => inside(host, 'iptables-save').includes('KUBE-SERVICES');
    const [other] = modes.filter((one) => one !== mode && possible.includes(one));
    for (const to of [...(other === undefined ? [] : [other]), mode]) {
      await ask({ change: to });
      expect([to, chains(), tables()]).toEqual([to, to === 'iptables', to === 'nftables']);
      expect(reached(host, 'http://10.96.5.8')).toEqual(new Set(pods));
      expect(curlExit(pods[0]!, 'http://10.96.5.5')).not.toBe(0);
    }
  });

  test('cleanUp leaves nothing of ours', async () => {
    await ask({ cleanUp: true });
    const left = inside(host, 'iptables-save');
    expect(left).not.toMatch(/KUBE-(?!PIN|POUT)/);
    expect(attempt(host, 'nft', 'list', 'tables')).not.toContain('kube-proxy');
    expect(left).not.toContain('TRIREME-POLICY');
    expect(left).toContain('-s 1.2.3.4/32');
  });
});
