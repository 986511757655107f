/** `cert rotate` against masters and nodes that follow, killed at each request, and run again. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { parse } from 'yaml';
import { nodeAnnotations } from '../../api/facts/node-authorities.js';
import type { Secret } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock } from '../../lib/clock.js';
import { pemBlocks } from '../../lib/pki/bundle.js';
import type { KeyPair } from '../../lib/pki/certificates.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import { publicKeyHash } from '../../lib/pki/public-key-hash.js';
import { readRotation, rotationSecret } from '../../master/cluster/rotation-keys.js';
import { stepMark } from '../../master/cluster/rotation.js';
import { CommandLineError } from '../command/command-line-error.js';
import { runCommand } from '../command/run-command.js';
import type { Connection } from '../connection.js';
import { processContext } from '../context.js';
import { formatKubeconfig } from '../kubeconfig.js';
import { rotateCommand } from './rotate.js';

const startMs = Date.UTC(2026, 0, 1);
let old: KeyPair;
let admin: KeyPair;
let home = '';

beforeAll(async () => {
  const clock = new ManualClock(startMs);
  old = await createCertificateAuthority({ commonName: 'old', clock });
  const subject = { commonName: 'admin', organizations: ['system:masters'] };
  admin = await issueCertificate({ ca: old, subject: { ...subject, usages: ['client'] }, clock });
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'trireme-rotate-'));
});
afterEach(() => rmSync(home, { recursive: true }));

/** A cluster of two masters and two nodes that follow as soon as somebody connects, unless they are told not to. */
class RotatingCluster {
  readonly api = new FakeApi();
  readonly clock = new ManualClock(startMs);
  readonly path = join(home, 'kubeconfig');
  /** Masters and nodes that do not follow. */
  readonly silent = new Set<string>();
  /** The write after which the command ends as if it were killed. */
  killAt = Number.POSITIVE_INFINITY;
  text = '';
  #writes = 0;

