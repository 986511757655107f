/** A worker whose start fails ends, with its reason and a code; told to end, it does so in any state of its start. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import * as net from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import type { Credentials } from '../../src/worker/join/credentials.js';
import { writeCredentials } from '../../src/worker/join/credentials.js';

const clock = systemClock();
let dir = '';
let credentials: Credentials;
/** A master that takes connections and never answers. */
let silent: net.Server;
const held = new Set<net.Socket>();

beforeAll(async () => {
  dir = await mkdtemp('/tmp/trireme-start-');
  silent = net.createServer((socket) => {
    held.add(socket);
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    silent.listen(0, '127.0.0.1', resolve);
  });
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const subject = {
    commonName: 'system:node:n1',
    organizations: ['system:nodes'],
    hosts: ['127.0.0.1'],
  };
  const client = await issueCertificate({ ca, subject: { ...subject, usages: ['client'] }, clock });
  const server = await issueCertificate({ ca, subject: { ...subject, usages: ['server'] }, clock });
  credentials = {
    nodeName: 'n1',
    ca: ca.cert,
    certificate: client.cert,
    key: client.key,
    servingCertificate: server.cert,
    servingKey: server.key,
    masters: [`127.0.0.1:${(silent.address() as AddressInfo).port}`],
    clusterCidr: '10.88.0.0/16',
    serviceCidr: '10.96.0.0/16',
    clusterDns: '10.96.0.10',
    clusterDomain: 'cluster.local',
  };
});

afterAll(async () => {
  for (const socket of held) socket.destroy();
  silent.close();
  await rm(dir, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

class Worker {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stderr = '';

  constructor(dataDir: string, flags: readonly string[], path = process.env['PATH']) {
    const common = ['--node-name', 'n1', '--node-ip', '127.0.0.1', '--netproxy-mode', 'none'];
    const ports = ['--ingress-http-port', '0', '--dns-port', '0'];
    const args = ['worker', '--data-dir', dataDir, ...common, ...ports, ...flags];
    const main = `const { run } = await import('${process.cwd()}/dist/src/cli/main.js');
      process.exitCode = await run(process.argv.slice(1));`;
    this.#child = spawn(process.execPath, ['--input-type=module', '-e', main, '--', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', PATH: path },
    });
    this.#child.stderr?.on('data', (data: Buffer) => {
      this.#stderr += data.toString();
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => resolve({ code, signal, stderr: this.#stderr }));
    });
  }

  /** Resolves when it has said this. */
  async says(text: string): Promise<void> {
    while (!this.#stderr.includes(text)) {
      await new Promise<void>((resolve, reject) => {
        this.#child.stderr?.once('data', () => resolve());
        this.#child.once('close', () => reject(new Error(this.#stderr)));
      });
    }
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }
}

async function dataDirOf(name: string, changed: Partial<Credentials> = {}): Promise<string> {
  const dataDir = join(dir, name);
  await writeCredentials(dataDir, { ...credentials, ...changed });
  return dataDir;
}

describe('a start that fails', () => {
  test('the port of the agent is taken', async () => {
    const { port } = silent.address() as AddressInfo;
    const flags = ['--runtime', 'process', '--agent-port', String(port)];
    const { code, stderr } = await new Worker(await dataDirOf('port'), flags).ended;
    expect(stderr).toContain(
      `trireme worker: listen EADDRINUSE: address already in use 0.0.0.0:${port}`,
    );
    expect(code).toBe(1);
  });

  test('a certificate that is none', async () => {
    const dataDir = await dataDirOf('certificate', { servingCertificate: 'rubbish' });
    const flags = ['--runtime', 'process', '--agent-port', '0'];
    const { code, stderr } = await new Worker(dataDir, flags).ended;
    expect(stderr).toMatch(/trireme worker: .*PEM/);
    expect(code).toBe(1);
  });

  test('containerd is missing', async () => {
    const flags = ['--runtime', 'containerd', '--containerd-managed', '--agent-port', '0'];
    const { code, stderr } = await new Worker(await dataDirOf('missing'), flags, '/nowhere').ended;
    expect(stderr).toContain(
      'trireme worker: containerd cannot be started: spawn containerd ENOENT',
    );
    expect(code).toBe(1);
  });

  test('the way it is called', async () => {
    const { code, stderr } = await new Worker(join(dir, 'never'), ['--runtime', 'process']).ended;
    expect(stderr).toContain('this worker has not joined a cluster yet');
    expect(code).toBe(2);
  });
});

describe('told to end', () => {
  test('while no master answers', async () => {
    const flags = ['--runtime', 'process', '--agent-port', '0'];
    const worker = new Worker(await dataDirOf('silent'), flags);
    await worker.says('pods run as plain processes');
    worker.terminate();
    expect(await worker.ended).toMatchObject({ code: 0, signal: null });
  });

  test('while it joins', async () => {
    const [master = ''] = credentials.masters;
    const join = ['--join', master, '--token', 'abcdef.0123456789abcdef'];
    const hash = ['--ca-hash', `sha256:${'0'.repeat(64)}`];
    const flags = ['--runtime', 'process', '--agent-port', '0', ...join, ...hash];
    const worker = new Worker(`${dir}/joining`, flags);
    await worker.says('pods run as plain processes');
    worker.terminate();
    expect(await worker.ended).toMatchObject({ code: 0, signal: null });
  });
});
