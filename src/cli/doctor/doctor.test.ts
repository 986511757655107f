import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { clusterStatus, member } from '../testkit/cluster-status.js';
import { clusterFindings } from './cluster.js';
import { machineFacts } from './facts.js';
import type { Finding } from './finding.js';
import { renderFindings } from './finding.js';
import type { MachineFacts } from './machine.js';
import { machineFindings } from './machine.js';

const nowMs = Date.UTC(2026, 0, 1, 12);
const gibibyte = 1024 ** 3;
const well: MachineFacts = {
  roles: ['master'],
  running: false,
  ports: [{ port: 6443, reason: undefined }],
  withoutNetwork: [],
  freeBytes: 20 * gibibyte,
  freeInodes: 1e6,
  disk: '/var/lib/trireme/master',
  missingPrograms: [],
  missingFeatures: [],
  leftovers: [],
  certificates: [{ name: 'admin.crt', endsMs: Date.UTC(2026, 11, 1) }],
  unreadable: [],
  clockSynchronized: true,
};

function wrong(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ level }) => level !== 'ok')
    .map(({ level, about, text }) => `${level} ${about}: ${text}`);
}

describe('a machine', () => {
  test('on which all is well', () => {
    expect(wrong(machineFindings(well, nowMs))).toEqual([]);
  });

  test.each<[string, Partial<MachineFacts>, string]>([
    [
      'a port that is taken',
      {
        ports: [
          { port: 6443, reason: 'EADDRINUSE' },
          { port: 6444, reason: undefined },
        ],
      },
      'problem ports: not to be had: 6443 (EADDRINUSE)',
    ],
    [
      'an agent without a network',
      { roles: ['worker'], withoutNetwork: ['/var/lib/trireme/worker'] },
      'problem network: no netproxy runs for /var/lib/trireme/worker: rules stand still, no DNS, no ingress, no new pods',
    ],
    [
      'a disk that is nearly full',
      { freeBytes: gibibyte / 4 },
      'problem disk: 0.3 GiB free at /var/lib/trireme/master',
    ],
    [
      'a disk that fills',
      { freeBytes: gibibyte },
      'warning disk: 1.0 GiB free at /var/lib/trireme/master',
    ],
    [
      'no inodes',
      { freeInodes: 9 },
      'problem disk: 20.0 GiB free at /var/lib/trireme/master, 9 inodes free',
    ],
    [
      'no containerd',
      { missingPrograms: ['containerd'] },
      'warning programs: missing: containerd; a worker runs plain processes only',
    ],
    [
      'no overlay',
      { missingFeatures: ['overlay file systems'] },
      'warning kernel: missing: overlay file systems',
    ],
    [
      'a certificate that has ended',
      { certificates: [{ name: 'a.crt', endsMs: nowMs - 1 }] },
      'problem certificates: the first to end is a.crt, on 2026-01-01',
    ],
    [
      'one that ends soon',
      { certificates: [...well.certificates, { name: 'a.crt', endsMs: Date.UTC(2026, 0, 20) }] },
      'warning certificates: the first to end is a.crt, on 2026-01-20',
    ],
    [
      'one that is damaged',
      { unreadable: ['a.crt (no start line)'] },
      'problem certificates: not readable: a.crt (no start line)',
    ],
    [
      'leftovers',
      { leftovers: ['trireme-0000-m1'] },
      'warning leftovers: of a cluster whose home is not known: trireme-0000-m1',
    ],
    [
      'a clock on its own',
      { clockSynchronized: false },
      'warning clock: it follows no time server',
    ],
  ])('with %s, which is said with what mends it', (_name, facts, line) => {
    const findings = machineFindings({ ...well, ...facts }, nowMs);
    expect(wrong(findings)).toEqual([line]);
    expect(findings.find(({ level }) => level !== 'ok')?.mend).not.toBe('');
  });

  test('whose ports are its own master’s', () => {
    const ports = [{ port: 6443, reason: 'EADDRINUSE' }];
    expect(wrong(machineFindings({ ...well, ports, running: true }, nowMs))).toEqual([]);
  });

  test('is looked at', async () => {
    const facts = await machineFacts({ dataDirs: ['/no/such/directory'], record: undefined });
    expect(facts).toMatchObject({ roles: [], disk: '/', certificates: [] });
    expect(facts.freeBytes).toBeGreaterThan(0);
    expect(facts.ports.map(({ port }) => port)).toEqual([
      6443, 6444, 2379, 2380, 10_257, 10_259, 10_250,
    ]);
  });
});