  static async create(): Promise<RotatingCluster> {
    const cluster = new RotatingCluster();
    const { api } = cluster;
    const contexts = [{ name: 'a', server: 'https://a:1', grpc: ['a:2'] }];
    const config = formatKubeconfig({ contexts, user: 'admin', ca: old.cert, ...admin });
    writeFileSync(cluster.path, config, { mode: 0o600 });
    for (const name of ['m1', 'm2']) {
      await api.create(resources.leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace: 'kube-system', labels: { 'trireme.dev/master': 'true' } },
        spec: { holderIdentity: name },
      } as never);
    }
    for (const name of ['n1', 'n2']) {
      const metadata = { name };
      const conditions = [{ type: 'Ready', status: 'True' }];
      const node = { apiVersion: 'v1', kind: 'Node', metadata, status: { conditions } };
      await api.create(resources.nodes, node as never);
    }
    const data = { token: 'b2xk', other: 'eA==' };
    for (const [name, type] of [
      ['plain', 'Opaque'],
      ['token', 'kubernetes.io/service-account-token'],
    ]) {
      const metadata = { name, namespace: 'default' };
      await api.create(resources.secrets, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata,
        type,
        data,
      } as never);
    }
    return cluster;
  }

  /** Runs the command until it ends. @returns its exit code */
  async run(...words: string[]): Promise<number> {
    const argv = [`--kubeconfig=${this.path}`, ...words];
    const context = {
      ...processContext,
      clock: this.clock,
      out: (data: string | Uint8Array) => void (this.text += String(data)),
      err: (data: string | Uint8Array) => void (this.text += String(data)),
      connect: () => this.#connect(),
    };
    const over = new AbortController();
    const ended = runCommand(rotateCommand, argv, context).finally(() => over.abort());
    while (!over.signal.aborted) {
      await tick();
      if (this.clock.pending > 0) this.clock.advance(1000);
    }
    return ended;
  }

  async #connect(): Promise<Connection> {
    await this.#follow();
    const { cluster } = (parse(readFileSync(this.path, 'utf8')) as ReadConfig).clusters[0] ?? {};
    return {
      api: this.#killable(),
      servers: ['a:2'],
      authority: Buffer.from(cluster?.['certificate-authority-data'] ?? '', 'base64'),
      namespace: 'default',
      call: () => Promise.resolve({ members: [{ name: 'm1' }, { name: 'm2' }] } as never),
      channel: () => {
        throw new Error('no channel here');
      },
      channels: () => [],
      failed: () => undefined,
      close: () => undefined,
    };
  }

  /** The same API; a write may be the last thing that the command does. */
  #killable(): FakeApi {
    const die = <T>(answer: Promise<T>): Promise<T> =>
      answer.then((value) => {
        this.#writes += 1;
        if (this.#writes === this.killAt) throw new CommandLineError('killed', { plain: true });
        return value;
      });
    return new Proxy(this.api, {
      get: (api, name) => {
        const value: unknown = Reflect.get(api, name, api);
        if (typeof value !== 'function') return value;
        const call = value.bind(api) as (...args: unknown[]) => Promise<unknown>;
        const isWrite = ['create', 'update', 'patch', 'delete'].includes(String(name));
        return isWrite ? (...args: unknown[]) => die(call(...args)) : call;
      },
    });
  }

  async #follow(): Promise<void> {
    const stored = await readRotation(this.api);
    if (stored === undefined) return;
    const { rotation } = stored;
    const type = 'application/merge-patch+json';
    for (const name of ['m1', 'm2']) {
      if (this.silent.has(name)) continue;
      const annotations = { 'trireme.dev/rotation': stepMark(rotation) };
      const key = { namespace: 'kube-system', name };
      await this.api.patch(resources.leases, key, type, { metadata: { annotations } });
    }
    const young = publicKeyHash(rotation.keys['ca.crt'] ?? old.cert);
    for (const name of ['n1', 'n2']) {
      if (this.silent.has(name)) continue;
      const annotations = {
        [nodeAnnotations.believes]: `${publicKeyHash(old.cert)},${young}`,
        [nodeAnnotations.signedBy]: rotation.step === 'trust' ? publicKeyHash(old.cert) : young,
      };
      await this.api.patch(resources.nodes, { name }, type, { metadata: { annotations } });
    }
  }

  get writes(): number {
    return this.#writes;
  }
}

