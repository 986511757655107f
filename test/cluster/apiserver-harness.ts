/** A real API server process on a real etcd, and kubectl against it. */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.js';
import { createClusterKeys, createMasterCertificates } from '../../src/master/cluster/pki.js';
import { defaultSettings } from '../../src/master/cluster/settings.js';
import { freePorts } from './etcd-processes.js';

const startDeadlineMs = 20_000;

/** True where both programs are installed. */
export const canRun = ['etcd', 'kubectl'].every(
  (program) => spawnSync('which', [program]).status === 0,
);

export interface ApiserverHarness {
  readonly url: string;
  readonly grpcPort: number;
  /** The API server's process. */
  readonly pid: number;
  readonly pki: string;
  /** The administrator's. */
  readonly kubeconfig: string;
  /** Runs kubectl as the administrator; `input` goes to standard input. */
  kubectl(args: readonly string[], input?: string): { code: number; out: string; err: string };
  /** Raw HTTPS with the administrator's certificate. */
  stop(): Promise<void>;
}

async function until(what: string, test: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + startDeadlineMs;
  while (performance.now() < end) {
    if (await test()) return;
    await pause(50);
  }
  throw new Error(`waited in vain for ${what}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, path: '/health' }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}

/** Starts both programs in a directory of their own. @param extra further flags of the API server, by name */
export async function startHarness(
  extra: Readonly<Record<string, string>> = {},
): Promise<ApiserverHarness> {
  const home = mkdtempSync(join(tmpdir(), 'trireme-apiserver-'));
  const pki = join(home, 'pki');
  const clock = systemClock();
  await createClusterKeys(pki, clock);
  await createMasterCertificates({
    directory: pki,
    name: 'test',
    hosts: [],
    settings: defaultSettings,
    clock,
  });
  const [client = 0, peer = 0, rest = 0, grpc = 0] = await freePorts(4);
  const etcd = startEtcd(home, client, peer);
  await until('etcd', () => answers(client));
  const server = startServer({ pki, client, rest, grpc, extra });
  const config = join(home, 'kubeconfig');
  writeFileSync(config, kubeconfig(pki, rest));
  const kubectl: ApiserverHarness['kubectl'] = (args, input = '') => {
    const env = { ...process.env, KUBECONFIG: config, HOME: home };
    const run = spawnSync('kubectl', [...args], { env, input, encoding: 'utf8', timeout: 30_000 });
    return { code: run.status ?? -1, out: run.stdout, err: run.stderr };
  };
  let last = '';
  await until('the API server', () => {
    const { out, err } = kubectl(['get', '--raw', '/readyz']);
    last = `${out}${err}`;
    return out === 'ok';
  }).catch((cause: unknown) => {
    throw new Error(`the API server (exit code ${server.exitCode}) said last: ${last}`, { cause });
  });
  return {
    url: `https://127.0.0.1:${rest}`,
    grpcPort: grpc,
    pid: server.pid ?? 0,
    pki,
    kubeconfig: config,
    kubectl,
    async stop() {
      await end(server);
      await end(etcd);
      if (existsSync(home)) rmSync(home, { recursive: true, force: true });
    },
  };
}

function startEtcd(home: string, client: number, peer: number): ChildProcess {
  const url = `http://127.0.0.1:${client}`;
  const flags = ['--data-dir', join(home, 'etcd'), '--listen-client-urls', url];
  flags.push('--advertise-client-urls', url, '--log-level', 'error');
  flags.push('--listen-peer-urls', `http://127.0.0.1:${peer}`);
  return spawn('etcd', flags, { stdio: 'ignore' });
}

function startServer(ports: {
  readonly pki: string;
  readonly client: number;
  readonly rest: number;
  readonly grpc: number;
  readonly extra: Readonly<Record<string, string>>;
}): ChildProcess {
  const { pki } = ports;
  const main = new URL('../../src/master/apiserver/cmd.js', import.meta.url).href;
  const program = `import(${JSON.stringify(main)}).then(async (m) => process.exit(await m.runApiserver(process.argv.slice(1))))`;
  const flags = {
    'etcd-servers': `http://127.0.0.1:${ports.client}`,
    'secure-port': String(ports.rest),
    'grpc-port': String(ports.grpc),
    'bind-address': '127.0.0.1',
    'client-ca-file': join(pki, 'ca.crt'),
    'tls-cert-file': join(pki, 'apiserver.crt'),
    'tls-private-key-file': join(pki, 'apiserver.key'),
    'service-account-signing-key-file': join(pki, 'sa.key'),
    'service-account-key-file': join(pki, 'sa.pub'),
    'encryption-key-file': join(pki, 'encryption.key'),
    'requestheader-client-ca-file': join(pki, 'front-proxy-ca.crt'),
    'proxy-client-cert-file': join(pki, 'front-proxy-client.crt'),
    'proxy-client-key-file': join(pki, 'front-proxy-client.key'),
    'log-level': 'error',
    ...ports.extra,
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  return spawn(process.execPath, ['-e', program, '--', ...args], { stdio: 'inherit' });
}

function kubeconfig(pki: string, port: number): string {
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority': join(pki, 'ca.crt'),
  };
  const user = {
    'client-certificate': join(pki, 'admin.crt'),
    'client-key': join(pki, 'admin.key'),
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'admin', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  child.kill('SIGTERM');
  await gone;
}