describe('a machine that is damaged is looked at to the end', () => {
  let base = '';
  const look = (): ReturnType<typeof machineFacts> =>
    machineFacts({ dataDirs: [base], record: undefined });

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'trireme-doctor-'));
  });
  afterEach(() => rmSync(base, { recursive: true }));

  test('a certificate that a full disk has left empty', async () => {
    const path = join(base, 'pki', 'ca.crt');
    mkdirSync(join(base, 'pki'));
    writeFileSync(path, '');
    const facts = await look();
    expect(facts).toMatchObject({ roles: ['master'], disk: base, certificates: [] });
    expect(facts.unreadable).toEqual([expect.stringContaining(path)]);
    expect(wrong(machineFindings({ ...well, ...facts }, nowMs))).toContainEqual(
      expect.stringContaining(`problem certificates: not readable: ${path} (`),
    );
  });

  test('credentials that are cut off, or are no file', async () => {
    writeFileSync(join(base, 'credentials.json'), '{"nodeName":');
    expect((await look()).unreadable).toEqual([expect.stringContaining(base)]);
    rmSync(join(base, 'credentials.json'));
    mkdirSync(join(base, 'credentials.json'));
    expect((await look()).unreadable).toEqual([expect.stringContaining('EISDIR')]);
  });

  test('an agent that runs alone', async () => {
    const ofNetwork = join(base, 'netproxy');
    writeFileSync(join(base, 'credentials.json'), '{}');
    expect((await look()).withoutNetwork).toEqual([]);
    const agent = lockDirectory(base);
    expect((await look()).withoutNetwork).toEqual([base]);
    const netproxy = lockDirectory(ofNetwork);
    expect((await look()).withoutNetwork).toEqual([]);
    netproxy.release();
    expect((await look()).withoutNetwork).toEqual([base]);
    agent.release();
  });

  test('an agent of a build that serves the network in its agents', async () => {
    const root = join(base, 'build');
    const dataDir = join(base, 'worker');
    const program = join(root, 'bin', 'trireme');
    mkdirSync(join(root, 'bin'), { recursive: true });
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'credentials.json'), '{}');
    const lock = pathToFileURL(resolve('dist/src/lib/files/directory-lock.js')).href;
    const held = (flags: string): string =>
      `if (process.argv[2] === '--version') console.log('trireme 0.0.1');
      else if (process.argv[3] === '--help') console.log(' --node-name <name>${flags}');
      else import('${lock}').then(({ lockDirectory }) => {
        lockDirectory('${dataDir}');
        console.log('held');
        process.stdin.resume();
      });`;
    for (const [flags, found] of [
      ['', []],
      ['\\n --proxy-in-process', [dataDir]],
    ] as const) {
      writeFileSync(program, held(flags));
      const agent = spawn(process.execPath, [program, 'worker', `--data-dir=${dataDir}`], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const over = once(agent, 'exit');
      try {
        await once(agent.stdout, 'data');
        const { withoutNetwork } = await machineFacts({ dataDirs: [dataDir], record: undefined });
        expect(withoutNetwork).toEqual(found);
      } finally {
        agent.kill('SIGKILL');
        await over;
      }
    }
  });

  test('a port that is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.once('error', () => resolve());
      server.listen(10_250, '0.0.0.0', resolve);
    });
    try {
      const { ports } = await look();
      expect(ports).toContainEqual({ port: 10_250, reason: 'EADDRINUSE' });
    } finally {
      server.close();
    }
  });
});