interface ReadConfig {
  readonly clusters: readonly { readonly cluster?: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

/** What a kubeconfig believes and shows. */
function trustOf(path: string): { readonly believes: string[]; readonly shows: string } {
  const { clusters, users } = parse(readFileSync(path, 'utf8')) as ReadConfig;
  const decode = (text = ''): string => Buffer.from(text, 'base64').toString();
  const short = (subject: string): string => subject.replace(/-\w+$/, '-<id>');
  return {
    believes: pemBlocks(decode(clusters[0]?.cluster?.['certificate-authority-data'])).map((pem) =>
      short(new X509Certificate(pem).subject),
    ),
    shows: short(new X509Certificate(decode(users[0]?.user['client-certificate-data'])).issuer),
  };
}

const exchanged = { believes: ['CN=trireme-ca-<id>'], shows: 'CN=trireme-ca-<id>' };
const untouched = { believes: ['CN=old'], shows: 'CN=old' };

async function tokenOf(cluster: RotatingCluster): Promise<string | undefined> {
  const key = { namespace: 'default', name: 'token' };
  return (await cluster.api.get<Secret>(resources.secrets, key)).data?.['token'];
}

test('it goes through its steps, says them, and leaves nothing behind', async () => {
  const cluster = await RotatingCluster.create();
  expect(await cluster.run('--token-life=0s')).toBe(0);
  const said = cluster.text.split('\n').filter((line) => !line.startsWith('waiting'));
  expect(said).toEqual([
    'trust (ca, etcd-ca, front-proxy-ca, service-account, encryption): what is new is believed everywhere beside what is old',
    'use (ca, etcd-ca, front-proxy-ca, service-account, encryption): what is new signs and encrypts; certificates are made anew',
    '1 Secrets are written again, 1 tokens signed anew',
    'drop (ca, etcd-ca, front-proxy-ca, service-account, encryption): what is old is believed no more',
    'done: ca, etcd-ca, front-proxy-ca, service-account, encryption',
    '',
  ]);
  expect(await readRotation(cluster.api)).toBeUndefined();
  expect(trustOf(cluster.path)).toEqual(exchanged);
  expect(await tokenOf(cluster)).toBeUndefined();
});

test('killed after each of its writes, and run again, it comes to the same end', async () => {
  const whole = await RotatingCluster.create();
  await whole.run('--token-life=0s');
  expect(whole.writes).toBeGreaterThan(5);
  for (let killAt = 1; killAt <= whole.writes; killAt++) {
    const cluster = await RotatingCluster.create();
    cluster.killAt = killAt;
    expect(await cluster.run('--token-life=0s')).toBe(1);
    expect(cluster.text).toContain('error: killed');
    const isLast = killAt === whole.writes;
    expect((await readRotation(cluster.api)) === undefined).toBe(isLast);
    // The last write ends it: what is run then is the next rotation.
    if (!isLast) expect(await cluster.run('--token-life=0s')).toBe(0);
    expect(await readRotation(cluster.api)).toBeUndefined();
    expect(trustOf(cluster.path)).toEqual(exchanged);
    expect(await tokenOf(cluster)).toBeUndefined();
  }
}, 60_000);

describe('the keys', () => {
  test('are never printed, and stand in files that only their owner reads', async () => {
    const cluster = await RotatingCluster.create();
    expect(await cluster.run('--until=use', '--token-life=0s')).toBe(0);
    const keys: Readonly<Record<string, string>> =
      (await readRotation(cluster.api))?.rotation.keys ?? {};
    expect(Object.keys(keys).sort()).toEqual([
      'ca.crt',
      'ca.key',
      'encryption.key',
      'etcd-ca.crt',
      'etcd-ca.key',
      'sa.key',
      'sa.pub',
    ]);
    for (const [name, key] of Object.entries(keys)) {
      if (name.endsWith('.crt') || name.endsWith('.pub')) continue;
      for (const line of key.trim().split('\n')) expect(cluster.text).not.toContain(line);
      expect(cluster.text).not.toContain(Buffer.from(key).toString('base64'));
    }
    expect(statSync(cluster.path).mode & 0o777).toBe(0o600);
  });

  test('stay private though the kubeconfig was open before', async () => {
    const cluster = await RotatingCluster.create();
    writeFileSync(cluster.path, readFileSync(cluster.path, 'utf8'), { mode: 0o644 });
    expect(await cluster.run('--only=ca')).toBe(0);
    expect(statSync(cluster.path).mode & 0o777).toBe(0o600);
  });
});

describe('who does not follow', () => {
  test.each([
    ['m2', 'the master m2'],
    ['n1', 'the node n1'],
  ])('%s holds it up until the time is over; later it goes on', async (name, words) => {
    const cluster = await RotatingCluster.create();
    cluster.silent.add(name);
    expect(await cluster.run('--only=ca', '--timeout=5s')).toBe(1);
    expect(cluster.text).toContain(`waiting for ${words}\n`);
    expect(cluster.text).toContain(`error: not within 5s: ${words}. Mend it`);
    expect((await readRotation(cluster.api))?.rotation.step).toBe('trust');
    cluster.silent.clear();
    expect(await cluster.run()).toBe(0);
    expect(trustOf(cluster.path)).toEqual(exchanged);
  });

  test('a node may be left behind', async () => {
    const cluster = await RotatingCluster.create();
    cluster.silent.add('n1');
    expect(await cluster.run('--only=ca', '--without=n1')).toBe(0);
  });
});

describe('a rotation in parts', () => {
  test('ends when a step is followed, and goes on', async () => {
    const cluster = await RotatingCluster.create();
    expect(await cluster.run('--only=ca', '--until=trust')).toBe(0);
    expect(cluster.text).toContain('run the same command without --until to go on\n');
    expect(trustOf(cluster.path)).toEqual({
      believes: ['CN=old', 'CN=trireme-ca-<id>'],
      shows: 'CN=old',
    });
    expect(await cluster.run('--only=ca')).toBe(0);
    expect(trustOf(cluster.path)).toEqual(exchanged);
  });

  test('waits for the time of tokens, and drops their key afterwards', async () => {
    const cluster = await RotatingCluster.create();
    expect(await cluster.run('--only=service-account', '--token-life=1h')).toBe(0);
    expect(cluster.text).toMatch(
      /tokens that the old key has signed may live until 2026-01-01T01:00/,
    );
    expect((await readRotation(cluster.api))?.rotation.step).toBe('use');
    cluster.clock.advance(3_600_000);
    expect(await cluster.run('--only=service-account', '--token-life=1h')).toBe(0);
    expect(await readRotation(cluster.api)).toBeUndefined();
  });

  test('is not taken for another: other keys are refused while it is under way', async () => {
    const cluster = await RotatingCluster.create();
    await cluster.run('--only=ca', '--until=trust');
    cluster.text = '';
    expect(await cluster.run('--only=encryption')).toBe(1);
    expect(cluster.text).toBe(
      'error: a rotation of ca is under way: run it to its end by --only=ca, or take it back by --abort\n',
    );
  });

  test.each([
    ['trust', 0, undefined, 'taken back: the new keys are believed until the next rotation'],
    ['use', 1, 'use', 'error: the new keys are used already: run the rotation to its end'],
  ])('is taken back only before its keys are used: %s', async (until, code, left, words) => {
    const cluster = await RotatingCluster.create();
    await cluster.run('--only=encryption', `--until=${until}`);
    expect(await cluster.run('--abort')).toBe(code);
    expect(cluster.text).toContain(words);
    expect((await readRotation(cluster.api))?.rotation.step).toBe(left);
  });

  test('is not taken back where there is none', async () => {
    const cluster = await RotatingCluster.create();
    expect(await cluster.run('--abort')).toBe(1);
    expect(cluster.text).toBe('error: no rotation is under way\n');
  });
});

describe('bad words', () => {
  test.each([
    [
      ['--only=cat'],
      '--only takes ca, etcd-ca, front-proxy-ca, service-account, encryption, not "cat"',
    ],
    [['--timeout=soon'], '--timeout: "soon" is no duration'],
    [['--token-life=x'], '--token-life: "x" is no duration'],
    [['more'], 'unexpected argument "more"'],
  ])('%j', async (words, message) => {
    const cluster = await RotatingCluster.create();
    expect(await cluster.run(...words)).toBe(1);
    expect(cluster.text).toContain(message);
    const kept = await cluster.api.list(resources.secrets, { namespace: rotationSecret.namespace });
    expect(kept.items).toEqual([]);
    expect(trustOf(cluster.path)).toEqual(untouched);
  });
});

test.each(['certificate-authority', 'client-certificate'])(
  'a kubeconfig that names %s in another file would be shut out: nothing begins',
  async (field) => {
    const cluster = await RotatingCluster.create();
    const text = readFileSync(cluster.path, 'utf8');
    writeFileSync(cluster.path, text.replace(new RegExp(`${field}-data: .*`), `${field}: x.crt`));
    expect(await cluster.run('--only=ca')).toBe(1);
    expect(cluster.text).toContain(`names a file by ${field}, which the rotation does not write`);
    expect(await readRotation(cluster.api)).toBeUndefined();
    // Other keys have nothing to do with it.
    cluster.text = '';
    expect(await cluster.run('--only=encryption')).toBe(0);
  },
);
