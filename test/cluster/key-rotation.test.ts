/** `trireme cert rotate`: every key of a cluster is exchanged while clients write and read, and none is refused. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { run } from '../e2e/lib.js';
import { hasProgram } from './etcd-processes.js';

const possible = hasProgram('kubectl') && hasProgram('etcdctl');

let directory = '';
let home = '';

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

interface Credentials {
  readonly server: string;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

function credentials(): Credentials {
  const config = parse(readFileSync(join(home, 'kubeconfig'), 'utf8')) as Kubeconfig;
  const [{ cluster } = { cluster: {} }] = config.clusters;
  const [{ user } = { user: {} }] = config.users;
  const decode = (text = ''): Buffer => Buffer.from(text, 'base64');
  return {
    server: cluster['server'] ?? '',
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  };
}

/** One request on a connection of its own. @returns the status, or the error */
function ask(path: string, body?: unknown): Promise<string> {
  const { server, ...tls } = credentials();
  return new Promise((resolve) => {
    const outgoing = request(
      `${server}${path}`,
      {
        ...tls,
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json' },
        agent: false,
        timeout: 10_000,
      },
      (incoming) => {
        incoming.resume();
        incoming.on('end', () => resolve(String(incoming.statusCode)));
        incoming.on('error', (error) => resolve(String(error)));
      },
    );
    outgoing.on('error', (error) => resolve(String(error)));
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Clients that write a Secret and read it, again and again, each time on new connections. */
class Load {
  readonly wrong: string[] = [];
  done = 0;
  #stopped = false;
  readonly #running: Promise<void>;

  constructor() {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const path = '/api/v1/namespaces/default/secrets';
    while (!this.#stopped) {
      const name = `load-${this.done}`;
      const written = await ask(path, { metadata: { name }, stringData: { a: name } });
      if (written !== '201') this.wrong.push(`write ${name}: ${written}`);
      const read = await ask(`${path}/${name}`);
      if (read !== '200') this.wrong.push(`read ${name}: ${read}`);
      this.done += 1;
    }
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#running;
  }
}

const patienceMs = 300_000;
const start = (...words: string[]) =>
  run(process.execPath, ['bin/trireme', ...words], { timeoutMs: patienceMs });
const trireme = (...words: string[]) => start(...words, '--kubeconfig', join(home, 'kubeconfig'));
const ofHome = (...words: string[]) => start(...words, '--home', home);

async function kubectl(...words: string[]): Promise<string> {
  const config = `--kubeconfig=${join(home, 'kubeconfig')}`;
  const { code, stdout, stderr } = await run('kubectl', [config, ...words]);
  if (code !== 0) throw new Error(`kubectl ${words.join(' ')}: ${stderr}`);
  return stdout;
}

async function storedSecrets(): Promise<string[]> {
  const lines = `. ${join(home, 'etcd.env')}; etcdctl get --prefix /registry/secrets/ --print-value-only`;
  const { stdout } = await run('bash', ['-c', lines]);
  return [...stdout.matchAll(/k8s:enc:aesgcm:v1:([\w-]+):/g)].map(([, name = '']) => name);
}

(possible ? describe : describe.skip)('the keys of a cluster', () => {
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'trireme-rotate-'));
    home = join(directory, 'home');
  });

  afterAll(async () => {
    await ofHome('down', '--purge');
    rmSync(directory, { recursive: true, force: true });
  });

  test('are exchanged under load, and nobody is refused', async () => {
    const hosts = ['--runtime', 'hollow', '--masters', '3', '--workers', '1', '--no-example'];
    expect(await ofHome('up', ...hosts)).toMatchObject({ code: 0 });
    await kubectl('create', 'secret', 'generic', 'hidden', '--from-literal=a=kept');
    const token = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/service-account-token',
      metadata: {
        name: 'legacy',
        annotations: { 'kubernetes.io/service-account.name': 'default' },
      },
    };
    writeFileSync(join(directory, 'token.json'), JSON.stringify(token));
    await kubectl('apply', '-f', join(directory, 'token.json'));
    const tokenOf = () => kubectl('get', 'secret', 'legacy', '-o', 'jsonpath={.data.token}');
    const oldToken = await tokenOf();
    const old = credentials();
    writeFileSync(join(directory, 'old'), readFileSync(join(home, 'kubeconfig')));

    const load = new Load();
    const rotated = await trireme('cert', 'rotate', '--token-life=0s');
    await load.stop();
    expect(rotated).toMatchObject({ code: 0 });
    for (const step of ['trust', 'use', 'drop']) expect(rotated.stdout).toContain(`${step} (ca, `);
    expect(rotated.stdout).toMatch(
      /done: ca, etcd-ca, front-proxy-ca, service-account, encryption\n$/,
    );
    expect({ wrong: load.wrong, enough: load.done > 50 }).toEqual({ wrong: [], enough: true });

    const young = credentials();
    const issuer = new X509Certificate(young.ca).subject;
    expect(issuer).toMatch(/^CN=trireme-ca-/);
    expect(new X509Certificate(young.cert).issuer).toBe(issuer);
    expect(young.ca.equals(old.ca)).toBe(false);
    // Servers behind the API believe the new authorities of all three masters, and no old one.
    const trust = 'jsonpath={.data.requestheader-client-ca-file}';
    const inSystem = ['-n', 'kube-system', 'get', 'configmap'];
    const map = await kubectl(...inSystem, 'extension-apiserver-authentication', '-o', trust);
    const proxies = map.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? [];
    expect(proxies.map((pem) => new X509Certificate(pem).subject).toSorted()).toEqual(
      [1, 2, 3].map((n) =>
        expect.stringMatching(`^CN=trireme-front-proxy-ca-master-${n}-[0-9a-z]+$`),
      ),
    );
    const before = await run('kubectl', [`--kubeconfig=${join(directory, 'old')}`, 'get', 'nodes']);
    expect(before.code).not.toBe(0);
    const secret = await kubectl('get', 'secret', 'hidden', '-o', 'jsonpath={.data.a}');
    expect(Buffer.from(secret, 'base64').toString()).toBe('kept');
    const names = new Set(await storedSecrets());
    expect([...names]).toEqual([expect.stringMatching(/^key-/)]);
    expect(await tokenOf()).not.toBe(oldToken);
    const field = 'jsonpath={.data.ca\\.crt}';
    const published = await kubectl('get', 'configmap', 'kube-root-ca.crt', '-o', field);
    expect(new X509Certificate(published).subject).toBe(issuer);
    expect(await kubectl('get', 'nodes')).toMatch(/worker-1 +Ready/);

    // What lies on the disks is whole, too.
    expect(await ofHome('down')).toMatchObject({ code: 0 });
    expect(await ofHome('up', ...hosts)).toMatchObject({ code: 0 });
    expect(await kubectl('get', 'secret', 'hidden', '-o', 'name')).toBe('secret/hidden\n');
  }, 400_000);
});