describe('a cluster', () => {
  const three = [member(1, { leader: true }), member(2), member(3)];
  const build = '0.1.0+g1a2b3c4d5e';
  const nodes = [
    {
      name: 'node-1',
      ready: true,
      address: '',
      message: '',
      build,
      certificatesEnd: '',
      netproxy: { state: 'running', mode: 'iptables', build },
    },
  ];
  const status = clusterStatus({ members: three, nodes });

  test('in which all is well', () => {
    expect(wrong(clusterFindings(status, nowMs))).toEqual([]);
  });

  test.each<[string, Parameters<typeof clusterStatus>[0], number, string[]]>([
    [
      'a master that is down',
      { members: [...three.slice(0, 2), member(3, { reachable: false })] },
      0,
      ['warning quorum: 2 of 3 masters that vote answer'],
    ],
    [
      'a lost quorum',
      { members: [three[0]!, ...[2, 3].map((n) => member(n, { reachable: false }))] },
      0,
      ['problem quorum: 1 of 3 masters that vote answer'],
    ],
    [
      'nobody who leads',
      { members: [1, 2, 3].map((n) => member(n)) },
      0,
      ['problem quorum: 3 of 3 masters that vote answer, and none leads'],
    ],
    [
      'two masters',
      { members: three.slice(0, 2) },
      0,
      ['warning quorum: 2 of 2 masters that vote answer; an even number bears no more failures'],
    ],
    [
      'a full disk',
      { members: [...three.slice(0, 2), member(3, { error: 'no space' })] },
      0,
      ['problem store: master-3: no space'],
    ],
    [
      'an upgrade that is not finished',
      { members: [...three.slice(0, 2), member(3, { build: '0.2.0' })] },
      0,
      [`warning builds: ${build} on master-1, master-2, node-1; 0.2.0 on master-3`],
    ],
    [
      'a certificate that was not renewed',
      { members: [...three.slice(0, 2), member(3, { certificatesEnd: '2026-01-20T00:00:00Z' })] },
      0,
      ['problem certificates: they end: master-3: 2026-01-20T00:00:00Z'],
    ],
    [
      'a clock that is an hour ahead',
      {},
      3_600_000,
      ['problem clocks: this machine is 3599.8 s ahead of master-1'],
    ],
    [
      'a clock that is behind',
      {},
      -5000,
      ['problem clocks: this machine is 5.3 s behind master-1'],
    ],
    [
      'a node whose certificates end soon',
      { nodes: [{ ...nodes[0]!, certificatesEnd: '2026-01-20T00:00:00Z' }] },
      0,
      ['problem certificates: they end: node-1: 2026-01-20T00:00:00Z'],
    ],
    [
      'a node that is not ready',
      { nodes: [{ ...nodes[0]!, ready: false, message: 'no network' }] },
      0,
      ['problem nodes: not ready: node-1 (no network)'],
    ],
    [
      'netproxies that lag or do not answer',
      {
        nodes: ['lagging', 'silent', 'starting', 'unknown', 'running'].map((state, n) => ({
          ...nodes[0]!,
          name: `node-${n}`,
          netproxy: { state, mode: 'iptables', build },
        })),
      },
      0,
      ['problem netproxy: lagging on node-0, silent on node-1'],
    ],
    [
      'a netproxy of another build than its agent',
      { nodes: [{ ...nodes[0]!, netproxy: { ...nodes[0]!.netproxy, build: '0.2.0' } }] },
      0,
      [
        `warning builds: ${build} on master-1, master-2, master-3, node-1; 0.2.0 on node-1 (netproxy)`,
      ],
    ],
  ])('with %s', (_name, fields, offMs, lines) => {
    const findings = clusterFindings({ ...status, ...fields }, nowMs + offMs);
    expect(wrong(findings)).toEqual(lines);
    for (const { level, mend } of findings) expect(mend === '').toBe(level === 'ok');
  });
});

test('what is wrong stands last, with what mends it', () => {
  const text = renderFindings([
    { level: 'problem', about: 'disk', text: 'full', mend: 'make room' },
    { level: 'ok', about: 'quorum', text: 'there', mend: '' },
  ]);
  expect(text).toBe(
    'ok       quorum  there\nPROBLEM  disk    full\n                 to mend it: make room\n1 ok, 0 warnings, 1 problems\n',
  );
});
